"""Counts of whole hours, for the time before a window. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final, NamedTuple

from msgspec import Struct, structs

from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.latencies import held
from releaseguard.model import Outcome, by_phones

MINUTES: Final = 60
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)


class HourCount(Struct, frozen=True):
    """How many events of one kind happened in each minute of an hour, whenever the log learned of them."""

    hour: datetime
    environment: str
    provider: str
    event: str
    outcome: Outcome
    release: str | None
    source: str | None
    synthetic: bool
    counts: Sequence[int]
    """:attr:`MinuteCount.count` of each of the :data:`MINUTES` minutes."""
    trials: Sequence[int]
    """:attr:`MinuteCount.trials` of each minute."""
    ahead: int = 0
    """The most minutes by which rows claim to be later than their recording, because a clock was ahead."""

    @property
    def client(self) -> bool:
        """Whether an installed app wrote it."""
        return by_phones(self.source)


class SettledHour(HourCount, frozen=True):
    """The rows of an hour that arrived in time, with how late they came and how long they took, where nobody needs
    single minutes of recording (:class:`~releaseguard.eventlog.interface.Settling`)."""

    late_rows: Sequence[int] = ()
    """For rows recorded in a later minute than their own, three figures each: the minute of the hour, the minute of
    recording counted from the hour, and the number of rows."""
    timed: Sequence[int] = ()
    """The minutes of the hour with known latencies, in any order; a minute may occur more than once."""
    took: bytes = b"[]"
    """For each of these minutes a histogram (``latencies.py``) in JSON, since few hours are asked for them."""

    @property
    def late(self) -> Iterable[tuple[int, int, int]]:
        """The figures of :attr:`late_rows`, three at a time."""
        rows = self.late_rows
        return zip(rows[::3], rows[1::3], rows[2::3], strict=True)

    @property
    def last(self) -> datetime:
        """The last minute that has any count."""
        return self.hour + max(at for at in range(MINUTES) if self.counts[at]) * MINUTE


def hour_of(row: MinuteCount) -> datetime:
    """The hour in which the counted rows occurred."""
    return row.occurred_minute.replace(minute=0)


def kind_of(row: MinuteCount) -> HourKind:
    """The fields of an :class:`HourCount` besides the hour, in its order."""
    named = row.environment, row.provider, row.event, row.outcome, row.release, row.source
    return HourKind(*named, row.synthetic)


class HourKind(NamedTuple):
    """What the events of one :class:`HourCount` have in common."""

    environment: str
    provider: str
    event: str
    outcome: Outcome
    release: str | None
    source: str | None
    synthetic: bool


def hours_of(rows: Iterable[MinuteCount]) -> Iterator[HourCount]:
    """The same counts by the hour; ``rows`` must be ordered by minute."""
    return (course_of(*alike) for alike in by_hour_and_kind(rows))


def by_hour_and_kind(rows: Iterable[MinuteCount]) -> Iterator[tuple[datetime, HourKind, Sequence[MinuteCount]]]:
    """The counts of each hour and kind together; ``rows`` must be ordered by minute."""
    for hour, group in groupby(rows, key=hour_of):
        kinds: defaultdict[HourKind, list[MinuteCount]] = defaultdict(list)
        for row in group:
            kinds[kind_of(row)].append(row)
        yield from ((hour, kind, alike) for kind, alike in kinds.items())


def course_of(hour: datetime, kind: HourKind, alike: Iterable[MinuteCount]) -> HourCount:
    """The sum of the counts of one hour and kind."""
    counts, trials, ahead = [0] * MINUTES, [0] * MINUTES, 0
    for row in alike:
        minute = row.occurred_minute.minute
        counts[minute] += row.count
        trials[minute] += row.trials
        if row.recorded_minute is not None:
            ahead = max(ahead, (row.occurred_minute - row.recorded_minute) // MINUTE)
    return HourCount(hour, *kind, held(counts), held(trials), ahead)


def within(hours: Iterable[HourCount], since: datetime, until: datetime) -> Iterator[HourCount]:
    """The part of whole hours inside the minutes ``[since, until)``. Asking a store for parts of an hour costs more,
    since it keeps whole ones."""
    for hour in hours:
        low, high = (since - hour.hour) // MINUTE, (until - hour.hour) // MINUTE
        if low <= 0 and high >= MINUTES:
            yield hour
            continue
        inside = range(max(low, 0), min(high, MINUTES))
        counts, trials = (_only(inside, figures) for figures in (hour.counts, hour.trials))
        if any(counts) or any(trials):
            yield structs.replace(hour, counts=counts, trials=trials)


def _only(minutes: range, figures: Sequence[int]) -> Sequence[int]:
    return held(many if at in minutes else 0 for at, many in enumerate(figures))


def hour_begun(at: datetime) -> datetime:
    """The beginning of the hour of ``at``."""
    return at.replace(minute=0, second=0, microsecond=0)
