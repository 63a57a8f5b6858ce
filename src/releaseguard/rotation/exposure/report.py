"""What a leak exposed: who holds the value, who read it, what still runs with it, whom revoking would break.

Gathered while the rotation runs and recorded beside it. Every part may be unknown (a plan without an audit log, a
token that may not list repositories): then the report says so, and the rotation goes on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from releaseguard import readable
from releaseguard.audit.chain import ChainKey
from releaseguard.cards.spec import Card, SecretSpec
from releaseguard.destinations.interface import QueuedRun
from releaseguard.errors import ReleaseguardError, ServiceError
from releaseguard.eventlog.interface import EventLog, Query
from releaseguard.keeping import said
from releaseguard.model import OURSELVES, Event, JsonObject, Outcome, deterministic_id, from_text, to_text
from releaseguard.rotation.context import Binding
from releaseguard.rotation.drift.copies import search_for_copies
from releaseguard.rotation.exposure.installed_apps import InstalledAppShare, sentence, shares_in
from releaseguard.vault.interface import Access, Vault

T = TypeVar("T")

EVENT = "leak_exposure"
"""The event under which an exposure report is kept, with the rotation's id."""
LOOK_BACK = timedelta(days=30)
"""How far back the log is read where nothing says since when the leaked version has been in use."""
MOST = 50
"""Entries of one kind that a report keeps; the counts are of all."""
TOLD = 8
"""Entries of one kind that a sentence names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Everything that could be found out. ``unknown`` says what could not, and why."""

    at: datetime
    versions: Mapping[str, int | None]
    """The leaked version by secret."""
    used_since: datetime | None
    """When the leaked version was made, as far as the vault knows."""
    holders: Sequence[str]
    """Destinations that held it when the rotation began."""
    copies: Sequence[str]
    """Copies at places that no configuration names."""
    accesses: Sequence[Access]
    queued_runs: Sequence[QueuedRun]
    """Workflow runs that were queued with the old value and still have it."""
    use: Mapping[str, Mapping[str, int]]
    """The provider's events since: by source, successes and errors."""
    clients: Sequence[InstalledAppShare]
    unknown: Sequence[str]

    def to_json(self) -> JsonObject:
        """As kept in the log: names, times and counts, no value."""
        return {
            "at": to_text(self.at),
            "versions": dict(self.versions),
            "used_since": to_text(self.used_since) if self.used_since else None,
            "holders": list(self.holders),
            "copies": list(self.copies)[:MOST],
            "accesses": [
                {"at": to_text(one.at), "actor": one.actor, "action": one.action, "secret": one.secret_name}
                for one in self.accesses[:MOST]
            ],
            "queued_runs": [
                {"place": run.place, "url": run.url, "status": run.status, "created_at": to_text(run.created_at)}
                for run in self.queued_runs[:MOST]
            ],
            "counts": {
                "copies": len(self.copies),
                "accesses": len(self.accesses),
                "queued_runs": len(self.queued_runs),
            },
            "use": {source: dict(counts) for source, counts in self.use.items()},
            "clients": [
                {
                    "secret": one.secret,
                    "events": one.events,
                    "old_events": one.old_events,
                    "share": one.share,
                    "releases": list(one.releases),
                }
                for one in self.clients
            ],
            "unknown": list(self.unknown),
        }


class _Access(Struct):
    actor: str
    action: str


class _Run(Struct):
    url: str


class _Client(Struct):
    secret: str
    share: float | None
    releases: list[str]


class _Counts(Struct):
    copies: int
    accesses: int
    queued_runs: int


class _Report(Struct):
    """The shape of :meth:`Exposure.to_json`: what :func:`summary` rests on."""

    used_since: str | None
    holders: list[str]
    copies: list[str]
    accesses: list[_Access]
    queued_runs: list[_Run]
    counts: _Counts
    use: dict[str, dict[str, int]]
    clients: list[_Client]
    unknown: list[str]
    at: str | None = None
    versions: dict[str, int | None] = {}
    """Early reports have neither."""

    def __post_init__(self) -> None:
        if self.versions and self.at is None:
            raise ValueError("a report of versions says when it was made")
        for moment in (self.at, self.used_since):
            if moment is not None:
                from_text(moment)


def report_in(event: Event) -> JsonObject | None:
    """The exposure report that a row holds; ``None`` where it holds none."""
    found = event.detail.get("exposure")
    try:
        msgspec.convert(found, _Report, strict=True)
    except (msgspec.ValidationError, RecursionError):
        return None
    return found if event.event == EVENT else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureSources:
    """Where an exposure is looked for."""

    card: Card
    chain_key: ChainKey
    unit: Sequence[SecretSpec]
    bindings: Sequence[Binding]
    vault: Vault
    log: EventLog
    waiting_runs: Callable[[datetime], Sequence[QueuedRun]]
    is_configured: Callable[[str], bool]
    """Whether the configuration names a destination that overlaps with this URI."""


