"""A git repository searched for managed values: its working tree and every blob of its history.

Read with dulwich, inside this process: SAFE MODE allows no child process, and a value handed to ``git grep``
would stand in that process's arguments.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from releaseguard.errors import ConfigError
from releaseguard.leaks.interface import Haystack, Hit, Needle

if TYPE_CHECKING:
    from dulwich.repo import Repo

SHORTEST = 8
"""Shorter values are not searched for: ``test`` stands everywhere and proves nothing."""


class GitRepository(Haystack):
    """The repository at ``root`` (a working tree with ``.git``, or a bare one)."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def search(self, needles: Sequence[Needle]) -> Sequence[Hit]:
        """Where the needles show, in any form: in the working tree and in every commit that is here.

        Raises ``ConfigError`` where ``root`` is no repository.
        """
        from dulwich.errors import NotGitRepository
        from dulwich.repo import Repo

        forms = [(needle, form, text) for needle in needles for form, text in _forms(needle).items()]
        try:
            repository = Repo(str(self.root))
        except NotGitRepository:
            raise ConfigError(
                "is not a git repository", where=str(self.root), next_step="Name the folder that holds .git."
            ) from None
        with repository:
            self.whole = not repository.get_shallow()
            return [*self._in_working_tree(repository, forms), *_in_history(repository, forms)]

    def _in_working_tree(self, repository: Repo, forms: Sequence[_Form]) -> Iterator[Hit]:
        if repository.bare:
            return
        for path in sorted(_files(repository, self.root)):
            yield from _hits(_content(self.root / path), path, forms)


_Form = tuple[Needle, str, bytes]


def _forms(needle: Needle) -> Mapping[str, bytes]:
    """The ways in which the value may be written, without those that look the same."""
    value = needle.value.reveal()
    if len(value) < SHORTEST:
        return {}
    plain = value.encode()
    written = {
        "plain": plain,
        # Base64 of the value standing alone, without the end that depends on what follows.
        "base64": base64.b64encode(plain).rstrip(b"=")[: len(plain) * 4 // 3],
        "url": quote(value, safe="").encode(),
        "json": json.dumps(value)[1:-1].encode(),
    }
    return {form: text for form, text in written.items() if form == "plain" or text != plain}


def _files(repository: Repo, root: Path) -> Iterator[str]:
    """Tracked files, and untracked ones that git would not ignore."""
    from dulwich.ignore import IgnoreFilterManager

    tracked = {path.decode(errors="replace") for path in repository.open_index()}
    ignored = IgnoreFilterManager.from_repo(repository)
    for folder, folders, names in root.walk() if hasattr(root, "walk") else _walk(root):
        here = folder.relative_to(root)
        folders[:] = [name for name in folders if name != ".git" and not ignored.is_ignored(f"{here / name}/")]
        for name in names:
            path = (here / name).as_posix()
            if path in tracked or not ignored.is_ignored(path):
                yield path


def _walk(root: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    import os

    for folder, folders, names in os.walk(root):
        yield Path(folder), folders, names


def _content(path: Path) -> bytes:
    # A link's target is searched where it lies; a file that vanished meanwhile holds nothing.
    try:
        return b"" if path.is_symlink() else path.read_bytes()
    except OSError:
        return b""


def _hits(content: bytes, path: str, forms: Sequence[_Form]) -> Iterator[Hit]:
    for needle, form, text in forms:
        at = content.find(text)
        if at >= 0:
            yield Hit(needle.name, needle.version, path, content.count(b"\n", 0, at) + 1, form)


def _in_history(repository: Repo, forms: Sequence[_Form]) -> Iterator[Hit]:
    found = dict(_blobs_with_hits(repository, forms))
    if not found:
        return
    for sha, (path, commit) in _first_commits(repository, set(found)).items():
        for hit in found.pop(sha):
            yield replace(hit, path=path, commit=commit)
    for sha, hits in found.items():
        for hit in hits:
            yield replace(hit, path=f"(no commit reaches blob {sha.decode()[:12]})", commit="unreachable")


def _blobs_with_hits(repository: Repo, forms: Sequence[_Form]) -> Iterator[tuple[bytes, Sequence[Hit]]]:
    store = repository.object_store
    for sha in store:
        kind, content = store.get_raw(sha)
        if kind == 3 and (hits := list(_hits(content, "", forms))):  # 3: a blob (gitformat-pack)
            yield sha, hits


def _first_commits(repository: Repo, wanted: set[bytes]) -> Mapping[bytes, tuple[str, str]]:
    """For each blob the oldest commit that brought it in, and its path there."""
    heads = [sha for sha in repository.get_refs().values() if repository.object_store[sha].type_name == b"commit"]
    first: dict[bytes, tuple[str, str]] = {}
    if not heads:
        return first
    for entry in repository.get_walker(include=heads, reverse=True):
        for change in _flat(entry.changes()):
            new = change.new
            if new is not None and new.sha in wanted and new.sha not in first:
                first[new.sha] = (new.path.decode(errors="replace"), entry.commit.id.decode())
    return first


def _flat(changes: Sequence[Any]) -> Iterator[Any]:
    """A merge commit's changes come as a list for each parent."""
    for change in changes:
        if isinstance(change, list):
            yield from change
        else:
            yield change
