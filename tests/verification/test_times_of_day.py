"""A batch or a job at a fixed time whose calls always fail in part: it is as usual at that time of day, and no more."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

import pytest

from bench.simulator import poisson
from releaseguard.model import Verdict
from releaseguard.stats.baseline import BaselineSpan
from releaseguard.stats.calendar import ALL_ALIKE
from releaseguard.stats.evidence.laws import KnownShare
from releaseguard.stats.evidence.times_of_day import usual_errors
from releaseguard.stats.final_look import chance_of_errors, of_all
from releaseguard.stats.series import Cell, KnownSeries, Series
from tests.verification.test_what_a_release_is_compared_with import (
    DEPLOYED,
    WINDOW,
    Rate,
    judged,
    said,
    simulated,
    whole,
)

DAY = 1440
DAYS = 7
LONG = 28 * DAY


def never(_provider: str, _offset: int, _release: str) -> float:
    return 0.0


def day_by_day(seed: int, failing: Rate = never) -> Iterable[Cell]:
    """A call of each provider a minute for a week, of which one in a hundred fails."""
    return [*week_before(seed), *simulated(random.Random(-seed), 1, failing, whole, range(WINDOW))]


@cache
def week_before(seed: int) -> Sequence[Cell]:
    return list(simulated(random.Random(seed), 1, never, whole, range(-DAYS * DAY, 0)))


def batches(begins: Iterable[int], failing: Sequence[float], *, size: int = 30, seed: int = 1) -> Iterator[Cell]:
    """Batches of mails over eight minutes, the newest first, of each of which another share fails."""
    rng = random.Random(seed)
    for begin, share in zip(begins, failing, strict=True):
        for minute in range(begin, begin + 8):
            made = poisson(rng, size / 8)
            bad = sum(rng.random() < share for _ in range(made))
            release = "new" if minute >= 0 else "old"
            for ok, count in ((True, made - bad), (False, bad)):
                if count:
                    at, event = DEPLOYED + minute, f"mail_{'ok' if ok else 'error'}"
                    yield Cell(at, at, "mail", event, ok, release, False, False, count, 0)


def daily(first: int = 10) -> Iterable[int]:
    return [first - day * DAY for day in range(DAYS)]


@pytest.mark.parametrize(("first", "seed"), [(10, 1), (10, 2), (-12, 1)])
def test_a_batch_that_fails_in_part_every_day_fails_no_release(first: int, seed: int) -> None:
    rows = [*day_by_day(seed), *batches(daily(first), [0.3] * DAYS, seed=seed)]
    replay = judged(rows, baseline=LONG)
    assert not replay.state.failed
    assert replay.state.errors["mail.errors"].prior is None
    if first > 0:
        assert "at a time of day at which" in said(replay, "mail.errors")[1]


def test_a_batch_of_twice_as_many_and_one_that_comes_an_hour_late_fail_no_release() -> None:
    early, twice = daily(), [*batches([10], [0.3], size=60), *batches(list(daily())[1:], [0.3] * (DAYS - 1))]
    late = batches([10, *(at - 60 for at in list(early)[1:])], [0.3] * DAYS)
    for rows in (twice, late):
        assert "mail.errors" not in judged([*day_by_day(1), *rows], baseline=LONG).state.failed


@pytest.mark.parametrize("seed", [1, 2])
def test_a_batch_that_a_release_makes_fail_wholly_fails_it(seed: int) -> None:
    rows = [*day_by_day(seed), *batches(daily(), [1.0] + [0.3] * (DAYS - 1), seed=seed)]
    verdict, reason = said(judged(rows, baseline=LONG), "mail.errors")
    assert verdict is Verdict.FAIL
    assert "at this time of day" in reason


@pytest.mark.parametrize("seed", [1, 2])
def test_a_release_fails_beside_such_a_batch_as_it_does_without_one(seed: int) -> None:
    def failing(provider: str, offset: int, _release: str) -> float:
        return 0.5 if provider == "mail" and offset >= 2 else 0.0

    rows = [*day_by_day(seed, failing), *batches(daily(), [0.3] * DAYS, seed=seed)]
    assert said(judged(rows, baseline=LONG), "mail.errors")[0] is Verdict.FAIL


def test_an_incident_of_one_day_makes_nothing_usual() -> None:
    """The same minutes of one day: once is not usual, however much failed then."""
    series, rng = Series(), random.Random(1)
    for minute in range(-DAYS * DAY, 0):
        broken = -3 * DAY <= minute < -3 * DAY + 60
        series.add(minute, 10, sum(rng.random() < (0.9 if broken else 0.01) for _ in range(10)))
    known, span = KnownSeries(series, ()), BaselineSpan(-DAYS * DAY, 0)
    assert not usual_errors(known, span, range(WINDOW), window=WINDOW, calendar=ALL_ALIKE).times


@pytest.mark.parametrize(("every", "since", "length"), [(7 * DAY, 28 * DAY, 21), (60, DAY, 14)])
def test_what_fails_every_week_or_every_hour_of_a_short_history_is_known_too(
    every: int, since: int, length: int
) -> None:
    series, rng = Series(), random.Random(1)
    for minute in range(-since, 0):
        share = 0.5 if (minute - length) % every < 5 else 0.01
        series.add(minute, 10, sum(rng.random() < share for _ in range(10)))
    known, span = KnownSeries(series, ()), BaselineSpan(-since, 0)
    found = usual_errors(known, span, range(WINDOW), window=WINDOW, calendar=ALL_ALIKE).times
    surely = {minute for minute, one in found.items() if one.likely > 0.5}
    assert set(range(length, length + 5)) <= surely <= set(range(length - 10, length + 15))


def test_several_shares_together_alarm_no_sooner_than_each_as_it_is() -> None:
    """Against the exact law: the sum of two beta-binomial numbers of errors."""
    one, other = KnownShare(0.01, 2000.0), KnownShare(0.24, 100.0)
    both = of_all({one: 60, other: 38})
    exact = [
        sum(_exactly(i, 60, one) * chance_of_errors(errors - i, 38, other.share, other.weight) for i in range(errors))
        for errors in range(16, 30)
    ]
    found = [chance_of_errors(errors, 98, both.share, both.weight) for errors in range(16, 30)]
    assert all(mine >= 0.9 * true for mine, true in zip(found, exact, strict=True))


def _exactly(errors: int, events: int, known: KnownShare) -> float:
    def beyond(number: int) -> float:
        return chance_of_errors(number, events, known.share, known.weight) if number > 0 else 1.0

    return beyond(errors) - beyond(errors + 1)
