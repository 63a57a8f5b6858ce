"""What a phone or a browser can write: the function of the database, called by each role of a real Postgres."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4, uuid5

import psycopg
import pytest

from releaseguard.eventlog.schema import clients
from releaseguard.eventlog.schema import postgres as schema
from releaseguard.model import NAMESPACE
from releaseguard_events.ours import OUR_EVENTS
from tests.eventlog.conftest import PostgresStore
from tests.eventlog.test_database_guards import JWT, make_roles
from tests.eventlog.test_the_apps_own_table import table as configuration_of
from tests.support import lovendo, postgres

CALL = "SELECT integration_events_from_client(%s::jsonb)"
NOTHING = {"stored": 0, "repeated": 0, "limited": 0, "refused": 0}


class Phones:
    """A Supabase project, and users who call its function."""

    def __init__(self, store: PostgresStore) -> None:
        self.store = store

    def call(self, rows: Any, claims: Any, role: str = "authenticated") -> Any:
        with psycopg.connect(self.store.url) as connection:
            connection.execute("SELECT set_config('request.jwt.claims', %s, true)", [json.dumps(claims)])
            connection.execute(f"SET LOCAL ROLE {role}")
            found = connection.execute(CALL, [json.dumps(rows)]).fetchone()
        assert found is not None
        return {word: number for word, number in found[0].items() if number}

    def rows(self, user: Any) -> list[dict[str, Any]]:
        """The rows that hold this test's correlation id."""
        statement = f"SELECT to_jsonb(e) FROM integration_events e WHERE correlation_id = '{user['sub']}' ORDER BY id"
        return [row for (row,) in self.store.sql(statement)]


@pytest.fixture(scope="module")
def phones() -> Iterator[Phones]:
    with postgres.cluster() as running, ExitStack() as stack:
        store = PostgresStore(stack, running.new_database())
        make_roles(store)
        store.sql(JWT)
        store.sql("ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO anon, authenticated, service_role")
        store.log()
        yield Phones(store)


@pytest.fixture
def user() -> dict[str, Any]:
    return {"sub": str(uuid4()), "role": "authenticated", "is_anonymous": False}


def row(user: dict[str, Any], **columns: Any) -> dict[str, Any]:
    usual = {
        "id": str(uuid4()),
        "occurred_at": datetime.now(UTC).isoformat(),
        "provider": "mapbox",
        "event": "mapbox_map_rendered",
        "outcome": "success",
        "correlation_id": user["sub"],
    }
    return usual | columns


def test_a_users_use_is_stored_as_a_phones(phones: Phones, user: dict[str, Any]) -> None:
    sent = row(user, error_code="404", latency_ms=118.4, release="app@1.2", detail={"zoom": 3})
    assert phones.call([sent], user) == {"stored": 1}
    (found,) = phones.rows(user)
    assert found | sent | {"latency_ms": 118, "occurred_at": found["occurred_at"]} == found
    assert (found["source"], found["environment"], found["synthetic"]) == ("client", "production", False)
    assert datetime.fromisoformat(found["recorded_at"]) >= datetime.fromisoformat(sent["occurred_at"])


@pytest.mark.parametrize("role", ["anon", "service_role"])
def test_no_other_role_may_call_it(phones: Phones, user: dict[str, Any], role: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        phones.call([row(user)], user, role)


@pytest.mark.parametrize("claims", [{}, {"role": "authenticated"}, {"sub": ""}, {"sub": "x", "is_anonymous": True}])
def test_whoever_is_not_signed_in_is_refused(phones: Phones, user: dict[str, Any], claims: Any) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="signed in"):
        phones.call([row(user)], claims)
    assert phones.rows(user) == []


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
def test_nobody_reads_who_called_or_makes_the_environment_another(phones: Phones, role: str) -> None:
    for statement in ("SELECT * FROM integration_events_clients", "SELECT integration_events_client_environment()"):
        with psycopg.connect(phones.store.url) as connection:
            connection.execute(f"SET LOCAL ROLE {role}")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_who_called_is_kept_as_a_digest(phones: Phones, user: dict[str, Any]) -> None:
    phones.call([row(user)], user)
    kept = phones.store.sql("SELECT string_agg(to_jsonb(c)::text, '') FROM integration_events_clients c")
    assert user["sub"] not in kept[0][0]


