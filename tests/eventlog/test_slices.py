"""Many rows in many statements: each once, in order, whatever breaks off on the way; and nothing stays in a session."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from releaseguard.errors import Unreachable
from releaseguard.eventlog.interface import EventLog, Query
from releaseguard.eventlog.stores import slices
from releaseguard.eventlog.stores.postgres import PostgresEventLog
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import Event, Outcome
from releaseguard.secret import Secret
from releaseguard_events.errors import TookTooLong
from releaseguard_events.stores.postgres import Lost, PostgresStore
from releaseguard_events.stores.table import EventTable

ROW = Event(
    id=UUID(int=1),
    occurred_at=datetime(2026, 11, 24, 12, tzinfo=UTC),
    provider="sendgrid",
    event="sendgrid_email_sent",
    outcome=Outcome.SUCCESS,
    environment="production",
)
AWAY, LOST, LATE = Unreachable("away"), Lost("gone"), TookTooLong("late")


@dataclass
class Table:
    """Numbers, their own times and ids; ``faults``: which statement breaks off after how many rows, and how."""

    rows: int
    faults: dict[int, tuple[int, Exception]] = field(default_factory=dict)
    asked: list[int | None] = field(default_factory=list)

    def ask(self, after: tuple[Any, Any] | None, limit: int | None) -> Iterator[tuple[int, int]]:
        breaks_after, error = self.faults.get(len(self.asked), (-1, AWAY))
        self.asked.append(limit)
        begin = 0 if after is None else after[0] + 1
        for given, row in enumerate(range(begin, min(self.rows, begin + (limit or self.rows)))):
            if given == breaks_after:
                raise error
            yield row, row


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "FIRST", 4)


def read(table: Table, limit: int | None = None) -> tuple[list[int], list[float]]:
    """The numbers, and the pauses that were made."""
    pauses: list[float] = []
    return [row[0] for row in slices.in_slices(table.ask, limit, pauses.append)], pauses


@pytest.mark.parametrize("rows", [0, 1, 3, 4, 5, 8, 30])
@pytest.mark.parametrize("limit", [None, 0, 1, 4, 6, 100])
def test_each_row_comes_once_and_in_order(rows: int, limit: int | None) -> None:
    assert read(Table(rows), limit) == (list(range(rows if limit is None else min(rows, limit))), [])


@pytest.mark.parametrize("error", [AWAY, LOST, LATE])
def test_what_breaks_off_after_a_row_goes_on_behind_it(error: Exception) -> None:
    faults = {0: (2, error), 3: (1, error), 4: (1, error)}
    assert read(Table(17, faults))[0] == list(range(17))


def test_a_server_that_comes_back_is_waited_for_and_one_that_does_not_is_not_for_ever() -> None:
    back: dict[int, tuple[int, Exception]] = {1: (1, LOST), 2: (0, AWAY), 3: (0, AWAY), 4: (0, AWAY)}
    assert read(Table(9, back)) == (list(range(9)), [0.0, 1.0, 2.0, 4.0])
    gone = Table(9, dict.fromkeys(range(1, 99), (0, AWAY)))
    with pytest.raises(Unreachable, match="away"):
        read(gone)
    assert len(gone.asked) == 2 + len(slices.PAUSES)


def test_a_statement_that_gives_no_row_in_its_time_is_not_asked_again() -> None:
    table = Table(9, {0: (0, LATE), 1: (0, LATE)})
    with pytest.raises(TookTooLong):
        read(table)
    assert len(table.asked) == 1


@pytest.mark.parametrize(("first_row", "each_row", "sizes"), [(9, 1, [4, 8, 16, 32]), (1, 9, [4] * 11)])
def test_a_table_that_is_sorted_for_each_statement_is_asked_for_more_at_a_time(
    monkeypatch: pytest.MonkeyPatch, first_row: int, each_row: int, sizes: list[int]
) -> None:
    table, passed = Table(40), [0]
    monkeypatch.setattr(f"{slices.__name__}.time.monotonic", lambda: passed[0])

    def ask(after: tuple[Any, Any] | None, limit: int | None) -> Iterator[tuple[int, int]]:
        passed[0] += 32 * first_row
        for row in table.ask(after, limit):
            yield row
            passed[0] += each_row

    assert [row[0] for row in slices.in_slices(ask, None)] == list(range(40))
    assert table.asked == sizes


@pytest.fixture(params=["sqlite", "postgres"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EventLog]:
    """A log of either kind."""
    if request.param == "postgres":
        yield request.getfixturevalue("postgres_store").log()
        return
    with closing(SqliteEventLog(tmp_path / "events.db")) as made:
        made.migrate()
        yield made


@pytest.mark.parametrize("newest_first", [False, True])
def test_rows_of_one_moment_are_told_apart_by_their_ids(log: EventLog, newest_first: bool) -> None:
    log.append([replace(ROW, id=UUID(int=number + 1)) for number in range(11)])
    log.append([replace(ROW, id=UUID(int=99), occurred_at=ROW.occurred_at + timedelta(microseconds=1))])
    ids = [event.id.int for event in log.select(Query(newest_first=newest_first))]
    assert ids == sorted(ids, reverse=newest_first)
    assert len(ids) == 12


def test_a_reader_that_rests_between_two_slices_of_a_file_holds_nothing_back(tmp_path: Path) -> None:
    with closing(SqliteEventLog(tmp_path / "events.db")) as log:
        log.append([replace(ROW, id=UUID(int=number + 1)) for number in range(20)])
        rows = log.select(Query())
        taken = [next(rows).id.int for _ in range(5)]
        with closing(sqlite3.connect(tmp_path / "events.db", isolation_level=None)) as other:
            other.execute("DELETE FROM integration_events WHERE id = ?", [str(UUID(int=20))])
            for row in rows:
                taken.append(row.id.int)
                if len(taken) == 9:
                    left, *_ = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                    break
        assert left == 0, "a reading that has gone on since holds no state of the file from before"
        assert taken + [row.id.int for row in rows] == list(range(1, 20))


class Lent:
    """A connection as a pooler lends it: closing gives it back, and what was set on it stays."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True, prepare_threshold=None)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def close(self) -> None:
        """Back to the pool."""

    def hang_up(self) -> None:
        self._connection.close()

    def settings(self) -> list[tuple[Any, ...]]:
        changed = "SELECT name, setting FROM pg_settings WHERE source = 'session' AND name <> 'application_name'"
        return self._connection.execute(f"{changed} ORDER BY name").fetchall()


def test_nothing_that_is_set_stays_on_a_connection_that_a_pooler_lends(
    postgres_store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit of 5 s, or a session that only reads, would be the app's next statement's."""
    postgres_store.log()
    lent = Lent(postgres_store.url)
    before = lent.settings()
    monkeypatch.setattr(psycopg, "connect", lambda *_, **__: lent)
    writer = PostgresStore(postgres_store.url, EventTable(), lambda address: address, 5.0)
    writer.append([ROW])
    log = PostgresEventLog(Secret(postgres_store.url))
    log.append([replace(ROW, id=UUID(int=2))])
    assert len(list(log.select(Query()))) == 2
    assert [*log.examine()]
    log.migrate()
    log.prune(ROW.occurred_at)
    assert lent.settings() == before
    lent.hang_up()
