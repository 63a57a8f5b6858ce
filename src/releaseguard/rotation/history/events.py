"""The steps of a rotation as typed values: every event that a chain may hold, its name, its fields and their types.

The names and keys are an interface for good (docs/adr/0002): a reader must understand rows of any age, so keys are
added and never renamed, and every field that older rows lack has a default. A type whose fields change their meaning
gets another ``schema``, which its rows carry; rows without one are of the first.

What has no type here, or a field that is not of its type, is not a step of ours:
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
    """A step that says nothing but who may write."""

    rotation_id: Name | UnsetType = UNSET


class LeaseTaken(LeaseEvent, frozen=True, kw_only=True):
    """A run may write from here on, and nobody else."""

    name = "rotation_lease_taken"


class LeaseRenewed(LeaseEvent, frozen=True, kw_only=True):
    """The run that holds the lease is still there."""

    name = "rotation_lease_renewed"


class LeaseReleased(LeaseEvent, frozen=True, kw_only=True):
    """The run is over: the next need not wait for the lease to expire."""

    name = "rotation_lease_released"


class RowsDisowned(ChainStep, frozen=True, kw_only=True):
    """A person has looked at rows that are not believed, and decided that they are not part of the history."""

    name = "chain_rows_disowned"
    ids: Annotated[tuple[Name, ...], Many] = ()
    reason: Text


class Planned(RotationEvent, frozen=True, kw_only=True):
    """What is to be rotated, from where, and where to; nothing has been written."""

    name = "rotation_planned"
    unit: Name
    origin: ValueSource = ValueSource.VAULT
    reason: Text | None = None
    leak: LeakReport | None = None
    secrets: Annotated[tuple[PlannedSecret, ...], Many] = ()
    accepted: Annotated[tuple[Name, ...], Many] | UnsetType = UNSET
    """Secrets whose values look wrong, and were taken because a person said so, with ``reason``."""


class Staged(RotationEvent, frozen=True, kw_only=True):
    """The new versions are settled, and the old ones that a way back would bring: they are what is pushed."""

    name = "rotation_staged"
    secrets: Annotated[tuple[PinnedSecret, ...], Many] = ()
    destinations: Annotated[tuple[StagedPlace, ...], Many] = ()


class StoredInVault(RotationEvent, frozen=True, kw_only=True):
    """The vault, which was away, holds what was brought out: from here on it is the version that is named."""

    name = "rotation_stored_in_vault"
    secrets: Annotated[tuple[PinnedSecret, ...], Many] = ()


class DestinationsSkipped(RotationEvent, frozen=True, kw_only=True):
    """Which destinations are left out from here on: all of them, whatever was said before."""

    name = "rotation_destinations_skipped"
    destinations: Annotated[tuple[SkippedTarget, ...], Many] = ()


class WaitingApproval(RotationEvent, frozen=True, kw_only=True):
    """The vault wants somebody's approval before it shows the new value."""

    name = "rotation_waiting_approval"
    secrets: Annotated[tuple[Name, ...], Many] = ()
    fingerprints: dict[Name, Text] | UnsetType = UNSET
    """Of the values that wait, as far as they may have one: what else becomes the newest meanwhile is another."""


class Directed(RotationEvent, frozen=True, kw_only=True):
    """A step of carrying versions one way or the other."""

    direction: Direction = Direction.FORWARD


class HandEvent(RotationEvent, frozen=True, kw_only=True):
    """A step about what a person does; without a direction it is on the way out."""

    direction: Direction | UnsetType = UNSET

    @property
    def way(self) -> Direction:
        """Which way versions are carried."""
        return self.direction or Direction.FORWARD


class WaitingConsole(HandEvent, frozen=True, kw_only=True):
    """Somebody has to do something: at the provider, or at the places and deployments that are named."""

    name = "rotation_waiting_console"
    steps: Text | None = None
    destinations: Annotated[tuple[Target, ...], Many] | UnsetType = UNSET
    """Places that a person is to write."""
    deployments: Annotated[tuple[HandDeployment, ...], Many] | UnsetType = UNSET
    """What a person is to deploy."""


