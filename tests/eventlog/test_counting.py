"""What the rows of one user's action count for, in memory and in a store that counts by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from releaseguard.eventlog.counts import MinuteCount, count_minutes
from releaseguard.eventlog.interface import Query
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import Event, Outcome
from tests.support.extent import examples

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

Action = list[tuple[int, str, str]]
"""The rows of one id in one minute: the minute in which the log learned of each, its event and its outcome."""

ACTIONS: dict[str, tuple[Action, dict[int, tuple[int, int]]]] = {
    "one row": ([(0, "sent", "success")], {0: (1, 0)}),
    "two uses, as intended": ([(0, "sent", "success"), (0, "sent", "success")], {0: (1, 0)}),
    "a retry that succeeded": ([(0, "error", "error"), (0, "sent", "success")], {0: (1, 1)}),
    "a storm of retries": ([(0, "error", "error")] * 5, {0: (1, 1)}),
    "a success that turns out bad": ([(0, "sent", "success"), (2, "error", "error")], {0: (1, 0), 2: (1, 1)}),
    "an error, and a success later": ([(0, "error", "error"), (2, "sent", "success")], {0: (1, 1), 2: (1, 1)}),
    "errors of two names": ([(0, "error", "error"), (1, "sent", "error")], {0: (1, 1), 1: (1, 1)}),
    "two events, both good": ([(0, "sent", "success"), (1, "opened", "success")], {0: (1, 0), 1: (2, 0)}),
    "two events that one error spoils": (
        [(0, "sent", "success"), (0, "opened", "success"), (1, "error", "error")],
        {0: (2, 0), 1: (1, 1)},
    ),
}


def _row(number: int, learned: int, name: str, outcome: str) -> Event:
    at = NOON + timedelta(seconds=number)
    return Event(
        id=UUID(int=number + 1),
        occurred_at=at,
        recorded_at=at + timedelta(minutes=learned),
        provider="sendgrid",
        event=name,
        outcome=Outcome(outcome),
        environment="production",
        correlation_id="c",
    )


def _tried(counted: list[MinuteCount], minute: int) -> tuple[int, int]:
    """The trials that the log knew of at the end of a minute, and the bad ones among them."""
    until = NOON + timedelta(minutes=minute)
    known = [one for one in counted if one.recorded_minute and one.recorded_minute <= until]
    return sum(one.trials for one in known), sum(one.trials for one in known if one.outcome is Outcome.ERROR)


@pytest.mark.parametrize(("rows", "known"), ACTIONS.values(), ids=ACTIONS)
def test_the_rows_of_one_action_are_one_trial(rows: Action, known: dict[int, tuple[int, int]], tmp_path: Path) -> None:
    events = [_row(number, *row) for number, row in enumerate(rows)]
    with SqliteEventLog(tmp_path / "log.db") as log:
        log.migrate()
        log.restore(events)
        for counted in (list(count_minutes(events)), list(log.minute_counts(Query()))):
            assert {minute: _tried(counted, minute) for minute in known} == known


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteEventLog]:
    with SqliteEventLog(tmp_path_factory.mktemp("log") / "log.db") as log:
        log.migrate()
        yield log


uses = st.builds(
    Event,
    id=st.uuids(version=4),
    occurred_at=st.integers(0, 7).map(lambda step: NOON + timedelta(seconds=20 * step)),
    recorded_at=st.integers(8, 20).map(lambda step: NOON + timedelta(seconds=20 * step)),
    provider=st.sampled_from(["sendgrid", "twilio"]),
    event=st.sampled_from(["sent", "error"]),
    outcome=st.sampled_from(Outcome),
    environment=st.just("production"),
    release=st.sampled_from([None, "old"]),
    source=st.sampled_from([None, "web"]),
    correlation_id=st.sampled_from([None, "a", "b", "c"]),
    synthetic=st.booleans(),
    detail=st.sampled_from([{}, {"deployment_id": "dpl_1"}, {"deployment_id": "dpl_2"}]),
)


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(batch=st.lists(uses, max_size=30), apart=st.booleans())
def test_what_the_log_knew_at_a_time_is_the_sum_of_what_it_had_learned(
    kept: SqliteEventLog, batch: list[Event], apart: bool
) -> None:
    place = str(uuid4())
    rows = [replace(one, id=uuid4(), environment=place) for one in batch]
    kept.restore(rows)
    counted = list(kept.minute_counts(Query(environment=place, by_deployment=apart)))
    assert sorted(map(repr, counted)) == sorted(map(repr, count_minutes(rows, by_deployment=apart)))
    for minute in range(2, 8):
        until = NOON + timedelta(minutes=minute)
        known = [one for one in rows if one.recorded_at and one.recorded_at < until]
        then = list(count_minutes(known, by_deployment=apart))
        learned = [one for one in counted if one.recorded_minute and one.recorded_minute < until]
        for figure in ("count", "repeats", "trials", "squares"):
            assert sum(getattr(one, figure) for one in learned) == sum(getattr(one, figure) for one in then)
        assert _tried(learned, minute) == _tried(then, minute)
