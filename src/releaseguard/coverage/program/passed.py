"""Who calls which function of a search, and what the functions are given there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from releaseguard.coverage.languages.syntax import (
    Call,
    Class,
    Decoration,
    Expr,
    Function,
    Member,
    Name,
    Parameter,
    Record,
    Scope,
    SourceFile,
)
from releaseguard.coverage.program.names import Names

GIVEN_THIS = ("call", "apply")
"""Methods of a function that call it, with what ``this`` is in it as their first argument."""
PROMISES = ("then", "catch", "finally")
"""Methods of an answer that is yet to come: what follows the call, and is not part of it."""


@dataclass
class Passed:
    """The calls of one search, by the functions that they reach."""

    names: Names
    callers: dict[int, list[tuple[Call, Scope]]] = field(default_factory=dict)
    decorations: dict[int, list[tuple[Call, Scope]]] = field(default_factory=dict)
    """By the function: what its decorators are given. They run for it, and are none of those that call it."""
    _direct: dict[int, list[tuple[Call, Scope]]] = field(default_factory=dict)
    _handed: dict[int, list[tuple[Call, Scope, int]]] = field(default_factory=dict)
    _inside: dict[tuple[int, str], list[tuple[Call, Scope]]] = field(default_factory=dict)
    """By a function and one of its parameters: the calls of that parameter inside it."""

    def note(self, call: Call, scope: Scope) -> None:
        """Remember which functions a call reaches, hands on, or was given by its surroundings."""
        here = (call, scope)
        for made in self._called(call.callee, scope):
            self._direct.setdefault(id(made), []).append(here)
            self.callers.setdefault(id(made), []).append(here)
        for leaving in self._leaving(call.callee, scope):
            self.callers.setdefault(id(leaving), []).append(here)
        for position, expr in enumerate(call.args):
            for one in handed_on(expr):
                for made in self.names.functions(one, scope):
                    self._handed.setdefault(id(made), []).append((call, scope, position))
                    known = self.decorations if isinstance(call, Decoration) else self.callers
                    known.setdefault(id(made), []).append(here)
        for expr in call.named.values():
            for one in handed_on(expr):
                for made in self.names.functions(one, scope):
                    self.callers.setdefault(id(made), []).append(here)
        if isinstance(call.callee, Name) and (giver := _parameter_of(call.callee.id, scope)) is not None:
            self._inside.setdefault((id(giver), call.callee.id), []).append(here)

    def _called(self, callee: Expr, scope: Scope) -> Iterator[Function]:
        if not isinstance(callee, Name | Member):
            return
        yield from self.names.functions(callee, scope)
        if isinstance(callee, Member) and callee.name in GIVEN_THIS:
            yield from self.names.functions(callee.object, scope)
        for value, _, _ in self.names.meanings(callee, scope):
            if isinstance(value, Class) and (maker := self.names.method(value, MAKERS)) is not None:
                yield maker

    def _leaving(self, callee: Expr, scope: Scope) -> Iterator[Function]:
        """What runs at the end of a ``with`` over an object that is made here."""
        for value, _, _ in self.names.meanings(callee, scope) if isinstance(callee, Name | Member) else ():
            if isinstance(value, Class) and (leaving := self.names.method(value, EXITS)) is not None:
                yield leaving

    def to(self, parameter: Parameter, home: Scope) -> Iterator[tuple[Expr, Scope]]:
        """What a function's parameter is given by the calls that reach the function."""
        function = home.function
        index = next((at for at, one in enumerate(function.params) if one is parameter), None) if function else None
        if function is None or index is None:
            return
        for call, scope in self._direct.get(id(function), ()):
            yield from _argument(call, scope, index, parameter)
        for call, scope, position in self._handed.get(id(function), ()):
            if isinstance(call.callee, Member) and call.callee.name == "then" and index == 0:
                yield call.callee.object, scope
                continue
            for made in self.names.functions(call.callee, scope):
                for name in made.params[position].names[:1] if position < len(made.params) else ():
                    for inner, there in self._inside.get((id(made), name), ()):
                        yield from _argument(inner, there, index, parameter)


def called_by(call: Call) -> Call:
    """A call as its function sees it: ``work.call(this, x)`` gives it ``x``, and ``apply`` what is not known."""
    if not isinstance(call.callee, Member) or call.callee.name not in GIVEN_THIS:
        return call
    given = call.args[1:] if call.callee.name == "call" else ()
    return Call((call.callee.object, *given), len(given), at=call.at)


MAKERS = ("constructor", "__init__")
EXITS = ("__exit__", "__aexit__")


def passed_in(names: Names, files: Sequence[SourceFile]) -> Passed:
    """All calls of some files."""
    passed = Passed(names)
    for file in files:
        for call, scope in file.calls:
            passed.note(call, scope)
    return passed


def handed_on(expr: Expr) -> Iterator[Expr]:
    """The values that an argument may be, or holds: of objects and lists in it too."""
    if isinstance(expr, Name | Member | Function | Call):
        yield expr
    elif isinstance(expr, Record) or type(expr) is Expr:
        for part in expr.parts:
            yield from handed_on(part)


def _argument(call: Call, scope: Scope, index: int, parameter: Parameter) -> Iterator[tuple[Expr, Scope]]:
    if index < len(call.args):
        yield call.args[index], scope
    for name in parameter.names:
        if name in call.named:
            yield call.named[name], scope


def _parameter_of(name: str, scope: Scope) -> Function | None:
    """The function whose parameter a name is, if it is one."""
    found = scope.lookup(name)
    if found is None or not any(isinstance(one, Parameter) for one in found[1]):
        return None
    return found[0].function
