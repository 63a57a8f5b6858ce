"""What imports mean that are not paths: by ``paths`` of a ``tsconfig.json``, by a package's ``exports`` and
``imports``, and by import maps, each where it holds."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from releaseguard.coverage.program.modules import Alias

Json: TypeAlias = "str | float | bool | list[Json] | Mapping[str, Json] | None"
_TSCONFIG = re.compile(r"^(ts|js)config(\.[\w.-]+)?\.json$")
_IMPORT_MAPS = ("deno.json", "deno.jsonc", "import_map.json")
_ENTRIES = ("source", "svelte", "react-native", "module", "main", "types", "typings")
"""Fields of a ``package.json`` that name the file which the package is."""
_ENDING = re.compile(r"(\.d)?\.[cm]?[jt]sx?$")
_MADE = re.compile(r"^(dist|build|lib|out|esm|cjs)/((esm|cjs|types|src)/)?")
_ROOTS = ("@/", "~/")
"""How an app's own folder is called where nothing says what it means."""


def is_configuration(base: str) -> bool:
    """Whether a file of this name may say what imports mean."""
    return base == "package.json" or base in _IMPORT_MAPS or bool(_TSCONFIG.match(base))


def aliases_in(name: str, content: str) -> Iterator[Alias]:
    """What a file says of imports; nothing where it cannot be read. Packages of import maps: :func:`renamed_in`."""
    folder, base = posixpath.split(name)
    data = _json(content)
    if base == "package.json":
        yield from _of_package(folder, data)
        return
    options = _mapping(data.get("compilerOptions"))
    if options:
        yield from _of_paths(folder, options)
    for key, target in _mapping(data.get("imports")).items():
        if isinstance(target, str) and target.startswith("."):
            yield Alias(key, under(folder, target), folder, whole=not key.endswith("/"))


def renamed_in(name: str, content: str) -> Mapping[str, str]:
    """The bare imports of an import map that stand for packages."""
    if posixpath.basename(name) == "package.json":
        return {}
    imports = _mapping(_json(content).get("imports"))
    return {key: one for key, one in imports.items() if isinstance(one, str) and not one.startswith(".")}


def usual(tops: tuple[str, ...] = ("@/", "~/", "@@/", "~~/", "@app/", "src/", "app/", "lib/")) -> Iterator[Alias]:
    """What beginnings mean where nothing says it."""
    for begins in tops:
        folder = "" if begins[0] in "@~" else begins
        for target in (folder, f"src/{folder}", f"app/{folder}"):
            yield Alias(begins, target, guessed=True)


def of_svelte(folder: str) -> Iterator[Alias]:
    """``$lib`` of a SvelteKit app, whose configuration is made by a program and in no repository."""
    yield Alias("$lib", under(folder, "src/lib"), folder, whole=True)
    yield Alias("$lib/", under(folder, "src/lib/"), folder)


def _of_package(folder: str, data: Mapping[str, Json]) -> Iterator[Alias]:
    for key, value in _mapping(data.get("imports")).items():
        for target in _targets(value):
            yield _pattern(key, target, folder, folder)
    own = data.get("name")
    if isinstance(own, str) and own and folder:
        yield from _of_workspace(own, folder, data)
    for begins in _ROOTS if folder else ():
        for root in ("src/", "./"):
            yield Alias(begins, under(folder, root), folder, guessed=True)


def _of_workspace(own: str, folder: str, data: Mapping[str, Json]) -> Iterator[Alias]:
    """A package of the same repository, by its name."""
    exports = data.get("exports")
    exported = _mapping(exports)
    if exports and not any(key.startswith(".") for key in exported):
        exported = {".": exports}
    for key, value in exported.items():
        for target in _targets(value):
            yield _pattern(own + key.removeprefix("."), target, folder, "")
    entries = [value for key in _ENTRIES if isinstance(value := data.get(key), str)]
    for target in (*entries, "src/index", "index", "src", "src/main"):
        yield _pattern(own, target, folder, "")
    for target in ("", "src"):
        yield Alias(f"{own}/", under(folder, f"{target}/" if target else "./"), guessed=True)


def _pattern(key: str, target: str, folder: str, home: str) -> Alias:
    """A key and a target of ``exports`` or ``imports``, either with one ``*`` in it."""
    begins, star, _ = key.partition("*")
    if not star:
        return Alias(key, under(folder, _ENDING.sub("", target)), home, whole=True)
    return Alias(begins, under(folder, target.partition("*")[0]), home)


def _targets(value: Json) -> Iterator[str]:
    """The files that a target names, under whichever condition; of what a build made, what it was made from."""
    if isinstance(value, str):
        yield value
        plain = value.removeprefix("./")
        if _MADE.match(plain):
            yield _MADE.sub("src/", plain)
    elif isinstance(value, Mapping | list):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _targets(inner)


def _of_paths(folder: str, options: Mapping[str, Json]) -> Iterator[Alias]:
    stated = options.get("baseUrl")
    base = stated if isinstance(stated, str) else "."
    for key, targets in _mapping(options.get("paths")).items():
        begins, star, _ = key.partition("*")
        for target in targets if isinstance(targets, list) else ():
            path = under(folder, posixpath.join(base, str(target).partition("*")[0]))
            yield Alias(begins, path, folder, whole=not star)
    if isinstance(stated, str):
        yield Alias("", under(folder, f"{base}/"), folder, guessed=True)


def under(folder: str, path: str) -> str:
    """A path that is said in a folder, from where the search began; its ``/`` at the end is kept."""
    joined = posixpath.normpath(posixpath.join(folder, path))
    plain = "" if joined == "." else joined
    return f"{plain}/" if path.endswith("/") and plain else plain


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}


def _json(text: str) -> Mapping[str, Json]:
    """JSON as these files have it, with comments and commas at the end."""
    string = r'"(?:\\.|[^"\\])*"'
    text = re.sub(rf"({string})|//[^\n]*|/\*.*?\*/", lambda match: match[1] or "", text, flags=re.DOTALL)
    text = re.sub(rf"({string})|,(\s*[}}\]])", lambda match: match[1] or match[2], text)
    try:
        return _mapping(json.loads(text))
    except (ValueError, RecursionError):
        return {}
