"""What the events of a chain say: the state of every rotation, who holds the lease, what is where. Pure.

There is no second store: whatever a run needs to know after a crash, on whichever machine, it reads from here. Only
what :func:`releaseguard.audit.read_chain` believes is folded, as typed values (:mod:`releaseguard.rotation.events`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from releaseguard import audit
from releaseguard.audit import Chain, ChainFinding, ChainKey, Foreign, Head, Histories, head_of
from releaseguard.eventlog.interface import EventLog, Judged, Query
from releaseguard.model import OURSELVES, Event, from_text, to_text
from releaseguard.rotation import events as said
from releaseguard.rotation.values import Direction, Leak, Pin, ProofSummary, RotationState

AHEAD = timedelta(seconds=2)
"""How far a row's time may be ahead of the store's clock: over REST that is read to the second."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FINISHED = frozenset({RotationState.PROVEN, RotationState.RETIRED, RotationState.ROLLED_BACK, RotationState.ABORTED})
"""States in which nothing is left to be done for a rotation itself."""


@dataclass(frozen=True, slots=True)
class Written:
    """One version of one secret that was, or may have been, written somewhere."""

    version: int
    secret_id: str | None


@dataclass(frozen=True, slots=True)
class DestinationProgress:
    """What became of one destination in one direction."""

    status: str = "pending"
    """``pending``, ``started``, ``pushed`` or ``failed``."""
    writes: Mapping[str, int] = field(default_factory=dict)
    """Writing requests by name there that reached the service, or may have; those of a killed run are not known."""
    markers: Mapping[str, str] = field(default_factory=dict)
    """What the destination showed of each name after the last write."""
    problem: str | None = None
    at: datetime | None = None
    """The store's time of the last event about it."""


@dataclass(frozen=True, slots=True)
class Redeployment:
    """One requested deployment.

    ``phase`` is ``requested``, ``created``, ``ready``, ``failed``, or ``outdated``: its variables were written again.
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
    """One direction of a rotation: every destination, every deployment."""

    places: Mapping[str, DestinationProgress] = field(default_factory=dict)
    deployments: Mapping[str, Redeployment] = field(default_factory=dict)
    """The newest of each place and target."""
    pushed_at: datetime | None = None
    deployed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A person said that the old value is revoked."""

    at: datetime
    """The store's time; of the first one its own moment, which was taken before it was written."""
    old_successes: int | None
    """How many successes with the old version had occurred since the one it renews; ``None``: nobody could look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationView:
    """One rotation as its events tell it."""

    id: str
    unit: str
    state: RotationState
    began_at: datetime
    changed_at: datetime
    pins: Sequence[Pin] = ()
    seen: Mapping[str, Written | None] = field(default_factory=dict)
    """What the vault's newest versions were before anything was staged."""
    origin: str = "infisical"
    reason: str | None = None
    leak: Leak | None = None
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The names written at each destination, companions included."""
    directions: Mapping[Direction, DirectionProgress] = field(default_factory=dict)
    rolling_back: str | None = None
    """Why it is being rolled back, from the moment that was decided."""
    console_confirmed: bool = False
    awaits_approval: bool = False
    proof: ProofSummary = field(default_factory=ProofSummary)
    proven_at: datetime | None = None
    retired_at: datetime | None = None
    revoked_at: datetime | None = None
    """When a person first said that the old value is revoked."""
    confirmations: Sequence[Confirmation] = ()
    """Every time that somebody said so, in order."""
    holder: str | None = None
    ended_because: str | None = None

    @property
    def direction(self) -> Direction:
        """Which way it is going."""
        return Direction.BACK if self.rolling_back else Direction.FORWARD

    @property
    def finished(self) -> bool:
        """Whether nothing is left to be done. A failed one can still be taken forward."""
        return self.state in FINISHED

    def progress(self, direction: Direction) -> DirectionProgress:
        """What has been done in ``direction``."""
        return self.directions.get(direction, DirectionProgress())


@dataclass(frozen=True, slots=True)
class LeaseView:
    """Who may write. ``renewed_at`` is on the store's clock: every event of the holder renews."""

    holder: str
    since: datetime
    renewed_at: datetime
    released: bool
    said_at: datetime | None = None
    """When the holder's last step says, on the holder's clock, that it was written."""

    def free_at(self, lease: timedelta, now: datetime | None = None) -> datetime:
        """From when on another run may take it. ``now`` is the store's clock, where it was looked at: no step was
        recorded after it, so a time beyond it is somebody else's and is not believed; the holder's own clock counts
        then, as far as that is believable."""
        at = self.renewed_at if now is None else self._credible(now)
        return at if self.released else at + lease

    def _credible(self, now: datetime) -> datetime:
        times = [self.renewed_at, self.said_at or self.renewed_at]
        return next((at for at in times if at <= now + AHEAD), EPOCH)


