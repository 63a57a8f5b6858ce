"""Which moments of the past are like one of today, and what comes in batches."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from releaseguard.stats.baseline import BaselineSpan, volume_baseline
from releaseguard.stats.batches import batch_minutes, next_batch
from releaseguard.stats.calendar import DAY, Calendar, special_days
from releaseguard.stats.series import KnownSeries, Series

BERLIN = Calendar("Europe/Berlin")


def minute(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() // 60)


@pytest.mark.parametrize(
    ("now", "days", "hours"),
    [
        ("2026-04-01T07:00", 2, 48),
        ("2026-04-01T07:00", 4, 95),  # clocks went forward on 29 March: the same local hour was an hour of UTC later
        ("2025-10-29T08:00", 4, 97),
        ("2026-06-10T07:00", 4, 96),
    ],
)
def test_the_same_local_hour_across_a_change_of_clocks(now: str, days: int, hours: int) -> None:
    assert BERLIN.before(minute(now), days)[-1].shift == hours * 60


def test_a_weekday_counts_for_more_than_another_and_a_holiday_for_nothing() -> None:
    calendar = Calendar(special=frozenset(special_days(["2026-06-09"])))
    weights = [day.weight for day in calendar.before(minute("2026-06-10T12:00"), 7)]
    assert weights == [0.0, 1.0, 0.5, 0.5, 1.0, 1.0, 2.0]


def daily(at: str, days: int, zone: Calendar, rows: int = 60) -> KnownSeries:
    """A batch of ten minutes at the same local time of each of some days before a moment."""
    series, now = Series(), minute(at)
    for day in zone.before(now, days):
        for m in range(10):
            series.add(now - day.shift + m, rows // 10, 0)
    return KnownSeries(series, ())


def test_a_batch_is_recognised_at_its_local_hour_also_after_the_clocks_changed() -> None:
    known, due = daily("2026-04-01T06:00", 14, BERLIN), minute("2026-04-01T06:00")
    mark = due - 20
    days = BERLIN.before(mark, 14)
    assert {20, 25, 29} <= batch_minutes(known, mark, days, 60)
    assert next_batch(known, mark, days) == 15
    span = BaselineSpan(mark - 14 * DAY, mark)
    found = volume_baseline(known, span, complete=mark, minutes=60, calendar=BERLIN)
    assert found.expected(0, 60) == 0.0
    assert 20 in found.batch


def test_what_comes_all_day_is_no_batch() -> None:
    series = Series()
    for m in range(14 * DAY):
        series.add(minute("2026-06-01T00:00") + m, 2, 0)
    now = minute("2026-06-01T00:00") + 14 * DAY
    days = Calendar().before(now, 13)
    assert batch_minutes(KnownSeries(series, ()), now, days, 60) == frozenset()
    assert next_batch(KnownSeries(series, ()), now, days) is None
