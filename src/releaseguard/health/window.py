"""The log in a window of time, and what the week before it lets one expect there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import TypeVar

from msgspec import Struct

from releaseguard import readable
from releaseguard.eventlog.hours import HourCount
from releaseguard.stats.baseline import (
    MOST_DAYS,
    BaselineSpan,
    ErrorBaseline,
    VolumeBaseline,
    count_dispersion,
    error_baseline,
    shared_variance,
    together,
    usual_rates,
    volume_baseline,
)
from releaseguard.stats.calendar import ALL_ALIKE, SAME_WEEKDAY, Calendar
from releaseguard.stats.completeness import ENOUGH, dead_minutes, lags_of
from releaseguard.stats.series import Cell, KnownSeries, Ledger
from releaseguard.traces import Traces, no_trace

T = TypeVar("T")
SETTLED = 2
"""The fewest whole minutes without any event for the log to be called down."""
QUIET_DAYS, QUIET = 2, 0.5
"""So many days like today, with so little of what days of all kinds bring, are quiet ones."""
AROUND = 30
"""Minutes around the same local time that show what such days bring."""
UNKNOWN_SHARE = 0.05
"""The error share up to which errors count as usual without a history."""


class Usual(Struct, frozen=True):
    """What the time before the window lets one expect from one provider."""

    errors: ErrorBaseline
    volume: VolumeBaseline
    rates: Sequence[float]
    """Events per minute at the level of earlier days or today's, whichever is higher: after hours of an outage today's
    level would make it usual. Where days like today are quiet, theirs: a business that is closed on Sundays is not
    silent then."""
    most: Sequence[float]
    """The same, ignoring that days like today are quiet; only more than this can be a rise."""
    shared: float

    @property
    def known(self) -> bool:
        return self.errors.events > 0

    @property
    def assumed_errors(self) -> ErrorBaseline:
        """The usual share of errors, or an assumption without a history."""
        return self.errors if self.known else ErrorBaseline(0, 0, UNKNOWN_SHARE, 1.0 / UNKNOWN_SHARE, 0)


class Window:
    """An environment's traffic: a window ``[start, end)`` in minutes since 1970, and the time before it."""

    def __init__(
        self,
        cells: Iterable[Cell],
        start: int,
        end: int,
        baseline: int,
        traces: Traces | None = None,
        past: Iterable[HourCount] = (),
        calendar: Calendar = ALL_ALIKE,
    ) -> None:
        """``past`` is what lies before the cells."""
        self._calendar = calendar
        self.traces = traces or Traces(no_trace)
        self.broken: dict[str, Exception] = {}
        """What broke the reading of a provider's past, by its name; the others are judged without it."""
        self.start, self.end, self.length = start, end, end - start
        self._ledger = Ledger((), (start,), self.length)
        self._ledger.add(cells)
        self._ledger.add_hours(past, lambda _: False)
        self.providers: Sequence[str] = tuple(self._ledger.providers)
        """Those with any traffic in the window or before it that can be judged; ``known``: all of them."""
        first = self._ledger.first
        self._span = BaselineSpan(min(max(start - baseline, first if first is not None else start), start), start)
        inside = [cell for cell in self._ledger.near(start, end) if not cell.synthetic]
        self.lags = lags_of(cell for cell in inside if cell.occurred < end - 1)
        self.newest = max((cell.occurred for cell in self._ledger.near(start, end)), default=self._newest_of_hours())
        self.usual = self._usual()
        self.clump = count_dispersion([self._series(name) for name in self.usual], self._span)
        """The dispersion of all providers' events together: so many of them tell as much as one that comes by
        itself."""
        self.known = self.providers
        self.providers = tuple(self.usual)
        self.dead = self._dead()

    def counts(self, provider: str, start: int, end: int) -> tuple[int, int]:
        """Events and errors of the minutes ``[start, end)`` after the window's beginning."""
        return self._ledger.series(provider).counts(self.start + start, self.start + min(end, self.length))

    def course(self, provider: str, parts: int) -> Sequence[tuple[int, int]]:
        """Successes and errors of equal parts of the window."""
        edges = [round(i * self.length / parts) for i in range(parts + 1)]
        found = [self.counts(provider, a, b) for a, b in pairwise(edges)]
        return [(events - errors, errors) for events, errors in found]

    def past(self, provider: str, start: int, end: int) -> tuple[int, int] | None:
        """Successes and errors of the minutes ``[start, end)`` since 1970; ``None`` where nothing was read of them."""
        if end <= self._span.start:
            return None
        events, errors = self._ledger.series(provider).counts(max(start, self._span.start), end)
        return events - errors, errors

    def expected(self, provider: str, parts: int) -> Sequence[float]:
        """Events to be expected in equal parts of the window; empty where nothing is known of the provider."""
        if provider not in self.usual:
            return []
        rates = self.usual[provider].rates
        edges = [round(i * self.length / parts) for i in range(parts + 1)]
        return [sum(rates[a:b]) for a, b in pairwise(edges)]

    def newest_minute(self, provider: str, *, errors: bool) -> int | None:
        """The minute of the provider's newest success or error, even before the window; ``None`` where there is
        none."""
        series = self._ledger.series(provider)
        low, high = self._span.start, self.end
        if not _of(series.counts(low, high), errors):
            return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _of(series.counts(middle, high), errors) else (low, middle)
        return low

    def _newest_of_hours(self) -> int | None:
        """The newest minute of the window with any traffic, where that is known by the hour alone."""
        both = (self.newest_minute(name, errors=errors) for name in self.providers for errors in (True, False))
        return max((at for at in both if at is not None and at >= self.start), default=None)

    @property
    def log_down(self) -> bool:
        """Whether nothing from any provider has come for so long that events must be missing."""
        start = 0 if self.newest is None else self.newest + 1 - self.start
        due = (self.due(provider)[start:] for provider in self.providers)
        return self.length - 1 - start >= SETTLED and sum(sum(rates) for rates in due) >= ENOUGH * self.clump

    def due(self, provider: str, *, at_most: bool = False) -> Sequence[float]:
        """The events that each minute should have brought by now, without the current minute and without those usually
        still on their way. ``at_most``: ignoring that days like today are quiet."""
        arrival, usual = self.lags.of(provider), self.usual[provider]
        rates = usual.most if at_most else usual.rates
        return [*(rate * arrival.share(self.length - 1 - m) for m, rate in enumerate(rates[:-1])), 0.0]

    def minutes(self, provider: str, before: int = 0) -> Sequence[tuple[int, int]]:
        """Events and errors of each minute, and of so many minutes ``before`` the window."""
        return self._ledger.series(provider).every(self.start - before, 1, before + self.length)

    @property
    def first(self) -> int:
        """The first known minute before the window."""
        return self._span.start

    def newest_event(self, provider: str) -> int:
        """The minute of the newest event, from the window's beginning; negative before it."""
        return max(self.newest_minute(provider, errors=errors) or 0 for errors in (True, False)) - self.start

    def moment(self, minute: int) -> datetime:
        """The time of a minute of the window."""
        return datetime.fromtimestamp((self.start + minute) * 60, UTC)

    def clock(self, minute: int) -> str:
        """The time of day of a minute of the window, with its date where it is of an earlier day."""
        return readable.clock_on(self.moment(self.length - 1), self.moment(minute))

    def _usual(self) -> Mapping[str, Usual]:
        volumes = self._each(self.providers, self._volume)

        everybody = together(volumes.values())

        def usual(name: str) -> Usual:
            most = _at_least_as_before(volumes[name])
            return Usual(
                errors=error_baseline(self._series(name), self._span, minutes=self.length),
                volume=volumes[name],
                rates=self._of_quiet_days(name, most),
                most=most,
                shared=shared_variance(volumes[name], everybody, volumes[name]),
            )

        return self._each(volumes, usual)

    def _series(self, provider: str) -> KnownSeries:
        return KnownSeries(self._ledger.series(provider), ())

    def _volume(self, provider: str) -> VolumeBaseline:
        series, calendar = self._series(provider), self._calendar
        return volume_baseline(series, self._span, complete=self.start, minutes=self.length, calendar=calendar)

    def _of_quiet_days(self, provider: str, rates: Sequence[float]) -> Sequence[float]:
        """The rates; where two days like today or more (the same weekday, holidays) were surely quieter, theirs."""
        days = self._calendar.before(self._span.end, min(self._span.days, MOST_DAYS))
        alike = [day for day in days if day.weight >= SAME_WEEKDAY]
        if len(alike) < QUIET_DAYS:
            return rates
        theirs, exactly = (
            usual_rates(self._series(provider), self._span.end, alike, around, self.length) for around in (AROUND, 0)
        )
        if sum(theirs) >= QUIET * sum(rates):
            return rates
        return min(theirs, exactly, key=sum)  # the minutes around may be of another day, which is not quiet

    def _each(self, providers: Iterable[str], work: Callable[[str], T]) -> dict[str, T]:
        """What the work gives of each provider, but for those that break it."""
        found: dict[str, T] = {}
        for name in providers:
            try:
                found[name] = work(name)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is this provider's and nobody else's
                self.broken[name] = error
        return found

    def _dead(self) -> Sequence[bool]:
        totals = [sum(self.counts(name, m, m + 1)[0] for name in self.providers) for m in range(self.length)]
        hoped = [sum(self.usual[name].rates[m] for name in self.providers) for m in range(self.length)]
        return dead_minutes(totals, hoped, self.clump)


def _of(counts: tuple[int, int], errors: bool) -> int:
    return counts[1] if errors else counts[0] - counts[1]


def _at_least_as_before(volume: VolumeBaseline) -> Sequence[float]:
    raised = 1.0 / volume.level if 0 < volume.level < 1 else 1.0
    return [rate * raised for rate in volume.rates]
