"""A first verdict, on a log that is new or thin, says what a PASS takes, and the next step can bring it."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest

from releaseguard.model import to_text, utc_now
from releaseguard.stats.bounds import clean_trials_needed
from releaseguard.verification.judge.verdicts import clean_events_needed
from releaseguard.verification.values import Rule
from tests.support.commands import Commands

IMPORT = "releaseguard events import FILE"
DAY = timedelta(days=1)


@pytest.fixture
def cli(tmp_path):
    (tmp_path / "releaseguard.toml").write_text('[events]\nurl = "sqlite:///log.db"\n')
    return Commands(tmp_path, {})


def rows(release, start, every, count):
    return [
        {
            "provider": "sendgrid", "event": "sendgrid_email_sent", "outcome": "success", "release": release,
            "environment": "production", "occurred_at": to_text(start + every * number),
        }
        for number in range(count)
    ]  # fmt: skip


def bring(cli, tmp_path, events):
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in events))
    assert cli.run("events", "import", "rows.jsonl").code == 0


def first_verdict(cli, tmp_path, *, history, own):
    deployed = utc_now() - timedelta(minutes=20)
    assert cli.run("events", "deployed", "--release", "abc1234", "--at", to_text(deployed)).code == 0
    before = rows("old1234", deployed - history, timedelta(seconds=30), int(history / timedelta(seconds=30)))
    bring(cli, tmp_path, before + rows("abc1234", deployed, timedelta(minutes=20) / max(own, 1), own))
    return cli.run("verify", "--json").json


@pytest.mark.parametrize(
    ("history", "own", "verdict", "said"),
    [
        (0 * DAY, 0, "inconclusive", {}),
        (
            0 * DAY, 5, "inconclusive",
            {
                "sendgrid.errors": "a PASS needs events from before the deployment, and about 32 of the release",
                "sendgrid.volume": "a PASS needs a whole day of history before the deployment, and 10 events or more",
            },
        ),
        (DAY / 24, 40, "inconclusive", {"sendgrid.volume": "a PASS needs a whole day of history"}),
        (DAY * 1.1, 40, "pass", {}),
    ],
)  # fmt: skip
def test_what_a_pass_takes_is_said_until_it_is_there(cli, tmp_path, history, own, verdict, said):
    document = first_verdict(cli, tmp_path, history=history, own=own)
    reasons = {row["id"]: row["reason"] for row in document["checks"] if row["blocking"]}
    assert document["verdict"] == verdict, document
    assert {name for name, reason in reasons.items() if "a PASS needs" in reason} == set(said)
    assert all(words in reasons[name] for name, words in said.items())
    assert (IMPORT in (document["next_step"] or "")) == (verdict != "pass")


def test_the_next_step_brings_the_history_and_then_it_passes(cli, tmp_path):
    assert first_verdict(cli, tmp_path, history=0 * DAY, own=40)["verdict"] == "inconclusive"
    start = utc_now() - timedelta(minutes=20) - DAY * 1.1
    bring(cli, tmp_path, rows("old1234", start, timedelta(seconds=30), int(DAY * 1.1 / timedelta(seconds=30)) - 1))
    assert cli.run("verify", "--json").json["verdict"] == "pass"


def test_what_is_left_out_takes_as_few_lines_in_either_language(cli, tmp_path):
    first_verdict(cli, tmp_path, history=0 * DAY, own=5)
    english = re.findall(r"^skipped +(\d+) ", cli.run("verify").out, re.MULTILINE)
    turkish = re.findall(r"^atlanan +(\d+) ", cli.run("verify", "--lang", "tr").out, re.MULTILINE)
    assert turkish == english
    assert sum(map(int, english)) > 40


def test_a_thin_log_asks_for_as_many_events_as_must_be_due(cli, tmp_path):
    deployed = utc_now() - timedelta(minutes=20)
    assert cli.run("events", "deployed", "--release", "abc1234", "--at", to_text(deployed)).code == 0
    hourly = rows("old1234", deployed - 3 * DAY, timedelta(minutes=30), 144)
    bring(cli, tmp_path, hourly + rows("abc1234", deployed, timedelta(minutes=9), 2))
    checks = {row["id"]: row["evidence"] for row in cli.run("verify", "--json").json["checks"]}
    volume = checks["sendgrid.volume"]
    assert volume["expected"] + volume["needed_events"] >= 10


@pytest.mark.parametrize("increase", [0.005, 0.01, 0.05, 0.2, 1.0])
@pytest.mark.parametrize("ceiling", [None, 0.02, 0.5])
def test_so_many_clean_events_exclude_the_harm_and_one_fewer_do_not(increase, ceiling):
    rule = Rule(
        id="a.b", provider="a", kind="signal", success=frozenset(), max_error_increase=increase, max_error_rate=ceiling
    )
    limit = min(increase, ceiling or 1.0)
    by_itself, sure = clean_trials_needed(limit, 0.8), clean_trials_needed(limit, 0.95)
    passing = [n for n in range(1, 2000) if n >= by_itself and n + min(60, n) >= sure]
    assert clean_events_needed(rule, 0.95) == passing[0]


def test_where_no_number_would_do_none_is_named():
    rule = Rule(id="a.b", provider="a", kind="signal", success=frozenset(), max_error_increase=0.0)
    assert clean_events_needed(rule, 0.95) is None
