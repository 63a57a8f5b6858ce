"""Following a log: every row once, however late, and none of those that were there before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from releaseguard.eventlog.follow import OVERLAP, follow, latest
from releaseguard.eventlog.interface import Query
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import Event, Outcome, new_id
from releaseguard_events.stores.table import EventTable

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def event(name: str, recorded: datetime = NOON, occurred: datetime | None = None, provider: str = "sendgrid") -> Event:
    return Event(
        id=new_id(),
        occurred_at=occurred or recorded,
        recorded_at=recorded,
        provider=provider,
        event=name,
        outcome=Outcome.SUCCESS,
        environment="production",
    )


class NothingMore(Exception):
    """The test has told everything."""


class Follower:
    """A follower whose every look is preceded by what the test says happened meanwhile."""

    def __init__(self, log: SqliteEventLog, clock: list[datetime], query: Query | None = None) -> None:
        self.log, self.clock = log, clock
        self.meanwhile: list[list[Event]] = []
        self.shown: list[str] = []
        self.stream = follow(log, query or Query(), since=clock[0], wait=self._pass)

    def _pass(self) -> None:
        if not self.meanwhile:
            raise NothingMore
        self.clock[0] += timedelta(seconds=1)
        self.log.restore(self.meanwhile.pop(0))

    def run(self, *meanwhile: list[Event]) -> list[str]:
        self.meanwhile = list(meanwhile)
        self.shown = until_end(self.stream)
        return self.shown


def until_end(stream: Iterator[Event]) -> list[str]:
    """What is shown until the test has no more to tell."""
    shown = []
    try:
        for one in stream:
            shown.append(one.event)  # noqa: PERF401 - what was shown before the end counts
    except NothingMore:
        return shown
    raise AssertionError("following a log has no end of its own")


@pytest.fixture
def clock() -> list[datetime]:
    return [NOON]


@pytest.fixture
def log(tmp_path: Path, clock: list[datetime]) -> Iterator[SqliteEventLog]:
    with SqliteEventLog(tmp_path / "log.db", clock=lambda: clock[0]) as opened:
        yield opened


def second(number: float) -> datetime:
    return NOON + timedelta(seconds=number)


def test_what_was_there_before_is_not_shown_and_what_comes_is_shown_once(
    log: SqliteEventLog, clock: list[datetime]
) -> None:
    log.restore([event("before", second(-5))])
    shown = Follower(log, clock).run([event("a", second(1))], [], [event("b", second(3))], [], [])
    assert shown == ["a", "b"]


def test_a_row_that_happened_long_ago_is_shown_when_it_is_recorded(log: SqliteEventLog, clock: list[datetime]) -> None:
    assert Follower(log, clock).run([event("late", second(1), NOON - timedelta(days=3))]) == ["late"]


def test_a_row_of_a_transaction_that_ends_after_later_ones_were_seen_is_shown(
    log: SqliteEventLog, clock: list[datetime]
) -> None:
    slow = event("slow", second(-30))
    assert Follower(log, clock).run([event("quick", second(1))], [], [slow], [], []) == ["quick", "slow"]


def test_rows_come_in_the_order_in_which_the_log_learned_of_them(log: SqliteEventLog, clock: list[datetime]) -> None:
    batch = [event("second", second(0.9), second(-100)), event("first", second(0.5), second(50))]
    assert Follower(log, clock).run(batch) == ["first", "second"]


def test_only_what_is_asked_for_is_shown(log: SqliteEventLog, clock: list[datetime]) -> None:
    batch = [event("mine", second(1)), event("theirs", second(1), provider="twilio")]
    assert Follower(log, clock, Query(providers=["sendgrid"])).run(batch) == ["mine"]


def test_what_is_remembered_does_not_grow_with_the_time_followed(log: SqliteEventLog, clock: list[datetime]) -> None:
    """A row a second, for longer than a look goes back."""
    at_once, names = int(OVERLAP.total_seconds()), [f"e{n}" for n in range(200)]
    remembered: list[int] = []

    def wait() -> None:
        remembered.append(len(stream.gi_frame.f_locals["known"]))
        if not names[len(remembered) - 1 :]:
            raise NothingMore
        clock[0] += timedelta(seconds=1)
        log.append([event(names[len(remembered) - 1])])

    stream = follow(log, Query(), since=clock[0], wait=wait)
    assert until_end(stream) == names
    assert max(remembered) <= at_once + 2, "the rows of a look, and of the second that passed meanwhile"


def test_without_recorded_at_rows_are_followed_by_their_occurrence(tmp_path: Path, clock: list[datetime]) -> None:
    table = EventTable(table="integration_events", columns={"recorded_at": None}, results_table="ours")
    with SqliteEventLog(tmp_path / "log.db", clock=lambda: clock[0]) as plain:
        plain.migrate()
    with SqliteEventLog(tmp_path / "log.db", table, clock=lambda: clock[0]) as log:
        log.migrate()
        meanwhile = [[event("a", second(1))], [event("late", second(-60))], []]

        def wait() -> None:
            if not meanwhile:
                raise NothingMore
            clock[0] += timedelta(seconds=1)
            with SqliteEventLog(tmp_path / "log.db") as writer:
                writer.append([replace(one, recorded_at=None) for one in meanwhile.pop(0)])

        assert until_end(follow(log, Query(), since=NOON, wait=wait)) == ["a", "late"]


def test_the_newest_come_oldest_first(log: SqliteEventLog) -> None:
    log.restore([event(f"e{n}", second(n)) for n in range(5)])
    assert [one.event for one in latest(log, Query(), 2)] == ["e3", "e4"]
    assert latest(log, Query(), 0) == ()
