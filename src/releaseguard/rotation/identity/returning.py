"""Values that were in use before: either nothing new, or one that must never return, under any version number. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from releaseguard.destinations.interface import SyncStatus
from releaseguard.errors import Refused
from releaseguard.rotation.groups import SecretGroup
from releaseguard.rotation.history.views import ChainView, RotationView, Written, written_by
from releaseguard.rotation.planning.facts import PlanningFacts
from releaseguard.rotation.values import Direction, RotateRequest
from releaseguard.secret import Secret
from releaseguard.vault.interface import SecretVersion
from releaseguard.vault.source import ValueSource


@dataclass(frozen=True, slots=True)
class SpentValues:
    """The values of one group that must not be used again."""

    why: str
    """The end of a sentence: ``is confirmed as revoked``, ``leaked``."""
    members: Mapping[str, Written]


def spent(view: ChainView, unit: str) -> Sequence[SpentValues]:
    """What was recorded as revoked or leaked, the newest last."""
    mine = [rotation for rotation in (*view.reports, *view.rotations) if rotation.unit == unit]
    return [one for rotation in mine for one in _of(rotation) if one.members]


def needs_a_look(view: ChainView, unit: str, kept: Mapping[tuple[str, int], SecretVersion]) -> bool:
    """Whether only the destinations can still show some of the spent values: the vault no longer has it, and it has no
    fingerprint."""
    gone = [(name, one) for each in spent(view, unit) for name, one in each.members.items()]
    lost = [
        (name, one)
        for name, one in gone
        if one.fingerprint is None and not _is_kept(one, kept.get((name, one.version)))
    ]
    return any(there.get(name) == one for name, one in lost for there in view.written.values())


def _is_kept(gone: Written, there: SecretVersion | None) -> bool:
    return there is not None and gone.secret_id in (None, there.secret_id)


def _of(rotation: RotationView) -> Iterator[SpentValues]:
    if rotation.retired_at and not rotation.goes_nowhere and not rotation.reported:
        gone = Direction.FORWARD if rotation.rolling_back else Direction.BACK
        yield SpentValues("is confirmed as revoked", _carried(rotation, gone))
    if rotation.leak:
        leaked = {name: number for name, number in rotation.leak.versions.items() if number is not None}
        before = _carried(rotation, Direction.BACK)
        known = {name: one for name, one in before.items() if leaked.get(name) == one.version}
        others = {name: Written(number, None) for name, number in leaked.items() if name not in known}
        yield SpentValues("leaked", {**others, **known})


def _carried(rotation: RotationView, direction: Direction) -> Mapping[str, Written]:
    found = {pin.name: written_by(pin, direction) for pin in rotation.pins}
    return {name: one for name, one in found.items() if one is not None}


def candidates(group: SecretGroup, request: RotateRequest, facts: PlanningFacts) -> Mapping[str, Secret]:
    """The values that would be rolled out, as far as they exist before anything is made."""
    if request.origin is ValueSource.STDIN:
        return {name: request.values[name] for name in group.names if name in request.values}
    if request.origin is not ValueSource.VAULT:
        return {}
    return {name: facts.newest[name].value for name in group.names if name in facts.newest}


def refuse_spent(
    group: SecretGroup, request: RotateRequest, facts: PlanningFacts, view: ChainView, salt: str
) -> Sequence[str]:
    """Raise ``Refused`` where all values to be rolled out are spent; in a group one different value is enough.

    Returns sentences about what could no longer be compared.
    """
    values, blind = _replaced(group, request, facts), dict[str, None]()
    kept = {name for name in values if _is_kept_as_it_is(name, facts, view)}
    for gone in spent(view, group.name) if values else ():
        both = [name for name in values if name in gone.members]
        same = {name: _is_same(name, values[name], gone.members[name], facts, view, salt) for name in both}
        if same and values.keys() - same.keys() <= kept and all(same.values()):
            raise _refused(next((name for name in same if name not in kept), both[0]), gone)
        if False not in same.values():
            blind |= dict.fromkeys(_not_compared(name, gone) for name, known in same.items() if known is None)
    return list(blind)


def _refused(name: str, gone: SpentValues) -> Refused:
    number = gone.members[name].version
    return Refused(
        f"{name}: the value to roll out is that of version {number}, which {gone.why}",
        next_step="Make a new key in the provider's console, store it as a new version, then rotate again.",
    )


def _not_compared(name: str, gone: SpentValues) -> str:
    number = gone.members[name].version
    return f"{name}: nothing shows version {number} any more, which {gone.why}, so its value could not be compared."


def _is_same(name: str, value: Secret, gone: Written, facts: PlanningFacts, view: ChainView, salt: str) -> bool | None:
    """Whether ``value`` is the value that is gone; ``None`` where nothing shows that any more."""
    there, newest = facts.spent.get((name, gone.version)), facts.newest.get(name)
    itself = newest is not None and there is not None and there.version == newest.version
    if there is not None and (there.secret_id == gone.secret_id or (gone.secret_id is None and not itself)):
        return there.value.same_key_as(value)
    if gone.fingerprint and (mine := value.fingerprint(salt)):
        return mine == gone.fingerprint
    for key, seen in facts.observed.items():
        written, shown = view.written.get(key, {}).get(name), seen.get(name)
        if shown and written == gone and shown.sync is not SyncStatus.UNKNOWN:
            return shown.sync is SyncStatus.YES
    return None


def nothing_new(group: SecretGroup, request: RotateRequest, facts: PlanningFacts, view: ChainView) -> str | None:
    """Why the values to be rolled out are nothing new: all of them are in use, and no place is known to differ."""
    twins = _twins(group, request, facts, view)
    if not twins or _some_place_differs(facts):
        return None
    name = next(iter(twins))
    what = f"version {facts.newest[name].version} of {name}" if request.origin is ValueSource.VAULT else name
    return f"Nothing new: {what} has the value of version {twins[name]}, which is out."


def same_as_before(group: SecretGroup, request: RotateRequest, facts: PlanningFacts, view: ChainView) -> bool:
    """Whether every value to be rolled out is in use already, at least one under another version number."""
    return bool(_twins(group, request, facts, view))


def _replaced(group: SecretGroup, request: RotateRequest, facts: PlanningFacts) -> Mapping[str, Secret]:
    """The values to be rolled out of the members that are replaced."""
    values = candidates(group, request, facts)
    return {name: values[name] for name in group.secret_names if name in values}


def _twins(group: SecretGroup, request: RotateRequest, facts: PlanningFacts, view: ChainView) -> Mapping[str, str]:
    """The members whose new version has the value that is in use under another number, each with that number; empty
    where any member is new. A member that stays at the version in use makes nothing new of the others."""
    values = candidates(group, request, facts)
    twins = {name: _out_with_the_same_value(name, values.get(name), facts, view) for name in group.names}
    moved = {name: twin for name, twin in twins.items() if twin is not None}
    still = all(name in moved or _is_kept_as_it_is(name, facts, view) for name in group.names)
    return {name: twin for name, twin in moved.items() if still and name in group.secret_names}


def _is_kept_as_it_is(name: str, facts: PlanningFacts, view: ChainView) -> bool:
    """Whether the vault's newest version is the one in use; before any rotation, the only version there ever was."""
    newest, out = facts.newest.get(name), view.out.get(name)
    if newest is None:
        return False
    return newest.version == 1 if out is None else (newest.version, newest.secret_id) == (out.version, out.secret_id)


