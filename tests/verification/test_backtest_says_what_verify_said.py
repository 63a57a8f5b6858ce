"""One deployment, replayed and judged at the time: ``backtest`` says what ``verify --as-of`` says at each look."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from releaseguard.model import Event, Outcome, Verdict
from releaseguard.stats.calendar import Calendar
from releaseguard.verification.backtesting.comparing import other_thresholds
from releaseguard.verification.backtesting.one_release import Replayed
from releaseguard.verification.backtesting.replays import BacktestRequest, backtest_of
from releaseguard.verification.context import VerifyRequest
from releaseguard.verification.rows.accepted import Accepting, accepting_rows
from releaseguard.verification.values import Deployment, Finding, Judged, Promise, end_of, overall
from releaseguard.verification.whose.components import components_of
from releaseguard.verification.whose.population import ALIKE, Population
from tests.support.verifying import DAY, NOON, SHIPPED, judge, mark, row, steady, stored

EVERY = timedelta(minutes=15)
SHORT = Promise(window_minutes=30, baseline_minutes=24 * 60)
BY_STATISTICS = ("signal", "volume")


@dataclass(frozen=True)
class World:
    """A log, and how it is judged."""

    rows: Sequence[Event]
    asked: str = "r1"
    promise: Promise = SHORT
    population: Population = ALIKE
    unreadable: str = ""
    """Of which rows the event is empty, as SQL."""
    verdict: str | None = None
    """What is said in the end, where that is the point."""


def both(**more: Any) -> list[Event]:
    """Mails and texts, one a minute each."""
    given = {"since": -600, "every": 1.0} | more
    return [*steady(**given), *steady(("twilio_sms_sent",), provider="twilio", **given)]


def failing(rows: Sequence[Event], *, since: float = 0) -> list[Event]:
    """Of the mails since then each fails."""
    first = NOON + timedelta(minutes=since)
    return [
        replace(one, event="sendgrid_error", outcome=Outcome.ERROR)
        if one.provider == "sendgrid" and one.occurred_at >= first
        else one
        for one in rows
    ]


def dated(rows: Sequence[Event], by: timedelta, **more: Any) -> list[Event]:
    """What came since noon by a clock that is so much behind, or ahead."""
    return [replace(one, occurred_at=one.occurred_at - by, **more) if one.occurred_at >= NOON else one for one in rows]


def since_noon(rows: Sequence[Event], **more: Any) -> list[Event]:
    return [replace(one, **more) if one.occurred_at >= NOON and one.provider == "sendgrid" else one for one in rows]


def accepted(minute: float) -> list[Event]:
    """What somebody accepts so many minutes after the deployment."""
    deployment = Deployment(release="r1", environment="production", deployed_at=NOON)
    at = NOON + timedelta(minutes=minute)
    asked = Accepting(checks={"sendgrid.errors": "sendgrid", "sendgrid.volume": "sendgrid"}, reason="known", by="me")
    return [replace(one, recorded_at=at) for one in accepting_rows(asked, deployment, at)]


def rolled_back(rows: Sequence[Event]) -> list[Event]:
    """Back from ``bad`` to ``r0``."""
    first = NOON - timedelta(hours=1)
    return [replace(one, release="bad" if first <= one.occurred_at < NOON else "r0") for one in rows]


def worlds() -> Iterator[tuple[str, World]]:
    yield "well", World([*both(), mark()])
    yield "fails", World([*failing(both()), mark()], verdict="fail")
    for name, by in (("3 h", timedelta(hours=3)), ("40 d", 40 * DAY), ("4 y", 1460 * DAY)):
        yield f"clock {name} behind", World([*dated(failing(both()), by), mark()], verdict="fail")
        yield f"clock {name} behind, no tag", World([*dated(failing(both()), by, release=None), mark()])
    unset = NOON - datetime(1970, 1, 1, tzinfo=UTC)
    yield "clock never set", World([*dated(failing(both()), unset), mark()], verdict="fail")
    yield "clock 3 d ahead", World([*dated(failing(both()), -3 * DAY), mark()], verdict="fail")
    yield "unreadable", World([*both(), mark()], unreadable="provider = 'sendgrid' AND occurred_at >= '2026-11-20T12'")
    half = [one for one in both(every=0.5) if one.release == "r0" or one.id.int % 2]
    old = [replace(one, id=uid) for one, uid in _again(half)]
    yield "canary", World([*failing(half), *old, mark()], verdict="fail")
    back = [mark(-590, "r0"), mark(-60, "bad"), mark(0, "r0")]
    yield (
        "rolled back",
        World([*rolled_back(failing(both(until=0), since=-60)), *both(since=0, release="r0"), *back], "r0"),
    )
    yield "accepted", World([*failing(both()), mark(), *accepted(3)], verdict="inconclusive")
    yield "accepted too late", World([*failing(both()), mark(), *accepted(20)])
    yield "removed", World([*since_noon(both(), provider="mailgun", event="mailgun_email_sent"), mark()])
    said = {"removes": ["sendgrid"]}
    gone = [one for one in both() if one.provider != "sendgrid" or one.occurred_at < NOON]
    yield "told to be removed", World([*gone, mark(said=said)])
    yield "expected", World([*both(until=0), *both(since=0, every=0.25), mark(said={"expect_traffic": 4.0})])
    parts = Population(components=components_of({"web": ["web"], "functions": ["fn"]}))
    sources = [replace(one, source="web" if one.provider == "sendgrid" else "fn") for one in failing(both())]
    for name in ("web", "functions"):
        yield f"component {name}", World([*sources, mark(said={"component": name})], population=parts)
    holidays = Calendar("Europe/Istanbul", frozenset({NOON.date()}))
    yield "calendar", World([*failing(both()), mark()], promise=replace(SHORT, calendar=holidays))
    yield "renamed", World([*since_noon(both(), event="sendgrid_email_dispatched"), mark()], verdict="inconclusive")
    yield "mails in prod", World([*since_noon(both(), environment="prod"), mark()], verdict="inconclusive")
    yield "spelled", World([*since_noon(failing(both()), provider="SendGrid"), mark()], verdict="fail")
    queued = [row(-600 - n / 9, "sendgrid_email_sent", recorded_at=NOON + timedelta(minutes=5)) for n in range(200)]
    yield "a queue worked off", World([*gone, *queued, mark()])
    begun = [replace(one, error_code="503") if one.occurred_at >= NOON + EVERY else one for one in both(every=0.25)]
    yield "codes after the first look", World([*begun, mark()], verdict="inconclusive")
    second = [replace(one, error_code="503" if one.id.int % 30 == 0 else None) for one in both(every=0.25)]
    yield "a second try", World([*second, mark()])
    monitored = since_noon(both(every=0.5), source="uptime")
    yield "a monitor in place of users", World([*monitored, mark()], verdict="inconclusive")
    later = [replace(one, source="uptime") if one.occurred_at >= NOON + EVERY else one for one in both(every=0.5)]
    yield "a monitor after the first look", World([*later, mark()])
    yield "followed", World([*failing(both(), since=10), mark(), mark(16, "r2")])


def _again(rows: Sequence[Event]) -> Iterator[tuple[Event, Any]]:
    """The old release's rows beside those since noon."""
    for one, other in zip([one for one in rows if one.occurred_at >= NOON], steady(since=0, until=500), strict=False):
        yield replace(one, release="r0"), other.id


