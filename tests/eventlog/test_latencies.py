"""Latencies counted by bounds that never change."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from releaseguard.eventlog.latencies import (
    BOUNDS,
    FINE,
    bound_at,
    bound_of,
    histogram_of,
    merged,
    slower_than,
    typical,
    uses_in,
)

latencies = st.lists(st.one_of(st.integers(-5, 400), st.integers(0, 2**31 - 1)), min_size=1, max_size=60)


def test_bounds_are_two_hundredths_apart_and_each_millisecond_where_that_is_less() -> None:
    assert all(later - earlier == 1 for earlier, later in pairwise(BOUNDS) if later <= FINE)
    assert all(later <= 1.02 * earlier for earlier, later in pairwise(BOUNDS) if earlier >= FINE)
    assert BOUNDS[0] == 0
    assert BOUNDS[-1] == 2**31 - 1


@given(latencies, latencies)
def test_histograms_add_up(some: list[int], others: list[int]) -> None:
    assert merged([histogram_of(some), histogram_of(others)]) == histogram_of(some + others)


@given(latencies, st.sampled_from(BOUNDS))
def test_a_limit_that_is_a_bound_parts_the_uses_exactly(took: list[int], limit: int) -> None:
    assert slower_than(histogram_of(took), limit) == sum(one > limit for one in took)


@given(latencies, st.floats(0, 1))
def test_the_use_of_a_rank_is_found_within_two_hundredths(took: list[int], share: float) -> None:
    rank = round(share * (len(took) - 1))
    found, exact = bound_at(histogram_of(took), rank), sorted(took)[rank]
    assert found == bound_of(exact)
    assert uses_in(histogram_of(took)) == len(took)
    assert abs(typical(found) - max(exact, 0)) <= 0.02 * max(exact, 0)
