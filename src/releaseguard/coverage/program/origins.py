"""Which package a value comes from, and by which members and calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from releaseguard.coverage.languages.syntax import (
    ANY,
    FIRST,
    Assignment,
    Bound,
    Call,
    Choice,
    Class,
    Destructured,
    Expr,
    Function,
    Import,
    Logic,
    Member,
    Name,
    Parameter,
    Record,
    Scope,
    Text,
)
from releaseguard.coverage.program.frames import Key, key_of, returned
from releaseguard.coverage.program.meanings import Meanings
from releaseguard.coverage.program.modules import DEPTH, Modules, package_of


@dataclass(frozen=True, slots=True)
class Step:
    """One step on the way from a package: a member, and the call of it if it was called."""

    name: str
    call: Call | None = None
    scope: Scope | None = None
    """Where it was called."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value comes from: a package (or a global), and the members and calls after it."""

    package: str
    steps: tuple[Step, ...] = ()
    scope: Scope | None = None
    module: str = ""
    """The specifier by which the package was imported, without its version."""

    def then(self, step: Step) -> Origin:
        """One step further."""
        return Origin(self.package, (*self.steps, step), self.scope, self.module)

    def called(self, call: Call, scope: Scope) -> Origin:
        """The result of calling it."""
        if not self.steps or self.steps[-1].call is not None:
            return replace(self, steps=(*self.steps, Step("", call, scope)))
        return replace(self, steps=(*self.steps[:-1], Step(self.steps[-1].name, call, scope)))


_KINDS = ("typing", "typing_extensions", "abc", "collections.abc")
"""Modules of Python that say what a value is like, and nothing of where it is from."""
_INJECTED = ("Depends", "Security")
"""Calls in the place of a parameter's value that hold what the function they are given returns."""


def _behind(proxy: Call) -> tuple[Expr, Scope] | None:
    """What a ``Proxy`` hands on to, by its ``get``: ``(_, key) => client()[key]``, ``Reflect.get(client(), key)``."""
    handler = proxy.args[1] if len(proxy.args) > 1 else None
    get = handler.items.get("get") if isinstance(handler, Record) else None
    for value in returned(get) if isinstance(get, Function) else ():
        if isinstance(value, Member):
            return value.object, get.scope  # type: ignore[union-attr]
        if isinstance(value, Call) and value.last_name == "get" and value.args:
            return value.args[0], get.scope  # type: ignore[union-attr]
    return None


def _is_typed(value: Bound) -> bool:
    """Whether it is a parameter that says what it is, whatever stands for it where nothing is given."""
    return isinstance(value, Parameter) and value.kind is not None


class Passing(Protocol):
    """Knows what a function's parameter is given."""

    def to(self, parameter: Parameter, home: Scope) -> Iterable[tuple[Expr, Scope]]:
        """The values, each with the scope in which it is to be read."""


