"""An app's own table as it may come: every command that reads it goes on, and says what it left out."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from releaseguard.model import to_text, utc_now
from releaseguard_events.stores.table import COLUMNS
from tests.support.commands import Commands, Done

GOOD = {"provider": "sendgrid", "event": "sendgrid_email_sent", "outcome": "success", "environment": "production"}
BROKEN: list[dict[str, object]] = [
    {"id": "no-time", "occurred_at": None},
    {"id": "no-outcome", "outcome": "degraded"},
    {"id": "no-provider", "provider": None},
    {"id": "no-event", "event": b"\xff"},
]
ODD: list[dict[str, object]] = [
    {"detail": None},
    {"detail": "[1]"},
    {"detail": '"{\\"secret_version\\": 3}"'},
    {"detail": "{" + '"a":{' * 10_000},
    {"detail": "{" + ",".join(f'"k{number}":1' for number in range(100_000)) + "}"},
    {"detail": '{"message": "' + "word " * 500 + '"}'},
    {"recorded_at": "infinity"},
    {"latency_ms": "soon", "synthetic": None, "release": b"\xff", "source": 7},
]
READERS = [
    ("events", "list", "--limit", "500"),
    ("events", "export"),
    ("health",),
    ("incident", "sendgrid"),
    ("backtest",),
    ("verify", "--no-flows"),
    ("verify", "--no-flows", "--format", "junit"),
    ("audit", "show"),
    ("audit", "verify"),
    ("doctor",),
]


@pytest.fixture
def cli(tmp_path: Path) -> Commands:
    """A log of four hours in which every column may hold anything."""
    (tmp_path / "releaseguard.toml").write_text(
        '[events]\nurl = "sqlite:///app.db"\ntable = "app_rows"\nresults_table = "guard"\n'
        '[events.columns]\nsource = "source"\n'
    )
    commands = Commands(tmp_path, {})
    with closing(sqlite3.connect(tmp_path / "app.db")) as connection, connection:
        connection.execute(f"CREATE TABLE app_rows ({', '.join(COLUMNS)})")
        now = utc_now()
        for number, changes in enumerate(BROKEN + ODD + [{}] * 240):
            at = to_text(now - timedelta(minutes=number))
            row = (
                {"id": f"00000000-0000-7000-8000-{number:012d}", "occurred_at": at, "recorded_at": at} | GOOD | changes
            )
            connection.execute(
                f"INSERT INTO app_rows ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values())
            )
    assert commands.run("events", "migrate").code == 0
    assert commands.run("events", "deployed", "--release", "r1", "--at", "20m").code == 0
    return commands


def test_no_reader_stops_at_a_broken_row(cli: Commands) -> None:
    for command in READERS:
        done = cli.run(*command)
        assert done.code in (0, 1, 3), (command, done.everything)


def test_every_reader_of_traffic_names_what_it_left_out_once(cli: Commands) -> None:
    for command in READERS[:6]:
        done = cli.run(*command)
        for row in BROKEN:
            assert done.everything.count(str(row["id"])) == 1, (command, row, done.err)
    assert "infinity" not in cli.run("events", "list").err


def test_health_shows_them_in_every_form(cli: Commands) -> None:
    told = cli.run("health", "--json").json["set_aside"]
    assert told["rows"] == len(BROKEN)
    assert told["by_provider"] == {"": 1, "sendgrid": 3}
    assert {(one["id"], one["column"]) for one in told["named"]} >= {("no-outcome", "outcome")}
    for form in ("text", "html"):
        page = cli.run("health", "--format", form).out
        assert "no-outcome" in page
        assert "4 rows" in page


def test_who_is_called_at_night_reads_of_them_in_the_first_line(cli: Commands) -> None:
    """ "Nothing is wrong" was said beside rows that may be the failures."""
    begins = [" ".join(cli.run(*asked).out.split())[:200] for asked in (("health",), ("incident", "sendgrid"))]
    assert "no provider is in trouble in the last 60 min; 4 rows of that time cannot be read" in begins[0]
    assert begins[1].startswith("Nothing that can be read is wrong with SendGrid, and 4 rows of it cannot be read")


def test_doctor_remarks_on_them_and_changes_nothing(cli: Commands) -> None:
    before = sorted(path.name for path in cli.folder.iterdir())
    checks = cli.run("doctor", "--json").json["checks"]
    (rows,) = [one for one in checks if one["id"] == "events.rows"]
    assert rows["status"] == "warn"
    assert "no-time (occurred_at is empty)" in rows["what"]
    assert "releaseguard doctor" not in rows["fix"]
    (statement,) = re.findall(r"SELECT .*?\)(?=;)", rows["fix"])
    with closing(sqlite3.connect(cli.folder / "app.db")) as database:
        assert {row[0] for row in database.execute(statement)} == {str(row["id"]) for row in BROKEN}
    assert sorted(path.name for path in cli.folder.iterdir()) == before


def test_a_verdict_counts_them_against_a_pass(cli: Commands) -> None:
    document = cli.run("verify", "--no-flows", "--json").json
    assert document["log"]["set_aside"]["rows"] >= 1
    mine = [check for check in document["checks"] if check["provider"] == "sendgrid"]
    assert mine
    assert all(check["verdict"] != "pass" for check in mine)


def test_a_text_that_was_cut_is_no_personal_data(cli: Commands) -> None:
    found: Done = cli.run("verify", "--no-flows", "--json", "--check", "sendgrid.privacy")
    (check,) = found.json["checks"]
    assert check["verdict"] != "fail", check["reason"]
