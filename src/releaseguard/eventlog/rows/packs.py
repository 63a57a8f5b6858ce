"""Hours as a store keeps them: packed, one row for each kind, in JSON that every store can hold. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache, partial
from itertools import chain, groupby
from operator import add, attrgetter, itemgetter
from typing import Any, Final, NamedTuple

from msgspec import Raw, Struct
from msgspec.json import Decoder, encode

from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.hours import MINUTE, MINUTES, HourCount, SettledHour
from releaseguard.eventlog.interface import EVERY_COUNT, Changes, HourSettling, Needs, Query
from releaseguard.eventlog.latencies import Histogram, held
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


def can_be_read_from(query: Query) -> bool:
    """Whether kept hours answer the question: they hold no single rows, and no part of an action's rows."""
    parts = (query.events, query.ids, query.detail, query.correlation_id, query.outcome, query.recorded_since)
    return not query.by_deployment and not any(parts) and query.environment != ""


def kept_of(row: Sequence[Any], hour: datetime | None) -> Kept | None:
    """A row of a store's answer, whose first value is the hour; ``None`` where what it counts are not events."""
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
    read = [_read_course(one.text) for one in alike]
    counts = _summed([one[0] for one in read])
    # Mostly each use is an action of its own, and what is equal is added up and held once.
    trials = counts if all(one[0] == one[1] for one in read) else _summed([one[1] for one in read])
    return HourCount(*kind[:-1], counts, trials, max(one[2] for one in read))


def _summed(courses: Sequence[Sequence[int]]) -> Sequence[int]:
    total = courses[0]
    for course in courses[1:]:
        total = list(map(add, total, course))
    return held(total)


def rows_in(course: str) -> int:
    """How many rows an hour's course counts."""
    return sum(_read_course(course)[0])


def course_within(hour: Kept, first: datetime | None, last: datetime | None) -> Kept | None:
    """The course of the minutes ``[first, last]`` of an hour that is kept in detail; ``None`` where it has none."""
    low = 0 if first is None else (first - hour.hour) // MINUTE
    high = MINUTES if last is None else (last - hour.hour) // MINUTE + 1
    inside = list(_within(low, high, None, _read_detail(hour.text)))
    counts, trials, ahead = [0] * MINUTES, [0] * MINUTES, 0
    for entry in inside:
        counts[entry.at] += entry.count
        trials[entry.at] += entry.trials
        if entry.learned is not None:
            ahead = max(ahead, entry.at - entry.learned)
    return hour._replace(text=json_of([counts, trials, ahead])) if inside else None


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
    found: defaultdict[tuple[datetime, tuple[object, ...], str | None, bool], list[Kept]] = defaultdict(list)
    for one in hours:
        found[one.hour, one[1:6], needs.writer(one.source), one.synthetic].append(one)
    return [(alike[0]._replace(source=source, text=""), alike) for (_, _, source, _), alike in found.items()]


def minute_counts_in(hours: Iterable[Kept], needs: Needs = EVERY_COUNT) -> Iterator[MinuteCount]:
    """What hours hold in detail, ordered by minute; the hours come in order."""
    return _in_order(hours, needs, lambda _: _all)


def _in_order(hours: Iterable[Kept], needs: Needs, of_use: Callable[[datetime], Use]) -> Iterator[MinuteCount]:
    is_timed = _timed_of(needs)
    for hour, group in groupby(_of_use(hours, needs), key=itemgetter(0)):
        use = of_use(hour)
        minutes = [
            minute
            for kind, alike in _alike(group, needs)
            for minute in _minutes_as_one(kind, _read(alike, use), needs, is_timed=is_timed(kind))
        ]
        yield from sorted(minutes, key=attrgetter("occurred_minute"))


def _timed_of(needs: Needs) -> Callable[[Kept], bool]:
    """Whether it matters how long the uses of a kind took."""
    is_timed = cache(needs.is_timed) if needs.is_timed else None
    return lambda kind: is_timed is None or is_timed(kind.provider, kind.event, kind.outcome)


def _read(alike: Sequence[Kept], use: Use) -> Parts:
    return [(one, use(_read_detail(one.text))) for one in alike]


