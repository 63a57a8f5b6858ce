"""When something began."""

from __future__ import annotations

from itertools import accumulate

import pytest

from releaseguard.stats.onset import change_since, errors_since


def sums(numbers: list[float]) -> list[float]:
    return list(accumulate(numbers, initial=0.0))


@pytest.mark.parametrize("began", [0, 7, 29])
def test_errors_began_in_the_minute_from_which_on_they_come(began):
    minutes = [(20, 10 if minute >= began else 0) for minute in range(30)]
    assert errors_since(minutes, usual=0.01, raised=0.5) == began


def test_an_error_long_before_does_not_date_the_trouble():
    minutes = [(20, 10 if minute >= 20 else int(minute == 2)) for minute in range(30)]
    assert errors_since(minutes, usual=0.01, raised=0.5) == 20


@pytest.mark.parametrize(("factor", "rising"), [(0.0, False), (0.3, False), (4.0, True)])
@pytest.mark.parametrize("began", [0, 11, 25])
def test_a_change_of_volume_began_in_the_minute_from_which_on_it_differs(factor, rising, began):
    seen = sums([20 * factor if minute >= began else 20 for minute in range(30)])
    assert change_since(seen, sums([20] * 30), rising=rising) == began


def test_a_change_to_the_other_side_is_none():
    assert change_since(sums([60] * 30), sums([20] * 30), rising=False) == 0
    assert change_since(sums([0] * 30), sums([0] * 30), rising=True) == 0
