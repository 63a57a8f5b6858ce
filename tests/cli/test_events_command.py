"""``releaseguard events`` from outside: a process, its output, its exit code."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from releaseguard.audit.chain import ChainKey, seal
from releaseguard.errors import Unreachable
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import Event, Outcome, new_id, to_text, utc_now
from releaseguard.rotation.history.events import LeaseTaken
from releaseguard.rotation.history.rows import draft_of
from releaseguard_events.pipeline import jsonl
from tests.support.commands import Commands, ended

Seed = Callable[..., list[Event]]


@pytest.fixture
def seed(tmp_path: Path) -> Seed:
    """Write events of the app's, each one minute older than the one before."""

    def write(
        number: int = 1, name: str = "sendgrid_email_sent", age: timedelta = timedelta(), **columns: object
    ) -> list[Event]:
        base: dict[str, object] = {
            "provider": "sendgrid",
            "event": name,
            "outcome": Outcome.SUCCESS,
            "environment": "production",
        }
        made = [
            Event(**base | {"id": new_id(), "occurred_at": utc_now() - age - timedelta(minutes=n)} | columns)  # type: ignore[arg-type]
            for n in range(number)
        ]
        with SqliteEventLog(tmp_path / "releaseguard.db") as log:
            log.append(made)
        return made

    return write


KEY = "SG." + "a1B2" * 6 + "." + "c3D4" * 10


@pytest.mark.parametrize(
    ("arguments", "stored"),
    [
        (
            ("events", "log", "sendgrid", "sendgrid_error", "error", "--detail", f"note=key {KEY} in a gist"),
            "key [secret] in",
        ),
        (("events", "log", "sendgrid", "sendgrid_error", "error", "--error-code", f"bad {KEY}"), "bad [secret]"),
        (("events", "deployed", "--release", KEY), "[secret]"),
        (("events", "deployed", "--release", "r1", "--deployment-id", KEY), "[secret]"),
    ],
)
def test_a_key_that_somebody_typed_is_not_stored_and_that_is_said(
    cli: Commands, tmp_path: Path, arguments: tuple[str, ...], stored: str
) -> None:
    done = cli.run(*arguments)
    assert done.code == 0
    assert "stored as" in done.err
    rows = "".join(str(row) for row in _rows(tmp_path))
    assert stored in rows
    assert KEY not in rows + done.out + done.err


def test_nothing_is_said_where_nothing_was_taken_out(cli: Commands) -> None:
    done = cli.run("events", "deployed", "--release", "1.4.2+20261124101500", "--deployment-id", "dpl_8x7y6z5w4v3u2t1s")
    assert "stored as" not in done.err


@pytest.mark.parametrize("reason", [f"key {KEY} in a gist", "mail of ada@example.com has it"])
def test_a_reason_is_scrubbed_before_anything_is_done_with_it(cli: Commands, reason: str) -> None:
    done = cli.run("rotate", "sendgrid", "--leak", "--reason", reason, "--dry-run")
    assert "--reason holds what looks like a secret or a person's data" in done.err
    assert KEY not in done.out + done.err
    assert "ada@" not in done.out + done.err


def _rows(folder: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(folder / "releaseguard.db")) as database:
        return database.execute("SELECT * FROM integration_events").fetchall()


def test_log_writes_one_scrubbed_event(cli: Commands) -> None:
    done = cli.run(
        "events", "log", "sendgrid", "sendgrid_error", "error", "--error-code", "401", "--latency-ms", "12",
        "--release", "r1", "--source", "web", "--correlation-id", "c1", "--synthetic", "--environment", "staging",
        "--detail", "secret_version=7", "--detail", "to=ada@example.com", "--at", "2026-11-24T10:15:00Z", "--json",
    )  # fmt: skip
    assert done.code == 0, done.everything
    (event,) = cli.run("events", "list", "--json").json["events"]
    assert event.pop("recorded_at")
    assert event == {
        "id": done.json["event"]["id"], "occurred_at": "2026-11-24T10:15:00.000000Z", "provider": "sendgrid",
        "event": "sendgrid_error", "outcome": "error", "error_code": "401", "latency_ms": 12,
        "environment": "staging", "release": "r1", "source": "web", "correlation_id": "c1", "synthetic": True,
        "detail": {"secret_version": 7, "to": "[email]"},
    }  # fmt: skip


def test_log_names_the_nearest_provider(cli: Commands) -> None:
    done = cli.run("events", "log", "sendgird", "sendgrid_error", "error")
    assert done.code == 2
    assert "sendgrid" in done.err