WORLDS = dict(worlds())


def _told(findings: Sequence[Finding]) -> dict[str, tuple[str, str, str]]:
    """What is said of each check that is judged by statistics; the ids of single rows are verify's alone."""
    return {one.id: (one.verdict.value, one.undecided, one.reason) for one in findings if one.kind in BY_STATISTICS}


def _by_statistics(judged: Judged) -> Verdict:
    """The verdict of the checks that are judged by statistics alone."""
    return overall([one for one in judged.findings if one.kind in BY_STATISTICS])


def _request(world: World) -> BacktestRequest:
    return BacktestRequest(
        environment="production", promise=world.promise, every=EVERY, outcomes={}, population=world.population
    )


@pytest.mark.parametrize("name", WORLDS)
def test_what_is_replayed_is_what_was_said(name: str, tmp_path: Path) -> None:
    world = WORLDS[name]
    with stored(tmp_path / "log.db", world.rows) as log:
        if world.unreadable:
            with sqlite3.connect(tmp_path / "log.db") as raw:
                raw.execute(f"UPDATE integration_events SET event = '' WHERE {world.unreadable}")
        asked = _request(world)
        every = backtest_of(log, SHIPPED, asked).replayed
        replayed = [one for one in every if one.deployment.release == world.asked][-1]
        deployment, end = replayed.deployment, end_of(replayed.deployment, world.promise)
        looks = [min(deployment.deployed_at + EVERY, end), end]
        settings: dict[str, Any] = {"promise": world.promise, "population": world.population}
        judged = [judge(log, request=VerifyRequest(release=world.asked, as_of=look), **settings) for look in looks]
    assert _told(judged[-1].findings) == _told(replayed.findings)
    said = [_by_statistics(one) for one in judged]
    assert replayed.verdict is said[-1]
    failed = [
        look - deployment.deployed_at for look, verdict in zip(looks, said, strict=True) if verdict is Verdict.FAIL
    ]
    assert replayed.failed_after_s == (failed[0].total_seconds() if failed else None)
    settled = looks[0] if said[0] is said[-1] else looks[-1]
    assert replayed.decided_after_s == (settled - deployment.deployed_at).total_seconds()
    if world.verdict:
        assert replayed.verdict.value == world.verdict
    _as_promised(replayed, world.promise)


def _as_promised(replayed: Replayed, promise: Promise) -> None:
    """Under its own promise a release failed where it failed, and under no other where nothing that it did is held
    against it."""
    own, lax = other_thresholds([replayed], [promise.false_alarm, 0.1])
    assert own.failed == (replayed.failed_after_s is not None)
    assert lax.failed >= own.failed


@pytest.mark.parametrize("name", ["renamed", "removed", "told to be removed"])
def test_no_promise_would_have_failed_a_release_that_lost_nothing(name: str, tmp_path: Path) -> None:
    world = WORLDS[name]
    with stored(tmp_path / "log.db", world.rows) as log:
        asked = _request(world)
        found = backtest_of(log, SHIPPED, asked).replayed
    assert [one.failed for one in other_thresholds(found, [0.001, 0.01, 0.1])] == [0, 0, 0]