@pytest.mark.parametrize(
    "columns",
    [
        {"source": "paytr-withdraw"},
        {"environment": "production"},
        {"synthetic": True},
        {"recorded_at": "2026-11-24T10:00:00Z"},
        {"mood": "sunny"},
        {"provider": "releaseguard"},
        {"provider": "ReleaseGuard"},
        {"event": "release_deployed"},
        {"event": "Rotation_Proven"},
        {"id": str(uuid5(NAMESPACE, "the next row of a chain"))},
        {"id": "1"},
        {"id": None},
        {"occurred_at": "2026-13-24T10:00:00Z"},
        {"occurred_at": "infinity"},
        {"occurred_at": "2026-11-24T10:00:00"},
        {"occurred_at": None},
        {"outcome": "fine"},
        {"outcome": None},
        {"provider": "x'; DROP TABLE integration_events; --"},
        {"event": "\u001b[31m"},
        {"event": ""},
        {"latency_ms": -1},
        {"latency_ms": 1e12},
        {"latency_ms": "118"},
        {"release": "r" * 201},
        {"error_code": {"a": 1}},
        {"detail": "text"},
        {"detail": {"text": "x" * 20_000}},
    ],
    ids=str,
)
def test_what_is_no_row_of_a_phones_is_refused_alone(phones: Phones, user: dict[str, Any], columns: Any) -> None:
    assert phones.call([row(user, **columns), row(user, event="other")], user) == {"refused": 1, "stored": 1}
    assert [found["event"] for found in phones.rows(user)] == ["other"]


@pytest.mark.parametrize("name", sorted(OUR_EVENTS))
def test_every_name_of_our_own_events_is_refused(phones: Phones, user: dict[str, Any], name: str) -> None:
    assert phones.call([row(user, event=name)], user) == {"refused": 1}


@pytest.mark.parametrize("item", [1, "text", None, [], True])
def test_an_item_that_is_no_row_is_refused(phones: Phones, user: dict[str, Any], item: Any) -> None:
    assert phones.call([item], user) == {"refused": 1}


@pytest.mark.parametrize("given", [None, {}, "[]", 1])
def test_a_call_without_a_list_is_refused(phones: Phones, user: dict[str, Any], given: Any) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        phones.call(given, user)
    assert refusal.value.sqlstate == "PT400"


def test_a_call_that_is_too_large_stores_nothing(phones: Phones, user: dict[str, Any]) -> None:
    too_many = [row(user, event=f"e{number}") for number in range(clients.MOST_ROWS + 1)]
    too_long = [row(user, event=f"e{number}", detail={"text": "x" * 12_000}) for number in range(6)]
    for rows in (too_many, too_long):
        with pytest.raises(psycopg.Error) as refusal:
            phones.call(rows, user)
        assert refusal.value.sqlstate == "PT413"
    assert phones.rows(user) == []


@pytest.mark.parametrize("number", ["1e131071", "-1e131071", "0e-16383", "1e-16383"])
def test_numbers_that_are_short_and_written_out_are_long_are_not_written_out(
    phones: Phones, user: dict[str, Any], number: str
) -> None:
    given = f'[{{"detail": [{",".join([number] * 9_000)}]}}]'
    with psycopg.connect(phones.store.url) as connection:
        connection.execute("SELECT set_config('request.jwt.claims', %s, true)", [json.dumps(user)])
        connection.execute("SET LOCAL ROLE authenticated")
        with pytest.raises(psycopg.Error) as refused:
            connection.execute(CALL, [given])
    assert refused.value.sqlstate == "PT413"  # not that the memory of the database is at an end


def test_numbers_that_javascript_can_hold_are_taken(phones: Phones, user: dict[str, Any]) -> None:
    numbers = [1.7976931348623157e308, -5e-324, 0, 2**53]
    assert phones.call([row(user, detail={"n": numbers})], user) == {"stored": 1}


