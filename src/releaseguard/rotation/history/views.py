"""The state of a chain as values: rotations and where each stands, the lease, open leaks. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from releaseguard.audit.chain import ChainKey, Head
from releaseguard.audit.histories import ChainFinding, Foreign
from releaseguard.messages.typed import typed
from releaseguard.model import Event
from releaseguard.rotation.history.parts import CertificateRecord
from releaseguard.rotation.values import Cause, Direction, Leak, Pin, ProofSummary, RotationState
from releaseguard.vault.source import ValueSource

AHEAD = timedelta(seconds=2)
"""How far a row's time may be ahead of the store's clock, which over REST is known to the second only."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

FINISHED = frozenset({RotationState.PROVEN, RotationState.RETIRED, RotationState.ROLLED_BACK, RotationState.ABORTED})
"""The states in which nothing is left to be done for a rotation itself."""


@dataclass(frozen=True, slots=True)
class Written:
    """One version of one secret that was written somewhere, or may have been."""

    version: int
    secret_id: str | None
    label: str | None = field(default=None, compare=False)
    """What the app reports for it; ``None`` where that is the version's number."""
    fingerprint: str | None = field(default=None, compare=False)

    @property
    def reported(self) -> str:
        """What the app reports for it."""
        return self.label or str(self.version)


@dataclass(frozen=True, slots=True)
class DestinationProgress:
    """The state of one destination in one direction."""

    status: str = "pending"
    """``pending``, ``started``, ``pushed`` or ``failed``."""
    writes: Mapping[str, int] = field(default_factory=dict)
    """Writing requests, by name there, that reached the service or may have; those of a killed run are not known."""
    markers: Mapping[str, str] = field(default_factory=dict)
    """The marker that the destination showed for each name after the last write."""
    problem: str | None = None
    at: datetime | None = None
    """The store's time of its last event."""


@dataclass(frozen=True, slots=True)
class Redeployment:
    """One requested deployment.

    ``phase`` is ``requested``, ``created``, ``ready``, ``failed``, or ``outdated`` once its variables were written
    again.
    """

    place: str
    target: str
    attempt: int
    phase: str
    meta: Mapping[str, str]
    before_id: str | None = None
    before_release: str | None = None
    id: str | None = None
    release: str | None = None
    created_at: datetime | None = None
    """The store's time at which it was known to exist."""
    ready_at: datetime | None = None
    reason: str | None = None

    @property
    def key(self) -> str:
        return f"{self.place}/{self.target}"


