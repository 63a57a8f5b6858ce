"""The log as counts per minute: running totals for the baseline, single cells around each deployment."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, MutableSequence, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import accumulate, pairwise
from operator import add, sub
from typing import NamedTuple, Protocol

from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.hours import MINUTES, HourCount, SettledHour
from releaseguard.model import Outcome
from releaseguard.stats.reading import Reading, SettledCells

LOOKBACK = 240
"""Minutes before a deployment that are kept cell by cell, for the level of the last hours and for incidents in
progress."""
AFTERMATH = 30
"""Minutes after a window's end that are kept as well, since a writer's clock may be ahead."""


class Cell(NamedTuple):
    """Events of one kind, with their minute and the minute in which the log learned of them."""

    occurred: int
    recorded: int
    provider: str
    event: str
    ok: bool
    release: str | None
    synthetic: bool
    client: bool
    total: int
    repeats: int
    trials: int | None = None
    """The number of actions that the rows represent, negative where a good one turned out bad; ``None`` for as many as
    rows."""
    squares: int | None = None
    """The sum of the squared numbers of rows of each action; ``None`` where each action has one row."""
    source: str | None = None
    deployment_id: str | None = None
    """The host's id of the deployment that wrote it, where requested and known."""
    elsewhere: bool = False
    """Whether it belongs to another component than the judged one; it then only shows that the log works."""

    @property
    def is_traffic(self) -> bool:
        """Whether users made it: no rows of test users, no mere repeats, no other component's."""
        return (self.total > 0 or self.tried != 0) and not self.synthetic and not self.elsewhere

    @property
    def tried(self) -> int:
        """The number of actions that the rows represent; see :class:`~releaseguard.eventlog.counts.MinuteCount`."""
        return self.total if self.trials is None else self.trials

    def read_by(self, reading: Reading) -> bool | None:
        """Whether a check of its provider counts it as an error; ``None`` where the check does not count it."""
        return reading.of(self.event, self.ok) if reading.takes(client=self.client) else None

    def counted(self, reading: Reading) -> int:
        """How much it counts for a check: its actions where shares are judged, its rows where volume is."""
        return self.tried if reading.by_action else self.total


