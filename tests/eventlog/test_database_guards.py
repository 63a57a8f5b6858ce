"""What Postgres enforces by itself: who reads, and what nobody changes. Role by role, action by action."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from releaseguard.audit.chain import ChainKey, Draft, seal
from releaseguard.errors import AccessDenied, ConfigError
from releaseguard.eventlog.interface import Query
from releaseguard.eventlog.schema import access, guards
from releaseguard.eventlog.schema import postgres as schema
from releaseguard.eventlog.stores import postgres_migration
from releaseguard.model import Event, Outcome, Standing, new_id
from releaseguard_events.stores.table import EventTable
from tests.eventlog.conftest import PostgresStore
from tests.support import postgres
from tests.support.extent import examples

T0 = datetime(2026, 11, 24, 10, 15, tzinfo=UTC)
USE = Event(
    id=new_id(),
    occurred_at=T0,
    provider="sendgrid",
    event="sendgrid_email_sent",
    outcome=Outcome.SUCCESS,
    environment="production",
)
ROLES = "anon", "authenticated", "service_role BYPASSRLS"
JWT = """
CREATE SCHEMA auth;
CREATE FUNCTION auth.jwt() RETURNS jsonb LANGUAGE sql STABLE
  AS $$ SELECT coalesce(current_setting('request.jwt.claims', true), '{}')::jsonb $$;
