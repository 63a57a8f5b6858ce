"""The steps of a rotation as typed values: every event that a chain may hold, its name, its fields and their types.

The names and keys are an interface for good (docs/adr/0002): a reader must understand rows of any age, so keys are
added and never renamed, and every field that older rows lack has a default. A type whose fields change their meaning
gets another ``schema``, which its rows carry; rows without one are of the first.

:func:`parse` reads strictly: what has no type here, or a field that is not of its type, is no step of ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from releaseguard.audit.chain import Draft
from releaseguard.keeping import said
from releaseguard.model import Event, Outcome, from_text
from releaseguard.rotation.values import Direction, Grade, Leak, ValueSource

LONGEST_WRITTEN = 4_000
"""Characters of one text that are written; what a service says may be a page of HTML."""

Text = Annotated[str, Meta(max_length=100_000)]
Name = Annotated[str, Meta(min_length=1, max_length=10_000)]
"""Of a secret, a unit, a place, a person's run."""
Version = Annotated[int, Meta(ge=0, le=2**31 - 1)]
"""A secret's in the vault."""
Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Many = Meta(max_length=10_000)


class Malformed(ValueError):
    """A row that is no step of a rotation. Its text says why, without a value of the row."""


# --- Parts ------------------------------------------------------------------------------------------------------


class Part(Struct, frozen=True, kw_only=True):
    """A value inside an event."""


class LeakReport(Part, frozen=True, kw_only=True):
    reason: Text | None = None
    versions: dict[Name, Version | None] = {}

    def to_leak(self) -> Leak:
        return Leak(str(self.reason), dict(self.versions))

    @classmethod
    def of(cls, leak: Leak | None) -> LeakReport | None:
        return cls(reason=leak.reason, versions=dict(leak.versions)) if leak else None


class PlannedSecret(Part, frozen=True, kw_only=True):
    name: Name
    from_version: Version | None = None
    seen_version: Version | None = None
    """The vault's newest before anything was staged."""
    seen_secret_id: Text | None = None


class PinnedSecret(Part, frozen=True, kw_only=True):
    name: Name
    from_version: Version | None = None
    to_version: Version | None = None
    secret_id: Text | None = None
    from_secret_id: Text | None = None


class StagedPlace(Part, frozen=True, kw_only=True):
    key: Name
    uri: Text = ""
    names: Annotated[tuple[Name, ...], Many] = ()


class Target(Part, frozen=True, kw_only=True):
    """A destination that is about to be written."""

    destination: Name
    """Its key in the history."""
    uri: Text = ""


class PushedTarget(Target, frozen=True, kw_only=True):
    """A destination that was written."""

    writes: dict[Name, Count] = {}
    markers: dict[Name, Text] = {}


class ProvenRuntime(Part, frozen=True, kw_only=True):
    uri: Text
    grade: Grade | None = None
    successes: Count = 0
    needed: Count = 0
    synthetic: Count = 0


# --- Events -----------------------------------------------------------------------------------------------------


class ChainStep(Struct, frozen=True, kw_only=True):
    """A step of a chain. ``holder`` is the run that wrote it: every step takes or renews its lease."""

    name: ClassVar[str]
    schema: ClassVar[int] = 1
    outcome: ClassVar[Outcome] = Outcome.SUCCESS
    holder: Text = ""

    def to_detail(self) -> Mapping[str, Any]:
        """What is stored under ``detail``: every field that is set, texts cut to :data:`LONGEST_WRITTEN`."""
        detail = {key: value for key, value in msgspec.to_builtins(self, str_keys=True).items() if value is not UNSET}
        return {**_cut(detail), **({"schema": self.schema} if self.schema > 1 else {})}

    def draft(self, holder: str) -> Draft:
        """The step as the chain takes it, written by ``holder``.

        Raises ``Malformed`` for what no reader would believe: a step that is not written harms less than one that
        breaks its chain.
        """
        detail = {**_scrubbed(self.to_detail()), "holder": holder}
        _convert(TYPES[self.name], detail)
        return Draft(self.name, detail, self.outcome)


class RotationEvent(ChainStep, frozen=True, kw_only=True):
    """A step that belongs to one rotation."""

    rotation_id: Name


