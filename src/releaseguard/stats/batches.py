"""Events that come in batches at a fixed local time. A batch counts as one event, however many rows it holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct, structs

from releaseguard.stats.bounds import median
from releaseguard.stats.calendar import DAY, SAME_KIND, SAME_WEEKDAY, ComparableDay
from releaseguard.stats.series import KnownSeries

STEP: Final = 5
"""The length of a step, in minutes."""
AROUND: Final = 90
"""Minutes before and after that show what is usual next to a batch."""
LEAST_DAYS: Final = 3
LEAST_ROWS: Final = 3.0
"""The fewest rows of a step on an average day for it to be a batch."""
TIMES: Final = 5.0
"""The least ratio of a batch's step to its neighbours."""
MOST_DAYS_HAVE_IT: Final = 0.6
NEARLY_ALL: Final = 0.8
"""The share of a day's rows in one stretch from which the provider's events are a daily batch."""
LEAST_ALIKE: Final = 5
"""The fewest days of the same kind for a batch to be called missing."""
SURELY_HAVE_IT: Final = 0.9
"""The fraction of these days that must have it, together with every day of the same weekday."""
HAS_COME: Final = 0.5
"""The fraction of its usual rows from which a day has it."""
LEAST_MISSED: Final = 10.0
"""The number of rows below which a batch may be nearly absent by chance."""
_QUARTER: Final = 15
_STRETCH: Final = 3


def batch_minutes(series: KnownSeries, start: int, days: Sequence[ComparableDay], minutes: int) -> frozenset[int]:
    """The minutes after ``start``, from :data:`AROUND` before it on, in which a batch may come: its steps on earlier
    days, and one more on either side."""
    found, _ = _batch_steps(series, start, days, minutes)
    return frozenset(minute for step in found for minute in range(step - STEP, step + 2 * STEP))


def _batch_steps(
    series: KnownSeries, start: int, days: Sequence[ComparableDay], minutes: int
) -> tuple[Sequence[int], float]:
    """The first minutes of the steps that hold a batch, and the rows of a step next to them."""
    if len(days) < LEAST_DAYS:
        return (), 0.0
    steps = range(-AROUND, minutes + AROUND, STEP)
    of_days = [series.totals(start - AROUND - d.shift, STEP, len(steps)) for d in days]
    counts = list(zip(*of_days, strict=True))
    means = [sum(count) / len(days) for count in counts]
    usual = median(means)
    found = [step for step, count, mean in zip(steps, counts, means, strict=True) if _is_batch(count, mean, usual)]
    return found, usual


def _is_batch(counts: Sequence[int], mean: float, usual: float) -> bool:
    if mean < LEAST_ROWS or mean < TIMES * (usual + 0.2):
        return False
    return sum(count >= 0.3 * mean for count in counts) >= MOST_DAYS_HAVE_IT * len(counts)


class DailyBatch(Struct, frozen=True):
    """A batch that comes at the same time on nearly every day like this one."""

    first: int
    end: int
    """The minutes ``[first, end)`` after the deployment in which it comes, with one step of tolerance on either
    side."""
    at: int
    """The minute in which most of it comes."""
    rows: float
    """The number of rows on a usual day."""
    days: int
    """The number of days that have it."""

    def later_by(self, minutes: int) -> DailyBatch:
        """The same, so many minutes later."""
        return structs.replace(self, first=self.first + minutes, end=self.end + minutes, at=self.at + minutes)


def daily_batches(series: KnownSeries, start: int, days: Sequence[ComparableDay], minutes: int) -> Sequence[DailyBatch]:
    """The batches that certainly come in the ``minutes`` after ``start``, from days of the same kind. None while a
    clock change lies among these days: a job keeps its local time, or its time in UTC."""
    alike = [day for day in days if day.weight >= SAME_KIND]
    if len(alike) < LEAST_ALIKE or any(day.shift % DAY for day in alike):
        return ()
    steps, usual = _batch_steps(series, start, alike, minutes)
    begins = [step for step in steps if step - STEP not in steps]
    ends = [step + STEP for step in steps if step + STEP not in steps]
    stretches = [range(begin - STEP, end + STEP) for begin, end in zip(begins, ends, strict=True)]
    return [
        found
        for stretch in stretches
        if stretch.start >= 0 and stretch.stop <= minutes
        if (found := _daily(series, start, alike, stretch, usual * len(stretch) / STEP)) is not None
    ]


def _daily(
    series: KnownSeries, start: int, days: Sequence[ComparableDay], stretch: range, beside: float
) -> DailyBatch | None:
    """The batch in a stretch of minutes with that many rows ``beside`` it; ``None`` unless nearly all of the days have
    it."""
    of_days = [series.totals(start + stretch.start - day.shift, 1, len(stretch)) for day in days]
    rows = [sum(counts) - beside for counts in of_days]
    usual = median(rows)
    have_it = [day for day, came in zip(days, rows, strict=True) if came >= HAS_COME * usual]
    on_weekday = [day for day in days if day.weight == SAME_WEEKDAY]
    if usual < LEAST_MISSED or len(have_it) < SURELY_HAVE_IT * len(days) or not {*on_weekday} <= {*have_it}:
        return None
    by_minute = [sum(counts) for counts in zip(*of_days, strict=True)]
    at = stretch[by_minute.index(max(by_minute))]
    return DailyBatch(stretch.start, stretch.stop, at, usual, len(have_it))


def next_batch(series: KnownSeries, start: int, days: Sequence[ComparableDay]) -> int | None:
    """Minutes after ``start`` until the next daily batch, where nearly all events come in one; else ``None``."""
    used = days[:7]
    if len(used) < LEAST_DAYS:
        return None
    of_days = [series.totals(start - d.shift, _QUARTER, DAY // _QUARTER) for d in used]
    quarters = list(map(sum, zip(*of_days, strict=True)))
    every = sum(quarters)
    if every < LEAST_ROWS * len(used):
        return None
    held, first = max((_stretch(quarters, i), -i) for i in range(len(quarters)))
    if held < NEARLY_ALL * every:
        return None
    filled = next(i for i in range(-first, -first + _STRETCH) if quarters[i % len(quarters)] > 0.1 * held)
    return (filled % len(quarters)) * _QUARTER


def _stretch(quarters: Sequence[int], first: int) -> int:
    return sum(quarters[i % len(quarters)] for i in range(first, first + _STRETCH))
