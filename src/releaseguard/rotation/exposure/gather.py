"""Finds out what a leak exposed: who holds the value, who read it, what still runs with it, and what revoking it would
break.

Gathered during the rotation and recorded with it. Any part may be unknown (no audit log in the plan, a token that may
not list repositories): then the report says so, and the rotation continues.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from releaseguard.audit.chain import ChainKey
from releaseguard.cards.spec import Card, SecretSpec
from releaseguard.deployments.interface import Deployer
from releaseguard.destinations.interface import QueuedRun
from releaseguard.errors import ReleaseguardError, ServiceError
from releaseguard.eventlog.interface import EventLog, Query
from releaseguard.keeping import clean_identifier, clean_text
from releaseguard.model import Event, to_text
from releaseguard.rotation.context import Binding
from releaseguard.rotation.drift.copies import search_for_copies
from releaseguard.rotation.exposure.by_value import CopiesByValue, copies_by_value
from releaseguard.rotation.exposure.installed_apps import InstalledAppShare, shares_in
from releaseguard.rotation.exposure.report import AppShare, ExposureReport, FoundCounts, RecordedAccess, RunWithOldValue
from releaseguard.secret import Secret
from releaseguard.vault.interface import AccessRecord, Vault

T = TypeVar("T")

LOOK_BACK = timedelta(days=30)
"""How far back the log is read where it is unknown since when the leaked version has been in use."""
MOST = 50
"""The most entries of one kind that a report keeps; its counts include all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureSources:
    """Where the exposure of a leak is looked up."""

    card: Card
    chain_key: ChainKey
    unit: Sequence[SecretSpec]
    bindings: Sequence[Binding]
    vault: Vault
    log: EventLog
    waiting_runs: Callable[[datetime], Sequence[QueuedRun]]
    is_configured: Callable[[str], bool]
    """Whether the configuration names a destination that overlaps with this URI."""
    deployers: Sequence[Deployer] = ()
    """The deployers of the places that have deployments."""


def gather(
    around: ExposureSources,
    versions: Mapping[str, int | None],
    pushed_at: datetime,
    secret_ids: Mapping[str, str | None] | None = None,
) -> ExposureReport:
    """Look everywhere. A refusal by one service is part of the report and never raised.

    ``secret_ids`` holds the vault's id of each leaked secret where it is known: a namesake is a different secret.
    """
    unknown: list[str] = []
    held = _attempt(unknown, "copies by value", lambda: _held(around, versions, secret_ids or {}, unknown))
    held = held or CopiesByValue()
    previews = _attempt(unknown, "older deployments", lambda: _previews(around, pushed_at)) or ()
    since = _attempt(unknown, "since when it was in use", lambda: _used_since(around.vault, versions))
    start = since or pushed_at - LOOK_BACK
    rows = _attempt(unknown, "the provider's events", lambda: _rows(around, start)) or ()
    copies = _attempt(unknown, "unmanaged copies", lambda: _copies(around, unknown)) or ()
    accesses = _accesses(unknown, around, start)
    runs = _attempt(unknown, "queued runs", lambda: around.waiting_runs(pushed_at)) or ()
    return ExposureReport(
        at=to_text(pushed_at),
        versions=dict(versions),
        used_since=to_text(since) if since else None,
        holders=[binding.key for binding in around.bindings],
        copies=list(copies)[:MOST],
        values=list(held.copies)[:MOST],
        follow=list(held.follow)[:MOST],
        previews=list(previews)[:MOST],
        accesses=[*map(_access, accesses[:MOST])],
        queued_runs=[*map(_run, runs[:MOST])],
        counts=FoundCounts(
            copies=len(copies),
            accesses=len(accesses),
            queued_runs=len(runs),
            values=len(held.copies),
            previews=len(previews),
        ),
        use=use_by_source(rows),
        clients=[*map(_share, _attempt(unknown, "installed apps", lambda: _clients(around, pushed_at)) or ())],
        unknown=unknown,
    )


def _access(one: AccessRecord) -> RecordedAccess:
    return RecordedAccess(at=to_text(one.at), actor=one.actor, action=one.action, secret=one.secret_name)


