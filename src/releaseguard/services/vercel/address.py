"""Where Vercel keeps variables: ``vercel:PROJECT/production,preview``, a project's, for these targets."""

from __future__ import annotations

import re
from dataclasses import dataclass

from releaseguard.destinations.address import Address, Scheme

STANDARD_TARGETS = ("production", "preview", "development")
"""Vercel's own targets, in the order they are written in; every other target is a custom environment's slug."""

_PROJECT_ID, _ENVIRONMENT_ID = "prj_", "env_"
"""How ids begin."""
_FORM = re.compile(r"(?P<project>[A-Za-z0-9._-]+)/(?P<targets>[A-Za-z0-9_-]+(?:\s*,\s*[A-Za-z0-9_-]+)*)")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class VercelAddress(Address):
    """Some targets of a project. ``targets`` are sorted, Vercel's own first."""

    project: str

    def may_be(self, other: Address) -> bool:
        """A project or a custom environment has an id and a name, and may be spelled by either."""
        if not isinstance(other, VercelAddress) or self.overlaps(other):
            return False
        pairs = ((mine, theirs) for mine in self.targets for theirs in other.targets)
        return _may_be(self.project, other.project, _PROJECT_ID) and any(
            mine == theirs or (not {mine, theirs} & {*STANDARD_TARGETS} and _may_be(mine, theirs, _ENVIRONMENT_ID))
            for mine, theirs in pairs
        )


def targets_of(project: str, targets: set[str]) -> VercelAddress:
    """The address of ``targets`` of ``project``."""
    return VercelAddress(base=f"vercel:{project}", project=project, targets=tuple(sorted(targets, key=_target_order)))


def _read(rest: str) -> Address | None:
    found = _FORM.fullmatch(rest)
    return targets_of(found["project"], {one.strip() for one in found["targets"].split(",")}) if found else None


def _may_be(one: str, other: str, id_prefix: str) -> bool:
    """Whether two words of Vercel's may mean the same: an id and a name do, and letter case is for it to judge."""
    return one.lower() == other.lower() or one.startswith(id_prefix) != other.startswith(id_prefix)


def _target_order(target: str) -> tuple[int, str]:
    return (STANDARD_TARGETS.index(target) if target in STANDARD_TARGETS else len(STANDARD_TARGETS), target)


SCHEME = Scheme("vercel", ("vercel:PROJECT/production,preview",), _read)
