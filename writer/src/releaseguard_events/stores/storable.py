"""Events in a form that every store can hold. Values in, values out."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from releaseguard_events.event import Event, Outcome
from releaseguard_events.plain import CUT
from releaseguard_events.times import from_text, to_text

INTEGER = 2**31 - 1
"""The largest value of Postgres' ``integer``."""

DEEPEST = 100
"""The most levels of ``detail`` that are written."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(event: Event) -> Event:
    """The event in a form that every store can hold.

    Postgres accepts no NUL in text and no number outside ``integer`` in ``latency_ms``, UTF-8 has no lone surrogates,
    JSON has no NaN. One such value must neither hold up a whole batch nor mean different things in different stores.
    Characters become U+FFFD, numbers that JSON lacks become null, latencies are limited. Nearly every event needs no
    change, and is returned as it is.
    """
    return event if _is_storable(event) else _made_storable(event)


def _is_storable(event: Event) -> bool:
    """Whether every store can hold it as it is; ``False`` also where that needs a closer look."""
    detail, latency = event.detail, event.latency_ms
    if type(detail) is not dict or not all(type(value) is str for value in detail.values()):
        return False
    optional = (event.error_code, event.release, event.source, event.correlation_id)
    texts = (event.provider, event.event, event.environment, *filter(None, optional), *detail, *detail.values())
    return all(type(text) is str for text in texts) and is_storable("".join(texts)) and abs(latency or 0) <= INTEGER


def _made_storable(event: Event) -> Event:
    latency = event.latency_ms
    return replace(
        event,
        provider=_clean(event.provider),
        event=_clean(event.event),
        environment=_clean(event.environment),
        error_code=_clean_or_none(event.error_code),
        latency_ms=None if latency is None else max(-INTEGER, min(latency, INTEGER)),
        release=_clean_or_none(event.release),
        source=_clean_or_none(event.source),
        correlation_id=_clean_or_none(event.correlation_id),
        detail=_plain(event.detail),
    )


def is_storable(text: str) -> bool:
    """Whether every store accepts ``text`` as it is."""
    return _UNSTORABLE.search(text) is None


def _clean(text: str) -> str:
    return _UNSTORABLE.sub("\ufffd", text)


def _clean_or_none(text: str | None) -> str | None:
    return None if text is None else _clean(text)


def _plain(value: Any, level: int = 0) -> Any:
    """``value`` in the types of JSON, and no deeper than any of its readers goes."""
    if level > DEEPEST:
        return CUT
    match value:
        case str():
            return _clean(value)
        case bool() | int() | None:
            return value
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {_clean(str(key)): _plain(inner, level + 1) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(inner, level + 1) for inner in value]
        case _:
            return _clean(str(value))


class EventRow(NamedTuple):
    """The columns of ``integration_events`` in their order; times are text, ``detail`` is the JSON of an object."""

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


Writable: TypeAlias = Event | EventRow
"""An event for a store, as it came or as a row."""


def row_of(event: Writable) -> EventRow:
    """The row of an event, made storable."""
    if isinstance(event, EventRow):
        return event
    event = storable(event)
    return EventRow(
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
    """The event in a row, for a table of the app's own."""
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