def _minutes_as_one(kind: Kept, parts: Parts, needs: Needs, *, is_timed: bool) -> Iterator[MinuteCount]:
    """What the parts of a kind hold, of each minute and minute of recording one, as far as these are told apart; but
    what the log learned of from ``needs.until`` on as it is kept."""
    if needs.writer is None and needs.is_recording_told:
        return chain.from_iterable(_minutes_of(kind, entries, is_timed=is_timed) for _, entries in parts)
    until = None if needs.until is None else (needs.until - kind.hour) // MINUTE
    found: dict[tuple[int, int | None], _Entry] = {}
    apart: list[Iterator[MinuteCount]] = []
    for one, entries in parts:
        late: list[_Entry] = []
        for entry in entries:
            at, learned = entry.at, entry.learned
            if until is not None and (learned is None or learned >= until):
                late.append(entry)
                continue
            if not needs.is_recording_told and (learned is None or learned > at):
                learned = entry.learned = at
            known = found.setdefault((at, learned), entry)
            if known is not entry:
                known.add(entry)
                known.took = _joined(known.took, entry.took) if is_timed else known.took
        if late:
            apart.append(_minutes_of(one, late, is_timed=is_timed))
    return chain(*apart, _minutes_of(kind, found.values(), is_timed=is_timed))


def asked_for(hours: Iterable[Kept], query: Query) -> Iterator[MinuteCount]:
    """Of these the minutes that a question asks for, and of them what the log learned of from then on that it asks
    for."""
    return _in_order(hours, query.needs, partial(_use_of, query))


