"""``verify`` and ``backtest`` from the command line, over a seeded week of events."""

from __future__ import annotations

import json
import shlex
import shutil
import sqlite3
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest

from releaseguard.eventlog.interface import Query
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import Event, Outcome, from_text, new_id, to_text, utc_now
from releaseguard.sandbox.seed import Breakage, Released, Week
from releaseguard.sandbox.story import BUSY
from tests.support import extent
from tests.support.commands import Commands
from tests.support.seeding import once

BEHIND = timedelta(days=7) if extent.is_whole() else timedelta(days=1)
"""How much past the log has."""
NOW = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)


def _release(path):
    """A log with a good release 80 minutes ago and a bad one 40 minutes ago, and its hours as an earlier look counted
    them: what is counted without that is seen in the event log's own tests."""
    with SqliteEventLog(path) as log:
        log.migrate()
    week = Week(path, seed=7, streams=BUSY)
    live = NOW - timedelta(minutes=80)
    week.write(live, "before", since=live - BEHIND)
    week.append(Released(release="good", deployed_at=live), NOW)
    week.append(Released(release="bad", deployed_at=NOW - timedelta(minutes=40)), NOW, Breakage())
    with SqliteEventLog(path) as log:
        assert list(log.hour_counts(Query(since=live - BEHIND, until=NOW)))


@pytest.fixture(scope="session")
def seeded(tmp_path_factory):
    return once(tmp_path_factory, "released.db", _release), NOW


@pytest.fixture
def cli(tmp_path, seeded):
    shutil.copy(seeded[0], tmp_path / "log.db")
    (tmp_path / "releaseguard.toml").write_text('[events]\nurl = "sqlite:///log.db"\n')
    return Commands(tmp_path, {})


def test_a_good_release_passes_and_a_bad_one_fails_with_its_reason(cli):
    good = cli.run("verify", "--release", "good", "--json")
    assert (good.code, good.json["verdict"]) == (0, "pass"), good.everything
    bad = cli.run("verify")
    assert bad.code == 1
    assert "FAIL  sendgrid.errors failed" in bad.out
    assert "therefore the release fails" in " ".join(bad.out.split())


def test_every_check_says_what_was_observed_needed_and_why(cli):
    document = cli.run("verify", "--json").json
    assert {"verdict", "release", "environment", "deployed_at", "as_of", "checks", "skipped"} <= document.keys()
    failed = next(row for row in document["checks"] if row["id"] == "sendgrid.errors")
    assert {"window", "events", "errors", "interval", "e_value", "threshold", "event_ids"} <= failed["evidence"].keys()
    assert 1 <= len(failed["evidence"]["event_ids"]) <= 5
    assert all(row["reason"] for row in [*document["checks"], *document["skipped"]])


def test_the_same_rows_give_the_same_bytes(cli, seeded):
    at = to_text(seeded[1] - timedelta(minutes=15))
    first = cli.run("verify", "--as-of", at, "--json")
    again = cli.run("verify", "--as-of", at, "--json")
    assert first.out == again.out
    assert first.json["release"] == "bad"


def test_as_of_knows_nothing_of_later_rows(cli, tmp_path, seeded):
    at = seeded[1] - timedelta(minutes=15)
    before = cli.run("verify", "--as-of", to_text(at), "--json").out
    with sqlite3.connect(tmp_path / "log.db") as connection:
        connection.execute("DELETE FROM integration_events WHERE recorded_at > ?", (to_text(at),))
    connection.close()
    assert cli.run("verify", "--as-of", to_text(at), "--json").out == before


def test_before_anything_arrived_nothing_is_decided(cli, seeded):
    done = cli.run("verify", "--as-of", to_text(seeded[1] - timedelta(minutes=39, seconds=30)), "--json")
    assert (done.code, done.json["verdict"]) == (3, "inconclusive")


def test_results_are_written_back_unless_the_past_is_judged(cli, seeded):
    cli.run("verify", "--as-of", to_text(seeded[1] - timedelta(minutes=15)))
    assert "release_verified" not in cli.run("events", "list", "--provider", "releaseguard").out
    cli.run("verify")
    assert "release_verified" in cli.run("events", "list", "--provider", "releaseguard").out


