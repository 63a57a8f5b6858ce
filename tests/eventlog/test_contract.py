"""What every event log does, whichever store it is in."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from releaseguard.errors import ConfigError
from releaseguard.eventlog.counts import count_minutes
from releaseguard.eventlog.interface import Conflict, EventLog, Query
from releaseguard.model import OURSELVES, Event, Outcome
from releaseguard_events.stores.table import EventTable
from tests.support.extent import examples

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
_numbers = count(1)


def event(**changes: Any) -> Event:
    number = next(_numbers)
    plain: dict[str, Any] = {
        "id": UUID(int=number),
        "occurred_at": NOON + timedelta(seconds=number),
        "provider": "sendgrid",
        "event": "sendgrid_email_sent",
        "outcome": Outcome.SUCCESS,
        "environment": "production",
    }
    return Event(**plain | changes)


def ours(**changes: Any) -> Event:
    return event(provider=OURSELVES, event="rotation_planned", **{"detail": {"provider": "sendgrid"}} | changes)


def unrecorded(events: Sequence[Event] | Iterator[Event]) -> list[Event]:
    return [replace(found, recorded_at=None) for found in events]


def fresh(batch: Sequence[Event]) -> list[Event]:
    """With ids that no example before had: all examples share one log."""
    return [replace(one, id=uuid4()) for one in batch]


def ids(found: Iterator[Event]) -> list[int]:
    return [one.id.int for one in found]


def test_an_event_comes_back_as_it_was_written_with_the_stores_time(store: Any) -> None:
    log = store.log()
    written = event(
        occurred_at=datetime(2026, 11, 24, 10, 15, 0, 123456, tzinfo=UTC),
        outcome=Outcome.ERROR,
        error_code="401",
        latency_ms=87,
        release="9f3c",
        source="sendgrid-email",
        correlation_id="c-1",
        synthetic=True,
        detail={"secret_version": 4, "nested": {"list": [1, None, True, "ğ"]}},
    )
    before = log.now()
    log.append([written])
    (found,) = log.select(Query())
    assert unrecorded([found]) == [written]
    assert before <= found.recorded_at + timedelta(seconds=1)
    assert found.recorded_at.utcoffset() == timedelta(0)


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
names = texts.filter(bool)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts | st.floats(-1e9, 1e9).filter(lambda x: x != 0),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
moments = st.datetimes(
    datetime(1970, 1, 2),  # noqa: DTZ001 - hypothesis adds the zone
    datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
events = st.builds(
    Event,
    id=st.uuids(version=4),
    occurred_at=moments,
    provider=names,
    event=names,
    outcome=st.sampled_from(Outcome),
    environment=names,
    error_code=st.none() | texts,
    latency_ms=st.none() | st.integers(0, 2**31 - 1),
    release=st.none() | texts,
    source=st.none() | texts,
    correlation_id=st.none() | texts,
    synthetic=st.booleans(),
    detail=st.dictionaries(texts, values, max_size=4),
)


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(batch=st.lists(events, min_size=1, max_size=5))
def test_whatever_is_appended_is_what_is_selected(store: Any, batch: list[Event]) -> None:
    log, batch = store.kept(), fresh(batch)
    log.append(batch)
    found = log.select(Query(ids=[one.id for one in batch]))
    assert unrecorded(found) == sorted(batch, key=lambda one: (one.occurred_at, one.id.int))


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(written=events)
def test_whatever_is_appended_exclusively_is_returned_as_stored(store: Any, written: Event) -> None:
    log, (written,) = store.kept(), fresh([written])
    (returned,) = log.append_exclusively([written])
    assert [returned] == list(log.select(Query(ids=[written.id])))
    assert unrecorded([returned]) == [written]


def test_what_no_store_can_hold_is_replaced_alike_everywhere(store: Any) -> None:
    log = store.log()
    log.append(
        [
            event(
                source="a\x00b\ud800",
                latency_ms=10**12,
                detail={"n\x00": float("nan"), "t": (1, 2), "o": NOON, "deep": [{"s": "\udfff"}]},
            )
        ]
    )
    (found,) = log.select(Query())
    assert (found.source, found.latency_ms) == ("a\ufffdb\ufffd", 2**31 - 1)
    assert found.detail == {"n\ufffd": None, "t": [1, 2], "o": str(NOON), "deep": [{"s": "\ufffd"}]}


def test_one_poisoned_event_does_not_hold_up_its_batch(store: Any) -> None:
    log = store.log()
    log.append([event(source="\x00"), event(latency_ms=-(10**12)), event()])
    assert len(list(log.select(Query()))) == 3


def test_a_retried_append_is_not_a_second_event(store: Any) -> None:
    log = store.log()
    first, second = event(source="first"), event()
    log.append([first])
    log.append([replace(first, source="retried"), second])
    assert [found.source for found in log.select(Query())] == ["first", None]


def test_appending_nothing_is_nothing(store: Any) -> None:
    log = store.log()
    log.append([])
    assert log.append_exclusively([]) == ()
    assert list(log.select(Query())) == []


def test_a_conditional_append_that_loses_writes_nothing(store: Any) -> None:
    log = store.log()
    taken, free = ours(), ours()
    log.append_exclusively([taken])
    with pytest.raises(Conflict) as caught:
        log.append_exclusively([free, replace(taken, source="second")])
    assert str(taken.id) in str(caught.value)
    assert unrecorded(log.select(Query())) == [taken]


def test_a_conditional_append_of_the_same_rows_by_another_writer_loses_too(store: Any) -> None:
    row = ours()
    store.log().append_exclusively([row])
    with pytest.raises(Conflict):
        store.empty().append_exclusively([row])


def test_a_conditional_append_returns_the_rows_in_the_order_given(store: Any) -> None:
    log = store.log()
    rows = [ours() for _ in range(5)]
    returned = log.append_exclusively(rows[::-1])
    assert unrecorded(returned) == rows[::-1]
    assert all(row.recorded_at for row in returned)


def test_the_writer_cannot_say_when_the_store_learned_of_an_event(store: Any) -> None:
    log = store.log()
    long_ago = NOON - timedelta(days=3650)
    log.append([event(recorded_at=long_ago)])
    (returned,) = log.append_exclusively([ours(recorded_at=long_ago)])
    assert returned.recorded_at > long_ago
    assert all(found.recorded_at > long_ago for found in log.select(Query()))


def test_large_batches_arrive_whole(store: Any) -> None:
    log = store.log()
    batch = [event() for _ in range(2600)]
    log.append(batch)
    assert unrecorded(log.select(Query())) == batch


RACE = """
import sys
{opener}
from releaseguard.eventlog.interface import Conflict
from releaseguard.model import Event, Outcome, utc_now
from uuid import UUID
said = dict(occurred_at=utc_now(), provider="releaseguard", event="rotation_step", outcome=Outcome.SUCCESS)
steps = [Event(id=UUID(int=step), environment="production", detail={{"holder": sys.argv[1]}}, **said)
         for step in (1, 2, 3)]