def is_stored(name: str, request: RotateRequest, facts: PlanningFacts) -> bool:
    """Whether the value to be rolled out is the vault's newest already, so that no new version is made for it."""
    newest, given = facts.newest.get(name), request.values.get(name)
    if request.origin is ValueSource.VAULT:
        return newest is not None
    return request.origin is ValueSource.STDIN and bool(newest and given and newest.value.same_as(given))


def _out_with_the_same_value(name: str, value: Secret | None, facts: PlanningFacts, view: ChainView) -> str | None:
    """The version in use that has ``value`` under another number; ``None`` where none is known."""
    newest, out = facts.newest.get(name), view.out.get(name)
    if value is None or newest is None:
        return None
    mine = newest.value is value
    if out is not None and not mine and (newest.version, newest.secret_id) == (out.version, out.secret_id):
        return str(newest.version) if newest.value.same_as(value) else None
    before = facts.out.get(name) if out else facts.previous.get(name)
    if before is not None:
        return str(before.version) if before.value.same_as(value) else None
    if out is None or not mine or (out.version, out.secret_id) == (newest.version, newest.secret_id):
        return None
    shown = [seen[name].sync for seen in facts.observed.values() if name in seen]
    known = [sync for sync in shown if sync is not SyncStatus.UNKNOWN]
    return str(out.version) if known and all(sync is SyncStatus.YES for sync in known) else None


def _some_place_differs(facts: PlanningFacts) -> bool:
    seen = [one for there in facts.observed.values() for one in there.values()]
    return any(not one.present or one.sync is SyncStatus.NO for one in seen)
