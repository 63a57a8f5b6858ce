"""Which parts of a repository's history a clone lacks; finding nothing there proves nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dulwich.config import ConfigFile
    from dulwich.repo import Repo


@dataclass(frozen=True, slots=True)
class MissingPart:
    """Something that was not searched, in words, and the command that fetches it (empty where there is none)."""

    what: str
    step: str = ""


def parts_that_are_not_here(repository: Repo) -> Sequence[MissingPart]:
    """What the clone was told not to fetch: old commits, files, or other branches."""
    return list(_parts(repository))


def _parts(repository: Repo) -> Iterator[MissingPart]:
    if repository.get_shallow():
        yield MissingPart(
            "this is a shallow clone: the rest of its history was not searched",
            "git fetch --unshallow (in a workflow: actions/checkout with fetch-depth: 0)",
        )
    config = repository.get_config()
    if _is_partial(config):
        yield MissingPart(
            "this is a partial clone: files that were never fetched were not searched",
            "git fetch --refetch --no-filter",
        )
    for remote in _of_few_branches(config):
        yield MissingPart(
            f"of the branches of {remote} only some are here: the others were not searched",
            f"git remote set-branches {remote} '*' && git fetch {remote}",
        )


def _is_partial(config: ConfigFile) -> bool:
    """Whether objects may have been left at a promisor remote (https://git-scm.com/docs/partial-clone)."""
    sections = list(config.sections())
    return any(
        name.lower() in (b"promisor", b"partialclone", b"partialclonefilter")
        for section in sections
        if section[0].lower() in (b"remote", b"extensions")
        for name, _ in config.items(section)
    )


def _of_few_branches(config: ConfigFile) -> Iterator[str]:
    """The remotes of which only named branches are fetched, as after ``git clone --single-branch``."""
    for section in config.sections():
        if section[0].lower() == b"remote" and len(section) > 1:
            fetched = [value for name, value in config.items(section) if name.lower() == b"fetch"]
            branches = [spec for spec in fetched if b"refs/heads/" in spec]
            if branches and not any(b"refs/heads/*" in spec for spec in branches):
                yield section[1].decode(errors="replace")
