"""Whether errors are far above the usual now: evidence that rises with errors and fades with good times."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releaseguard.stats.baseline import ErrorBaseline
from releaseguard.stats.cusum import MINUTE_CAP, ErrorCusum, ErrorOnset

USUAL = ErrorBaseline(10_000, 100, 0.01, 2_000.0, 0)


def after(*minutes: tuple[int, int], begun: float = 1.0) -> float:
    cusum = ErrorCusum(USUAL, begun)
    for total, bad in minutes:
        cusum.minute(total, bad)
    return cusum.value


@pytest.mark.parametrize(
    ("minutes", "low", "high"),
    [
        ([], 1.0, 1.0),
        ([(50, 0)] * 30, 1.0, 1.0),
        ([(50, 1)] * 30, 1.0, 3.0),
        ([(20, 20)] * 2, MINUTE_CAP * 0.99, MINUTE_CAP**2 * 1.01),
        ([(20, 10)] * 5, 300.0, math.inf),
    ],
)
def test_what_minutes_make_of_it(minutes, low, high):
    assert low <= after(*minutes) <= high


def test_good_times_are_forgotten_and_trouble_fades_with_them():
    trouble = [(20, 10)] * 5
    assert after(*[(50, 0)] * 600, *trouble) == pytest.approx(after(*trouble))
    assert after(*trouble, *[(50, 0)] * 30) == 1.0


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=20))
def test_one_minute_multiplies_it_by_no_more_than_its_cap(pairs):
    cusum, held = ErrorCusum(USUAL), 1.0
    for total, bad in pairs:
        cusum.minute(total, min(bad, total))
        assert 1.0 - 1e-9 <= cusum.value <= held * MINUTE_CAP * (1 + 1e-9)
        held = cusum.value


def test_it_goes_on_from_what_is_known():
    assert after(begun=300.0) == pytest.approx(300.0)


def risen(*minutes: tuple[int, int]) -> float:
    onset = ErrorOnset(USUAL)
    for total, bad in minutes:
        onset.minute(total, bad)
    return onset.value


def test_a_rise_that_may_have_begun_at_any_of_many_minutes_is_likelier_than_one_of_just_now():
    assert risen() == 0.0
    assert risen(*[(0, 0)] * 60) == 60.0
    assert risen(*[(1, 0)] * 59, (1, 1)) > 3 * risen(*[(40, 0)] * 59, (1, 1))


def test_it_forgets_good_times_and_ends_with_them():
    trouble = [(20, 4)] * 5
    assert risen(*[(50, 0)] * 600, *trouble) == pytest.approx(risen(*[(50, 0)] * 300, *trouble))
    assert risen(*trouble, *[(50, 0)] * 60) < 3.0
