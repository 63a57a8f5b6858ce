"""What was found in the code, held against the log: which call sites wrote their events since the release, which within
a month, and which never; and which writers never spoke. Pure but for the one reading of the log."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from releaseguard.cards.load import Cards
from releaseguard.coverage.values import CallPlace, Report
from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.entries import DEPLOYED
from releaseguard.eventlog.interface import EventLog, Query
from releaseguard.model import OURSELVES
from releaseguard.settings import Settings

MONTH = timedelta(days=30)
_EDGE = re.compile(r"(?:^|/)functions/([^/_][^/]*)/")


@dataclass(frozen=True, slots=True)
class SeenCall:
    """One call site, and what the log holds of its provider and writer."""

    place: CallPlace
    source: str | None
    """Who runs it, where its path says so; without, any writer of the provider speaks for it."""
    since: int
    """Events since the release."""
    month: int
    last: datetime | None
    nameless: int = 0
    """Events of the provider within a month that name no writer: some of them may be this call's."""

    @property
    def state(self) -> str:
        """``since_release``, ``before`` (within a month), ``unnamed`` (nobody can tell) or ``never``."""
        if self.month:
            return "since_release" if self.since else "before"
        return "unnamed" if self.nameless else "never"


@dataclass(frozen=True, slots=True)
class SeenCalls:
    """The call sites of a search, held against one environment's log."""

    environment: str
    release: str | None
    deployed_at: datetime | None
    """When the newest release was marked; ``None`` where none is: then nothing is "since" it."""
    calls: Sequence[SeenCall]
    silent: Sequence[str]
    """Writers that the configuration or the code names, and that no row within a month names."""
    nameless: int = 0
    """Rows within a month that name no writer: some of them may be theirs."""


def seen(report: Report, log: EventLog, settings: Settings, cards: Cards) -> SeenCalls:
    """Hold the calls of a search against the log of the configured environment."""
    now, environment = log.now(), settings.environment
    marks = Query(environment=environment, providers=[OURSELVES], events=[DEPLOYED], newest_first=True, limit=1)
    mark = next(iter(log.select(marks)), None)
    counts = list(log.minute_counts(Query(environment=environment, since=now - MONTH)))
    since = mark.occurred_at if mark is not None else None
    named = _named(settings)
    return SeenCalls(
        environment,
        mark.release if mark is not None else None,
        since,
        held_against(report.calls, counts, since, named, cards),
        _silent(report.calls, counts, named),
        sum(one.count for one in counts if one.source is None and one.provider != OURSELVES),
    )


def held_against(
    calls: Sequence[CallPlace],
    counts: Iterable[MinuteCount],
    since: datetime | None,
    named: Sequence[str],
    cards: Cards,
) -> list[SeenCall]:
    """Each call with the events of its provider, from its own writer where that is known."""
    by_provider: dict[str, list[MinuteCount]] = {}
    for one in counts:
        by_provider.setdefault(one.provider, []).append(one)
    return [_held(call, by_provider.get(call.provider, ()), since, named, cards) for call in calls]


def _held(
    call: CallPlace, counts: Iterable[MinuteCount], since: datetime | None, named: Sequence[str], cards: Cards
) -> SeenCall:
    source, events = source_of(call.file, named), _events(call, cards)
    of_calls = [one for one in counts if one.event in events]
    own = [one for one in of_calls if source is None or one.source == source]
    nameless = sum(one.count for one in of_calls if one.source is None)
    later = [one for one in own if since is not None and one.occurred_minute + timedelta(minutes=1) > since]
    last = max((one.occurred_minute for one in own), default=None)
    return SeenCall(call, source, sum(one.count for one in later), sum(one.count for one in own), last, nameless)


def _events(call: CallPlace, cards: Cards) -> set[str]:
    """The events that a call may log: without what is received, which no call of the app makes."""
    events = cards.get(call.provider).events
    return {one for one in (*events.success, *events.error) if "webhook" not in one}


def source_of(file: str, named: Sequence[str]) -> str | None:
    """The writer that runs a file: an edge function by its folder, else a folder that is called as a writer is."""
    if (match := _EDGE.search(file)) is not None:
        return match[1]
    parts = [*file.split("/")[:-1], file.rpartition("/")[2].partition(".")[0]]
    return next((one for one in reversed(parts) if one in named), None)


def _named(settings: Settings) -> list[str]:
    """The writers that the configuration names."""
    places: list[Mapping[str, Sequence[str]]] = [settings.components]
    places += [provider.sources for provider in settings.providers.values()]
    return sorted({source for place in places for sources in place.values() for source in sources})


def _silent(calls: Sequence[CallPlace], counts: Sequence[MinuteCount], named: Sequence[str]) -> list[str]:
    spoke = {one.source for one in counts}
    expected = {*named, *(source for call in calls if (source := source_of(call.file, named)) is not None)}
    return sorted(expected - spoke)
