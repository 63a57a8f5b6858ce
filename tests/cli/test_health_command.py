"""``health`` from the command line: what is printed, in which form, with which exit code."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from releaseguard.errors import Unreachable
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.health.run import Observer
from releaseguard.model import Event, Outcome, new_id, utc_now
from tests.support.commands import ended

NASTY = "<script>alert(1)</script>"


def events(provider, when, *, ok=True, code=None, **more):
    return [
        Event(
            id=new_id(),
            occurred_at=at,
            provider=provider,
            event=f"{provider}_{'ok' if ok else 'error'}",
            outcome=Outcome.SUCCESS if ok else Outcome.ERROR,
            environment="production",
            error_code=code,
            **more,
        )
        for at in when
    ]


def every(minutes, since, until) -> list[datetime]:
    """Moments from ``since`` to ``until``, both minutes ago, ``minutes`` apart."""
    now, count = utc_now(), int((since - until) / minutes)
    return [now - timedelta(minutes=until + minutes * i) for i in range(1, count + 1)]


@pytest.fixture
def write(tmp_path):
    """Writes events as if each had been recorded when it occurred."""
    path = tmp_path / "releaseguard.db"

    def wrote(rows):
        with SqliteEventLog(path) as log:
            log.restore(replace(row, recorded_at=row.occurred_at) for row in rows)

    with SqliteEventLog(path) as log:
        log.migrate()
    return wrote


@pytest.fixture
def calm(write):
    write(events("sendgrid", every(1, 600, 0), latency_ms=120))
    write(events("mapbox", every(0.5, 600, 0), latency_ms=80))


def test_where_all_is_well_the_exit_code_is_0_and_every_provider_is_told_of(cli, calm):
    done = cli.run("health", "--json")
    assert done.code == 0, done.everything
    rows = {row["provider"]: row for row in done.json["providers"]}
    assert rows["sendgrid"]["state"] == rows["mapbox"]["state"] == "healthy"
    assert rows["sendgrid"]["latency_ms"] == {"p50": 120, "p95": 120}
    assert rows["twilio"]["state"] == "unknown"
    assert rows["sendgrid"]["events"] == sum(one["successes"] for one in rows["sendgrid"]["course"])


def test_a_failing_provider_comes_first_with_its_codes_and_exit_code_1(cli, write, calm):
    write(events("mapbox", every(0.25, 10, 0), ok=False, code="401"))
    done = cli.run("health")
    assert done.code == 1
    assert "mapbox is down" in done.out.splitlines()[0]
    assert done.out.index("DOWN") < done.out.index("HEALTHY")
    assert "errors: 401 x40" in done.out


def test_one_provider_alone_is_still_judged_beside_the_others(cli, write):
    write(events("mapbox", every(1, 3 * 1440, 0)))
    write(events("sendgrid", every(1, 3 * 1440, 55)))
    done = cli.run("health", "--provider", "sendgrid", "--json")
    assert done.code == 1
    assert [(row["provider"], row["state"]) for row in done.json["providers"]] == [("sendgrid", "silent")]


@pytest.fixture
def flooded(write, calm):
    """A server's calls of Mapbox fail while phones write that all is well."""
    write(events("mapbox", every(1, 600, 0), source="client", latency_ms=9))
    write(events("mapbox", every(0.25, 10, 0), ok=False, code="401", source="web"))
    write(events("mapbox", every(0.02, 10, 0), source="client", latency_ms=9))


def test_what_phones_write_hides_no_failure_of_servers(cli, flooded):
    done = cli.run("health", "--json")
    rows = {row["provider"]: row for row in done.json["providers"]}
    assert done.code == 1
    assert (rows["mapbox"]["state"], rows["mapbox"]["errors"]) == ("down", 40)
    assert rows["mapbox"]["successes"] == pytest.approx(120, abs=3)
    assert rows["mapbox"]["latency_ms"] == {"p50": 80, "p95": 80}
    assert rows["mapbox"]["error_codes"] == [{"code": "401", "count": 40}]
    assert (rows["mapbox (client)"]["name"], rows["mapbox (client)"]["errors"]) == ("Mapbox (client)", 0)
    assert rows["mapbox (client)"]["events"] == pytest.approx(560, abs=5)


def test_one_providers_phones_are_told_of_with_it(cli, flooded):
    done = cli.run("health", "--provider", "mapbox", "--json")
    assert [row["provider"] for row in done.json["providers"]] == ["mapbox", "mapbox (client)"]


