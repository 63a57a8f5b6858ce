"""What the pages about events show is carried out: their commands, programs, settings and SQL."""

from __future__ import annotations

import re
import shlex
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support import lovendo, postgres
from tests.support.commands import Commands

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PROMPT = re.compile(r"^\$ (releaseguard .*)$", re.MULTILINE)
CALLS = """\
created_at,action,outcome
2026-11-20 10:15:00,sendgrid_email_sent,ok
2026-11-20 10:16:00,sendgrid_error,failure
"""
LOG = '[events]\nurl = "sqlite:///log.db"\n'


def text_of(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def typed(name: str) -> list[list[str]]:
    return [shlex.split(line)[1:] for line in PROMPT.findall(text_of(name))]


def indented(name: str, begins: str) -> str:
    """The indented block that begins so."""
    [block] = [one for one in re.findall(r"(?:^(?: {4}.*)?\n)+", text_of(name), re.MULTILINE) if begins in one]
    return textwrap.dedent(block)


@pytest.fixture
def cli(tmp_path: Path) -> Commands:
    (tmp_path / "releaseguard.toml").write_text(LOG)
    (tmp_path / "calls.csv").write_text(CALLS)
    return Commands(tmp_path, {})


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Postgres of one's own, with the event log in it."""
    with postgres.cluster() as running:
        url = running.new_database()
        owner = Commands(tmp_path_factory.mktemp("owner"), {"RELEASEGUARD_EVENTS_URL": url})
        migrated = owner.run("events", "migrate")
        assert migrated.code == 0, migrated.everything
        yield url


def imported(cli: Commands, *more: str) -> str:
    """The document's import, first with --dry-run as it stands there; its batch."""
    [command, marking] = typed("importing-history.md")
    looked = cli.run(*command, *more)
    assert (looked.code, "2 rows" in looked.out) == (0, True), looked.everything
    assert cli.run("events", "list", "--json", *more).json["events"] == [], "nothing was written"
    done = cli.run(*[word for word in command if word != "--dry-run"], *more)
    assert done.code == 0, done.everything
    events = cli.run("events", "list", "--json", *more).json["events"]
    assert [event["outcome"] for event in events] == ["error", "success"]
    assert events[0]["occurred_at"].startswith("2026-11-20T07:16"), "Istanbul's time, three hours ahead"
    assert cli.run(*marking, *more).code == 0
    [batch] = re.findall(r"batch: (\S+)", done.out)
    return batch


def undo(batch: str, store: str) -> str:
    [statement] = re.findall(rf"^ *(DELETE .*;) *-- {store}$", text_of("importing-history.md"), re.MULTILINE)
    return statement.replace("BATCH", batch)


def test_a_history_is_imported_and_taken_back(cli: Commands) -> None:
    cli.run("events", "migrate")
    batch = imported(cli)
    with closing(sqlite3.connect(cli.folder / "log.db")) as connection, connection:
        assert connection.execute(undo(batch, "SQLite")).rowcount == 2
    assert {event["provider"] for event in cli.run("events", "list", "--json").json["events"]} == {"releaseguard"}


def test_the_owner_of_a_table_imports_by_the_databases_own_address(cli: Commands, database: str) -> None:
    import psycopg

    (cli.folder / "owner.toml").write_text('[events]\nurl = "${SUPABASE_DB_URL}"\n')
    owner = Commands(cli.folder, {"SUPABASE_DB_URL": database})
    batch = imported(owner, "--config", "owner.toml")
    with closing(psycopg.connect(database)) as connection:
        assert connection.execute(undo(batch, "Postgres")).rowcount == 2


def test_the_apps_own_table_is_read_and_written_as_the_page_says(cli: Commands) -> None:
    settings = indented("own-table.md", "[events.columns]").replace("https://REF.supabase.co", "sqlite:///app.db")
    (cli.folder / "releaseguard.toml").write_text(settings)
    row = (
        "INSERT INTO integration_health_events (id, integration_name, event_type, endpoint, status, created_at) VALUES"
    )
    with closing(sqlite3.connect(cli.folder / "app.db")) as connection, connection:
        connection.execute(lovendo.create("sqlite"))
        connection.execute(f"{row} ('1', 'mapbox', 'api_call', '/styles/v1', 'degraded', '2026-11-20T10:00:00Z')")
        connection.execute(f"{row} ('2', 'sendgrid', 'api_call', '/mail', 'timeout', '2026-11-20T10:01:00Z')")
        connection.execute(f"{row} ('3', 'expo', 'health_check', '/ping', 'success', '2026-11-20T10:02:00Z')")
    assert cli.run("events", "migrate").code == 0
    read = [(row["provider"], row["event"]) for row in cli.run("events", "list", "--json").json["events"]]
    assert read == [
        ("expo_push", "expo_push_health_check"),
        ("sendgrid", "sendgrid_error"),
        ("mapbox", "mapbox_map_rendered"),
    ]
    assert cli.run("events", "log", "sendgrid", "sendgrid_error", "error").code == 0
    with closing(sqlite3.connect(cli.folder / "app.db")) as connection:
        words = {word for (word,) in connection.execute("SELECT status FROM integration_health_events")}
    assert "failure" in words
    view, additions = (cli.run(*words) for words in typed("own-table.md"))
    assert "integration_health_events_mapped" in view.out
    assert "ADD COLUMN" in additions.out
    assert cli.run("events", "deployed", "--release", "r1").code == 0
    assert cli.run("verify", "--as-of", "1h").code == 2, "without recorded_at"


def test_the_program_that_writes_an_event_writes_it(cli: Commands) -> None:
    cli.run("events", "migrate")
    [program] = re.findall(r"^```python\n(.*?)^```$", text_of("writing-events.md"), re.MULTILINE | re.DOTALL)
    environ = {"RELEASEGUARD_EVENTS_URL": f"sqlite:///{cli.folder / 'log.db'}"}
    environ |= {"RELEASEGUARD_SPOOL_DIR": str(cli.folder / "spool"), "PATH": ""}
    subprocess.run([sys.executable, "-c", f"{program}assert flush(20)"], env=environ, cwd=cli.folder, check=True)
    [event] = cli.run("events", "list", "--json").json["events"]
    assert (event["event"], event["latency_ms"], event["source"]) == ("sendgrid_email_sent", 118, "send-receipt")


def test_the_panels_queries_and_the_phones_environment_are_sql_that_runs(database: str) -> None:
    import psycopg

    queries = [line.strip() for line in text_of("admin-panel.md").splitlines() if line.startswith("    select")]
    [function] = re.findall(r"`(create or replace function [^`]*)`", text_of("writing-events.md"))
    with closing(psycopg.connect(database)) as connection:
        for query in queries:
            shown = connection.execute(query)
            assert {"provider", "status", "open_leaks"} <= {column.name for column in shown.description or ()}
        connection.execute(function)
        told = connection.execute("SELECT integration_events_client_environment()").fetchone()
    assert len(queries) == 2
    assert told == ("staging",)
