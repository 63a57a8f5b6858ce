"""The app's own table where only Supabase's REST interface is open: read through the view that the SQL brings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from releaseguard.model import to_text
from tests.journeys.test_the_apps_own_table import NAMES
from tests.support import lovendo, postgres, postgrest
from tests.support.commands import Commands

SUPABASE = """
DO $$ BEGIN
  CREATE ROLE anon; CREATE ROLE authenticated; CREATE ROLE service_role BYPASSRLS;
EXCEPTION WHEN duplicate_object THEN NULL; END $$;
CREATE SCHEMA auth;
CREATE FUNCTION auth.jwt() RETURNS jsonb LANGUAGE sql STABLE
  AS $$ SELECT current_setting('request.jwt.claims', true)::jsonb $$;
GRANT USAGE ON SCHEMA auth, public TO anon, authenticated, service_role;
"""
TABLE = f"""
CREATE INDEX ON {lovendo.TABLE} (created_at DESC);
ALTER TABLE {lovendo.TABLE} ENABLE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON {lovendo.TABLE} TO service_role;
"""
INSERT = (
    f"INSERT INTO {lovendo.TABLE} (integration_name, event_type, status, status_code, response_time_ms, endpoint,"
    " created_at, metadata) VALUES (%s, 'api_call', %s, %s, %s, '/geocode', %s, NULL)"
)


def rows(now: datetime) -> Iterator[tuple[object, ...]]:
    """Two days of a use each four minutes; since half an hour PayTR refuses."""
    for minute in range(2, 2 * 24 * 60, 4):
        for name in NAMES:
            fails = name == "paytr" and minute < 30
            status, code = ("failure", 401) if fails else ("degraded" if minute % 100 == 2 else "success", 200)
            yield name, status, code, 80 + minute % 90, now - timedelta(minutes=minute)


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Commands, str]]:
    folder: Path = tmp_path_factory.mktemp("by-rest")
    with postgres.cluster() as running:
        database = running.new_database()
        now = datetime.now(UTC)
        with psycopg.connect(database) as connection:
            connection.execute(SUPABASE + lovendo.create("postgres") + ";" + TABLE)
            with connection.cursor() as cursor:
                cursor.executemany(INSERT, rows(now))
                cursor.execute(INSERT, ("sendgrid", "unheard_of", 0, 1, now - timedelta(hours=2)))
                cursor.execute(INSERT, ("sendgrid", "success", 200, 1, None))
        with postgrest.serving(postgrest.PostgRest(database, roles=True)) as served:
            config = lovendo.CONFIGURATION.replace("[events]", f'[events]\nurl = "{served.url}"')
            (folder / "releaseguard.toml").write_text('[project]\nname = "lovendo"\n' + config)
            commands = Commands(folder, {"SUPABASE_SERVICE_ROLE_KEY": served.key})
            printed = commands.run("events", "migrate", "--sql")
            assert printed.code == 0, printed.everything
            with psycopg.connect(database) as connection:
                connection.execute(printed.out)
            at = to_text(now - timedelta(minutes=32))
            assert commands.run("events", "deployed", "--release", "r2", "--at", at).code == 0
            yield commands, database


def test_an_outage_is_found_by_every_command_that_reads(commands):
    cli, _ = commands
    found = cli.run("verify", "--provider", "paytr", "--no-flows", "--json")
    verdicts = {check["id"]: check["verdict"] for check in found.json["checks"]}
    assert (found.code, verdicts["paytr.errors"]) == (1, "fail"), found.everything
    states = {one["provider"]: one["state"] for one in cli.run("health", "--json").json["providers"]}
    assert (states["paytr"], states["sendgrid"], states["expo_push"]) == ("down", "healthy", "healthy")
    assert "401" in cli.run("incident", "paytr").out


def test_rows_that_mean_nothing_here_are_counted_and_stop_nothing(commands):
    cli, _ = commands
    checks = cli.run("doctor", "--json").json["checks"]
    said = " ".join(check["what"] for check in checks)
    assert "outcome unheard_of of sendgrid (1)" in said
    assert "created_at is empty" in said


def test_what_is_written_is_in_the_apps_words_and_read_as_ours(commands):
    cli, database = commands
    written = cli.run("events", "log", "expo_push", "expo_push_error", "error", "--error-code", "503")
    assert written.code == 0, written.everything
    with psycopg.connect(database) as connection:
        newest = f"SELECT integration_name, status, error_code FROM {lovendo.TABLE} WHERE endpoint IS NULL"
        row = connection.execute(newest).fetchone()
    assert row == ("expo", "failure", "503")
    listed = cli.run("events", "list", "--provider", "expo_push", "--limit", "1", "--json").json
    assert "expo_push_error" in str(listed)


PHONE_USE = {"provider": "mapbox", "event": "mapbox_map_rendered", "outcome": "success", "detail": {"zoom": 3}}


def test_phones_write_into_the_apps_table_through_the_view(commands):
    cli, database = commands
    used = {**PHONE_USE, "id": "11111111-1111-4111-8111-111111111111", "occurred_at": to_text(datetime.now(UTC))}
    call = f"SELECT {lovendo.TABLE}_mapped_from_client(%s::jsonb)"
    with psycopg.connect(database) as connection:
        connection.execute("SELECT set_config('request.jwt.claims', %s, true)", [json.dumps({"sub": "ada"})])
        connection.execute("SET LOCAL ROLE authenticated")
        for became in ("stored", "repeated", "limited"):
            [[said]] = connection.execute(call, [json.dumps([used])]).fetchall()
            assert said[became] == 1, said
            used = used if became == "stored" else {**used, "id": "22222222-2222-4222-8222-222222222222"}
    with psycopg.connect(database) as connection:
        rows = f"SELECT integration_name, status, metadata FROM {lovendo.TABLE} WHERE metadata IS NOT NULL"
        assert (
            "mapbox",
            "success",
            {"zoom": 3, "source": "client", "event": "mapbox_map_rendered"},
        ) in connection.execute(rows).fetchall()
    listed = cli.run("events", "list", "--provider", "mapbox", "--limit", "1", "--json").json["events"]
    assert [(one["source"], one["event"]) for one in listed] == [("client", "mapbox_map_rendered")]