@dataclass(frozen=True, slots=True)
class OpenLeak:
    """A leaked version that nobody has confirmed to be revoked."""

    rotation_id: str
    unit: str
    leak: Leak
    since: datetime
    contained_at: datetime | None
    """When a replacement was proven, by this rotation or a later one."""
    unfinished: bool = True
    """Whether a rotation of it can be resumed."""
    doubtful: bool = False
    """Whether only rows that are not believed speak of it, in a chain that is broken."""


@dataclass(frozen=True, slots=True)
class ChainView:
    """Everything that one chain says."""

    chain_key: ChainKey
    head: Head | None = None
    lease: LeaseView | None = None
    rotations: Sequence[RotationView] = ()
    out: Mapping[str, Written] = field(default_factory=dict)
    """By secret: the version that the last complete push brought to every destination."""
    written: Mapping[str, Mapping[str, Written]] = field(default_factory=dict)
    """By destination and secret: the last version written or possibly written there."""
    markers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By destination and name: what it showed after the last write that was read back."""
    foreign: Sequence[Foreign] = ()
    """Rows that claim to be of the chain and are not believed; they are in nothing else here but ``breach`` and, where
    there is one, ``open_leaks``."""
    breach: ChainFinding | None = None
    """Where the chain went on and cannot be believed any further. Everything else is what it said before that."""
    disowned: frozenset[str] = frozenset()
    """Ids of rows that a person has decided are no part of the history."""

    @property
    def current(self) -> RotationView | None:
        """The newest rotation."""
        return self.rotations[-1] if self.rotations else None

    @property
    def open_leaks(self) -> Sequence[OpenLeak]:
        """Leaks that nobody has confirmed to be revoked; a later rotation of the leak takes the earlier's place."""
        open_: dict[tuple[str, str], OpenLeak] = {}
        unfinished = self.current is not None and not self.current.finished
        for view in self.rotations:
            if view.proven_at and not view.rolling_back:
                contained = [key for key, leak in open_.items() if leak.unit == view.unit and not leak.contained_at]
                open_ |= {key: replace(open_[key], contained_at=view.proven_at) for key in contained}
            for key, value in _leaks_of(view):
                known = open_.get(key)
                open_[key] = replace(value, since=known.since) if known else value
            if view.retired_at:
                open_ = {key: leak for key, leak in open_.items() if leak.unit != view.unit}
        leaks = {(leak.rotation_id, leak.unit): replace(leak, unfinished=unfinished) for leak in open_.values()}
        return tuple({**dict(self._doubtful_leaks()), **leaks}.values())

    def _doubtful_leaks(self) -> Iterable[tuple[tuple[str, str], OpenLeak]]:
        """Where the chain is broken: leaks that any row behind the break speaks of. Whoever edits a step must not
        hide a leak thereby, so they count as open until a person has looked."""
        units = {view.id: view.unit for view in self.rotations}
        for one in self.foreign if self.breach else ():
            leak, rotation_id, unit = _leak_in(one.event)
            if leak is not None and str(one.event.id) not in self.disowned:
                unit = unit or units.get(rotation_id) or self.chain_key.provider
                yield (rotation_id, unit), OpenLeak(rotation_id, unit, leak, store_time(one.event), None, doubtful=True)

    def leaked(self, name: str) -> frozenset[int]:
        """Every version of ``name`` that was ever reported as leaked, revoked or not."""
        versions = (view.leak.versions.get(name) for view in self.rotations if view.leak)
        return frozenset(version for version in versions if version is not None)

    def last_of(self, unit: str) -> RotationView | None:
        """The newest rotation of ``unit``."""
        return next((view for view in reversed(self.rotations) if view.unit == unit), None)


def _leaks_of(view: RotationView) -> Iterable[tuple[tuple[str, str], OpenLeak]]:
    if view.leak is None:
        return
    versions = ",".join(f"{name}={version}" for name, version in sorted(view.leak.versions.items()))
    yield (view.unit, versions), OpenLeak(view.id, view.unit, view.leak, view.began_at, view.proven_at)


def store_time(event: Event) -> datetime:
    """When the event reached the log; where the table has no such column, when its writer says it happened."""
    return event.recorded_at or event.occurred_at


