"""Events on their way into a store, and what came of writing them. Values in, values out."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from releaseguard.eventlog.interface import COLUMNS, Conflict, EventTable
from releaseguard.model import Event, Outcome
from releaseguard_events.plain import CUT

OUTCOMES = {outcome.value: outcome for outcome in Outcome}
"""A dict is ten times as quick as calling the enumeration."""

INTEGER = 2**31 - 1
"""The largest value of Postgres' ``integer``."""

DEEPEST = 100
"""Levels of ``detail`` that are written."""

ABSENT: dict[str, Any] = {"synthetic": False, "detail": {}}
"""What every row has in a column that the table lacks, where that is not null."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(event: Event) -> Event:
    """The event as every store can hold it.

    Postgres takes no NUL in text and no number outside ``integer`` in ``latency_ms``, UTF-8 has no lone
    surrogates, JSON has no NaN. One such value must not hold up a whole batch, nor mean one thing in one store
    and another in the next: characters become U+FFFD, numbers that JSON has not become null, latencies are cut off.
    """
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


def _clean(text: str) -> str:
    return _UNSTORABLE.sub("\ufffd", text)


def _clean_or_none(text: str | None) -> str | None:
    return None if text is None else _clean(text)


def _plain(value: Any, level: int = 0) -> Any:
    """``value`` in the types that JSON has, and no deeper than any reader of it goes."""
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


def as_stored(event: Event, place: EventTable, recorded_at: datetime | None = None) -> Event:
    """The event as it will come back from ``place``: without what that table has no column for, and with the time
    that the store gave it, where that is known."""
    lost: dict[str, Any] = {column: ABSENT.get(column) for column in COLUMNS if not place.theirs(column)}
    return replace(event, **{"recorded_at": recorded_at} | lost)


def are_ours(found: Sequence[Event], written: Sequence[Event], place: EventTable) -> bool:
    """Whether the rows ``found`` under our ids are the very rows we wanted to write."""
    stored = {event.id: as_stored(event, place) for event in found}
    return all(stored.get(event.id) == as_stored(event, place) for event in written)


def conflict(written: Sequence[Event]) -> Conflict:
    """The error of a conditional append that lost."""
    ids = ", ".join(str(event.id) for event in written)
    return Conflict(
        f"another writer has already written {ids}" if len(written) == 1 else f"one of {ids} is already written",
        next_step="Read the history again: it has moved on.",
    )
