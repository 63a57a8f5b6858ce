"""The functions around a call: who leads there, how far they are asked, and what all of them say together.

Everything here is found once for a function and remembered, so that the work grows with the calls and not with the ways
that lead to them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from releaseguard.coverage.languages.syntax import Call, Function, Leave, Name, Parameter, Scope
from releaseguard.coverage.languages.within import statements_of
from releaseguard.coverage.sites.values import Callers

OUTWARD = 4
"""Callers of callers that are asked whether they log a call."""
WIDEST = 120
"""Functions around one call that are asked; where there are more, it is not judged."""

Follows = Callable[[Function, frozenset[str]], bool]
"""Whether a function is followed, when the call stands so: see :mod:`releaseguard.coverage.flow.states`."""


@dataclass(frozen=True)
class Around:
    """A function, and those that lead to it within :data:`OUTWARD` steps."""

    functions: Sequence[Function]
    """Beginning with the function itself."""
    callers: Mapping[int, Sequence[int]]
    """By ``id``: who calls it; nothing where nobody does, or where it is too far out to be asked."""
    follows: Follows
    cut: bool
    """Whether there are more than :data:`WIDEST`."""

    def settled(self, said: Mapping[int, Mapping[str, str]], order: Sequence[str]) -> dict[str, str]:
        """For each outcome the best of what the function says itself and what all of its callers say.

        ``said`` gives each function's own word. Of callers the worst counts, since each of them has to log. This is
        the greatest fixed point over those from which an outermost caller is reached: recursion promises nothing.
        """
        best, first = order[0], id(self.functions[0])
        value = {one: dict.fromkeys(words, best) for one, words in said.items()}
        for one in set(said) - self._grounded():
            value[one] = dict(said[one])
        changed = True
        while changed:
            changed = False
            for one, words in said.items():
                callers = self.callers.get(one, ())
                for outcome, own in words.items():
                    outer = max((value[each][outcome] for each in callers), key=order.index, default=own)
                    new = min(own, outer, key=order.index)
                    if order.index(new) > order.index(value[one][outcome]):
                        value[one][outcome], changed = new, True
        return value[first]

    def _grounded(self) -> set[int]:
        """Those from which a function that nobody calls is reached, going outward."""
        inward: dict[int, list[int]] = {}
        for one, callers in self.callers.items():
            for each in callers:
                inward.setdefault(each, []).append(one)
        pending = [id(one) for one in self.functions if not self.callers.get(id(one))]
        found: set[int] = set()
        while pending:
            one = pending.pop()
            if one not in found:
                found.add(one)
                pending += inward.get(one, ())
        return found


class Reach:
    """Which functions lead to which calls and logs, in the files of one search."""

    def __init__(
        self,
        callers: Callers,
        logs: Iterable[Scope],
        calls: Iterable[tuple[Call, Scope]],
        decorations: Callers = MappingProxyType({}),
    ) -> None:
        self._callers, self._decorations = callers, decorations
        self._outward: dict[int, Sequence[Function]] = {}
        self._arounds: dict[int, Around] = {}
        self._raising: dict[int, bool] = {}
        self._heard = self._leading([one for scope in logs for one in _functions(scope)])
        self._gives_way = {id(one) for call, scope in calls if _of_parameter(call, scope) for one in _functions(scope)}

    def is_heard(self, function: Function) -> bool:
        """Whether something may be logged while it runs; where nothing is, it need not be followed."""
        return id(function) in self._heard

    def decorations(self, function: Function) -> Sequence[tuple[Call, Scope]]:
        """What the function's decorators are given, with the outermost of several last."""
        return self._decorations.get(id(function), ())

    def may_raise(self, function: Function) -> bool:
        """Whether it raises by itself somewhere."""
        if id(function) not in self._raising:
            self._raising[id(function)] = any(
                isinstance(one, Leave) and one.how == "throw" for one in statements_of(function.body)
            )
        return self._raising[id(function)]

    def around(self, function: Function) -> Around:
        """The function, and those that lead to it."""
        if id(function) not in self._arounds:
            self._arounds[id(function)] = self._found(function)
        return self._arounds[id(function)]

    def _found(self, function: Function) -> Around:
        level, functions, callers = [function], {id(function): function}, dict[int, Sequence[int]]()
        for _ in range(OUTWARD):
            further: dict[int, Function] = {}
            for one in level:
                outer = [each for each in self.outward(one) if each is not one]
                callers[id(one)] = [id(each) for each in outer]
                further |= {id(each): each for each in outer if id(each) not in functions}
            if cut := len(functions) + len(further) > WIDEST:
                break
            functions |= further
            level = list(further.values())
        known = {one: [each for each in outer if each in functions] for one, outer in callers.items()}
        leading = self._leading([function])
        return Around(list(functions.values()), known, lambda one, state: self._follows(one, state, leading), cut)

    def _follows(self, function: Function, state: frozenset[str], leading: set[int]) -> bool:
        one = id(function)
        return one in self._heard or one in self._gives_way or ("before" in state and one in leading)

    def outward(self, function: Function) -> Sequence[Function]:
        """Who calls a function; for one without a name, the function it stands in."""
        if id(function) not in self._outward:
            reached = [one.function for _, one in self._callers.get(id(function), ()) if one.function is not None]
            parent = function.scope.parent
            if not reached and parent is not None and parent.function is not None and not _bound(function):
                reached = [parent.function]
            self._outward[id(function)] = list({id(one): one for one in reached}.values())
        return self._outward[id(function)]

    def _leading(self, functions: Sequence[Function]) -> set[int]:
        """These, and all that call them or hand them on, at any distance."""
        pending, found = list(functions), set[int]()
        while pending:
            one = pending.pop()
            if id(one) not in found:
                found.add(id(one))
                for _, scope in self._callers.get(id(one), ()):
                    pending += _functions(scope)
                pending += self.outward(one)
        return found


def _functions(scope: Scope) -> Iterable[Function]:
    """The functions around a place, from the inside out."""
    here: Scope | None = scope
    while here is not None:
        if here.function is not None:
            yield here.function
        here = here.parent


def _of_parameter(call: Call, scope: Scope) -> bool:
    """Whether what is called was given to the function around."""
    if not isinstance(call.callee, Name) or (bound := scope.lookup(call.callee.id)) is None:
        return False
    return any(isinstance(one, Parameter) for one in bound[1])


def _bound(function: Function) -> bool:
    """Whether it has a name by which others could call it."""
    parent = function.scope.parent
    named = parent.names.get(function.name, ()) if parent else ()
    return any(one is function for one in named) or function.scope.owner is not None


__all__ = ["OUTWARD", "WIDEST", "Around", "Reach"]
