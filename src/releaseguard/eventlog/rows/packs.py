"""Hours as a store keeps them: packed, one row for each kind, in JSON that every store can hold. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, NamedTuple

from msgspec.json import Decoder, encode

from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.hours import MINUTE, HourCount, by_hour_and_kind, course_of
from releaseguard.eventlog.interface import Query
from releaseguard.eventlog.latencies import held
from releaseguard.eventlog.rows.decode import named_of
from releaseguard.model import Outcome


class Kept(NamedTuple):
    """An hour of one kind as a store keeps it."""

    hour: datetime
    environment: str
    provider: str
    event: str
    outcome: Outcome
    release: str | None
    source: str | None
    synthetic: bool
    text: str
    """JSON. The course, ``[[count of each minute], [trials of each minute], ahead]``, or in detail ``[[minute of the
    hour, minutes from the hour to the recording or null, count, repeats, trials, squares, latencies], ...]``."""


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


def can_be_read_from(query: Query) -> bool:
    """Whether kept hours answer the question: they hold no single rows, and no part of an action's rows."""
    parts = (query.events, query.ids, query.detail, query.correlation_id, query.outcome, query.recorded_since)
    return not query.by_deployment and not any(parts) and query.environment != ""


def kept_of(row: Sequence[Any], hour: datetime | None) -> Kept | None:
    """A row of a store's answer, whose first value is the hour; ``None`` where what it counts are no events."""
    _, environment, provider, event, outcome, release, source, synthetic, text = row
    named = named_of(environment, provider, event, outcome, release, source, None)
    if hour is None or named is None:
        return None
    return Kept(hour, *named[:-1], bool(synthetic), text)


def hour_count_of(kept: Kept) -> HourCount:
    """Its course."""
    counts, trials, ahead = _read(kept.text)
    return HourCount(*kept[:-1], held(counts), held(trials), ahead)


def minute_counts_in(hours: Iterable[Kept]) -> Iterator[MinuteCount]:
    """What hours hold in detail, ordered by minute; the hours come in order."""
    return (minute for _, minutes in _hour_by_hour(hours) for minute in minutes)


def _hour_by_hour(hours: Iterable[Kept]) -> Iterator[tuple[datetime, Sequence[MinuteCount]]]:
    for hour, group in groupby(hours, key=attrgetter("hour")):
        minutes = [minute for kept in group for minute in _minutes_of(kept)]
        yield hour, sorted(minutes, key=attrgetter("occurred_minute"))


def asked_for(hours: Iterable[Kept], query: Query) -> Iterator[MinuteCount]:
    """Of these the minutes that a question asks for, and of them what the log learned of from then on that it asks
    for."""
    first, since = (at and at.replace(second=0, microsecond=0) for at in (query.since, query.recorded_since))
    for hour, minutes in _hour_by_hour(hours):
        rows = minutes
        if first is not None and hour < first:
            rows = [row for row in rows if row.occurred_minute >= first]
        if query.until is not None and hour + HOUR > query.until:
            rows = [row for row in rows if row.occurred_minute < query.until]
        if since is not None:
            rows = [row for row in rows if row.recorded_minute is None or row.recorded_minute >= since]
        yield from rows


def _minutes_of(kept: Kept) -> Iterator[MinuteCount]:
    hour, environment, provider, event, outcome, release, source, synthetic, text = kept
    minutes = _minutes_from(hour)
    for at, learned, count, repeats, trials, squares, *latencies in _read(text):
        yield MinuteCount(
            minutes[at],
            None if learned is None else minutes[learned] if 0 <= learned < _NEAR else hour + learned * MINUTE,
            environment,
            provider,
            event,
            outcome,
            release,
            synthetic,
            source,
            count,
            repeats,
            trials,
            squares,
            None,
            held(latencies[0]) if latencies else None,
        )


HOUR: Final = 60 * MINUTE
_NEAR: Final = 120
"""Minutes from an hour on in which nearly all is recorded that occurred in it."""


@lru_cache(maxsize=2048)
def _minutes_from(hour: datetime) -> Sequence[datetime]:
    """The minutes of an hour and of the next, the same objects for all that is counted in them."""
    return [hour + number * MINUTE for number in range(_NEAR)]


_read: Final = Decoder(list[Any]).decode


def packed(rows: Iterable[MinuteCount]) -> Iterator[Packed]:
    """The counts as they are to be kept; ``rows`` in order of their minutes."""
    for hour, kind, alike in by_hour_and_kind(rows):
        course = course_of(hour, kind, alike)
        learned = [row.recorded_minute for row in alike]
        known = [minute for minute in learned if minute is not None]
        latest = max(known) if len(known) == len(learned) else None
        detail = [_detail(row, hour) for row in alike]
        yield Packed(
            hour, *kind, latest, _json([list(course.counts), list(course.trials), course.ahead]), _json(detail)
        )


def _detail(row: MinuteCount, hour: datetime) -> list[object]:
    learned = None if row.recorded_minute is None else (row.recorded_minute - hour) // MINUTE
    figures = row.count, row.repeats, row.trials, row.squares
    return [row.occurred_minute.minute, learned, *figures, *([] if row.latency is None else [list(row.latency)])]


def _json(value: object) -> str:
    return encode(value).decode()