def test_a_deployment_dated_in_the_future_does_not_hide_the_newest_one(cli, tmp_path):
    with sqlite3.connect(tmp_path / "log.db") as connection:
        connection.execute(
            "INSERT INTO integration_events"
            " (id, occurred_at, recorded_at, provider, event, outcome, environment, release) VALUES"
            " ('00000000-0000-4000-8000-000000000001', ?, ?, 'releaseguard', 'release_deployed', 'success',"
            " 'production', 'tomorrow')",
            (to_text(utc_now() + timedelta(days=1)), to_text(utc_now())),
        )
    connection.close()
    assert cli.run("verify", "--json").json["release"] == "bad"


PRIVACY = ("verify", "--check", "sendgrid.privacy", "--check", "twilio.privacy", "--json")


def test_a_log_that_fell_silent_passes_nothing_not_even_by_single_rows(cli, tmp_path, seeded):
    since = to_text(seeded[1] - timedelta(minutes=34))
    with sqlite3.connect(tmp_path / "log.db") as connection:
        connection.execute("DELETE FROM integration_events WHERE occurred_at > ? OR recorded_at > ?", (since, since))
    connection.close()
    done = cli.run(*PRIVACY, "--as-of", to_text(seeded[1]))
    assert {row["evidence"]["rows"] > 0 for row in done.json["checks"]} == {True}
    assert {row["evidence"].get("silence_cause") for row in done.json["checks"]} == {"log"}
    assert (done.code, done.json["verdict"]) == (3, "inconclusive")


def test_a_test_users_events_do_not_make_a_check_of_the_traffic(cli, tmp_path, seeded):
    with SqliteEventLog(tmp_path / "log.db") as log:
        at = seeded[1] - timedelta(minutes=30)
        log.append(
            [
                Event(
                    id=new_id(),
                    occurred_at=at,
                    provider="idenfy",
                    event="idenfy_token_issued",
                    outcome=Outcome.SUCCESS,
                    environment="production",
                    release="bad",
                    synthetic=True,
                )
            ]
        )
    done = cli.run("verify", "--json")
    skipped = {row["id"] for row in done.json["skipped"]}
    assert {"idenfy.errors", "idenfy.volume", "idenfy.privacy"} <= skipped
    replayed = cli.run("backtest", "--json").json["releases"][-1]
    assert not any(row["provider"] == "idenfy" for row in replayed["checks"])


def test_flows_that_lack_their_test_users_vault_name_that_setting(cli, tmp_path):
    path = tmp_path / "releaseguard.toml"
    path.write_text(path.read_text() + '[app]\nurl = "http://127.0.0.1:1"\n')
    skipped = {row["id"]: row["reason"] for row in cli.run("verify", "--json").json["skipped"]}
    assert skipped["sendgrid.send"] == "not configured: [infisical] project_id"


def test_a_watch_ends_as_soon_as_it_is_decided(cli):
    done = cli.run("verify", "--watch", "--within", "30m", "--json")
    assert (done.code, done.json["verdict"]) == (1, "fail")


def test_an_undecided_watch_ends_with_its_time_and_says_what_it_waits_for(cli, tmp_path):
    cli.run("events", "deployed", "--release", "just-now")
    done = cli.run("verify", "--watch", "--within", "1s")
    assert done.code == 3
    assert "INCONCLUSIVE" in done.out


def test_a_reader_that_left_does_not_turn_a_failure_into_success(cli):
    process = cli.start("verify", "-q")
    process.stdout.close()
    process.stdin.close()
    complaints = process.stderr.read()
    process.stderr.close()
    assert (process.wait(timeout=120), complaints) == (1, "")


def test_a_log_that_takes_no_rows_does_not_swallow_the_verdict(cli, tmp_path):
    with sqlite3.connect(tmp_path / "log.db") as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON integration_events BEGIN SELECT raise(ABORT, 'no space'); END"
        )
    connection.close()
    done = cli.run("verify", "--json", "-q")
    assert (done.code, done.json["verdict"]) == (1, "fail")
    assert "no space" in done.err


def test_a_check_of_another_provider_than_the_asked_is_no_empty_verdict(cli):
    done = cli.run("verify", "--check", "sendgrid.errors", "--provider", "mapbox")
    assert done.code == 2
    assert "nothing in common" in done.err


@pytest.mark.parametrize("output", [".", "missing/verdict.json"])
def test_a_file_that_cannot_be_written_is_said_before_anything_is_judged(cli, output):
    done = cli.run("verify", "-o", output)
    assert done.code == 2
    assert "cannot be written" in done.err
    assert "release_verified" not in cli.run("events", "list", "--provider", "releaseguard").out


