"""Whatever counts and shares a card or a log may bring: the formulas have a value there, and it makes sense."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from releaseguard.stats.baseline import ErrorBaseline
from releaseguard.stats.bounds import (
    beta_cdf,
    clean_trials_needed,
    likelihood_ratio,
    lower_share,
    upper_share,
)
from releaseguard.stats.cusum import ErrorCusum
from releaseguard.stats.evidence.errors import ErrorProcess
from releaseguard.stats.evidence.volumes import (
    DROP,
    DROP_OF_FEW,
    CountedVolume,
    Onsets,
    Others,
    VolumeChange,
    rise,
    volume_evidence,
)
from releaseguard.stats.final_look import chance_of_errors, chance_of_volume
from tests.support.extent import examples

ends = [0.0, 1.0, 1e-300, 1e-12, 0.5, 1 - 1e-12, math.nextafter(1.0, 0.0)]
shares = st.sampled_from(ends) | st.floats(0.0, 1.0)
counts = st.sampled_from([0, 1, 2, 59, 60, 1_000_000]) | st.integers(0, 5_000)
fractions = counts.map(float) | st.floats(0.0, 1e6)
weights = st.sampled_from([0.0, 1e-9, 1.0, 1e9]) | st.floats(0.0, 1e9)


@st.composite
def some_bad(draw: st.DrawFn, numbers: st.SearchStrategy[float]) -> tuple[float, float]:
    """How many of how many; equal, none and all come often."""
    total = draw(numbers)
    return draw(st.sampled_from([0, total, total / 2])), total


@settings(max_examples=examples(300))
@given(some_bad(fractions), shares)
def test_the_bounds_of_a_share_are_shares_in_their_order(counted: tuple[float, float], confidence: float) -> None:
    low, high = lower_share(*counted, 0.95), upper_share(*counted, 0.95)
    assert 0.0 <= low <= high + 1e-6 <= 1.0 + 1e-6
    assert 0.0 <= lower_share(*counted, confidence) <= 1.0
    assert 0.0 <= upper_share(*counted, confidence) <= 1.0


@settings(max_examples=examples(300))
@given(shares, fractions, fractions)
@example(0.1875, 5e-324, 2.0)
@example(0.1875, 2.0, 5e-324)
def test_a_beta_laws_cdf_is_a_probability(x: float, a: float, b: float) -> None:
    assert -1e-9 <= beta_cdf(x, a, b) <= 1.0 + 1e-9


@given(shares, shares)
def test_clean_trials_are_a_number_or_said_not_to_suffice(share: float, confidence: float) -> None:
    needed = clean_trials_needed(share, confidence)
    assert needed is None or needed >= 0
    if share >= 1.0:
        assert needed == 1
    if needed and 0.01 < share < 1.0:
        assert upper_share(0, needed, confidence) <= share + 1e-6


@settings(max_examples=examples(300))
@given(some_bad(fractions), shares, shares)
def test_a_likelihood_ratio_is_no_nan_and_none_between_equals(
    counted: tuple[float, float], usual: float, harmed: float
) -> None:
    bad, total = counted
    ratio = likelihood_ratio(bad, total, usual, harmed)
    assert not math.isnan(ratio)
    if 0 < usual < 1:
        assert likelihood_ratio(bad, total, usual, usual) == 0.0
    if harmed >= 1.0 and total > bad:
        assert ratio == -math.inf


@settings(max_examples=examples(200))
@given(some_bad(counts.filter(lambda n: n <= 5_000)), shares, weights)
def test_the_chance_of_errors_is_one(counted: tuple[float, float], share: float, weight: float) -> None:
    bad, total = int(counted[0]), int(counted[1])
    assert 0.0 < chance_of_errors(bad, total, share, weight) <= 1.0


changes = st.sampled_from([DROP, DROP_OF_FEW]) | st.sampled_from([1.0001, 2.0, 1e6, 1e308, math.inf]).map(rise)


@settings(max_examples=examples(200))
@given(
    st.lists(st.tuples(st.integers(0, 10_000), st.floats(0.0, 1e4)), min_size=1, max_size=12),
    changes,
    st.floats(0.0, 1.0),
    st.floats(1.0, 30.0),
    st.floats(0.0, 0.5),
)
def test_the_evidence_and_the_chance_of_any_volume_are_numbers(
    minutes: Sequence[tuple[int, float]], change: VolumeChange, variance: float, dispersion: float, shared: float
) -> None:
    seen, expected = [n for n, _ in minutes], [rate for _, rate in minutes]
    sums = [sum(seen[:m]) for m in range(len(seen) + 1)]
    hoped = [sum(expected[:m]) for m in range(len(seen) + 1)]
    others = Others(hoped, hoped, shared)
    found = volume_evidence(CountedVolume(sums, hoped, variance, dispersion, others), change, Onsets([0], 1))
    assert 0.0 <= found.value < math.inf
    chance = chance_of_volume(seen, expected, change=change, variance=variance, dispersion=dispersion, others=others)
    assert 0.0 < chance <= 1.0 + 1e-9


@pytest.mark.parametrize(
    ("times", "told", "is_one"),
    [
        (12, [], True),
        (12, [12.0], False),
        (9, [12.0], False),
        (15, [12.0], False),
        (40, [3.0], True),
        (4, [5.0], False),
    ],
)
def test_a_rise_up_to_what_was_foretold_is_none(times: int, told: Sequence[float], is_one: bool) -> None:
    hoped = [float(minute) for minute in range(61)]
    nobody = Others([0.0] * 61, [0.0] * 61, 0.0)
    volume = CountedVolume([round(times * minute) for minute in hoped], hoped, 0.03, 1.0, nobody)
    found = volume_evidence(volume, rise(6.0), Onsets([0], 12), told)
    assert (found.value > 100) is is_one, found
    assert is_one or found.value <= 1.0


@settings(max_examples=examples(150))
@given(shares, weights, st.lists(some_bad(counts.filter(lambda n: n <= 5_000)), max_size=8), st.integers(0, 1440))
def test_the_process_of_any_errors_is_a_number_and_begins_at_1(
    share: float, weight: float, arrived: Sequence[tuple[float, float]], minutes: int
) -> None:
    process = ErrorProcess(share, weight, minutes)
    assert process.value == 1.0
    for minute, (bad, total) in enumerate(arrived):
        assert 0.0 <= process.look([(minute, int(total), int(bad))]) < math.inf


@settings(max_examples=examples(150))
@given(shares, weights.filter(lambda w: w > 0), st.lists(some_bad(counts.filter(lambda n: n <= 5_000)), max_size=8))
def test_the_trouble_of_any_errors_is_a_number(
    share: float, weight: float, arrived: Sequence[tuple[float, float]]
) -> None:
    trouble = ErrorCusum(ErrorBaseline(10, 1, share, weight, 0))
    for bad, total in arrived:
        trouble.minute(int(total), int(bad))
        assert 1.0 <= trouble.value < math.inf
