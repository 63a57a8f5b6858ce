"""What a store says of itself when it is looked at by reading alone: shape, costs, migrations, and appending."""

from __future__ import annotations

import base64
import json
import os

import pytest

from releaseguard.errors import ConfigError, ReleaseguardError
from releaseguard.eventlog.interface import COSTS
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import Event, Outcome, Remark, Standing, new_id, utc_now
from releaseguard.secret import Secret
from releaseguard.services.supabase.event_log import SupabaseEventLog
from releaseguard_events.stores.table import COLUMNS, NEEDED, EventTable
from tests.eventlog.conftest import PostgresStore, RestStore, SqliteStore, Store


def looked(log) -> dict[str, Remark]:
    return {remark.about: remark for remark in log.examine()}


def bad(log) -> dict[str, Remark]:
    return {about: remark for about, remark in looked(log).items() if remark.standing is not Standing.OK}


def event() -> Event:
    moment = utc_now()
    return Event(
        id=new_id(), occurred_at=moment, provider="x", event="x_ok", outcome=Outcome.SUCCESS, environment="production"
    )


APPS = EventTable(table="logs", columns={"occurred_at": "at", "event": "name"}, results_table="releaseguard_events")


def app_table(store: Store, *missing: str) -> None:
    kinds = {"sqlite": ("TEXT", "TEXT", "INTEGER", "INTEGER", "TEXT")}.get(
        store.kind, ("uuid", "timestamptz", "boolean", "integer", "jsonb")
    )
    ids, times, flags, numbers, objects = kinds
    types = {"id": ids, "occurred_at": times, "recorded_at": times, "synthetic": flags, "latency_ms": numbers}
    names = {"occurred_at": "at", "event": "name"}
    columns = [
        f"{names.get(name, name)} {types.get(name, objects if name == 'detail' else 'text')}"
        for name in COLUMNS
        if name not in missing
    ]
    store.sql(f"CREATE TABLE logs ({', '.join(columns)})")


def test_a_migrated_table_has_nothing_to_complain_of(store):
    found = looked(store.log())
    assert {remark.standing for remark in found.values()} == {Standing.OK}
    assert "can be appended" in found["append"].what


def test_looking_writes_nothing_and_appending_is_known_without_a_row(store):
    log = store.log()
    log.append([event()])
    before = store.sql("SELECT * FROM integration_events")
    assert not bad(log)
    assert store.sql("SELECT * FROM integration_events") == before


def test_a_table_that_nobody_has_made_is_an_error_or_made_with_the_first_use(store):
    log = store.empty()
    if store.kind == "sqlite":
        assert not bad(log)
        assert not store.path.exists()
        return
    with pytest.raises(ConfigError, match="no table") as error:
        list(log.examine())
    assert "events migrate" in error.value.next_step


@pytest.mark.parametrize("column", [name for name in COLUMNS if name not in NEEDED])
def test_each_column_that_the_apps_table_has_not_is_told_with_what_it_costs(store, column):
    app_table(store, column)
    log = store.empty(APPS)
    with_table = store.log(EventTable(table="releaseguard_events"))
    with_table.close()
    found = bad(log)
    assert list(found) == [f"logs.{column}"]
    assert found[f"logs.{column}"].standing is Standing.WARN
    assert COSTS[column] in found[f"logs.{column}"].what
    assert "[events.columns]" in found[f"logs.{column}"].fix


def test_a_column_that_is_mapped_away_costs_the_same(store):
    app_table(store, "synthetic", "release")
    store.log(EventTable(table="releaseguard_events")).close()
    log = store.empty(
        EventTable(table="logs", columns={**APPS.columns, "synthetic": False}, results_table="releaseguard_events")
    )
    assert set(bad(log)) == {"logs.synthetic", "logs.release"}


def test_columns_without_which_no_row_can_be_read_are_problems(store):
    app_table(store, "provider")
    store.log(EventTable(table="releaseguard_events")).close()
    found = bad(store.empty(APPS))
    assert found["logs.provider"].standing is Standing.FAIL