class Origins:
    """The origins of values in the files of one search; ``renamed`` says which module stands for which package."""

    def __init__(self, modules: Modules, meanings: Meanings, renamed: Mapping[str, str]) -> None:
        self._modules = modules
        self._meanings = meanings
        self._renamed = renamed
        self._known: dict[Key, Origin | None] = {}
        self._open: set[Key] = set()
        self.passed: Passing | None = None
        """What functions are given by their callers, once that is known."""

    def of(self, expr: Expr, scope: Scope, depth: int = DEPTH) -> Origin | None:
        """The package that a value comes from, if it comes from one that is not a file of this search."""
        key = key_of(expr, scope)
        if key in self._known:
            return self._known[key]
        if key in self._open:  # a circle has no origin
            self._meanings.gaps += 1
            return None
        self._open.add(key)
        before = self._meanings.gaps
        with self._meanings.question():
            outer = self.of(expr.object, scope, depth - 1) if isinstance(expr, Member) and depth > 0 else None
            found = outer.then(Step(expr.name)) if outer is not None else self._origin(expr, scope, depth)  # type: ignore[attr-defined]
        self._open.discard(key)
        # A member of what is known is one step from it, and takes no room of its own.
        if outer is None and (found is not None or self._meanings.gaps == before):
            self._known[key] = found
        return found

    def _origin(self, expr: Expr, scope: Scope, depth: int) -> Origin | None:
        if depth <= 0:
            self._meanings.gaps += 1
            return None
        if isinstance(expr, Call):
            return self._origin_of_call(expr, scope, depth)
        if isinstance(expr, Member):
            return self._first_origin(expr, scope, depth) or self._of_base(expr, scope, depth)
        if isinstance(expr, Name | Assignment | Choice | Logic):
            return self._first_origin(expr, scope, depth)
        return None

    def _of_base(self, member: Member, scope: Scope, depth: int) -> Origin | None:
        """What a class has of a package's class that it goes on from: ``this.send()`` where the class has no such, and
        nobody gave it one."""
        if any(isinstance(value, Function | Parameter) for value, _, _ in self._meanings.of(member, scope)):
            return None
        for owner, home in self.classes(member.object, scope):
            if (found := self._made_of(owner, home, depth)) is not None:
                return found.then(Step(member.name))
        return None

    def _made_of(self, owner: Class, home: Scope, depth: int) -> Origin | None:
        """The package's class that a class goes on from, at whatever distance."""
        for base in owner.bases if depth > 0 else ():
            if (found := self.of(base, home, depth - 2)) is not None:
                return found
            for outer, there in self.classes(base, home):
                if outer is not owner and (found := self._made_of(outer, there, depth - 2)) is not None:
                    return found
        return None

    def classes(self, expr: Expr, scope: Scope) -> Iterator[tuple[Class, Scope]]:
        """The classes of this search of which a value may be."""
        name = expr.callee if isinstance(expr, Call) else expr
        if isinstance(name, Name) and name.id == "super" and (owner := scope.of_class) is not None:
            yield owner, scope
        for value, home, _ in self._meanings.of(expr, scope):
            if isinstance(value, Class):
                yield value, home
            elif isinstance(value, Call):
                made = self._meanings.of(value.callee, home)
                yield from ((one, where) for one, where, _ in made if isinstance(one, Class))

    def _origin_of_call(self, call: Call, scope: Scope, depth: int) -> Origin | None:
        if (through := self._through(call, scope, depth)) is not None:
            return through
        outer = self.of(call.callee, scope, depth - 1)
        typed = self.of(call.kind, scope, depth - 1) if call.kind is not None else None
        if typed is not None and typed.package not in ("", ".", "..", outer.package if outer else ""):
            return typed
        if outer is not None:
            return outer.called(call, scope)
        return self._returned_by(call.callee, scope, depth)

    def _returned_by(self, callee: Expr, scope: Scope, depth: int) -> Origin | None:
        for value, _, _ in self._meanings.of(callee, scope):
            if isinstance(value, Function):
                for result in returned(value):
                    if (found := self.of(result, value.scope, depth - 2)) is not None and found.package:
                        return found
                kind = self.of(value.kind, value.scope, depth - 2) if value.kind is not None else None
                if kind is not None and kind.package not in ("", ".", ".."):
                    return kind
        return None

    def _through(self, call: Call, scope: Scope, depth: int) -> Origin | None:
        """What a call hands through that only keeps, binds or waits for a value."""
        first = next(iter(call.args), None)
        if call.last_name == "import" and isinstance(first, Text):
            module = "".join(piece for piece in first.pieces if isinstance(piece, str))
            return self._package(Import(module, None), scope)
        if call.last_name == "bind" and isinstance(call.callee, Member):
            return self.of(call.callee.object, scope, depth - 1)
        if call.last_name == "partial" and first is not None and (given_to := self.of(first, scope, depth - 1)):
            return given_to.then(Step("", call, scope))
        if call.last_name == "Proxy" and (behind := _behind(call)) is not None:
            return self.of(*behind, depth - 1)
        if call.last_name == "getattr" and first is not None and (holder := self.of(first, scope, depth - 1)):
            return holder.then(Step(ANY))
        if call.last_name in _INJECTED and first is not None:
            return self._returned_by(first, scope, depth)
        if call.last_name == "then" and isinstance(first, Function) and (given := list(returned(first))):
            return self.of(given[0], first.scope, depth - 1)
        for inner, there in self._meanings.held(call, scope, None):
            if (found := self.of(inner, there, depth - 1)) is not None:
                return found
        return None

    def _first_origin(self, expr: Expr, scope: Scope, depth: int) -> Origin | None:
        """Of all that it may be the first that a call made, since that says for which address, else the first."""
        values = sorted(self._meanings.of(expr, scope), key=lambda one: not _is_typed(one[0]))
        first: Origin | None = None
        for value, home, _ in values:
            found = self._origin_of(value, home, expr, depth)
            if found is not None and (len(values) == 1 or any(step.call is not None for step in found.steps)):
                return found
            first = first or found
        return first

    def _origin_of(self, value: Bound, home: Scope, asked: Expr, depth: int) -> Origin | None:
        match value:
            case Import():
                return self._package(value, home)
            case Destructured():
                outer = self.of(value.value, home, depth - 1)
                return outer.then(Step(value.key)) if outer and value.key != FIRST else None
            case Parameter():
                return self._of_parameter(value, home, asked, depth)
            case Name() if value.id != "super" and home.lookup(value.id) is None:
                return Origin("", (Step(value.id),), home)
            case Member() | Call() if value is not asked:
                return self.of(value, home, depth - 1)
        return None

    def _of_parameter(self, parameter: Parameter, home: Scope, asked: Expr, depth: int) -> Origin | None:
        """By its type, else by what the calls of its function give it."""
        key = parameter.keys.get(asked.id, "") if isinstance(asked, Name) else ""
        kind = Member((parameter.kind,), key) if parameter.kind is not None and key else parameter.kind
        typed = self.of(kind, home, depth - 1) if kind is not None else None
        if typed is not None and typed.package:
            return typed
        for given, there in self.passed.to(parameter, home) if self.passed is not None else ():
            if (found := self._of_given(given, there, key, depth)) is not None:
                return found
        return typed  # of a type that is nobody's: what a value is like, if not whose

    def _of_given(self, given: Expr, scope: Scope, key: str, depth: int) -> Origin | None:
        if not key:
            return self.of(given, scope, depth - 2)
        for value, home, _ in self._meanings.of(given, scope):
            if isinstance(value, Record) and key in value.items:
                return self.of(value.items[key], home, depth - 2)
        outer = self.of(given, scope, depth - 2)
        return outer.then(Step(key)) if outer is not None else None

    def _package(self, imported: Import, home: Scope) -> Origin | None:
        file = home.root.file
        if file is None or imported.module in self._modules.files:  # `from package import module`, both of the app
            return None
        if self._modules.module(file, imported.module) is not None:
            return None
        if imported.module in _KINDS:
            return None
        module = self._renamed.get(imported.module, imported.module)
        package, rest = package_of(module, file.language)
        steps = [Step(part) for part in rest]
        if imported.member not in (None, "default"):
            steps.append(Step(str(imported.member)))
        return Origin(package, tuple(steps), home, module)
