"""The state of the log itself: how late rows arrive, until when it is complete, and whether it works."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Final

from msgspec import Struct, structs

from releaseguard.eventlog.counts import MinuteCount
from releaseguard.model import Event
from releaseguard.stats.reading import SettledCells
from releaseguard.stats.series import Cell

ENOUGH = 5.0
"""The number of expected independent events from which their absence means something: P(none | 5) = 0.7%."""
_LONGEST_LAG = 120
"""Minutes; rows later than that were imported and say nothing about the pipeline."""
_PAST, _BLOCK = 15, 10
"""Minutes by which a row is late that was brought in, and the stretches in which that is looked for."""
_ONCE, _OFTEN = 2, 4
"""So many such stretches at most are an exception, beside so many times as many in which rows came at once."""
_TIMELY = 0.98
_FEW = 20
_SOON = 2
"""Minutes within which most rows arrive where each is sent by itself rather than in batches."""
_BULK = 0.75
_MOST = 0.6

FAR_AHEAD: Final = timedelta(minutes=15)
"""How far a clock may be ahead for its rows to be taken at their stated time; they are read together with the
window's."""
OLDEST_LOG: Final = datetime(2020, 1, 1, tzinfo=UTC)
"""No event log has recorded anything before."""
ANY_CLOCK: Final = timedelta(days=36_525)
"""How far ahead a clock may be for its rows to be searched for: a date set by hand, a mistyped year."""


class Arrival(Struct, frozen=True):
    """How late rows of one kind arrive: the fraction ``shares[a]`` is there ``a`` minutes after their own minute."""

    shares: Sequence[float]

    def share(self, age: int) -> float:
        """The fraction of a minute's rows that are there ``age`` minutes later."""
        return 0.0 if age < 0 else self.shares[min(age, len(self.shares) - 1)]

    def shares_from(self, age: int, count: int) -> Sequence[float]:
        """The fractions for ``count`` successive minutes, the first of them ``age`` minutes old."""
        last = len(self.shares) - 1
        all_there = min(max(age - last + 1, 0), count)
        coming = list(reversed(self.shares[: max(min(age, last - 1) + 1, 0)]))[: count - all_there]
        ahead = count - all_there - len(coming)
        return [*[self.shares[last]] * all_there, *coming, *[0.0] * ahead]

    @property
    def complete(self) -> int:
        """The age at which 98% of a minute's rows are there."""
        return self._reaches(_TIMELY)

    @property
    def counts(self) -> int:
        """The age from which a minute counts, by the fraction that should be there.

        Where rows arrive one by one and only some are late, that is when most are there. Where they arrive in batches,
        all of a minute's rows may still be missing, so the minute must be complete.
        """
        return self._reaches(_MOST if self.share(_SOON) >= _BULK else _TIMELY)

    def _reaches(self, share: float) -> int:
        return next((age for age, there in enumerate(self.shares) if there >= share), len(self.shares) - 1)


PROMPT = Arrival((0.0, 1.0))
"""The assumption where too few rows are known: within the next minute."""


class Lags(Struct, frozen=True):
    """How late rows arrive."""

    usual: Arrival
    by_provider: Mapping[str, Arrival]
    ahead: int
    """Rows recorded before the minute in which they claim to have occurred: a clock is ahead."""
    rows: int

    def of(self, provider: str) -> Arrival:
        """How late the provider's rows arrive; as late as all rows where it has too few."""
        return self.by_provider.get(provider, self.usual)


def lags_of(cells: Iterable[Cell], settled: Sequence[SettledCells] = ()) -> Lags:
    """Measure how late the rows of the last hours arrived; ``settled`` are those that come by the hour."""
    overall: Counter[int] = Counter()
    single: dict[str, Counter[int]] = {}
    ahead = 0
    known = list(cells)
    at_once = [one.at_once() for one in settled]
    brought_in = _brought_in(known, settled, at_once)
    for cell in known:
        lag = cell.recorded - cell.occurred
        ahead += cell.total if lag < 0 else 0
        is_past = lag >= _PAST and cell.recorded // _BLOCK in brought_in
        if lag <= _LONGEST_LAG and cell.total and not is_past:
            overall[max(lag, 0)] += cell.total
            single.setdefault(cell.provider, Counter())[max(lag, 0)] += cell.total
    for one, counts in zip(settled, at_once, strict=True):
        own = single.setdefault(one.hour.provider, Counter())
        for lag, recorded, rows in ((0, 0, sum(counts)), *one.late()):
            is_past = lag >= _PAST and recorded // _BLOCK in brought_in
            if lag <= _LONGEST_LAG and rows and not is_past:
                overall[lag] += rows
                own[lag] += rows
    by_provider = {name: _arrival(lags) for name, lags in single.items() if lags.total() >= _FEW}
    usual = _arrival(overall) if overall.total() >= _FEW else PROMPT
    return Lags(usual, by_provider, ahead, overall.total())