class ConsoleConfirmed(HandEvent, frozen=True, kw_only=True):
    """Somebody has said that it is done."""

    name = "rotation_console_confirmed"


class PushStarted(Directed, frozen=True, kw_only=True):
    """Requests to a destination follow: whether they took effect is unknown until more is said."""

    name = "destination_push_started"
    versions: dict[Name, Version | None] = {}
    destinations: Annotated[tuple[Target, ...], Many]


class PushFinished(Directed, frozen=True, kw_only=True):
    """The destination holds it, as far as it lets one read back."""

    name = "destination_push_finished"
    destinations: Annotated[tuple[PushedTarget, ...], Many]


class PushFailed(Directed, frozen=True, kw_only=True):
    """A destination did not take it."""

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
    """Every deployment that the secret needs is the one that is served."""

    name = "rotation_deployed"


class DeploymentEvent(Directed, frozen=True, kw_only=True):
    """A step of deploying one place."""

    place: Name
    target: Name


class DeploymentRequested(DeploymentEvent, frozen=True, kw_only=True):
    """A request for a deployment follows: it may exist although nothing more is said of it."""

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
    """The service has begun it."""

    name = "deployment_created"


class DeploymentReady(DeploymentMade, frozen=True, kw_only=True):
    """It is served."""

    name = "deployment_ready"


class DeploymentFailed(DeploymentMade, frozen=True, kw_only=True):
    """It will not be served."""

    name = "deployment_failed"
    outcome = Outcome.ERROR
    reason: Text | None = None


class ProofStep(RotationEvent, frozen=True, kw_only=True):
    """A proof as far as it goes: counts and row ids, nothing else."""

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
    """The time to prove is over, and something is missing: that is told, and nothing is undone."""

    name = "rotation_unproven"


class RolledBack(ProofStep, frozen=True, kw_only=True):
    """The version before is everywhere again, and proven."""

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
    """As it was when the person said so."""

    def __post_init__(self) -> None:
        if self.revoked_at is None:
            return
        try:
            from_text(self.revoked_at)
        except ValueError:
            raise ValueError("revoked_at is no time") from None


class RollingBack(RotationEvent, frozen=True, kw_only=True):
    """From here on the version before is what is carried to the places."""

    name = "rotation_rolling_back"
    outcome = Outcome.ERROR
    reason: Text | None = None
    cause: Cause | UnsetType = UNSET


class RotationFailed(RotationEvent, frozen=True, kw_only=True):
    """It went no farther; what was written stays as it is."""

    name = "rotation_failed"
    outcome = Outcome.ERROR
    reason: Text | None = None
    cause: Cause | UnsetType = UNSET


class Aborted(RotationEvent, frozen=True, kw_only=True):
    """A person has given it up; what was written stays as it is."""

    name = "rotation_aborted"
    reason: Text | None = None


class AbortedByRefusal(Aborted, frozen=True, kw_only=True):
    """Given up because the new value is one that must not come back."""

    outcome = Outcome.ERROR


class Continued(RotationEvent, frozen=True, kw_only=True):
    """A failed rotation is taken on again; a report of a leak may be added to one that is under way."""

    name = "rotation_continued"
    leak: LeakReport | None = None
    direction: Direction | UnsetType = UNSET


class LeakExposed(RotationEvent, frozen=True, kw_only=True):
    """What a leak exposed, as far as anybody could find out."""

    name = EXPOSED
    exposure: ExposureReport


TYPES: Mapping[str, type[ChainStep]] = {
    kind.name: kind
    for kind in (
        *(LeaseTaken, LeaseRenewed, LeaseReleased, RowsDisowned),
        *(Planned, DestinationsSkipped, Staged, StoredInVault, WaitingApproval, WaitingConsole, ConsoleConfirmed),
        *(PushStarted, PushFinished, PushFailed, Pushed),
        *(DeploymentRequested, DeploymentCreated, DeploymentReady, DeploymentFailed, Deployed),
        *(Proven, Unproven, Retired, RollingBack, RolledBack, RotationFailed, Aborted, Continued, LeakExposed),
    )
}
"""Every event of a chain, by its name."""