def _leak_in(event: Event) -> tuple[Leak | None, str, str | None]:
    """The leak that a row reports, its rotation and its unit, whether or not the row is believed."""
    try:
        step = said.parse(event)
    except said.Malformed:
        return None, "", None
    if not isinstance(step, said.Planned | said.Continued) or step.leak is None:
        return None, "", None
    return step.leak.to_leak(), step.rotation_id, step.unit if isinstance(step, said.Planned) else None


def mending(chain_key: ChainKey) -> str:
    """What leads out of a broken chain."""
    return (
        "Look at it: releaseguard audit verify. Restore the rows from a backup; or, where they are no part of the "
        f"history: releaseguard audit disown {chain_key} --reason TEXT"
    )


# --- Reading ----------------------------------------------------------------------------------------------------


def read(chain_key: ChainKey, rows: Iterable[Judged]) -> Chain:
    """The rows of a chain, checked: which are its history, and which are foreign."""
    return audit.read_chain(chain_key, rows, said.fault)


def read_log(log: EventLog, query: Query) -> Histories:
    """The chains in those of our own rows that ``query`` asks for. Raises as the log does."""
    return audit.histories(log.judged(replace(query, providers=(OURSELVES,))), said.fault, said.TYPES)


def chain_query(chain_key: ChainKey) -> Query:
    """The rows that name ``chain_key``."""
    return Query(environment=chain_key.environment, providers=(OURSELVES,), detail={"lane": str(chain_key)})


def fold(chain_key: ChainKey, events: Iterable[Event]) -> ChainView:
    """The state of a chain from its rows, in whatever order they come: only those that fit its chain count."""
    return view_of(read(chain_key, ((event, None) for event in events)))


def view_of(chain: Chain) -> ChainView:
    """The state that a chain tells, as far as it is believed."""
    view = extend(ChainView(chain.chain_key), chain.steps)
    return replace(view, foreign=chain.foreign, breach=chain.breach(view.disowned))


def extend(view: ChainView, steps: Sequence[Event]) -> ChainView:
    """The state after ``steps``, which are believed and follow in order on what ``view`` was made from."""
    for event in steps:
        view = _after(view, Told(said.parse(event), store_time(event), event.occurred_at))
    return replace(view, head=head_of(steps) or view.head)


@dataclass(frozen=True, slots=True)
class Told:
    """A believed step: what it says, and when."""

    step: said.ChainStep
    at: datetime
    """The store's time."""
    said_at: datetime
    """The writer's."""


def _after(view: ChainView, told: Told) -> ChainView:
    view = replace(view, lease=_lease_after(view.lease, told))
    step = told.step
    if isinstance(step, said.Planned):
        return replace(view, rotations=(*view.rotations, _planned(step, told.at)))
    if isinstance(step, said.RowsDisowned):
        return replace(view, disowned=view.disowned | {*step.ids})
    change = _CHANGES.get(type(step))
    if change is None or not isinstance(step, said.RotationEvent):
        return view
    rotations = tuple(
        replace(change(rotation, step, told.at), changed_at=told.at) if rotation.id == step.rotation_id else rotation
        for rotation in view.rotations
    )
    changed = next((rotation for rotation in rotations if rotation.id == step.rotation_id), None)
    view = replace(view, rotations=rotations)
    return _whereabouts(view, changed, step) if changed else view


def _lease_after(lease: LeaseView | None, told: Told) -> LeaseView:
    holder, released = told.step.holder, isinstance(told.step, said.LeaseReleased)
    if lease is None or lease.holder != holder or (lease.released and not released):
        return LeaseView(holder, told.at, told.at, released, told.said_at)
    return replace(lease, renewed_at=told.at, released=released, said_at=told.said_at)


def _planned(step: said.Planned, at: datetime) -> RotationView:
    return RotationView(
        id=step.rotation_id,
        unit=step.unit,
        state=RotationState.PLANNED,
        began_at=at,
        changed_at=at,
        pins=tuple(Pin(one.name, one.from_version, None) for one in step.secrets),
        seen={one.name: _seen(one) for one in step.secrets},
        origin=step.origin.value,
        reason=step.reason,
        leak=step.leak.to_leak() if step.leak else None,
        holder=step.holder,
    )


def _seen(secret: said.PlannedSecret) -> Written | None:
    return None if secret.seen_version is None else Written(secret.seen_version, secret.seen_secret_id)


# --- What each step changes -------------------------------------------------------------------------------------


