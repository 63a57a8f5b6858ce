"""A watch reads only what changed since its last look, and says at each look what a fresh verification says."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from releaseguard.clocks import Clocks
from releaseguard.eventlog.interface import CountsOfEach, EventLog, Query, RowAnswer, RowQuestion
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import Event, Verdict, to_text
from releaseguard.verification.context import VerifyContext, VerifyRequest
from releaseguard.verification.run import Verifier
from releaseguard.verification.values import Judged
from releaseguard.verification.watch import Watching, verify
from tests.eventlog.conftest import PostgresStore, RestStore, SqliteStore, Store
from tests.support.extent import examples
from tests.support.verifying import NOON, SHIPPED, mark, row, steady, world_of

CARDS = [card for card in SHIPPED if card.id in {"sendgrid", "stripe"}]
EVENTS = [
    (card.id, name, ok)
    for card in CARDS
    for ok, name in ((True, card.events.success[0]), (False, card.events.error[0]))
]
MINUTE = timedelta(minutes=1)
_environments = count()

offsets = st.one_of(
    st.floats(-20, 35).map(lambda minutes: round(minutes, 2)),
    st.sampled_from([-4300.5, -1500.0, -1440.2, -700.0, -330.0, -200.25, 0.0, 61.0, 90.5, 3000.0]),
)
"""Minutes from the mark at which a row says that it occurred: late, of the day before, of a clock that runs ahead."""
uses = st.tuples(
    offsets,
    st.sampled_from(EVENTS),
    st.sampled_from(["r0", "r1", "r1", None, "unknown"]),
    st.sampled_from([None, None, "a", "b"]),
    st.sampled_from([None, 40, 4000]),
    st.sampled_from(["web", "worker", "client"]),
)
steps = st.one_of(
    st.tuples(st.just("insert"), st.lists(uses, min_size=1, max_size=5)),
    st.tuples(st.just("repeat"), st.integers(0, 9)),
    st.tuples(st.just("delete"), st.integers(0, 9)),
    st.tuples(st.just("annotate"), st.integers(0, 9)),
    st.tuples(st.just("move"), st.integers(0, 9), offsets),
    st.tuples(st.just("prune"), st.sampled_from([-4310.0, -1440.0, -100.0, 2.0])),
    st.tuples(st.just("roll up")),
    st.tuples(st.just("mark"), st.sampled_from(["r1", "r2"])),
    st.tuples(st.just("look"), st.sampled_from([0.0, 0.2, 1.5, 9.0])),
)


def _all_private(detail: Mapping[str, Any]) -> Mapping[str, str]:
    return dict.fromkeys(detail, "a name")


def said(value: str | int | None) -> str:
    """A value in SQL."""
    return "NULL" if value is None else str(value) if isinstance(value, int) else f"'{value}'"


COLUMNS = (
    "id, occurred_at, recorded_at, provider, event, outcome, environment, release, source, correlation_id, latency_ms,"
    " detail"
)


class World:
    """An environment of its own, whose rows a test changes past the log."""

    def __init__(self, store: Store, log: EventLog) -> None:
        self.store, self.log, self.now = store, log, NOON + timedelta(minutes=4.3)
        self.environment = f"e{next(_environments)}"
        self.ids: list[UUID] = []
        store.sql("DELETE FROM integration_events WHERE provider <> 'releaseguard'")
        before = steady((EVENTS[0][1],), every=45, until=4, latency_ms=50)
        self.insert_events([self.here(one) for one in [*before, mark()]])
        self.watch = Verifier(VerifyRequest(), self.context(), again=True)

    def here(self, event: Event) -> Event:
        named = {name: getattr(event, name) for name in event.__slots__}
        return Event(**named | {"environment": self.environment, "id": uuid4(), "recorded_at": event.occurred_at})

    def context(self) -> VerifyContext:
        found = world_of(self.log, cards=CARDS, environment=self.environment, kinds=_all_private)
        return replace(found, now=lambda: self.now)

    def at(self, minutes: float) -> datetime:
        return NOON + timedelta(minutes=minutes)

    def insert_events(self, events: Sequence[Event]) -> None:
        self.ids += [one.id for one in events]
        rows = ", ".join(f"({', '.join(map(said, self.values(one)))})" for one in events)
        self.store.sql(f"INSERT INTO integration_events ({COLUMNS}) VALUES {rows}")

    def values(self, one: Event) -> Sequence[str | int | None]:
        at = str(one.id), to_text(one.occurred_at), to_text(one.recorded_at or self.now)
        named = one.provider, one.event, str(one.outcome), one.environment, one.release, one.source
        return *at, *named, one.correlation_id, one.latency_ms, json.dumps(dict(one.detail))

    def insert(self, some: Sequence[tuple[Any, ...]]) -> None:
        self.insert_events([self.made(*one) for one in some])

    def made(
        self, minutes: float, named: tuple[str, str, bool], release: Any, tie: Any, took: Any, source: str
    ) -> Event:
        provider, event, ok = named
        told = {"release": release, "correlation_id": tie, "latency_ms": took, "source": source}
        one = self.here(row(minutes, event, provider=provider, ok=ok, **told))
        return Event(**{name: getattr(one, name) for name in one.__slots__} | {"recorded_at": self.now})

    def repeat(self, which: int) -> None:
        columns = "provider, event, outcome, environment, release, source, correlation_id, detail, occurred_at"
        self.store.sql(
            f"INSERT INTO integration_events (id, recorded_at, {columns})"
            f" SELECT '{uuid4()}', '{to_text(self.now)}', {columns} FROM integration_events"
            f" WHERE id = '{self.id(which)}' AND provider <> 'releaseguard'"
        )

    def delete(self, which: int) -> None:
        self.of(which, "DELETE FROM integration_events")

    def annotate(self, which: int) -> None:
        self.of(which, """UPDATE integration_events SET detail = '{"name": "somebody"}'""")

    def move(self, which: int, minutes: float) -> None:
        self.of(which, f"UPDATE integration_events SET occurred_at = '{to_text(self.at(minutes))}'")

    def of(self, which: int, change: str) -> None:
        self.store.sql(f"{change} WHERE id = '{self.id(which)}' AND provider <> 'releaseguard'")

    def id(self, which: int) -> UUID:
        """The newest first."""
        return self.ids[-1 - which % len(self.ids)]

    def prune(self, minutes: float) -> None:
        self.log.prune(self.at(minutes), self.environment)

    def roll_up(self) -> None:
        if isinstance(self.store, PostgresStore):
            self.store.sql("SELECT integration_events_roll_up(720, 'infinity')")
        else:
            list(self.log.hour_counts(Query()))

    def mark(self, release: str) -> None:
        self.insert_events([self.here(mark((self.now - NOON) / MINUTE, release))])

    def look(self, minutes: float = 0.0) -> Judged:
        self.now += timedelta(minutes=minutes)
        watched = self.watch.look()
        assert watched == Verifier(of_the_same(watched), self.context()).look()
        assert self.watch.is_sure
        return watched


def of_the_same(watched: Judged) -> VerifyRequest:
    """A watch keeps to its deployment, whatever is marked meanwhile."""
    return VerifyRequest(watched=watched.deployment)


def looked_at(examples_: int) -> settings:
    unsuited = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return settings(max_examples=examples_, deadline=None, suppress_health_check=unsuited)


scripts = st.lists(steps, min_size=1, max_size=10)


@looked_at(examples(150))
@given(script=scripts)
def test_in_sqlite_each_look_of_a_watch_says_what_a_fresh_verification_says(
    sqlite_store: SqliteStore, script: list[tuple[Any, ...]]
) -> None:
    world, watched = play(sqlite_store, script)
    with closing(Uncounted(sqlite_store.path)) as log:
        assert Verifier(of_the_same(watched), replace(world.context(), log=log)).look() == watched


@looked_at(examples(60, least=3))
@given(script=scripts)
def test_in_postgres_each_look_of_a_watch_says_what_a_fresh_verification_says(
    postgres_store: PostgresStore, script: list[tuple[Any, ...]]
) -> None:
    play(postgres_store, script)


@looked_at(examples(30, least=2))
@given(script=scripts)
def test_over_rest_each_look_of_a_watch_says_what_a_fresh_verification_says(
    rest_store: RestStore, script: list[tuple[Any, ...]]
) -> None:
    play(rest_store, script)


class Uncounted(SqliteEventLog):
    """Of which nobody keeps counts, so that nothing is left out or put together."""

    def _kept_of_each(self, *_: Any) -> None:
        return None


def play(store: Store, script: Sequence[tuple[Any, ...]]) -> tuple[World, Judged]:
    world = World(store, store.kept())
    world.look()
    for name, *values in script:
        getattr(world, name.replace(" ", "_"))(*values)
    watched = world.look()
    then = Verifier(replace(of_the_same(watched), as_of=world.now), world.context()).look()
    assert _told(then) == _told(watched)
    return world, watched


def _told(judged: Judged) -> Sequence[tuple[str, Verdict, str]]:
    return [(one.id, one.verdict, one.reason) for one in judged.findings]


def test_a_log_that_does_not_tell_what_changed_is_read_anew_before_the_last_word(
    sqlite_store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(sqlite_store, sqlite_store.kept())
    monkeypatch.setattr(SqliteEventLog, "changes", lambda _log, _known: None)

    def sleep(seconds: float) -> None:
        world.now += timedelta(seconds=seconds)
        world.insert([(-1500.0, EVENTS[1], "r0", None, None, "web")] * 20)

    def elapsed() -> float:
        return (world.now - NOON).total_seconds()

    watching = Watching(
        tell=lambda _: None,
        warn=lambda _: None,
        again=True,
        within=timedelta(seconds=25),
        clocks=Clocks(elapsed, sleep),
    )
    watched = verify(world.context(), VerifyRequest(), watching)
    fresh = Verifier(VerifyRequest(), world.context()).look()
    assert _told(watched) == _told(fresh)


def test_only_what_changed_is_read_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(store, store.kept())
    asked: list[Query] = []
    world.look()
    world.look()
    counts, answers = type(world.log).counts_of_each, type(world.log).answers

    def counted(log: Any, hours: Sequence[Query], minutes: Sequence[Query]) -> CountsOfEach:
        asked.extend([*hours, *minutes])
        return counts(log, hours, minutes)

    def answered(log: Any, questions: Sequence[RowQuestion]) -> Iterator[RowAnswer]:
        asked.extend(one.query for one in questions if one.query.traffic and one.query.limit is None)
        return answers(log, questions)

    monkeypatch.setattr(type(world.log), "counts_of_each", counted)
    monkeypatch.setattr(type(world.log), "answers", answered)
    world.insert([(2.5, EVENTS[0], "r1", None, 40, "web")])
    world.watch.look()
    hour = timedelta(hours=1)
    assert asked
    assert [one for one in asked if one.since is None or one.until is None or one.until - one.since > hour] == []
