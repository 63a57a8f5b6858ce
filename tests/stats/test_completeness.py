"""The log itself: how late rows come, and minutes in which it cannot be shown to have lived."""

from __future__ import annotations

import pytest

from releaseguard.stats.completeness import PROMPT, Arrival, dead_minutes, lags_of
from tests.stats.test_series import cell


@pytest.mark.parametrize(
    ("shares", "complete", "counts"),
    [
        ([1.0], 0, 0),
        ([0.0, 1.0], 1, 1),
        ([0.5, 0.7, 0.9, 0.97, 0.98], 4, 1),
        ([0.0, 0.0, 0.0, 0.5, 1.0], 4, 4),
    ],
    ids=["at once", "next minute", "one by one", "in batches"],
)
def test_from_which_age_on_a_minute_is_complete_and_counts(shares, complete, counts):
    arrival = Arrival(shares)
    assert (arrival.complete, arrival.counts) == (complete, counts)
    assert (arrival.share(-1), arrival.share(99)) == (0.0, shares[-1])


def test_lags_are_measured_by_provider_where_it_has_enough_rows():
    late = [cell(minute, recorded=minute + 3) for minute in range(40)]
    prompt = [cell(minute, provider="sms") for minute in range(40)]
    few = [cell(1, provider="pay", recorded=90)]
    lags = lags_of([*late, *prompt, *few])
    assert (lags.of("mail").complete, lags.of("sms").complete) == (3, 0)
    assert lags.of("pay") is lags.usual
    assert (lags.rows, lags.ahead) == (81, 0)


def test_of_few_rows_the_next_minute_is_assumed():
    assert lags_of([cell(1)]).usual is PROMPT


def test_a_clock_that_runs_ahead_is_counted():
    assert lags_of([cell(10, recorded=8, total=3)]).ahead == 3


@pytest.mark.parametrize(
    ("totals", "expected", "dead"),
    [
        ([1, 1, 1, 1], 9.0, []),
        ([1, 0, 0, 0, 1], 9.0, [2]),
        ([0, 0, 0, 0, 0], 9.0, [0, 1, 2, 3, 4]),
        ([1, 0, 0, 0, 0], 9.0, [2, 3, 4]),
        ([1, 0, 0, 1, 1], 9.0, []),
        ([1, 0, 0, 0, 1], 1.0, []),
    ],
    ids=["lives", "a gap but its edges", "never", "stopped", "two quiet minutes", "nothing to be expected"],
)
def test_minutes_in_which_the_log_cannot_be_shown_to_have_lived(totals, expected, dead):
    found = dead_minutes(totals, [expected] * len(totals))
    assert [minute for minute, is_dead in enumerate(found) if is_dead] == dead
