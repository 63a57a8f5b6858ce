"""Refuses values that leaked: none of them may be rolled out again. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from releaseguard.destinations.interface import SyncStatus
from releaseguard.errors import Refused
from releaseguard.rotation.groups import SecretGroup
from releaseguard.rotation.history.views import ChainView, RotationView
from releaseguard.rotation.planning.facts import PlanningFacts
from releaseguard.rotation.values import Leak, Pin, RotateRequest
from releaseguard.vault.interface import SecretVersion
from releaseguard.vault.source import ValueSource


class NoNewerValue(Refused):
    """A value leaked, and no value exists yet that could replace it."""

    leak: Leak | None = None
    """What is known of the leak, which exists all the same; ``None`` where the report is impossible, such as one of a
    version that does not exist."""


def refuse_leaked_before(group: SecretGroup, request: RotateRequest, facts: PlanningFacts, view: ChainView) -> None:
    """Raise ``Refused`` for a value that leaked before, under any number; in a group one different member is enough.

    A report about the newest value is compared with that value by :func:`leak_of`.
    """
    if request.leak:
        return
    found = {name: version for name in group.secret_names if (version := _leaked_twin(name, request, facts, view))}
    if len(found) == len(group.secret_names):
        name, version = next(iter(found.items()))
        raise Refused(
            f"{name}: the value to roll out is that of version {version}, which leaked",
            next_step="Make a new key in the provider's console, store it as a new version, then rotate again.",
        )


def _leaked_twin(name: str, request: RotateRequest, facts: PlanningFacts, view: ChainView) -> int | None:
    newest = facts.newest.get(name)
    value = request.values.get(name) or (newest.value if newest and request.origin is ValueSource.VAULT else None)
    gone = newest and (view.has_leaked(name, newest.version, newest.secret_id) or _was_there(newest, view))
    itself = [newest] if newest and gone else []
    known = [*itself, *facts.leaked.get(name, ())]
    twins = [old.version for old in known if value is not None and old.value.same_key_as(value)]
    return twins[0] if twins else None


def _was_there(newest: SecretVersion, view: ChainView) -> bool:
    """Whether ``newest`` was made before a leak was reported of which nobody could say what version it is of."""
    vague = [one.began_at for one in view.reports if one.leak and one.leak.versions.get(newest.name, 0) is None]
    return newest.updated_at is not None and any(newest.updated_at <= at for at in vague)


def leak_of(
    group: SecretGroup, request: RotateRequest, facts: PlanningFacts, view: ChainView, pins: Sequence[Pin]
) -> tuple[Leak | None, Sequence[str]]:
    if not request.leak:
        return None, ()
    leaked = {pin.name: reported_version(pin, request, view) for pin in pins}
    leak = Leak(request.reason or "", leaked)
    try:
        return leak, _compared(group, request, facts, leak, view)
    except NoNewerValue as refusal:
        refusal.leak = _as_reported(leak, request, facts)
        raise


def _compared(
    group: SecretGroup, request: RotateRequest, facts: PlanningFacts, leak: Leak, view: ChainView
) -> Sequence[str]:
    if request.origin is ValueSource.STDIN:
        _refuse_given(group, request, facts, view)
    if request.origin is not ValueSource.VAULT:
        return ()  # the value is checked when it is there: see refuse_leaked_values
    return refuse_leaked_values(group, request, facts, leak, view)


def _as_reported(leak: Leak, request: RotateRequest, facts: PlanningFacts) -> Leak | None:
    """The leak with the vault's newest version, where no other is known to be in use: nothing newer exists, so it
    leaked."""
    newest = {name: one.version for name, one in facts.newest.items() if name in leak.versions}
    if request.leaked_version is not None and request.leaked_version > max(newest.values(), default=0):
        return None
    return replace(leak, versions={name: leak.versions[name] or newest.get(name) for name in leak.versions})


def _refuse_given(group: SecretGroup, request: RotateRequest, facts: PlanningFacts, view: ChainView) -> None:
    """Raise ``Refused`` where every given value is in use or may have been: after a leak such a value is no
    replacement."""
    twins = {name: _known_as(name, request, facts, view) for name in group.secret_names}
    if None not in twins.values():
        name, version = next(iter(twins.items()))
        raise _no_newer(f"{name}: the value given is that of version {version}, which is not new")


def _known_as(name: str, request: RotateRequest, facts: PlanningFacts, view: ChainView) -> int | None:
    """The version that may have leaked and has the given value, or that stays where none is given."""
    newest, given, out = facts.newest.get(name), request.values.get(name), view.out.get(name)
    if newest is None:
        return None
    used = (newest.version, newest.secret_id) == (out.version, out.secret_id) if out else newest.version == 1
    if given is None:
        return newest.version
    known = [*([newest] if used else []), *facts.earlier.get(name, ())]
    return next((one.version for one in known if one.value.same_key_as(given)), None)


def reported_version(pin: Pin, request: RotateRequest, view: ChainView) -> int | None:
    """Given; else what is out; in the middle of replacing a leaked one, that one still; else the one before."""
    if request.leaked_version is not None:
        return request.leaked_version
    about = [one for one in view.rotations if pin.name in _names(one)]
    under_way = about[-1].leak if about and about[-1].proven_at is None else None
    waiting = [one.leak for one in view.reports if one.leak and not (one.contained_at or one.retired_at)]
    reported = [leak.versions.get(pin.name) for leak in (*waiting, under_way) if leak]
    return next((version for version in reversed(reported) if version is not None), pin.from_version)


def _names(rotation: RotationView) -> Sequence[str]:
    return [pin.name for pin in rotation.pins]


def refuse_leaked_values(
    group: SecretGroup, request: RotateRequest, facts: PlanningFacts, leak: Leak, view: ChainView
) -> Sequence[str]:
    """Raise ``Refused`` where the newest values are not new; returns sentences about what could not be compared.

    In a group at least one member must be new, identifiers aside (an account's number never changes); where a person
    named a secret, that one.
    """
    fresh, names = [], group.secret_names
    named = None if request.beside else request.secret
    for name in names:
        problem = _stale(name, facts, leak, view, explicit=request.leaked_version is not None)
        if problem is None:
            fresh.append(name)
        elif len(names) == 1 or name == named or problem.final:
            raise _no_newer(problem.what)
    if not fresh:
        raise _no_newer(f"no member of {group.name} has a new value")
    kept = [name for name in names if name not in fresh]
    remarks = [f"{name} keeps its value: make sure that it is not a secret, or replace it too." for name in kept]
    return (*remarks, *_not_compared(group, facts, leak))


@dataclass(frozen=True, slots=True)
class _Stale:
    what: str
    final: bool = False
    """Whether it rules out the whole group, as a return to an older value does."""


def _stale(name: str, facts: PlanningFacts, leak: Leak, view: ChainView, *, explicit: bool) -> _Stale | None:
    newest, leaked, out = facts.newest[name], leak.versions.get(name), view.out.get(name)
    created_anew = out is not None and out.secret_id != newest.secret_id
    known = newest.version in view.leaked(name) or (leaked is not None and newest.version <= leaked)
    if explicit and leaked is not None and leaked > newest.version and not created_anew:
        return _Stale(f"{name}: there is no version {leaked}, the newest is {newest.version}")
    if leaked is None and not explicit and _was_there(newest, view):
        return _Stale(f"{name}: version {newest.version} was there when the leak was reported")
    if known and not created_anew:
        return _Stale(f"{name}: the newest version is {newest.version}, and that one leaked")
    twins = [old.version for old in facts.earlier.get(name, ()) if old.value.same_key_as(newest.value)]
    if leaked in twins:
        return _Stale(f"{name}: version {newest.version} has the value of version {leaked}, which leaked")
    if twins:
        return _Stale(f"{name}: version {newest.version} has the value of the earlier version {twins[0]}", final=True)
    settled = out is not None and not created_anew
    where = None if explicit or settled else _deployed_at(name, facts)
    if where:
        return _Stale(f"{name}: version {newest.version} is what {where} holds already, so it is the one that leaked")
    if leaked is None and not explicit and newest.version == 1 and name not in view.out:
        return _Stale(f"{name}: there is only one version, so it is the one that leaked")
    return None


def _deployed_at(name: str, facts: PlanningFacts) -> str | None:
    for key, observed in facts.observed.items():
        there = observed.get(name)
        if there and there.sync is SyncStatus.YES:
            return key
    return None


def _not_compared(group: SecretGroup, facts: PlanningFacts, leak: Leak) -> Iterable[str]:
    for name in group.names:
        leaked = leak.versions.get(name)
        if leaked is not None and leaked not in {old.version for old in facts.earlier.get(name, ())}:
            yield f"{name}: the vault does not give version {leaked} any more, so its value could not be compared."


def _no_newer(what: str) -> NoNewerValue:
    return NoNewerValue(
        what,
        next_step="Make a new key in the provider's console, store it as a new version, then rotate again. "
        "If another version leaked, name it with --leaked-version N.",
    )
