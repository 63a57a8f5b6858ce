"""The writer's own stores: what they append, the tool's logs read, in our tables and in the app's own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from releaseguard_events.configuration import Configuration
from releaseguard_events.errors import AccessDenied, ConfigError, NotFound, Unreachable
from releaseguard_events.event import OURSELVES, Event, Outcome
from releaseguard_events.opening import open_store
from releaseguard_events.stores import rest
from releaseguard_events.stores.fitting import NoColumn
from releaseguard_events.stores.interface import Store
from releaseguard_events.stores.table import EventTable
from tests.eventlog.test_contract import APPS, apps_table

NOW = datetime(2026, 11, 24, 10, 15, tzinfo=UTC)


def event(number: int = 0, **columns: Any) -> Event:
    known: dict[str, Any] = {
        "id": uuid4(),
        "occurred_at": NOW + timedelta(seconds=number),
        "provider": "sendgrid",
        "event": "sendgrid_email_sent",
        "outcome": Outcome.SUCCESS,
        "environment": "production",
        "error_code": "401",
        "latency_ms": 118,
        "release": "r1",
        "source": "web",
        "correlation_id": "c",
        "synthetic": True,
        "detail": {"secret_version": 7, "words": ["é", "\u2028"]},
    }
    return Event(**known | columns)


def dropped() -> Event:
    return event(9, provider=OURSELVES, event="events_dropped", outcome=Outcome.ERROR, detail={"dropped": 3})


def environ_of(store: Any) -> dict[str, str]:
    if store.kind == "sqlite":
        return {"RELEASEGUARD_EVENTS_URL": f"sqlite:///{store.path}"}
    if store.kind == "rest":
        return {"RELEASEGUARD_EVENTS_URL": store.project.url, "SUPABASE_SERVICE_ROLE_KEY": store.project.key}
    return {"RELEASEGUARD_EVENTS_URL": store.url}


def writers(store: Any, table: EventTable | None = None, **environ: str) -> Store:
    given = environ_of(store) | environ
    opened = open_store(Configuration(given["RELEASEGUARD_EVENTS_URL"], table or EventTable()), given)
    store._stack.callback(opened.close)
    return opened


def rows(store: Any, table: EventTable | None = None) -> list[Event]:
    from releaseguard.eventlog.interface import Query

    return [replace(row, recorded_at=None) for row in store.log(table).select(Query())]


def test_what_is_appended_is_read_and_a_repeat_changes_nothing(store: Any) -> None:
    store.log()
    written = [event(number) for number in range(3)] + [dropped()]
    opened = writers(store)
    for _ in range(2):
        opened.append(written)
        opened.append(written[1:])
    assert rows(store) == written


def test_many_rows_are_written_at_once(store: Any) -> None:
    store.log()
    opened = writers(store)
    opened.append([event(number) for number in range(rest.rest_rows.CHUNK + 1)])
    assert len(rows(store)) == rest.rest_rows.CHUNK + 1


def test_the_apps_own_table_is_appended_to_and_our_own_rows_kept_apart(store: Any) -> None:
    apps_table(store)
    store.log(APPS)
    writers(store, APPS).append([event(), dropped()])
    assert store.sql("SELECT count(*) FROM app_log") == [(1,)]
    assert store.sql("SELECT count(*) FROM guard_events") == [(1,)]
    (traffic, lost) = rows(store, APPS)
    assert (traffic.provider, traffic.correlation_id, traffic.detail["secret_version"]) == ("sendgrid", None, 7)
    assert lost.detail == {"dropped": 3}


def test_a_column_that_the_apps_table_turns_out_not_to_have_is_left_out(store: Any) -> None:
    apps_table(store)
    store.log(APPS)
    guessed = replace(APPS, columns={name: theirs for name, theirs in APPS.columns.items() if theirs})
    writers(store, guessed).append([event()])
    assert store.sql("SELECT count(*) FROM app_log") == [(1,)]


def test_a_table_in_another_schema_is_written_to(postgres_store: Any) -> None:
    postgres_store.sql("CREATE SCHEMA other")
    table = EventTable(table="other.events")
    postgres_store.log(table)
    writers(postgres_store, table).append([event()])
    assert postgres_store.sql("SELECT count(*) FROM other.events") == [(1,)]


def test_a_row_that_the_table_refuses_is_told_from_a_store_that_is_away(store: Any) -> None:
    store.log()
    if store.kind == "sqlite":
        store.sql("CREATE TRIGGER no BEFORE INSERT ON integration_events WHEN NEW.provider = 'bad'"
                  " BEGIN SELECT RAISE(ABORT, 'not these'); END")  # fmt: skip
    else:
        store.sql("ALTER TABLE integration_events ADD CHECK (provider <> 'bad')")
    opened = writers(store)
    with pytest.raises(ConfigError):
        opened.append([event(provider="bad")])
    opened.append([good := event()])
    assert rows(store) == [good]


def test_without_the_table_it_is_named(store: Any) -> None:
    store.log().close()
    store.sql("ALTER TABLE integration_events RENAME TO gone")
    with pytest.raises(ConfigError, match="there is no table integration_events"):
        writers(store).append([event()])


def test_without_a_column_of_ours_it_is_named(store: Any) -> None:
    store.log().close()
    store.sql("ALTER TABLE integration_events RENAME COLUMN source TO origin")
    with pytest.raises(NoColumn, match="source"):
        writers(store).append([event()])


def test_a_new_key_takes_over_where_the_old_one_is_refused(rest_store: Any) -> None:
    rest_store.log()
    opened = writers(rest_store, SUPABASE_SERVICE_ROLE_KEY="old", SUPABASE_SERVICE_ROLE_KEY_NEW=rest_store.project.key)
    opened.append([first := event()])
    opened.append([second := event(1)])
    assert rows(rest_store) == [first, second]


@pytest.mark.parametrize("key", ["wrong", "two\nlines", "é"])
def test_a_key_that_is_refused_or_cannot_be_sent_is_not_repeated(rest_store: Any, key: str) -> None:
    rest_store.log()
    with pytest.raises(AccessDenied) as caught:
        writers(rest_store, SUPABASE_SERVICE_ROLE_KEY=key).append([event()])
    assert key not in str(caught.value)


def test_without_a_key_it_says_which_variable() -> None:
    with pytest.raises(ConfigError, match="SUPABASE_SERVICE_ROLE_KEY"):
        open_store(Configuration("https://127.0.0.1:1"), {})


@pytest.mark.parametrize("url", ["mysql://h/d", "", "file.db"])
def test_another_kind_of_store_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="none of a store's"):
        open_store(Configuration(url), {})


def test_a_database_that_is_not_there_or_takes_no_connection(postgres_store: Any) -> None:
    url = postgres_store.url.rpartition("/")[0]
    with pytest.raises(NotFound):
        writers(postgres_store, RELEASEGUARD_EVENTS_URL=f"{url}/nowhere").append([event()])
    with pytest.raises(Unreachable):
        writers(postgres_store, RELEASEGUARD_EVENTS_URL="postgresql://u@127.0.0.1:1/d").append([event()])
