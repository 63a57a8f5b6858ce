"""How many statements a command asks of the log, and whether any of them reads the table from end to end."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from releaseguard.eventlog.stores.postgres import PostgresEventLog
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import to_text, utc_now
from releaseguard.secret import Secret
from releaseguard_events.stores import sqlite as writing
from releaseguard_events.stores.postgres import limited
from tests.support import postgres
from tests.support.commands import Commands
from tests.support.verifying import SHIPPED, judge, mark, row, steady, stored

MOST = 8
"""Whatever is checked: the clock, what the table looks like, marks, the roll-up, counts, the first row of the release,
the rows of all checks, and what is written."""
ROWS = 12_000
NAMED = [(card.id, next(iter(card.events.success), f"{card.id}_ok")) for card in SHIPPED]
Statement = tuple[str, Any]
_HOUSEKEEPING = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA", "SET", "--")
# In bursts: Postgres rolls up minutes in a row at once. Recorded as they came: what the log learns of days later is
# asked for once more.
_FILLED = """INSERT INTO integration_events
    (id, occurred_at, recorded_at, provider, event, outcome, environment, release, latency_ms)
  SELECT gen_random_uuid(), came, came, (%(cards)s::text[])[n %% %(many)s + 1], (%(events)s::text[])[n %% %(many)s + 1],
    'success', 'production', CASE WHEN n < 10 THEN 'r2' ELSE 'r1' END, n %% 300
  FROM (SELECT n, now() - CASE WHEN n < 10 THEN n * interval '150 seconds'
    ELSE n / 10 * interval '25 minutes' + n %% 10 * interval '20 seconds' END AS came
    FROM generate_series(1, %(rows)s) n) rows"""
COMMANDS = {
    "verify": ("verify", "--no-flows"),
    "verify what is over": ("verify", "--no-flows", "--release", "r1"),
    "health": ("health",),
    "incident": ("incident", "sendgrid"),
}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A database with weeks of traffic of every card, rolled up."""
    with postgres.cluster() as running:
        url = running.new_database()
        with closing(PostgresEventLog(Secret(url))) as log, psycopg.connect(url, autocommit=True) as connection:
            log.migrate()
            cards, events = zip(*NAMED, strict=True)
            given = {"cards": list(cards), "events": list(events), "many": len(NAMED), "rows": ROWS}
            connection.execute(_FILLED, given)
            log.migrate()
            connection.execute("ANALYZE")
        yield url


@pytest.fixture
def commands(address: str, tmp_path: Path) -> Commands:
    (tmp_path / "releaseguard.toml").write_text(f'[project]\nname = "shop"\n[events]\nurl = "{address}"\n')
    made = Commands(tmp_path, {})
    made.run("events", "deployed", "--release", "r1", "--at", to_text(utc_now() - timedelta(hours=3)))
    made.run("events", "deployed", "--release", "r2")
    return made


@contextmanager
def said_to_postgres(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Statement]]:
    """The statements that are sent meanwhile."""
    said: list[Statement] = []
    execute, stream = psycopg.Cursor.execute, psycopg.Cursor.stream

    def executed(cursor: Any, query: Any, given: Any = None, **more: Any) -> Any:
        said.append((query if isinstance(query, str) else query.decode(), given))
        return execute(cursor, query, given, **more)

    def streamed(cursor: Any, query: Any, given: Any = None, **more: Any) -> Any:
        said.append((query, given))
        return stream(cursor, query, given, **more)

    with monkeypatch.context() as patched:
        patched.setattr(psycopg.Cursor, "execute", executed)
        patched.setattr(psycopg.Cursor, "stream", streamed)
        yield said


