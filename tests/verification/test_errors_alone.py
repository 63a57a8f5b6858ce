"""A provider of which nothing but errors is logged: their share is always the whole, and only their number tells."""

from __future__ import annotations

import random

import pytest

from bench.simulator import poisson
from releaseguard.model import Verdict
from releaseguard.stats.series import Cell
from releaseguard.verification.judge.replay import Replay
from tests.verification.test_what_a_release_is_compared_with import (
    DAYS,
    DEPLOYED,
    WINDOW,
    cells,
    judged,
    only,
    said,
)


def logged(an_hour: float, now: float, *, since: int = 0, seed: int = 1, burst: int = 0) -> Replay:
    """Errors of mails, so many an hour, and another number ``since`` then; a ``burst`` comes in one minute."""
    others = [row for row in cells(1, only("mail", 0, 0, 0.0)) if row.provider != "mail"]
    rng, errors = random.Random(seed), []
    for offset in range(-DAYS * 1440, WINDOW):
        count = poisson(rng, (now if offset >= since else an_hour) / 60) + (burst if offset == 20 else 0)
        if count:
            at, release = DEPLOYED + offset, "new" if offset >= 0 else "old"
            errors.append(Cell(at, at, "mail", "mail_error", False, release, False, False, count, 0))
    return judged([*others, *errors])


@pytest.mark.parametrize(("an_hour", "now"), [(0.4, 30.0), (6.0, 200.0)])
def test_many_times_the_errors_that_are_usual_fail(an_hour: float, now: float) -> None:
    verdict, reason = said(logged(an_hour, now), "mail.errors")
    assert verdict is Verdict.FAIL
    assert "only their number tells" in reason


@pytest.mark.parametrize(
    ("an_hour", "now", "more"),
    [(0.4, 0.4, {}), (60.0, 60.0, {}), (0.4, 30.0, {"since": -40}), (0.4, 0.4, {"burst": 200})],
)
def test_as_many_as_usual_as_before_or_in_one_burst_do_not(an_hour: float, now: float, more: dict[str, int]) -> None:
    assert not logged(an_hour, now, **more).state.failed
