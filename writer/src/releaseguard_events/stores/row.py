"""An event as stores write it: one text, number or flag for each column."""

from __future__ import annotations

import json
from typing import NamedTuple, TypeAlias
from uuid import UUID

from releaseguard_events.event import Event, Outcome
from releaseguard_events.stores.storable import storable
from releaseguard_events.times import from_text, to_text


class Row(NamedTuple):
    """The columns of ``integration_events`` in their order; times are text, ``detail`` is JSON of an object."""

    id: str
    occurred_at: str
    recorded_at: str | None
    provider: str
    event: str
    outcome: str
    error_code: str | None
    latency_ms: int | None
    environment: str
    release: str | None
    source: str | None
    correlation_id: str | None
    synthetic: bool
    detail: str


Writable: TypeAlias = Event | Row
"""An event for a store, as it came or as it is written."""


def row_of(event: Writable) -> Row:
    """The row of an event, made storable."""
    if isinstance(event, Row):
        return event
    event = storable(event)
    return Row(
        id=str(event.id),
        occurred_at=to_text(event.occurred_at),
        recorded_at=to_text(event.recorded_at) if event.recorded_at else None,
        provider=event.provider,
        event=event.event,
        outcome=str(event.outcome),
        error_code=event.error_code,
        latency_ms=event.latency_ms,
        environment=event.environment,
        release=event.release,
        source=event.source,
        correlation_id=event.correlation_id,
        synthetic=event.synthetic,
        detail=json.dumps(event.detail, ensure_ascii=False, separators=(",", ":")) if event.detail else "{}",
    )


def event_from(row: Writable) -> Event:
    """The event that a row is, for a table of the app's own."""
    if isinstance(row, Event):
        return row
    columns = row._asdict() | {
        "id": UUID(row.id),
        "occurred_at": from_text(row.occurred_at),
        "recorded_at": from_text(row.recorded_at) if row.recorded_at else None,
        "outcome": Outcome(row.outcome),
        "detail": json.loads(row.detail),
    }
    return Event(**columns)
