"""Finds out what planning needs to know, by reading only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from releaseguard.destinations.interface import CostEstimate, Item, ItemKind, Observed, SyncStatus
from releaseguard.errors import NotFound, ServiceError
from releaseguard.eventlog.interface import EventLog, Query
from releaseguard.rotation.context import Binding
from releaseguard.rotation.groups import NOTHING, Carried, deployments_for, items_for
from releaseguard.rotation.identity.labelling import identified, is_settled
from releaseguard.rotation.identity.returning import needs_a_look, spent
from releaseguard.rotation.left_out.looking import leave_out_as_asked, look_over
from releaseguard.rotation.next_steps import while_the_vault_is_away
from releaseguard.rotation.planning.facts import PlanningFacts
from releaseguard.rotation.session import RotationSession
from releaseguard.rotation.workers import Workers
from releaseguard.vault.interface import SecretVersion, Vault
from releaseguard.vault.later import NOT_YET
from releaseguard.vault.source import ValueSource

T = TypeVar("T")

LOOK_BACK = 3
"""How many versions before the newest are compared with a place, where nothing says which of them it holds."""
SAMPLE, DEEP = 200, 20_000
"""Rows in which a map of labels is looked for: usually, and where the history has nothing of a secret of that id, so
that a process which is seldom heard may report its number already."""


def gather_facts(session: RotationSession) -> PlanningFacts:
    """Read the vault and the destinations. Raises ``NotFound`` where the vault lacks a secret that it must have, and
    ``ServiceError`` or one of its subclasses."""
    group, request = session.group, session.request
    if group.manual:
        return PlanningFacts(newest={})
    leave_out_as_asked(session)
    newest = newest_versions(session)
    settled = request.origin is ValueSource.VAULT
    previous = _versions_before(session, newest) if settled or request.origin is ValueSource.STDIN else {}
    out = _versions_out(session, newest)
    leak = request.leak and settled
    compared = request.leak and request.origin in (ValueSource.VAULT, ValueSource.STDIN)
    vault = session.vault
    placeholder = {name: _carried(newest.get(name)) for name in group.names}
    gone = _versions_spent(session)
    look = request.vault_later or (leak and not _is_out(session)) or _is_in_doubt(session, newest, previous, out)
    look = look or needs_a_look(session.chain, group.name, gone)
    return PlanningFacts(
        newest=newest,
        previous=previous,
        earlier={name: earlier_versions(vault, version, session.workers) for name, version in newest.items()}
        if compared
        else {},
        out=out,
        spent=gone,
        reports=session.context.log.capabilities.has("detail"),
        labels_seen=labels_seen(session, newest.values()) if settled else frozenset(),
        leaked={} if request.leak else {name: _leaked_earlier(session, one) for name, one in newest.items()},
        estimates=_estimates(session, placeholder),
        observed=_observed(session, _written(session, placeholder)) if look else {},
    )


def labels_seen(session: RotationSession, versions: Iterable[SecretVersion]) -> frozenset[str]:
    """Those numbers of ``versions`` that have no label yet and that the app has reported before."""
    context, chain = session.context, session.chain
    salt, specs = context.rules.salt, {spec.name: spec for spec in session.group.secrets}
    unsettled = [one for one in versions if not is_settled(one.name, identified(specs[one.name], one, salt), chain)]
    if not (unsettled and context.log.capabilities.has("detail")):
        return frozenset()
    wanted = Query(environment=context.chain_key.environment, providers=(context.card.id,), newest_first=True)
    wanted = replace(wanted, providers=(context.card.id, *sorted(context.card.spellings)))
    found = {str(one.version) for one in unsettled if _is_reported(context.log, wanted, str(one.version))}
    known = {(name, one.secret_id) for name in session.group.names for one in chain.known(name)}
    strange = any((one.name, one.secret_id) not in known for one in unsettled)
    return frozenset(found | {*_reported_by_name(context.log, wanted, DEEP if strange else SAMPLE)})


def _is_reported(log: EventLog, wanted: Query, label: str) -> bool:
    return any(True for _ in log.select(replace(wanted, detail={"secret_version": label}, limit=1)))


def _reported_by_name(log: EventLog, wanted: Query, rows: int) -> Iterator[str]:
    """What apps report as a map of labels, which no store can search: from the newest rows."""
    for event in log.select(replace(wanted, limit=rows)):
        labels = event.detail.get("secret_version")
        if isinstance(labels, Mapping):
            yield from map(str, labels.values())


def _carried(newest: SecretVersion | None) -> Carried:
    return Carried(newest.value, newest.version, str(newest.version)) if newest else NOTHING


def _versions_out(session: RotationSession, newest: Mapping[str, SecretVersion]) -> Mapping[str, SecretVersion]:
    elsewhere = [
        (name, out)
        for name, out in session.chain.out.items()
        if (there := newest.get(name))
        and (there.version, there.secret_id) != (out.version, out.secret_id)
        and out.version != NOT_YET
    ]
    known = session.workers.each(lambda one: _version(session.vault, one[0], one[1].version), elsewhere)
    both = zip(elsewhere, known, strict=True)
    return {name: there for (name, out), there in both if there is not None and there.secret_id == out.secret_id}


def _versions_spent(session: RotationSession) -> Mapping[tuple[str, int], SecretVersion]:
    found: dict[tuple[str, int], SecretVersion] = {}
    for gone in spent(session.chain, session.group.name):
        for name, one in gone.members.items():
            if (name, one.version) not in found and (there := _version(session.vault, name, one.version)):
                found[name, one.version] = there
    return found


def _is_out(session: RotationSession) -> bool:
    return all(name in session.chain.out for name in session.group.names)


def _is_in_doubt(
    session: RotationSession,
    newest: Mapping[str, SecretVersion],
    previous: Mapping[str, SecretVersion],
    out: Mapping[str, SecretVersion],
) -> bool:
    """Whether only the destinations can tell if the newest values are new: the vault no longer has the value in use, or
    has the same value under a number that nobody recorded."""
    recreated = any(
        (one := session.chain.out.get(name)) and name not in out and one.secret_id != there.secret_id
        for name, there in newest.items()
    )
    repeated = bool(previous) and all(previous[name].value.same_as(newest[name].value) for name in previous)
    return recreated or repeated


def newest_versions(session: RotationSession) -> Mapping[str, SecretVersion]:
    """The newest version of each secret of the group. Raises ``NotFound`` where one is absent that is not about to be
    made."""
    names = session.group.names
    there = session.workers.each(lambda name: _newest(session, name), names)
    return {name: one for name, one in zip(names, there, strict=True) if one}


def _newest(session: RotationSession, name: str) -> SecretVersion | None:
    try:
        return session.vault.read(name)
    except NotFound:
        if session.request.origin is ValueSource.VAULT:
            raise
        return None
    except ServiceError as error:
        error.next_step = while_the_vault_is_away(session, error)
        raise


def earlier_versions(vault: Vault, newest: SecretVersion, workers: Workers) -> Sequence[SecretVersion]:
    """Every readable version before ``newest``, newest first; the vault may have deleted some."""
    there = workers.each(lambda number: _version(vault, newest.name, number), range(newest.version - 1, 0, -1))
    return [one for one in there if one]


def _versions_before(session: RotationSession, newest: Mapping[str, SecretVersion]) -> Mapping[str, SecretVersion]:
    unknown = [one for name, one in newest.items() if name not in session.chain.out and one.version > 1]

    def look(one: SecretVersion) -> SecretVersion | None:
        return _recognised(session, one) or _version(session.vault, one.name, one.version - 1)

    before = session.workers.each(look, unknown)
    return {one.name: there for one, there in zip(unknown, before, strict=True) if there is not None}


def _recognised(session: RotationSession, newest: SecretVersion) -> SecretVersion | None:
    """The earlier version shown by a place from which an app reads. Before the first rotation nothing else says which
    version is in use, and it need not be the last one stored."""
    places = [one for one in session.bindings if one.destination.runtime and one.holds(newest.name)]
    for number in range(newest.version - 1, max(newest.version - 1 - LOOK_BACK, 0), -1) if newest.version > 2 else ():
        earlier = _version(session.vault, newest.name, number)
        if earlier and any(_shows(one, earlier) for one in places):
            return earlier
    return None


def _shows(binding: Binding, version: SecretVersion) -> bool:
    there = [Item(name, version.value, ItemKind.SECRET, version.version) for name in binding.names_of(version.name)]
    return any(one.sync is SyncStatus.YES for one in binding.destination.observe(there).values())


def _leaked_earlier(session: RotationSession, newest: SecretVersion) -> Sequence[SecretVersion]:
    """The versions before ``newest`` that leaked, where the vault still gives them and means the same secret by it."""
    out = session.chain.out.get(newest.name)
    if out is not None and out.secret_id != newest.secret_id:
        return ()
    numbers = sorted(number for number in session.chain.leaked(newest.name) if number < newest.version)
    return [found for number in numbers if (found := _version(session.vault, newest.name, number))]


def _version(vault: Vault, name: str, number: int) -> SecretVersion | None:
    if number == NOT_YET:
        return None
    try:
        return vault.read(name, number)
    except NotFound:
        return None


def _written(session: RotationSession, placeholder: Mapping[str, Carried]) -> Mapping[str, Carried]:
    """What would be written: what was given, where it was."""
    given = {
        name: replace(placeholder[name], value=value)
        for name, value in session.request.values.items()
        if name in placeholder
    }
    return {**placeholder, **given}


def _estimates(session: RotationSession, placeholder: Mapping[str, Carried]) -> Mapping[str, CostEstimate]:
    # A place that cannot hold what was given is to refuse it now, before the vault or another place has it.
    written = _written(session, placeholder)

    def look(binding: Binding) -> CostEstimate:
        estimate = binding.destination.estimate(items_for(session.group, binding, written))
        _refuse_if_not_deployable(session, binding)
        return estimate

    return look_over(session, look)


def _refuse_if_not_deployable(session: RotationSession, binding: Binding) -> None:
    """What is written and cannot be deployed would leave the app on the old value."""
    for wanted in deployments_for([binding.destination]) if session.request.deploy else ():
        deployer = session.context.deployers.get(wanted.base)
        if deployer and (problem := deployer.why_not()):
            raise problem


def _observed(session: RotationSession, versions: Mapping[str, Carried]) -> Mapping[str, Mapping[str, Observed]]:
    """What the destinations hold now, by secret."""
    group = session.group

    def look(binding: Binding) -> Mapping[str, Observed]:
        items = [item for item in items_for(group, binding, versions) if item.kind is ItemKind.SECRET]
        there = binding.destination.observe(items)
        return {name: there[one] for name in group.names for one in binding.names_of(name) if one in there}

    return _at_each(session, look)


def _at_each(session: RotationSession, look: Callable[[Binding], T]) -> Mapping[str, T]:
    bindings = session.bindings
    return {one.key: seen for one, seen in zip(bindings, session.workers.each(look, bindings), strict=True)}
