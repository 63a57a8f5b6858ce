"""Each thing that can be wrong with a store: its own words, exit code and next step, and no credential."""

from __future__ import annotations

import os
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from releaseguard.errors import (
    AccessDenied,
    ConfigError,
    NotFound,
    ReleaseguardError,
    SafeModeRefusal,
    ServiceError,
    Unreachable,
)
from releaseguard.eventlog.interface import EventLog, Query
from releaseguard.eventlog.schema import postgres as schema
from releaseguard.eventlog.stores.postgres import PostgresEventLog, StatementLimits
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import OURSELVES, Event, Outcome, new_id, utc_now
from releaseguard.secret import Secret
from releaseguard.services.supabase.event_log import SupabaseEventLog, connect
from releaseguard_events.stores.fitting import OF_A_TRIGGER
from releaseguard_events.stores.postgres import translation
from releaseguard_events.stores.rest_rows import refusal
from releaseguard_events.stores.sqlite import sqlite_path
from releaseguard_events.stores.table import EventTable
from tests.support.hasty import hasty

PASSWORD = "hunter2-5up3r-53cr3t"


def event() -> Event:
    return Event(
        id=new_id(),
        occurred_at=utc_now(),
        provider="sendgrid",
        event="sendgrid_email_sent",
        outcome=Outcome.SUCCESS,
        environment="production",
    )


def failure(act: Callable[[], object], kind: type[ReleaseguardError]) -> ReleaseguardError:
    """The error, which is of exactly this kind, tells a next step and holds no password."""
    with pytest.raises(ReleaseguardError) as caught:
        act()
    error = caught.value
    assert isinstance(error, kind)
    assert error.next_step
    assert error.where
    assert PASSWORD not in f"{error} {error.next_step} {error.where} {error.__cause__} {error.__context__}"
    return error


def reading_and_writing_fail(log: EventLog, kind: type[ReleaseguardError]) -> ReleaseguardError:
    with closing(log):
        failure(lambda: log.append([event()]), kind)
        return failure(lambda: list(log.select(Query())), kind)


def test_an_absent_file_is_made_with_its_schema_by_the_first_event(tmp_path: Path) -> None:
    with SqliteEventLog(tmp_path / "new.db") as log:
        assert list(log.select(Query())) == []
        assert not (tmp_path / "new.db").exists()
        log.append([event()])
        assert len(list(log.select(Query()))) == 1


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    error = reading_and_writing_fail(SqliteEventLog(tmp_path / "no" / "events.db"), ConfigError)
    assert f"mkdir -p {tmp_path / 'no'}" in str(error.next_step)


def test_a_directory_is_no_database(tmp_path: Path) -> None:
    assert "directory" in str(reading_and_writing_fail(SqliteEventLog(tmp_path), ConfigError))


def test_a_file_that_is_no_database_is_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("shopping list\n" * 100)
    assert "not a SQLite database" in str(reading_and_writing_fail(SqliteEventLog(path), ConfigError))
    assert path.read_text() == "shopping list\n" * 100