print("ready", flush=True)
sys.stdin.readline()
won = []
for step in steps:
    try:
        log.append_exclusively([step])
        won.append(step.id.int)
    except Conflict:
        pass
print(*won)
log.close()
"""


def test_of_many_processes_that_write_the_same_step_exactly_one_wins(store: Any) -> None:
    log = store.log()
    code = RACE.format(opener=store.opener)
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(holder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for holder in range(examples(8, least=4))
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    said = [racer.communicate()[0].split() for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * len(racers)
    assert sorted(step for won in said for step in won) == ["1", "2", "3"]
    holders = {found.id.int: found.detail["holder"] for found in log.select(Query())}
    assert holders == {int(step): str(holder) for holder, won in enumerate(said) for step in won}


def test_two_writers_of_the_same_rows_in_opposite_order_do_not_wait_for_each_other(store: Any) -> None:
    one, other = store.log(), store.empty()
    rows = [event() for _ in range(50)]
    one.append(rows)
    other.append(rows[::-1])
    assert len(list(one.select(Query()))) == 50


SELECTIONS: list[tuple[Query, list[int]]] = [
    (Query(), [1, 2, 3, 4, 5]),
    (Query(environment="staging"), [4]),
    (Query(providers=["twilio"]), [2]),
    (Query(providers=["twilio", OURSELVES]), [2, 5]),
    (Query(events=["twilio_error", "sendgrid_error"]), [2, 3]),
    (Query(outcome=Outcome.ERROR), [2, 3]),
    (Query(since=NOON + timedelta(minutes=2)), [2, 3, 4, 5]),
    (Query(until=NOON + timedelta(minutes=2)), [1]),
    (Query(since=NOON + timedelta(minutes=1), until=NOON + timedelta(minutes=3)), [1, 2]),
    (Query(release="new"), [3]),
    (Query(correlation_id='c,"1").x'), [1]),
    (Query(synthetic=True), [3]),
    (Query(synthetic=False), [1, 2, 4, 5]),
    (Query(detail={"provider": "sendgrid"}), [5]),
    (Query(detail={"secret_version": "3"}), [1]),
    (Query(detail={"secret_version": "v3"}), [2]),
    (Query(detail={"leak": "true"}), [5]),
    (Query(detail={"leak": "1"}), []),
    (Query(detail={"provider": "sendgrid", "leak": "true"}), [5]),
    (Query(detail={"absent": "x"}), []),
    (Query(ids=[UUID(int=3), UUID(int=1), UUID(int=77)]), [1, 3]),
    (Query(limit=2), [1, 2]),
    (Query(limit=1, newest_first=True), [5]),
    (Query(limit=0), []),
    (Query(newest_first=True), [5, 4, 3, 2, 1]),
    (Query(events=["sendgrid_email_sent"], newest_first=True), [4, 1]),
]


@pytest.fixture
def five(store: Any) -> EventLog:
    log: EventLog = store.log()
    at = [NOON + timedelta(minutes=minute) for minute in range(6)]
    log.append(
        [
            event(
                id=UUID(int=1), occurred_at=at[1], correlation_id='c,"1").x', detail={"secret_version": 3}, source="a\\"
            ),
            event(
                id=UUID(int=2),
                occurred_at=at[2],
                provider="twilio",
                event="twilio_error",
                outcome=Outcome.ERROR,
                detail={"secret_version": "v3"},
            ),
            event(
                id=UUID(int=3),
                occurred_at=at[3],
                event="sendgrid_error",
                outcome=Outcome.ERROR,
                release="new",
                synthetic=True,
            ),
            event(id=UUID(int=4), occurred_at=at[4], environment="staging"),
            ours(id=UUID(int=5), occurred_at=at[5], detail={"provider": "sendgrid", "leak": True}),
        ]
    )
    return log


def test_every_condition_selects_its_rows_in_order(five: EventLog) -> None:
    for query, expected in SELECTIONS:
        assert ids(five.select(query)) == expected, query


def test_rows_of_one_moment_come_in_the_order_of_their_ids(store: Any) -> None:
    log = store.log()
    log.append([event(id=UUID(int=number), occurred_at=NOON) for number in (3, 1, 2)])
    assert ids(log.select(Query())) == [1, 2, 3]
    assert ids(log.select(Query(newest_first=True))) == [3, 2, 1]


def test_selecting_as_of_a_moment_includes_it_and_nothing_later(store: Any) -> None:
    log = store.log()
    first, *_ = log.append_exclusively([event()])
    last, *_ = log.append_exclusively([event()])
    assert first.recorded_at < last.recorded_at
    assert ids(log.select(Query(recorded_until=first.recorded_at))) == [first.id.int]
    assert ids(log.select(Query(recorded_since=last.recorded_at))) == [last.id.int]
    assert len(list(log.select(Query(recorded_until=last.recorded_at)))) == 2


def test_pages_neither_skip_nor_repeat_rows_of_one_moment(store: Any) -> None:
    log = store.log()
    log.append([event(id=UUID(int=number), occurred_at=NOON) for number in range(1, 2502)])
    assert ids(log.select(Query())) == list(range(1, 2502))
    assert ids(log.select(Query(newest_first=True, limit=2001))) == list(range(2501, 500, -1))
    assert len(list(log.select(Query(limit=1000)))) == 1000


def test_hundreds_of_ids_can_be_looked_up_at_once(store: Any) -> None:
    log = store.log()
    batch = [event() for _ in range(250)]
    log.append(batch)
    wanted = [one.id for one in batch[::-1]]
    assert unrecorded(log.select(Query(ids=wanted))) == batch
    assert unrecorded(log.select(Query(ids=wanted, newest_first=True, limit=120))) == batch[::-1][:120]


def test_a_stream_can_be_left_and_others_read_and_written_meanwhile(store: Any) -> None:
    log = store.log()
    log.append([event() for _ in range(1500)])
    stream, other = log.select(Query()), log.select(Query(newest_first=True))
    first = next(stream)
    assert next(other).occurred_at > first.occurred_at
    log.append([event()])
    other.close()  # type: ignore[attr-defined]
    assert len(list(stream)) >= 1499
    assert len(list(log.select(Query()))) == 1501


def test_a_detail_key_that_could_be_sql_is_refused(store: Any) -> None:
    with pytest.raises(ValueError, match="letters"):
        list(store.log().select(Query(detail={"x') OR 1 --": "y"})))


def test_closing_twice_is_harmless_and_keeps_what_was_written(store: Any) -> None:
    log = store.log()
    (written,) = log.append_exclusively([ours()])
    log.close()
    log.close()
    assert [row.id for row in store.log().select(Query())] == [written.id]


def test_the_clock_moves_forward_with_the_rows(store: Any) -> None:
    log = store.log()
    (row,) = log.append_exclusively([ours()])
    assert log.now() >= row.recorded_at.replace(microsecond=0)


happenings = st.builds(
    event,
    id=st.uuids(version=4),
    occurred_at=st.integers(0, 400).map(lambda seconds: NOON + timedelta(seconds=seconds)),
    provider=st.sampled_from(["sendgrid", "twilio", OURSELVES]),
    event=st.sampled_from(["sent", "error"]),
    outcome=st.sampled_from(Outcome),
    environment=st.sampled_from(["production", "staging"]),
    release=st.sampled_from([None, "old", "new"]),
    source=st.sampled_from([None, "web", "client"]),
    correlation_id=st.sampled_from([None, "a", "b", "c"]),
    synthetic=st.booleans(),
)


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(batch=st.lists(happenings, max_size=40))
def test_counts_per_minute_are_those_of_the_rows(store: Any, batch: list[Event]) -> None:
    log, number = store.kept(), uuid4()
    batch = [replace(one, environment=f"{one.environment}-{number}") for one in fresh(batch)]
    log.append(batch)
    for query in (
        Query(environment=f"production-{number}"),
        Query(environment=f"staging-{number}", providers=["sendgrid"], since=NOON + timedelta(minutes=1)),
        Query(environment=f"production-{number}", synthetic=False, limit=1, newest_first=True),
    ):
        counted = list(log.minute_counts(query))
        rows = [one for one in log.select(Query(environment=query.environment)) if fits(one, query)]
        assert sorted(map(repr, counted)) == sorted(map(repr, count_minutes(rows)))
        assert [one.occurred_minute for one in counted] == sorted(one.occurred_minute for one in counted)
        assert sum(one.count + one.repeats for one in counted) == sum(one.provider != OURSELVES for one in rows)


@settings(max_examples=examples(20), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(batch=st.lists(happenings, max_size=40), asked=st.sets(st.sampled_from(["production", "staging", "preview"])))
def test_counts_of_each_environment_are_those_asked_for_one_by_one(
    store: Any, batch: list[Event], asked: set[str]
) -> None:
    log, number = store.kept(), uuid4()
    log.append([replace(one, environment=f"{one.environment}-{number}") for one in fresh(batch)])
    names = [f"{name}-{number}" for name in asked]
    query = Query(since=NOON + timedelta(minutes=1), until=NOON + timedelta(minutes=5))
    found = {name: list(rows) for name, rows in log.minute_counts_of_each(names, query)}
    assert found.keys() <= set(names)
    for name in names:
        assert found.get(name, []) == list(log.minute_counts(replace(query, environment=name)))


def fits(one: Event, query: Query) -> bool:
    return (
        (not query.providers or one.provider in query.providers)
        and (query.since is None or one.occurred_at >= query.since)
        and (query.synthetic is None or one.synthetic is query.synthetic)
    )


def test_a_repeat_is_the_same_use_at_the_same_time(store: Any) -> None:
    log = store.log()
    for second in (0, 420, 0, 59, 60):
        log.append_exclusively([event(occurred_at=NOON + timedelta(seconds=second), correlation_id="c")])
    log.append([ours(), event(correlation_id="c", outcome=Outcome.ERROR, occurred_at=NOON), event(occurred_at=NOON)])
    totals: Counter[tuple[int, str]] = Counter()
    repeats: Counter[tuple[int, str]] = Counter()
    for one in log.minute_counts(Query()):
        minute = (one.occurred_minute - NOON) // timedelta(minutes=1), one.outcome.value
        totals[minute] += one.count
        repeats[minute] += one.repeats
    assert totals == {(0, "error"): 1, (0, "success"): 3, (1, "success"): 1, (7, "success"): 1}
    assert +repeats == {(0, "success"): 1}


def test_what_the_ids_of_rows_add_to_how_much_a_count_varies(store: Any) -> None:
    log = store.log()
    log.append(
        [
            event(occurred_at=NOON + timedelta(seconds=number), correlation_id=name)
            for number, name in enumerate(("a", "a", "a", "b", None, None))
        ]
    )
    counted = list(log.minute_counts(Query()))
    assert sum(one.count for one in counted) == 6
    assert sum(one.squares for one in counted) == 9 + 1 + 1 + 1
    assert sum(one.trials for one in counted) == 4


def test_counts_are_kept_apart_by_deployment_where_that_is_asked(store: Any) -> None:
    log = store.log()
    log.append([event(detail={"deployment_id": name}) for name in ("dpl_1", "dpl_1", "dpl_2")] + [event(detail={})])
    asked: Counter[str | None] = Counter()
    for one in log.minute_counts(Query(by_deployment=True)):
        asked[one.deployment_id] += one.count
    assert asked == {"dpl_1": 2, "dpl_2": 1, None: 1}
    assert {one.deployment_id for one in log.minute_counts(Query())} == {None}


APPS = EventTable(
    table="app_log",
    columns={
        "id": "event_id",
        "occurred_at": "at",
        "event": "Name of it",
        "recorded_at": "",
        "synthetic": False,
        "correlation_id": None,
    },
    results_table="guard_events",
)


def apps_table(store: Any) -> None:
    types = ("TEXT", "TEXT", "TEXT") if store.kind == "sqlite" else ("uuid", "timestamptz", "jsonb")
    store.sql(
        f'CREATE TABLE app_log (event_id {types[0]} PRIMARY KEY, at {types[1]} NOT NULL, "Name of it" varchar(80),'
        " provider text, outcome text, environment text, error_code text, latency_ms integer, release text,"
        f" source text, detail {types[2]}, mood text)"
    )


def test_the_apps_own_table_is_read_and_appended_to_and_ours_kept_apart(store: Any) -> None:
    apps_table(store)
    log = store.log(APPS)
    log.append([event(synthetic=True, correlation_id="c"), ours(), event(provider="twilio")])
    log.append_exclusively([ours(synthetic=True)])
    assert store.sql("SELECT count(*) FROM app_log") == [(2,)]
    assert store.sql("SELECT count(*) FROM guard_events") == [(2,)]
    everything = list(log.select(Query()))
    assert [one.provider for one in everything] == ["sendgrid", OURSELVES, "twilio", OURSELVES]
    assert [one.recorded_at is None for one in everything] == [True, False, True, False]
    assert [one.synthetic for one in everything] == [False, False, False, True]
    assert everything[0].correlation_id is None
    assert [one.provider for one in log.select(Query(newest_first=True, limit=2))] == [OURSELVES, "twilio"]
    assert [one.provider for one in log.select(Query(providers=[OURSELVES]))] == [OURSELVES] * 2
    assert [one.provider for one in log.select(Query(providers=["twilio", OURSELVES], limit=2))] == [
        OURSELVES,
        "twilio",
    ]
    assert log.capabilities.has("release")
    assert not log.capabilities.has("recorded_at")


def test_a_column_the_table_lacks_is_empty_in_every_row(store: Any) -> None:
    apps_table(store)
    log = store.log(APPS)
    log.append([event()])
    assert len(list(log.select(Query(synthetic=False, providers=["sendgrid"])))) == 1
    assert list(log.select(Query(synthetic=True, providers=["sendgrid"]))) == []
    assert list(log.select(Query(correlation_id="c", providers=["sendgrid"]))) == []
    (counted,) = log.minute_counts(Query())
    assert (counted.count, counted.recorded_minute, counted.synthetic) == (1, None, False)


def test_what_the_apps_table_lacks_is_found_where_no_setting_says_so(store: Any) -> None:
    apps_table(store)
    names = {"id": "event_id", "occurred_at": "at", "event": "Name of it"}
    complete = store.log(APPS)
    with store._opened(EventTable(table="app_log", columns=names, results_table="guard_events")) as log:
        assert list(log.lacking()) == ["recorded_at", "correlation_id", "synthetic"]
    assert not complete.lacking()


def test_what_was_known_at_a_time_cannot_be_asked_without_recorded_at(store: Any) -> None:
    apps_table(store)
    log = store.log(APPS)
    with pytest.raises(ConfigError, match="app_log has no recorded_at") as caught:
        list(log.select(Query(recorded_until=NOON, providers=["sendgrid"])))
    assert "--as-of" in str(caught.value.next_step)
    with pytest.raises(ConfigError, match="recorded_at"):
        list(log.minute_counts(Query(recorded_until=NOON)))


def test_our_own_rows_are_refused_where_the_table_cannot_hold_them(store: Any) -> None:
    apps_table(store)
    log = store.empty(EventTable(table=APPS.table, columns=APPS.columns))
    with pytest.raises(ConfigError, match="cannot hold releaseguard's own rows") as caught:
        log.append_exclusively([ours()])
    assert "results_table" in str(caught.value.next_step)


def test_names_are_quoted_whatever_they_hold(store: Any) -> None:
    table = EventTable(table='odd "name; DROP')
    log = store.log(table)
    log.append([event()])
    assert len(list(log.select(Query()))) == 1


def test_a_mapping_of_an_unknown_or_indispensable_column_is_refused() -> None:
    with pytest.raises(ConfigError, match="colour is not a column"):
        EventTable(columns={"colour": "x"})
    with pytest.raises(ConfigError, match="outcome cannot be left out"):
        EventTable(columns={"outcome": ""})


def test_a_missing_table_is_named_with_the_way_to_make_it(store: Any) -> None:
    store.sql("CREATE TABLE something_else (id integer)")
    log = store.empty()
    for act in (
        lambda: list(log.select(Query())),
        lambda: log.append([event()]),
        lambda: log.append_exclusively([ours()]),
    ):
        with pytest.raises(ConfigError, match="no table integration_events") as caught:
            act()
        assert "releaseguard events migrate" in str(caught.value.next_step)


def test_a_missing_column_is_named_with_the_way_to_map_it(store: Any) -> None:
    store.sql("CREATE TABLE something_else (id integer)")
    log = store.empty()
    store.sql(log.schema_sql() if store.kind != "sqlite" else log.schema_sql().split(";")[0])
    if store.kind != "sqlite":
        store.sql("DROP VIEW integration_events_by_minute")
    store.sql("DROP INDEX IF EXISTS integration_events_release")
    store.sql("ALTER TABLE integration_events DROP COLUMN release")
    for act in (lambda: list(log.select(Query())), lambda: log.append([event()])):
        with pytest.raises(ConfigError, match=r"integration_events .*release") as caught:
            act()
        assert "[events.columns] release" in str(caught.value.next_step)


def test_no_label_or_message_holds_a_credential(store: Any) -> None:
    log = store.log()
    assert "service-role" not in log.label
    assert "postgres@" not in log.label