GRANT USAGE ON SCHEMA auth TO authenticated;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO anon, authenticated, service_role;
"""
"""What a Supabase project brings along besides its roles, default privileges included."""
ADMIN = {"app_metadata": {"role": "admin"}}
NO_ADMINS = [{}, {"app_metadata": {"role": "user"}}, {"role": "admin"}, {"user_metadata": {"role": "admin"}}]


def make_roles(store: PostgresStore) -> None:
    for role in ROLES:
        store.sql(f"DO $$ BEGIN CREATE ROLE {role}; EXCEPTION WHEN duplicate_object THEN NULL; END $$")


@pytest.fixture(scope="module")
def supabase() -> Iterator[postgres.Cluster]:
    """A cluster of its own: roles are those of all its databases."""
    with postgres.cluster() as running:
        yield running


@pytest.fixture(scope="module", params=["callers_view", "view_below_15"])
def project(request: pytest.FixtureRequest, supabase: postgres.Cluster) -> Iterator[PostgresStore]:
    """A Supabase project with a use and a chain in its log, and a role of the app's that was granted everything."""
    with ExitStack() as stack:
        store = PostgresStore(stack, supabase.new_database())
        make_roles(store)
        store.sql(JWT)
        log = store.log()
        if request.param == "view_below_15":
            store.sql("DROP VIEW integration_events_by_minute")
            store.sql(log.schema_sql().replace(">= 150000", ">= 990000"))
        log.append([USE])
        log.append_exclusively(
            seal(ChainKey("sendgrid", "production"), None, [Draft("rotation_planned", {})], **ROTATION)
        )
        store.sql("DO $$ BEGIN CREATE ROLE app; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
        store.sql("GRANT ALL ON integration_events TO app")
        store.sql("CREATE POLICY apps ON integration_events TO app USING (true) WITH CHECK (true)")
        yield store


ROTATION: dict[str, Any] = {"occurred_at": T0, "source": "test"}


def result_of(store: PostgresStore, role: str, statement: str, claims: Any = None) -> Any:
    """``refused``, what it returned, or how many rows it changed. Nothing of it stays."""
    with psycopg.connect(store.url) as connection:
        connection.execute("SELECT set_config('request.jwt.claims', %s, true)", [json.dumps(claims or {})])
        if role != "owner":
            connection.execute(f"SET LOCAL ROLE {role}")
        try:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else max(cursor.rowcount, 0)
        except psycopg.errors.InsufficientPrivilege:
            return "refused"
        finally:
            connection.rollback()


INSERT = (
    "INSERT INTO integration_events (id, occurred_at, provider, event, outcome, environment) VALUES"
    " (gen_random_uuid(), now(), '{}', 'x', 'success', 'production')"
)
OURS, THEIRS = "provider = 'releaseguard'", "provider <> 'releaseguard'"
ACTIONS = {
    "read a use": f"SELECT 1 FROM integration_events WHERE {THEIRS}",
    "read a chain": f"SELECT 1 FROM integration_events WHERE {OURS}",
    "read by minute": f"SELECT 1 FROM integration_events_by_minute WHERE {THEIRS}",
    "insert": INSERT.format("sendgrid"),
    "change a use": f"UPDATE integration_events SET outcome = 'error' WHERE {THEIRS}",
    "make a use ours": f"UPDATE integration_events SET provider = 'releaseguard' WHERE {THEIRS}",
    "delete a use": f"DELETE FROM integration_events WHERE {THEIRS}",
    "change a chain": f"UPDATE integration_events SET recorded_at = '2020-01-01' WHERE {OURS}",
    "make ours a use": f"UPDATE integration_events SET provider = 'x' WHERE {OURS}",
    "overwrite a chain": "INSERT INTO integration_events SELECT * FROM integration_events ON CONFLICT (id)"
    " DO UPDATE SET detail = '{}'",
    "delete a chain": f"DELETE FROM integration_events WHERE {OURS}",
    "delete everything": "DELETE FROM integration_events",
    "empty the table": "TRUNCATE integration_events",
    "take the version": "INSERT INTO integration_events_schema VALUES (99)",
    "switch the guards off": "ALTER TABLE integration_events DISABLE TRIGGER ALL",
}
READ, NONE, NO = [(1,)], [], "refused"
#                   a use, a chain, minute; insert; change, make ours, delete; change, unmake, overwrite, delete, all,
#                   empty; version, switch off
EXPECTED: dict[str, list[Any]] = {
    "anon": [NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO],
    "authenticated": [NONE, NONE, NONE, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO],
    "admin": [READ, READ, READ, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO],
    "service_role": [READ, READ, READ, 1, NO, NO, 1, NO, NO, NO, NO, NO, NO, NO, NO],
    "app": [READ, READ, NO, 1, 1, NO, 1, NO, NO, NO, NO, NO, NO, NO, NO],
    "owner": [READ, READ, READ, 1, 1, NO, 1, NO, NO, NO, NO, NO, NO, 1, 0],
}


@pytest.mark.parametrize(
    ("who", "action", "expected"),
    [(who, action, expected[n]) for who, expected in EXPECTED.items() for n, action in enumerate(ACTIONS)],
)
def test_what_each_role_can_do(project: PostgresStore, who: str, action: str, expected: Any) -> None:
    role, claims = ("authenticated", ADMIN) if who == "admin" else (who, ADMIN if who == "anon" else {})
    assert result_of(project, role, ACTIONS[action], claims) == expected


@pytest.mark.parametrize("claims", NO_ADMINS)
def test_a_signed_in_user_who_is_no_admin_sees_nothing(project: PostgresStore, claims: Any) -> None:
    for table in ("integration_events", "integration_events_by_minute", "integration_events_panel_24h"):
        assert result_of(project, "authenticated", f"SELECT * FROM {table}", claims) == []


def test_the_panel_is_for_admins_and_the_service_role(project: PostgresStore) -> None:
    project.sql(INSERT.format("sendgrid"))
    for asked in ("integration_events_panel_24h", "integration_events_panel(1)"):
        question = f"SELECT 1 FROM {asked} WHERE provider = 'sendgrid'"
        assert result_of(project, "anon", question) == NO
        assert result_of(project, "authenticated", question) == NONE
        assert result_of(project, "authenticated", question, ADMIN) == READ
        assert result_of(project, "service_role", question) == READ
    project.sql(f"DELETE FROM integration_events WHERE {THEIRS} AND id <> '{USE.id}'")


def test_nothing_that_the_migration_makes_is_open_to_users_but_what_is_named_here(project: PostgresStore) -> None:
    """A project's default privileges open every new table, sequence and function to everybody."""
    found = project.sql(
        "SELECT name, privilege_type FROM (SELECT relname AS name, relacl AS acl FROM pg_class"
        " UNION ALL SELECT proname, proacl FROM pg_proc WHERE prorettype <> 'trigger'::regtype) AS made,"
        " aclexplode(acl) AS held WHERE name LIKE 'integration%'"
        " AND (grantee = 0 OR grantee::regrole::text IN ('anon', 'authenticated')) ORDER BY 1"
    )
    assert [*found] == [
        ("integration_events", "SELECT"),
        ("integration_events_by_minute", "SELECT"),
        ("integration_events_from_client", "EXECUTE"),
        ("integration_events_panel", "EXECUTE"),
        ("integration_events_panel_24h", "SELECT"),
    ]


def test_a_condition_of_the_callers_is_shown_no_row_that_the_caller_may_not_see(project: PostgresStore) -> None:
    """A function that costs nothing would otherwise be asked before the view's own condition."""
    project.sql(
        "CREATE OR REPLACE FUNCTION public.peek(text) RETURNS boolean COST 0.0000001 LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'seen: %', $1; END $$"
    )
    assert result_of(project, "authenticated", "SELECT * FROM integration_events_by_minute WHERE peek(provider)") == []


def recorded(store: PostgresStore, role: str, said: str, before: str = "") -> datetime:
    """What became of a ``recorded_at`` that somebody wrote."""
    with psycopg.connect(store.url) as connection:
        connection.execute("SET LOCAL TimeZone = 'UTC'")
        if before:
            connection.execute(before)
        if role != "owner":
            connection.execute(f"SET LOCAL ROLE {role}")
        row = connection.execute(
            "INSERT INTO integration_events (id, occurred_at, recorded_at, provider, event, outcome, environment)"
            " VALUES (gen_random_uuid(), now(), %s, 'releaseguard', 'x', 'success', 'production')"
            " RETURNING recorded_at",
            [said],
        ).fetchone()
        connection.rollback()
        assert row
        return row[0].replace(tzinfo=UTC)


FORGED = ["2020-01-01", "2999-01-01", "infinity", "-infinity", None]


@pytest.mark.parametrize("role", ["service_role", "app"])
@pytest.mark.parametrize("said", FORGED)
def test_a_time_of_recording_that_an_app_or_the_interface_writes_is_the_stores(project, role, said) -> None:
    assert abs(recorded(project, role, said) - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize("said", FORGED[1:])
def test_the_owner_cannot_record_what_is_still_to_come_nor_what_is_no_time(project, said) -> None:
    assert abs(recorded(project, "owner", said) - datetime.now(UTC)) < timedelta(minutes=1)


def test_the_owner_keeps_the_times_of_a_history(project) -> None:
    assert recorded(project, "owner", "2020-01-01") == datetime(2020, 1, 1, tzinfo=UTC)


def test_a_function_with_its_owners_rights_does_not_lend_the_owners_right_to_keep_a_time(project) -> None:
    project.sql(
        "CREATE OR REPLACE FUNCTION public.log_it(at timestamptz) RETURNS timestamptz LANGUAGE sql SECURITY DEFINER AS"
        " $$ INSERT INTO integration_events (id, occurred_at, recorded_at, provider, event, outcome, environment)"
        " VALUES (gen_random_uuid(), now(), at, 'sendgrid', 'x', 'success', 'production') RETURNING recorded_at $$"
    )
    project.sql("DO $$ BEGIN CREATE ROLE authenticator LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    project.sql("GRANT service_role TO authenticator")
    with psycopg.connect(project.url.replace("postgres@", "authenticator@", 1)) as connection:
        connection.execute("SET LOCAL ROLE service_role")
        (at,) = connection.execute("SELECT log_it('2020-01-01')").fetchone() or (None,)
        connection.rollback()
    assert at.year >= 2026


def test_functions_of_the_callers_take_the_place_of_none_of_ours(project) -> None:
    """Nor types: temporary ones are looked for first unless a function says where to look."""
    tricks = """
      CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO app;
      CREATE FUNCTION evil.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$ SELECT timestamptz '2020-01-01' $$;
      CREATE FUNCTION evil.pg_has_role(name, oid, text) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;
      CREATE DOMAIN pg_temp.jsonb AS text; GRANT ALL ON DOMAIN pg_temp.jsonb TO app;
      SET LOCAL search_path = evil, pg_catalog, public"""
    assert recorded(project, "app", "2020-01-01", tricks).year >= 2026


def test_an_update_by_an_app_leaves_the_time_of_recording_as_it_is(project) -> None:
    change = f"UPDATE integration_events SET recorded_at = '2020-01-01' WHERE id = '{USE.id}' RETURNING recorded_at"
    ((at,),) = result_of(project, "app", change)
    assert at.year >= 2026
    ((at,),) = result_of(project, "owner", change)
    assert at.year == 2020


@pytest.mark.parametrize("kept", [{}, {"a": 1}, {"metin": 'İzmir "x" \\ \u2028', "b": [1, {"c": None}]}])
@pytest.mark.parametrize("times", [0, 1])
def test_a_json_text_of_an_object_is_that_object(project, kept, times) -> None:
    text = json.dumps(kept) if not times else json.dumps(json.dumps(kept))
    assert detail(project, text) == kept


def test_no_detail_is_the_empty_object(project) -> None:
    assert detail(project, None) == {}


def detail(store: PostgresStore, text: str | None) -> Any:
    with psycopg.connect(store.url) as connection:
        row = connection.execute(
            "INSERT INTO integration_events (id, occurred_at, provider, event, outcome, environment, detail) VALUES"
            " (gen_random_uuid(), now(), 'sendgrid', 'x', 'success', 'production', %s) RETURNING detail",
            [text],
        ).fetchone()
        connection.rollback()
        assert row
        return row[0]


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('ab\\" {', max_size=3), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=examples(60))
@given(value=_JSON)
def test_whatever_is_no_object_is_refused_and_what_is_one_is_kept(project, value) -> None:
    with psycopg.connect(project.url) as connection:
        try:
            stored = detail_in(connection, json.dumps(value))
        except psycopg.errors.CheckViolation:
            stored = None
        connection.rollback()
    assert stored == (value if isinstance(value, dict) else object_in(value))


def object_in(value: Any) -> Any:
    try:
        inner = json.loads(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return inner if isinstance(inner, dict) else None


def detail_in(connection: psycopg.Connection[Any], text: str) -> Any:
    row = connection.execute(
        "INSERT INTO integration_events (id, occurred_at, provider, event, outcome, environment, detail) VALUES"
        " (gen_random_uuid(), now(), 'sendgrid', 'x', 'success', 'production', %s) RETURNING detail",
        [text],
    ).fetchone()
    return row and row[0]


PARTS = ["role anon", "role authenticated", "role service_role", "function auth.jwt()"]


@pytest.fixture
def bare_cluster() -> Iterator[postgres.Cluster]:
    with postgres.cluster() as running:
        yield running


def test_where_only_some_of_supabase_is_there_nothing_is_made_and_what_is_missing_is_said(bare_cluster) -> None:
    with ExitStack() as stack:
        made: list[str] = []
        for part in ["role anon", "role authenticated", "role service_role"]:
            store = PostgresStore(stack, bare_cluster.new_database())
            store.sql(f"CREATE {part}")
            made.append(part)
            missing = [one for one in PARTS if one not in made]
            _stops(store, missing)
        store.sql(JWT)
        store.sql("DROP OWNED BY anon")
        store.sql("DROP ROLE anon")
        _stops(store, ["role anon"])
        store.sql("CREATE ROLE anon")
        assert "created table integration_events" in store.empty().migrate()


def _stops(store: PostgresStore, missing: list[str]) -> None:
    log = store.empty()
    with pytest.raises(ConfigError) as stopped:
        log.migrate()
    assert stopped.value.what.endswith(f"and not: {', '.join(missing)}")
    assert "migrate again" in (stopped.value.next_step or "")
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="and not: " + missing[0]):
        store.sql(log.schema_sql())
    _goes_on_after_errors(store, log.schema_sql())
    assert store.sql("SELECT relname FROM pg_class WHERE relname LIKE 'integration_events%'") == []


def _goes_on_after_errors(store: PostgresStore, script: str) -> None:
    """As ``psql`` does unless it is told to stop."""
    with psycopg.connect(store.url, autocommit=True) as connection:
        for statement in script.split(";\n\n"):
            try:
                connection.execute(statement)
            except psycopg.Error:
                continue


def test_on_a_plain_postgres_the_apps_writers_are_not_locked_out(postgres_store: PostgresStore) -> None:
    postgres_store.log()
    assert postgres_store.sql("SELECT relrowsecurity FROM pg_class WHERE relname = 'integration_events'") == [(False,)]


def as_before_the_guards(table: str) -> list[str]:
    """The table as version 1 made it."""
    kept = {*guards.create(table), access.refuse_half()}
    return [statement for statement in schema.create(table) if statement not in kept]


def test_a_table_of_the_version_before_is_guarded_without_being_rewritten(postgres_store: PostgresStore) -> None:
    store = postgres_store
    for statement in as_before_the_guards("integration_events"):
        store.sql(statement)
    broken = INSERT.replace("environment)", "environment, detail)").replace("'production')", "'production', '[1]')")
    store.sql(broken.format("sendgrid"))
    store.sql(INSERT.format("releaseguard"))
    log = store.empty()
    assert {remark.about for remark in log.examine() if remark.standing is Standing.FAIL} == {"guards"}
    file = store.sql("SELECT relfilenode FROM pg_class WHERE relname = 'integration_events'")
    assert "created trigger integration_events_keep_deleted" in log.migrate()
    assert log.migrate() == []
    assert store.sql("SELECT relfilenode FROM pg_class WHERE relname = 'integration_events'") == file
    assert store.sql("SELECT count(*) FROM integration_events") == [(2,)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        store.sql("DELETE FROM integration_events")
    with pytest.raises(psycopg.errors.CheckViolation):
        store.sql(broken.format("sendgrid"))


def test_a_migration_does_not_wait_for_long_while_everybody_waits_behind_it(postgres_store, monkeypatch) -> None:
    log = postgres_store.log()
    monkeypatch.setattr(schema, "LOCK_TIMEOUT", "SET LOCAL lock_timeout = '50ms'")
    monkeypatch.setattr(postgres_migration, "TRIES", (0.0,))
    with psycopg.connect(postgres_store.url) as reader:
        reader.execute("SELECT * FROM integration_events")
        with pytest.raises(Exception, match="lock timeout"):
            log.migrate()
        assert log.migrate(lambda _: reader.commit()) == []


def test_the_table_of_our_own_results_is_guarded_as_well(postgres_store: PostgresStore) -> None:
    postgres_store.sql("CREATE TABLE theirs (a text)")
    table = EventTable(table="theirs", columns={"event": "a"}, results_table="guard")
    postgres_store.empty(table).migrate()
    postgres_store.sql(INSERT.format("releaseguard").replace("integration_events", "guard"))
    for change in ("DELETE FROM guard", "TRUNCATE guard", "UPDATE guard SET event = 'y'"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            postgres_store.sql(change)


def test_retention_goes_on_and_leaves_our_rows(postgres_store: PostgresStore) -> None:
    log = postgres_store.log()
    log.append([USE, replace(USE, id=new_id(), provider="releaseguard")])
    assert log.prune(T0 + timedelta(days=1)) == 1
    assert [row.provider for row in log.select(Query())] == ["releaseguard"]


def test_a_table_without_rows_of_ours_can_be_emptied_where_that_can_be_told(postgres_store: PostgresStore) -> None:
    log = postgres_store.log()
    log.append([USE])
    with psycopg.connect(postgres_store.url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("TRUNCATE integration_events")
    postgres_store.sql("TRUNCATE integration_events")
    assert list(log.select(Query())) == []


def test_replaying_changes_does_not_pass_the_guards_by(postgres_store: PostgresStore) -> None:
    postgres_store.log()
    postgres_store.sql(INSERT.format("releaseguard"))
    with psycopg.connect(postgres_store.url) as connection:
        connection.execute("SET session_replication_role = replica")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM integration_events")


@pytest.mark.parametrize("name", ['we"ird', "we''ird", "a$releaseguard$b", "$$; DROP TABLE x; --"])
def test_a_table_by_any_name_is_guarded(postgres_store: PostgresStore, name: str) -> None:
    table = EventTable(table=name)
    log = postgres_store.empty(table)
    log.migrate()
    postgres_store.sql(log.schema_sql())
    log.append([replace(USE, id=uuid4(), provider="releaseguard")])
    quoted = '"' + name.replace('"', '""') + '"'
    for change in (f"DELETE FROM {quoted}", f"TRUNCATE {quoted}"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            postgres_store.sql(change)


@pytest.mark.parametrize("change", ["DISABLE TRIGGER integration_events_keep_deleted", "DISABLE TRIGGER ALL"])
def test_a_guard_that_is_switched_off_is_found(postgres_store: PostgresStore, change: str) -> None:
    log = postgres_store.log()
    postgres_store.sql(f"ALTER TABLE integration_events {change}")
    (found,) = [remark for remark in log.examine() if remark.standing is not Standing.OK]
    assert found.about == "guards"
    assert "integration_events_keep_deleted" in found.what
    log.migrate()
    assert not [remark for remark in log.examine() if remark.standing is not Standing.OK]


def test_what_the_database_refuses_is_said_as_that(postgres_store: PostgresStore) -> None:
    postgres_store.log().append([USE])
    postgres_store.sql("CREATE ROLE reader LOGIN")
    try:
        postgres_store.sql("GRANT SELECT ON integration_events TO reader")
        reader = PostgresStore(postgres_store._stack, postgres_store.url.replace("postgres@", "reader@", 1))
        with pytest.raises(AccessDenied, match="permission denied"):
            reader.empty().prune(T0 + timedelta(days=1))
    finally:
        postgres_store.sql("DROP OWNED BY reader")
        postgres_store.sql("DROP ROLE reader")


STRANGERS = """
SET ROLE stranger;
CREATE TEMP TABLE loot (said text);
GRANT ALL ON loot TO PUBLIC;
CREATE FUNCTION pg_temp.evil() RETURNS timestamptz LANGUAGE plpgsql AS
  $$ BEGIN INSERT INTO pg_temp.loot VALUES (current_user); RETURN now(); END $$;
CREATE TEMP VIEW came AS SELECT pg_temp.evil() AS occurred_at;
CREATE TEMP TABLE mine (x int);
"""
TRIGGER = "CREATE TRIGGER t AFTER INSERT ON {} FOR EACH STATEMENT EXECUTE FUNCTION integration_events_touch()"
ROW = (
    "INSERT INTO integration_events (id, occurred_at, provider, event, outcome, environment, synthetic, detail)"
    " VALUES (gen_random_uuid(), now(), 'a', 'b', 'success', 'c', false, '{}')"
)


@pytest.mark.parametrize("granted", [False, True])
def test_what_counts_with_its_owners_rights_runs_nothing_of_a_strangers(
    postgres_store: PostgresStore, granted: bool
) -> None:
    """``came`` is what the trigger names so, and where it names nothing a view in the caller's temporary schema."""
    postgres_store.log()
    postgres_store.sql("DO $$ BEGIN CREATE ROLE stranger; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    if granted:
        postgres_store.sql("GRANT EXECUTE ON FUNCTION integration_events_touch() TO stranger")
        postgres_store.sql("GRANT ALL ON integration_events TO stranger")
    with psycopg.connect(postgres_store.url, autocommit=True) as connection:
        connection.execute(STRANGERS)
        if granted:
            for table, insert in (("mine", "INSERT INTO mine VALUES (1)"), ("integration_events", ROW)):
                connection.execute(TRIGGER.format(table))
                connection.execute(insert)
        else:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(TRIGGER.format("mine"))
        assert connection.execute("SELECT said FROM loot").fetchall() == []
