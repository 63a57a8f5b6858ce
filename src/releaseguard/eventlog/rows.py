"""Events as rows and queries as conditions: what the three stores have in common. Values in, values out."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from releaseguard.errors import ConfigError
from releaseguard.eventlog.interface import COLUMNS, Conflict, EventTable, Query
from releaseguard.eventlog.plain import CUT
from releaseguard.model import OURSELVES, Event, Outcome

OUTCOMES = {outcome.value: outcome for outcome in Outcome}
"""A dict is ten times as quick as calling the enumeration."""

INTEGER = 2**31 - 1
"""The largest value of Postgres' ``integer``."""

DEEPEST = 100
"""Levels of ``detail`` that are written."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_DETAIL_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ABSENT: dict[str, Any] = {"synthetic": False, "detail": {}}
"""What every row has in a column that the table lacks, where that is not null."""


# --- Events on their way in ---------------------------------------------------------------------------------


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
    lost: dict[str, Any] = {column: _ABSENT.get(column) for column in COLUMNS if not place.theirs(column)}
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


# --- Where rows are -----------------------------------------------------------------------------------------


def split(table: EventTable) -> tuple[EventTable, EventTable]:
    """The table of the app's traffic and the table of our own rows: the same one without ``results_table``."""
    traffic = replace(table, results_table=None)
    return traffic, EventTable(table=table.results_table) if table.results_table else traffic


def lacking_for_ours(place: EventTable) -> str | None:
    """A column that a rotation's history stands on and the table has not."""
    return next((column for column in ("recorded_at", "detail") if not place.theirs(column)), None)


def must_hold_our_rows(place: EventTable) -> None:
    """Raise ``ConfigError`` where the table lacks a column that a rotation's history stands on."""
    if (lacking := lacking_for_ours(place)) is not None:
        raise ConfigError(
            f"the table {place.table} cannot hold releaseguard's own rows: it has no column {lacking}",
            where="[events]",
            next_step='Set results_table = "releaseguard_events", then run: releaseguard events migrate',
        )


# --- Queries ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Condition:
    """``column operator value``; for ``detail``, on the text under its top-level ``key``.

    Operators: ``eq``, ``neq``, ``in``, ``gte``, ``lt``, ``lte``.
    """

    column: str
    operator: str
    value: Any
    key: str | None = None


def conditions(query: Query, place: EventTable) -> list[Condition] | None:
    """What a row of ``place`` must satisfy; ``None`` where none can, because it asks for what no row has.

    A column that the table lacks is null in every row (``synthetic``: false). Raises ``ConfigError`` where the
    question makes no sense without it.
    """
    kept = []
    for condition in _wanted(query):
        if place.theirs(condition.column):
            kept.append(condition)
        elif condition.column == "recorded_at":
            raise _no_recorded_at(place)
        elif _ABSENT.get(condition.column) != condition.value:
            return None
    return kept


INDISPENSABLE = ("occurred_at", "provider", "event", "outcome")
"""The columns without which a row is no event."""


def undecidable(wanted: Iterable[Condition], place: EventTable) -> list[str]:
    """The columns of which each, unreadable, leaves a row out of what is wanted.

    Besides the indispensable ones: the environment where one is asked for, and the time of recording where the
    question is what was known by then.
    """
    asked = [one.column for one in wanted if one.column == "environment" or (one.column, one.operator) == KNOWN_BY]
    return [*INDISPENSABLE, *(column for column in dict.fromkeys(asked) if place.theirs(column))]


KNOWN_BY = ("recorded_at", "lte")
"""Column and operator of the question what the log held at a moment."""


def prunable(before: datetime, environment: str | None) -> list[Condition]:
    """What retention may delete: traffic older than ``before``, never a row of our own."""
    of_environment = [] if environment is None else [Condition("environment", "eq", environment)]
    return [Condition("provider", "neq", OURSELVES), Condition("occurred_at", "lt", before), *of_environment]


def _wanted(query: Query) -> Iterator[Condition]:
    plain: list[tuple[str, str, Any]] = [
        ("environment", "eq", query.environment),
        ("provider", "in", tuple(query.providers) or None),
        ("event", "in", tuple(query.events) or None),
        ("outcome", "eq", query.outcome),
        ("occurred_at", "gte", query.since),
        ("occurred_at", "lt", query.until),
        ("recorded_at", "gte", query.recorded_since),
        ("recorded_at", "lte", query.recorded_until),
        ("release", "eq", query.release),
        ("correlation_id", "eq", query.correlation_id),
        ("synthetic", "eq", query.synthetic),
        ("id", "in", tuple(query.ids) or None),
    ]
    yield from (Condition(*condition) for condition in plain if condition[2] is not None)
    for key, text in query.detail.items():
        if not _DETAIL_KEY.fullmatch(key):
            raise ValueError(f"{key!r} cannot be asked for: keys of detail are letters, digits and underscores")
        yield Condition("detail", "eq", text, key)


def _no_recorded_at(place: EventTable) -> ConfigError:
    return ConfigError(
        f"the table {place.table} has no recorded_at column, so what it held at an earlier time is unknown",
        where="[events.columns]",
        next_step="Leave out --as-of, or add a column 'timestamptz not null default now()' and map it.",
    )


def concerns(query: Query) -> tuple[bool, bool]:
    """Whether the query asks for traffic, and whether it asks for our own rows."""
    providers = set(query.providers)
    return not providers or providers != {OURSELVES}, not providers or OURSELVES in providers


# --- Tables of another shape --------------------------------------------------------------------------------

MIGRATE = "Run: releaseguard events migrate"


class NoColumn(ConfigError):
    """The table lacks a column."""


def no_column(place: EventTable, column: str, found: Iterable[str], label: str) -> NoColumn:
    """The table lacks a column that is neither mapped nor mapped away."""
    return NoColumn(
        f"the table {place.table} has no column {place.theirs(column)} (it has {', '.join(found)})",
        where=label,
        next_step=f'{MIGRATE}; or, where the table is the app\'s own: [events.columns] {column} = "..."',
    )


def wrong_type(place: EventTable, column: str, found: str, wanted: str, label: str) -> ConfigError:
    """A column cannot hold what we would put there."""
    return ConfigError(
        f"column {place.theirs(column)} of the table {place.table} is {found}, where {column} has to be {wanted}",
        where=label,
        next_step=f'Change its type, or map another column: [events.columns] {column} = "..."',
    )


def cannot_be_given(table: str, column: str) -> ConfigError:
    """A migration would have to invent values for the rows that are there."""
    return ConfigError(
        f"the table {table} exists and has no column {column}, which its rows could not be given",
        where="[events]",
        next_step=f'Map it ([events.columns] {column} = "...") or choose another table.',
    )


def left_alone(place: EventTable) -> str:
    """What a migration does to the app's own table, in words."""
    return f"left the table {place.table} as it is: its columns are mapped, so it is the app's own"