def test_log_remarks_on_an_event_that_no_card_lists_and_writes_it(cli: Commands) -> None:
    done = cli.run("events", "log", "sendgrid", "sendgrid_email_send", "success")
    assert done.code == 0
    assert "sendgrid_email_sent" in done.err


def test_log_forges_no_event_of_our_own(cli: Commands) -> None:
    assert cli.run("events", "log", "releaseguard", "rotation_proven", "success").code == 2
    assert cli.run("events", "log", "releaseguard", "release_outcome", "success", "--release", "r1").code == 0


@pytest.mark.parametrize("detail", ["x", "=x"])
def test_log_refuses_a_detail_that_is_no_pair(cli: Commands, detail: str) -> None:
    done = cli.run("events", "log", "sendgrid", "sendgrid_error", "error", "--detail", detail, "--json")
    assert done.code == 2
    assert "KEY=VALUE" in done.json["error"]["what"]


def test_list_filters(cli: Commands, seed: Seed) -> None:
    seed(2)
    seed(1, "sendgrid_error", outcome=Outcome.ERROR, error_code="401", release="r2", synthetic=True)
    seed(1, "twilio_sms_sent", provider="twilio", environment="staging", correlation_id="c9")
    seed(1, "mapbox_geocode_ok", provider="mapbox", age=timedelta(hours=3))

    def names(*filters: str) -> list[str]:
        done = cli.run("events", "list", "--json", *filters)
        assert done.code == 0, done.everything
        return sorted(event["event"] for event in done.json["events"])

    everything = names()
    assert len(everything) == 5
    assert names("--provider", "twilio", "--provider", "mapbox") == ["mapbox_geocode_ok", "twilio_sms_sent"]
    assert names("--event", "sendgrid_error") == names("--outcome", "error") == ["sendgrid_error"]
    assert names("--environment", "staging") == names("--correlation-id", "c9") == ["twilio_sms_sent"]
    assert names("--release", "r2") == names("--synthetic") == ["sendgrid_error"]
    assert len(names("--no-synthetic")) == 4
    assert names("--until", "1h") == ["mapbox_geocode_ok"]
    assert "mapbox_geocode_ok" not in names("--since", "1h")
    assert len(names("--limit", "2")) == 2


def test_list_is_a_table_newest_first(cli: Commands, seed: Seed) -> None:
    newer, _ = seed(2)
    done = cli.run("events", "list")
    lines = done.out.splitlines()
    assert lines[0].split() == ["TIME", "EVENT", "OUTCOME", "ENVIRONMENT"]
    assert lines[1].startswith(newer.occurred_at.strftime("%Y-%m-%d %H:%M:%SZ"))
    assert len(lines) == 3


def test_list_of_an_empty_log_says_so(cli: Commands) -> None:
    assert cli.run("events", "list").out == "No events.\n"
    assert cli.run("events", "list", "--json").json == {"events": []}


def test_a_time_without_an_offset_is_refused(cli: Commands) -> None:
    done = cli.run("events", "list", "--since", "2026-11-24T10:15:00")
    assert done.code == 2
    assert "no offset" in done.err


@pytest.mark.parametrize(
    "words",
    [
        ("list", "--since", "99999999999d"),
        ("list", "--until", "9999-12-31T23:59:59-14:00"),
        ("list", "--limit", "99999999999999999999"),
        ("list", "--correlation-id", "\udcff"),
        ("prune", "--older-than", "99999999999d", "--yes"),
        ("log", "sendgrid", "sendgrid_email_sent", "success", "--latency-ms", "3000000000"),
    ],
)
def test_what_no_store_can_take_is_a_usage_error(cli: Commands, words: tuple[str, ...]) -> None:
    done = cli.run("events", *words)
    assert done.code == 2
    assert "bug" not in done.err


def test_a_detail_that_is_nested_without_end_is_a_text(cli: Commands) -> None:
    done = cli.run("events", "log", "sendgrid", "sendgrid_email_sent", "success", "--detail", "x=" + "[" * 20_000)
    assert done.code == 0, done.err


def test_export_is_json_lines_oldest_first(cli: Commands, seed: Seed, tmp_path: Path) -> None:
    made = seed(3, detail={"ğ": "ü"})
    done = cli.run("events", "export")
    assert [jsonl.parse(line).id for line in done.out.splitlines()] == [event.id for event in reversed(made)]
    done = cli.run("events", "export", "-o", "out.jsonl", "--json")
    assert done.json == {"file": "out.jsonl", "events": 3}
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 3


