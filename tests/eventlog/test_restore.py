"""Rows that were recorded elsewhere keep when, in every store that can hold that; and only its owner says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import make_conninfo

from releaseguard.errors import AccessDenied, ConfigError
from releaseguard.eventlog.interface import Query
from releaseguard.eventlog.stores import tables
from releaseguard.eventlog.stores.postgres import PostgresEventLog
from releaseguard.model import Event, Outcome, new_id
from releaseguard.secret import Secret
from releaseguard_events.pipeline import jsonl
from releaseguard_events.stores.table import EventTable
from tests.eventlog.conftest import PostgresStore
from tests.support.commands import Commands

NOON = datetime(2026, 10, 24, 12, 0, tzinfo=UTC)
LAG = timedelta(seconds=3)


def events(number: int = 3) -> list[Event]:
    plain = {"provider": "sendgrid", "event": "sendgrid_email_sent", "environment": "production"}
    times = [NOON + timedelta(minutes=minute) for minute in range(number)]
    return [
        Event(id=new_id(), occurred_at=at, recorded_at=at + LAG, outcome=Outcome.SUCCESS, detail={"n": 1}, **plain)
        for at in times
    ]


@pytest.fixture(params=["sqlite_store", "postgres_store"])
def keeper(request: pytest.FixtureRequest) -> Any:
    """The stores that can; of the third see below."""
    return request.getfixturevalue(request.param)


def test_rows_keep_when_they_were_recorded(keeper: Any) -> None:
    log, written = keeper.log(), events()
    assert log.restore(iter(written)) == 3
    assert list(log.select(Query())) == written
    assert list(log.select(Query(recorded_until=NOON + LAG))) == written[:1]


def test_twice_is_once_and_what_is_there_stays(keeper: Any) -> None:
    log, written = keeper.log(), events()
    log.restore(written[:2])
    changed = [replace(one, detail={"n": 2}, recorded_at=NOON - LAG) for one in written]
    assert log.restore(changed) == 1
    assert list(log.select(Query())) == [*written[:2], changed[2]]


def test_a_row_that_does_not_say_gets_the_stores_time(keeper: Any) -> None:
    log = keeper.log()
    before = log.now()
    log.restore([replace(events(1)[0], recorded_at=None)])
    (found,) = log.select(Query())
    assert found.recorded_at is not None
    assert found.recorded_at >= before


def test_a_stream_is_written_as_it_comes(keeper: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "RESTORED_AT_ONCE", 2)
    log, written = keeper.log(), events(5)

    def stream() -> Iterator[Event]:
        yield from written
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="gone"):
        log.restore(stream())
    assert list(log.select(Query())) == written[:4]


def test_a_table_without_the_column_takes_them_without_it(keeper: Any) -> None:
    log = keeper.empty(EventTable(columns={"recorded_at": False}))
    keeper.migrate(keeper.empty())
    assert log.restore(events(1)) == 1
    assert [one.recorded_at for one in log.select(Query())] == [None]


def test_a_history_is_imported_into_postgres_by_the_owner(postgres_store: PostgresStore, tmp_path: Path) -> None:
    log, written = postgres_store.log(), events()
    (tmp_path / "events.jsonl").write_text("".join(map(jsonl.line, written)))
    cli = Commands(tmp_path, {"RELEASEGUARD_EVENTS_URL": postgres_store.url})
    done = [cli.run("events", "import", "events.jsonl", "--json") for _ in range(2)]
    assert [one.json["new"] for one in done] == [3, 0], done[0].everything
    assert [(one.id, one.recorded_at) for one in log.select(Query())] == [(one.id, one.recorded_at) for one in written]


def test_over_rest_it_is_refused_with_the_way_out(rest_store: Any) -> None:
    log = rest_store.log()
    with pytest.raises(ConfigError) as refused:
        log.restore(events())
    assert "--config owner.toml" in str(refused.value.next_step)
    assert list(log.select(Query())) == []


def test_who_may_only_append_does_not_date_rows_back(postgres_store: PostgresStore) -> None:
    log = postgres_store.log()
    postgres_store.sql("DO $$ BEGIN CREATE ROLE appender LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    postgres_store.sql("GRANT SELECT, INSERT ON integration_events TO appender")
    with PostgresEventLog(Secret(make_conninfo(postgres_store.url, user="appender"))) as theirs:
        with pytest.raises(AccessDenied) as refused:
            theirs.restore(events())
        theirs.append([replace(one, recorded_at=None) for one in events(1)])
    assert "owner" in str(refused.value)
    assert "--config owner.toml" in str(refused.value.next_step)
    assert len(list(log.select(Query()))) == 1
