"""A leaked key, from the configuration to the proof, in an app that has a table of events and words of its own."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from releaseguard.model import Event, to_text
from releaseguard.sandbox.world import World
from tests.journeys.test_the_apps_own_table_by_rest import SUPABASE, TABLE
from tests.support import lovendo, postgres, postgrest
from tests.support.commands import Commands

KEY = "SENDGRID_API_KEY"
QUICK = '\n[rotation]\nlease = "1s"\nprove_within = "20s"\n[network]\ntimeout = "2s"\npatience = "4s"\n'
INSERT = (
    f"INSERT INTO {lovendo.TABLE} (id, integration_name, event_type, status, status_code, response_time_ms, endpoint,"
    " created_at, metadata) VALUES (?, ?, 'api_call', ?, ?, ?, '/mail', ?, ?)"
)
Log = Callable[[Sequence[Event]], object]


def logger(file: Path, *, tells: bool) -> Log:
    """The app's own function: which release and which version of the secret a row comes from, it writes where it
    ``tells`` so."""

    def log(events: Sequence[Event]) -> None:
        with sqlite3.connect(file, timeout=20) as connection:
            connection.executemany(INSERT, [row(event, tells=tells) for event in events])

    return log


def row(event: Event, *, tells: bool) -> tuple[object, ...]:
    fine = event.outcome == "success"
    said = (
        {"release": event.release, "source": event.source, "correlation_id": event.correlation_id, **dict(event.detail)}
        if tells
        else {}
    )
    name = "expo" if event.provider == "expo_push" else event.provider
    when = to_text(event.occurred_at).replace("T", " ").removesuffix("Z")
    return (
        str(event.id),
        name,
        "success" if fine else "failure",
        200 if fine else 401,
        event.latency_ms,
        when,
        json.dumps(said),
    )


@pytest.fixture(params=[True, False], ids=["rows tell their version", "rows as they are"])
def world(request, tmp_path: Path) -> Iterator[tuple[World, Commands, bool]]:
    file = tmp_path / "a.db"
    with World() as world:
        with sqlite3.connect(file) as connection:
            connection.execute(lovendo.create("sqlite"))
        world.app.log = logger(file, tells=request.param)
        path = world.write(tmp_path, "sqlite:///a.db", QUICK)
        events = lovendo.CONFIGURATION.replace("[events]", '[events]\nurl = "sqlite:///a.db"')
        path.write_text(path.read_text().replace('[events]\nurl = "sqlite:///a.db"\n', events))
        commands = Commands(tmp_path, world.environ())
        assert commands.run("events", "migrate").code == 0
        yield world, commands, request.param
    assert world.crashes == []


def test_a_leaked_key_is_replaced_and_proven_only_where_rows_tell_which_key_they_used(world):
    app, commands, tells = world
    app.new_key(KEY)
    with app.traffic(0.05):
        done = commands.run("rotate", "sendgrid", "--leak", "--reason", "in a gist", "--yes", "--json").json
    assert done["state"] == ("PROVEN" if tells else "UNPROVEN")
    assert done["proof"]["grade"] == ("A" if tells else None)
    if not tells:
        assert all("say neither their source nor which value they used" in why for why in done["proof"]["missing"])
        assert "no traffic" not in str(done["proof"]["missing"])
        assert done["next_step"].startswith("Have the app's rows say which value they used (detail.secret_version)")

    drift = commands.run("drift", "--provider", "sendgrid", "--json").json
    assert {one["status"] for one in drift["findings"]} == {"in_step"}
    (state,) = commands.run("health", "--provider", "sendgrid", "--json").json["providers"]
    assert (state["provider"], state["state"]) == ("sendgrid", "healthy")
    assert "OPEN LEAK" in commands.run("incident", "sendgrid").out.upper()
    seen = {row["id"]: row for row in commands.run("doctor", "--json").json["checks"]}
    assert not [row for row in seen.values() if row["status"] == "fail"]
    assert any("100.0% of" in row["what"] for name, row in seen.items() if name.startswith("events.rules"))
    with sqlite3.connect(commands.folder / "a.db") as log:
        (strange,) = log.execute(f"SELECT count(*) FROM {lovendo.TABLE} WHERE endpoint <> '/mail'").fetchone()
    assert strange == 0, "nothing of ours goes into the app's table"


POSTGRES = INSERT.replace("?", "%s").replace("id, integration_name", "integration_name").replace("(%s, %s,", "(%s,", 1)


def into_postgres(url: str) -> Log:
    """The app's own function, where the table is in its database; the database numbers the rows."""

    def log(events: Sequence[Event]) -> None:
        with psycopg.connect(url) as connection, connection.cursor() as cursor:
            cursor.executemany(POSTGRES, [row(event, tells=True)[1:] for event in events])

    return log


@pytest.fixture(params=["postgres", "rest"])
def in_its_database(request, tmp_path: Path) -> Iterator[tuple[World, Commands]]:
    with postgres.cluster() as running, World() as world, ExitStack() as stack:
        url, environ = running.new_database(), world.environ()
        with psycopg.connect(url) as connection:
            connection.execute(SUPABASE + lovendo.create("postgres") + ";" + TABLE)
        address = url
        if request.param == "rest":
            served = stack.enter_context(postgrest.serving(postgrest.PostgRest(url, roles=True)))
            address, environ["SUPABASE_SERVICE_ROLE_KEY"] = served.url, served.key
        world.app.log = into_postgres(url)
        path = world.write(tmp_path, address, QUICK)
        events = lovendo.CONFIGURATION.replace("[events]", f'[events]\nurl = "{address}"')
        path.write_text(path.read_text().replace(f'[events]\nurl = "{address}"\n', events))
        commands = Commands(tmp_path, environ)
        with psycopg.connect(url) as connection:
            connection.execute(commands.run("events", "migrate", "--sql").out)
        yield world, commands
    assert world.crashes == []


def test_a_leaked_key_is_proven_from_the_apps_own_database_and_by_rest(in_its_database):
    app, commands = in_its_database
    app.new_key(KEY)
    with app.traffic(0.05):
        told = commands.run("rotate", "sendgrid", "--leak", "--reason", "in a gist", "--yes", "--json")
    assert told.json["state"] == "PROVEN", told.everything
    assert told.json["proof"]["grade"] == "A"
    assert {one["status"] for one in commands.run("drift", "--provider", "sendgrid", "--json").json["findings"]} == {
        "in_step"
    }
    assert commands.run("audit", "verify").code == 0