def test_a_mapping_to_a_column_that_is_not_there_is_a_problem(store):
    app_table(store)
    store.log(EventTable(table="releaseguard_events")).close()
    log = store.empty(
        EventTable(table="logs", columns={**APPS.columns, "release": "relase"}, results_table="releaseguard_events")
    )
    assert bad(log)["logs.release"].standing is Standing.FAIL
    assert "relase" in bad(log)["logs.release"].what


def test_a_table_that_cannot_hold_our_rows_says_what_helps(store):
    app_table(store)
    log = store.empty(EventTable(table="logs", columns={**APPS.columns, "detail": False}))
    assert "results_table" in bad(log)["own_rows"].fix


def test_a_pending_migration_is_told(store):
    log = store.log()
    store.sql("DELETE FROM integration_events_schema")
    found = bad(log)
    assert list(found) == ["migration"]
    assert "events migrate" in found["migration"].fix


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_an_index_that_is_gone_is_a_pending_migration(kind, request):
    store = request.getfixturevalue(f"{kind}_store")
    log = store.log()
    store.sql("DROP INDEX integration_events_lane")
    assert "integration_events_lane" in bad(log)["migration"].what


def test_a_file_at_rest_is_read_without_any_trace(sqlite_store: SqliteStore):
    sqlite_store.log().close()
    there = sorted(sqlite_store.path.parent.iterdir())
    stamp = sqlite_store.path.stat()
    assert not bad(sqlite_store.empty())
    assert sorted(sqlite_store.path.parent.iterdir()) == there
    assert sqlite_store.path.stat().st_mtime_ns == stamp.st_mtime_ns


def test_what_is_not_a_database_is_said_to_be_none(sqlite_store: SqliteStore):
    sqlite_store.path.write_text("no database at all, but long enough to be taken for one" * 20)
    with pytest.raises(ConfigError, match="not a SQLite database"):
        list(sqlite_store.empty().examine())


def test_a_directory_that_is_not_there_is_named(tmp_path):
    with SqliteEventLog(tmp_path / "missing" / "x.db") as log, pytest.raises(ConfigError, match="does not exist"):
        list(log.examine())
    assert not (tmp_path / "missing").exists()


@pytest.mark.parametrize("made", [True, False])
def test_a_file_that_may_not_be_written_cannot_be_appended_to(sqlite_store: SqliteStore, made, monkeypatch):
    if made:
        sqlite_store.log().close()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert bad(sqlite_store.empty())["append"].standing is Standing.FAIL


def test_a_role_without_the_right_to_append_is_found_out_by_the_catalogue(postgres_store: PostgresStore):
    postgres_store.log().close()
    postgres_store.sql("CREATE ROLE examined LOGIN")
    try:
        postgres_store.sql("GRANT SELECT ON integration_events TO examined")
        log = _as("examined", postgres_store)
        assert "INSERT" in bad(log)["append"].what
        postgres_store.sql("GRANT INSERT ON integration_events TO examined")
        assert not bad(_as("examined", postgres_store))
        postgres_store.sql("ALTER TABLE integration_events ENABLE ROW LEVEL SECURITY")
        assert "policy" in bad(_as("examined", postgres_store))["append"].what
        postgres_store.sql("CREATE POLICY all_of_it ON integration_events FOR INSERT TO examined WITH CHECK (true)")
        assert "append" not in bad(_as("examined", postgres_store))
        postgres_store.sql("REVOKE SELECT ON integration_events FROM examined")
        assert bad(_as("examined", postgres_store))["read"].standing is Standing.FAIL
    finally:
        postgres_store.sql("DROP OWNED BY examined")
        postgres_store.sql("DROP ROLE examined")


def _as(role: str, store: PostgresStore):
    from releaseguard.eventlog.stores.postgres import PostgresEventLog

    log = PostgresEventLog(Secret(store.url.replace("postgres@", f"{role}@", 1)))
    store._stack.callback(log.close)
    return log