def _brought_in(cells: Sequence[Cell], settled: Sequence[SettledCells], at_once: Iterable[Sequence[int]]) -> Set[int]:
    """The stretches of :data:`_BLOCK` minutes in which old rows arrived once, because a queue was worked off or a gap
    filled, which says nothing about the pipeline. Where rows keep arriving late, that is normal."""
    prompt, late = Counter[int](), Counter[int]()
    for cell in cells:
        (late if cell.recorded - cell.occurred >= _PAST else prompt)[cell.recorded // _BLOCK] += cell.total
    for one, counts in zip(settled, at_once, strict=True):
        for lag, recorded, rows in one.late():
            (late if lag >= _PAST else prompt)[recorded // _BLOCK] += rows
        for at in range(0, len(counts), _BLOCK):
            if rows := sum(counts[at : at + _BLOCK]):
                prompt[(one.start + at) // _BLOCK] += rows
    is_once = len(late) <= _ONCE and len(prompt) >= _OFTEN * len(late) and late.total() >= _FEW
    return frozenset(late) if is_once else frozenset()


def _arrival(lags: Counter[int]) -> Arrival:
    there = accumulate(lags[age] for age in range(max(lags) + 1))
    return Arrival([count / lags.total() for count in there])


def dead_minutes(totals: Sequence[int], expected: Sequence[float], clump: float = 1.0) -> list[bool]:
    """The minutes in which the log cannot be shown to have worked.

    ``totals`` are the rows of all providers, ``expected`` how many there should have been, and ``clump`` how many of
    them come at once, by their dispersion. A stretch without any row in which at least :data:`ENOUGH` clumps were
    expected is a gap in the log and no provider's silence, except for the minutes next to a row, which shows that the
    log worked.
    """
    dead = [False] * len(totals)
    start = 0
    while start < len(totals):
        end = start
        while end < len(totals) and totals[end] == 0:
            end += 1
        if end - start > 2 and sum(expected[start:end]) >= ENOUGH * clump:
            first = start + 1 if start > 0 else start
            last = end - 1 if end < len(totals) else end
            for minute in range(first, last):
                dead[minute] = True
        start = max(end, start + 1)
    return dead


def is_ahead(row: MinuteCount) -> bool:
    """Whether a row claims a time far after its recording. One that was recorded when there was no log yet says nothing
    by that, and counting it there would take the memory of all minutes since."""
    learned = row.recorded_minute
    return learned is not None and learned >= OLDEST_LOG and row.occurred_minute - learned > FAR_AHEAD


def as_recorded(rows: Iterable[MinuteCount], since: datetime, until: datetime) -> Iterator[MinuteCount]:
    """The rows; those of a clock that is far ahead, at their recording.

    None that is then before ``since`` or far after ``until``: neither of its times can be believed, and the minutes in
    between would take all memory.
    """
    for row in rows:
        at = row.recorded_minute if row.recorded_minute and is_ahead(row) else row.occurred_minute
        if since <= at < until + FAR_AHEAD:
            yield row if at == row.occurred_minute else structs.replace(row, occurred_minute=at)


def known_at(row: Event) -> datetime:
    """The time at which a row counts: its recording where its clock is far ahead of the log's."""
    learned = row.recorded_at
    return learned if learned is not None and row.occurred_at - learned > FAR_AHEAD else row.occurred_at


def median_lead(rows: Iterable[MinuteCount]) -> timedelta:
    """The median time by which rows are ahead of their recording; zero without rows."""
    found = Counter[timedelta]()
    for row in rows:
        if row.recorded_minute is not None:
            found[row.occurred_minute - row.recorded_minute] += max(row.count, 0)
    every = sorted(found.elements())
    return every[len(every) // 2] if every else timedelta(0)
