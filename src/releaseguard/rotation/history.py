"""What the events of a lane say: the state of every rotation, who holds the lease, what is where. Pure.

There is no second store: whatever a run needs to know after a crash, on whichever machine, it reads from here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from releaseguard.audit import Head, Lane, head_of, in_order
from releaseguard.model import Event, JsonObject, from_text, to_text
from releaseguard.rotation.values import Direction, Leak, Pin, ProofSummary, State

LEASE_EVENTS = ("rotation_lease_taken", "rotation_lease_renewed", "rotation_lease_released")
FINISHED = frozenset({State.PROVEN, State.RETIRED, State.ROLLED_BACK, State.ABORTED})
"""States in which nothing is left to be done for a rotation itself."""


@dataclass(frozen=True, slots=True)
class Written:
    """One version of one secret that was, or may have been, written somewhere."""

    version: int
    secret_id: str | None


@dataclass(frozen=True, slots=True)
class Carried:
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
class Leg:
    """One direction of a rotation: every destination, every deployment."""

    places: Mapping[str, Carried] = field(default_factory=dict)
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
    state: State
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
    legs: Mapping[Direction, Leg] = field(default_factory=dict)
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

    def leg(self, direction: Direction) -> Leg:
        """What has been done in ``direction``."""
        return self.legs.get(direction, Leg())


@dataclass(frozen=True, slots=True)
class LeaseView:
    """Who may write. ``renewed_at`` is on the store's clock: every event of the holder renews."""

    holder: str
    since: datetime
    renewed_at: datetime
    released: bool

    def free_at(self, lease: timedelta) -> datetime:
        """From when on another run may take it."""
        return self.renewed_at if self.released else self.renewed_at + lease


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


@dataclass(frozen=True, slots=True)
class LaneView:
    """Everything the chain of one lane says."""

    lane: Lane
    head: Head | None = None
    lease: LeaseView | None = None
    rotations: Sequence[RotationView] = ()
    out: Mapping[str, Written] = field(default_factory=dict)
    """By secret: the version that the last complete push brought to every destination."""
    written: Mapping[str, Mapping[str, Written]] = field(default_factory=dict)
    """By destination and secret: the last version written or possibly written there."""
    markers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By destination and name: what it showed after the last write that was read back."""

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
        return tuple(leaks.values())

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


def fold(lane: Lane, events: Iterable[Event]) -> LaneView:
    """The state of a lane from the events of its chain, in whatever order they come."""
    return extend(LaneView(lane), in_order(events))


def extend(view: LaneView, events: Sequence[Event]) -> LaneView:
    """The state after ``events``, which follow in order on what ``view`` was made from."""
    for event in events:
        view = _after(view, event)
    return replace(view, head=head_of(events) or view.head)


def _after(view: LaneView, event: Event) -> LaneView:
    view = replace(view, lease=_lease_after(view.lease, event))
    if event.event == "rotation_planned":
        return replace(view, rotations=(*view.rotations, _planned(event)))
    change = _CHANGES.get(event.event)
    if change is None:
        return view
    rotation_id = event.detail.get("rotation_id")
    rotations = tuple(
        replace(change(rotation, event), changed_at=store_time(event)) if rotation.id == rotation_id else rotation
        for rotation in view.rotations
    )
    changed = next((rotation for rotation in rotations if rotation.id == rotation_id), None)
    view = replace(view, rotations=rotations)
    return _whereabouts(view, changed, event) if changed else view


def _lease_after(lease: LeaseView | None, event: Event) -> LeaseView:
    holder, at = str(event.detail.get("holder")), store_time(event)
    released = event.event == "rotation_lease_released"
    if lease is None or lease.holder != holder or (lease.released and not released):
        return LeaseView(holder, at, at, released)
    return replace(lease, renewed_at=at, released=released)


def _planned(event: Event) -> RotationView:
    detail, at = event.detail, store_time(event)
    entries: Sequence[Mapping[str, Any]] = detail.get("secrets", ())
    return RotationView(
        id=str(detail.get("rotation_id")),
        unit=str(detail.get("unit")),
        state=State.PLANNED,
        began_at=at,
        changed_at=at,
        pins=tuple(Pin(str(entry["name"]), entry.get("from_version"), None) for entry in entries),
        seen={str(entry["name"]): _written(entry, "seen_version", "seen_secret_id") for entry in entries},
        origin=str(detail.get("origin", "infisical")),
        reason=detail.get("reason"),
        leak=_leak(detail.get("leak")),
        holder=detail.get("holder"),
    )


def _written(entry: Mapping[str, Any], version: str, secret_id: str) -> Written | None:
    number = entry.get(version)
    return Written(number, entry.get(secret_id)) if isinstance(number, int) else None


def _leak(detail: Mapping[str, Any] | None) -> Leak | None:
    return Leak(str(detail.get("reason")), dict(detail.get("versions", {}))) if detail else None


def _staged(view: RotationView, event: Event) -> RotationView:
    entries: Sequence[Mapping[str, Any]] = event.detail.get("secrets", ())
    pins = tuple(
        Pin(
            str(entry["name"]),
            entry.get("from_version"),
            entry.get("to_version"),
            entry.get("secret_id"),
            entry.get("from_secret_id"),
        )
        for entry in entries
    )
    places = event.detail.get("destinations", ())
    return replace(
        view,
        state=State.STAGED,
        pins=pins,
        awaits_approval=False,
        names={str(place["key"]): tuple(place["names"]) for place in places},
    )


def _direction(event: Event) -> Direction:
    return Direction(event.detail.get("direction", Direction.FORWARD.value))


def _with_leg(view: RotationView, event: Event, change: Callable[[Leg], Leg]) -> RotationView:
    direction = _direction(event)
    return replace(view, legs={**view.legs, direction: change(view.leg(direction))})


def entries_of(detail: JsonObject) -> Sequence[JsonObject]:
    """The destinations that a step of a push speaks of: one wave's, or the one that failed."""
    return detail.get("destinations") or (detail,)


