"""A table of events that stands in a migrations folder is recognised, and read by the section that is written."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from releaseguard.compose.known import configuration
from releaseguard.init.own_table import recognised, section
from releaseguard.tomlfile import parse
from tests.support import lovendo
from tests.support.commands import Commands

REAL = lovendo.create("postgres").replace("text NOT NULL", "TEXT\n  NOT NULL")
OURS = (
    "CREATE TABLE integration_events (id uuid, occurred_at timestamptz, provider text, event text, outcome text,"
    " error_code text, latency_ms int, environment text)"
)
BOOLEAN = (
    'CREATE TABLE IF NOT EXISTS public."api_logs" (id serial PRIMARY KEY, service text, success boolean, ts text,'
    " duration_ms int, env text, event_name text, CHECK (duration_ms >= 0))"
)
CHECKED = (
    "create table provider_events (id uuid, provider text, status text check (status in ('ok', 'failed', 'odd')),"
    " created_at timestamptz, endpoint text); alter table public.provider_events add column if not exists context jsonb"
)
PAYMENTS = "CREATE TABLE payments (id uuid, provider text, status text, created_at timestamptz, amount numeric)"


KINDS = ("api_call", "authentication", "connection", "health_check", "webhook")


def found(tmp_path: Path, *statements: str, folder: str = "supabase/migrations"):
    place = tmp_path / folder
    place.mkdir(parents=True)
    for number, statement in enumerate(statements):
        (place / f"{number}_x.sql").write_text(f"-- CREATE TABLE logs (provider text\n{statement};\n")
    return recognised(tmp_path)


def table_of(text: str):
    document = parse(f"[events]\n{text}", Path("releaseguard.toml"))
    return configuration.events_table(configuration.of(document, environment=None, environ={}))


@pytest.mark.parametrize(
    ("statement", "name"), [(REAL, "integration_health_events"), (BOOLEAN, "api_logs"), (CHECKED, "provider_events")]
)
def test_a_log_of_integrations_is_recognised_and_its_section_is_valid(tmp_path, statement, name):
    own = found(tmp_path, PAYMENTS, statement)
    assert own is not None
    assert own.name == name
    text = section(own, "staging")
    assert ("[events.names]" in text) is ("event_name" not in own.columns), "names are made where the table has none"
    assert ('"status_code", values' in text) is ("status_code" in own.columns)
    table = table_of(text)
    assert (table.table, table.results_table) == (name, "releaseguard_events")
    assert table.is_mapped


@pytest.mark.parametrize("statement", [OURS, PAYMENTS, "CREATE TABLE logs (id int", "", "CREATE TABLE x (); SELECT 1"])
def test_what_is_no_log_of_the_apps_is_left_alone(tmp_path, statement):
    assert found(tmp_path, statement) is None


@pytest.mark.parametrize("folder", ["migrations", "apps/supabase/migrations", "prisma/migrations/1_a", "db/migrations"])
def test_migrations_are_looked_for_where_they_usually_are(tmp_path, folder):
    assert found(tmp_path, REAL, folder=folder) is not None


def test_words_that_a_check_allows_are_translated_and_unknown_ones_left_to_be_told(tmp_path):
    own = found(tmp_path, CHECKED)
    assert own is not None
    text = section(own, "production")
    assert 'values = { ok = "success", failed = "error" }' in text
    assert 'release = "context.release"' in text


def test_a_table_in_the_apps_database_is_looked_for_in_no_file_of_ours(tmp_path: Path):
    cli = Commands(tmp_path, {})
    (tmp_path / "supabase/migrations").mkdir(parents=True)
    (tmp_path / "supabase/migrations/1.sql").write_text(f"{REAL};")
    done = cli.run("init", "--yes")
    assert "RELEASEGUARD_EVENTS_URL" in done.out
    told = cli.run("events", "migrate")
    assert told.code == 2
    assert "RELEASEGUARD_EVENTS_URL" in told.err
    assert not list(tmp_path.glob("*.db"))


def test_the_written_file_reads_the_table_as_it_is(tmp_path: Path):
    cli = Commands(tmp_path, {})
    (tmp_path / "supabase/migrations").mkdir(parents=True)
    (tmp_path / "supabase/migrations/1.sql").write_text(f"{REAL};")
    done = cli.run("init", "--yes", "--events-url", "sqlite:///app.db", "--provider", "sendgrid")
    assert done.code == 0, done.everything
    assert "integration_health_events" in done.everything
    with sqlite3.connect(tmp_path / "app.db") as connection:
        connection.execute(lovendo.create("sqlite"))
        for number, (kind, status) in enumerate((kind, status) for kind in KINDS for status in ("success", "timeout")):
            connection.execute(
                "INSERT INTO integration_health_events (id, integration_name, event_type, status, created_at)"
                " VALUES (?, ?, ?, ?, '2026-11-24T12:00:00Z')",
                (f"k{number}", "custom" if kind == "authentication" else "paytr", kind, status),
            )
        connection.execute(
            "INSERT INTO integration_health_events (id, integration_name, event_type, status, status_code, created_at)"
            " VALUES ('1', 'sendgrid', 'api_call', 'success', 401, strftime('%Y-%m-%dT%H:%M:%fZ'))"
        )
    assert cli.run("events", "migrate").code == 0
    row, *others = cli.run("events", "list", "--json").json["events"]
    assert sorted((one["event"], one["outcome"]) for one in others) == [
        ("custom_error", "error"),
        ("custom_ok", "success"),
        *[("paytr_error", "error")] * 4,
        *[("paytr_health_check", "success")] * 2,
        ("paytr_webhook_received", "success"),
        ("paytr_withdraw_initiated", "success"),
    ], "all kinds and outcomes have names, and only a call proves a key"
    assert (row["provider"], row["event"], row["error_code"]) == ("sendgrid", "sendgrid_error", "401"), "no success"
    assert "integration_health_events_mapped" in cli.run("events", "migrate", "--sql").out
    added = cli.run("events", "migrate", "--additions").out
    for column in ("recorded_at", "release", "source", "correlation_id", "synthetic", "environment"):
        assert f'ADD COLUMN IF NOT EXISTS "{column}"' in added
    assert "DROP" not in added