def _use_of(query: Query, hour: datetime) -> Use:
    first, since = (at and at.replace(second=0, microsecond=0) for at in (query.since, query.recorded_since))
    low = 0 if first is None else (first - hour) // MINUTE
    high = MINUTES if query.until is None else -((hour - query.until) // MINUTE)
    learned = None if since is None else (since - hour) // MINUTE
    if low <= 0 and high >= MINUTES and learned is None:
        return _all
    return partial(_within, low, high, learned)


def settled_and_asked_for(
    hours: Iterable[Kept], query: Query, settling: HourSettling
) -> tuple[Sequence[SettledHour], Sequence[MinuteCount]]:
    """Of the same what may be told by the hour, and the rest by the minute."""
    needs, is_timed, settled, minutes = query.needs, _timed_of(query.needs), list[SettledHour](), list[MinuteCount]()
    every: Iterable[Kept] = _of_use(hours, needs)
    if settling.own is not None:
        every = list(every)
    until = _settled_until(every, settling)
    is_plain = cache(settling.is_plain)
    for hour, group in groupby(every, key=itemgetter(0)):
        use, limit, some = _use_of(query, hour), (until - hour) // MINUTE, list[MinuteCount]()
        for kind, alike in _alike(group, needs):
            parts, is_asked = _read(alike, use), is_timed(kind)
            if limit > 0 and not kind.synthetic and is_plain(kind.provider, kind.event, kind.release):
                course, parts = _settled(kind, parts, limit, is_timed=is_asked)
                settled.extend(course)
            some.extend(_minutes_as_one(kind, parts, needs, is_timed=is_asked))
        minutes.extend(sorted(some, key=attrgetter("occurred_minute")))
    return settled, minutes


def _settled_until(hours: Iterable[Kept], settling: HourSettling) -> datetime:
    """The minute before which all has to have happened, and been recorded, that is told by the hour; reads the hours
    where that hangs on what they hold."""
    if settling.own is None:
        return settling.until
    own, since, first = cache(settling.own), settling.own_since, settling.until
    for one in hours:
        for entry in _read_detail(one.text) if own(one.release) else ():
            if entry.learned is None:
                return datetime.min.replace(tzinfo=one.hour.tzinfo)
            learned = one.hour + entry.learned * MINUTE
            if since is None or learned >= since:
                first = min(first, learned - settling.margin)
    return first


def _settled(kind: Kept, parts: Parts, limit: int, *, is_timed: bool) -> tuple[Sequence[SettledHour], Parts]:
    """The hour of a kind, of what was recorded before the minute ``limit`` from the hour on and not before it
    happened; and what else its parts hold."""
    counts, trials, late = [0] * MINUTES, [0] * MINUTES, list[int]()
    timed, took, rest = list[int](), list[bytes](), Parts()
    for one, entries in parts:
        others: list[_Entry] = []
        for entry in entries:
            at, learned, count = entry.at, entry.learned, entry.count
            if learned is None or not at <= learned < limit or count <= 0:
                others.append(entry)
                continue
            counts[at] += count
            trials[at] += entry.trials
            if learned != at:
                late += (at, learned, count)
            if is_timed:
                timed.append(at)
                took.append(bytes(entry.took))
        if others:
            rest.append((one, others))
    if not any(counts):
        return (), rest
    told = b"[" + b",".join(took) + b"]"
    return [SettledHour(*kind[:-1], held(counts), held(trials), 0, held(late), held(timed), told)], rest


def say_all(hour: SettledHour) -> bool:
    """Whether all uses of the hour may say how long they took."""
    return b"null" not in hour.took


def say_any(hour: SettledHour) -> bool:
    """Whether any of them does."""
    return _SAYS.search(hour.took) is not None


def times_in(hour: SettledHour, minutes: range) -> Iterable[tuple[int, Histogram]]:
    """How long uses of these minutes of the hour took, after the minute; all of them may say it."""
    found: dict[int, list[int]] = {}
    for at, one in zip(hour.timed, _read_every(hour.took), strict=True) if minutes else ():
        if one and at in minutes:
            known = found.setdefault(at, one)
            if known is not one:
                known += one
    return found.items()


_SAYS: Final = re.compile(rb"\d")


class _Entry(Struct, array_like=True, gc=False):
    """What an hour holds in detail of one minute, and of one minute of recording."""

    at: int
    learned: int | None
    count: int
    repeats: int
    trials: int
    squares: int
    took: Raw = Raw(b"null")
    """How long they took, unread: it is most of the text, and asked of some events alone."""

    def add(self, other: _Entry) -> None:
        """Take in what another holds of the same minute, but for how long it took."""
        self.count += other.count
        self.repeats += other.repeats
        self.trials += other.trials
        self.squares += other.squares


def _joined(one: Raw, other: Raw) -> Raw:
    """How long the uses of both took; nothing where one does not say it."""
    first, second = bytes(one), bytes(other)
    if b"null" in (first, second):
        return Raw(b"null")
    if b"[]" in (first, second):
        return other if first == b"[]" else one
    return Raw(first[:-1] + b"," + second[1:])


Entries = Iterable[_Entry]
Use = Callable[[Entries], Entries]
Parts = list[tuple[Kept, Entries]]
"""What is kept of the sources of one kind."""


def _all(entries: Entries) -> Entries:
    return entries


def _within(low: int, high: int, since: int | None, entries: Entries) -> Entries:
    """Those of the minutes ``[low, high)`` of the hour, of which the log learned from the minute ``since`` on."""
    return (
        entry
        for entry in entries
        if low <= entry.at < high and (since is None or entry.learned is None or entry.learned >= since)
    )


def _minutes_of(kind: Kept, entries: Entries, *, is_timed: bool) -> Iterator[MinuteCount]:
    hour, environment, provider, event, outcome, release, source, synthetic, _ = kind
    minutes = _minutes_from(hour)
    for entry in entries:
        learned = entry.learned
        yield MinuteCount(
            minutes[entry.at],
            None if learned is None else minutes[learned] if 0 <= learned < len(minutes) else hour + learned * MINUTE,
            environment,
            provider,
            event,
            outcome,
            release,
            synthetic,
            source,
            entry.count,
            entry.repeats,
            entry.trials,
            entry.squares,
            None,
            _took(entry.took) if is_timed else None,
        )


def _took(told: Raw) -> Histogram | None:
    figures = _read_figures(told)
    return None if figures is None else held(figures)


_NEAR: Final = 120
"""Minutes from an hour on in which nearly all is recorded that occurred in it."""
_LAST_HOUR: Final = datetime.max.replace(minute=0, second=0, microsecond=0, tzinfo=UTC)


@lru_cache(maxsize=2048)
def _minutes_from(hour: datetime) -> Sequence[datetime]:
    """The minutes of an hour and of the next, the same objects for all that is counted in them. The calendar's last
    hour has no next."""
    last = _NEAR if hour < _LAST_HOUR else MINUTES
    return [hour + number * MINUTE for number in range(last)]


_read_course: Final = Decoder(tuple[list[int], list[int], int]).decode
_read_detail: Final = Decoder(list[_Entry]).decode
_read_figures: Final = Decoder(list[int] | None).decode
_read_every: Final = Decoder(list[list[int]]).decode


def json_of(value: object) -> str:
    """As it is kept."""
    return encode(value).decode()
