"""The files of a working tree that git tracks or would not ignore."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dulwich.ignore import IgnoreFilterManager
    from dulwich.repo import Repo

    from releaseguard.leaks.report import SearchReport


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """What the index says about a path."""

    sha: bytes
    mode: int


def indexed(repository: Repo) -> Mapping[str, IndexEntry]:
    """Path -> entry of the index, without those of an unfinished merge; empty for a broken index."""
    from dulwich.index import ConflictedIndexEntry

    try:
        entries = list(repository.open_index().items())
    except (OSError, ValueError, AssertionError, KeyError):
        return {}
    return {
        os.fsdecode(path): IndexEntry(entry.sha, entry.mode)
        for path, entry in entries
        if not isinstance(entry, ConflictedIndexEntry)
    }


class WorkingTree:
    """The working tree of a repository."""

    def __init__(self, repository: Repo, report: SearchReport, prefix: str) -> None:
        self._repository = repository
        self._root = Path(repository.path)
        self._report = report
        self._prefix = prefix

    def search(self) -> None:
        """Search every tracked file, and every other one that git would not ignore."""
        tracked = indexed(self._repository)
        for path in sorted({*tracked, *self._untracked()}):
            shown = f"{self._prefix}{path}"
            content = self._report.content(self._root / path, shown)
            self._report.add(self._report.found(content, shown), shown, None)
            if self._report.finder.holds(path):
                self._report.add(self._report.found(path.encode(errors="replace"), ""), "(name of a file)", None)

    def _untracked(self) -> Iterator[str]:
        from dulwich.ignore import IgnoreFilterManager

        rules = IgnoreFilterManager.from_repo(self._repository)
        for folder, folders, names in os.walk(self._root):
            here = Path(folder).relative_to(self._root)
            folders[:] = [name for name in folders if name != ".git" and not _ignores(rules, f"{here / name}/")]
            for name in names:
                path = (here / name).as_posix()
                if not _ignores(rules, path):
                    yield path


def _ignores(rules: IgnoreFilterManager, path: str) -> bool:
    """Whether git would ignore the path; unreadable rules exclude nothing."""
    try:
        return bool(rules.is_ignored(path))
    except (OSError, ValueError):
        return False
