"""The files of an app that are read: its sources and its tests, without what was installed or generated."""

from __future__ import annotations

import codecs
import os
import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from releaseguard.coverage.program.modules import Alias
from releaseguard.coverage.reading.aliases import aliases_in, is_configuration, of_svelte, renamed_in, usual

SOURCES = (".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".vue", ".svelte", ".astro", ".py")
LARGEST = 1_000_000
"""Bytes beyond which a file was generated, or is not a program; twice that of a language that no build writes."""
_OTHERS = {".ipynb", ".kt", ".swift", ".java", ".dart", ".go", ".rb", ".php", ".cs"}
_SKIPPED = {
    "node_modules", "bower_components", "jspm_packages", "lcov-report", "venv", "virtualenv", "site-packages",
    "__pycache__", "__generated__", "Pods",
}  # fmt: skip
_OUTPUTS = {"dist", "build", "out", "web-build", "storybook-static", "target", "coverage"}
"""What a build may be called, and a folder of sources too: it is looked into."""
_WRITTEN = (".ts", ".tsx", ".mts", ".cts", ".jsx", ".vue", ".svelte", ".astro", ".py")
"""Endings that people write, and no build does."""
_MANIFESTS = {"package.json", "pyproject.toml", "setup.py", "deno.json", "tsconfig.json", "Cargo.toml", "pom.xml"}
_GENERATED = re.compile(
    r"(\.d\.[cm]?ts|\.min\.[cm]?js|\.bundle\.js|\.generated\.[a-z]+|\.gen\.[a-z]+|_pb2(_grpc)?\.py)$"
)
_TEST_FOLDERS = {
    "tests",
    "test",
    "__tests__",
    "e2e",
    "spec",
    "specs",
    "cypress",
    "maestro",
    ".maestro",
    "integration-tests",
}
_TEST_NAME = re.compile(r"([._-](test|spec|e2e|cy)\.[a-z]+|^test_.*\.py|_test\.py)$")
_SUPPORT = re.compile(r"(^conftest\.py|(jest|vitest|cypress|playwright)[._-]?(setup|config)[\w.-]*)$")
_SUPPORT_FOLDERS = {"__mocks__", "__fixtures__", "fixtures", "mocks"}


class UnreadPath(NamedTuple):
    """A file or folder that was not read, or not all of it."""

    name: str
    what: str
    """Why, to follow the name."""
    line: int = 1


@dataclass
class Tree:
    """What lies under one folder; paths are relative to it, with ``/``."""

    root: Path
    sources: list[str] = field(default_factory=list)
    tests: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    """Tests that are no program: Maestro's flows."""
    unread: list[UnreadPath] = field(default_factory=list)
    """What was left out although somebody may expect it to be read, and why."""
    aliases: list[Alias] = field(default_factory=list)
    """What imports mean that are not paths."""
    renamed: dict[str, str] = field(default_factory=dict)
    """Bare import -> the specifier it stands for (import maps)."""


def survey(path: Path) -> Tree:
    """All files under ``path``, which is a folder or one file."""
    if path.is_file():
        tree = Tree(path.parent)
        _sort(path.name, tree, lone=True)
        return tree
    tree = Tree(path)
    others: dict[str, int] = {}
    for name in _walk(tree, "", _ignored(path)):
        _sort(name, tree)
        _configure(name, tree)
        if (kind := posixpath.splitext(name)[1]) in _OTHERS:
            others[kind] = others.get(kind, 0) + 1
    for kind, count in sorted(others.items()):
        tree.unread.append(UnreadPath(".", f"what is written in {kind} files ({count} of them) was not looked at"))
    tree.aliases += usual()
    return tree


def read(tree: Tree, name: str) -> bytes | None:
    """A file's bytes, if they are text of a size that people write; else the reason goes to ``unread``."""
    path = tree.root / name
    try:
        size = path.stat().st_size
        most = 2 * LARGEST if name.endswith(_WRITTEN) else LARGEST
        if size > most:
            tree.unread.append(UnreadPath(name, f"is larger than {most // 1000} kB: it looks generated"))
            return None
        content = _as_utf8(path.read_bytes())
    except UnicodeDecodeError as error:
        tree.unread.append(UnreadPath(name, f"is not text (byte {error.start})"))
        return None
    except OSError as error:
        tree.unread.append(UnreadPath(name, f"cannot be read: {error.strerror}"))
        return None
    return content.removeprefix(codecs.BOM_UTF8)


def _as_utf8(content: bytes) -> bytes:
    """A source of any encoding, in UTF-8. In those of one byte a letter only names and remarks can come out wrong, and
    what calls what can be read all the same. Raises ``UnicodeDecodeError`` where it is not text."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16").encode("utf-8", "replace")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        if b"\0" in content:
            raise
        return content.decode("latin-1").encode("utf-8")
    return content


def _walk(tree: Tree, folder: str, ignored: Callable[[str], bool]) -> Iterator[str]:
    try:
        entries = sorted(os.scandir(tree.root / folder), key=lambda entry: entry.name)
    except OSError as error:
        tree.unread.append(UnreadPath(folder or ".", f"cannot be read: {error.strerror}"))
        return
    for entry in entries:
        name = f"{folder}/{entry.name}" if folder else entry.name
        if not name.isprintable() and (shown := os.fsencode(name).decode("utf-8", "replace")) != name:
            tree.unread.append(UnreadPath(shown, "has a name that is not UTF-8, and is not read"))
        elif _is_folder(entry):
            if entry.name in _SKIPPED or (entry.name.startswith(".") and entry.name != ".maestro"):
                continue
            if ignored(f"{name}/") or _is_environment(tree.root / name):
                continue
            if entry.name in _OUTPUTS and _is_output(tree, name, {one.name for one in entries}):
                tree.unread.append(UnreadPath(name, "looks like what a build made, and is not read"))
            elif entry.is_symlink():
                tree.unread.append(UnreadPath(name, "is a link to a folder, and is not followed"))
            else:
                yield from _walk(tree, name, ignored)
        elif _is_file(entry) and not ignored(name):
            yield name


def _is_environment(folder: Path) -> bool:
    """Whether Python's packages are installed there; a folder that may not be looked into is told where it is read."""
    try:
        return (folder / "pyvenv.cfg").exists()
    except OSError:
        return False


def _is_output(tree: Tree, name: str, beside: set[str]) -> bool:
    """Whether a folder stands where a build puts what it makes, and holds nothing that people write."""
    if "/" in name and not beside & _MANIFESTS:
        return False
    for _, folders, files in os.walk(tree.root / name):
        folders[:] = [one for one in folders if one not in _SKIPPED]
        if any(one.endswith(_WRITTEN) and not one.endswith((".d.ts", ".d.mts", ".d.cts")) for one in files):
            return False
    return True


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    """A link that leads in a circle is none, and nor are pipes and sockets, which would be waited for."""
    try:
        return entry.is_file()
    except OSError:
        return False


def _ignored(root: Path) -> Callable[[str], bool]:
    """What git would ignore, by the ``.gitignore`` files of the repository around ``root``."""
    whole = root.resolve()
    base = next((one for one in (whole, *whole.parents) if (one / ".git").exists()), whole)
    if not any((one / ".gitignore").is_file() for one in (base, whole)):
        return lambda _: False
    from dulwich.ignore import IgnoreFilterManager

    manager = IgnoreFilterManager(str(base), [], False)
    inside = whole.relative_to(base).as_posix()
    prefix = "" if inside == "." else f"{inside}/"

    def ignored(name: str) -> bool:
        try:
            return bool(manager.is_ignored(prefix + name))
        except (OSError, ValueError):
            return False

    return ignored


def _sort(name: str, tree: Tree, *, lone: bool = False) -> None:
    folders, base = name.split("/")[:-1], posixpath.basename(name)
    is_test = bool(_TEST_NAME.search(base)) or any(folder in _TEST_FOLDERS for folder in folders)
    if base.endswith((".yaml", ".yml")) and any("maestro" in folder for folder in folders):
        tree.scripts.append(name)
    elif (
        not base.endswith(SOURCES)
        or (_GENERATED.search(base) and not lone)
        or _SUPPORT.search(base)
        or any(folder in _SUPPORT_FOLDERS for folder in folders)
    ):
        return
    elif is_test:
        tree.tests.append(name)
    else:
        tree.sources.append(name)


def _configure(name: str, tree: Tree) -> None:
    folder, base = posixpath.split(name)
    if base.startswith("svelte.config."):
        tree.aliases += of_svelte(folder)
    elif is_configuration(base) and (content := read(tree, name)) is not None:
        tree.aliases += aliases_in(name, content.decode())
        tree.renamed |= renamed_in(name, content.decode())
