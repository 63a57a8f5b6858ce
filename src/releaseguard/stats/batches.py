"""Events that come in batches at a fixed local hour: one batch is one event, and not as many as it holds rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from releaseguard.stats.bounds import median
from releaseguard.stats.calendar import DAY, ComparableDay
from releaseguard.stats.series import KnownSeries

STEP: Final = 5
"""Minutes that are taken together."""
AROUND: Final = 90
"""Minutes before and after what is looked at that show what is usual beside a batch."""
LEAST_DAYS: Final = 3
LEAST_ROWS: Final = 3.0
"""Rows in a step on an average day, below which nothing is a batch."""
TIMES: Final = 5.0
"""Times its neighbours that a step must hold."""
MOST_DAYS_HAVE_IT: Final = 0.6
NEARLY_ALL: Final = 0.8
"""The share of a day's rows in one stretch from which on the provider's events are a daily batch."""
_QUARTER: Final = 15
_STRETCH: Final = 3


def batch_minutes(series: KnownSeries, start: int, days: Sequence[ComparableDay], minutes: int) -> frozenset[int]:
    """The minutes after ``start``, from :data:`AROUND` before it on, in which a batch may come: its steps of
    previous days, and one more on either side."""
    if len(days) < LEAST_DAYS:
        return frozenset()
    steps = range(-AROUND, minutes + AROUND, STEP)
    of_days = [series.totals(start - AROUND - d.shift, STEP, len(steps)) for d in days]
    counts = list(zip(*of_days, strict=True))
    means = [sum(count) / len(days) for count in counts]
    usual = median(means)
    found = {i for i, mean in enumerate(means) if _is_batch(counts[i], mean, usual)}
    wide = {step for i in found for step in (i - 1, i, i + 1)}
    return frozenset(minute for i in wide for minute in range(STEP * i - AROUND, STEP * (i + 1) - AROUND))


def _is_batch(counts: Sequence[int], mean: float, usual: float) -> bool:
    if mean < LEAST_ROWS or mean < TIMES * (usual + 0.2):
        return False
    return sum(count >= 0.3 * mean for count in counts) >= MOST_DAYS_HAVE_IT * len(counts)


def next_batch(series: KnownSeries, start: int, days: Sequence[ComparableDay]) -> int | None:
    """Minutes after ``start`` at which the next daily batch is due, where nearly all events come in one; else
    ``None``."""
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