@pytest.mark.parametrize(
    ("command", "flag"),
    [
        ("verify", "--window"),
        ("verify", "--baseline"),
        ("backtest", "--window"),
        ("backtest", "--baseline"),
        ("backtest", "--every"),
    ],
)
def test_a_span_of_nothing_is_refused_and_not_replaced_by_the_configured_one(cli, command, flag):
    done = cli.run(command, flag, "0s")
    assert done.code == 2
    assert flag in done.err


@pytest.mark.parametrize(
    "flags",
    [
        ("--as-of", "9999-12-31T23:59:59Z"),
        ("--as-of", "0001-01-01T00:00:00+14:00"),
        ("--as-of", "9999999w"),
        ("--release", "new", "--deployed-at", "9999-12-31T23:59:59Z"),
        ("--window", "99999999999d"),
    ],
)
def test_a_time_that_no_calendar_can_tell_is_refused_in_words(cli, flags):
    done = cli.run("verify", *flags)
    assert done.code == 2, done.everything
    assert flags[-1] in done.err


@pytest.mark.parametrize(
    "command",
    [
        ("verify", "--as-of", "2100-01-01T00:00:00Z"),
        ("incident", "sendgrid", "--as-of", "2100-01-01T00:00:00Z"),
        ("verify", "--release", "new", "--deployed-at", "2100-01-01T00:00:00Z"),
        ("events", "deployed", "--release", "new", "--at", "2100-01-01T00:00:00Z"),
    ],
)
def test_what_is_not_yet_is_not_judged(cli, command):
    """A window that is over in 2100 is not over, and the same question later would have another answer."""
    done = cli.run(*command)
    assert (done.code, done.out) == (2, "")
    assert f"{command[-2]} is in the future" in done.err


def test_a_time_may_be_written_as_rfc_3339_allows(cli, seeded):
    at = to_text(seeded[1] - timedelta(minutes=15))
    assert (
        cli.run("verify", "--as-of", f" {at.lower()} ", "--json").out == cli.run("verify", "--as-of", at, "--json").out
    )


@pytest.mark.parametrize("command", [("verify",), ("health",), ("incident", "sendgrid")])
def test_with_json_a_file_of_another_format_leaves_stdout_its_one_document(cli, tmp_path, command):
    done = cli.run(*command, "--json", "--format", "html", "-o", "page.html")
    assert json.loads(done.out).keys() == cli.run(*command, "--json").json.keys()
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize("name", ["text", "html", "sarif"])
def test_two_formats_on_stdout_are_refused_before_anything_is_judged(cli, name):
    done = cli.run("verify", "--json", "--format", name)
    assert (done.code, done.json["error"]["exit_code"]) == (2, 2)
    assert "-o FILE" in done.json["error"]["next_step"]
    assert cli.run("verify", "--json", "--format", "json").json["verdict"] == "fail"


@pytest.mark.parametrize("command", [("verify",), ("events", "deployed")])
def test_a_release_that_is_no_text_is_refused(cli, command):
    done = cli.run(*command, "--release", "\udcff\udcfe")
    assert done.code == 2, done.everything
    assert "--release holds bytes that are not UTF-8" in done.err


@pytest.mark.parametrize("name", ["text", "json", "markdown", "junit", "html", "sarif"])
def test_every_format_can_be_written_to_a_file(cli, tmp_path, name):
    done = cli.run("verify", "--format", name, "-o", "verdict")
    assert done.code == 1
    text = (tmp_path / "verdict").read_text()
    if name in {"json", "sarif"}:
        json.loads(text)
    if name == "junit":
        ET.fromstring(text.split("?>", 1)[1])
    assert "sendgrid.errors" in text


def test_explain_shows_one_check(cli):
    done = cli.run("verify", "--explain", "sendgrid.errors", "--json")
    assert [row["id"] for row in done.json["checks"]] == ["sendgrid.errors"]
    assert done.code == 1


def test_a_log_without_recorded_at_cannot_be_judged_as_of(cli, tmp_path):
    path = tmp_path / "releaseguard.toml"
    path.write_text(path.read_text() + "[events.columns]\nrecorded_at = false\n")
    done = cli.run("verify", "--as-of", "2026-11-24T10:00:00Z")
    assert done.code == 2
    assert "recorded_at" in done.err


