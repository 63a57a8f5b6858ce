"""What Infisical's answers hold of what is read here: any member may be missing, or be of another type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict


class EnvironmentListed(TypedDict, total=False):
    """An environment of a project."""

    name: str
    slug: str


class SecretFound(TypedDict, total=False):
    """A secret, of a listing or on its own; ``_id``: of an older server."""

    id: str
    _id: str
    version: int
    secretKey: str
    secretValue: str
    secretValueHidden: bool
    secretPath: str
    updatedAt: str


class ImportFound(TypedDict, total=False):
    """What a folder takes in from another place."""

    environment: str
    secretPath: str
    secrets: Sequence[SecretFound] | None


class SecretsListed(TypedDict, total=False):
    """A listing of one folder, or of an environment's folders all."""

    secrets: Sequence[SecretFound] | None
    imports: Sequence[ImportFound] | None


class ProjectFound(TypedDict, total=False):
    """A project, as ``workspace`` on older servers, or the answer itself."""

    workspace: ProjectFound | None
    project: ProjectFound | None
    environments: Sequence[EnvironmentListed] | None


class FolderFound(TypedDict, total=False):
    """Where a rotation keeps its secrets."""

    path: str


class RotationFound(TypedDict, total=False):
    """A rotation that Infisical makes; ``secretsMapping`` holds the names of its secrets by their part in it."""

    id: str
    type: str
    environment: EnvironmentListed | None
    folder: FolderFound | None
    secretsMapping: Mapping[str, str] | None
    rotationStatus: str | None


class AuditedEvent(TypedDict, total=False):
    """What was done; its metadata say to which secret."""

    type: str
    metadata: Mapping[str, str] | None


class AuditedActor(TypedDict, total=False):
    """Who did it."""

    type: str
    metadata: Mapping[str, str] | None


class AuditEntryFound(TypedDict, total=False):
    """An entry of the organisation's audit log."""

    createdAt: str
    event: AuditedEvent | None
    actor: AuditedActor | None
