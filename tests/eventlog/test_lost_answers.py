"""A conditional append whose answer never came: settled by looking, never by guessing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from releaseguard.errors import Unreachable
from releaseguard.eventlog.interface import Conflict, Query
from releaseguard.eventlog.rows.decode import Row
from releaseguard.eventlog.rows.written import conflict
from releaseguard.eventlog.stores.tables import Batch, Deleted, EventTable, TableLog
from releaseguard.model import OURSELVES, Event, Outcome

STEP = Event(
    id=UUID(int=1),
    occurred_at=datetime(2026, 11, 24, 12, tzinfo=UTC),
    provider=OURSELVES,
    event="rotation_planned",
    outcome=Outcome.SUCCESS,
    environment="production",
    detail={"holder": "us"},
)
THEIRS = replace(STEP, detail={"holder": "they"})


class Table(TableLog):
    """A table in memory behind a network that follows a script: one act per write."""

    def __init__(self, *script: Callable[[Table, Sequence[Event]], None]) -> None:
        super().__init__(EventTable())
        self.script = list(script)
        self.held: dict[UUID, Event] = {}
        self.writes = 0

    def put(self, events: Sequence[Event]) -> None:
        if any(event.id in self.held for event in events):
            raise conflict(events)
        self.held |= {event.id: event for event in events}

    def _insert(self, batches: Sequence[Batch]) -> Sequence[Event]:
        self.writes += 1
        ((_, events),) = batches
        self.script.pop(0)(self, events)
        return [self.held[event.id] for event in events]

    def _restore(self, batches: Sequence[Batch]) -> int:
        raise NotImplementedError

    def _delete(self, place: EventTable, since: datetime | None, before: datetime, environment: str | None) -> Deleted:
        raise NotImplementedError

    def _read(self, place: EventTable, query: Query) -> Iterator[Event]:
        return iter([self.held[one] for one in query.ids if one in self.held])

    def _left_out(self, *_: object) -> Iterator[Row]:
        return iter(())

    def _moment(self, value: object) -> None:
        raise NotImplementedError

    def _add(self, batches: Sequence[Batch]) -> None:
        raise NotImplementedError

    now = migrate = schema_sql = close = _add  # type: ignore[assignment]


def answered(table: Table, events: Sequence[Event]) -> None:
    table.put(events)


def answer_lost(table: Table, events: Sequence[Event]) -> None:
    table.put(events)
    raise Unreachable("silence")


def request_lost(_table: Table, _events: Sequence[Event]) -> None:
    raise Unreachable("silence")


def others_first(table: Table, events: Sequence[Event]) -> None:
    table.put([replace(event, detail={"holder": "they"}) for event in events])
    raise Unreachable("silence")


def arrives_late(table: Table, events: Sequence[Event]) -> None:
    """Our first request reaches the store after we have looked, just before the second."""
    table.put(events)
    table.put(events)


def test_a_lost_answer_is_success_where_exactly_our_rows_are_there() -> None:
    table = Table(answer_lost)
    assert table.append_exclusively([STEP]) == (STEP,)
    assert table.writes == 1


def test_a_lost_request_is_written_again() -> None:
    table = Table(request_lost, answered)
    assert table.append_exclusively([STEP]) == (STEP,)
    assert table.writes == 2


def test_a_request_that_arrives_late_is_still_ours() -> None:
    table = Table(request_lost, arrives_late)
    assert table.append_exclusively([STEP]) == (STEP,)


def test_the_row_of_another_writer_is_a_conflict() -> None:
    for script in ((others_first,), (request_lost, others_first)):
        with pytest.raises((Conflict, Unreachable)):
            Table(*script).append_exclusively([STEP])
    table = Table(others_first)
    with pytest.raises(Conflict):
        table.append_exclusively([STEP])
    assert table.held == {STEP.id: THEIRS}


def test_half_of_our_rows_is_a_conflict_and_nothing_is_added() -> None:
    table = Table(request_lost)
    table.put([STEP])
    with pytest.raises(Conflict):
        table.append_exclusively([STEP, replace(STEP, id=UUID(int=2))])
    assert list(table.held) == [STEP.id]


def test_two_lost_requests_are_reported_and_not_taken_for_success() -> None:
    with pytest.raises(Unreachable):
        Table(request_lost, request_lost).append_exclusively([STEP])


def test_over_rest_a_broken_answer_is_settled_by_looking(rest_store: Any) -> None:
    log = rest_store.log()
    rest_store.project.lose_answers = 1
    (stored,) = log.append_exclusively([STEP])
    assert replace(stored, recorded_at=None) == STEP
    assert [asked.split()[0] for asked in rest_store.project.requests] == ["POST", "GET"]


def test_over_rest_a_gateways_failure_is_settled_by_looking(rest_store: Any) -> None:
    log = rest_store.log()
    rest_store.project.lose_requests = 1
    log.append_exclusively([STEP])
    assert [asked.split()[0] for asked in rest_store.project.requests] == ["POST", "GET", "POST"]
    assert len(list(log.select(Query()))) == 1


def test_over_rest_a_wave_of_steps_is_one_request(rest_store: Any) -> None:
    log = rest_store.log()
    log.append_exclusively([replace(STEP, id=UUID(int=number)) for number in range(1, 60)])
    assert len(rest_store.project.requests) == 1


def test_over_rest_a_conflict_is_told_apart_from_other_refusals(rest_store: Any) -> None:
    log = rest_store.log()
    log.append_exclusively([STEP])
    with pytest.raises(Conflict):
        log.append_exclusively([THEIRS])
    assert len(rest_store.project.requests) == 2


def drop_connections(store: Any) -> None:
    store.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'releaseguard'"
        " AND datname = current_database()"
    )


def test_a_server_that_dropped_idle_connections_is_connected_to_again(postgres_store: Any) -> None:
    log = postgres_store.log()
    log.append([STEP])
    for stream in [log.select(Query()), log.select(Query())]:
        next(stream)
    acts = (lambda: list(log.select(Query())), lambda: log.append([STEP]), log.now)
    for act in acts:
        drop_connections(postgres_store)
        act()
    assert len(list(log.select(Query()))) == 1


def test_a_stream_that_breaks_half_way_goes_on_where_it_was(postgres_store: Any) -> None:
    log = postgres_store.log()
    log.append([replace(STEP, id=UUID(int=number), detail={"filling": "x" * 3000}) for number in range(1, 6000)])
    stream = log.select(Query())
    first = next(stream)
    drop_connections(postgres_store)
    assert [event.id.int for event in (first, *stream)] == list(range(1, 6000))


def test_a_conditional_append_survives_a_dropped_connection(postgres_store: Any) -> None:
    log = postgres_store.log()
    log.now()
    drop_connections(postgres_store)
    (stored,) = log.append_exclusively([STEP])
    assert replace(stored, recorded_at=None) == STEP
