"""The body of Python's ``with``, run inside its context manager: a generator's ``yield``, or a class's ``__exit__``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from releaseguard.coverage.flow.conditions import Tainted
from releaseguard.coverage.flow.states import NOWHERE, Ends, State
from releaseguard.coverage.languages.syntax import Assignment, Call, Class, Expr, Function, Scope, Statement, Yield
from releaseguard.coverage.languages.within import expressions_of, inside
from releaseguard.coverage.program.frames import Frame
from releaseguard.coverage.program.names import Names
from releaseguard.coverage.program.passed import EXITS


class Follower(Protocol):
    """What runs bodies, functions and expressions."""

    names: Names
    tainted: Tainted
    thrown: State

    def body(self, body: Sequence[Statement], state: State, scope: Scope, frame: Frame) -> Ends:
        """Run statements one after the other."""

    def function(self, function: Function, frame: Frame, state: State) -> State:
        """Run a function's body."""

    def expr(self, expr: Expr, state: State, scope: Scope, frame: Frame) -> State:
        """Evaluate an expression."""


@dataclass
class _Body:
    """What waits for the ``yield`` of a context manager."""

    contexts: Sequence[Expr]
    body: Sequence[Statement]
    scope: Scope
    frame: Frame
    ends: Ends = field(default_factory=Ends)


@dataclass
class WithBodies:
    """The bodies that wait, the innermost one last."""

    _waiting: list[_Body] = field(default_factory=list)

    def run(
        self,
        walk: Follower,
        contexts: Sequence[Expr],
        body: Sequence[Statement],
        state: State,
        scope: Scope,
        frame: Frame,
    ) -> Ends:
        """Run a body inside its contexts."""
        if not contexts:
            return walk.body(body, state, scope, frame)
        first = contexts[0]
        state = walk.expr(first, state, scope, frame)
        made = _made(first)
        inner = _Body(contexts[1:], body, scope, frame)
        if made is not None and (leaving := self._leaving(walk, made, scope, frame)) is not None:
            return self._until_exit(walk, leaving, inner, state)
        if (
            made is not None
            and (found := walk.names.function(made.callee, scope, frame)) is not None
            and _yields(found[0])
        ):
            return self._in_generator(walk, found[0], Frame(found[0], found[1]), inner, state)
        return self.run(walk, contexts[1:], body, state, scope, frame)

    def resume(self, walk: Follower, state: State) -> State:
        """Run the body that waits, where its context manager yields."""
        if not self._waiting:
            return state
        one = self._waiting.pop()
        try:
            one.ends = self.run(walk, one.contexts, one.body, state, one.scope, one.frame)
        finally:
            self._waiting.append(one)
        return one.ends.normal | one.ends.returned

    def _in_generator(self, walk: Follower, function: Function, around: Frame, inner: _Body, state: State) -> Ends:
        self._waiting.append(inner)
        try:
            after = walk.function(function, around, state)
        finally:
            self._waiting.pop()
        ends = inner.ends
        return Ends(after, after if ends.returned else NOWHERE, ends.broken, ends.continued)

    def _leaving(self, walk: Follower, made: Call, scope: Scope, frame: Frame) -> Function | None:
        for value, _, _ in walk.names.meanings(made.callee, scope, frame):
            if isinstance(value, Class):
                return walk.names.method(value, EXITS)
        return None

    def _until_exit(self, walk: Follower, leaving: Function, inner: _Body, state: State) -> Ends:
        outer, walk.thrown = walk.thrown, NOWHERE
        ends = self.run(walk, inner.contexts, inner.body, state, inner.scope, inner.frame)
        names = [name for parameter in leaving.params for name in parameter.names]
        walk.tainted.names.update(names)
        walk.tainted.failures.update(names)
        walk.function(leaving, Frame(leaving), ends.normal | ends.returned | walk.thrown)
        walk.thrown |= outer
        return ends


def _made(expr: Expr) -> Call | None:
    value = expr.value if isinstance(expr, Assignment) else expr
    return value if isinstance(value, Call) else None


def _yields(function: Function) -> bool:
    return any(isinstance(part, Yield) for expr in expressions_of(function.body) for part in inside(expr))
