"""What an expression may stand for, followed through variables, imports, members and what was passed on.

The order in which things happen is not looked at here: a variable stands for everything that is assigned to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from releaseguard.coverage.languages.syntax import (
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
)
from releaseguard.coverage.program.frames import Frame, returned
from releaseguard.coverage.program.modules import DEPTH, Modules

FUEL = 2_000
"""Steps that one question may take."""
Meaning = tuple[Bound, Scope, Frame | None]
"""What was found, the scope in which it is to be read, and the frame around it."""


class Meanings:
    """Answers over the files of one search."""

    def __init__(self, modules: Modules) -> None:
        self._modules = modules
        self._fuel = 0
        self._asking = 0

    @contextmanager
    def question(self) -> Iterator[None]:
        """One question from outside: what it may follow is limited, since names can lead in ever wider circles."""
        if not self._asking:
            self._fuel = FUEL
        self._asking += 1
        try:
            yield
        finally:
            self._asking -= 1

    @property
    def cut_short(self) -> bool:
        """Whether the question under way has used up its steps: asked for by itself, more may be found."""
        return self._fuel < 0

    def of(self, expr: Expr, scope: Scope, frame: Frame | None = None, depth: int = DEPTH) -> Iterator[Meaning]:
        """What an expression may stand for, followed through variables, imports, members and what was passed on."""
        self._fuel -= 1
        if depth <= 0 or self._fuel < 0:
            return
        if isinstance(expr, Name):
            yield from self._of_name(expr, scope, frame, depth)
        elif isinstance(expr, Member):
            yield from self._of_member(expr, scope, frame, depth)
        elif isinstance(expr, Assignment):
            yield from self.of(expr.value, scope, frame, depth - 1)
        elif isinstance(expr, Choice | Logic):
            for part in expr.parts[-2:]:
                yield from self.of(part, scope, frame, depth - 1)
        else:
            yield expr, scope, frame

    def _of_name(self, name: Name, scope: Scope, frame: Frame | None, depth: int) -> Iterator[Meaning]:
        if name.id in ("this", "self", "cls") and (owner := scope.of_class) is not None:
            yield owner, scope, frame
            return
        if (found := scope.lookup(name.id)) is None:
            star = self._from_star(name, scope, depth)
            yield star or (name, scope, frame)
            return
        home, bound = found
        for one in bound:
            yield from self._of_bound(one, name.id, home, frame, depth - 1)

    def _from_star(self, name: Name, scope: Scope, depth: int) -> Meaning | None:
        file = scope.root.file
        if file is None or file.language != "python" or not file.stars:
            return None
        got = self._modules.export(file, name.id, depth)
        return (*got, None) if got else None

    def _of_bound(self, bound: Bound, name: str, home: Scope, frame: Frame | None, depth: int) -> Iterator[Meaning]:
        if isinstance(bound, Parameter):
            yield from self._of_parameter(bound, name, home, frame, depth)
        elif isinstance(bound, Import):
            file = home.root.file
            got = self._modules.imported(file, bound, depth) if file else None
            if got is None or isinstance(got[0], Import):
                yield (got[0] if got else bound), (got[1] if got else home), None
            elif isinstance(got[0], Function | Class):
                yield (*got, None)
            else:
                yield from self._of_bound(got[0], name, got[1], None, depth)
        elif isinstance(bound, Destructured):
            taken = False
            for value, where, inner in self.of(bound.value, home, frame, depth):
                if isinstance(value, Record) and bound.key in value.items:
                    taken = True
                    yield from self.of(value.items[bound.key], where, inner, depth - 1)
            if not taken:
                yield bound, home, frame
        elif isinstance(bound, Function | Class):
            yield bound, home, frame
        else:
            yield from self.of(bound, home, frame, depth)

    def _of_parameter(
        self, parameter: Parameter, name: str, home: Scope, frame: Frame | None, depth: int
    ) -> Iterator[Meaning]:
        here = frame.find(home) if frame else None
        if here is not None and name in here.given:
            value, scope, outer = here.given[name]
            yield from self.of(value, scope, outer, depth)
        elif parameter.default is not None and here is not None:
            yield from self.of(parameter.default, home, frame, depth)
        else:
            yield parameter, home, frame

    def _of_member(self, member: Member, scope: Scope, frame: Frame | None, depth: int) -> Iterator[Meaning]:
        found = False
        for value, home, inner in self.of(member.object, scope, frame, depth - 1):
            for got in self._member_of(value, member.name, home, inner, depth - 1):
                found = True
                yield got
        if not found:
            yield member, scope, frame

    def _member_of(self, value: Bound, name: str, home: Scope, frame: Frame | None, depth: int) -> Iterator[Meaning]:
        if isinstance(value, Record) and name in value.items:
            yield from self.of(value.items[name], home, frame, depth)
        elif isinstance(value, Class):
            yield from self._of_class(value, name, home, depth)
        elif isinstance(value, Import):
            if (got := self._of_module(value, name, home, depth)) is not None:
                yield from self._of_bound(got[0], name, got[1], None, depth)
        elif isinstance(value, Call):
            yield from self._of_result(value, name, home, frame, depth)

    def _of_result(self, value: Call, name: str, home: Scope, frame: Frame | None, depth: int) -> Iterator[Meaning]:
        for made, where, _ in self.of(value.callee, home, frame, depth):
            if isinstance(made, Class):
                yield from self._of_class(made, name, where, depth)
            elif isinstance(made, Function):
                for result in returned(made):
                    for inner, there, around in self.of(result, made.scope, None, depth - 1):
                        yield from self._member_of(inner, name, there, around, depth - 1)

    def _of_class(self, owner: Class, name: str, home: Scope, depth: int) -> Iterator[Meaning]:
        if depth <= 0:
            return
        if name in owner.methods:
            yield owner.methods[name], owner.methods[name].scope, None
        elif name in owner.fields:
            maker = owner.methods.get("constructor") or owner.methods.get("__init__")
            inside = maker.scope if maker else next((one.scope for one in owner.methods.values()), home)
            yield from self.of(owner.fields[name], inside, None, depth - 1)
        else:
            for base in owner.bases:
                for value, where, _ in self.of(base, home, None, depth - 1):
                    if isinstance(value, Class):
                        yield from self._of_class(value, name, where, depth - 1)

    def _of_module(self, imported: Import, name: str, home: Scope, depth: int) -> tuple[Bound, Scope] | None:
        file = home.root.file
        inner = self._modules.files.get(imported.module) or (
            self._modules.module(file, imported.module) if file else None
        )
        if inner is None or imported.member is not None:
            return None
        return self._modules.export(inner, name, depth)
