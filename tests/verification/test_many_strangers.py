"""Whoever may write a row chooses its provider: however many there are, each command ends, and judges the cards' alike.

Each name had a history of its own, compared with that of every other one.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from releaseguard.cards import strangers
from releaseguard.cards.strangers import OTHERS
from releaseguard.health.run import HealthContext, Observer
from releaseguard.stats.series import Series
from releaseguard.verification.backtesting.replays import ReplaySettings, backtest, histories
from tests.support.verifying import NOON, PROMISE, SHIPPED, judge, mark, row, steady, stored, verdicts

FEW, MANY = 3, 40


def looked_at(path: Path, rows: Any) -> tuple[dict[str, str], dict[str, int], dict[str, str]]:
    """What verify, health and backtest say of a log with these rows beside the usual ones."""
    with stored(path, [*steady(every=5, since=-600), mark(), *rows]) as log:
        context = HealthContext(
            log=log,
            cards=SHIPPED,
            environment="production",
            window=timedelta(hours=1),
            baseline=timedelta(days=3),
            now=lambda: NOON + timedelta(minutes=29),
        )
        seen = {one.provider: one.successes for one in Observer(context).look().providers}
        past = histories(log, "production", PROMISE.window)
        (replayed,) = backtest(log, past, SHIPPED, ReplaySettings(promise=PROMISE, every=timedelta(minutes=30)))
        return verdicts(judge(log)), seen, {one.id: one.verdict.value for one in replayed.findings}


def test_a_great_many_providers_that_no_card_names_are_one_and_change_no_cards_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strangers, "MOST", FEW)
    judged, shown, replayed = looked_at(tmp_path / "usual.db", [])
    given = [row(minute % 25 - 5, "used", provider=f"p{minute % MANY}") for minute in range(MANY + FEW)]
    found = looked_at(tmp_path / "many.db", given)
    assert (found[0], found[2]) == (judged, replayed)
    assert found[1] == shown | {f"p{number}": 2 for number in range(FEW)} | {OTHERS: MANY - FEW}


YEARS = timedelta(days=2 * 366)
UNBELIEVABLE = {
    "of years ahead, recorded before there was any log": (YEARS, datetime(2019, 1, 1, tzinfo=UTC)),
    "of years ahead, recorded then": (YEARS, NOON + YEARS),
    "of now, recorded before there was any log": (timedelta(0), datetime(1, 1, 1, tzinfo=UTC)),
}


@pytest.mark.parametrize(("ahead", "recorded"), UNBELIEVABLE.values(), ids=UNBELIEVABLE)
def test_a_row_of_a_far_year_takes_no_memory_for_all_minutes_until_then(
    ahead: timedelta, recorded: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    widest, place = 0, Series._place

    def noted(series: Series, start: int, end: int) -> int:
        nonlocal widest
        at = place(series, start, end)
        widest = max(widest, len(series._total))
        return at

    monkeypatch.setattr(Series, "_place", noted)
    far = row(1, "sendgrid_error", ok=False, occurred_at=NOON + ahead, recorded_at=recorded)
    looked_at(tmp_path / "far.db", [far])
    assert 0 < widest < timedelta(days=60) // timedelta(minutes=1)