class LeaseEvent(ChainStep, frozen=True, kw_only=True):
    """A step that says nothing but who may write."""

    rotation_id: Name | UnsetType = UNSET


class LeaseTaken(LeaseEvent, frozen=True, kw_only=True):
    name = "rotation_lease_taken"


class LeaseRenewed(LeaseEvent, frozen=True, kw_only=True):
    name = "rotation_lease_renewed"


class LeaseReleased(LeaseEvent, frozen=True, kw_only=True):
    name = "rotation_lease_released"


class RowsDisowned(ChainStep, frozen=True, kw_only=True):
    """A person has looked at rows that are not believed, and decided that they are no part of the history."""

    name = "chain_rows_disowned"
    ids: Annotated[tuple[Name, ...], Many] = ()
    reason: Text


class Planned(RotationEvent, frozen=True, kw_only=True):
    name = "rotation_planned"
    unit: Name
    origin: ValueSource = ValueSource.VAULT
    reason: Text | None = None
    leak: LeakReport | None = None
    secrets: Annotated[tuple[PlannedSecret, ...], Many] = ()


class Staged(RotationEvent, frozen=True, kw_only=True):
    name = "rotation_staged"
    secrets: Annotated[tuple[PinnedSecret, ...], Many] = ()
    destinations: Annotated[tuple[StagedPlace, ...], Many] = ()


class WaitingApproval(RotationEvent, frozen=True, kw_only=True):
    name = "rotation_waiting_approval"
    secrets: Annotated[tuple[Name, ...], Many] = ()


class WaitingConsole(RotationEvent, frozen=True, kw_only=True):
    name = "rotation_waiting_console"
    steps: Text | None = None


class ConsoleConfirmed(RotationEvent, frozen=True, kw_only=True):
    name = "rotation_console_confirmed"


class Directed(RotationEvent, frozen=True, kw_only=True):
    """A step of carrying versions one way or the other."""

    direction: Direction = Direction.FORWARD


class PushStarted(Directed, frozen=True, kw_only=True):
    name = "destination_push_started"
    versions: dict[Name, Version | None] = {}
    destinations: Annotated[tuple[Target, ...], Many]


class PushFinished(Directed, frozen=True, kw_only=True):
    name = "destination_push_finished"
    destinations: Annotated[tuple[PushedTarget, ...], Many]


class PushFailed(Directed, frozen=True, kw_only=True):
    name = "destination_push_failed"
    outcome = Outcome.ERROR
    destination: Name
    uri: Text = ""
    problem: Text | None = None
    writes: dict[Name, Count] = {}


class Pushed(Directed, frozen=True, kw_only=True):
    name = "rotation_pushed"


class Deployed(Directed, frozen=True, kw_only=True):
    name = "rotation_deployed"


class DeploymentEvent(Directed, frozen=True, kw_only=True):
    place: Name
    target: Name


class DeploymentRequested(DeploymentEvent, frozen=True, kw_only=True):
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
    name = "deployment_created"


class DeploymentReady(DeploymentMade, frozen=True, kw_only=True):
    name = "deployment_ready"


class DeploymentFailed(DeploymentMade, frozen=True, kw_only=True):
    name = "deployment_failed"
    outcome = Outcome.ERROR
    reason: Text | None = None


class ProofStep(RotationEvent, frozen=True, kw_only=True):
    """A proof as far as it goes: counts and row ids, nothing else."""

    grade: Grade | None = None
    events: Annotated[tuple[Name, ...], Many] = ()
    missing: Annotated[tuple[Text, ...], Many] = ()
    runtimes: Annotated[tuple[ProvenRuntime, ...], Many] = ()


class Proven(ProofStep, frozen=True, kw_only=True):
    name = "rotation_proven"


class Unproven(ProofStep, frozen=True, kw_only=True):
    name = "rotation_unproven"


class RolledBack(ProofStep, frozen=True, kw_only=True):
    name = "rotation_rolled_back"
    outcome = Outcome.ERROR
    reason: Text | None = None


class Retired(RotationEvent, frozen=True, kw_only=True):
    """A person confirmed that the old value is revoked."""

    name = "rotation_retired"
    revoked_at: Text | None = None
    old_successes: Count | None = None

    def __post_init__(self) -> None:
        if self.revoked_at is None:
            return
        try:
            from_text(self.revoked_at)
        except ValueError:
            raise ValueError("revoked_at is no time") from None


