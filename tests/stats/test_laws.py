"""What "as usual" means is a law: the probabilities of all courses that rows may take sum to 1."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import pytest

from releaseguard.stats.evidence.laws import Fitful, Hourly, KnownShare, Law

LEVEL = KnownShare(0.12, 20.0)
COURSES = tuple(itertools.product((0, 1), repeat=8))


def probability(law: Law, course: tuple[int, ...], each_minute: int) -> float:
    """Of rows that come one by one, so many a minute; 1 is an error."""
    total = 0.0
    for number, bad in enumerate(course):
        if number % each_minute == 0:
            law.age()
        total += law.learn(number // each_minute, bad, 1 - bad)
    return math.exp(total)


@pytest.mark.parametrize("each_minute", [1, 2, 4])
@pytest.mark.parametrize("law", [Fitful, Hourly])
def test_all_courses_together_are_certain(law: Callable[[KnownShare], Law], each_minute: int) -> None:
    every = math.fsum(probability(law(LEVEL), course, each_minute) for course in COURSES)
    assert every == pytest.approx(1.0)


def test_an_incident_that_moved_for_good_is_learned_and_one_that_comes_back_is_known() -> None:
    moved, comes_back = (1, 0) * 30, (0,) * 20 + (1, 0, 0, 0, 0, 0, 0, 0) * 2
    assert probability(Fitful(LEVEL), moved, 1) >= 0.001 * probability(Hourly(LEVEL), moved, 1)
    once = probability(Fitful(LEVEL), comes_back, 1)
    assert once >= 0.001 * (1 - LEVEL.share) ** 34 * LEVEL.share**2