def test_backtest_says_when_it_would_have_known(cli):
    document = cli.run("backtest", "--environment", "all", "--json").json
    rows = {row["release"]: row for row in document["releases"]}
    assert rows["bad"]["verdict"] == "fail"
    assert 0 < rows["bad"]["failed_after_s"] <= 600
    assert rows["good"]["verdict"] == "pass"
    assert rows["good"]["failed_after_s"] is None
    assert rows["good"]["decided_after_s"] > 0


@pytest.mark.parametrize("release", ["good", "bad"])
def test_backtest_says_what_verify_says_as_of_the_same_moments(cli, release):
    rows = cli.run("backtest", "--environment", "all", "--json").json["releases"]
    (row,) = [one for one in rows if one["release"] == release]
    wanted = [word for check in row["checks"] for word in ("--check", check["id"])]

    def as_of(seconds: int):
        moment = to_text(from_text(row["deployed_at"]) + timedelta(seconds=seconds))
        return cli.run("verify", "--release", release, "--as-of", moment, "--json", *wanted).json

    assert as_of(row["decided_after_s"] - 60)["verdict"] != row["verdict"]
    assert as_of(row["decided_after_s"])["verdict"] == row["verdict"]
    at_the_end = {check["id"]: (check["verdict"], check["reason"]) for check in as_of(30 * 60)["checks"]}
    assert {check["id"]: (check["verdict"], check["reason"]) for check in row["checks"]} == at_the_end


def test_backtest_dates_what_stays_undecided_and_looks_as_often_as_asked(cli, tmp_path, seeded):
    unseen = {"environment": "quiet", "release": "unseen", "occurred_at": seeded[1] - timedelta(minutes=40)}
    with SqliteEventLog(tmp_path / "log.db") as log:
        log.append(
            [Event(id=new_id(), provider="releaseguard", event="release_deployed", outcome=Outcome.SUCCESS, **unseen)]
        )
    done = cli.run("backtest", "--environment", "all", "--every", "7m", "--json")
    rows = {row["release"]: row for row in done.json["releases"]}
    assert rows["bad"]["failed_after_s"] == rows["bad"]["decided_after_s"] == 7 * 60
    assert (rows["unseen"]["verdict"], rows["unseen"]["decided_after_s"]) == ("inconclusive", 7 * 60)


def test_backtest_counts_false_alarms_where_labels_say_what_was_good(cli, tmp_path):
    (tmp_path / "labels.json").write_text('{"good": true, "bad": false}')
    document = cli.run("backtest", "--labels", "labels.json", "--json").json
    alarms = document["false_alarms"]
    assert (alarms["good_failed"], alarms["bad_failed"]) == (0, 1)
    assert len(document["thresholds"]) >= 3


@pytest.mark.parametrize(("lang", "said"), [("en", "No verdict was reached. Look again"), ("tr", "Yeniden bakın")])
def test_ctrl_c_says_that_nothing_was_decided_and_how_to_look_again(tmp_path, monkeypatch, lang, said):
    def interrupted(*_):
        raise KeyboardInterrupt

    (tmp_path / "releaseguard.toml").write_text('[events]\nurl = "sqlite:///log.db"\n')
    cli = Commands(tmp_path, {})
    assert cli.run("events", "deployed", "--release", "v 2").code == 0
    monkeypatch.setattr("releaseguard.verification.watch.verify", interrupted)
    done = cli.run("verify", "--release", "v 2", "--watch", "--lang", lang)
    assert done.code == 130
    assert said in done.err
    assert "releaseguard verify --release 'v 2'" in done.err


@pytest.mark.parametrize("flags", [[], ["--release", "r 9"], ["--component", "web"], ["--environment", "staging"]])
def test_what_is_said_of_a_missing_mark_is_a_command_that_makes_it(tmp_path, flags):
    staging = '[environments.staging]\nverify.window = "10m"\n'
    (tmp_path / "releaseguard.toml").write_text(f'[events]\nurl = "sqlite:///log.db"\n{staging}')
    commands = Commands(tmp_path, {})
    said = commands.run("verify", *flags)
    assert said.code == 2
    step = said.err.partition("Mark it: releaseguard ")[2].partition(", or give")[0]
    assert commands.run(*shlex.split(step)).code == 0, said.err
    assert commands.run("verify", "--no-flows", *flags).code == 3
