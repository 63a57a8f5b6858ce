"""Events as JSON Lines, the format of the spool."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from releaseguard_events.event import Event, Outcome
from releaseguard_events.stores.storable import EventRow, Writable
from releaseguard_events.times import from_text, to_text


def document(event: Writable) -> dict[str, Any]:
    """The event as a JSON object: the columns of ``integration_events`` in their order, times as text."""
    if isinstance(event, EventRow):
        return event._asdict() | {"detail": json.loads(event.detail)}
    return {
        "id": str(event.id),
        "occurred_at": to_text(event.occurred_at),
        "recorded_at": to_text(event.recorded_at) if event.recorded_at else None,
        "provider": event.provider,
        "event": event.event,
        "outcome": event.outcome.value,
        "error_code": event.error_code,
        "latency_ms": event.latency_ms,
        "environment": event.environment,
        "release": event.release,
        "source": event.source,
        "correlation_id": event.correlation_id,
        "synthetic": event.synthetic,
        "detail": dict(event.detail),
    }


def line(event: Writable) -> str:
    """The event as one line of ASCII with its line end; whatever the event holds, it stays one line."""
    return json.dumps(document(event), separators=(",", ":")) + "\n"


def parse(text: str) -> Event:
    """The inverse of :func:`line`. Raises ``ValueError`` for anything that is not an event."""
    try:
        columns = json.loads(text)
        recorded = columns.get("recorded_at")
        converted = {
            "id": UUID(columns["id"]),
            "occurred_at": from_text(columns["occurred_at"]),
            "recorded_at": from_text(recorded) if recorded else None,
            "outcome": Outcome(columns["outcome"]),
        }
        return Event(**columns | converted)
    except (AttributeError, KeyError, TypeError, RecursionError) as error:
        raise ValueError("not an event") from error
