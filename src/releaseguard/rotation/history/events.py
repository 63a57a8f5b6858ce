"""The steps of a rotation as typed values: every event that a chain may hold, with its name, fields and types.

Names and keys are a permanent interface (docs/adr/0002): readers must understand rows of any age, so keys are added and
never renamed, and every field that older rows lack has a default. Where the meaning of a type's fields changes, its
rows carry a new ``schema`` number; rows without one are of the first.

An event without a type here, or with a field of another type, is not a step of ours:
:func:`releaseguard.rotation.history.rows.parse` reads strictly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from msgspec import UNSET, Meta, Struct, UnsetType

from releaseguard.model import Outcome, from_text
from releaseguard.rotation.exposure.report import EVENT as EXPOSED
from releaseguard.rotation.exposure.report import ExposureReport
from releaseguard.rotation.history.parts import (
    CertificateRecord,
    Count,
    HandDeployment,
    LeakReport,
    Many,
    Name,
    PinnedSecret,
    PlannedSecret,
    ProvenRuntime,
    PushedTarget,
    SkippedTarget,
    StagedPlace,
    Target,
    Text,
    Version,
)
from releaseguard.rotation.values import Basis, Cause, Direction, Grade
from releaseguard.vault.source import ValueSource


class ChainStep(Struct, frozen=True, kw_only=True):
    """A step of a chain. ``holder`` is the run that wrote it: every step takes or renews its lease."""

    name: ClassVar[str]
    schema: ClassVar[int] = 1
    outcome: ClassVar[Outcome] = Outcome.SUCCESS
    holder: Text = ""


class RotationEvent(ChainStep, frozen=True, kw_only=True):
    """A step that belongs to one rotation."""

    rotation_id: Name


class LeaseEvent(ChainStep, frozen=True, kw_only=True):
    """A step that only says who may write."""

    rotation_id: Name | UnsetType = UNSET


class LeaseTaken(LeaseEvent, frozen=True, kw_only=True):
    """A run may write from here on, and no other."""

    name = "rotation_lease_taken"


class LeaseRenewed(LeaseEvent, frozen=True, kw_only=True):
    """The run that holds the lease is still alive."""

    name = "rotation_lease_renewed"


class LeaseReleased(LeaseEvent, frozen=True, kw_only=True):
    """The run is over; the next need not wait until the lease expires."""

    name = "rotation_lease_released"


class ChainNote(ChainStep, frozen=True, kw_only=True):
    """What is known from here on, whoever writes: it takes no lease, and takes none away."""

    rotation_id: Name
    """Of what it is about: a rotation, or the report itself."""


class LeakReported(ChainNote, frozen=True, kw_only=True):
    """A value leaked, and no rotation could be begun, or go on, because of it."""

    name = "leak_reported"
    outcome = Outcome.ERROR
    unit: Name
    leak: LeakReport
    secrets: Annotated[tuple[PinnedSecret, ...], Many] = ()
    """What leaked, on their ``from`` side: as far as it is known by more than its number."""
    problem: Text | None = None
    """Why nothing could be rotated."""


class LeakWithdrawn(ChainNote, frozen=True, kw_only=True):
    """A person has looked, and what was reported of a rotation, or by itself, is no leak."""

    name = "leak_withdrawn"
    reason: Text


class RowsDisowned(ChainStep, frozen=True, kw_only=True):
    """A person has examined rows that are not believed, and decided that they do not belong to the history."""

    name = "chain_rows_disowned"
    ids: Annotated[tuple[Name, ...], Many] = ()
    reason: Text


class Planned(RotationEvent, frozen=True, kw_only=True):
    """What will be rotated, from where and to where; nothing has been written."""

    name = "rotation_planned"
    unit: Name
    origin: ValueSource = ValueSource.VAULT
    reason: Text | None = None
    leak: LeakReport | None = None
    secrets: Annotated[tuple[PlannedSecret, ...], Many] = ()
    accepted: Annotated[tuple[Name, ...], Many] | UnsetType = UNSET
    """Secrets whose values look wrong and that a person accepted, with ``reason``."""


class Staged(RotationEvent, frozen=True, kw_only=True):
    """The new versions, which will be pushed, and the old ones, which a roll-back would push, are fixed."""

    name = "rotation_staged"
    secrets: Annotated[tuple[PinnedSecret, ...], Many] = ()
    destinations: Annotated[tuple[StagedPlace, ...], Many] = ()


class StoredInVault(RotationEvent, frozen=True, kw_only=True):
    """The vault, which was unreachable, now holds the value that was rolled out; its version is named from here on."""

    name = "rotation_stored_in_vault"
    secrets: Annotated[tuple[PinnedSecret, ...], Many] = ()


class DestinationsSkipped(RotationEvent, frozen=True, kw_only=True):
    """The complete list of destinations that are left out from here on."""

    name = "rotation_destinations_skipped"
    destinations: Annotated[tuple[SkippedTarget, ...], Many] = ()


class WaitingApproval(RotationEvent, frozen=True, kw_only=True):
    """The vault waits for an approval before it shows the new value."""

    name = "rotation_waiting_approval"
    secrets: Annotated[tuple[Name, ...], Many] = ()
    fingerprints: dict[Name, Text] | UnsetType = UNSET
    """Fingerprints of the waiting values, where they may have one: a newest version with another value is not the
    proposed one."""


class Directed(RotationEvent, frozen=True, kw_only=True):
    """A step of carrying versions forward or back."""

    direction: Direction = Direction.FORWARD


class HandEvent(RotationEvent, frozen=True, kw_only=True):
    """A step about something a person does; without a direction it is a step forward."""

    direction: Direction | UnsetType = UNSET

    @property
    def way(self) -> Direction:
        """The direction in which versions are carried."""
        return self.direction or Direction.FORWARD


class WaitingConsole(HandEvent, frozen=True, kw_only=True):
    """A person has to do something at the provider, or at the named places and deployments."""

    name = "rotation_waiting_console"
    steps: Text | None = None
    destinations: Annotated[tuple[Target, ...], Many] | UnsetType = UNSET
    """Places that a person has to write."""
    deployments: Annotated[tuple[HandDeployment, ...], Many] | UnsetType = UNSET
    """Places that a person has to deploy."""


class ConsoleConfirmed(HandEvent, frozen=True, kw_only=True):
    """A person has confirmed that it is done."""

    name = "rotation_console_confirmed"


class PushStarted(Directed, frozen=True, kw_only=True):
    """Requests to a destination follow; whether they took effect is unknown until a later step says so."""

    name = "destination_push_started"
    versions: dict[Name, Version | None] = {}
    destinations: Annotated[tuple[Target, ...], Many]


class PushFinished(Directed, frozen=True, kw_only=True):
    """The destination holds the value, as far as it can be read back."""

    name = "destination_push_finished"
    destinations: Annotated[tuple[PushedTarget, ...], Many]


class PushFailed(Directed, frozen=True, kw_only=True):
    """A destination did not accept the value."""

    name = "destination_push_failed"
    outcome = Outcome.ERROR
    destination: Name
    uri: Text = ""
    problem: Text | None = None
    writes: dict[Name, Count] = {}


class Pushed(Directed, frozen=True, kw_only=True):
    """Every destination holds it."""

    name = "rotation_pushed"


class Deployed(Directed, frozen=True, kw_only=True):
    """Every deployment that the secret needs is being served."""

    name = "rotation_deployed"


class DeploymentEvent(Directed, frozen=True, kw_only=True):
    """A step of deploying one place."""

    place: Name
    target: Name


class DeploymentRequested(DeploymentEvent, frozen=True, kw_only=True):
    """A request for a deployment follows; the deployment may exist even if no later step mentions it."""

    name = "deployment_requested"
    attempt: Annotated[int, Meta(ge=1, le=2**31 - 1)] = 1
    meta: dict[Name, Text] = {}
    before_id: Text | None = None
    before_release: Text | None = None


class DeploymentMade(DeploymentEvent, frozen=True, kw_only=True):
    """A deployment that is known to exist."""

    deployment_id: Text | None = None
    release: Text | None = None


class DeploymentCreated(DeploymentMade, frozen=True, kw_only=True):
    """The service has begun the deployment."""

    name = "deployment_created"


class DeploymentReady(DeploymentMade, frozen=True, kw_only=True):
    """The deployment is being served."""

    name = "deployment_ready"


class DeploymentFailed(DeploymentMade, frozen=True, kw_only=True):
    """The deployment will not be served."""

    name = "deployment_failed"
    outcome = Outcome.ERROR
    reason: Text | None = None


class ProofStep(RotationEvent, frozen=True, kw_only=True):
    """The state of a proof: counts and row ids only."""

    grade: Grade | None = None
    basis: Basis | UnsetType = UNSET
    events: Annotated[tuple[Name, ...], Many] = ()
    missing: Annotated[tuple[Text, ...], Many] = ()
    runtimes: Annotated[tuple[ProvenRuntime, ...], Many] = ()
    certificate: CertificateRecord | UnsetType = UNSET


class Proven(ProofStep, frozen=True, kw_only=True):
    """Every consumer has used the new value."""

    name = "rotation_proven"


class Unproven(ProofStep, frozen=True, kw_only=True):
    """The time for a proof has passed; what is missing is recorded, and nothing is undone."""

    name = "rotation_unproven"


class RolledBack(ProofStep, frozen=True, kw_only=True):
    """The previous version is in place everywhere again, and proven."""

    name = "rotation_rolled_back"
    outcome = Outcome.ERROR
    reason: Text | None = None
    cause: Cause | UnsetType = UNSET


class Retired(RotationEvent, frozen=True, kw_only=True):
    """A person confirmed that the old value is revoked."""

    name = "rotation_retired"
    revoked_at: Text | None = None
    old_successes: Count | None = None
    certificate: CertificateRecord | UnsetType = UNSET
    """The certificate as it was at the confirmation."""

    def __post_init__(self) -> None:
        if self.revoked_at is None:
            return
        try:
            from_text(self.revoked_at)
        except ValueError:
            raise ValueError("revoked_at is no time") from None


class RollingBack(RotationEvent, frozen=True, kw_only=True):
    """From here on the previous version is carried to the places."""

    name = "rotation_rolling_back"
    outcome = Outcome.ERROR
    reason: Text | None = None
    cause: Cause | UnsetType = UNSET


class RotationFailed(RotationEvent, frozen=True, kw_only=True):
    """The rotation stopped; what was written stays as it is."""

    name = "rotation_failed"
    outcome = Outcome.ERROR
    reason: Text | None = None
    cause: Cause | UnsetType = UNSET


class Aborted(RotationEvent, frozen=True, kw_only=True):
    """A person gave the rotation up; what was written stays as it is."""

    name = "rotation_aborted"
    reason: Text | None = None


class AbortedByRefusal(Aborted, frozen=True, kw_only=True):
    """Given up because the new value is one that must not return."""

    outcome = Outcome.ERROR


class Continued(RotationEvent, frozen=True, kw_only=True):
    """A failed rotation is continued; a running one may be given the report of a leak."""

    name = "rotation_continued"
    leak: LeakReport | None = None
    direction: Direction | UnsetType = UNSET


class LeakExposed(RotationEvent, frozen=True, kw_only=True):
    """What a leak exposed, as far as it could be found out."""

    name = EXPOSED
    exposure: ExposureReport


TYPES: Mapping[str, type[ChainStep]] = {
    kind.name: kind
    for kind in (
        *(LeaseTaken, LeaseRenewed, LeaseReleased, RowsDisowned, LeakReported, LeakWithdrawn),
        *(Planned, DestinationsSkipped, Staged, StoredInVault, WaitingApproval, WaitingConsole, ConsoleConfirmed),
        *(PushStarted, PushFinished, PushFailed, Pushed),
        *(DeploymentRequested, DeploymentCreated, DeploymentReady, DeploymentFailed, Deployed),
        *(Proven, Unproven, Retired, RollingBack, RolledBack, RotationFailed, Aborted, Continued, LeakExposed),
    )
}
"""Every event of a chain, by its name."""

NOTES = frozenset(name for name, kind in TYPES.items() if issubclass(kind, ChainNote))
"""Steps that say nothing of who may write."""
