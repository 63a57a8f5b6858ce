"""The submodules of a repository, and where their own repositories lie."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from releaseguard.leaks.worktree import indexed

if TYPE_CHECKING:
    from dulwich.repo import Repo

_GITLINK = 0o160000
"""The mode of an entry that names a commit of another repository (git-update-index, gitmodules)."""


@dataclass(frozen=True, slots=True)
class Submodule:
    """A submodule at ``path``; ``home`` is where its repository is, ``None`` where it was not checked out."""

    path: str
    home: Path | None


def submodules(repository: Repo) -> Iterator[Submodule]:
    """Those of the index, by path; of a bare repository none."""
    if not repository.bare:
        for path, entry in sorted(indexed(repository).items()):
            if entry.mode == _GITLINK:
                home = Path(repository.path) / path
                yield Submodule(path, home if (home / ".git").exists() else None)
