"""Turns a row from a store into an event. Pure.

Others write these rows. An optional field that cannot be read is left empty. A row whose provider, event, outcome or
time cannot be read is not an event, and is set aside. No content of a row raises here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple
from uuid import UUID

from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.interface import SetAside
from releaseguard.eventlog.latencies import Histogram, bound_of, flat
from releaseguard.eventlog.rows.detail import detail_of
from releaseguard.eventlog.rows.written import OUTCOMES
from releaseguard.harmless import visible
from releaseguard.model import OURSELVES, Event, Outcome, deterministic_id
from releaseguard_events.plain import CUT
from releaseguard_events.stores.storable import INTEGER
from releaseguard_events.stores.table import COLUMNS

MOST_TEXT: Final = 1_000
"""The most characters of a text in any column but detail."""

Row = Sequence[Any]
"""The values of one row in the order of ``COLUMNS``."""
Moment = Callable[[Any], datetime | None]
"""A store's form of a time -> the time; ``None`` for anything else. Never raises."""


def event_of(row: Row, moment: Moment) -> Event | None:
    """The row as an event; ``None`` where it must be set aside, see :func:`flaw_of`."""
    (
        id_,
        occurred_at,
        recorded_at,
        provider,
        event,
        outcome,
        error_code,
        latency_ms,
        environment,
        release,
        source,
        correlation_id,
        synthetic,
        detail,
    ) = row
    occurred, known_outcome = moment(occurred_at), outcome_of(outcome)
    provider, event = text_of(provider), text_of(event)
    if occurred is None or known_outcome is None or not provider or not event:
        return None
    return Event(
        id=_identity(id_, row),
        occurred_at=occurred,
        recorded_at=None if recorded_at is None else moment(recorded_at),
        provider=provider,
        event=event,
        outcome=known_outcome,
        error_code=code_of(error_code),
        latency_ms=_latency(latency_ms),
        environment=text_of(environment) or "",
        release=text_of(release),
        source=text_of(source),
        correlation_id=text_of(correlation_id),
        synthetic=synthetic is True or synthetic == 1,
        detail=detail_of(detail, whole=provider == OURSELVES),
    )


def minute_count_of(row: Row, minute: Moment) -> MinuteCount | None:
    """A counted row of ``questions.minutes``; ``None`` where it does not count events."""
    occurred, recorded, environment, provider, event, outcome, release, synthetic, source, deployment, *counts = row
    at, named = minute(occurred), named_of(environment, provider, event, outcome, release, source, deployment)
    if at is None or named is None:
        return None
    count, repeats, trials, squares, spread = counts
    return MinuteCount(
        at,
        None if recorded is None else minute(recorded),
        named.environment,
        named.provider,
        named.event,
        named.outcome,
        named.release,
        bool(synthetic),
        named.source,
        int(count),
        int(repeats),
        int(trials),
        int(squares),
        named.deployment,
        _histogram(spread),
    )


class Named(NamedTuple):
    """The text fields that counted rows have in common."""

    environment: str
    provider: str
    event: str
    outcome: Outcome
    release: str | None
    source: str | None
    deployment: str | None


def named_of(*values: Any) -> Named | None:
    """Environment, provider, event, outcome, release, source and deployment; ``None`` where these do not name events.
    The same few names occur in every minute, so each is read once."""
    try:
        return _named_once(*values)
    except TypeError:  # an app's own column may hold a list
        return _named_once.__wrapped__(*values)


@lru_cache(maxsize=4096)
def _named_once(
    environment: Any, provider: Any, event: Any, outcome: Any, release: Any, source: Any, deployment: Any
) -> Named | None:
    known, provider, event = outcome_of(outcome), text_of(provider), text_of(event)
    if known is None or not provider or not event:
        return None
    named = text_of(environment) or "", provider, event, known
    return Named(*named, text_of(release), text_of(source), text_of(deployment))


def _histogram(spread: Any) -> Histogram | None:
    """Latencies with the number of uses of each, as the store returns them; ``None`` where it does not."""
    return _histogram_of(spread) if isinstance(spread, str) else None


@lru_cache(maxsize=4096)
def _histogram_of(spread: str) -> Histogram:
    told, counts = iter(spread.split(",") if spread else ()), Counter[int]()
    for took, many in zip(told, told, strict=True):
        counts[bound_of(round(float(took)))] += int(many)
    return flat(counts)


def flaw_of(row: Row, moment: Moment, columns: Sequence[str]) -> tuple[str, str] | None:
    """The first of ``columns`` that cannot be read, and what is wrong with it; ``None`` where all can be read."""
    return next(((column, _problem(row, column)) for column in columns if not _can_be_read(row, column, moment)), None)


def _can_be_read(row: Row, column: str, moment: Moment) -> bool:
    value = row[COLUMNS.index(column)]
    match column:
        case "occurred_at" | "recorded_at":
            return moment(value) is not None
        case "outcome":
            return outcome_of(value) is not None
        case _:
            return bool(text_of(value))


def _problem(row: Row, column: str) -> str:
    empty = row[COLUMNS.index(column)] in (None, "")
    return "is empty" if empty else _MEANINGS.get(column, "is not text")


_MEANINGS: Final = {
    "occurred_at": "is not a time that can be read",
    "recorded_at": "is not a time that can be read",
    "outcome": "is neither 'success' nor 'error'",
}


def set_aside(row: Row, moment: Moment, column: str, problem: str, theirs: str) -> SetAside:
    """The readable part of a row that is not an event. The content of ``column`` may be private and is left out."""
    values = dict(zip(COLUMNS, row, strict=True))
    return SetAside(
        row="" if values["id"] is None else visible(str(values["id"]))[:100],
        column=column,
        theirs=theirs,
        problem=problem,
        provider=text_of(values["provider"]) or None,
        event=text_of(values["event"]) or None,
        outcome=outcome_of(values["outcome"]),
        error_code=code_of(values["error_code"]),
        source=text_of(values["source"]),
        occurred_at=moment(values["occurred_at"]),
        recorded_at=moment(values["recorded_at"]),
    )


def text_of(value: Any) -> str | None:
    """A text, of bounded length; ``None`` for anything else."""
    if not isinstance(value, str):
        return None
    return value if len(value) <= MOST_TEXT else value[: MOST_TEXT - len(CUT)] + CUT


def code_of(value: Any) -> str | None:
    """An error code, also from a number: ``401`` written without quotes must not hide a refused key."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) <= INTEGER else None
    return text_of(value)


def outcome_of(value: Any) -> Outcome | None:
    """An outcome; ``None`` for anything else."""
    return OUTCOMES.get(value) if isinstance(value, str) else None


def _latency(value: Any) -> int | None:
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return round(value) if abs(value) <= INTEGER else None  # which no NaN is


def _identity(value: Any, row: Row) -> UUID:
    """The row's id; where that is no UUID, one made from it, and where it has none, one made from the whole row."""
    if isinstance(value, UUID):
        return value
    try:
        return UUID(value)
    except (ValueError, TypeError, AttributeError):
        return deterministic_id("row", row if value is None else value)
