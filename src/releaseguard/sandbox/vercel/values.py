"""What Vercel's stand-in holds."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


def new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(12)}"


@dataclass(slots=True)
class VercelVariable:
    """One record: a name and value that serve all of its targets and custom environments."""

    id: str
    key: str
    value: str = field(repr=False)
    type: str
    target: tuple[str, ...]
    created_at: datetime
    updated_at: datetime
    custom_environments: tuple[str, ...] = ()
    branch: str | None = None
    comment: str = ""

    def serves(self, target: str, branch: str | None = None) -> bool:
        return target in (*self.target, *self.custom_environments) and self.branch in {None, branch}

    def collides(self, other: VercelVariable) -> bool:
        mine, theirs = {*self.target, *self.custom_environments}, {*other.target, *other.custom_environments}
        return self.id != other.id and self.key == other.key and self.branch == other.branch and bool(mine & theirs)


@dataclass(slots=True)
class VercelDeployment:
    """One deployment with the environment that it holds for good."""

    id: str
    project: str
    target: str
    """``production``, ``preview`` or a custom environment's id."""
    created_at: datetime
    environment: Mapping[str, str] = field(repr=False)
    meta: dict[str, str]
    source: str = "git"
    state: str = "QUEUED"
    fate: str = "READY"
    """The state that it will end in."""
    polls: int = 0
    reason: str | None = None

    @property
    def release(self) -> str | None:
        return self.meta.get("githubCommitSha")


@dataclass(slots=True)
class VercelProject:
    id: str
    name: str
    created_at: datetime
    variables: dict[str, VercelVariable] = field(default_factory=dict)
    deployments: list[VercelDeployment] = field(default_factory=list)
    custom_environments: dict[str, str] = field(default_factory=dict)
    """Slugs by id."""
    serving: dict[str, VercelDeployment] = field(default_factory=dict)
    """What each target serves now."""
