"""A function while it is being followed: what its parameters were given, and what it may return."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from releaseguard.coverage.languages.syntax import (
    Assignment,
    Call,
    Class,
    Do,
    Expr,
    Function,
    Leave,
    Name,
    Parameter,
    Record,
    Scope,
)
from releaseguard.coverage.languages.within import statements_of

OWN = ("this", "self", "cls")
"""Names of the object whose method is asked: which that is, the scope says, whatever they are bound to."""
Key: TypeAlias = int
"""An expression in a scope; one number, since hundreds of thousands are remembered."""


def key_of(expr: Expr, scope: Scope) -> Key:
    """What an answer about an expression, read in a scope, is remembered under while both live: of a variable, under
    what it is bound to, which is the same in all scopes inside."""
    if isinstance(expr, Name) and expr.id not in OWN and (found := scope.lookup(expr.id)) is not None:
        return id(found[1])
    return id(expr) << 64 | id(scope)


@dataclass(eq=False)
class Frame:
    """A function while it is being followed: what its parameters were given."""

    function: Function
    parent: Frame | None = None
    given: dict[str, tuple[Expr, Scope, Frame | None]] = field(default_factory=dict)
    owner: Class | None = None
    """The class of the object whose method it is, where that goes on from the method's own."""

    def find(self, scope: Scope) -> Frame | None:
        """The frame of the function whose scope this is, outward from here."""
        frame: Frame | None = self
        while frame is not None:
            if frame.function.scope is scope:
                return frame
            frame = frame.parent
        return None


def owner_in(frame: Frame | None) -> Class | None:
    """The class of the object whose method is being followed."""
    while frame is not None and frame.owner is None:
        frame = frame.parent
    return frame.owner if frame is not None else None


def returned(function: Function) -> Iterator[Expr]:
    """What a function may return."""
    for one in statements_of(function.body):
        if isinstance(one, Leave) and one.how == "return" and one.value is not None:
            yield one.value


def handed_back(function: Function) -> Iterator[Expr]:
    """What a function may return, or puts into what it was given: ``descriptor.value = ...`` of a decorator."""
    yield from returned(function)
    given = {name for parameter in function.params for name in parameter.names}
    for one in statements_of(function.body):
        if isinstance(one, Do) and isinstance(set_ := one.value, Assignment) and set_.member is not None:
            holder = set_.member.object
            yield from (set_.value,) if isinstance(holder, Name) and holder.id in given else ()


def bound_frame(function: Function, around: Frame | None, call: Call, scope: Scope, frame: Frame | None) -> Frame:
    """A frame in which the function's parameters are what ``call`` gives them."""
    inner = Frame(function, around)
    for parameter, value in zip(function.params, call.args, strict=False):
        _give(inner, parameter, value, scope, frame)
    by_name = {name: parameter for parameter in function.params for name in parameter.names}
    for name, value in call.named.items():
        if name in by_name:
            inner.given[name] = (value, scope, frame)
    return inner


def _give(inner: Frame, parameter: Parameter, value: Expr, scope: Scope, frame: Frame | None) -> None:
    if not parameter.keys:
        for name in parameter.names:
            inner.given[name] = (value, scope, frame)
        return
    for name, key in parameter.keys.items():
        item = value.items.get(key) if isinstance(value, Record) else None
        if item is not None:
            inner.given[name] = (item, scope, frame)