@dataclass(frozen=True, slots=True)
class DirectionProgress:
    """One direction of a rotation: the state of every destination and deployment."""

    destinations: Mapping[str, DestinationProgress] = field(default_factory=dict)
    deployments: Mapping[str, Redeployment] = field(default_factory=dict)
    """The newest deployment of each place and target."""
    pushed_at: datetime | None = None
    deployed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A person's confirmation that the old value is revoked."""

    at: datetime
    """The store's time; for the first one the moment of the confirmation itself, taken before it was written."""
    old_successes: int | None
    """How many successes with the old version had occurred since the confirmation that it renews; ``None`` where nobody
    could look."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A destination that a rotation has not written: it holds its earlier value."""

    uri: str
    reason: str
    by_person: bool = False

    @property
    def because(self) -> str:
        """The reason as part of a sentence."""
        if not self.reason:
            return "no reason given"
        return typed(self.reason) if self.by_person else self.reason


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A person took a report of a leak back."""

    leak: Leak
    reason: str
    at: datetime
    """The store's time."""
    holder: str
    """The run that recorded it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationView:
    """The state of one rotation, derived from its events."""

    id: str
    unit: str
    state: RotationState
    began_at: datetime
    changed_at: datetime
    pins: Sequence[Pin] = ()
    seen: Mapping[str, Written | None] = field(default_factory=dict)
    """The vault's newest versions before anything was staged."""
    origin: str = ValueSource.VAULT.value
    reason: str | None = None
    leak: Leak | None = None
    accepted: Sequence[str] = ()
    """Secrets whose values look wrong and that a person accepted."""
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The names written at each destination, companions included."""
    directions: Mapping[Direction, DirectionProgress] = field(default_factory=dict)
    skipped: Mapping[str, LeftOut] = field(default_factory=dict)
    """Destinations that a person leaves out, or that were found unwritable when a leak was planned."""
    rolling_back: str | None = None
    """Why it is being rolled back, from the moment that this was decided."""
    console_confirmed: bool = False
    stored_later: bool = False
    """Whether the vault got the value only after it had been rolled out."""
    awaits_approval: bool = False
    proposed: Mapping[str, str] = field(default_factory=dict)
    """The fingerprints of the values that were proposed to the vault, by secret."""
    proof: ProofSummary = field(default_factory=ProofSummary)
    certificate: CertificateRecord | None = None
    """The certificate as of the last proof, or of the last confirmation of the revocation."""
    proven_at: datetime | None = None
    retired_at: datetime | None = None
    revoked_at: datetime | None = None
    """When a person first confirmed that the old value is revoked."""
    confirmations: Sequence[Confirmation] = ()
    """All confirmations, in order."""
    holder: str | None = None
    ended_because: str | None = None
    cause: Cause | None = None
    """Why it failed or is being rolled back, where it is."""
    withdrawn: Withdrawal | None = None
    """What a person said of the leak that was reported here, where it is none."""
    reported: bool = False
    """Whether it is a report of a leak alone."""
    follows: int = 0
    """Of a report: how many rotations of the chain began before it."""
    contained_at: datetime | None = None
    """Of a report: since when another value is proven to be out."""

    @property
    def direction(self) -> Direction:
        """The direction in which versions are carried now."""
        return Direction.BACK if self.rolling_back else Direction.FORWARD

    @property
    def goes_nowhere(self) -> bool:
        """Whether it carries the version that was already in use: a place that had drifted was written again."""
        return bool(self.pins) and all(pin.goes_nowhere for pin in self.pins)

    @property
    def finished(self) -> bool:
        """Whether nothing is left to be done. A failed rotation can still be continued."""
        return self.state in FINISHED

    @property
    def being_written(self) -> bool:
        """Whether places may hold its versions in part: a write was begun there whose end is not known."""
        if self.rolling_back:
            return self.state not in (*FINISHED, RotationState.FAILED)
        return self.state in (RotationState.PLANNED, RotationState.STAGED)

    @property
    def left_out(self) -> Mapping[str, LeftOut]:
        """The destinations without which it continues: skipped, or found unwritable in a leak."""
        forward = self.progress(Direction.FORWARD)
        if self.rolling_back or forward.pushed_at is None:
            return self.skipped
        failed = {key: one.problem for key, one in forward.destinations.items() if one.status == "failed"}
        return {**self.skipped, **{key: LeftOut(key, problem or "not written") for key, problem in failed.items()}}

    @property
    def awaits_vault(self) -> bool:
        """Whether it rolls out a value that no vault holds yet."""
        return any(pin.awaits_vault for pin in self.pins)

    @property
    def was_stored_later(self) -> bool:
        """Whether its value was rolled out before any vault had it: nobody could ask then what was in use."""
        return self.stored_later or self.awaits_vault

    def progress(self, direction: Direction) -> DirectionProgress:
        """The progress in ``direction``."""
        return self.directions.get(direction, DirectionProgress())


@dataclass(frozen=True, slots=True)
class LeaseView:
    """Who may write. ``renewed_at`` is on the store's clock; every event of the holder renews the lease."""

    holder: str
    since: datetime
    renewed_at: datetime
    released: bool
    said_at: datetime | None = None
    """The time of the holder's last step on the holder's own clock."""

    def free_at(self, lease: timedelta, now: datetime | None = None) -> datetime:
        """When another run may take the lease. ``now`` is the store's clock, where it was read: no step can have been
        recorded after it, so a later time was set by somebody else and is not believed; the holder's own clock is used
        then, as far as it is plausible."""
        at = self.renewed_at if now is None else self._credible(now)
        return at if self.released else at + lease

    def _credible(self, now: datetime) -> datetime:
        times = [self.renewed_at, self.said_at or self.renewed_at]
        return next((at for at in times if at <= now + AHEAD), EPOCH)