def test_a_file_that_cannot_be_made_is_refused_access() -> None:
    with SqliteEventLog(Path("/proc/releaseguard.db")) as log:
        failure(lambda: log.append([event()]), AccessDenied)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_file_that_cannot_be_written_is_refused_access(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    SqliteEventLog(path).append([event()])
    path.chmod(0o400)
    with SqliteEventLog(path) as log:
        failure(lambda: log.append([event()]), AccessDenied)


def test_a_row_that_a_trigger_refuses_is_not_sent_to_a_migration(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    with SqliteEventLog(path) as log, closing(sqlite3.connect(path)) as other:
        log.append([event()])
        refuse = "SELECT raise(ABORT, 'this log is closed')"
        other.execute(f"CREATE TRIGGER closed BEFORE INSERT ON integration_events BEGIN {refuse}; END")
        error = failure(lambda: log.append([event()]), ConfigError)
        assert str(error.what) == "a trigger of the table refuses this: this log is closed"
        assert "migrate" not in str(error.next_step)
        assert len(list(log.select(Query()))) == 1


def test_a_damaged_database_is_said_to_be(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    with SqliteEventLog(path) as log:
        log.append([event() for _ in range(200)])
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(8 * 4096))
    with SqliteEventLog(path) as log:
        assert "integrity_check" in str(failure(lambda: list(log.select(Query())), ServiceError).next_step)


def test_a_database_locked_for_longer_than_one_waits_is_said_to_be(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    with SqliteEventLog(path, busy_timeout=0.01) as log:
        log.append([event()])
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            error = failure(lambda: log.append([event()]), ServiceError)
            assert "locked" in str(error)
            assert len(list(log.select(Query()))) == 1, "readers do not wait for writers"
        log.append([event()])
        assert len(list(log.select(Query()))) == 2


def test_a_column_of_another_type_is_named(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    with SqliteEventLog(path) as log, closing(sqlite3.connect(path)) as connection:
        columns = ", ".join(f"{c} INTEGER" if c == "occurred_at" else c for c in sorted(log.capabilities.columns))
        connection.execute(f"CREATE TABLE integration_events ({columns})")
        error = failure(lambda: list(log.select(Query())), ConfigError)
        assert "column occurred_at of the table integration_events is INTEGER" in str(error)


def test_a_table_without_a_unique_id_takes_no_events(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    with SqliteEventLog(path) as log, closing(sqlite3.connect(path)) as connection:
        connection.execute(f"CREATE TABLE integration_events ({', '.join(sorted(log.capabilities.columns))})")
        failure(lambda: log.append([event()]), ConfigError)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:file.db", "sqlite://file.db"])
def test_an_address_that_names_no_file_is_refused(url: str, tmp_path: Path) -> None:
    failure(lambda: sqlite_path(url, tmp_path), ConfigError)


def test_a_relative_path_is_relative_to_the_configuration(tmp_path: Path) -> None:
    assert sqlite_path("sqlite:///events.db", tmp_path) == tmp_path / "events.db"
    assert sqlite_path("sqlite:////var/lib/events.db", tmp_path) == Path("/var/lib/events.db")


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def at(url: str, **options: Any) -> PostgresEventLog:
    return PostgresEventLog(Secret(url), **options)


def test_no_server_is_unreachable() -> None:
    url = f"postgresql://app:{PASSWORD}@127.0.0.1:{free_port()}/app"
    assert "no connection" in str(reading_and_writing_fail(at(url), Unreachable))


def test_a_server_that_accepts_and_says_nothing_is_given_up() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        url = f"postgresql://app:{PASSWORD}@127.0.0.1:{silent.getsockname()[1]}/app"
        with at(url, limits=StatementLimits(connect=2)) as log:
            failure(log.now, Unreachable)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://app:{PASSWORD}@@host/:x",
        f"postgresql://app:x/{PASSWORD}@host:5432/app",
        f"postgresql://app:{PASSWORD}@host:port/app",
        f"postgresql://host/app?{PASSWORD}=1",
        f"postgresql://host/app?sslmode={PASSWORD}",
        f"postgresql://[::1/{PASSWORD}",
    ],
)
def test_an_address_that_does_not_parse_is_not_quoted(url: str) -> None:
    with at(url) as log:
        with pytest.raises(ReleaseguardError) as caught:
            log.now()
        assert PASSWORD not in f"{caught.value} {caught.value.next_step} {log.label}"


def test_an_unknown_user_is_refused_access(postgres_store: Any) -> None:
    url = postgres_store.url.replace("postgres@", f"stranger:{PASSWORD}@")
    reading_and_writing_fail(at(url), AccessDenied)


def test_an_unknown_database_is_not_found(postgres_store: Any) -> None:
    reading_and_writing_fail(at(postgres_store.url + "_not"), NotFound)


def test_a_user_without_rights_on_the_table_is_refused_access(postgres_store: Any) -> None:
    postgres_store.log()
    postgres_store.sql("DO $$ BEGIN CREATE ROLE reader LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    reading_and_writing_fail(at(postgres_store.url.replace("postgres@", "reader@")), AccessDenied)


def test_the_address_is_pinned_before_anything_is_looked_up_or_sent(postgres_store: Any) -> None:
    asked = []

    def pin(url: str) -> str:
        asked.append(url)
        return f"{postgres_store.url}?hostaddr=127.0.0.1"

    with at("postgresql://db.example.invalid/app", pin=pin) as log:
        assert log.now()
    assert asked == ["postgresql://db.example.invalid/app"]


def test_a_refusing_pin_stops_the_connection() -> None:
    def pin(_url: str) -> str:
        raise SafeModeRefusal("not allowed", where="db.example.com", next_step="Correct [events] url.")

    reading_and_writing_fail(at(f"postgresql://app:{PASSWORD}@db.example.com/app", pin=pin), SafeModeRefusal)


def test_a_statement_that_takes_too_long_is_cancelled(postgres_store: Any) -> None:
    import psycopg

    postgres_store.log()
    with (
        at(postgres_store.url, limits=StatementLimits(slice=0.05)) as log,
        psycopg.connect(postgres_store.url) as other,
    ):
        other.execute("LOCK TABLE integration_events")
        assert "timeout" in str(failure(lambda: list(log.select(Query())), ServiceError))


def test_a_column_of_another_type_in_postgres_is_named(postgres_store: Any) -> None:
    log = postgres_store.empty()
    postgres_store.sql(log.schema_sql())
    postgres_store.sql("DROP VIEW integration_events_by_minute")
    postgres_store.sql("DROP INDEX integration_events_unreadable")
    postgres_store.sql("ALTER TABLE integration_events ALTER occurred_at TYPE timestamp")
    error = failure(lambda: list(log.select(Query())), ConfigError)
    assert "occurred_at of the table integration_events is timestamp without time zone" in str(error)


def test_an_enumeration_that_does_not_know_us_sends_our_rows_elsewhere(postgres_store: Any) -> None:
    """The runbook's table: providers are an enumeration."""
    columns = ", ".join(f"{name} {kind}" for name, kind in schema.COLUMNS.items())
    postgres_store.sql(f"CREATE TABLE integration_events ({columns})")
    postgres_store.sql("CREATE TYPE kind AS ENUM ('sendgrid', 'twilio')")
    postgres_store.sql("ALTER TABLE integration_events ALTER provider TYPE kind USING provider::kind")
    ours, apps = replace(event(), provider=OURSELVES), {"release": "release"}
    with at(postgres_store.url, table=EventTable(columns=apps)) as log:
        error = failure(lambda: log.append_exclusively([ours]), ConfigError)
        assert 'results_table = "releaseguard_events"' in str(error.next_step)
        log.append([event()])
        assert [row.provider for row in log.select(Query(providers=["sendgrid", "unheard_of"]))] == ["sendgrid"]
        assert [row.provider for row in log.minute_counts(Query())] == ["sendgrid"]
    with at(postgres_store.url, table=EventTable(columns=apps, results_table="releaseguard_events")) as log:
        log.migrate()
        log.append_exclusively([ours])
        assert [row.provider for row in log.select(Query())] == [OURSELVES, "sendgrid"]


def over(url: str, key: str) -> SupabaseEventLog:
    return SupabaseEventLog(url, Secret(key))


def test_a_wrong_key_is_refused_access(rest_store: Any) -> None:
    error = reading_and_writing_fail(over(rest_store.project.url, PASSWORD), AccessDenied)
    assert "SUPABASE_SERVICE_ROLE_KEY" in str(error.next_step)


def test_a_full_disk_over_rest_is_told_as_the_database_tells_it() -> None:
    error = refusal(
        405, {"code": "25006", "message": "cannot execute INSERT in a read-only transaction"}, EventTable(), "x"
    )
    assert str(error.what) == "the database takes no writes: it is read-only"
    assert "disk" in str(error.next_step)


def test_a_trigger_that_refuses_a_row_is_told_over_rest_and_by_postgres_alike() -> None:
    error = refusal(400, {"code": "P0001", "message": "this log is closed"}, EventTable(), "x")
    assert str(error.what) == "a trigger of the table refuses this: this log is closed"
    by_postgres = translation(psycopg.errors.RaiseException(), "x")
    assert (by_postgres.next_step, type(by_postgres)) == (error.next_step, type(error)) == (OF_A_TRIGGER, ServiceError)


def test_an_address_that_is_no_project_is_not_found(rest_store: Any) -> None:
    reading_and_writing_fail(over(f"{rest_store.project.url}/elsewhere", rest_store.project.key), NotFound)


def test_nothing_at_the_address_is_unreachable() -> None:
    hurried = partial(connect, clocks=hasty())
    url = f"http://127.0.0.1:{free_port()}"
    reading_and_writing_fail(SupabaseEventLog(url, Secret(PASSWORD), connect=hurried), Unreachable)


def test_a_row_the_table_does_not_take_is_a_matter_of_configuration(rest_store: Any) -> None:
    log = rest_store.log()
    rest_store.sql("ALTER TABLE integration_events ADD CHECK (provider <> 'sendgrid')")
    failure(lambda: log.append([event()]), ConfigError)
    assert list(log.select(Query())) == []


def test_tables_cannot_be_made_over_rest_and_the_way_is_told(rest_store: Any) -> None:
    error = failure(rest_store.empty().migrate, ConfigError)
    assert "--sql" in str(error.next_step)


@pytest.mark.parametrize("cap", [1, 7, 300])
def test_a_projects_lower_cap_of_rows_cuts_nothing_off(rest_store: Any, cap: int) -> None:
    log = rest_store.log()
    written = [event() for _ in range(20 if cap < 10 else 700)]
    log.append(written)
    rest_store.project.max_rows = cap
    assert len(list(log.select(Query()))) == len(written)
    assert len(list(log.select(Query(limit=15)))) == 15
    assert len(list(log.select(Query(ids=[one.id for one in written[:12]])))) == 12


def test_a_small_question_is_one_request(rest_store: Any) -> None:
    log = rest_store.log()
    log.append([event() for _ in range(3)])
    for query in (Query(), Query(limit=1), Query(limit=2, newest_first=True), Query(providers=["none"])):
        rest_store.project.requests.clear()
        list(log.select(query))
        assert len(rest_store.project.requests) == 1


def test_a_table_in_another_schema_is_reached(store: Any) -> None:
    if store.kind == "sqlite":
        table = EventTable(table="main.moved")
    else:
        store.sql("CREATE SCHEMA telemetry")
        table = EventTable(table="telemetry.moved")
    log = store.log(table)
    log.append([event()])
    assert len(list(log.select(Query()))) == 1
