"""Counts of minutes as a store of ours keeps them, one row for each hour and kind: of each source, and of all servers
as one. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec import structs

from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.hours import MINUTE, by_hour_and_kind, course_of
from releaseguard.eventlog.interface import Query
from releaseguard.eventlog.latencies import Histogram, merged
from releaseguard.eventlog.rows.packs import json_of
from releaseguard.model import Outcome


class Packed(NamedTuple):
    """An hour of one kind as it is to be kept."""

    hour: datetime
    environment: str
    provider: str
    event: str
    outcome: Outcome
    release: str | None
    source: str | None
    synthetic: bool
    latest: datetime | None
    """The last minute in which any of it was recorded; ``None`` where that cannot be read of every row."""
    course: str
    detail: str


def is_of_joined(query: Query) -> bool:
    """Whether hours answer it in which all servers are one source."""
    return query.needs.servers_are_one and query.needs.until is None


def packed(rows: Iterable[MinuteCount]) -> Iterator[Packed]:
    """The counts as they are to be kept; ``rows`` in order of their minutes."""
    for hour, kind, alike in by_hour_and_kind(rows):
        course = course_of(hour, kind, alike)
        learned = [row.recorded_minute for row in alike]
        known = [minute for minute in learned if minute is not None]
        latest = max(known) if len(known) == len(learned) else None
        detail = [_detail(row, hour) for row in alike]
        yield Packed(
            hour, *kind, latest, json_of([list(course.counts), list(course.trials), course.ahead]), json_of(detail)
        )


def joined(rows: Iterable[MinuteCount]) -> Iterator[MinuteCount]:
    """The same, with all servers as one source; those of phones as they are."""
    found: defaultdict[tuple[object, ...], list[MinuteCount]] = defaultdict(list)
    for row in rows:
        named = row.environment, row.provider, row.event, row.outcome, row.release, row.synthetic
        source = row.source if row.client else None
        found[row.occurred_minute, row.recorded_minute, *named, source].append(row)
    return (_as_one(alike, source) for (*_, source), alike in found.items())


def _as_one(alike: Sequence[MinuteCount], source: object) -> MinuteCount:
    first = alike[0]
    if len(alike) == 1 and first.source == source:
        return first
    return structs.replace(
        first,
        source=source,
        count=sum(row.count for row in alike),
        repeats=sum(row.repeats for row in alike),
        trials=sum(row.trials for row in alike),
        squares=sum(row.squares for row in alike),
        latency=_times_of(alike),
    )


def _times_of(alike: Sequence[MinuteCount]) -> Histogram | None:
    """How long they took; nothing where one does not say it."""
    said = [row.latency for row in alike if row.latency is not None]
    return merged(said) if len(said) == len(alike) else None


def _detail(row: MinuteCount, hour: datetime) -> list[object]:
    learned = None if row.recorded_minute is None else (row.recorded_minute - hour) // MINUTE
    figures = row.count, row.repeats, row.trials, row.squares
    return [row.occurred_minute.minute, learned, *figures, *([] if row.latency is None else [list(row.latency)])]