class RollingBack(RotationEvent, frozen=True, kw_only=True):
    name = "rotation_rolling_back"
    outcome = Outcome.ERROR
    reason: Text | None = None


class RotationFailed(RotationEvent, frozen=True, kw_only=True):
    name = "rotation_failed"
    outcome = Outcome.ERROR
    reason: Text | None = None


class Aborted(RotationEvent, frozen=True, kw_only=True):
    name = "rotation_aborted"
    reason: Text | None = None


class AbortedByRefusal(Aborted, frozen=True, kw_only=True):
    """Given up because the new value is one that must not come back."""

    outcome = Outcome.ERROR


class Continued(RotationEvent, frozen=True, kw_only=True):
    """A failed rotation is taken forward again; a report of a leak may be added to one that is under way."""

    name = "rotation_continued"
    leak: LeakReport | None = None


TYPES: Mapping[str, type[ChainStep]] = {
    kind.name: kind
    for kind in (
        *(LeaseTaken, LeaseRenewed, LeaseReleased, RowsDisowned),
        *(Planned, Staged, WaitingApproval, WaitingConsole, ConsoleConfirmed),
        *(PushStarted, PushFinished, PushFailed, Pushed),
        *(DeploymentRequested, DeploymentCreated, DeploymentReady, DeploymentFailed, Deployed),
        *(Proven, Unproven, Retired, RollingBack, RolledBack, RotationFailed, Aborted, Continued),
    )
}
"""Every event of a chain, by its name."""


# --- From and to rows -------------------------------------------------------------------------------------------


def parse(event: Event) -> ChainStep:
    """The typed value of a row. Raises ``Malformed`` for a type or a field that is not known, and nothing else."""
    kind = TYPES.get(event.event)
    if kind is None:
        raise Malformed("is of a type that no step has")
    if event.detail.get("schema", 1) != kind.schema:
        raise Malformed("is of another version of its type than this releaseguard knows: a newer one may know it")
    return _convert(kind, event.detail)


def fault(event: Event) -> str | None:
    """What keeps a row from being a step; ``None``: nothing."""
    try:
        parse(event)
    except Malformed as error:
        return str(error)
    return None


def _convert(kind: type[ChainStep], detail: Mapping[str, Any]) -> ChainStep:
    try:
        step = msgspec.convert(_whole(kind, detail), kind, strict=True)
    except (msgspec.ValidationError, RecursionError) as error:
        raise Malformed(f"holds a field that is not of its type ({_without_value(error)})") from None
    if not step.holder:
        raise Malformed("does not say which run wrote it")
    return step


def _whole(kind: type[ChainStep], detail: Mapping[str, Any]) -> Mapping[str, Any]:
    """The detail with the destinations of a wave: early versions wrote a step for each destination."""
    if kind in (PushStarted, PushFinished) and not detail.get("destinations"):
        return {**detail, "destinations": [dict(detail)]}
    return dict(detail)


def _without_value(error: Exception) -> str:
    """Where and what was expected. An invalid choice is quoted by the library, and may be anything."""
    text = str(error)
    quoted = text.startswith("Invalid enum value")
    return f"no value of its enumeration{text[text.rfind(' - at') :] if ' - at' in text else ''}" if quoted else text


SAID = frozenset({"reason", "problem", "missing", "steps"})
"""Fields in the words of a person or a service. They are kept for good, and may hold the very key that leaked."""


def _scrubbed(detail: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _words(value) if key in SAID else _inner(value) for key, value in detail.items()}


def _inner(value: Any) -> Any:
    return _scrubbed(value) if isinstance(value, Mapping) else value


def _words(value: Any) -> Any:
    if isinstance(value, str):
        return said(value)
    return [_words(inner) for inner in value] if isinstance(value, list) else value


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= LONGEST_WRITTEN else f"{value[:LONGEST_WRITTEN]} [cut]"
    if isinstance(value, Mapping):
        return {key: _cut(inner) for key, inner in value.items()}
    if isinstance(value, Sequence):
        return [_cut(inner) for inner in value]
    return value
