"""What the names of a program stand for, across its files: functions, texts, and what came out of which package.

The order in which things happen is not looked at here: a variable stands for everything that is assigned to it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from releaseguard.coverage.syntax import (
    Assignment,
    Bound,
    Call,
    Choice,
    Class,
    Expr,
    Function,
    Import,
    Leave,
    Logic,
    Member,
    Name,
    Parameter,
    Record,
    Scope,
    SourceFile,
    Taken,
    Text,
    statements_of,
)

HOLE = "\0"
"""Stands in a text for what is known at run time only."""
DEPTH = 12
"""Of assignments and imports that are followed from one name."""
FUEL = 2_000
"""Steps that one question may take."""
MOST = 16
"""Different texts of one expression beyond which it counts as unknown."""
_EXTENSIONS = (".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts")
_SPECIFIER = re.compile(
    r"^(?:npm:/?|jsr:/?|node:|https?://(?:esm\.sh|cdn\.skypack\.dev|unpkg\.com|cdn\.jsdelivr\.net/npm|esm\.run)/)(?:v\d+/|stable/)?"
)
_VERSION = re.compile(r"(?<=[^/@])@[^/]*")
_WRAPPERS = {
    "useCallback",
    "useMemo",
    "memo",
    "useEvent",
    "debounce",
    "throttle",
    "bind",
    "forwardRef",
    "observer",
    "cache",
}
"""Calls whose result is, for us, the function that they are given."""


@dataclass(eq=False)
class Frame:
    """A function while it is being followed: what its parameters were given."""

    function: Function
    parent: Frame | None = None
    given: dict[str, tuple[Expr, Scope, Frame | None]] = field(default_factory=dict)

    def find(self, scope: Scope) -> Frame | None:
        """The frame of the function whose scope this is, outward from here."""
        frame: Frame | None = self
        while frame is not None:
            if frame.function.scope is scope:
                return frame
            frame = frame.parent
        return None


@dataclass(frozen=True)
class Step:
    """One step on the way from a package: a member, and the call of it if it was called."""

    name: str
    call: Call | None = None


@dataclass(frozen=True)
class Origin:
    """Where a value comes from: a package (or a global), and the members and calls after it."""

    package: str
    steps: tuple[Step, ...] = ()
    scope: Scope | None = None

    def then(self, step: Step) -> Origin:
        """One step further."""
        return Origin(self.package, (*self.steps, step), self.scope)

    def called(self, call: Call, scope: Scope) -> Origin:
        """The result of calling it."""
        if not self.steps or self.steps[-1].call is not None:
            return Origin(self.package, (*self.steps, Step("", call)), scope)
        return Origin(self.package, (*self.steps[:-1], Step(self.steps[-1].name, call)), scope)


Where = tuple[Expr, Scope]


class Names:
    """The names of all files of one search."""

    def __init__(
        self, files: Sequence[SourceFile], aliases: Mapping[str, Sequence[str]], renamed: Mapping[str, str]
    ) -> None:
        self.files = {file.path: file for file in files}
        self._aliases = aliases
        self._renamed = renamed
        self._origins: dict[tuple[int, int], Origin | None] = {}
        self._modules: dict[tuple[str, str, str], SourceFile | None] = {}
        self._functions: dict[tuple[int, int], tuple[Function, Frame | None] | None] = {}
        self._fuel = 0
        self._asking = 0

    # --- modules

    def module(self, file: SourceFile, module: str) -> SourceFile | None:
        """The file of this search that ``module`` means inside ``file``, if it is one."""
        key = (file.language, posixpath.dirname(file.path), module)
        if key not in self._modules:
            look = self._python if file.language == "python" else self._typescript
            self._modules[key] = look(file, module)
        return self._modules[key]

    @contextmanager
    def _question(self) -> Iterator[None]:
        """One question from outside: what it may follow is limited, since names can lead in ever wider circles."""
        if not self._asking:
            self._fuel = FUEL
        self._asking += 1
        try:
            yield
        finally:
            self._asking -= 1

    def _typescript(self, file: SourceFile, module: str) -> SourceFile | None:
        if module.startswith("."):
            return self._at(posixpath.normpath(posixpath.join(posixpath.dirname(file.path), module)))
        for prefix, targets in self._aliases.items():
            if module.startswith(prefix):
                for target in targets:
                    if found := self._at(posixpath.normpath(target + module.removeprefix(prefix))):
                        return found
        return None

    def _at(self, path: str) -> SourceFile | None:
        stem = path.removesuffix(".js").removesuffix(".jsx").removesuffix(".mjs")
        endings = ("", *_EXTENSIONS, ".native.ts", ".native.tsx", *(f"/index{one}" for one in _EXTENSIONS))
        return next(
            (self.files[one] for base in (path, stem) for end in endings if (one := base + end) in self.files), None
        )

    def _python(self, file: SourceFile, module: str) -> SourceFile | None:
        name = module.lstrip(".")
        dots = len(module) - len(name)
        path = name.replace(".", "/")
        folder = posixpath.dirname(file.path)
        if dots:
            for _ in range(dots - 1):
                folder = posixpath.dirname(folder)
            return self._python_at(posixpath.join(folder, path) if path else folder)
        while True:
            if found := self._python_at(posixpath.join(folder, path)):
                return found
            if not folder:
                break
            folder = posixpath.dirname(folder)
        return self._python_at(f"src/{path}")

    def _python_at(self, path: str) -> SourceFile | None:
        return self.files.get(f"{path}.py") or self.files.get(posixpath.join(path, "__init__.py"))

    def export(self, file: SourceFile, name: str, depth: int = DEPTH) -> tuple[Bound, Scope] | None:
        """What a file exports under a name."""
        if depth <= 0:
            return None
        found = file.exports.get(name)
        if isinstance(found, Import):
            return self._imported(file, found, depth - 1)
        if found is not None:
            return found, file.main.scope
        if file.language == "python" and name in file.main.scope.names:
            return file.main.scope.names[name][-1], file.main.scope
        for module in file.stars:
            if (inner := self.module(file, module)) is not None and (got := self.export(inner, name, depth - 1)):
                return got
        return None

    def _imported(self, file: SourceFile, imported: Import, depth: int) -> tuple[Bound, Scope] | None:
        inner = self.module(file, imported.module)
        if inner is None:
            submodule = self._submodule(file, imported)
            return (Import(submodule.path, None), submodule.main.scope) if submodule else (imported, file.main.scope)
        if imported.member is None:
            return imported, file.main.scope
        got = self.export(inner, imported.member, depth)
        if got is None and (submodule := self._submodule(file, imported)):
            return Import(submodule.path, None), submodule.main.scope
        return got

    def _submodule(self, file: SourceFile, imported: Import) -> SourceFile | None:
        """``from package import module``."""
        if file.language != "python" or imported.member is None:
            return None
        joiner = "" if imported.module.endswith(".") else "."
        return self.module(file, f"{imported.module}{joiner}{imported.member}")

    # --- what a name stands for

    def meanings(
        self, expr: Expr, scope: Scope, frame: Frame | None = None, depth: int = DEPTH
    ) -> Iterator[tuple[Bound, Scope, Frame | None]]:
        """What an expression may stand for, followed through variables, imports, members and what was passed on."""
        self._fuel -= 1
        if depth <= 0 or self._fuel < 0:
            return
        if isinstance(expr, Name):
            yield from self._of_name(expr, scope, frame, depth)
        elif isinstance(expr, Member):
            yield from self._of_member(expr, scope, frame, depth)
        elif isinstance(expr, Assignment):
            yield from self.meanings(expr.value, scope, frame, depth - 1)
        elif isinstance(expr, Choice | Logic):
            for part in expr.parts[-2:]:
                yield from self.meanings(part, scope, frame, depth - 1)
        else:
            yield expr, scope, frame

    def _of_name(
        self, name: Name, scope: Scope, frame: Frame | None, depth: int
    ) -> Iterator[tuple[Bound, Scope, Frame | None]]:
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

    def _from_star(self, name: Name, scope: Scope, depth: int) -> tuple[Bound, Scope, Frame | None] | None:
        file = scope.root.file
        if file is None or file.language != "python" or not file.stars:
            return None
        got = self.export(file, name.id, depth)
        return (*got, None) if got else None

    def _of_bound(
        self, bound: Bound, name: str, home: Scope, frame: Frame | None, depth: int
    ) -> Iterator[tuple[Bound, Scope, Frame | None]]:
        if isinstance(bound, Parameter):
            yield from self._of_parameter(bound, name, home, frame, depth)
        elif isinstance(bound, Import):
            file = home.root.file
            got = self._imported(file, bound, depth) if file else None
            if got is None or isinstance(got[0], Import):
                yield (got[0] if got else bound), (got[1] if got else home), None
            elif isinstance(got[0], Function | Class):
                yield (*got, None)
            else:
                yield from self._of_bound(got[0], name, got[1], None, depth)
        elif isinstance(bound, Taken):
            taken = False
            for value, where, inner in self.meanings(bound.value, home, frame, depth):
                if isinstance(value, Record) and bound.key in value.items:
                    taken = True
                    yield from self.meanings(value.items[bound.key], where, inner, depth - 1)
            if not taken:
                yield bound, home, frame
        elif isinstance(bound, Function | Class):
            yield bound, home, frame
        else:
            yield from self.meanings(bound, home, frame, depth)

    def _of_parameter(
        self, parameter: Parameter, name: str, home: Scope, frame: Frame | None, depth: int
    ) -> Iterator[tuple[Bound, Scope, Frame | None]]:
        here = frame.find(home) if frame else None
        if here is not None and name in here.given:
            value, scope, outer = here.given[name]
            yield from self.meanings(value, scope, outer, depth)
        elif parameter.default is not None and here is not None:
            yield from self.meanings(parameter.default, home, frame, depth)
        else:
            yield parameter, home, frame

    def _of_member(
        self, member: Member, scope: Scope, frame: Frame | None, depth: int
    ) -> Iterator[tuple[Bound, Scope, Frame | None]]:
        found = False
        for value, home, inner in self.meanings(member.object, scope, frame, depth - 1):
            for got in self._member_of(value, member.name, home, inner, depth - 1):
                found = True
                yield got
        if not found:
            yield member, scope, frame

    def _member_of(
        self, value: Bound, name: str, home: Scope, frame: Frame | None, depth: int
    ) -> Iterator[tuple[Bound, Scope, Frame | None]]:
        if isinstance(value, Record) and name in value.items:
            yield from self.meanings(value.items[name], home, frame, depth)
        elif isinstance(value, Class):
            yield from self._of_class(value, name, home, depth)
        elif isinstance(value, Import):
            if (got := self._of_module(value, name, home, depth)) is not None:
                yield from self._of_bound(got[0], name, got[1], None, depth)
        elif isinstance(value, Call):
            yield from self._of_result(value, name, home, frame, depth)

    def _of_result(
        self, value: Call, name: str, home: Scope, frame: Frame | None, depth: int
    ) -> Iterator[tuple[Bound, Scope, Frame | None]]:
        for made, where, _ in self.meanings(value.callee, home, frame, depth):
            if isinstance(made, Class):
                yield from self._of_class(made, name, where, depth)
            elif isinstance(made, Function):
                for result in returned(made):
                    for inner, there, around in self.meanings(result, made.scope, None, depth - 1):
                        yield from self._member_of(inner, name, there, around, depth - 1)

    def _of_class(
        self, owner: Class, name: str, home: Scope, depth: int
    ) -> Iterator[tuple[Bound, Scope, Frame | None]]:
        if depth <= 0:
            return
        if name in owner.methods:
            yield owner.methods[name], owner.methods[name].scope, None
        elif name in owner.fields:
            maker = owner.methods.get("constructor") or owner.methods.get("__init__")
            inside = maker.scope if maker else next((one.scope for one in owner.methods.values()), home)
            yield from self.meanings(owner.fields[name], inside, None, depth - 1)
        else:
            for base in owner.bases:
                for value, where, _ in self.meanings(base, home, None, depth - 1):
                    if isinstance(value, Class):
                        yield from self._of_class(value, name, where, depth - 1)

    def _of_module(self, imported: Import, name: str, home: Scope, depth: int) -> tuple[Bound, Scope] | None:
        file = home.root.file
        inner = self.files.get(imported.module) or (self.module(file, imported.module) if file else None)
        if inner is None or imported.member is not None:
            return None
        return self.export(inner, name, depth)

    # --- functions, texts, origins

    def function(self, expr: Expr, scope: Scope, frame: Frame | None = None) -> tuple[Function, Frame | None] | None:
        """The function of this search that an expression stands for, and the frame around it."""
        if frame is not None:
            with self._question():
                return self._function(expr, scope, frame)
        key = (id(expr), id(scope))
        if key not in self._functions:
            with self._question():
                found = self._function(expr, scope, None)
                if self._fuel < 0:
                    return found  # cut short: asked for by itself it may be found
            self._functions[key] = found
        return self._functions[key]

    def _function(self, expr: Expr, scope: Scope, frame: Frame | None) -> tuple[Function, Frame | None] | None:
        for value, home, inner in self.meanings(expr, scope, frame):
            if isinstance(value, Function):
                return value, inner.find(value.scope.parent) if inner and value.scope.parent else None
            if isinstance(value, Call) and value.args and value.last_name in _WRAPPERS:
                return self._function(value.args[0], home, inner)
        return None

    def texts(self, expr: Expr, scope: Scope, frame: Frame | None = None, depth: int = DEPTH) -> set[str]:
        """Every text that an expression may be; what is known at run time only is a :data:`HOLE` in it."""
        with self._question():
            return self._texts(expr, scope, frame, depth)

    def _texts(self, expr: Expr, scope: Scope, frame: Frame | None, depth: int) -> set[str]:
        if depth <= 0:
            return {HOLE}
        if isinstance(expr, Text):
            return self._joined(expr.pieces, scope, frame, depth)
        if isinstance(expr, Choice | Logic):
            found = set[str]()
            for part in expr.parts[-2:]:
                found |= self.texts(part, scope, frame, depth - 1)
            return found
        if isinstance(expr, Call):
            return self._texts_of_call(expr, scope, frame, depth)
        if isinstance(expr, Name | Member | Assignment):
            found = set()
            for value, home, inner in self.meanings(expr, scope, frame, depth - 1):
                same = value is expr or not isinstance(value, Text | Choice | Logic | Call)
                found |= {HOLE} if same else self.texts(value, home, inner, depth - 1)  # type: ignore[arg-type]
            return found if 0 < len(found) <= MOST else {HOLE}
        return {HOLE}

    def _joined(self, pieces: Sequence[str | Expr], scope: Scope, frame: Frame | None, depth: int) -> set[str]:
        found = {""}
        for piece in pieces:
            ends = {piece} if isinstance(piece, str) else self.texts(piece, scope, frame, depth - 1)
            found = {begin + end for begin in found for end in ends}
            if len(found) > MOST:
                return {HOLE}
        return found

    def _texts_of_call(self, call: Call, scope: Scope, frame: Frame | None, depth: int) -> set[str]:
        """``new URL(path, base)``, ``new Request(url)``, ``urljoin``, and what only changes the look of a text."""
        name, args = call.last_name, call.args
        if name in ("URL", "urljoin") and len(args) > 1:
            path, base = (args[0], args[1]) if name == "URL" else (args[1], args[0])
            return self._joined((base, path), scope, frame, depth)
        if name in ("URL", "Request", "String", "str", "urljoin", "encodeURI") and args:
            return self.texts(args[0], scope, frame, depth - 1)
        if name in (
            "toString",
            "replace",
            "trim",
            "strip",
            "rstrip",
            "format",
            "concat",
            "value",
            "valueOf",
        ) and isinstance(call.callee, Member):
            found = self.texts(call.callee.object, scope, frame, depth - 1)
            return {re.sub(r"\{[^{}]*\}", HOLE, text) for text in found} if name == "format" else found
        made = self.function(call.callee, scope, frame)
        if made is not None:
            inside = bound_frame(made[0], made[1], call, scope, frame)
            found = set[str]()
            for result in returned(made[0]):
                found |= self.texts(result, made[0].scope, inside, depth - 2)
            return found if 0 < len(found) <= MOST else {HOLE}
        return {HOLE}

    def origin(self, expr: Expr, scope: Scope, depth: int = DEPTH) -> Origin | None:
        """The package that a value comes from, if it comes from one that is no file of this search."""
        key = (id(expr), id(scope))
        if key not in self._origins:
            self._origins[key] = None  # while it is being found: a circle has no origin
            with self._question():
                found = self._origin(expr, scope, depth)
                if self._fuel < 0:
                    del self._origins[key]
                    return found
            self._origins[key] = found
        return self._origins[key]

    def _origin(self, expr: Expr, scope: Scope, depth: int) -> Origin | None:
        if depth <= 0:
            return None
        if isinstance(expr, Call):
            return self._origin_of_call(expr, scope, depth)
        if isinstance(expr, Member):
            if (outer := self.origin(expr.object, scope, depth - 1)) is not None:
                return outer.then(Step(expr.name))
            return self._first_origin(expr, scope, depth)
        if isinstance(expr, Name | Assignment | Choice | Logic):
            return self._first_origin(expr, scope, depth)
        return None

    def _origin_of_call(self, call: Call, scope: Scope, depth: int) -> Origin | None:
        if (outer := self.origin(call.callee, scope, depth - 1)) is not None:
            return outer.called(call, scope)
        for value, _, _ in self.meanings(call.callee, scope):
            if isinstance(value, Function):
                for result in returned(value):
                    if (found := self.origin(result, value.scope, depth - 2)) is not None:
                        return found
        return None

    def _first_origin(self, expr: Expr, scope: Scope, depth: int) -> Origin | None:
        for value, home, _ in self.meanings(expr, scope):
            if (found := self._origin_of(value, home, expr, depth)) is not None:
                return found
        return None

    def _origin_of(self, value: Bound, home: Scope, asked: Expr, depth: int) -> Origin | None:
        match value:
            case Import():
                return self._package(value, home)
            case Taken():
                outer = self.origin(value.value, home, depth - 1)
                return outer.then(Step(value.key)) if outer else None
            case Parameter(kind=Expr() as kind):
                return self.origin(kind, home, depth - 1)
            case Name() if home.lookup(value.id) is None:
                return Origin("", (Step(value.id),), home)
            case Member() | Call() if value is not asked:
                return self.origin(value, home, depth - 1)
        return None

    def _package(self, imported: Import, home: Scope) -> Origin | None:
        file = home.root.file
        if file is None or self.module(file, imported.module) is not None:
            return None
        module = self._renamed.get(imported.module, imported.module)
        package, rest = package_of(module, file.language)
        steps = [Step(part) for part in rest]
        if imported.member not in (None, "default"):
            steps.append(Step(str(imported.member)))
        return Origin(package, tuple(steps), home)


def package_of(module: str, language: str) -> tuple[str, Sequence[str]]:
    """The package's own name, and the path inside it: of an import's specifier in any of its spellings."""
    if language == "python":
        package, *rest = module.split(".")
        return package, rest
    name = _SPECIFIER.sub("", module)
    if "://" in name:
        name = name.partition("://")[2]
    name = _VERSION.sub("", name.partition("?")[0])
    parts = name.split("/")
    if parts[0] == "deno.land" and parts[1:2] == ["x"]:
        return "/".join(parts[:3]), ()
    count = 2 if name.startswith("@") else 1
    return "/".join(parts[:count]), ()


def returned(function: Function) -> Iterator[Expr]:
    """What a function may return."""
    for one in statements_of(function.body):
        if isinstance(one, Leave) and one.how == "return" and one.value is not None:
            yield one.value


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
