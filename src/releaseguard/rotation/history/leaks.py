"""Leaks, as a chain's steps tell them: those that were reported by themselves or taken back, which are open, what
answers one, and since when another value is out. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from releaseguard.model import Event
from releaseguard.rotation.history import events as said
from releaseguard.rotation.history.rows import Malformed, parse
from releaseguard.rotation.history.views import ChainView, RotationView, Withdrawal, store_time, written_by
from releaseguard.rotation.values import Cause, Direction, Leak, Pin, RotationState


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
    reported: bool = False
    """Whether no rotation was begun for it."""


_Key = tuple[str, str]
"""A unit, and the versions of it that leaked."""


def open_leaks(chain: ChainView) -> Sequence[OpenLeak]:
    """Leaks that nobody has confirmed to be revoked; a later rotation of the leak takes the earlier's place."""
    open_: dict[_Key, OpenLeak] = {}
    for number, view in enumerate(chain.rotations):
        _add(open_, _reports_before(chain, number, number))
        open_ = _after_rotation(open_, view, chain)
    _add(open_, _reports_before(chain, len(chain.rotations), None))
    unfinished = {view.unit: view for view in chain.unfinished}
    found = [replace(one, unfinished=_is_answered(one, unfinished.get(one.unit))) for one in open_.values()]
    leaks = {(one.rotation_id, one.unit): one for one in found}
    return tuple({**dict(_doubtful(chain)), **leaks}.values())


def _after_rotation(open_: dict[_Key, OpenLeak], view: RotationView, chain: ChainView) -> dict[_Key, OpenLeak]:
    if view.proven_at and not view.rolling_back:
        contained = [key for key, one in open_.items() if _is_contained_by(view, one)]
        open_ |= {key: replace(open_[key], contained_at=view.proven_at) for key in contained}
    if view.leak:
        _add(open_, [(_key(view.unit, view.leak.versions), _open(view, view.leak, view.proven_at))])
    if not view.retired_at:
        return open_
    return {key: one for key, one in open_.items() if one.unit != view.unit or _outlives(chain, one)}


def _reports_before(chain: ChainView, number: int, until: int | None) -> Iterator[tuple[_Key, OpenLeak]]:
    """The open reports that came just before the rotation of that ``number``; without ``until`` all that came later."""
    for one in chain.reports:
        if one.leak and not one.retired_at and (one.follows == number if until is not None else one.follows >= number):
            yield _key(one.unit, one.leak.versions), _open(one, one.leak, one.contained_at)


def _add(open_: dict[_Key, OpenLeak], more: Iterable[tuple[_Key, OpenLeak]]) -> None:
    """A later one of the same versions takes the earlier's place; so does one whose version is known that of one of
    which nobody knew it."""
    for key, one in more:
        vague = open_.pop(_key(one.unit, dict.fromkeys(one.leak.versions)), None)
        known = open_.get(key) or vague
        open_[key] = replace(one, since=min(known.since, one.since)) if known else one


def _open(view: RotationView, leak: Leak, contained_at: datetime | None) -> OpenLeak:
    return OpenLeak(view.id, view.unit, leak, view.began_at, contained_at, reported=view.reported)


def _is_contained_by(view: RotationView, one: OpenLeak) -> bool:
    return one.unit == view.unit and not one.contained_at and not one.reported


def _outlives(chain: ChainView, one: OpenLeak) -> bool:
    """Whether a report is open still although a rotation's old value was confirmed to be revoked: that was another."""
    return one.reported and any(view.id == one.rotation_id and not view.retired_at for view in chain.reports)


def _is_answered(one: OpenLeak, rotation: RotationView | None) -> bool:
    """Whether finishing ``rotation`` would put another value in the place of the one that leaked."""
    return rotation is not None and not (carries(rotation, one.leak) or needs_another_value(rotation))


def needs_another_value(rotation: RotationView) -> bool:
    """Whether ``rotation`` failed since the provider refuses what it carries, or nothing has that any more."""
    return rotation.state is RotationState.FAILED and rotation.cause in (Cause.REFUSED, Cause.GONE)


def _key(unit: str, leaked: Mapping[str, int | None]) -> _Key:
    return unit, ",".join(f"{name}={version}" for name, version in sorted(leaked.items()))


def carries(rotation: RotationView, leak: Leak) -> bool:
    """Whether ``rotation`` brings out, the way it goes, what leaked: of a group every member of which that is known."""
    known = [pin for pin in rotation.pins if leak.versions.get(pin.name) is not None]
    return bool(known) and all(pin.version(rotation.direction) == leak.versions[pin.name] for pin in known)


def carries_leaked(chain: ChainView, rotation: RotationView) -> str | None:
    """The version that ``rotation`` carries, the way it goes, where that was reported as leaked by itself: of a group
    every member that moves. A leak that a rotation replaces is that rotation's to deal with."""
    moving = [pin for pin in rotation.pins if not pin.goes_nowhere] or list(rotation.pins)
    known = [(pin, one) for pin in moving if (one := written_by(pin, rotation.direction))]
    gone = [(pin, one) for pin, one in known if chain.has_leaked(pin.name, one.version, one.secret_id)]
    if not gone or len(gone) < len(moving):
        return None
    pin, one = gone[0]
    return f"version {one.version} of {pin.name}"


def replaces(rotation: RotationView, report: RotationView, number: int) -> bool:
    """Whether the old value of ``rotation``, the chain's of that ``number``, is what leaked."""
    if report.leak is None or rotation.unit != report.unit or rotation.goes_nowhere:
        return False
    if all(version is None for version in report.leak.versions.values()):
        return number >= report.follows
    other = Direction.BACK if rotation.direction is Direction.FORWARD else Direction.FORWARD
    return any(_is_leaked(pin, other, report.leak) for pin in rotation.pins)


