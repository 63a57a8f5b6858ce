"""Processes of a moment, under each runtime: what they logged is in the event log, as the writer for Python writes it.

Over the labelled stand-in for PostgREST and a real Postgres with Supabase's roles.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from releaseguard.eventlog.interface import Query
from releaseguard.eventlog.schema import postgres as schema
from releaseguard_events.event import Event
from releaseguard_events.note import Resource, event_of, note_of
from releaseguard_events.scrub.scrubber import Scrubber
from tests.eventlog.conftest import PostgresStore
from tests.eventlog.test_database_guards import JWT, make_roles
from tests.eventlog.test_the_apps_own_table import table as configuration_of
from tests.support import lovendo, postgres, postgrest, typescript

MOMENT = Path(__file__).parent / "scripts" / "moment.mjs"
PHONE = Path(__file__).parent / "scripts" / "phone.mjs"
ENVIRONMENT = {"RELEASEGUARD_ENVIRONMENT": "staging", "GITHUB_SHA": "0a1b2c3", "VERCEL_DEPLOYMENT_ID": "dpl_1"}
RESOURCE = Resource("staging", "0a1b2c3", "dpl_1")
CALLS: Sequence[Mapping[str, Any]] = (
    {"provider": "sendgrid", "event": "sendgrid_email_sent", "outcome": "success", "latency_ms": 118, "source": "mail"},
    {
        "provider": " sendgrid ",
        "event": "sendgrid_error",
        "outcome": "ERROR",
        "error_code": 401,
        "latency_ms": 12.5,
        "release": "app@1.2",
        "correlation_id": "c-1",
        "synthetic": True,
        "detail": {
            "secret_version": 7,
            "to": "ada@example.com",
            "note": "key SG.aaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbb was refused",
            "nested": {"list": [1, 2.5, None, True, {"phone": "0532 123 45 67"}]},
            "deployment_id": "own",
        },
    },
    {"provider": "twilio", "event": "twilio_error", "outcome": "error", "correlation_id": "ada@example.com"},
    {"provider": "mapbox", "event": "mapbox_error", "outcome": "error", "error_code": "x" * 400, "latency_ms": -1},
    {
        "provider": "şehir",
        "event": "olay",
        "outcome": "success",
        "detail": {"metin": "Sayın Beste Yurdakulu", "n": 2**40},
    },
)


@pytest.fixture(scope="module")
def supabase() -> Iterator[tuple[PostgresStore, postgrest.PostgRest]]:
    """Its log is made as a migrations folder would; a user called ada is signed in."""
    typescript.program("tsc")
    with postgres.cluster() as running, ExitStack() as stack:
        store = PostgresStore(stack, running.new_database())
        make_roles(store)
        store.sql(JWT)
        store.log()
        users = {"a-users-token": {"sub": "ada", "role": "authenticated"}}
        project = postgrest.PostgRest(store.url, roles=True, users=users)
        yield store, stack.enter_context(postgrest.serving(project))


def logged(store: PostgresStore) -> list[Event]:
    """What is in the log, which is then emptied."""
    found = sorted(store.log().select(Query()), key=lambda event: event.occurred_at)
    store.sql("TRUNCATE integration_events")
    return found


def as_python(call: Mapping[str, Any]) -> dict[str, Any]:
    return columns(event_of(note_of(**call), RESOURCE, Scrubber()))


def columns(event: Event) -> dict[str, Any]:
    """Everything but who made the row, and when."""
    return {
        name: getattr(event, name)
        for name in Event.__dataclass_fields__
        if name not in {"id", "occurred_at", "recorded_at"}
    }


@pytest.mark.parametrize("runtime", typescript.RUNTIMES)
def test_a_process_of_a_moment_loses_nothing_and_writes_the_rows_of_the_writer_for_python(
    built: typescript.Built,
    supabase: tuple[PostgresStore, postgrest.PostgRest],
    runtime: str,
    tmp_path: Path,
) -> None:
    store, project = supabase
    given = tmp_path / "calls.json"
    given.write_text(json.dumps(CALLS), encoding="utf-8")
    environment = {**ENVIRONMENT, "SUPABASE_URL": project.url, "SUPABASE_SERVICE_ROLE_KEY": project.key}
    typescript.execute(runtime, MOMENT, built.file(runtime).as_uri(), str(given), env=environment)
    *events, around_a_call = sorted(logged(store), key=lambda event: (event.provider == "openai", event.id.int))
    assert (around_a_call.event, around_a_call.error_code) == ("openai_error", "401")
    assert {event.id.version for event in events} == {7}
    found = {event.event: columns(event) for event in events}
    assert found == {call["event"]: as_python(call) for call in CALLS}


VIEW = """
const { createIntegrationLog } = await import(process.argv[2]);
const [url, serviceKey] = process.argv.slice(3);
const table = "integration_health_events_mapped";
const log = createIntegrationLog({ url, serviceKey, table, environ: {}, repeatMs: 0 });
log.logIntegrationEvent("expo_push", "expo_push_error", "error", { error_code: 503, source: "push" });
log.logIntegrationEvent("sendgrid", "sendgrid_email_sent", "success");
console.log(await log.flush());
"""


def test_an_apps_own_table_is_written_through_its_view_and_an_answer_that_is_lost_makes_no_second_row(
    built: typescript.Built, supabase: tuple[PostgresStore, postgrest.PostgRest], tmp_path: Path
) -> None:
    store, project = supabase
    store.sql(lovendo.create("postgres"))
    store.sql(schema.script([configuration_of(lovendo.CONFIGURATION)]))
    script = tmp_path / "view.mjs"
    script.write_text(VIEW)
    project.lose_answers = 1
    said = typescript.execute("node", script, built.file("node").as_uri(), project.url, project.key)
    assert said.strip() == "true"
    assert store.sql(f"SELECT integration_name, status, error_code FROM {lovendo.TABLE} ORDER BY 1") == [
        ("expo", "failure", "503"),
        ("sendgrid", "success", None),
    ]


def test_an_answer_that_is_lost_makes_no_second_row(
    built: typescript.Built, supabase: tuple[PostgresStore, postgrest.PostgRest], tmp_path: Path
) -> None:
    store, project = supabase
    given = tmp_path / "calls.json"
    given.write_text(json.dumps(CALLS[:2]), encoding="utf-8")
    project.lose_answers = 1
    environment = {"SUPABASE_URL": project.url, "SUPABASE_SERVICE_ROLE_KEY": project.key}
    typescript.execute("node", MOMENT, built.file("node").as_uri(), str(given), env=environment)
    assert project.lose_answers == 0
    assert len(logged(store)) == 3


@pytest.mark.parametrize("runtime", typescript.RUNTIMES)
def test_a_phone_writes_as_its_user_and_nobody_else_does(
    built: typescript.Built, supabase: tuple[PostgresStore, postgrest.PostgRest], runtime: str
) -> None:
    store, project = supabase
    store.sql("TRUNCATE integration_events, integration_events_clients")
    said = typescript.execute(
        runtime, PHONE, built.file(runtime).as_uri(), project.url, project.public_key, "a-users-token"
    )
    assert json.loads(said) == {"nobody": False, "user": True, "stranger": False}
    event, small = logged(store)
    assert (small.event, small.source, small.detail) == ("mapbox_geocode_ok", "client", {"zoom": 4, "left_out": 1})
    assert (event.event, event.source, event.environment, event.synthetic, event.release) == (
        "mapbox_map_rendered",
        "client",
        "production",
        False,
        "app@1.4",
    )
    assert event.detail == {"zoom": 3, "mail": "[email]"}
