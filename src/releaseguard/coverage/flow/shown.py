"""What our wrapper can see of a call by what it is handed back: whether it failed, and its answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from releaseguard.coverage.flow.conditions import BODIES, assigned
from releaseguard.coverage.flow.states import BAD, NOWHERE, State, refined
from releaseguard.coverage.languages.syntax import (
    Bound,
    Call,
    Choice,
    Comparison,
    Const,
    Destructured,
    Expr,
    Function,
    Logic,
    Member,
    Name,
    Negation,
    Record,
    Scope,
    Text,
)
from releaseguard.coverage.program.frames import returned
from releaseguard.coverage.program.names import Names

_LOOKED_AT = frozenset({"ok", "status", "statusCode", "error"})
"""What our wrapper looks at in what comes back."""
_ANSWERS = ("Response", "NextResponse")
"""What makes an answer with a status."""
_NOTHING = Const(value=None)
"""What a function hands back whose end is reached."""
_DEEPEST = 6
"""Functions and variables that are gone through one after the other."""


@dataclass(frozen=True)
class Shown:
    """By what the functions that were followed handed back, and how the call stood there."""

    names: Names
    left: Mapping[int, State]
    """How the call may stand where a value is handed back, by its ``id``; by a function's, where its end is reached."""
    requests: frozenset[int]
    """The ``id`` of each call that is the request itself."""

    def ends(self, given: Function | Expr, scope: Scope, fired: State) -> tuple[State, State]:
        """How a call that stands so at the end of what is ``given`` to our wrapper stands where it logs a success, and
        where it logs an error of what came back."""
        if fired & BAD and not self.failure(given, scope):  # caught, and kept quiet
            return fired, NOWHERE
        if "done" in fired and self.hides(given, scope):
            return fired - BAD, fired & BAD
        return refined(fired, 1), BAD if fired else NOWHERE

    def failure(self, given: Function | Expr, scope: Scope) -> bool:
        """Whether a failure that was caught shows wherever it is handed back: ``{ ok: false }``."""
        return self._everywhere(given, scope, "bad", self._tells, _DEEPEST)

    def hides(self, given: Function | Expr, scope: Scope) -> bool:
        """Whether no answer that nobody looked at shows: its body is handed back alone, a part of it, or nothing."""
        return self._everywhere(given, scope, "done", self._lacks, _DEEPEST)

    def _everywhere(
        self, given: Function | Expr, scope: Scope, state: str, holds: Callable[[Bound, Scope, int], bool], depth: int
    ) -> bool:
        """Whether it holds of all that a function hands back while the call may stand so, of all where none does."""
        if not isinstance(given, Function):
            return holds(given, scope, depth)
        values = [*returned(given)]
        there: list[Bound] = [one for one in values if state in self.left.get(id(one), NOWHERE)]
        if state in self.left.get(id(given), NOWHERE):
            there.append(_NOTHING)
        chosen = there or values
        return bool(chosen) and all(holds(one, given.scope, depth - 1) for one in chosen)

    def _tells(self, value: Bound, scope: Scope, depth: int) -> bool:
        match value:
            case Name() | Choice() | Logic() if depth:
                return any(self._tells(one, scope, depth - 1) for one in _ways(value, scope))
            case Record():
                spread = depth and any(self._tells(one, scope, depth - 1) for one in value.spread)
                return bool(spread) or not _LOOKED_AT.isdisjoint(value.items)
            case Call():
                return _refuses(value) or self._through(value, scope, "bad", self._tells, depth)
        return False

    def _lacks(self, value: Bound, scope: Scope, depth: int) -> bool:
        match value:
            case Const() | Text() | Negation() | Comparison():
                return True
            case Record():
                return not value.spread and _LOOKED_AT.isdisjoint(value.items)
            case Name() | Choice() | Logic() if depth and not self._is_answer(value, scope):
                ways = _ways(value, scope)
                return bool(ways) and all(self._lacks(one, scope, depth - 1) for one in ways)
            case Destructured():
                return value.key not in _LOOKED_AT and self._is_answer(value.value, scope)
            case Member():
                if self._is_answer(value.object, scope):
                    return value.name not in _LOOKED_AT
                return bool(depth) and self._lacks(value.object, scope, depth - 1)
            case Call():
                if _is_body(value):
                    return True
                return not self._is_answer(value, scope) and self._through(value, scope, "done", self._lacks, depth)
        return False

    def _through(
        self, call: Call, scope: Scope, state: str, holds: Callable[[Bound, Scope, int], bool], depth: int
    ) -> bool:
        """Whether it holds of what a function of the app makes of it: the one that is called, or ``then`` is given."""
        if not depth:
            return False
        name = call.last_name
        if isinstance(call.callee, Member) and name in ("then", "catch"):
            found = [self.names.function(one, scope) for one in call.args[: 2 if state == "bad" else 1]]
            functions: Sequence[Function] = [one[0] for one in found if one is not None]
            if name == "catch" and state == "done":
                return holds(call.callee.object, scope, depth - 1)
            return any(self._everywhere(one, scope, state, holds, depth - 1) for one in functions)
        made = self.names.function(call.callee, scope)
        return made is not None and self._everywhere(made[0], scope, state, holds, depth - 1)

    def _is_answer(self, value: Bound, scope: Scope) -> bool:
        if id(value) in self.requests:
            return True
        return isinstance(value, Name) and any(id(one) in self.requests for one in assigned(value, scope))


def _is_body(call: Call) -> bool:
    """``answer.json()``, of the request's answer or of what is made of it: no refusal's ``ok`` and ``status``."""
    return call.last_name in BODIES and isinstance(call.callee, Member)


def _ways(value: Name | Choice | Logic, scope: Scope) -> Iterable[Bound]:
    if isinstance(value, Name):
        return assigned(value, scope)
    return value.parts[1:] if isinstance(value, Choice) else value.parts


def _refuses(call: Call) -> bool:
    """``Promise.reject(error)``, or an answer made with a status."""
    callee = call.callee
    holder = callee.object if isinstance(callee, Member) else callee
    name = holder.id if isinstance(holder, Name) else ""
    if name == "Promise":
        return call.last_name == "reject"
    return name in _ANSWERS and any(isinstance(one, Record) and "status" in one.items for one in call.args)
