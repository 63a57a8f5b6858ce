"""PostgREST's language: what is asked of a table, as part of an address, and what it answers. Pure.

Protocol: PostgREST's documentation, "Tables and Views" and "Pagination and count". What is sent to be written, and what
refusals mean, is ``releaseguard_events.stores.rest_rows``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from msgspec import structs

from releaseguard.errors import ServiceError
from releaseguard.eventlog.rows import filters
from releaseguard.eventlog.rows.decode import Row
from releaseguard.eventlog.rows.filters import Filter
from releaseguard.eventlog.rows.written import OUTCOMES
from releaseguard.model import from_text, to_text
from releaseguard_events.stores.table import COLUMNS, EventTable

if TYPE_CHECKING:
    from releaseguard.http import Reply

MOST_IDS = 100
"""Ids in one request: they are part of its address, and addresses of 8 KB are refused on the way."""

Order = Sequence[tuple[str, str]]
"""Our names of columns, each with ``asc`` or ``desc``; the last one is unique."""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _text(value: str) -> str:
    """A value inside ``and=(...)``: quoted, since commas, dots and parentheses mean something there."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def column_of(place: EventTable, column: str) -> str:
    theirs = place.theirs(column) or column
    return theirs if _PLAIN.fullmatch(theirs) else _text(theirs)


def selected(place: EventTable) -> str:
    """``detail`` as text (documentation, "Casting Columns"): what stands in it must not end the reading of a page."""
    cast = {"detail": "::text"}
    return ",".join(f"{column}:{column_of(place, column)}{cast.get(column, '')}" for column in place.present)


def _condition(condition: Filter, place: EventTable) -> str:
    name, value = column_of(place, condition.column), condition.value
    if condition.key is not None:
        return f"{name}->>{condition.key}.eq.{_text(str(value))}"
    if condition.operator == "in":
        return f"{name}.in.({','.join(_text(str(one)) for one in value)})"
    if condition.operator == "has":
        return f"{name}.not.is.null"  # it may be a number, and a filter casts nothing
    if condition.operator == "none":
        said = f",{name}.in.({','.join(_text(one) for one in value)})" if value else ""
        return f"or({name}.is.null{said})"
    if isinstance(value, bool):
        return f"{name}.{'' if value else 'not.'}is.true"
    return f"{name}.{condition.operator}.{_text(to_text(value) if isinstance(value, datetime) else str(value))}"


_FIRST, _BEYOND = "0001-01-01T00:00:00Z", "10000-01-01T00:00:00Z"
"""Postgres has more years than Python, and infinities."""
_TIMES = {"occurred_at": "recorded_at", "recorded_at": "occurred_at"}


def holds(condition: Filter, place: EventTable) -> str:
    """A time of recording that cannot be read is no earlier than any, and no later than the row's own time."""
    said = _condition(condition, place)
    if condition.column != "recorded_at":
        return said
    known = f"and({said},{_is_time(place, 'recorded_at')})"
    if condition.operator != "gte":
        return known
    other = _condition(structs.replace(condition, column="occurred_at"), place)
    return f"or({known},and({doubtful(place, 'recorded_at')},{other}))"


def may_hold(condition: Filter, place: EventTable) -> str:
    """What is so where the column cannot be read: of a time's lower bound by the row's other time, else anything."""
    said = _condition(condition, place)
    if condition.column not in (*filters.INDISPENSABLE, "recorded_at", "environment"):
        return said
    unread, column = doubtful(place, condition.column), _TIMES.get(condition.column)
    if condition.operator != "gte" or column is None or not place.theirs(column):
        return f"or({said},{unread})"
    other = _condition(structs.replace(condition, column=column), place)
    return f"or({said},and({unread},or({other},{doubtful(place, column)})))"


def readable(place: EventTable) -> Iterator[str]:
    yield _is_time(place, "occurred_at")
    yield from (f'{column_of(place, column)}.neq.""' for column in ("provider", "event"))


def _is_time(place: EventTable, column: str) -> str:
    name = column_of(place, column)
    return f"and({name}.gte.{_text(_FIRST)},{name}.lt.{_text(_BEYOND)})"


def doubtful(place: EventTable, column: str) -> str:
    name = column_of(place, column)
    match column:
        case "occurred_at" | "recorded_at":
            return f"or({name}.is.null,{name}.lt.{_text(_FIRST)},{name}.gte.{_text(_BEYOND)})"
        case "outcome":
            return f"or({name}.is.null,{name}.not.in.({','.join(map(_text, OUTCOMES))}))"
        case _:
            return f'or({name}.is.null,{name}.eq."")'


def beyond(last: Mapping[str, Any], place: EventTable, order: Order) -> str:
    """What comes after a row in this order: later by the first column, or alike there and later by the others."""
    (column, direction), *others = order
    name, value = column_of(place, column), _text(str(last[column]))
    later = f"{name}.{'lt' if direction == 'desc' else 'gt'}.{value}"
    return f"or({later},and({name}.eq.{value},{beyond(last, place, others)}))" if others else later


def parts(wanted: Sequence[Filter]) -> Iterator[list[Filter]]:
    """The conditions, in as many requests as the number of ids asks for."""
    others = [condition for condition in wanted if condition.column != "id"]
    ids = next((condition for condition in wanted if condition.column == "id"), None)
    if ids is None:
        yield others
        return
    for start in range(0, len(ids.value), MOST_IDS):
        yield [*others, Filter("id", "in", ids.value[start : start + MOST_IDS])]


def total(reply: Reply) -> int | None:
    """The number behind the slash of ``Content-Range: 0-999/3573``."""
    total = reply.headers.get("content-range", "").rpartition("/")[2]
    return int(total) if total.isdigit() else None


def row(raw: Mapping[str, Any], place: EventTable) -> Row:
    return [raw.get(column) if place.theirs(column) else None for column in COLUMNS]


def moment_of(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        return from_text(value)
    except ValueError:
        return None


def time_of(reply: Reply, label: str) -> datetime:
    """The gateway's time, where the database has no function that tells its own: a table of the app's, an older schema.
    Raises ``ServiceError`` where the answer has none."""
    try:
        return parsedate_to_datetime(reply.headers.get("date", ""))
    except ValueError:
        raise ServiceError(
            "the answer carries no Date, so the store's clock is unknown",
            where=label,
            next_step="See whether a proxy between here and Supabase removes the header.",
        ) from None
