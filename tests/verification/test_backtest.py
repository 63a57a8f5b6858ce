"""``backtest`` over several environments of one log."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from releaseguard.cards.load import load_cards
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import Event, Outcome
from releaseguard.verification.backtesting.one_release import ReplaySettings
from releaseguard.verification.backtesting.replays import backtest, histories
from releaseguard.verification.values import Promise

NOON = datetime(2026, 11, 20, 12, 0, 30, tzinfo=UTC)
PROMISE = Promise(false_alarm=0.01, window_minutes=20, baseline_minutes=24 * 60)
PLACES = ("production", "staging", "preview", "quiet")


class CountingLog(SqliteEventLog):
    """Counts the readings of the table."""

    readings = 0

    def _rows(self, *arguments: Any) -> Iterator[tuple[Any, ...]]:
        self.readings += 1
        return super()._rows(*arguments)


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[CountingLog]:
    """A log whose table has no index but that of its key; nothing was logged in the last environment."""
    with CountingLog(tmp_path / "log.db") as log:
        log.restore(row for number, place in enumerate(PLACES) for row in _rows_of(place, number))
        with closing(sqlite3.connect(tmp_path / "log.db")) as connection:
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
            ).fetchall():
                connection.execute(f'DROP INDEX "{name}"')
        yield log


def _rows_of(place: str, number: int) -> Iterator[Event]:
    for release, hours in (("first", -6 - number), ("second", 0)):
        at = NOON + timedelta(hours=hours)
        yield _row(at, place, "release_deployed", provider="releaseguard", release=release)
    good = {"release": "second", "good": number % 2 == 0}
    yield _row(NOON, place, "release_outcome", provider="releaseguard", detail=good)
    for minute in range(-30 * 60, 60) if place != "quiet" else ():
        failed = place == "staging" and minute > 0 and minute % 2
        name, outcome = ("sendgrid_error", Outcome.ERROR) if failed else ("sendgrid_email_sent", Outcome.SUCCESS)
        at = NOON + timedelta(minutes=minute)
        yield _row(at, place, name, outcome=outcome, release="second" if minute > 0 else "first")


def _row(at: datetime, place: str, event: str, **more: Any) -> Event:
    plain: dict[str, Any] = {"provider": "sendgrid", "outcome": Outcome.SUCCESS, "recorded_at": at}
    return Event(id=uuid4(), occurred_at=at, environment=place, event=event, **plain | more)


def _backtest(log: SqliteEventLog, environment: str | None) -> list[Any]:
    return list(
        backtest(
            log,
            histories(log, environment, PROMISE.window),
            list(load_cards(None)),
            ReplaySettings(promise=PROMISE),
        )
    )


def test_all_environments_at_once_are_each_alone(bare):
    together = _backtest(bare, None)
    assert together == [one for place in sorted(PLACES) for one in _backtest(bare, place)]
    assert [(one.deployment.environment, one.deployment.release) for one in together] == [
        (place, release) for place in sorted(PLACES) for release in ("first", "second")
    ]


def test_a_table_without_indexes_is_read_no_oftener_for_more_environments(bare):
    _backtest(bare, "production")
    of_one = bare.readings
    failed = [one for one in _backtest(bare, None) if one.failed_for_errors]
    of_windows = 7 * len(failed)  # what a release that fails lacks is looked for elsewhere, and whose its errors are
    assert bare.readings - of_one <= of_one + of_windows
    assert len(failed) < len(PLACES)


def test_an_outcome_belongs_to_its_environment(bare):
    outcomes = {place: history.outcomes for place, history in histories(bare, None, PROMISE.window).items()}
    assert outcomes == {place: {"second": number % 2 == 0} for number, place in enumerate(PLACES)}