def _push(status: str) -> Callable[[RotationView, Event], RotationView]:
    def change(view: RotationView, event: Event) -> RotationView:
        entries, at = entries_of(event.detail), store_time(event)

        def carried(leg: Leg) -> Leg:
            places = dict(leg.places)
            for entry in entries:
                key = str(entry.get("destination"))
                places[key] = _carried(places.get(key, Carried()), status, entry, at)
            leg = replace(leg, places=places)
            return _outdated(leg, entries) if status == "started" else leg

        return _with_leg(view, event, carried)

    return change


def _outdated(leg: Leg, entries: Sequence[JsonObject]) -> Leg:
    """Destinations written again: what was deployed from them before holds something else, maybe."""
    uris = [str(entry.get("uri")) for entry in entries]
    deployments = {
        key: replace(made, phase="outdated") if any(uri.startswith(f"{made.place}/") for uri in uris) else made
        for key, made in leg.deployments.items()
    }
    return replace(leg, deployments=deployments, pushed_at=None, deployed_at=None)


def _carried(before: Carried, status: str, entry: JsonObject, at: datetime) -> Carried:
    writes = dict(before.writes)
    for name, count in entry.get("writes", {}).items():
        writes[name] = writes.get(name, 0) + count
    markers = {**before.markers, **entry.get("markers", {})}
    return Carried(status, writes, markers, entry.get("problem"), at)


def _pushed(view: RotationView, event: Event) -> RotationView:
    at = store_time(event)
    view = _with_leg(view, event, lambda leg: replace(leg, pushed_at=at))
    return view if view.rolling_back else replace(view, state=State.PUSHED)


def _deployed(view: RotationView, event: Event) -> RotationView:
    at = store_time(event)
    view = _with_leg(view, event, lambda leg: replace(leg, deployed_at=at))
    return view if view.rolling_back else replace(view, state=State.DEPLOYED)


def _deployment(phase: str) -> Callable[[RotationView, Event], RotationView]:
    def change(view: RotationView, event: Event) -> RotationView:
        def deployments(leg: Leg) -> Leg:
            key = f"{event.detail.get('place')}/{event.detail.get('target')}"
            return replace(leg, deployments={**leg.deployments, key: _redeployment(leg, key, phase, event)})

        return _with_leg(view, event, deployments)

    return change


def _redeployment(leg: Leg, key: str, phase: str, event: Event) -> Redeployment:
    detail, at = event.detail, store_time(event)
    if phase == "requested":
        return Redeployment(
            place=str(detail.get("place")),
            target=str(detail.get("target")),
            attempt=int(detail.get("attempt", 1)),
            phase=phase,
            meta=dict(detail.get("meta", {})),
            before_id=detail.get("before_id"),
            before_release=detail.get("before_release"),
        )
    before = leg.deployments.get(key) or Redeployment(
        str(detail.get("place")), str(detail.get("target")), int(detail.get("attempt", 1)), phase, {}
    )
    return replace(
        before,
        phase=phase,
        id=detail.get("deployment_id") or before.id,
        release=detail.get("release") or before.release,
        created_at=before.created_at or at,
        ready_at=at if phase == "ready" else None,
        reason=detail.get("reason"),
    )


