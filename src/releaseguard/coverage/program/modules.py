"""Which file of a search an import means, and what that file exports under a name."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from releaseguard.coverage.languages.mentions import Mentions
from releaseguard.coverage.languages.syntax import (
    Bound,
    Expr,
    Import,
    Member,
    Record,
    Scope,
    SourceFile,
)

DEPTH = 60
"""Of assignments and imports that are followed from one name: more than any program has, so that nothing depends on
where a question began."""
_EXTENSIONS = (".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".vue", ".svelte", ".astro")
_SPECIFIER = re.compile(
    r"^(?:npm:/?|jsr:/?|node:|https?://(?:esm\.sh|cdn\.skypack\.dev|unpkg\.com|cdn\.jsdelivr\.net/npm|esm\.run)/)(?:v\d+/|stable/)?"
)
_VERSION = re.compile(r"(?<=[^/@])@[^/]*")


@dataclass(frozen=True, slots=True)
class Alias:
    """An import that is not a path: what it begins with, and the path that stands in the place of that."""

    begins: str
    target: str
    home: str = ""
    """The folder in whose files it holds; where nothing better is found, it holds elsewhere too."""
    whole: bool = False
    """Whether nothing may come after it."""
    guessed: bool = False
    """Whether nothing says it, and it is only usual."""

    def means(self, module: str) -> bool:
        """Whether an import is of this kind."""
        return module == self.begins if self.whole else module.startswith(self.begins)

    def rank(self, folder: str) -> tuple[bool, bool, int, bool, int]:
        """The lower, the sooner it is tried for a file in a folder: first the nearest, then what says most."""
        outside = bool(self.home) and not f"{folder}/".startswith(f"{self.home}/")
        return outside, self.guessed, -len(self.home), not self.whole, -len(self.begins)


class Places:
    """The files of one search by their paths, and which of them an import means."""

    def __init__(self, paths: Iterable[str], aliases: Iterable[Alias], known: Iterable[str] = ()) -> None:
        """``known``: further files that are there, and not read: empty ones that make a folder a package of Python."""
        self._paths = frozenset(paths)
        self._packages = {posixpath.dirname(one) for one in (*known, *self._paths) if one.endswith("/__init__.py")}
        self._aliases: dict[str, list[Alias]] = {}
        for alias in aliases:
            first, slash, _ = alias.begins.partition("/")
            self._aliases.setdefault(first if slash or alias.whole else "", []).append(alias)
        self._known: dict[tuple[str, str, str], str | None] = {}

    def find(self, language: str, path: str, module: str) -> str | None:
        """The path that ``module`` means inside the file at ``path``, if it is one of this search."""
        folder = posixpath.dirname(path)
        if language == "python" and module == posixpath.basename(path).removesuffix(".py"):
            return self._python(folder, module, path)
        key = (language, folder, module)
        if key not in self._known:
            self._known[key] = (
                self._python(folder, module) if language == "python" else self._typescript(folder, module)
            )
        return self._known[key]

    def _typescript(self, folder: str, module: str) -> str | None:
        if module.startswith("."):
            return self._at(posixpath.normpath(posixpath.join(folder, module)))
        listed = (*self._aliases.get(module.partition("/")[0], ()), *self._aliases.get("", ()))
        for alias in sorted((one for one in listed if one.means(module)), key=lambda one: one.rank(folder)):
            if found := self._at(posixpath.normpath(alias.target + module.removeprefix(alias.begins))):
                return found
        return None

    def _at(self, path: str) -> str | None:
        stem = path.removesuffix(".js").removesuffix(".jsx").removesuffix(".mjs")
        endings = ("", *_EXTENSIONS, ".native.ts", ".native.tsx", *(f"/index{one}" for one in _EXTENSIONS))
        return next((one for base in (path, stem) for end in endings if (one := base + end) in self._paths), None)

    def _python(self, folder: str, module: str, itself: str = "") -> str | None:
        """``itself``: the file that asks, where the module has its name: it imports another."""
        home, name = f"{folder}/", module.lstrip(".")
        dots = len(module) - len(name)
        path = name.replace(".", "/")
        if dots:
            for _ in range(dots - 1):
                folder = posixpath.dirname(folder)
            return self._python_at(posixpath.join(folder, path) if path else folder)
        while True:
            at = posixpath.join(folder, path)
            found = self._python_at(at)
            if found is not None and found != itself and not self._is_within(home, at, folder):
                return found
            if not folder:
                break
            folder = posixpath.dirname(folder)
        return self._python_at(f"src/{path}")

    def _is_within(self, home: str, package: str, folder: str) -> bool:
        """Whether the one who asks is a part of the package, which is a part of another: ``from openai import OpenAI``
        in ``apps/openai/client.py`` means what is installed. A package at the top is meant by its own parts."""
        return home.startswith(f"{package}/") and folder in self._packages

    def _python_at(self, path: str) -> str | None:
        return next((one for one in (f"{path}.py", f"{path}/__init__.py") if one in self._paths), None)


class Modules:
    """The files of one search, as they import one another."""

    def __init__(self, files: Sequence[SourceFile], aliases: Sequence[Alias], known: Iterable[str] = ()) -> None:
        self.files = {file.path: file for file in files}
        self._places = Places(self.files, aliases, known)
        self._opened: dict[str, Sequence[SourceFile]] = {}
        self._spreads: dict[tuple[str, str], Member] = {}

    def module(self, file: SourceFile | Mentions, module: str) -> SourceFile | None:
        """The file of this search that ``module`` means inside ``file``, if it is one."""
        found = self._places.find(file.language, file.path, module)
        return self.files[found] if found is not None else None

    def export(self, file: SourceFile, name: str, depth: int = DEPTH) -> tuple[Bound, Scope] | None:
        """What a file exports under a name."""
        for one in self._open_to(file) if depth > 0 else ():
            if (got := self._own(one, name, depth)) is not None:
                return got
        return None

    def _own(self, file: SourceFile, name: str, depth: int) -> tuple[Bound, Scope] | None:
        """What it exports by name, and not with everything of another."""
        found = file.exports.get(name)
        if isinstance(found, Import):
            return self.imported(file, found, depth - 1)
        if found is not None:
            return found, file.main.scope
        if (inside := self._spread(file, name)) is not None:
            return inside, file.main.scope
        if file.language == "python" and name in file.main.scope.names:
            last = file.main.scope.names[name][-1]
            return self.imported(file, last, depth - 1) if isinstance(last, Import) else (last, file.main.scope)
        return None

    def _spread(self, file: SourceFile, name: str) -> Expr | None:
        """A member of what is spread into the one object that a file exports: ``module.exports = { ...made }``."""
        whole = file.exports.get("default")
        if file.language != "typescript" or not isinstance(whole, Record) or not whole.spread:
            return None
        return self._spreads.setdefault((file.path, name), Member((whole,), name))

    def _open_to(self, file: SourceFile) -> Sequence[SourceFile]:
        """A file, and all of which it exports everything, at whatever distance: each once, in the order of the text."""
        if file.path not in self._opened:
            found: dict[str, SourceFile] = {}
            waiting = [file]
            while waiting:
                one = waiting.pop()
                if one.path not in found:
                    found[one.path] = one
                    inner = (self.module(one, module) for module in reversed(one.stars))
                    waiting += [each for each in inner if each is not None]
            self._opened[file.path] = list(found.values())
        return self._opened[file.path]

    def imported(self, file: SourceFile, imported: Import, depth: int) -> tuple[Bound, Scope] | None:
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