def _staged(view: RotationView, step: said.Staged, _at: datetime) -> RotationView:
    pins = (Pin(s.name, s.from_version, s.to_version, s.secret_id, s.from_secret_id) for s in step.secrets)
    names = {place.key: place.names for place in step.destinations}
    return replace(view, state=RotationState.STAGED, pins=tuple(pins), awaits_approval=False, names=names)


def _with_leg(
    view: RotationView, step: said.Directed, change: Callable[[DirectionProgress], DirectionProgress]
) -> RotationView:
    return replace(view, directions={**view.directions, step.direction: change(view.progress(step.direction))})


def _push_started(view: RotationView, step: said.PushStarted, at: datetime) -> RotationView:
    def started(progress: DirectionProgress) -> DirectionProgress:
        places = {one.destination: _carried(progress, one.destination, "started", at) for one in step.destinations}
        return _outdated(
            replace(progress, places={**progress.places, **places}), [one.uri for one in step.destinations]
        )

    return _with_leg(view, step, started)


def _push_finished(view: RotationView, step: said.PushFinished, at: datetime) -> RotationView:
    def pushed(progress: DirectionProgress) -> DirectionProgress:
        places = {
            one.destination: _carried(progress, one.destination, "pushed", at, one.writes, one.markers)
            for one in step.destinations
        }
        return replace(progress, places={**progress.places, **places})

    return _with_leg(view, step, pushed)


def _push_failed(view: RotationView, step: said.PushFailed, at: datetime) -> RotationView:
    def failed(progress: DirectionProgress) -> DirectionProgress:
        carried = replace(_carried(progress, step.destination, "failed", at, step.writes), problem=step.problem)
        return replace(progress, places={**progress.places, step.destination: carried})

    return _with_leg(view, step, failed)


def _carried(
    progress: DirectionProgress,
    key: str,
    status: str,
    at: datetime,
    writes: Mapping[str, int] | None = None,
    markers: Mapping[str, str] | None = None,
) -> DestinationProgress:
    before = progress.places.get(key, DestinationProgress())
    counts = dict(before.writes)
    for name, count in (writes or {}).items():
        counts[name] = counts.get(name, 0) + count
    return DestinationProgress(status, counts, {**before.markers, **(markers or {})}, None, at)


def _outdated(progress: DirectionProgress, uris: Sequence[str]) -> DirectionProgress:
    """Destinations written again: what was deployed from them before holds something else, maybe."""
    deployments = {
        key: replace(made, phase="outdated") if any(uri.startswith(f"{made.place}/") for uri in uris) else made
        for key, made in progress.deployments.items()
    }
    return replace(progress, deployments=deployments, pushed_at=None, deployed_at=None)


def _pushed(view: RotationView, step: said.Pushed, at: datetime) -> RotationView:
    view = _with_leg(view, step, lambda progress: replace(progress, pushed_at=at))
    return view if view.rolling_back else replace(view, state=RotationState.PUSHED)


def _deployed(view: RotationView, step: said.Deployed, at: datetime) -> RotationView:
    view = _with_leg(view, step, lambda progress: replace(progress, deployed_at=at))
    return view if view.rolling_back else replace(view, state=RotationState.DEPLOYED)


def _deployment(
    view: RotationView, step: said.DeploymentEvent, change: Callable[[Redeployment | None], Redeployment]
) -> RotationView:
    key = f"{step.place}/{step.target}"
    return _with_leg(
        view,
        step,
        lambda progress: replace(
            progress, deployments={**progress.deployments, key: change(progress.deployments.get(key))}
        ),
    )


def _deployment_requested(view: RotationView, step: said.DeploymentRequested, _at: datetime) -> RotationView:
    made = Redeployment(
        step.place, step.target, step.attempt, "requested", step.meta, step.before_id, step.before_release
    )
    return _deployment(view, step, lambda _: made)


def _deployment_made(phase: str) -> Callable[[RotationView, said.DeploymentMade, datetime], RotationView]:
    def change(view: RotationView, step: said.DeploymentMade, at: datetime) -> RotationView:
        def made(before: Redeployment | None) -> Redeployment:
            before = before or Redeployment(step.place, step.target, 1, phase, {})
            return replace(
                before,
                phase=phase,
                id=step.deployment_id or before.id,
                release=step.release or before.release,
                created_at=before.created_at or at,
                ready_at=at if phase == "ready" else None,
                reason=step.reason if isinstance(step, said.DeploymentFailed) else None,
            )

        return _deployment(view, step, made)

    return change


def _proof(step: said.ProofStep) -> ProofSummary:
    return ProofSummary(step.grade.value if step.grade else None, step.events, step.missing)


