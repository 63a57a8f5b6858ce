"""The window and the baseline of the first look at a deployment stay with it: whoever looks with others is told so."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from releaseguard.eventlog.entries import deployment
from releaseguard.eventlog.interface import Query
from releaseguard.model import Event
from releaseguard.verification.rows.first_look import outside
from releaseguard.verification.telling.summary import summary_of
from releaseguard.verification.values import Deployment, Promise, Spans
from tests.support.commands import Commands
from tests.support.verifying import NOON, judge, mark, row, steady, stored

MINE = Deployment(release="r1", environment="production", deployed_at=NOON)
ONE_HOUR = Promise(window_minutes=60, baseline_minutes=3 * 24 * 60)


@pytest.fixture
def commands(tmp_path):
    """A project whose newest release has been live for a quarter of an hour and makes no error."""
    now = datetime.now(UTC).replace(microsecond=0)
    rows = steady(every=3, since=-1500, until=15)
    later = now - timedelta(minutes=15) - NOON
    moved = [_moved(one, later) for one in rows]
    made = deployment("r1", "production", NOON + later)
    stored(tmp_path / "log.db", [*moved, _moved(made, timedelta(0))]).close()
    (tmp_path / "releaseguard.toml").write_text('[events]\nurl = "sqlite:///log.db"\n[verify]\nbaseline = "1d"\n')
    return Commands(tmp_path, {})


def _moved(one: Event, by: timedelta) -> Event:
    given = {name: getattr(one, name) for name in one.__slots__}
    return Event(**given | {"occurred_at": one.occurred_at + by, "recorded_at": one.occurred_at + by})


def first_line(commands: Commands, *flags: str) -> str:
    done = commands.run("verify", "--format", "json", *flags)
    return str(json.loads(done.out)["summary"])


def test_a_look_with_another_window_or_baseline_says_so_first(commands):
    assert "outside the promise" not in first_line(commands)
    assert "outside the promise" not in first_line(commands), "the same again"
    said = first_line(commands, "--window", "2h")
    assert said.startswith("outside the promise, for it was judged with --window 30m --baseline 1d first; ")
    assert first_line(commands, "--baseline", "20h").startswith("outside the promise")
    assert "outside the promise" not in first_line(commands), "and changes nothing for those that are within it"


def test_the_flags_of_the_first_look_count_not_those_of_the_configuration(commands):
    assert "outside" not in first_line(commands, "--window", "1h", "--baseline", "20h")
    done = commands.run("verify", "--format", "json")
    document = json.loads(done.out)
    assert "outside the promise, for it was judged with --window 1h --baseline 20h first" in document["summary"]
    assert document["next_step"].endswith("releaseguard verify --release r1 --window 1h --baseline 20h")
    flags = document["next_step"].split("releaseguard verify ")[-1].split()
    assert "outside" not in first_line(commands, *flags), "the next step works"


def test_the_text_says_it_in_its_first_line(commands):
    commands.run("verify")
    assert "outside the promise" in commands.run("verify", "--window", "1h").out.splitlines()[0]


def test_a_past_moment_knows_the_looks_that_were_recorded_by_then(commands):
    assert "outside" not in first_line(commands, "--window", "2h")
    now = datetime.now(UTC)
    assert first_line(commands, "--as-of", (now + timedelta(minutes=1)).isoformat()).startswith("outside the promise")
    assert "outside" not in first_line(commands, "--as-of", (now - timedelta(minutes=5)).isoformat())


@pytest.mark.parametrize(
    "change",
    [
        {"environment": "staging"},
        {"release": "r2"},
        {"provider": "sendgrid"},
        {"event": "release_check"},
        {"detail": {}},
        {"detail": {"window_minutes": "30", "baseline_minutes": 4320}},
    ],
    ids=str,
)
def test_only_a_row_that_fits_the_deployment_is_believed(tmp_path, change):
    log = stored(tmp_path / "log.db", [mark(), *steady(every=5)])
    judge(log, write=True)
    (looked,) = (one for one in log.select(Query()) if one.event == "release_verified")
    assert outside([looked], MINE, ONE_HOUR) == Spans(30, 4320)
    given = {name: getattr(looked, name) for name in looked.__slots__}
    detail = {**looked.detail, **change["detail"]} if change.get("detail") else {}
    forged = Event(**given | change | ({"detail": detail} if "detail" in change else {}))
    assert outside([forged], MINE, ONE_HOUR) is None


def test_a_failure_outside_the_promise_still_tells_what_to_do(tmp_path):
    rows = [mark(), *steady(until=0), *(row(minute / 4, "sendgrid_error", ok=False) for minute in range(100))]
    log = stored(tmp_path / "log.db", rows)
    judge(log, now=2, write=True)
    said = judge(log, now=30, promise=ONE_HOUR)
    assert summary_of(said).startswith("outside the promise")
    assert summary_of(said).endswith(" failed: roll back, or fix forward")