def test_an_incident_is_that_of_servers_where_they_write(cli, flooded):
    done = cli.run("incident", "mapbox", "--json")
    assert done.json["state"] == "down", done.everything


def test_phones_are_the_provider_where_no_server_writes(cli, write, calm):
    write(events("expo_push", every(1, 600, 0), source="client"))
    rows = {row["provider"]: row["state"] for row in cli.run("health", "--json").json["providers"]}
    assert rows["expo_push"] == "healthy"
    assert "expo_push (client)" not in rows


@pytest.mark.parametrize("ahead", [timedelta(hours=3), timedelta(days=2)])
def test_rows_of_a_clock_that_is_hours_ahead_count_at_their_recording(cli, write, tmp_path, ahead):
    failing = events("mapbox", every(0.25, 10, 0), ok=False, code="401")
    rows = [*events("mapbox", every(0.5, 600, 10)), *events("sendgrid", every(0.5, 600, 0)), *failing]
    with SqliteEventLog(tmp_path / "releaseguard.db") as log:
        log.restore(replace(row, occurred_at=row.occurred_at + ahead, recorded_at=row.occurred_at) for row in rows)
    done = cli.run("health", "--json")
    found = {row["provider"]: row for row in done.json["providers"]}
    assert (found["mapbox"]["state"], found["sendgrid"]["state"]) == ("down", "healthy")
    assert found["mapbox"]["error_codes"] == [{"code": "401", "count": 40}]
    assert found["mapbox"]["last_error"] <= done.json["as_of"]
    assert "a clock or a time zone is wrong" in done.json["summary"]
    done = cli.run("incident", "mapbox")
    assert "Mapbox has been down" in done.out
    assert "401" in done.out


def test_a_log_without_events_decides_nothing(cli, write):
    done = cli.run("health")
    assert done.code == 3
    assert "no provider could be judged" in done.out
    assert "no event in the log" in done.out


def test_other_environments_and_our_own_rows_are_not_counted(cli, write, calm):
    write(events("releaseguard", every(0.1, 30, 0), ok=False))
    done = cli.run("health", "--environment", "staging", "--json")
    assert done.code == 3
    assert {row["events"] for row in done.json["providers"]} == {0}
    assert "releaseguard" not in {row["provider"] for row in done.json["providers"]}


def test_the_page_is_one_file_without_requests_and_escapes_what_the_log_holds(cli, write, calm, tmp_path):
    write(events("mapbox", every(0.25, 10, 0), ok=False, code=NASTY))
    done = cli.run("health", "--format", "html", "-o", "health.html")
    page = (tmp_path / "health.html").read_text()
    assert done.code == 1
    assert done.out == ""
    assert "mapbox is down" in done.err
    assert NASTY not in page
    assert "&lt;script&gt;" in page
    assert not any(word in page for word in ("http://", "https://", "url(", "<script", "<link", "<img"))


@pytest.mark.parametrize("width", ["30", "60", "200"])
def test_text_fits_the_terminal(cli, calm, width):
    done = cli.run("health", COLUMNS=width)
    longest = max(len(word) for word in done.out.split())
    assert all(len(line) <= max(int(width), longest + 14) for line in done.out.splitlines())


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--window", "3d"), "between 1m and 2d"),
        (("--window", "10"), "is not a duration"),
        (("--provider", "sendgird"), "sendgrid"),
        (("-o", "missing/health.html"), "cannot be written"),
    ],
)
def test_wrong_input_is_a_usage_error_that_says_what_to_write(cli, calm, flags, said):
    done = cli.run("health", *flags)
    assert done.code == 2
    assert said in done.err


def test_a_watch_goes_on_until_ctrl_c(cli, calm):
    process = cli.start("health", "--watch", "--json")
    first = ""
    while not first.endswith("\n}\n"):
        first += process.stdout.readline()
    process.send_signal(signal.SIGINT)
    done = ended(process)
    assert json.loads(first)["environment"] == "production"
    assert done.code == 130
    assert "Traceback" not in done.err


def test_a_watch_shows_what_it_last_saw_while_the_log_does_not_answer(cli, calm, monkeypatch):
    looks = iter([None, Unreachable("the database does not answer"), None, KeyboardInterrupt()])
    look = Observer.look

    def looked(self):
        if (ends := next(looks)) is not None:
            raise ends
        return look(self)

    monkeypatch.setattr(Observer, "look", looked)
    done = cli.run("health", "--watch")
    assert (done.code, done.out.count("no provider is in trouble")) == (130, 3), done.everything
    assert done.err.count("the database does not answer") == 1
