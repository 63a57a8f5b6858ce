"""A store in memory that can be away, refuse single rows, and make its callers wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from releaseguard.errors import ServiceError, Unreachable
from releaseguard.eventlog.interface import Capabilities, EventLog, Query
from releaseguard.model import Event, Outcome, new_id
from releaseguard_events.pipeline import jsonl
from releaseguard_events.pipeline.drops import Drops
from releaseguard_events.pipeline.exporter import BatchExporter, Pace
from releaseguard_events.pipeline.spool import Spool
from releaseguard_events.stores.storable import Writable
from releaseguard_events.stores.table import COLUMNS


class MemoryLog(EventLog):
    """Rows by id. ``away`` refuses everything; ``refused`` names events whose rows the table refuses."""

    label = "memory"
    capabilities = Capabilities(frozenset(COLUMNS))

    def __init__(self) -> None:
        self.rows: dict[UUID, Event] = {}
        self.writes = 0
        self.away = False
        self.refused: set[str] = set()
        self.loses_the_answer = False
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()

    def append(self, events: Sequence[Writable]) -> None:
        events = [jsonl.parse(jsonl.line(event)) for event in events]
        self.entered.set()
        self.gate.wait()
        self.writes += 1
        if self.away:
            raise Unreachable("no answer", where="memory")
        if self.refused & {event.event for event in events}:
            raise ServiceError("a row violates a check", where="memory", status=400)
        for event in events:
            self.rows.setdefault(event.id, event)
        if self.loses_the_answer:
            raise Unreachable("the answer was lost", where="memory")

    def restore(self, events: Iterable[Event]) -> int:
        raise NotImplementedError

    def append_exclusively(self, events: Sequence[Event]) -> Sequence[Event]:
        raise NotImplementedError

    def select(self, query: Query) -> Iterator[Event]:
        yield from sorted(self.rows.values(), key=lambda event: (event.occurred_at, event.id))

    def now(self) -> datetime:
        return datetime(2026, 11, 24, tzinfo=UTC)

    def migrate(self) -> Sequence[str]:
        return ()

    def schema_sql(self) -> str:
        return ""

    def close(self) -> None:
        pass

    def events(self) -> list[str]:
        return [event.event for event in self.select(Query())]


class Clock:
    """A monotonic clock that moves when it is told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def store() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    made = Spool(tmp_path / "spool", 1_000_000)
    yield made
    made.close()


@pytest.fixture
def drops() -> Drops:
    return Drops()


@pytest.fixture
def exporter(store: MemoryLog, clock: Clock, spool: Spool, drops: Drops) -> BatchExporter:
    return BatchExporter(lambda: store, spool, drops, environment="production", clock=clock, pace=Pace())


@pytest.fixture
def make_event() -> Callable[..., Event]:
    def make(name: str = "sendgrid_email_sent", **columns: object) -> Event:
        known: dict[str, object] = {
            "id": new_id(),
            "occurred_at": datetime(2026, 11, 24, 10, 15, tzinfo=UTC),
            "provider": "sendgrid",
            "event": name,
            "outcome": Outcome.SUCCESS,
            "environment": "production",
        }
        return Event(**known | columns)  # type: ignore[arg-type]

    return make
