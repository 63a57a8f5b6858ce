"""What Infisical's stand-in holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypedDict


class AuditLogs(StrEnum):
    """What the plan has."""

    KEPT = "kept"
    EMPTY = "empty"
    FORBIDDEN = "forbidden"


SLUG = "lovendo-app"
"""What the stand-in's project is called in addresses."""


class AuditMetadata(TypedDict):
    """Which secret an entry of the audit log is about."""

    environment: str
    secretPath: str
    secretKey: str
    secretVersion: int


class AuditedAction(TypedDict):
    """What was done."""

    type: str
    metadata: AuditMetadata


class AuditActor(TypedDict):
    """Who did it."""

    type: str
    metadata: Mapping[str, str]


class AuditEntry(TypedDict):
    """An entry of the audit log, as it is shown."""

    id: str
    ipAddress: str
    userAgent: str
    userAgentType: str
    createdAt: str
    updatedAt: str
    expiresAt: str | None
    orgId: str
    projectId: str
    event: AuditedAction
    actor: AuditActor


@dataclass(frozen=True, slots=True)
class Folder:
    """Where secrets live: a folder of an environment of a project."""

    project: str
    environment: str
    path: str = "/"


@dataclass(frozen=True, slots=True)
class StoredVersion:
    value: str = field(repr=False)
    at: datetime


@dataclass(slots=True)
class StoredSecret:
    """One secret with all its versions; a namesake created after a deletion is another one."""

    id: str
    versions: list[StoredVersion]

    @property
    def newest(self) -> int:
        return len(self.versions)


@dataclass(slots=True)
class InfisicalRotation:
    """One of Infisical's own rotations: which secrets it renews."""

    id: str
    name: str
    type: str
    place: Folder
    mapping: Mapping[str, str]
    """The rotation's outputs (``password``) and the secrets that hold them."""


@dataclass(slots=True)
class Proposal:
    id: str
    place: Folder
    name: str
    value: str = field(repr=False)
