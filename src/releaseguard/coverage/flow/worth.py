"""Which functions are worth following: those in which, at any depth, something is logged or called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from releaseguard.coverage.languages.syntax import (
    Call,
    Member,
    Name,
    Parameter,
    Scope,
)
from releaseguard.coverage.program.names import Names


def worth_following(names: Names, calls: Sequence[tuple[Call, Scope]], marked: set[int]) -> set[int]:
    """The functions in which, at any depth, one of the ``marked`` calls or a call of a parameter stands."""
    callees: dict[int, list[int]] = {}
    worth: list[int] = []
    for call, scope in calls:
        around = [one.function for one in _scopes(scope) if one.function is not None]
        made = names.function(call.callee, scope) if isinstance(call.callee, Name | Member) else None
        if id(call) in marked or _calls_parameter(call, scope):
            worth += [id(function) for function in around]
        if made is not None:
            callees.setdefault(id(made[0]), []).extend(id(function) for function in around)
    found: set[int] = set()
    while worth:
        one = worth.pop()
        if one not in found:
            found.add(one)
            worth += callees.get(one, ())
    return found


def _calls_parameter(call: Call, scope: Scope) -> bool:
    if not isinstance(call.callee, Name) or (bound := scope.lookup(call.callee.id)) is None:
        return False
    return any(isinstance(one, Parameter) for one in bound[1])


def _scopes(scope: Scope) -> Iterable[Scope]:
    here: Scope | None = scope
    while here is not None:
        yield here
        here = here.parent
