"""The submodules of a repository, and where their own repositories are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from releaseguard.leaks.worktree import indexed

if TYPE_CHECKING:
    from dulwich.repo import Repo

_GITLINK = 0o160000
"""The mode of an entry that names a commit of another repository (https://git-scm.com/docs/gitmodules)."""


@dataclass(frozen=True, slots=True)
class Submodule:
    """A submodule at ``path``; ``home`` is its repository, ``None`` where it was not checked out."""

    path: str
    home: Path | None


def submodules(repository: Repo) -> Iterator[Submodule]:
    """The submodules in the index, by path; none for a bare repository."""
    if not repository.bare:
        for path, entry in sorted(indexed(repository).items()):
            if entry.mode == _GITLINK:
                home = Path(repository.path) / path
                yield Submodule(path, home if (home / ".git").exists() else None)