def test_an_export_that_breaks_off_leaves_the_file_of_before(
    cli: Commands, seed: Seed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(3)
    (tmp_path / "out.jsonl").write_text("the last whole one\n")
    written: list[object] = []

    def breaks(event: Event) -> str:
        written.append(event)
        if len(written) == 2:
            raise Unreachable("the connection was lost")
        return "{}\n"

    monkeypatch.setattr("releaseguard.eventlog.export.line", breaks)
    done = cli.run("events", "export", "-o", "out.jsonl")
    assert done.code == 5
    assert (tmp_path / "out.jsonl").read_text() == "the last whole one\n"
    assert not (tmp_path / "out.jsonl.part").exists()


def test_export_to_a_file_that_cannot_be_written_is_a_usage_error(cli: Commands) -> None:
    done = cli.run("events", "export", "-o", "no/such/folder.jsonl")
    assert done.code == 2
    assert "cannot write" in done.err


def test_a_reader_that_leaves_early_is_no_failure(cli: Commands, seed: Seed) -> None:
    seed(3000)
    process = cli.start("events", "export")
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=60) == 0
    assert process.stderr.read() == ""
    process.stderr.close()
    process.stdin.close()


def test_tail_shows_the_newest_then_what_comes_and_ends_cleanly(cli: Commands, seed: Seed) -> None:
    seed(3, "before")
    with cli.start("events", "tail", "-n", "2", "--interval", "0.05s", "--json") as process:
        assert process.stdout is not None
        assert [json.loads(process.stdout.readline())["event"] for _ in range(2)] == ["before", "before"]
        seed(1, "late", age=timedelta(hours=5))
        assert json.loads(process.stdout.readline())["event"] == "late", "by recorded_at, not by occurred_at"
        process.send_signal(signal.SIGINT)
        done = ended(process)
    assert (done.code, done.out, done.err.strip()) == (130, "", "Interrupted.")


def test_tail_into_a_pipe_that_closes_ends_quietly(cli: Commands, seed: Seed) -> None:
    process = cli.start("events", "tail", "--interval", "0.05s")
    assert process.stdout is not None
    seed(1, "first")
    assert "first" in process.stdout.readline()
    process.stdout.close()
    while process.poll() is None:
        seed(1, "unheard")
    assert process.returncode == 0
    assert process.communicate()[1] == ""


def test_deployed_marks_a_release_once(cli: Commands) -> None:
    words = ("events", "deployed", "--release", "abc", "--at", "2026-01-24T10:15:00Z", "--json")
    first, second = cli.run(*words, "--deployment-id", "dpl_1"), cli.run(*words)
    assert (first.json["new"], second.json["new"]) == (True, False)
    (event,) = cli.run("events", "list", "--json").json["events"]
    assert event["id"] == second.json["event"]["id"]
    assert (event["provider"], event["event"], event["release"]) == ("releaseguard", "release_deployed", "abc")
    assert event["detail"] == {"release": "abc", "deployment_id": "dpl_1"}
    assert event["occurred_at"] == "2026-01-24T10:15:00.000000Z"


def test_deployed_at_another_time_or_place_is_another_event(cli: Commands) -> None:
    base = ("events", "deployed", "--release", "abc", "--json")
    for more in (("--at", "2026-01-24T10:15:00Z"), ("--at", "2026-01-24T10:15:01Z"), ("--environment", "staging"), ()):
        assert cli.run(*base, *more).json["new"]
    assert len(cli.run("events", "list", "--json").json["events"]) == 4


@pytest.mark.parametrize("words", [("--release", " "), (), ("--release", "a", "--at", "2099-01-01T00:00:00Z")])
def test_deployed_refuses_what_is_no_deployment(cli: Commands, words: tuple[str, ...]) -> None:
    assert cli.run("events", "deployed", *words).code == 2
    assert cli.run("events", "list", "--json").json == {"events": []}


def test_a_mark_that_is_set_again_is_said_to_be_the_same_deployment(cli: Commands) -> None:
    cli.run("events", "deployed", "--release", "r1", "--at", "10m")
    again = cli.run("events", "deployed", "--release", "r1", "--at", "5m")
    assert (again.code, "with --again it is a new one" in again.err) == (0, True)
    meant = cli.run("events", "deployed", "--release", "r1", "--at", "5m", "--again", "--json")
    assert (meant.json["new"], meant.json["event"]["detail"]["again"], meant.err) == (True, True, "")
    other = cli.run("events", "deployed", "--release", "r2", "--at", "1m")
    assert other.err == ""