@dataclass(frozen=True, slots=True)
class ChainView:
    """Everything that one chain says."""

    chain_key: ChainKey
    head: Head | None = None
    lease: LeaseView | None = None
    rotations: Sequence[RotationView] = ()
    reports: Sequence[RotationView] = ()
    """Leaks that were reported and not rotated by the same call, as rotations of which nothing was begun."""
    out: Mapping[str, Written] = field(default_factory=dict)
    """Secret -> the version that the last complete push brought to every destination."""
    written: Mapping[str, Mapping[str, Written]] = field(default_factory=dict)
    """Destination and secret -> the last version that was written there, or may have been."""
    markers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Destination and name -> the marker shown after the last write that was read back."""
    foreign: Sequence[Foreign] = ()
    """Rows that claim to be of the chain and are not believed; they are in nothing else here but ``breach``."""
    breach: ChainFinding | None = None
    """The point after which the chain cannot be believed. Everything else is the state before it."""
    disowned: frozenset[str] = frozenset()
    """The ids of rows that a person has decided do not belong to the history."""

    @property
    def current(self) -> RotationView | None:
        """The newest rotation."""
        return self.rotations[-1] if self.rotations else None

    @property
    def unfinished(self) -> Sequence[RotationView]:
        """The newest rotation of each unit for which something is left to be done, in order."""
        newest = {view.unit: view for view in self.rotations}
        return [view for view in self.rotations if newest[view.unit] is view and not view.finished]

    @property
    def leaks(self) -> Sequence[RotationView]:
        """Every rotation of a leak, and every report of one by itself; not those that were taken back."""
        return [view for view in (*self.rotations, *self.reports) if view.leak]

    def leaked(self, name: str) -> frozenset[int]:
        """Every version of ``name`` that was ever reported as leaked, revoked or not."""
        versions = (view.leak.versions.get(name) for view in self.leaks if view.leak)
        return frozenset(version for version in versions if version is not None)

    def known(self, name: str) -> Sequence[Written]:
        """Every value of ``name`` that any rotation wrote or found in use, oldest first."""
        pins = [pin for view in self.rotations for pin in view.pins if pin.name == name]
        return [one for pin in pins for one in _before_and_after(pin)]

    def reported_of_others(self, names: Collection[str]) -> frozenset[str]:
        """Everything that apps report, or reported, for the other secrets of the provider."""
        return self.reported_of({pin.name for view in self.rotations for pin in view.pins} - {*names})

    def reported_of(self, names: Collection[str]) -> frozenset[str]:
        """Everything that apps report, or reported, for these secrets."""
        values = [one for name in names for one in self.known(name)]
        return frozenset(text for one in values for text in (one.reported, one.fingerprint) if text)

    def has_leaked(self, name: str, version: int, secret_id: str | None) -> bool:
        """Whether that version was ever reported as leaked. A version of a deleted namesake is a different one."""
        for view in self.leaks:
            if view.leak is None or view.leak.versions.get(name) != version:
                continue
            carried = [one for pin in view.pins if pin.name == name for one in _before_and_after(pin)]
            there = [one for one in (*carried, view.seen.get(name)) if one is not None and one.version == version]
            meant = next((one.secret_id for one in there if one.secret_id), None)
            if None in (secret_id, meant) or secret_id == meant:
                return True
        return False

    def has_accepted(self, name: str, version: int, secret_id: str | None) -> bool:
        """Whether a person said of this very version that it is right although it looks wrong."""
        accepted = [pin for view in self.rotations for pin in view.pins if name in view.accepted]
        return any((pin.name, pin.to_version, pin.secret_id) == (name, version, secret_id) for pin in accepted)

    def entry(self, rotation_id: str) -> RotationView | None:
        """The rotation, or the report of a leak, of that id."""
        return next((one for one in (*self.rotations, *self.reports) if one.id == rotation_id), None)

    def last_of(self, unit: str) -> RotationView | None:
        """The newest rotation of ``unit``."""
        return next((view for view in reversed(self.rotations) if view.unit == unit), None)


def written_by(pin: Pin, direction: Direction) -> Written | None:
    """What carrying ``pin`` in ``direction`` writes; ``None`` where no value is known."""
    version, forward = pin.version(direction), direction is Direction.FORWARD
    if version is None:
        return None
    secret_id = pin.secret_id if forward else pin.from_secret_id
    named = pin.label if forward else pin.from_label
    return Written(version, secret_id, named, pin.fingerprint_of(direction))


def _before_and_after(pin: Pin) -> Sequence[Written]:
    both = (written_by(pin, Direction.BACK), written_by(pin, Direction.FORWARD))
    return [one for one in both if one is not None]


def store_time(event: Event) -> datetime:
    """When the event reached the log; where the table has no such column, when its writer says it happened."""
    return event.recorded_at or event.occurred_at