def questions_in(said: list[Statement]) -> list[Statement]:
    return [one for one in said if not one[0].startswith(_HOUSEKEEPING)]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_asks_a_handful_of_statements_and_none_reads_the_whole_table(
    name: str, commands: Commands, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with said_to_postgres(monkeypatch) as said:
        done = commands.run(*COMMANDS[name])
    assert done.code in (0, 1, 3), done.everything
    asked = questions_in(said)
    assert len(asked) <= MOST, [sql[:120] for sql, _ in asked]
    plans = plans_of(address, asked)
    assert any("integration_events" in plan for plan in plans)
    assert [plan for plan in plans if "Seq Scan on integration_events " in f"{plan} "] == []


def test_nothing_is_compiled_for_a_question_of_many_parts(address: str) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        with limited(connection, 5.0):
            assert connection.execute("SHOW jit").fetchone() == ("off",)
        assert connection.execute("SHOW jit").fetchone() == ("on",)  # the session's own, which others may be lent


def plans_of(address: str, statements: list[Statement]) -> list[str]:
    """How the server carries them out, and those inside of functions."""
    plans: list[str] = []
    with psycopg.connect(address) as connection:
        connection.add_notice_handler(lambda notice: plans.append(notice.message_primary or ""))
        connection.execute("LOAD 'auto_explain'")
        connection.execute(
            "SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on;"
            " SET auto_explain.log_level = notice; SET client_min_messages = notice"
        )
        for sql, given in statements:
            connection.execute(sql, given)
        connection.rollback()
    return plans


def traced(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> list[str]:
    """The statements that SQLite is given meanwhile, on connections that are opened meanwhile."""
    said: list[str] = []
    connect = writing.connect

    def listened(*given: Any, **more: Any) -> sqlite3.Connection:
        connection = connect(*given, **more)
        connection.set_trace_callback(said.append)
        return connection

    with monkeypatch.context() as patched:
        patched.setattr(writing, "connect", listened)
        act()
    return [sql for sql in said if not sql.startswith(_HOUSEKEEPING)]


def test_more_checks_ask_no_more_statements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "events.db"
    rows = [row(minute, event, provider=card) for minute in range(-200, 30, 7) for card, event in NAMED]
    stored(path, [*rows, mark()]).close()
    with closing(SqliteEventLog(path)) as log:
        judge(log)  # which rolls up
    few, many = (_looks(path, cards, monkeypatch) for cards in (SHIPPED[:2], SHIPPED))
    assert len(few) == len(many)


def _looks(path: Path, cards: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    with closing(SqliteEventLog(path)) as log:
        return traced(monkeypatch, lambda: judge(log, cards=cards))


FEW = ("integration_events_lane", "integration_events_unreadable")
"""Indexes of few rows, which may be read from end to end."""
_MANY = ("(environment=?)", "(environment=? AND provider>?)", "(release=?)", "(occurred_at<?)")
"""What an index finds by these may be all that there is."""


@pytest.mark.parametrize("name", COMMANDS)
def test_in_sqlite_no_command_reads_more_rows_than_a_span_of_time_or_those_of_ours(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "events.db"
    stored(path, [*steady(every=30), row(3, "sendgrid_error", ok=False), mark()]).close()
    (tmp_path / "releaseguard.toml").write_text('[project]\nname = "shop"\n[events]\nurl = "sqlite:///events.db"\n')
    commands = Commands(tmp_path, {})
    commands.run(*COMMANDS[name])  # which rolls up
    said = traced(monkeypatch, lambda: commands.run(*COMMANDS[name]))
    with closing(sqlite3.connect(path)) as connection:
        asked = [sql for sql in said if sql.startswith(("SELECT", "WITH"))]
        steps = [step[3] for sql in asked for step in connection.execute(f"EXPLAIN QUERY PLAN {sql}")]
    assert any("integration_events" in step for step in steps)
    scans = [step for step in steps if step.split(" USING")[0] == "SCAN integration_events" and not step.endswith(FEW)]
    assert scans == []
    assert [step for step in steps if step.startswith("SEARCH integration_events ") and step.endswith(_MANY)] == []