def test_a_table_that_everybody_with_the_public_key_reads_is_a_problem(postgres_store: PostgresStore):
    log = postgres_store.log()
    postgres_store.sql("CREATE ROLE anon")
    try:
        assert "row_security" not in bad(log)
        postgres_store.sql("GRANT SELECT ON integration_events TO anon")
        assert bad(log)["row_security"].standing is Standing.FAIL
        postgres_store.sql("ALTER TABLE integration_events ENABLE ROW LEVEL SECURITY")
        assert "row_security" not in bad(log)
    finally:
        postgres_store.sql("DROP OWNED BY anon")
        postgres_store.sql("DROP ROLE anon")


EVERYBODYS = "CREATE POLICY p ON integration_events FOR INSERT WITH CHECK ({})"


def test_a_table_into_which_everybody_inserts_is_a_problem_whatever_the_policy_is_called(postgres_store: PostgresStore):
    log = postgres_store.log()
    postgres_store.sql("CREATE ROLE anon; ALTER TABLE integration_events ENABLE ROW LEVEL SECURITY")
    try:
        postgres_store.sql("GRANT INSERT ON integration_events TO anon")
        assert "forgeable" not in bad(log), "no policy lets it"
        postgres_store.sql(EVERYBODYS.format("environment = 'x'"))
        assert "forgeable" not in bad(log), "what a policy asks is its author's"
        postgres_store.sql("DROP POLICY p ON integration_events;" + EVERYBODYS.format("true"))
        assert "anon may insert" in bad(log)["forgeable"].what
        postgres_store.sql("ALTER POLICY p ON integration_events TO postgres")
        assert "forgeable" not in bad(log)
        postgres_store.sql("ALTER TABLE integration_events DISABLE ROW LEVEL SECURITY")
        assert "forgeable" in bad(log)
        postgres_store.sql("REVOKE INSERT ON integration_events FROM anon")
        assert "forgeable" not in bad(log)
    finally:
        postgres_store.sql("DROP OWNED BY anon")
        postgres_store.sql("DROP ROLE anon")


def test_a_column_of_the_wrong_type_is_a_problem(postgres_store: PostgresStore):
    log = postgres_store.log()
    postgres_store.sql("DROP VIEW integration_events_by_minute")
    postgres_store.sql("ALTER TABLE integration_events ALTER COLUMN latency_ms TYPE text")
    assert bad(log)["integration_events.latency_ms"].standing is Standing.FAIL


def token(role: str) -> str:
    payload = base64.urlsafe_b64encode(json.dumps({"role": role}).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJIUzI1NiJ9.{payload}.c2lnbmVk"


@pytest.mark.parametrize("key", [token("anon"), token("authenticated"), "sb_publishable_0123456789"])
def test_the_public_key_in_place_of_the_service_roles_is_found_out(rest_store: RestStore, key):
    """With it every answer is 200 and empty."""
    with SupabaseEventLog(rest_store.project.url, Secret(key)) as log:
        assert "public one" in bad(log)["key"].what
    assert rest_store.project.requests == []


@pytest.mark.parametrize("key", [token("service_role"), "sb_secret_0123456789"])
def test_the_service_roles_key_is_taken_for_what_it_is(rest_store: RestStore, key):
    rest_store.log().close()
    rest_store.project.more_keys.add(key)
    with SupabaseEventLog(rest_store.project.url, Secret(key)) as log:
        assert not bad(log)


def test_a_key_that_may_not_append_is_found_out_by_the_interfaces_own_description(rest_store: RestStore):
    log = rest_store.log()
    rest_store.project.read_only = True
    assert bad(log)["append"].standing is Standing.FAIL


def test_rows_that_the_public_key_reads_are_a_problem(rest_store: RestStore):
    log = rest_store.log()
    public = Secret(rest_store.project.public_key)
    assert "no rows yet" in log.exposed(public).what
    log.append([event()])
    assert log.exposed(public).standing is Standing.OK
    rest_store.project.secured = False
    assert log.exposed(public).standing is Standing.FAIL


def test_a_key_that_is_refused_is_an_error_of_the_store(rest_store: RestStore):
    with (
        SupabaseEventLog(rest_store.project.url, Secret("wrong")) as log,
        pytest.raises(ReleaseguardError, match="refused"),
    ):
        list(log.examine())
