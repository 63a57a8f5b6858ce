"""What the time before lets one expect."""

from __future__ import annotations

import random

import pytest

from releaseguard.stats.baseline import (
    DAY,
    HOUR,
    BaselineSpan,
    count_dispersion,
    error_baseline,
    shared_variance,
    together,
    volume_baseline,
)
from releaseguard.stats.series import KnownSeries, Series

END = 20_000
WEEK = BaselineSpan(END - 7 * DAY, END)


def known(*, every: int = 1, total: int = 10, bad: int = 0, days: float = 7, more: dict[int, int] | None = None):
    """So many events in each such minute; ``more``: minute -> errors on top."""
    series = Series()
    for minute in range(END - round(days * DAY), END, every):
        series.add(minute, total, bad)
    for minute, errors in (more or {}).items():
        series.add(minute, errors, errors)
    return KnownSeries(series, ())


@pytest.mark.parametrize(("total", "bad"), [(100, 1), (100, 5), (10, 1)])
def test_the_usual_share_of_errors_is_that_of_the_history(total, bad):
    found = error_baseline(known(total=total, bad=bad), WEEK)
    assert found.share == pytest.approx(bad / total, rel=0.02)
    assert found.share < found.bound < 2.5 * found.share
    assert found.hours_cut == 0


def test_an_incident_of_two_hours_is_cut_out():
    incident = {END - 2 * DAY + minute: 300 for minute in range(2 * HOUR)}
    found, calm = error_baseline(known(bad=0, more=incident), WEEK), error_baseline(known(bad=0), WEEK)
    assert found.hours_cut in (2, 3)
    assert found.share == pytest.approx(calm.share, rel=0.05)


def test_where_trouble_is_the_usual_state_it_is_usual():
    found = error_baseline(known(total=10, bad=6), WEEK)
    assert found.share == pytest.approx(0.6, rel=0.02)


def test_of_nothing_nothing_is_known():
    found = error_baseline(known(days=0), WEEK)
    assert (found.events, found.share) == (0, pytest.approx(0.5, rel=0.01))


@pytest.mark.parametrize("total", [1, 10, 100])
def test_a_steady_volume_is_expected_to_go_on(total):
    found = volume_baseline(known(total=total), WEEK, complete=END, minutes=60)
    assert found.expected(0, 60) == pytest.approx(60 * total, rel=0.02)
    # Of the first day nothing is known of the hours before, so that it cannot be told from an odd one.
    assert (found.days, found.level, found.dispersion) == (6, pytest.approx(1.0, rel=0.02), 1.0)


def test_today_counts_for_its_level():
    series = Series()
    for minute in range(END - 7 * DAY, END):
        series.add(minute, 20 if minute >= END - 4 * HOUR else 10, 0)
    found = volume_baseline(KnownSeries(series, ()), WEEK, complete=END, minutes=30)
    assert found.level == pytest.approx(2.0, rel=0.05)
    assert found.expected(0, 30) == pytest.approx(600, rel=0.05)


def test_less_than_a_day_is_flat_and_hardly_trusted():
    short = BaselineSpan(END - 5 * HOUR, END)
    found = volume_baseline(known(days=5 / 24), short, complete=END, minutes=30)
    assert (found.days, found.variance) == (0, pytest.approx(0.3, abs=0.001))
    assert found.expected(0, 30) == pytest.approx(300)


def test_a_level_that_few_events_tell_is_trusted_less_than_a_day_swings():
    found = volume_baseline(known(days=1 / DAY), BaselineSpan(END - 1, END), complete=END, minutes=30)
    assert found.variance == pytest.approx(0.3 + 1.5 / found.events)


@pytest.mark.parametrize(
    ("start", "end", "events"), [(0, 60, 600), (-30, 0, 300), (50, 70, 200), (10, 10, 0), (20, 5, 0)]
)
def test_the_nearest_known_rate_holds_beyond_the_window(start, end, events):
    found = volume_baseline(known(), WEEK, complete=END, minutes=60)
    assert found.expected_between(start, end) == pytest.approx(events, rel=0.02)


def test_what_is_shared_is_never_more_than_there_is():
    one = volume_baseline(known(), WEEK, complete=END, minutes=30)
    other = volume_baseline(known(every=7), WEEK, complete=END, minutes=30)
    assert 0.0 <= shared_variance(one, together([other]), None) <= 0.9 * one.variance
    assert 0.0 <= shared_variance(one, (), None) <= 0.9 * one.variance


def test_what_is_shared_with_the_others_is_not_shared_with_oneself():
    one, *others = (volume_baseline(known(every=every), WEEK, complete=END, minutes=30) for every in (5, 7, 11))
    apart = shared_variance(one, together(others), None)
    assert shared_variance(one, together([others[0], one, others[1]]), one) == pytest.approx(apart, rel=1e-9)


def at_random(seed: int) -> KnownSeries:
    """An event in one of ten minutes."""
    rng, series = random.Random(seed), Series()
    for minute in range(END - 7 * DAY, END):
        series.add(minute, rng.random() < 0.1, 0)
    return KnownSeries(series, ())


@pytest.mark.parametrize(
    ("seeds", "dispersion"), [((1, 2, 3), 1.0), ((1, 1, 1), 3.0), ((), 1.0)], ids=["apart", "together", "nobody"]
)
def test_what_one_action_writes_to_several_series_comes_in_clumps(seeds, dispersion):
    assert count_dispersion([at_random(seed) for seed in seeds], WEEK) == pytest.approx(dispersion, rel=0.2)