def test_a_minute_is_a_minute_in_every_time_zone(phones: Phones, user: dict[str, Any]) -> None:
    at = datetime.now(UTC).replace(second=20) - timedelta(minutes=5)
    taken = []
    for seconds in (0, 10, 30, 50):
        with psycopg.connect(phones.store.url) as connection:
            connection.execute("SELECT set_config('request.jwt.claims', %s, true)", [json.dumps(user)])
            connection.execute(f"SET LOCAL TIME ZONE {seconds / 3600}")
            connection.execute("SET LOCAL ROLE authenticated")
            given = [row(user, occurred_at=(at + timedelta(seconds=second)).isoformat()) for second in (0, 25)]
            found = connection.execute(CALL, [json.dumps(given)]).fetchone()
            assert found is not None
            taken.append(found[0]["stored"])
    assert taken == [1, 0, 0, 0]


@pytest.mark.parametrize(
    ("said", "kept"), [(timedelta(days=-40), timedelta(days=-1)), (timedelta(days=3), timedelta(0))]
)
def test_a_time_outside_of_the_last_day_is_moved_to_its_edge(
    phones: Phones, user: dict[str, Any], said: timedelta, kept: timedelta
) -> None:
    now = datetime.now(UTC)
    assert phones.call([row(user, occurred_at=(now + said).isoformat())], user) == {"stored": 1}
    (found,) = phones.rows(user)
    assert abs(datetime.fromisoformat(found["occurred_at"]) - (now + kept)) < timedelta(seconds=30)


def test_a_repeated_id_is_one_row_whoever_repeats_it(phones: Phones, user: dict[str, Any]) -> None:
    sent = row(user)
    other = user | {"sub": str(uuid4())}
    assert phones.call([sent, sent], user) == {"stored": 1, "repeated": 1}
    assert phones.call([sent | {"outcome": "error"}], other) == {"repeated": 1}
    assert [found["outcome"] for found in phones.rows(user)] == ["success"]


def test_a_user_counts_once_a_minute_and_event(phones: Phones, user: dict[str, Any]) -> None:
    minute = (datetime.now(UTC) - timedelta(hours=2)).replace(second=10).isoformat()
    later = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    same = [row(user, occurred_at=minute) for _ in range(20)]
    assert phones.call(same, user) == {"stored": 1, "limited": 19}
    assert phones.call([row(user, occurred_at=minute)], user) == {"limited": 1}
    assert phones.call([row(user, occurred_at=later)], user) == {"stored": 1}
    assert phones.call([row(user, occurred_at=minute)], user | {"sub": str(uuid4())}) == {"stored": 1}


def test_a_flood_of_successes_leaves_room_for_errors(phones: Phones, user: dict[str, Any]) -> None:
    flood = [[row(user, event=f"made_up_{n}_{m}") for m in range(50)] for n in range(4)]
    done = [phones.call(rows, user) for rows in flood]
    assert sum(one.get("stored", 0) for one in done) == clients.MOST_A_MINUTE
    assert phones.call([row(user, event="mapbox_error", outcome="error")], user) == {"stored": 1}


def test_a_success_of_a_name_does_not_take_its_errors_place(phones: Phones, user: dict[str, Any]) -> None:
    pair = [row(user), row(user, outcome="error")]
    assert phones.call(pair, user) == {"stored": 2}


def test_a_day_has_an_end_however_evenly_it_is_filled(phones: Phones, user: dict[str, Any]) -> None:
    phones.call([row(user)], user)
    phones.store.sql(
        "INSERT INTO integration_events_clients SELECT caller, minute, provider, 'e' || n, outcome,"
        f" taken_at - interval '2 hours' FROM integration_events_clients, generate_series(1, {clients.MOST_A_DAY}) n"
        f" WHERE caller = left(encode(sha256('{user['sub']}'), 'hex'), 32)"
    )
    assert phones.call([row(user, event="one_more")], user) == {"limited": 1}
    assert phones.call([row(user, event="one_more", outcome="error")], user) == {"stored": 1}


def test_who_called_is_forgotten_after_a_day(phones: Phones, user: dict[str, Any]) -> None:
    phones.call([row(user)], user)
    phones.store.sql("UPDATE integration_events_clients SET taken_at = taken_at - interval '26 hours'")
    for _ in range(5):  # each call clears away a bounded part
        phones.call([], user)
    assert phones.store.sql("SELECT count(*) FROM integration_events_clients") == [(0,)]