def _proven(view: RotationView, step: said.Proven, at: datetime) -> RotationView:
    return replace(view, state=RotationState.PROVEN, proof=_proof(step), proven_at=view.proven_at or at)


def _retired(view: RotationView, step: said.Retired, at: datetime) -> RotationView:
    moment = from_text(step.revoked_at) if step.revoked_at else at
    confirmed = Confirmation(at if view.confirmations else moment, step.old_successes)
    return replace(
        view,
        state=RotationState.RETIRED,
        retired_at=at,
        revoked_at=view.revoked_at or moment,
        confirmations=(*view.confirmations, confirmed),
    )


def _continued(view: RotationView, step: said.Continued, _at: datetime) -> RotationView:
    """A failed rotation is taken forward again; a report of a leak may be added to one that is under way."""
    leak = step.leak.to_leak() if step.leak else view.leak
    if view.state is not RotationState.FAILED:
        return replace(view, leak=leak)
    forward = view.progress(Direction.FORWARD)
    state = RotationState.PUSHED if forward.pushed_at else RotationState.STAGED
    directions = {Direction.FORWARD: forward}
    return replace(view, leak=leak, state=state, rolling_back=None, ended_because=None, directions=directions)


_Change = Callable[[RotationView, Any, datetime], RotationView]

_CHANGES: Mapping[type[said.ChainStep], _Change] = {
    said.Staged: _staged,
    said.WaitingApproval: lambda view, _, __: replace(view, state=RotationState.WAITING_APPROVAL, awaits_approval=True),
    said.WaitingConsole: lambda view, _, __: replace(view, state=RotationState.WAITING_CONSOLE),
    said.ConsoleConfirmed: lambda view, _, __: replace(view, state=RotationState.STAGED, console_confirmed=True),
    said.PushStarted: _push_started,
    said.PushFinished: _push_finished,
    said.PushFailed: _push_failed,
    said.Pushed: _pushed,
    said.DeploymentRequested: _deployment_requested,
    said.DeploymentCreated: _deployment_made("created"),
    said.DeploymentReady: _deployment_made("ready"),
    said.DeploymentFailed: _deployment_made("failed"),
    said.Deployed: _deployed,
    said.Proven: _proven,
    said.Unproven: lambda view, step, _: replace(view, state=RotationState.UNPROVEN, proof=_proof(step)),
    said.Retired: _retired,
    said.RollingBack: lambda view, step, _: replace(view, rolling_back=str(step.reason)),
    said.RolledBack: lambda view, step, _: replace(
        view, state=RotationState.ROLLED_BACK, ended_because=step.reason, proof=_proof(step)
    ),
    said.RotationFailed: lambda view, step, _: replace(view, state=RotationState.FAILED, ended_because=step.reason),
    said.Aborted: lambda view, step, _: replace(view, state=RotationState.ABORTED, ended_because=step.reason),
    said.Continued: _continued,
}


def _whereabouts(view: ChainView, rotation: RotationView, step: said.RotationEvent) -> ChainView:
    """What is where, after a step about a push."""
    if not isinstance(step, said.PushStarted | said.PushFinished | said.Pushed):
        return view
    carried = {
        pin.name: Written(version, pin.secret_id if step.direction is Direction.FORWARD else pin.from_secret_id)
        for pin in rotation.pins
        if (version := pin.version(step.direction)) is not None
    }
    if isinstance(step, said.Pushed):
        return replace(view, out={**view.out, **carried})
    written, markers = dict(view.written), dict(view.markers)
    for one in step.destinations:
        written[one.destination] = {**written.get(one.destination, {}), **carried}
        seen = one.markers if isinstance(one, said.PushedTarget) else {}
        markers[one.destination] = {**markers.get(one.destination, {}), **seen}
    return replace(view, written=written, markers=markers)


def confirming(chain_key: ChainKey, names: Iterable[str]) -> str:
    """The command that confirms a revocation, for whoever reads of a chain from anywhere: ``names`` are the unit's, and
    without one the command would mean the card's first unit."""
    unit = [f"--secret {name}" for name in names][:1]
    return " ".join(
        [f"releaseguard rotate {chain_key.provider} --environment {chain_key.environment}", *unit, "--confirm-revoked"]
    )


def describe_lease(lease: LeaseView) -> str:
    """``ada@laptop pid 4711 (9f2c41d07b3e) since 2026-11-24T10:15:00.000000Z``."""
    return f"{lease.holder} since {to_text(lease.since)}"