def test_what_is_said_of_a_deployment_is_recorded(cli: Commands) -> None:
    words = ("events", "deployed", "--release", "r1", "--at", "2026-01-24T10:15:00Z", "--json")
    said = ("--component", "web", "--removes", "paytr", "--removes", "twilio", "--expect-traffic", "2x", "--rolls-back")
    done = cli.run(*words, *said)
    assert done.json["event"]["detail"] == {
        "release": "r1",
        "component": "web",
        "removes": ["paytr", "twilio"],
        "expect_traffic": 2.0,
        "rolls_back": True,
    }
    assert "No [components] are configured" in done.err
    assert cli.run(*words).json["new"], "it is another mark of the same moment"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--removes", "pyatr"), "paytr"),
        (("--expect-traffic", "twice"), "2x"),
        (("--expect-traffic", "0"), "2x"),
        (("--expect-traffic", "inf"), "2x"),
        (("--component", "wbe"), "web"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_can(
    cli: Commands, tmp_path: Path, more: tuple[str, ...], said: str
) -> None:
    (tmp_path / "releaseguard.toml").write_text('[components]\nweb = ["web"]\n', encoding="utf-8")
    done = cli.run("events", "deployed", "--release", "r1", *more)
    assert (done.code, said in done.err) == (2, True)
    assert cli.run("events", "list", "--json").json == {"events": []}


def test_migrate_creates_the_table_and_says_what_it_did(cli: Commands, tmp_path: Path) -> None:
    (tmp_path / "releaseguard.db").unlink(missing_ok=True)
    assert cli.run("events", "migrate", "--json").code == 0
    sql = cli.run("events", "migrate", "--sql").out
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(sql)
        assert connection.execute("SELECT count(*) FROM integration_events").fetchone() == (0,)


def _chain(tmp_path: Path) -> None:
    with SqliteEventLog(tmp_path / "releaseguard.db") as log:
        old = datetime(2020, 1, 1, tzinfo=UTC)
        log.append_exclusively(
            seal(
                ChainKey("sendgrid", "production"),
                None,
                [draft_of(LeaseTaken(), "ada")],
                occurred_at=old,
                source="test",
            )
        )


def test_migrating_says_that_it_made_a_log_where_there_was_no_file(cli: Commands) -> None:
    made = cli.run("events", "migrate")
    assert "created table integration_events" in made.out.splitlines()
    assert cli.run("events", "migrate").out.startswith("Nothing to do")


@pytest.mark.parametrize(
    "url", ["${RELEASEGUARD_EVENTS_URL}", "postgresql://app:${RELEASEGUARD_EVENTS_PASSWORD}@db/app"]
)
@pytest.mark.parametrize("what", ["--sql", "--additions"])
def test_the_sql_needs_no_variable_of_the_address(cli: Commands, tmp_path: Path, url: str, what: str) -> None:
    """As a hook has none that reads a configuration before it is committed."""
    (tmp_path / "releaseguard.toml").write_text(f"[events]\nurl = '{url}'\n[events.columns]\nrelease = 'sha'\n")
    done = cli.run("events", "migrate", what)
    assert done.code == 0, done.everything
    assert cli.run("events", "migrate").code == 2


def test_the_sql_for_supabase_is_printed_without_its_key(cli: Commands, tmp_path: Path) -> None:
    config = tmp_path / "releaseguard.toml"
    config.write_text(config.read_text() + '[events]\nurl = "https://ref.supabase.co"\n')
    done = cli.run("events", "migrate", "--sql")
    assert done.code == 0, done.err
    assert "ENABLE ROW LEVEL SECURITY" in done.out.upper()


def test_prune_deletes_old_traffic_and_never_a_row_of_our_own(cli: Commands, seed: Seed, tmp_path: Path) -> None:
    _chain(tmp_path)
    seed(3, age=timedelta(days=100))
    seed(2, "twilio_sms_sent", provider="twilio", environment="staging", age=timedelta(days=100))
    seed(4)
    dry = cli.run("events", "prune", "--older-than", "90d", "--dry-run", "--json").json
    assert (dry["events"], dry["deleted"]) == (5, 0)
    one = cli.run("events", "prune", "--older-than", "90d", "--environment", "staging", "--yes", "--json").json
    assert one["deleted"] == 2
    rest = cli.run("events", "prune", "--older-than", "90d", "--yes", "--json").json
    assert rest["deleted"] == 3
    left = sorted(event["event"] for event in cli.run("events", "list", "--json").json["events"])
    assert left == ["rotation_lease_taken"] + ["sendgrid_email_sent"] * 4
    assert cli.run("audit", "verify").code == 0


def test_prune_without_anybody_to_ask_is_refused(cli: Commands, seed: Seed) -> None:
    seed(1, age=timedelta(days=100))
    done = cli.run("events", "prune", "--older-than", "90d")
    assert done.code == 4
    assert "--yes" in done.err
    assert len(cli.run("events", "list", "--json").json["events"]) == 1


def test_prune_keeps_what_verify_compares_with(cli: Commands) -> None:
    done = cli.run("events", "prune", "--older-than", "1d", "--yes")
    assert done.code == 2
    assert "baseline" in done.err


def test_an_app_table_without_optional_columns_is_read_and_what_they_cost_is_said_once(
    cli: Commands, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "releaseguard.db")) as connection:
        connection.execute(
            "CREATE TABLE logs (id TEXT PRIMARY KEY, at TEXT, provider TEXT, event TEXT, outcome TEXT,"
            " environment TEXT, error_code TEXT, latency_ms INTEGER, release TEXT, source TEXT, correlation_id TEXT,"
            " detail TEXT)"
        )
    config = tmp_path / "releaseguard.toml"
    mapping = '[events]\ntable = "logs"\nresults_table = "results"\n[events.columns]\noccurred_at = "at"\n'
    config.write_text(config.read_text() + mapping)
    assert cli.run("events", "migrate").code == 0
    assert cli.run("events", "log", "sendgrid", "sendgrid_email_sent", "success").code == 0
    done = cli.run("events", "list", "--json")
    assert [event["event"] for event in done.json["events"]] == ["sendgrid_email_sent"]
    assert done.err == "The app's table logs does without: recorded_at (no --as-of), synthetic (no flows).\n"
    asked = cli.run("verify", "--release", "a", "--deployed-at", "1h", "--as-of", "1m")
    assert asked.code == 2
    assert "recorded_at" in asked.err


