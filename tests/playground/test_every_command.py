"""Every command over the sandbox with all its cards: none breaks, and no two say the opposite."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from releaseguard.cards.load import load_cards
from releaseguard.cards.spec import FlowCheck
from releaseguard.clocks import Clocks
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.sandbox.seed import Week
from tests.support.commands import Done
from tests.support.playground import NOW, RELEASE, SHIFT, Playground

WINDOW = timedelta(minutes=31)
HARMLESS = {"pass", "warn", "inconclusive"}
CODES = {"pass": 0, "warn": 0, "fail": 1, "inconclusive": 3}
CARDS = list(load_cards())


@dataclass
class FastTime:
    """What a watching command waits with: whatever it waits, ten minutes go by."""

    playground: Playground

    def elapsed(self) -> float:
        return self.playground.clock.now.timestamp()

    def sleep(self, _seconds: float) -> None:
        self.playground.pass_(timedelta(minutes=10))


def released(playground: Playground) -> str:
    """A harmless release; returns its name."""
    playground.hands.release(None, None)
    return playground.world.release


def judged(done: Done) -> dict[str, object]:
    """The verdict's document, which agrees with the exit code and breaks over no check."""
    document = done.json
    assert done.code == CODES[document["verdict"]], done.everything
    assert [check for check in document["checks"] if check["verdict"] == "error"] == [], done.everything
    return document


LATER = pytest.mark.full("the same release, a few hours or a day later")
HOURS = [0, pytest.param(2.5, marks=LATER), 10, pytest.param(26, marks=LATER)]


@pytest.mark.parametrize("hours", HOURS, ids=lambda hours: f"after {hours} h")
def test_a_harmless_release_never_fails_whenever_it_comes(playground: Playground, hours: float) -> None:
    playground.pass_(timedelta(hours=hours))
    release = released(playground)
    for _ in range(2):
        playground.pass_(WINDOW / 2)
        document = judged(playground.cli.run("verify", "--no-flows", "--json"))
        assert (document["release"], document["verdict"] in HARMLESS) == (release, True), json.dumps(document, indent=1)


def test_verify_watches_until_the_window_is_over_and_runs_the_flows(
    playground: Playground,
) -> None:
    time = FastTime(playground)
    cli = replace(playground.cli, clocks=Clocks(time.elapsed, time.sleep))
    release = released(playground)
    document = judged(cli.run("verify", "--watch", "--within", "35m", "--json"))
    assert (document["release"], document["verdict"] in HARMLESS) == (release, True), document
    flows = {check["id"]: check["verdict"] for check in document["checks"] if check["kind"] == "flow"}
    shipped = {check.id for card in CARDS for check in card.checks if isinstance(check, FlowCheck)}
    assert flows == dict.fromkeys(shipped, "pass")


def test_a_release_that_is_as_old_as_the_log_does_not_fail_for_want_of_history(playground: Playground) -> None:
    database = playground.folder / "young.db"
    with SqliteEventLog(database) as log:
        log.migrate()
    Week(database, seed=4, shift=SHIFT).write(NOW, RELEASE, since=NOW - timedelta(hours=1), earlier=0)
    (playground.folder / "releaseguard.toml").write_text('[events]\nurl = "sqlite:///young.db"\n')
    assert judged(playground.cli.run("verify", "--no-flows", "--json"))["verdict"] in HARMLESS


def test_a_release_that_brings_a_new_integration_does_not_fail_for_it(playground: Playground) -> None:
    with closing(sqlite3.connect(playground.folder / "releaseguard.db")) as connection, connection:
        connection.execute("DELETE FROM integration_events WHERE provider IN ('posthog', 'sentry')")
    released(playground)
    playground.pass_(WINDOW)
    assert judged(playground.cli.run("verify", "--no-flows", "--json"))["verdict"] in HARMLESS


def test_backtest_says_what_verify_says(playground: Playground) -> None:
    release = released(playground)
    playground.pass_(WINDOW)
    rows = playground.cli.run("backtest", "--json").json["releases"]
    assert {row["verdict"] for row in rows} <= HARMLESS
    (row,) = [row for row in rows if row["release"] == release]
    assert row["verdict"] == judged(playground.cli.run("verify", "--no-flows", "--json"))["verdict"]


def test_drift_is_as_long_as_the_vault_is_ahead_and_no_longer(playground: Playground) -> None:
    def statuses() -> set[tuple[str, str]]:
        found = playground.cli.run("drift", "--json").json
        return {
            (one["secret"], one["status"]) for one in found["findings"] if one["status"] not in {"in_step", "unknown"}
        }

    assert statuses() == set()
    playground.hands.new_key("paytr", None)
    members = {"PAYTR_MERCHANT_ID", "PAYTR_MERCHANT_KEY", "PAYTR_MERCHANT_SALT"}
    assert statuses() == {(name, "behind") for name in members}


def test_the_audit_of_a_quiet_week_has_nothing_to_tell_and_finds_nothing_wrong(playground: Playground) -> None:
    playground.pass_(timedelta(minutes=39))
    assert playground.cli.run("audit", "show", "--json").json["rotations"] == []
    assert playground.cli.run("audit", "verify").code == 0


@pytest.mark.parametrize(
    "arguments", [("health",), ("events", "list"), ("doctor",), ("drift",), ("backtest",), ("verify",)]
)
def test_in_words_too_nothing_breaks(playground: Playground, arguments: tuple[str, ...]) -> None:
    playground.pass_(timedelta(minutes=39))
    done = playground.cli.run(*arguments)
    assert done.code in {0, 3}, done.everything
    assert "bug" not in done.err
