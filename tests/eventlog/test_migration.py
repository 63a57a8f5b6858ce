"""Making the table and upgrading it."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest

from releaseguard.errors import ConfigError
from releaseguard.eventlog.hours import MINUTE
from releaseguard.eventlog.interface import Query
from releaseguard.eventlog.stores import sqlite as sqlite_log
from releaseguard.eventlog.stores.rolling import postgres as rolling_in_postgres
from releaseguard.eventlog.stores.rolling import sqlite as rolling_in_sqlite
from releaseguard.eventlog.watching import Progress
from releaseguard.model import Event, Outcome
from releaseguard_events.stores.names import VERSION
from releaseguard_events.stores.table import COLUMNS, EventTable

EVENT = Event(
    id=UUID(int=1),
    occurred_at=datetime(2026, 11, 24, 10, 15, tzinfo=UTC),
    provider="sendgrid",
    event="sendgrid_email_sent",
    outcome=Outcome.SUCCESS,
    environment="production",
    latency_ms=40,
)
DOCUMENTED = {
    "id": ("uuid", "NO", None),
    "occurred_at": ("timestamp with time zone", "NO", None),
    "recorded_at": ("timestamp with time zone", "NO", "now()"),
    "provider": ("text", "NO", None),
    "event": ("text", "NO", None),
    "outcome": ("text", "NO", None),
    "error_code": ("text", "YES", None),
    "latency_ms": ("integer", "YES", None),
    "environment": ("text", "NO", None),
    "release": ("text", "YES", None),
    "source": ("text", "YES", None),
    "correlation_id": ("text", "YES", None),
    "synthetic": ("boolean", "NO", "false"),
    "detail": ("jsonb", "NO", "'{}'::jsonb"),
}


@pytest.fixture(params=["sqlite_store", "postgres_store"])
def database(request: pytest.FixtureRequest) -> Any:
    """The stores that can be migrated from here."""
    return request.getfixturevalue(request.param)


def test_migrating_says_what_it_made_and_the_second_time_nothing(database: Any) -> None:
    database.sql("CREATE TABLE something_else (id integer)")
    log = database.empty()
    done = log.migrate()
    assert "created table integration_events" in done
    assert "created index integration_events_lane" in done
    assert "created view integration_events_by_minute" in done
    assert log.migrate() == []


def test_the_printed_sql_makes_the_same_table(database: Any) -> None:
    log = database.empty()
    if database.kind == "sqlite":
        with closing(sqlite3.connect(database.path)) as connection:
            connection.executescript(log.schema_sql())
    else:
        database.sql(log.schema_sql())
    assert log.migrate() == []
    log.append([EVENT])


def test_the_version_is_recorded_once(database: Any) -> None:
    log = database.log()
    log.migrate()
    assert database.sql("SELECT version FROM integration_events_schema") == [(VERSION,)]


def test_an_older_table_gets_the_columns_it_lacks_and_keeps_its_rows(database: Any) -> None:
    kind = "TEXT" if database.kind == "sqlite" else "timestamptz"
    database.sql(
        f"CREATE TABLE integration_events (id {'TEXT' if database.kind == 'sqlite' else 'uuid'} PRIMARY KEY,"
        f" occurred_at {kind} NOT NULL, provider text NOT NULL, event text NOT NULL, outcome text NOT NULL,"
        " environment text NOT NULL, mood text)"
    )
    database.sql(
        "INSERT INTO integration_events VALUES ('00000000-0000-0000-0000-000000000009',"
        " '2026-11-20T10:00:00.000000Z', 'twilio', 'twilio_sms_sent', 'success', 'production', 'sunny')"
    )
    log = database.empty()
    with pytest.raises(ConfigError, match="no column recorded_at"):
        list(log.select(Query()))
    done = log.migrate()
    assert any("recorded_at" in word for word in done)
    assert any("detail" in word for word in done)
    log.append([EVENT])
    old, new = log.select(Query())
    assert (old.provider, old.detail, old.synthetic) == ("twilio", {}, False)
    assert old.recorded_at <= new.recorded_at
    assert old.recorded_at > old.occurred_at
    assert database.sql("SELECT mood FROM integration_events WHERE provider = 'twilio'") == [("sunny",)]
    assert log.migrate() == []


def test_another_programs_row_in_an_upgraded_table_gets_the_stores_time(database: Any) -> None:
    kinds = ("TEXT", "TEXT") if database.kind == "sqlite" else ("uuid", "timestamptz")
    needed = f"id {kinds[0]} PRIMARY KEY, occurred_at {kinds[1]}, provider text, event text, outcome text"
    database.sql(f"CREATE TABLE integration_events ({needed}, environment text)")
    log = database.log()
    database.sql(
        "INSERT INTO integration_events (id, occurred_at, provider, event, outcome, environment) VALUES"
        " ('00000000-0000-0000-0000-000000000009', '2026-11-20T10:00:00.000000Z', 'p', 'e', 'success', 'x')"
    )
    (row,) = log.select(Query())
    assert abs((row.recorded_at - log.now()).total_seconds()) < 60


def test_a_table_whose_rows_could_not_be_given_a_column_is_left_alone(database: Any) -> None:
    database.sql("CREATE TABLE integration_events (id text, note text)")
    log = database.empty()
    with pytest.raises(ConfigError, match="no column occurred_at, which its rows could not be given"):
        log.migrate()
    assert database.sql("SELECT count(*) FROM integration_events") == [(0,)]
    with pytest.raises((psycopg.Error, sqlite3.Error)):
        database.sql("SELECT * FROM integration_events_schema")


def test_the_apps_own_table_is_never_altered_and_ours_is_made_beside_it(database: Any) -> None:
    database.sql("CREATE TABLE theirs (a text)")
    log = database.empty(EventTable(table="theirs", columns={"event": "name"}, results_table="guard"))
    done = log.migrate()
    assert "left the table theirs as it is" in done[0]
    assert "created table guard" in done
    assert "theirs" not in log.schema_sql()
    database.sql("INSERT INTO theirs (a) VALUES ('x')")


def test_migrations_at_the_same_moment_do_not_disturb_each_other(database: Any) -> None:
    logs = [database.empty() for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(lambda log: log.migrate(), logs))
    made = [word for words in done for word in words if word == "created table integration_events"]
    assert len(made) <= 1
    logs[0].append([EVENT])


def test_an_outcome_that_is_neither_success_nor_error_is_refused_by_the_table(database: Any) -> None:
    database.log()
    with pytest.raises((psycopg.Error, sqlite3.Error)):
        database.sql(
            "INSERT INTO integration_events (id, occurred_at, provider, event, outcome, environment)"
            " VALUES ('00000000-0000-0000-0000-000000000001', '2026-11-24T10:15:00.000000Z', 'p', 'e', 'maybe', 'x')"
        )


def test_the_roll_up_per_minute_is_right_as_soon_as_a_late_row_arrives(database: Any) -> None:
    log = database.log()
    log.append([EVENT, replace(EVENT, id=UUID(int=2), correlation_id="c", latency_ms=60)])
    log.append([replace(EVENT, id=UUID(int=3), correlation_id="c", latency_ms=None)])
    rolled = database.sql("SELECT provider, events, correlations, latency_ms FROM integration_events_by_minute")
    assert [(*row[:3], float(row[3])) for row in rolled] == [("sendgrid", 3, 1, 50.0)]


def test_the_columns_in_postgres_are_those_of_the_documentation(postgres_store: Any) -> None:
    postgres_store.log()
    found = postgres_store.sql(
        "SELECT column_name, data_type, is_nullable, column_default FROM information_schema.columns"
        " WHERE table_name = 'integration_events' ORDER BY ordinal_position"
    )
    assert {name: tuple(rest) for name, *rest in found} == DOCUMENTED
    assert [name for name, *_ in found] == list(COLUMNS)


def test_the_forms_in_sqlite_are_those_of_the_documentation(sqlite_store: Any) -> None:
    log = sqlite_store.log()
    log.append([replace(EVENT, synthetic=True, detail={"şehir": "İzmir"})])
    (row,) = sqlite_store.sql("SELECT id, occurred_at, synthetic, detail FROM integration_events")
    assert row == (str(EVENT.id), "2026-11-24T10:15:00.000000Z", 1, '{"şehir":"İzmir"}')
    assert len(sqlite_store.sql("SELECT recorded_at FROM integration_events")[0][0]) == 27
    sqlite_store.sql(
        "INSERT INTO integration_events (id, occurred_at, provider, event, outcome, environment) VALUES"
        " ('00000000-0000-0000-0000-000000000009', '2026-11-20T10:00:00.000000Z', 'p', 'e', 'success', 'x')"
    )
    assert sqlite_store.sql("SELECT DISTINCT length(recorded_at) FROM integration_events") == [(27,)]


def test_the_questions_asked_most_are_answered_from_an_index(sqlite_store: Any) -> None:
    sqlite_store.log()
    for where in (
        "environment = 'p' AND provider = 'sendgrid' AND occurred_at >= 'x' ORDER BY occurred_at",
        "environment = 'p' AND json_extract(detail, '$.provider') = 's' AND provider = 'releaseguard'",
        "correlation_id = 'c'",
        "recorded_at > 'x'",
    ):
        plan = sqlite_store.sql(f"EXPLAIN QUERY PLAN SELECT * FROM integration_events WHERE {where}")
        assert all("SEARCH" in row[3] for row in plan), plan


def _lacks(store: Any, *names: str) -> Any:
    """A log whose table holds a row and lacks these indexes."""
    log = store.log()
    log.append([EVENT])
    for name in names:
        store.sql(f"DROP INDEX integration_events_{name}")
    return store.empty()


def test_indexes_of_a_table_with_rows_are_made_one_by_one_and_how_far_it_is_is_told(database: Any) -> None:
    told: list[Progress] = []
    assert _lacks(database, "recorded", "unreadable").migrate(told.append) == [
        "created index integration_events_recorded",
        "created index integration_events_unreadable",
    ]
    building = [progress for progress in told if progress.what != "rolling up"]
    assert "index integration_events_unreadable" in building[-1].what
    shares = [progress.share for progress in building if progress.share is not None]
    assert shares == sorted(shares)
    assert all(0 <= share < 1 for share in shares)


def test_a_migration_that_counts_a_log_says_so_and_the_next_has_nothing_to_do(
    database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rolling_in_sqlite, "MOST", 5)
    monkeypatch.setattr(sqlite_log, "MOST", 5)
    monkeypatch.setattr(rolling_in_postgres, "AT_ONCE", 5)
    log = database.log()
    log.append([replace(EVENT, id=UUID(int=n), occurred_at=EVENT.occurred_at + n * MINUTE) for n in range(1, 13)])
    assert log.migrate() == ["rolled up 12 minutes of events"]
    assert log.migrate() == []


def test_an_index_that_an_interrupted_build_left_broken_is_made_anew(postgres_store: Any) -> None:
    log = _lacks(postgres_store)
    postgres_store.sql(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'integration_events_recorded'::regclass"
    )
    (remark,) = [remark for remark in log.examine() if remark.about == "migration"]
    assert "it lacks integration_events_recorded" in remark.what
    assert log.migrate() == ["created index integration_events_recorded"]
    assert postgres_store.sql("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == [(0,)]
    assert log.migrate() == []


def test_the_app_goes_on_writing_while_an_index_waits_for_its_turn(postgres_store: Any) -> None:
    """A build that locks the table waits for whoever writes, and everybody after it waits too."""
    log = _lacks(postgres_store, "recorded")
    row = "INSERT INTO integration_events SELECT gen_random_uuid(), now(), now(), 'p', 'e', 'success', NULL, NULL, 'x'"
    with psycopg.connect(postgres_store.url) as busy, ThreadPoolExecutor(1) as pool:
        once = iter([row])
        built = pool.submit(log.migrate, lambda _: [busy.execute(statement) for statement in once])
        waits = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX%' AND wait_event_type = 'Lock'"
        while not postgres_store.sql(f"{waits} AND datname = current_database()"):
            assert not built.done()
        postgres_store.sql(f"SET lock_timeout = '2s'; {row}")
        busy.commit()
        assert built.result() == ["created index integration_events_recorded"]