def _is_leaked(pin: Pin, direction: Direction, leak: Leak) -> bool:
    version = leak.versions.get(pin.name)
    return version is not None and pin.version(direction) == version


def settled(chain: ChainView, rotation: RotationView, step: said.RotationEvent, at: datetime) -> ChainView:
    """The reports after a step of ``rotation``: another value is proven to be out, or what leaked is revoked."""
    is_proof = isinstance(step, said.Proven) or (isinstance(step, said.RolledBack) and step.grade is not None)
    if not (is_proof or isinstance(step, said.Retired)) or not chain.reports:
        return chain
    number = next((n for n, one in enumerate(chain.rotations) if one.id == rotation.id), -1)
    if number < 0:
        return chain
    reports = [_after_proof(one, rotation, at) if is_proof else one for one in chain.reports]
    if isinstance(step, said.Retired):
        reports = [_after_revocation(one, rotation, number, at) for one in reports]
    return replace(chain, reports=tuple(reports))


def _after_proof(report: RotationView, rotation: RotationView, at: datetime) -> RotationView:
    is_other = report.leak and report.unit == rotation.unit and not carries(rotation, report.leak)
    return replace(report, contained_at=report.contained_at or at) if is_other else report


def _after_revocation(report: RotationView, rotation: RotationView, number: int, at: datetime) -> RotationView:
    if report.retired_at or not replaces(rotation, report, number):
        return report
    return replace(report, state=RotationState.RETIRED, retired_at=at, revoked_at=rotation.revoked_at)


def revoked_as_reported(chain: ChainView, rotation: RotationView) -> bool:
    """Whether every old value of ``rotation``, which is itself not of a leak, was reported as leaked by itself and is
    confirmed as revoked."""
    if rotation.leak or rotation.rolling_back:
        return False
    gone = [report for report in chain.reports if report.leak and report.retired_at and report.unit == rotation.unit]
    moving = [pin for pin in rotation.pins if not pin.goes_nowhere]
    return bool(moving) and all(any(_shows_old(report, pin) for report in gone) for pin in moving)


def _shows_old(report: RotationView, pin: Pin) -> bool:
    """Whether ``report`` is of the very version that ``pin`` replaces, and not of a deleted namesake's."""
    if report.leak is None or pin.from_version is None or report.leak.versions.get(pin.name) != pin.from_version:
        return False
    ids = {one.from_secret_id for one in report.pins if one.name == pin.name}
    return pin.from_secret_id in ids or None in (pin.from_secret_id, *ids)


def contained_since(chain: ChainView, unit: str, leak: Leak) -> datetime | None:
    """Since when another value than what leaked is proven to be out; ``None``: it is not."""
    last = chain.last_of(unit)
    if last is None or last.rolling_back or carries(last, leak) or None in leak.versions.values():
        return None
    return last.proven_at


def _doubtful(chain: ChainView) -> Iterable[tuple[tuple[str, str], OpenLeak]]:
    """Where the chain is broken: leaks that any row behind the break speaks of. Whoever edits a step must not hide a
    leak thereby, so they count as open until a person has looked."""
    units = {view.id: view.unit for view in chain.rotations}
    for one in chain.foreign if chain.breach else ():
        leak, rotation_id, unit = _leak_in(one.event)
        if leak is not None and str(one.event.id) not in chain.disowned:
            unit = unit or units.get(rotation_id) or chain.chain_key.provider
            yield (rotation_id, unit), OpenLeak(rotation_id, unit, leak, store_time(one.event), None, doubtful=True)


def _leak_in(event: Event) -> tuple[Leak | None, str, str | None]:
    """The leak that a row reports, its rotation and its unit, whether or not the row is believed."""
    try:
        step = parse(event)
    except Malformed:
        return None, "", None
    if not isinstance(step, said.Planned | said.Continued | said.LeakReported) or step.leak is None:
        return None, "", None
    return step.leak.to_leak(), step.rotation_id, None if isinstance(step, said.Continued) else step.unit


def changed_entry(view: ChainView, rotation_id: str, change: Callable[[RotationView], RotationView]) -> ChainView:
    """``view`` with the rotation, or the report, of that id changed."""

    def each(entries: Sequence[RotationView]) -> Sequence[RotationView]:
        return tuple(change(one) if one.id == rotation_id else one for one in entries)

    return replace(view, rotations=each(view.rotations), reports=each(view.reports))


def noted(view: ChainView, step: said.ChainNote, at: datetime) -> ChainView:
    """The state after ``step``, which says nothing of who may write; ``at`` is the store's time."""
    if isinstance(step, said.LeakReported):
        return replace(view, reports=(*view.reports, _reported(view, step, at)))
    if isinstance(step, said.LeakWithdrawn):
        return changed_entry(view, step.rotation_id, lambda one: _withdrawn(one, step, at))
    return view


def _reported(view: ChainView, step: said.LeakReported, at: datetime) -> RotationView:
    leak = step.leak.to_leak()
    return RotationView(
        id=step.rotation_id,
        unit=step.unit,
        state=RotationState.ABORTED,
        began_at=at,
        changed_at=at,
        pins=tuple(secret.to_pin() for secret in step.secrets),
        leak=leak,
        reported=True,
        follows=len(view.rotations),
        contained_at=contained_since(view, step.unit, leak),
        holder=step.holder,
        ended_because=step.problem,
    )


def _withdrawn(view: RotationView, step: said.LeakWithdrawn, at: datetime) -> RotationView:
    if view.leak is None:
        return view
    return replace(view, leak=None, withdrawn=Withdrawal(view.leak, step.reason, at, step.holder), changed_at=at)
