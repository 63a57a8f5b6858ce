"""Searches a git repository for managed values: its working tree and every object of its history.

It is read with dulwich, inside this process: SAFE MODE allows no child process, and a value given to ``git grep`` would
be visible in that process's arguments.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from releaseguard.errors import ConfigError
from releaseguard.leaks.finding import ValueFinder
from releaseguard.leaks.forms import SHORTEST
from releaseguard.leaks.history import ObjectHistory
from releaseguard.leaks.interface import Haystack, Needle, Searched, Watch, unwatched
from releaseguard.leaks.missing import parts_that_are_not_here
from releaseguard.leaks.report import SearchReport
from releaseguard.leaks.submodules import Submodule, submodules
from releaseguard.leaks.worktree import WorkingTree

if TYPE_CHECKING:
    from dulwich.repo import Repo


class GitRepository(Haystack):
    """The repository that contains ``root`` (a working tree with ``.git``, a folder in one, or a bare repository)."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def search(self, needles: Sequence[Needle], watch: Watch = unwatched) -> Searched:
        """The places of the needles, in any form: in the working tree, its submodules and every commit here.

        Raises ``ConfigError`` where ``root`` is in no repository, or in one that cannot be read.
        """
        report = SearchReport(ValueFinder(needles), watch)
        with _opened(self.root) as repository:
            _search(repository, report, "")
        report.left_out += _too_short(needles)
        return report.result()


def _search(repository: Repo, report: SearchReport, prefix: str) -> None:
    report.missing(parts_that_are_not_here(repository), prefix)
    if not repository.bare:
        WorkingTree(repository, report, prefix).search()
    ObjectHistory(repository, report, prefix).search()
    for submodule in submodules(repository):
        _search_submodule(submodule, report, prefix)


def _search_submodule(submodule: Submodule, report: SearchReport, prefix: str) -> None:
    path = f"{prefix}{submodule.path}"
    if submodule.home is None:
        report.left_out.append(f"submodule {path} is not checked out")
        return
    with _opened(submodule.home) as repository:
        # Its files stand in the working tree around it and were searched with that; its history is its own.
        ObjectHistory(repository, report, f"{path}/").search()


def _opened(root: Path) -> Repo:
    from dulwich.errors import NotGitRepository
    from dulwich.repo import Repo, UnsupportedExtension, UnsupportedVersion

    try:
        return Repo.discover(str(root))
    except NotGitRepository:
        raise ConfigError(
            "is not a git repository", where=str(root), next_step="Name the folder that holds .git."
        ) from None
    except (UnsupportedExtension, UnsupportedVersion) as problem:
        raise ConfigError(
            f"is a git repository in a format that cannot be read here ({problem})",
            where=str(root),
            next_step="Clone it (git clone makes the usual format) and search the clone.",
        ) from None


def _too_short(needles: Sequence[Needle]) -> Iterator[str]:
    for needle in needles:
        if len(needle.value.reveal()) < SHORTEST:
            yield f"{needle.name} version {needle.version} has fewer than {SHORTEST} characters and was not looked for"
