"""Hours as a store keeps them: packed, one row for each kind, in JSON that every store can hold. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import cache, lru_cache, partial
from itertools import groupby
from operator import add, attrgetter, itemgetter
from typing import Any, Final, NamedTuple

from msgspec.json import Decoder, encode

from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.hours import MINUTE, MINUTES, HourCount, by_hour_and_kind, course_of
from releaseguard.eventlog.interface import EVERY_COUNT, Changes, Needs, Query
from releaseguard.eventlog.latencies import held
from releaseguard.eventlog.rows.decode import named_of
from releaseguard.model import Outcome, from_text


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


def changes_of(told: Any) -> Changes | None:
    """The answer of the schema's function ``changes``. Minutes of years that Python has not are no minutes of rows that
    can be read."""
    if not isinstance(told, dict):
        return None
    minutes = told.get("minutes")
    if not isinstance(minutes, list):
        return Changes(str(told.get("upto")), None)
    found = (_moment(text) for text in minutes)
    return Changes(str(told.get("upto")), frozenset(minute for minute in found if minute is not None))


def _moment(text: str) -> datetime | None:
    try:
        return from_text(text)
    except ValueError:
        return None


def hour_counts_in(hours: Iterable[Kept], needs: Needs) -> Iterator[HourCount]:
    """The courses of kept hours, which come in order; those as one that need not be told apart."""
    for _, group in groupby(_of_use(hours, needs), key=itemgetter(0)):
        for kind, alike in _alike(group, needs):
            yield _course_of(kind, alike)


def _course_of(kind: Kept, alike: Sequence[Kept]) -> HourCount:
    counts, trials, ahead = _read(alike[0].text)
    for one in alike[1:]:
        more, tried, early = _read(one.text)
        counts, trials, ahead = list(map(add, counts, more)), list(map(add, trials, tried)), max(ahead, early)
    return HourCount(*kind[:-1], held(counts), held(trials), ahead)


def _of_use(hours: Iterable[Kept], needs: Needs) -> Iterator[Kept]:
    """The hours of which there is any use."""
    if needs.has_use is None:
        yield from hours
        return
    has_use = cache(needs.has_use)
    yield from (hour for hour in hours if has_use(hour.provider, hour.event, hour.outcome))


def _alike(hours: Iterable[Kept], needs: Needs) -> Iterable[tuple[Kept, Sequence[Kept]]]:
    """The kept parts of one hour by kind, each kind with the source that stands for its own."""
    if needs.writer is None:
        return ((one, (one,)) for one in hours)
    found: defaultdict[Kept, list[Kept]] = defaultdict(list)
    for one in hours:
        found[one._replace(source=needs.writer(one.source), text="")].append(one)
    return found.items()


def minute_counts_in(hours: Iterable[Kept]) -> Iterator[MinuteCount]:
    """What hours hold in detail, ordered by minute; the hours come in order."""
    return _in_order(hours, EVERY_COUNT, lambda _: _all)


def _in_order(hours: Iterable[Kept], needs: Needs, of_use: Callable[[datetime], Use]) -> Iterator[MinuteCount]:
    for hour, group in groupby(_of_use(hours, needs), key=itemgetter(0)):
        use = of_use(hour)
        until = None if needs.until is None else (needs.until - hour) // MINUTE
        minutes = [
            minute
            for kind, alike in _alike(group, needs)
            for minute in (
                _minutes_of(kind, use(_read(alike[0].text)))
                if kind is alike[0]
                else _minutes_as_one(kind, alike, use, until)
            )
        ]
        yield from sorted(minutes, key=attrgetter("occurred_minute"))


def _minutes_as_one(kind: Kept, alike: Sequence[Kept], use: Use, until: int | None) -> Iterator[MinuteCount]:
    """What the parts of a kind hold, of each minute and minute of recording one; but what the log learned of from
    ``until`` on as it is kept."""
    found: dict[tuple[int, int | None], list[Any]] = {}
    for one in alike:
        late = []
        for entry in use(_read(one.text)):
            at, learned, *figures = entry
            if until is not None and (learned is None or learned >= until):
                late.append(entry)
            else:
                known = found.get((at, learned))
                found[at, learned] = figures if known is None else _sum(known, figures)
        yield from _minutes_of(one, late)
    yield from _minutes_of(kind, ((*minutes, *figures) for minutes, figures in found.items()))


def _sum(one: Sequence[Any], other: Sequence[Any]) -> list[Any]:
    """The figures of two counts, and how long both took where both say it."""
    counts, took = map(add, one[:4], other[:4]), zip(one[4:], other[4:], strict=False)
    return [*counts, *(first + second for first, second in took)]


def asked_for(hours: Iterable[Kept], query: Query) -> Iterator[MinuteCount]:
    """Of these the minutes that a question asks for, and of them what the log learned of from then on that it asks
    for."""
    first, since = (at and at.replace(second=0, microsecond=0) for at in (query.since, query.recorded_since))
    until = query.until

    def of_use(hour: datetime) -> Use:
        low = 0 if first is None else (first - hour) // MINUTE
        high = MINUTES if until is None else -((hour - until) // MINUTE)
        learned = None if since is None else (since - hour) // MINUTE
        if low <= 0 and high >= MINUTES and learned is None:
            return _all
        return partial(_within, low, high, learned)

    return _in_order(hours, query.needs, of_use)


Entries = Iterable[Sequence[Any]]
Use = Callable[[Entries], Entries]


def _all(entries: Entries) -> Entries:
    return entries


def _within(low: int, high: int, since: int | None, entries: Entries) -> Entries:
    """Those of the minutes ``[low, high)`` of the hour, of which the log learned from the minute ``since`` on."""
    return (
        entry
        for entry in entries
        if low <= entry[0] < high and (since is None or entry[1] is None or entry[1] >= since)
    )


def _minutes_of(kind: Kept, entries: Entries) -> Iterator[MinuteCount]:
    hour, environment, provider, event, outcome, release, source, synthetic, _ = kind
    minutes = _minutes_from(hour)
    for at, learned, count, repeats, trials, squares, *latencies in entries:
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
