"""The test of two samples: its factor has expectation at most 1 under every pair of shares that it tolerates."""

from __future__ import annotations

import math
from itertools import product

import pytest

from releaseguard.stats.evidence.control import Pair, TwoSamples, chance_alike, tolerated_difference
from releaseguard.stats.evidence.errors import against_ceiling, against_incident
from releaseguard.stats.evidence.laws import KnownShare


def chance(bad: int, events: int, share: float) -> float:
    return math.comb(events, bad) * share**bad * (1 - share) ** (events - bad)


@pytest.mark.parametrize(("old", "new"), [(2, 2), (4, 1), (1, 4)])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.05, 0.3, 0.6])
@pytest.mark.parametrize("more", [0.0, 0.5, 1.0])
def test_a_minute_of_two_samples_is_an_e_value(old: int, new: int, share: float, more: float) -> None:
    usual = KnownShare(0.05, 200.0)
    tolerated = tolerated_difference(usual)
    expected = 0.0
    for old_bad, new_bad in product(range(old + 1), range(new + 1)):
        value = TwoSamples(usual, tolerated).minute(Pair(old, old_bad, new, new_bad))
        weight = chance(old_bad, old, share) * chance(new_bad, new, min(share + more * tolerated, 1.0))
        expected += weight * value
    assert expected <= 1.0 + 1e-9


def test_two_samples_find_a_release_that_is_worse_and_no_other() -> None:
    usual = KnownShare(0.01, 500.0)
    worse, alike = (TwoSamples(usual, tolerated_difference(usual)) for _ in range(2))
    for _ in range(20):
        worse.minute(Pair(6, 0, 4, 2))
        alike.minute(Pair(6, 3, 4, 2))
    assert worse.value > 1000
    assert alike.value < 1


@pytest.mark.parametrize(
    ("old", "new", "chance"),
    [((10, 0), (4, 4), 1 / 1001), ((0, 0), (9, 9), 1.0), ((60, 30), (40, 20), 0.58), ((6, 0), (6, 6), 1 / 924)],
)
def test_how_errors_divide_between_two_releases_that_are_alike(
    old: tuple[int, int], new: tuple[int, int], chance: float
) -> None:
    assert chance_alike(old, new) == pytest.approx(chance, rel=0.02)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.2])
def test_a_minute_against_a_ceiling_is_an_e_value_whatever_smaller_share_is_true(share: float) -> None:
    expected = sum(chance(bad, 5, share) * against_ceiling(0.2, 60, needed=1e9).look([(0, 5, bad)]) for bad in range(6))
    assert expected <= 1.0 + 1e-9


def test_an_incident_that_comes_back_to_its_level_is_no_evidence_and_one_that_doubles_is() -> None:
    level = KnownShare(0.3, 30.0)
    back, worse = (against_incident(level, 60, needed=800) for _ in range(2))
    for minute in range(60):
        calm = minute % 20 < 10
        back.look([(minute, 10, 0 if calm else 3)])
        worse.look([(minute, 10, 9)])
    assert back.value < 20
    assert worse.value > 800
