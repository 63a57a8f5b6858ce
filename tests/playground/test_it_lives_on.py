"""The sandbox goes on living as its history lets one expect, and no command finds anything wrong with it."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from releaseguard.cards.load import load_cards
from releaseguard.eventlog.interface import Query
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import OURSELVES
from tests.support import extent
from tests.support.playground import NOW, Playground

WELL = {"healthy", "idle", "unknown"}
PROVIDERS = sorted(card.id for card in load_cards())
ASKED = PROVIDERS if extent.is_whole() else PROVIDERS[::4]


@pytest.mark.parametrize(
    "hours",
    [
        pytest.param([0.2, 0.8], id="an hour"),
        pytest.param([23], id="a day"),
        pytest.param([20, 24], id="a weekend", marks=pytest.mark.full("the same over two days more")),
    ],
)
def test_no_provider_is_in_trouble_while_nobody_asks_for_trouble(playground: Playground, hours: list[float]) -> None:
    for passed in hours:
        playground.pass_(timedelta(hours=passed))
        done = playground.cli.run("health", "--json")
        assert {row["provider"]: row["reason"] for row in done.json["providers"] if row["state"] not in WELL} == {}
        assert done.code == 0, done.everything


def test_every_provider_is_used_at_the_rate_of_its_history(playground: Playground) -> None:
    course, hours = playground.hands.course, 24
    playground.pass_(timedelta(hours=hours))
    with SqliteEventLog(playground.folder / "releaseguard.db") as log:
        rows = [row for row in log.select(Query(since=NOW)) if row.provider != OURSELVES]
    seen = Counter((row.provider, row.source) for row in rows)
    usual = Counter[tuple[str, str]]()
    for stream in course.streams:
        rates = [course.rate(stream, (NOW + timedelta(hours=hour)).timestamp()) for hour in range(hours)]
        usual[stream.provider, stream.source] += round(sum(rates))
        if stream.action:
            usual["supabase", "web"] += round(sum(rates))
    for kind, number in usual.items():
        assert seen[kind] == pytest.approx(number, rel=0.25, abs=4 * number**0.5)


def test_a_laptop_that_slept_finds_what_it_would_have_seen_awake(playground: Playground) -> None:
    awake = {one.id for one in playground.hands.course.reaching(NOW, NOW + timedelta(hours=9))}
    playground.pass_(timedelta(minutes=1))
    playground.pass_(timedelta(hours=9) - timedelta(minutes=1))
    playground.life.catch_up(playground.clock.now)
    with SqliteEventLog(playground.folder / "releaseguard.db") as log:
        rows = [row for row in log.select(Query(recorded_since=NOW)) if row.provider != OURSELVES]
    assert {row.id for row in rows} == awake
    assert all(row.recorded_at and row.recorded_at - row.occurred_at <= timedelta(minutes=1) for row in rows)


def test_faults_come_when_they_are_asked_for_and_go_when_they_are_healed(playground: Playground) -> None:
    states = {}
    for act in ("break_", "heal", "silence", "heal"):
        getattr(playground.hands, act)("twilio", None)
        playground.pass_(timedelta(minutes=40))
        rows = playground.cli.run("health", "--json").json["providers"]
        states[act, len(states)] = {row["provider"]: row["state"] for row in rows}
    twilio = [found.pop("twilio") for found in states.values()]
    assert twilio[0] in {"down", "degraded"}
    assert twilio[2] == "silent"
    assert (twilio[1], twilio[3]) == ("healthy", "healthy")
    assert {state for found in states.values() for state in found.values()} <= WELL


def test_incident_says_of_no_provider_what_health_does_not_say(playground: Playground) -> None:
    playground.pass_(timedelta(minutes=39))
    known = {row["provider"]: row for row in playground.cli.run("health", "--json").json["providers"]}
    for provider in ASKED:
        done = playground.cli.run("incident", provider, "--json")
        told = done.json
        assert (told["state"], told["health"]["events"]) == (known[provider]["state"], known[provider]["events"])
        assert (told["began"], done.code) == (None, 0 if told["state"] in {"healthy", "idle"} else 3), done.everything
        assert [symptom for symptom in told["symptoms"] if symptom["match"] == "yes"] == []