def test_prune_leaves_a_table_of_the_apps_own_alone(cli: Commands, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "releaseguard.db")) as connection:
        connection.execute(
            "CREATE TABLE logs (id TEXT PRIMARY KEY, at TEXT NOT NULL, recorded_at TEXT NOT NULL,"
            " provider TEXT NOT NULL, event TEXT NOT NULL, outcome TEXT NOT NULL, error_code TEXT, latency_ms INTEGER,"
            " environment TEXT NOT NULL, release TEXT, source TEXT, correlation_id TEXT, synthetic INTEGER NOT NULL,"
            " detail TEXT NOT NULL)"
        )
        old = to_text(utc_now() - timedelta(days=100))
        row = (str(new_id()), old, old, "sendgrid", "x", "success", "production", 0, "{}")
        connection.execute(
            "INSERT INTO logs (id, at, recorded_at, provider, event, outcome, environment, synthetic, detail)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row,
        )  # fmt: skip
        connection.commit()
    with (tmp_path / "releaseguard.toml").open("a") as file:
        file.write('[events]\ntable = "logs"\nresults_table = "ours"\n[events.columns]\noccurred_at = "at"\n')
    assert cli.run("events", "migrate").code == 0
    done = cli.run("events", "prune", "--older-than", "90d", "--yes")
    assert done.code == 2
    assert "the app's own" in done.err


@pytest.mark.parametrize("name", ["log", "list", "tail", "deployed", "migrate", "export", "prune"])
def test_help_has_an_example(cli: Commands, name: str) -> None:
    done = cli.run("events", name, "--help")
    assert done.code == 0
    assert f"releaseguard events {name}" in done.out.replace("\n  ", " ")
    assert "--json" in done.out


def test_a_store_that_is_away_is_exit_5(cli: Commands, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    (tmp_path / "releaseguard.toml").write_text(
        f'[events]\nurl = "http://127.0.0.1:{port}"\n[network]\ntimeout = "1s"\npatience = "1s"\n'
    )
    for words in (("list",), ("log", "sendgrid", "sendgrid_error", "error"), ("deployed", "--release", "r1")):
        done = cli.run("events", *words, SUPABASE_SERVICE_ROLE_KEY="service-role-key-of-a-test")
        assert done.code == 5, done.everything
        assert "next:" in done.err


def test_forty_columns_are_enough(cli: Commands, seed: Seed) -> None:
    seed(1, "sendgrid_error", outcome=Outcome.ERROR, error_code="401", release="abcdef0123456789", source="web")
    script = (
        "import os, pty, sys\nos.environ['COLUMNS'] = '40'\n"
        "code = pty.spawn([sys.executable, '-m', 'releaseguard', 'events', 'list'])\nsys.exit(code >> 8)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", script],
        cwd=cli.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    lines = shown.replace("\r", "").splitlines()
    assert all(len(line) <= 40 for line in lines), lines
    assert "error" in lines[1]