def gather(around: ExposureSources, versions: Mapping[str, int | None], pushed_at: datetime) -> Exposure:
    """Look everywhere; never raises for what one service refuses."""
    unknown: list[str] = []
    since = _attempt(unknown, "since when it was in use", lambda: _used_since(around.vault, versions))
    start = since or pushed_at - LOOK_BACK
    rows = _attempt(unknown, "the provider's events", lambda: _rows(around, start)) or ()
    return Exposure(
        at=pushed_at,
        versions=versions,
        used_since=since,
        holders=[binding.key for binding in around.bindings],
        copies=_attempt(unknown, "unmanaged copies", lambda: _copies(around, unknown)) or (),
        accesses=_accesses(unknown, around, start),
        queued_runs=_attempt(unknown, "queued runs", lambda: around.waiting_runs(pushed_at)) or (),
        use=use_by_source(rows),
        clients=_attempt(unknown, "installed apps", lambda: _clients(around, pushed_at)) or (),
        unknown=unknown,
    )


def exposure_event(chain_key: ChainKey, rotation_id: str, exposure: Exposure) -> Event:
    """The report as an event; a report gathered again for the same rotation and push is the same event."""
    return Event(
        id=deterministic_id(EVENT, rotation_id, to_text(exposure.at)),
        occurred_at=exposure.at,
        provider=OURSELVES,
        event=EVENT,
        outcome=Outcome.SUCCESS,
        environment=chain_key.environment,
        detail={"provider": chain_key.provider, "rotation_id": rotation_id, "exposure": exposure.to_json()},
    )


def use_by_source(rows: Iterable[Event]) -> Mapping[str, Mapping[str, int]]:
    """How often each source used the provider; an unexpected source may be a stranger with the key."""
    counts: dict[str, Counter[str]] = {}
    for row in rows:
        counts.setdefault(row.source or "(no source)", Counter())[row.outcome.value] += 1
    return {source: dict(sorted(counts[source].items())) for source in sorted(counts)}


def _attempt(unknown: list[str], what: str, look: Callable[[], T]) -> T | None:
    """What ``look`` finds; ``None``, and a line in ``unknown``, where a service refuses."""
    try:
        return look()
    except ReleaseguardError as error:
        unknown.append(said(f"{what}: {error}"))
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


def _accesses(unknown: list[str], around: ExposureSources, since: datetime) -> Sequence[Access]:
    lines: list[Access] = []
    for secret in around.unit:
        lines += _attempt(unknown, f"who read {secret.name}", partial(_readers, around.vault, secret.name, since)) or ()
    return sorted(lines, key=lambda line: line.at)


def _readers(vault: Vault, name: str, since: datetime) -> Sequence[Access]:
    found = vault.accesses(name, since)
    if found is None:
        raise ServiceError("the plan has no audit log", where=vault.label)
    return found


def summary(exposure: JsonObject) -> Sequence[str]:
    """The report in sentences, for a terminal and for the post-mortem."""
    counts: Mapping[str, Any] = exposure["counts"]
    holders = exposure["holders"]
    held = f"held by {len(holders)} configured destinations: {_some(holders)}" if holders else "held by no destination"
    lines = [*_leaked(exposure), held]
    if counts["copies"]:
        lines.append(f"{counts['copies']} unmanaged copies: {_some(exposure['copies'])}")
    if counts["queued_runs"]:
        urls = ", ".join(run["url"] for run in exposure["queued_runs"][:3])
        lines.append(f"{counts['queued_runs']} workflow runs still hold the old value: {urls}")
    if counts["accesses"]:
        actors = Counter(f"{one['actor']} ({one['action']})" for one in exposure["accesses"])
        who = [f"{actor} {times} times" if times > 1 else actor for actor, times in actors.most_common()]
        lines.append(f"read or changed {counts['accesses']} times in Infisical, by {_some(who)}")
    lines += _uses(exposure)
    lines += [sentence(one["secret"], one["share"], one["releases"]) for one in exposure["clients"]]
    return [*lines, *(f"unknown: {what}" for what in exposure["unknown"])]


def _leaked(exposure: JsonObject) -> Iterable[str]:
    """Which versions, and for how long they had been in use when the leak was reported."""
    since = exposure["used_since"]
    versions = [f"{name} version {number or 'unknown'}" for name, number in exposure.get("versions", {}).items()]
    if versions:
        yield f"leaked: {', '.join(versions)}{_age(since, exposure['at']) if since else ''}"


def _age(since: str, at: str) -> str:
    used = readable.roughly(from_text(at) - from_text(since), ("d", "h", "min"))
    return f", in use since {readable.date_and_clock(since, zone=' UTC')} ({used})"


def _uses(exposure: JsonObject) -> Iterable[str]:
    """The provider's events since the leaked version is in use: an unexpected source may be a stranger."""
    told = [
        f"{source} {counts.get('success', 0)} successes, {counts.get('error', 0)} errors"
        for source, counts in exposure["use"].items()
    ]
    if told:
        yield f"the provider's events since: {_some(told, '; ')}"


def _some(words: Sequence[str], between: str = ", ") -> str:
    """The first :data:`TOLD` of them: the log keeps all."""
    more = f"{between}and {len(words) - TOLD} more" if len(words) > TOLD else ""
    return between.join(words[:TOLD]) + more
