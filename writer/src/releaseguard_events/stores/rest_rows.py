"""What is sent to Supabase's REST interface and what its refusals mean: PostgREST's language. Pure.

Protocol: PostgREST's documentation, "Tables and Views" and "Errors".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from releaseguard_events.errors import AccessDenied, ConfigError, NotFound, ReleaseguardError, ServiceError
from releaseguard_events.mapping.assigning import TheirRow, rows_of
from releaseguard_events.stores import fitting
from releaseguard_events.stores.storable import Writable, event_from, row_of
from releaseguard_events.stores.table import EventTable
from releaseguard_events.times import to_text

CHUNK: Final = 500
"""Rows sent at a time, where they may be sent in several requests."""
IF_NEW: Final = "resolution=ignore-duplicates,return=minimal"
"""The preference that leaves out a row whose id exists already."""


SentRow = dict[str, object]
"""A row as JSON."""


class NoSuchValue(ConfigError):
    """A column's type lacks a value that was asked for."""


class Taken(ReleaseguardError):
    """An id exists already."""


def values(event: Writable, place: EventTable) -> SentRow:
    """The row, without ``recorded_at``, whose default is the store's clock."""
    row = row_of(event)
    value: SentRow = row._asdict() | {"detail": json.loads(row.detail)}
    return {place.theirs(column) or column: value[column] for column in place.present if column != "recorded_at"}


def posts(events: Sequence[Writable], place: EventTable) -> Iterator[list[SentRow]]:
    """The rows of each request: rows sent together fill the same columns."""
    for start in range(0, len(events), CHUNK):
        some = events[start : start + CHUNK]
        if not place.is_mapped and not place.numbers_rows:
            yield [values(event, place) for event in some]
        else:
            yield from ([_sent(row) for row in rows] for rows in rows_of(list(map(event_from, some)), place).values())


def _sent(row: TheirRow) -> SentRow:
    return {name: to_text(value) if isinstance(value, datetime) else value for name, value in row.items()}


def params(place: EventTable) -> dict[str, str]:
    """The parameters that leave out a row whose id exists already; empty where the table assigns ids itself."""
    return {} if place.numbers_rows else {"on_conflict": place.theirs("id") or "id"}


def probe(place: EventTable) -> dict[str, str]:
    """A question that matches nothing, and that a table with numeric ids refuses (:class:`NoSuchValue`)."""
    name = place.theirs("id") or "id"
    return {"select": name, name: f"eq.{UUID(int=0)}", "limit": "0"}


def profile(place: EventTable) -> Mapping[str, str]:
    """The headers that name a table's schema, where it is written with one."""
    in_schema = place.table.rpartition(".")[0]
    return {"accept-profile": in_schema, "content-profile": in_schema} if in_schema else {}


def refusal(status: int, said: Mapping[str, Any], place: EventTable, label: str) -> ReleaseguardError:
    """The error by PostgREST's code or by Postgres' SQLSTATE, which it passes on
    (https://docs.postgrest.org/en/stable/references/errors.html)."""
    code, message = str(said.get("code") or ""), str(said.get("message") or "")
    if status == 409 and code == "23505":
        return Taken("the id is taken", where=label)
    if code in ("PGRST205", "42P01"):
        return ConfigError(f"there is no table {place.table}", where=label, next_step=_MIGRATE)
    if code in ("PGRST204", "42703"):
        column = _missing(message, place)
        return fitting.NoColumn(
            f"the table {place.table} lacks a column: {message}",
            where=label,
            next_step=f'{_MIGRATE}; or, where the table is the app\'s own: [events.columns] {column} = "..."',
        )
    if code.startswith(("22", "23", "42804", "42883", "42P10")):
        kind = NoSuchValue if code == "22P02" else ConfigError
        return kind(f"the table {place.table} does not fit: {message}", where=label, next_step=_FITTING)
    if code == "25006":
        return ServiceError(
            "the database takes no writes: it is read-only",
            where=label,
            status=status,
            next_step="See how full the project's disk is (Supabase: Database, Settings), then run the command again.",
        )
    if code == "P0001":
        what = f"a trigger of the table refuses this: {message}"
        return ServiceError(what, where=label, status=status, next_step=fitting.OF_A_TRIGGER)
    return _of_the_interface(status, code, label)


def _of_the_interface(status: int, code: str, label: str) -> ServiceError:
    if status in (401, 403):
        return AccessDenied(
            f"the key is refused ({status})",
            where=label,
            status=status,
            next_step="Set SUPABASE_SERVICE_ROLE_KEY to the service role's key of this project.",
        )
    if status == 404:
        return NotFound(
            "no REST interface answers here",
            where=label,
            status=404,
            next_step="Correct [events] url: https://REF.supabase.co",
        )
    return ServiceError(
        f"the store refused the request ({status} {code})",
        where=label,
        status=status,
        next_step="See the project's API logs in Supabase's dashboard.",
    )


def _missing(message: str, place: EventTable) -> str:
    """Our name of the column that the message says is missing."""
    words: Iterable[str] = re.findall(r"[A-Za-z0-9_]+", message)
    named = {one.name: column for column in place.present if (rule := place.rule(column)) for one in rule.columns}
    return next((named[word] for word in reversed(list(words)) if word in named), "column")


_MIGRATE: Final = (
    "Run: releaseguard events migrate --sql, and apply what it prints (just applied? NOTIFY pgrst, 'reload schema';)"
)
_FITTING: Final = (
    "Map its columns under [events.columns], and give our own rows a table of theirs:"
    ' results_table = "releaseguard_events".'
)