def _proof(event: Event) -> ProofSummary:
    detail = event.detail
    return ProofSummary(detail.get("grade"), tuple(detail.get("events", ())), tuple(detail.get("missing", ())))


def _proven(view: RotationView, event: Event) -> RotationView:
    return replace(view, state=State.PROVEN, proof=_proof(event), proven_at=view.proven_at or store_time(event))


def _retired(view: RotationView, event: Event) -> RotationView:
    revoked = event.detail.get("revoked_at")
    moment = from_text(revoked) if isinstance(revoked, str) else store_time(event)
    said = Confirmation(store_time(event) if view.confirmations else moment, event.detail.get("old_successes"))
    return replace(
        view,
        state=State.RETIRED,
        retired_at=store_time(event),
        revoked_at=view.revoked_at or moment,
        confirmations=(*view.confirmations, said),
    )


def _ended(state: State) -> Callable[[RotationView, Event], RotationView]:
    def change(view: RotationView, event: Event) -> RotationView:
        return replace(view, state=state, ended_because=event.detail.get("reason"))

    return change


def _rolled_back(view: RotationView, event: Event) -> RotationView:
    return replace(_ended(State.ROLLED_BACK)(view, event), proof=_proof(event))


def _continued(view: RotationView, event: Event) -> RotationView:
    """A failed rotation is taken forward again; a report of a leak may be added to one that is under way."""
    leak = _leak(event.detail.get("leak")) or view.leak
    if view.state is not State.FAILED:
        return replace(view, leak=leak)
    forward = view.leg(Direction.FORWARD)
    state = State.PUSHED if forward.pushed_at else State.STAGED
    legs = {Direction.FORWARD: forward}
    return replace(view, leak=leak, state=state, rolling_back=None, ended_because=None, legs=legs)


_CHANGES: Mapping[str, Callable[[RotationView, Event], RotationView]] = {
    "rotation_staged": _staged,
    "rotation_waiting_approval": lambda view, _: replace(view, state=State.WAITING_APPROVAL, awaits_approval=True),
    "rotation_waiting_console": lambda view, _: replace(view, state=State.WAITING_CONSOLE),
    "rotation_console_confirmed": lambda view, _: replace(view, state=State.STAGED, console_confirmed=True),
    "destination_push_started": _push("started"),
    "destination_push_finished": _push("pushed"),
    "destination_push_failed": _push("failed"),
    "rotation_pushed": _pushed,
    "deployment_requested": _deployment("requested"),
    "deployment_created": _deployment("created"),
    "deployment_ready": _deployment("ready"),
    "deployment_failed": _deployment("failed"),
    "rotation_deployed": _deployed,
    "rotation_proven": _proven,
    "rotation_unproven": lambda view, event: replace(view, state=State.UNPROVEN, proof=_proof(event)),
    "rotation_retired": _retired,
    "rotation_rolling_back": lambda view, event: replace(view, rolling_back=str(event.detail.get("reason"))),
    "rotation_rolled_back": _rolled_back,
    "rotation_failed": _ended(State.FAILED),
    "rotation_aborted": _ended(State.ABORTED),
    "rotation_continued": _continued,
}


def _whereabouts(view: LaneView, rotation: RotationView, event: Event) -> LaneView:
    """What is where, after an event about a push."""
    if event.event not in ("destination_push_started", "destination_push_finished", "rotation_pushed"):
        return view
    direction = _direction(event)
    carried = {
        pin.name: Written(version, pin.secret_id if direction is Direction.FORWARD else pin.from_secret_id)
        for pin in rotation.pins
        if (version := pin.version(direction)) is not None
    }
    if event.event == "rotation_pushed":
        return replace(view, out={**view.out, **carried})
    written, markers = dict(view.written), dict(view.markers)
    for entry in entries_of(event.detail):
        key = str(entry.get("destination"))
        written[key] = {**written.get(key, {}), **carried}
        markers[key] = {**markers.get(key, {}), **entry.get("markers", {})}
    return replace(view, written=written, markers=markers)


def confirming(lane: Lane, names: Iterable[str]) -> str:
    """The command that confirms a revocation, for whoever reads of a lane from anywhere: ``names`` are the unit's, and
    without one the command would mean the card's first unit."""
    unit = [f"--secret {name}" for name in names][:1]
    return " ".join(
        [f"releaseguard rotate {lane.provider} --environment {lane.environment}", *unit, "--confirm-revoked"]
    )


def describe_lease(lease: LeaseView) -> str:
    """``ada@laptop pid 4711 (9f2c41d07b3e) since 2026-11-24T10:15:00.000000Z``."""
    return f"{lease.holder} since {to_text(lease.since)}"