@lru_cache(maxsize=4096)
def minute_of(moment: datetime) -> int:
    """The minute since 1970 that contains ``moment``."""
    return int(moment.timestamp() // 60)


def moment_of(minute: int) -> datetime:
    """The moment at which a minute begins."""
    return datetime.fromtimestamp(minute * 60, UTC)


def cell_of(row: MinuteCount) -> Cell:
    """The cell of a counted minute; without ``recorded_at`` the log counts as having learned of it at once."""
    occurred = minute_of(row.occurred_minute)
    recorded = occurred if row.recorded_minute is None else minute_of(row.recorded_minute)
    ok = row.outcome is Outcome.SUCCESS
    return Cell(
        occurred,
        recorded,
        row.provider,
        row.event,
        ok,
        row.release,
        row.synthetic,
        row.client,
        row.count,
        row.repeats,
        row.trials,
        row.squares,
        row.source,
        row.deployment_id,
    )


class Series:
    """The numbers of events and errors in each minute, with sums over any span in constant time.

    The minutes' counts, which are small, are held in a list, to which hours are added twice as fast as to an array;
    their running sums, once requested, in an array of eight bytes each.
    """

    __slots__ = ("_bad", "_is_summed", "_start", "_total")

    def __init__(self) -> None:
        self._start = 0
        self._total: MutableSequence[int] = []
        self._bad: MutableSequence[int] = []
        self._is_summed = False

    def add(self, minute: int, total: int, bad: int) -> None:
        """Count events of a minute."""
        at = minute - self._start
        if self._is_summed or not 0 <= at < len(self._total):
            at = self._place(minute, minute + 1)
        self._total[at] += total
        if bad:
            self._bad[at] += bad

    def add_hour(self, start: int, counts: Sequence[int], *, bad: bool) -> None:
        """Count events of consecutive minutes from ``start`` on, all of them errors or none."""
        at = self._place(start, start + len(counts))
        _added(self._total, at, counts)
        if bad:
            _added(self._bad, at, counts)

    def _place(self, start: int, end: int) -> int:
        """The index of the minute ``start``, after making room for the minutes ``[start, end)``."""
        if self._is_summed:
            self._total, self._bad = (list(map(sub, sums[1:], sums)) for sums in (self._total, self._bad))
            self._is_summed = False
        if not self._total:
            self._start = start
        elif start < self._start:
            first = start - start % MINUTES
            room = [0] * (self._start - first)
            self._start, self._total, self._bad = first, [*room, *self._total], [*room, *self._bad]
        # To the end of an hour: minutes come one after the other.
        lacking = end - self._start - len(self._total)
        lacking += -(end - self._start) % MINUTES if lacking > 0 else 0
        if lacking > 0:
            for counts in (self._total, self._bad):
                counts.extend([0] * lacking)
        return start - self._start

    def total(self, start: int, end: int) -> int:
        """The events in the minutes ``[start, end)``."""
        low, high = self._span(start, end)
        return self._total[high] - self._total[low]

    def counts(self, start: int, end: int) -> tuple[int, int]:
        """The events and errors in the minutes ``[start, end)``."""
        low, high = self._span(start, end)
        return self._total[high] - self._total[low], self._bad[high] - self._bad[low]

    def totals(self, start: int, step: int, number: int) -> list[int]:
        """The events in each of ``number`` consecutive spans of ``step`` minutes, from ``start`` on."""
        self._sum_up()
        return _between(self._total, start - self._start, step, number)

    def every(self, start: int, step: int, number: int) -> list[tuple[int, int]]:
        """The events and errors in each of ``number`` consecutive spans of ``step`` minutes, from ``start`` on."""
        totals = self.totals(start, step, number)
        return list(zip(totals, _between(self._bad, start - self._start, step, number), strict=True))

    def _span(self, start: int, end: int) -> tuple[int, int]:
        self._sum_up()
        low, high, last = start - self._start, end - self._start, len(self._total) - 1
        return (
            0 if low < 0 else min(last, low),
            0 if high < 0 else min(last, high),
        )

    def _sum_up(self) -> None:
        if not self._is_summed:
            self._total, self._bad = (array("q", accumulate(of, initial=0)) for of in (self._total, self._bad))
            self._is_summed = True


def _between(sums: Sequence[int], offset: int, step: int, number: int) -> list[int]:
    """Differences of running sums, at indices that may lie before the first or after the last."""
    last, edges = len(sums) - 1, number + 1
    early = min(max(-(offset // step), 0), edges)
    known = min(max((last - offset) // step + 1, early), edges)
    inside = sums[offset + early * step : offset + known * step : step] if known > early else ()
    every = [*[sums[0]] * early, *inside, *[sums[last]] * (edges - known)]
    return [after - before for before, after in pairwise(every)]


def _added(held: MutableSequence[int], at: int, counts: Sequence[int]) -> None:
    span = slice(at, at + len(counts))
    held[span] = map(add, held[span], counts)


class KnownSeries:
    """A series as the log knew it at a look: without the cells it learned of later."""

    __slots__ = ("_bad", "_series", "_start", "_total")

    def __init__(self, series: Series, late: Iterable[tuple[int, int, int]]) -> None:
        """``late`` has (minute, events, errors) of what was still to come at that look."""
        self._series = series
        pieces = list(late)
        self._start = min((minute for minute, _, _ in pieces), default=0)
        size = max((minute for minute, _, _ in pieces), default=self._start - 1) - self._start + 1
        total, bad = [0] * size, [0] * size
        for minute, events, errors in pieces:
            total[minute - self._start] += events
            bad[minute - self._start] += errors
        self._total = list(accumulate(total, initial=0))
        self._bad = list(accumulate(bad, initial=0))

    def total(self, start: int, end: int) -> int:
        """The events in the minutes ``[start, end)``."""
        return self.counts(start, end)[0] if len(self._total) > 1 else self._series.total(start, end)

    def totals(self, start: int, step: int, number: int) -> list[int]:
        """The events in each of ``number`` consecutive spans of ``step`` minutes, from ``start`` on."""
        known = self._series.totals(start, step, number)
        if len(self._total) <= 1:
            return known
        late = _between(self._total, start - self._start, step, number)
        return [total - later for total, later in zip(known, late, strict=True)]

    def every(self, start: int, step: int, number: int) -> list[tuple[int, int]]:
        """The events and errors in each of ``number`` consecutive spans of ``step`` minutes, from ``start`` on."""
        known = self._series.every(start, step, number)
        if len(self._total) <= 1:
            return known
        late = (_between(sums, start - self._start, step, number) for sums in (self._total, self._bad))
        return [(total - some, bad - few) for (total, bad), some, few in zip(known, *late, strict=True)]

    def counts(self, start: int, end: int) -> tuple[int, int]:
        """The events and errors in the minutes ``[start, end)``."""
        total, bad = self._series.counts(start, end)
        last = len(self._total) - 1
        if last:
            low = min(max(start - self._start, 0), last)
            high = min(max(end - self._start, 0), last)
            total -= self._total[high] - self._total[low]
            bad -= self._bad[high] - self._bad[low]
        return total, bad


class Nearby(Protocol):
    """Single cells that are held outside a ledger."""

    def between(self, start: int, end: int) -> list[Cell]:
        """The cells of the minutes ``[start, end)``, ordered by minute and then by :func:`order_of`."""
        ...


class Ledger:
    """The traffic of one environment, gathered once, from which each of its releases can be judged.

    ``readings`` are those that will be requested; ``deployed`` has the minutes of the deployments, ``window`` is how
    many minutes after each it will be judged, and ``lead`` how many minutes before each its release may have served.
    Synthetic rows are not traffic; they are kept only to show that the log works. ``nearby`` has the single cells
    around the deployments where they are too many to be kept here.
    """

    def __init__(
        self,
        readings: Iterable[Reading],
        deployed: Iterable[int],
        window: int,
        lead: int = 0,
        nearby: Nearby | None = None,
    ) -> None:
        self._readings: dict[str, list[Reading]] = defaultdict(list)
        for reading in dict.fromkeys(readings):
            self._readings[reading.provider].append(reading)
        self._traffic: dict[str, Series] = {}
        self._nothing = Series()
        self._read: dict[Reading, Series] = {}
        self._routes: dict[tuple[str, str, bool, bool], tuple[tuple[Series, bool, bool], ...]] = {}
        self._nearby = nearby
        spans = ((start - lead - LOOKBACK, start + window + AFTERMATH) for start in deployed if nearby is None)
        self._near = frozenset(minute for span in spans for minute in range(*span))
        self._cells: dict[int, list[Cell]] = defaultdict(list)
        self._settled: list[tuple[SettledHour, bool]] = []
        self.first: int | None = None
        """The earliest minute of any traffic: history before it is unknown, not empty."""

    def add(self, rows: Iterable[Cell]) -> None:
        """Gather cells, in any order."""
        for cell in rows:
            if cell.occurred in self._near:
                self._cells[cell.occurred].append(cell)
            if not cell.is_traffic:
                continue
            if self.first is None or cell.occurred < self.first:
                self.first = cell.occurred
            for series, by_action, bad in self._route(cell.provider, cell.event, ok=cell.ok, client=cell.client):
                counted = cell.tried if by_action else cell.total
                series.add(cell.occurred, counted, counted if bad else 0)

    def add_hours(self, hours: Iterable[HourCount], is_elsewhere: Callable[[str | None], bool]) -> None:
        """Gather whole hours, in any order, none of whose minutes is near a deployment."""
        for hour in hours:
            if hour.synthetic or is_elsewhere(hour.source) or not (any(hour.counts) or any(hour.trials)):
                continue
            start = minute_of(hour.hour)
            self._began(start, hour)
            ok = hour.outcome is Outcome.SUCCESS
            for series, by_action, bad in self._route(hour.provider, hour.event, ok=ok, client=hour.client):
                series.add_hour(start, hour.trials if by_action else hour.counts, bad=bad)

    def add_settled(self, hours: Iterable[SettledHour], is_elsewhere: Callable[[str | None], bool]) -> None:
        """Gather hours around the only deployment, in any order, which contain none of its own rows."""
        every = list(hours)
        self.add_hours(every, is_elsewhere)
        self._settled.extend((hour, is_elsewhere(hour.source)) for hour in every)

    def settled(self, since: int) -> Sequence[SettledCells]:
        """What such hours contain from a minute on."""
        starts = ((hour, minute_of(hour.hour), is_elsewhere) for hour, is_elsewhere in self._settled)
        cells = (SettledCells(hour, start, since, elsewhere=elsewhere) for hour, start, elsewhere in starts)
        return [one for one in cells if one.total]

    def _began(self, start: int, hour: HourCount) -> None:
        if self.first is None or start < self.first:
            seen = (at for at in range(MINUTES) if hour.counts[at] > 0 or hour.trials[at] != 0)
            first = start + next(seen, MINUTES)
            self.first = first if self.first is None else min(self.first, first)

    def _route(self, provider: str, event: str, *, ok: bool, client: bool) -> tuple[tuple[Series, bool, bool], ...]:
        key = provider, event, ok, client
        route = self._routes.get(key)
        if route is None:
            readings = [one for one in self._readings[provider] if one.takes(client=client)]
            read = [(self.read(one), one.by_action, one.of(event, ok)) for one in readings]
            everything = self._traffic.setdefault(provider, Series()), False, not ok
            route = everything, *((series, by_action, bad) for series, by_action, bad in read if bad is not None)
            self._routes[key] = route
        return route

    def series(self, provider: str) -> Series:
        """All traffic of a provider; its errors are the rows that are logged as errors."""
        return self._traffic.get(provider, self._nothing)

    def read(self, reading: Reading) -> Series:
        """What counts for a check, with what the check calls an error."""
        return self._read.setdefault(reading, Series())

    @property
    def providers(self) -> Sequence[str]:
        """The providers that have had traffic, by name."""
        return sorted(self._traffic)

    def near(self, start: int, end: int) -> list[Cell]:
        """The cells of the minutes ``[start, end)`` around a deployment, in an order that depends on them alone."""
        if self._nearby is not None:
            return self._nearby.between(start, end)
        return [cell for minute in range(start, end) for cell in sorted(self._cells.get(minute, ()), key=order_of)]


def order_of(cell: Cell) -> tuple[int | str, ...]:
    """The order of a cell among those of its minute."""
    written_by = cell.release or "", cell.synthetic, cell.client, cell.source or "", cell.deployment_id or ""
    return cell.recorded, cell.provider, cell.event, cell.ok, *written_by