def _run(run: QueuedRun) -> RunWithOldValue:
    return RunWithOldValue(place=run.place, url=run.url, status=run.status, created_at=to_text(run.created_at))


def _share(one: InstalledAppShare) -> AppShare:
    return AppShare(
        secret=one.secret,
        events=one.events,
        old_events=one.old_events,
        share=one.share,
        releases=list(one.releases),
    )


def use_by_source(rows: Iterable[Event]) -> Mapping[str, Mapping[str, int]]:
    """How often each source used the provider; an unexpected source may be a stranger with the key."""
    counts: dict[str, Counter[str]] = {}
    for row in rows:
        source = clean_identifier(row.source) if row.source else "(no source)"
        counts.setdefault(source, Counter())[row.outcome.value] += 1
    return {source: dict(sorted(counts[source].items())) for source in sorted(counts)}


def _attempt(unknown: list[str], what: str, look: Callable[[], T]) -> T | None:
    """The result of ``look``; ``None``, and a line in ``unknown``, where a service refuses."""
    try:
        return look()
    except ReleaseguardError as error:
        unknown.append(clean_text(f"{what}: {error}"))
        return None


def _used_since(vault: Vault, versions: Mapping[str, int | None]) -> datetime | None:
    made = [vault.read(name, version).updated_at for name, version in versions.items() if version is not None]
    return min((moment for moment in made if moment), default=None)


def _rows(around: ExposureSources, since: datetime) -> Sequence[Event]:
    query = Query(environment=around.chain_key.environment, providers=[around.card.id], since=since)
    return list(around.log.select(query))


def _clients(around: ExposureSources, pushed_at: datetime) -> Sequence[InstalledAppShare]:
    secrets = [one.name for one in around.unit if one.reach == "client"]
    chain_key = around.chain_key
    return shares_in(around.log, secrets, environment=chain_key.environment, provider=around.card.id, out_at=pushed_at)


def _copies(around: ExposureSources, unknown: list[str]) -> Sequence[str]:
    found = search_for_copies(around.bindings, [one.name for one in around.unit], around.is_configured)
    unknown += [f"copies of {one.name} at {one.place}: the token may not look there" for one in found.unread]
    return sorted({f"{one.uri} ({one.name})" for one in found.copies})


def _held(
    around: ExposureSources,
    versions: Mapping[str, int | None],
    secret_ids: Mapping[str, str | None],
    unknown: list[str],
) -> CopiesByValue:
    """Where else the leaked values stand; only those that the vault still has and that are confidential are searched
    for."""
    public = {one.name for one in around.unit if one.identifier}
    values: dict[str, Secret] = {}
    for name, number in versions.items():
        if name in public:
            continue
        there = around.vault.read(name, number) if number is not None else None
        if there is None or secret_ids.get(name) not in (None, there.secret_id):
            unknown.append(f"copies by value: the vault does not give the value of {name} that leaked")
        else:
            values[name] = there.value
    found = copies_by_value(around.bindings, around.vault, values)
    unknown += [f"copies by value: not compared: {place}" for place in found.unread]
    return found


def _previews(around: ExposureSources, pushed_at: datetime) -> Sequence[str]:
    """Earlier deployments of the targets that had the value."""
    targets = {one.destination.address.base: {*one.destination.address.targets} for one in around.bindings}
    return [
        f"{deployer.place} {one.target} {one.url or one.id}"
        for deployer in around.deployers
        for one in deployer.kept(pushed_at)
        if one.target in targets.get(deployer.place, ())
    ]


def _accesses(unknown: list[str], around: ExposureSources, since: datetime) -> Sequence[AccessRecord]:
    lines: list[AccessRecord] = []
    for secret in around.unit:
        look = partial(_readers, around.vault, secret.name, since)
        lines += _attempt(unknown, f"who read {secret.name} in the vault", look) or ()
    return sorted(lines, key=lambda line: line.at)


def _readers(vault: Vault, name: str, since: datetime) -> Sequence[AccessRecord]:
    found = vault.accesses(name, since)
    if found is None:
        raise ServiceError("the plan has no audit log", where=vault.label)
    return found