def test_a_second_call_at_the_same_moment_is_sent_away_and_waits_for_nothing(
    phones: Phones, user: dict[str, Any]
) -> None:
    with psycopg.connect(phones.store.url) as first:
        first.execute("SELECT set_config('request.jwt.claims', %s, true)", [json.dumps(user)])
        first.execute("SET LOCAL ROLE authenticated")
        first.execute(CALL, [json.dumps([row(user)])])
        with pytest.raises(psycopg.Error) as refusal:
            phones.call([row(user)], user)
        assert refusal.value.sqlstate == "PT429"
        assert phones.call([row(user)], user | {"sub": str(uuid4())}) == {"stored": 1}


def test_a_project_says_once_what_its_environment_is_and_migrating_keeps_it(
    phones: Phones, user: dict[str, Any]
) -> None:
    phones.store.sql(
        "CREATE OR REPLACE FUNCTION integration_events_client_environment() RETURNS text"
        " LANGUAGE sql STABLE AS $$ SELECT 'staging' $$"
    )
    phones.store.log()
    try:
        phones.call([row(user)], user)
        assert phones.rows(user)[0]["environment"] == "staging"
    finally:
        phones.store.sql(
            "CREATE OR REPLACE FUNCTION integration_events_client_environment() RETURNS text"
            " LANGUAGE sql STABLE AS $$ SELECT 'production' $$"
        )


def test_a_function_of_an_attackers_schema_is_not_called(phones: Phones, user: dict[str, Any]) -> None:
    with psycopg.connect(phones.store.url) as connection:
        connection.execute("CREATE TEMPORARY TABLE integration_events (id uuid)")
        connection.execute("SELECT set_config('request.jwt.claims', %s, true)", [json.dumps(user)])
        connection.execute("SET LOCAL ROLE authenticated")
        found = connection.execute(CALL, [json.dumps([row(user)])]).fetchone()
    assert found == (NOTHING | {"stored": 1},)
    assert len(phones.rows(user)) == 1


OF_THE_SAME_NAME = f"""
CREATE TEMP TABLE loot (said text);
GRANT ALL ON loot TO PUBLIC;
CREATE TEMP TABLE {lovendo.TABLE} (LIKE public.{lovendo.TABLE} INCLUDING ALL);
GRANT ALL ON {lovendo.TABLE} TO PUBLIC;
CREATE FUNCTION pg_temp.evil() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN INSERT INTO pg_temp.loot VALUES (current_user); RETURN NEW; END $$;
CREATE TRIGGER evil BEFORE INSERT ON {lovendo.TABLE} FOR EACH ROW EXECUTE FUNCTION pg_temp.evil();
"""


def test_a_temporary_table_of_the_callers_does_not_take_the_place_of_the_apps_own(
    phones: Phones, user: dict[str, Any]
) -> None:
    phones.store.sql(lovendo.create("postgres"))
    phones.store.sql(f"GRANT SELECT ON {lovendo.TABLE} TO authenticated")
    phones.store.sql(schema.script([configuration_of(lovendo.CONFIGURATION)]))
    with psycopg.connect(phones.store.url) as connection:
        connection.execute("SELECT set_config('request.jwt.claims', %s, true)", [json.dumps(user)])
        connection.execute("SET LOCAL ROLE authenticated")
        connection.execute(OF_THE_SAME_NAME)
        call = CALL.replace("integration_events", "integration_health_events_mapped")
        found = connection.execute(call, [json.dumps([row(user)])]).fetchone()
        assert found is not None
        assert found[0]["stored"] == 1
        assert connection.execute("SELECT said FROM loot").fetchall() == []
    assert phones.store.sql(f"SELECT count(*) FROM {lovendo.TABLE}") == [(1,)]


def test_a_plain_postgres_has_no_such_function(postgres_store: PostgresStore) -> None:
    postgres_store.log()
    found = postgres_store.sql("SELECT count(*) FROM pg_proc WHERE proname LIKE 'integration_events_%client%'")
    assert found == [(0,)]
