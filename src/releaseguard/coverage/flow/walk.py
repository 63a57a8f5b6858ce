"""What is done after a call: which logs are reached once it succeeded, and which once it failed.

The function is followed as it would run, with a set at each place (:mod:`~releaseguard.coverage.flow.states`).
Loops are followed once, so that a log which comes before the call in
the body of a loop does not count as one after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from releaseguard.coverage.flow.conditions import rarely
from releaseguard.coverage.flow.following import Following
from releaseguard.coverage.flow.managed import WithBodies
from releaseguard.coverage.flow.states import BAD, BEFORE, EXPECTED, NOWHERE, Ends, State, refined, tried_again
from releaseguard.coverage.languages.syntax import (
    Call,
    Cases,
    Do,
    Expr,
    Function,
    If,
    Inner,
    Leave,
    Loop,
    Scope,
    Statement,
    Try,
    With,
)
from releaseguard.coverage.program.frames import Frame

DEEPEST = 8
"""Functions that are followed into one another."""


@dataclass
class Walk(Following):
    """One function, followed around one call."""

    with_bodies: WithBodies = field(default_factory=WithBodies)

    def root(self, function: Function) -> None:
        """Follow ``function`` from its beginning."""
        self.function(function, Frame(function), BEFORE)

    def decorated(self, call: Call, scope: Scope) -> None:
        """Follow what a decorator makes of its function, where both are defined."""
        if scope.function is not None:
            self.expr(call, BEFORE, scope, Frame(scope.function))

    def begin(self, function: Function, state: State) -> None:
        """Follow ``function`` as if the call were made before it, and its parameters held what that brought."""
        self.tainted.names.update(name for parameter in function.params for name in parameter.names)
        self.function(function, Frame(function), state)

    def function(self, function: Function, frame: Frame, state: State) -> State:
        """Run a function's body; how the call may stand where it returns."""
        if not state or len(self._stack) >= DEEPEST:
            return state
        if id(function) in self._stack:
            return tried_again(state)
        self._stack.append(id(function))
        try:
            ends = self.body(function.body, state, function.scope, frame)
        finally:
            self._stack.pop()
        self.leave(function, ends.normal)
        return ends.normal | ends.returned

    def body(self, body: Sequence[Statement], state: State, scope: Scope, frame: Frame) -> Ends:
        """Run statements one after the other."""
        ends = Ends(state)
        for one in body:
            after = self.statement(one, ends.normal, scope, frame)
            ends = Ends(NOWHERE, ends.returned, ends.broken, ends.continued).join(after)
        return ends

    def statement(self, one: Statement, state: State, scope: Scope, frame: Frame) -> Ends:
        """Run one statement."""
        if not state:
            return Ends()
        match one:
            case Do():
                self._alone = id(one.value)
                return Ends(self.expr(one.value, state, scope, frame))
            case If():
                return self._if(one, state, scope, frame)
            case Try():
                return self._try(one, state, scope, frame)
            case Loop():
                return self._loop(one, state, scope, frame)
            case Cases():
                return self._cases(one, state, scope, frame)
            case Leave():
                return self._leave(one, state, scope, frame)
            case Inner():
                return self.body(one.body, state, scope, frame)
            case With():
                return self.with_bodies.run(self, one.contexts, one.body, state, scope, frame)
        return Ends(state)

    def _if(self, one: If, state: State, scope: Scope, frame: Frame) -> Ends:
        state, good, bad = self.tested(one.test, state, scope, frame)
        rare = rarely(one.test)
        with self.muted(rare > 0):
            then = self.body(one.then, good, scope, frame)
        with self.muted(rare < 0):
            return then.join(self.body(one.other, bad, scope, frame))

    def _try(self, one: Try, state: State, scope: Scope, frame: Frame) -> Ends:
        outer, self.thrown = self.thrown, NOWHERE
        ends = self.body(one.body, state, scope, frame)
        caught, self.thrown = self.thrown, NOWHERE
        if one.handlers:
            handled = Ends()
            for handler in one.handlers:
                if handler.name:
                    self.tainted.names.add(handler.name)
                handled = handled.join(self.body(handler.body, caught, scope, frame))
        else:
            handled, self.thrown = Ends(), caught
        after = self.body(one.other, ends.normal, scope, frame)
        ends = Ends(NOWHERE, ends.returned, ends.broken, ends.continued).join(after).join(handled)
        uncaught, self.thrown = self.thrown, outer
        return self._finally(one, ends, uncaught, scope, frame)

    def _finally(self, one: Try, ends: Ends, uncaught: State, scope: Scope, frame: Frame) -> Ends:
        if one.final:
            every = ends.normal | ends.returned | ends.broken | ends.continued | uncaught
            final = self.body(one.final, every, scope, frame)
            if not final.normal:  # it leaves by itself, and what was going on is forgotten
                return final
        self.thrown |= uncaught
        return ends

    def _loop(self, one: Loop, state: State, scope: Scope, frame: Frame) -> Ends:
        for part in one.head:
            state = self.expr(part, state, scope, frame)
        inner = self.body(one.body, NOWHERE if one.never else state, scope, frame)
        ended = inner.normal | inner.continued
        if inner.broken - BEFORE - BAD or any(self.tainted.speaks(part, False) for part in one.head):
            ended = tried_again(ended)  # a success leaves it, a failure goes round once more
        if one.endless:
            return Ends(inner.broken, inner.returned)
        normal = ended if one.at_least_once else state | ended
        after = self.body(one.other, normal, scope, frame)
        return Ends(after.normal | inner.broken, inner.returned | after.returned, after.broken, after.continued)

    def _cases(self, one: Cases, state: State, scope: Scope, frame: Frame) -> Ends:
        before = self.fired
        state = self.expr(one.subject, state, scope, frame)
        each, rest = self._chosen(one.tests, state, self.fired > before, scope)
        result, falling = Ends(NOWHERE if None in one.tests else rest), NOWHERE
        for case, chosen in zip(one.cases, each, strict=True):
            ends = self.body(case, chosen | falling, scope, frame)
            falling = ends.normal if one.falls_through else NOWHERE
            normal = ends.broken if one.falls_through else ends.normal
            broken = NOWHERE if one.falls_through else ends.broken
            result = result.join(Ends(normal, ends.returned, broken, ends.continued))
        return result.join(Ends(falling))

    def _chosen(
        self, tests: Sequence[Expr | None], state: State, fired: bool, scope: Scope
    ) -> tuple[Sequence[State], State]:
        """How the call may stand in each case, and where none of them holds, which is also where the default is."""
        signs = [None if test is None else self.tainted.sign(test, fired, scope) for test in tests]
        rest = refined(state, _sign_of_rest(signs))
        return [rest if test is None else refined(state, sign) for test, sign in zip(tests, signs, strict=True)], rest

    def _leave(self, one: Leave, state: State, scope: Scope, frame: Frame) -> Ends:
        if one.value is not None:
            state = self.expr(one.value, state, scope, frame)
        match one.how:
            case "return":
                if one.value is not None:
                    self.leave(one.value, state)
                return Ends(returned=state)
            case "break":
                return Ends(broken=state)
            case "continue":
                return Ends(continued=state)
        self.thrown |= refined(state, -1)
        return Ends()

    def resume(self, state: State) -> State:
        """Run the body that waits for the ``yield`` of its context manager."""
        return self.with_bodies.resume(self, state)


def _sign_of_rest(signs: Sequence[int | None]) -> int | None:
    """What it means that no case was chosen: failure where one of them meant success, and the other way round."""
    known = [0 if sign == EXPECTED else sign for sign in signs if sign is not None]
    if not known:
        return None
    if max(known) > 0:
        return -1
    return 0 if 0 in known else -max(known)
