"""``status`` from the command line: what is open, in at most ten lines, with the command that goes on."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.health.status import status_of
from releaseguard.health.values import Overview
from releaseguard.model import OURSELVES, Event, Outcome, new_id, to_text, utc_now
from releaseguard.readable import date_and_clock
from releaseguard.report.layout.display import Display
from releaseguard.report.status.text import LINES, render
from releaseguard.verification.values import Deployment

NOW = utc_now().replace(microsecond=0)
HOUR = timedelta(hours=1)


def deployment(release="r1", ago=HOUR, followed=None, component=None) -> Deployment:
    return Deployment(
        release=release,
        environment="production",
        deployed_at=NOW - ago,
        followed_at=followed and NOW - followed,
        component=component,
    )


def verdict(about: Deployment, said: str, ago=timedelta(0), **detail) -> Event:
    told = {"release": about.release, "deployed_at": to_text(about.deployed_at), "verdict": said}
    component = {"component": about.component} if about.component else {}
    return Event(
        id=new_id(),
        occurred_at=NOW - ago,
        provider=OURSELVES,
        event="release_verified",
        outcome=Outcome.SUCCESS,
        environment="production",
        release=about.release,
        detail={**told, **component, **detail},
    )


def accepted(about: Deployment, ago=timedelta(0)) -> Event:
    said = verdict(about, "warn", ago, check="sendgrid.errors", reason="known")
    return replace(said, event="release_accepted")


def overview(**more) -> Overview:
    return Overview(environment="production", since=NOW - HOUR, until=NOW, newest=NOW, log_down=False, **more)


ONE = deployment()
WEB = deployment(component="web")
GONE = deployment("r0", followed=HOUR / 2)


@pytest.mark.parametrize(
    ("deployments", "verdicts", "failing", "unjudged"),
    [
        ([ONE], [], [], ["r1"]),
        ([ONE], [verdict(ONE, "inconclusive")], [], ["r1"]),
        ([ONE], [verdict(ONE, "pass")], [], []),
        ([ONE], [verdict(ONE, "warn")], [], []),
        ([ONE], [verdict(ONE, "fail")], ["r1"], []),
        ([ONE], [verdict(ONE, "fail"), verdict(ONE, "pass")], ["r1"], []),
        ([ONE], [verdict(ONE, "fail", HOUR / 2), accepted(ONE, HOUR / 3), verdict(ONE, "warn")], [], []),
        ([ONE], [verdict(ONE, "fail", HOUR / 2), accepted(ONE, HOUR / 3), verdict(ONE, "fail")], ["r1"], []),
        ([ONE], [verdict(ONE, "fail", HOUR / 2), accepted(WEB, HOUR / 3), verdict(ONE, "warn")], ["r1"], []),
        ([ONE], [verdict(deployment("r2"), "pass")], [], ["r1"]),
        ([ONE], [verdict(deployment(ago=3 * HOUR), "pass")], [], ["r1"]),
        ([WEB], [verdict(ONE, "pass")], [], ["r1"]),
        ([WEB], [verdict(WEB, "fail")], ["r1"], []),
        ([GONE], [], [], ["r0"]),
        ([GONE], [verdict(GONE, "inconclusive")], [], []),
        ([deployment(ago=25 * HOUR)], [], [], []),
        ([deployment(ago=25 * HOUR)], [verdict(deployment(ago=25 * HOUR), "fail")], ["r1"], []),
    ],
    ids=[
        "never judged",
        "undecided",
        "passed",
        "warned",
        "failed",
        "a failure is final",
        "failed, and a person accepted it",
        "failed in more than a person accepted",
        "accepted for another component",
        "another release's verdict",
        "an earlier deployment's verdict",
        "the verdict on all components is not on one",
        "one component failed",
        "never judged, and another took its place",
        "undecided, and another took its place",
        "of the day before, unjudged",
        "of the day before, failed and in force",
    ],
)
def test_a_deployment_is_told_of_while_it_fails_or_waits(deployments, verdicts, failing, unjudged) -> None:
    found = status_of(overview(), deployments, verdicts, "production")
    assert [one["release"] for one in found["failing"]] == failing
    assert [one["release"] for one in found["unjudged"]] == unjudged


def test_a_failure_is_not_told_of_once_another_release_took_its_place() -> None:
    first = deployment(followed=HOUR / 2)
    assert status_of(overview(), [first], [verdict(first, "fail")], "production")["failing"] == []


def test_there_are_never_more_than_ten_lines_and_none_is_cut_off_in_silence() -> None:
    many = [deployment(f"r{i}") for i in range(30)]
    lines = render(status_of(overview(), many, [], "production"), Display(width=60)).splitlines()
    assert len(lines) == LINES
    assert lines[-1] == "and 21 more: releaseguard status --json"
    assert all(line.endswith(f"--release r{29 - i}") for i, line in enumerate(lines[:-1]))


@pytest.mark.parametrize("width", [80, 120])
def test_a_release_is_told_with_what_it_lacks_and_its_commit_abbreviated(width) -> None:
    shown = status_of(overview(), [deployment(40 * "a"), deployment("release-2026-11-29")], [], "production")
    second, first = render(shown, Display(width=width)).splitlines()
    assert first.endswith(f": no verdict yet; next: releaseguard verify --release {12 * 'a'}")
    assert second.startswith("RELEASE   release-2026-11-29 of ")


@pytest.mark.parametrize("width", [40, 80, 100])
def test_beside_a_long_command_what_is_open_keeps_its_date(width) -> None:
    command = "releaseguard verify --environment production --component storefront --release " + 40 * "a"
    shown = {**status_of(overview(), [deployment()], [], "production")}
    shown["unjudged"] = [{**shown["unjudged"][0], "next_step": command}]
    told = f"RELEASE   r1 of {date_and_clock(shown['unjudged'][0]['deployed_at'])}: no verdict yet"
    assert render(shown, Display(width=width)) == f"{told}; next: {command}"


def written(folder, rows) -> None:
    with SqliteEventLog(folder / "releaseguard.db") as log:
        log.migrate()
        log.append(rows)
    with closing(sqlite3.connect(folder / "releaseguard.db")) as connection, connection:
        connection.execute("UPDATE integration_events SET recorded_at = occurred_at")


def traffic(provider="sendgrid", *, bad_since=None) -> list[Event]:
    def row(minutes: int) -> Event:
        bad = bad_since is not None and minutes < bad_since
        return Event(
            id=new_id(),
            occurred_at=utc_now() - timedelta(minutes=minutes, seconds=5),
            provider=provider,
            event=f"{provider}_error" if bad else f"{provider}_email_sent",
            outcome=Outcome.ERROR if bad else Outcome.SUCCESS,
            environment="production",
        )

    return [row(minutes) for minutes in range(600)]


def test_a_quiet_night(cli, tmp_path) -> None:
    written(tmp_path, traffic())
    done = cli.run("status")
    assert done.code == 0, done.everything
    assert done.out.startswith("Nothing is open in production, as of ")
    assert cli.run("status", "--json").json["judged"] == 1


def test_what_is_open_is_told_with_the_command_that_goes_on(cli, tmp_path) -> None:
    written(tmp_path, traffic(bad_since=30))
    assert cli.run("events", "deployed", "--release", "r1").code == 0
    done = cli.run("status")
    assert done.code == 1, done.everything
    first, second = done.out.splitlines()
    assert first.startswith("DOWN      sendgrid: ")
    assert second.startswith("RELEASE   r1 of ")
    words = second.rpartition("next: releaseguard ")[2].split()
    assert cli.run(*words).code in {1, 3}, "the next step runs as it is printed"
    assert [one["release"] for one in cli.run("status", "--json").json["unjudged"]] in ([], ["r1"])


def test_an_empty_log_is_not_called_calm(cli, tmp_path) -> None:
    written(tmp_path, [])
    done = cli.run("status")
    assert (done.code, "no provider could be judged" in done.out) == (3, True)


def test_a_log_that_stopped_is_the_first_line() -> None:
    stopped = Overview(environment="production", since=NOW - HOUR, until=NOW, newest=NOW - HOUR, log_down=True)
    assert render(status_of(stopped, [], [], "production"), Display()).startswith(
        "LOG DOWN  nothing has arrived from anybody since "
    )


def test_what_goes_on_with_a_rotation_is_named_beside_it() -> None:
    step = "releaseguard rotate mapbox --environment staging --secret MAPBOX_ACCESS_TOKEN --resume"
    row = {"provider": "mapbox", "state": "STAGED", "changed_at": to_text(NOW), "next_step": step}
    (line,) = render({**status_of(overview(), [], [], "production"), "rotations": [row]}, Display(80)).splitlines()
    assert line.endswith(f"next: {step}")
