"""A batch that comes at the same time of every day: it may fail with a release, and a release may forget it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from functools import cache

import pytest

from bench.simulator import poisson
from releaseguard.model import Verdict
from releaseguard.stats.batches import DailyBatch, daily_batches
from releaseguard.stats.calendar import ALL_ALIKE, DAY, ComparableDay
from releaseguard.stats.series import Cell, KnownSeries, Series
from releaseguard.verification.judge.replay import Replay
from releaseguard.verification.judge.verdicts import failed_batch, undecided_of
from tests.verification.test_what_a_release_is_compared_with import DEPLOYED, RULES, WINDOW, judged, said

DAYS = 8
AT = 23
HOURLY = {60: 40, 600: 400}
"""By events an hour of each provider, of which one in a hundred fails: the rows of the batch, within two minutes."""
RATES = sorted(HOURLY)


@cache
def besides(hourly: int) -> Sequence[Cell]:
    """What comes all day; with the release nothing of it fails."""
    rng = random.Random(hourly)
    found = []
    for at in range(-DAYS * DAY, WINDOW):
        for provider in ("mail", "sms"):
            made = poisson(rng, hourly / 60)
            bad = sum(rng.random() < 0.01 for _ in range(made)) if at < 0 else 0
            found += [cell(at, provider, ok=ok, rows=rows) for ok, rows in ((True, made - bad), (False, bad)) if rows]
    return found


def cell(at: int, provider: str, *, ok: bool, rows: int) -> Cell:
    minute, release = DEPLOYED + at, "new" if at >= 0 else "old"
    return Cell(minute, minute, provider, f"{provider}_{'ok' if ok else 'error'}", ok, release, False, False, rows, 0)


def batch(at: int, rows: int, *, ok: bool = True) -> Iterator[Cell]:
    for minute in (at, at + 1):
        yield cell(minute, "mail", ok=ok, rows=rows // 2)


def with_batches(hourly: int, today: Sequence[Cell], minutes: int = WINDOW, without: int = 0) -> Replay:
    """A release after days with a batch of mails, but for one of them, and what comes of it today."""
    earlier = [one for day in range(1, DAYS + 1) if day != without for one in batch(AT - day * DAY, HOURLY[hourly])]
    return judged([*besides(hourly), *earlier, *today], minutes, baseline=DAYS * DAY)


@pytest.mark.parametrize("hourly", RATES)
def test_a_batch_that_the_release_forgets_is_told_and_its_volume_does_not_pass(hourly: int) -> None:
    verdict, reason = said(with_batches(hourly, []), "mail.volume")
    assert verdict is Verdict.WARN
    assert "the batch that comes daily at about" in reason
    assert "it was put off" in reason


@pytest.mark.parametrize("hourly", RATES)
@pytest.mark.parametrize("late", [0, 20])
def test_a_batch_that_comes_also_later_or_fails_is_not_forgotten(hourly: int, late: int) -> None:
    for ok in (True, False):
        replay = with_batches(hourly, list(batch(AT + late, HOURLY[hourly], ok=ok)))
        assert replay.state.volumes["mail.volume"].missed is None


@pytest.mark.parametrize("hourly", RATES)
def test_no_batch_is_missed_before_it_is_due_nor_on_a_weekday_that_may_be_without(hourly: int) -> None:
    early, uncertain = with_batches(hourly, [], AT + 2), with_batches(hourly, [], without=7)
    for replay in (early, uncertain):
        assert replay.state.volumes["mail.volume"].missed is None


@pytest.mark.parametrize(("hourly", "errors_before"), [(60, 3), (600, 0), (600, 2)])
def test_a_batch_that_fails_wholly_blocks_whatever_the_card_says_and_is_no_trouble_from_before(
    hourly: int, errors_before: int
) -> None:
    by_chance = [cell(-2 * n - 1, "mail", ok=False, rows=1) for n in range(errors_before)]
    replay = with_batches(hourly, [*by_chance, *batch(AT, HOURLY[hourly], ok=False)])
    verdict, reason = said(replay, "mail.errors")
    rule = next(one for one in RULES if one.id == "mail.errors")
    assert verdict is Verdict.INCONCLUSIVE
    assert undecided_of(replay.state, rule) == "block"
    assert "of the daily batch at about" in reason
    assert "before the deployment" not in reason


def test_a_batch_that_fails_as_an_incident_from_before_does_is_excused() -> None:
    incident = [cell(at, "mail", ok=at % 3 == 0, rows=2) for at in range(-60, WINDOW)]
    replay = with_batches(60, [*incident, *batch(AT, 26, ok=False), *batch(AT, 14)])
    assert replay.state.errors["mail.errors"].trouble is not None
    assert failed_batch(replay.state, replay.state.errors["mail.errors"]) is None


def found(days: Sequence[ComparableDay], without: int = 0) -> Sequence[DailyBatch]:
    """The batches that are known by a batch on each of some days but for one."""
    series = Series()
    for number, day in enumerate(days, 1):
        series.add(DEPLOYED + AT - day.shift, 0 if number == without else 40, 0)
    return daily_batches(KnownSeries(series, ()), DEPLOYED, days, WINDOW)


def test_a_batch_is_surely_due_where_nearly_all_days_like_this_and_all_of_its_weekday_have_it() -> None:
    days = ALL_ALIKE.before(DEPLOYED, 28)
    assert [(one.at, one.rows, one.days) for one in found(days)] == [(AT, 40.0, 20)]
    assert len(found(days, without=1)) == 1
    assert not found(days, without=7)


def test_no_batch_is_surely_due_while_a_change_of_clocks_is_among_its_days() -> None:
    days = ALL_ALIKE.before(DEPLOYED, 9)
    assert found(days)
    assert not found([ComparableDay(day.shift + 60 * (number > 3), day.weight) for number, day in enumerate(days)])
