"""The actual shape of a Postgres table, and writing into it. SQL in, SQL out, except for reading the catalogue."""

# ruff: noqa: S608 - names are quoted (names.py), values are bound

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from releaseguard_events.errors import ConfigError
from releaseguard_events.event import Event
from releaseguard_events.mapping.assigning import rows_of
from releaseguard_events.stores import fitting
from releaseguard_events.stores.names import qualified, quoted
from releaseguard_events.stores.storable import Writable, row_of
from releaseguard_events.stores.table import COLUMNS, EventTable
from releaseguard_events.times import to_text

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

TYPES = {
    "id": "uuid",
    "occurred_at": "timestamptz",
    "recorded_at": "timestamptz",
    "provider": "text",
    "event": "text",
    "outcome": "text",
    "error_code": "text",
    "latency_ms": "integer",
    "environment": "text",
    "release": "text",
    "source": "text",
    "correlation_id": "text",
    "synthetic": "boolean",
    "detail": "jsonb",
}
"""Our columns' types."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A column's type: its name in SQL, and Postgres' one-letter category of types."""

    type: str
    category: str


_ABSENT = {
    "recorded_at": "NULL::timestamptz",
    "latency_ms": "NULL::integer",
    "synthetic": "false",
    "detail": "'{}'::jsonb",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """The actual shape of a mapped table."""

    place: EventTable
    declared: Mapping[str, Declared]
    """Their column -> its type."""
    ids_are_unique: bool = True
    """Whether the table accepts an id only once. A table partitioned by time accepts it once for each time."""

    @property
    def if_new(self) -> str:
        """The end of an insertion that leaves existing rows unchanged."""
        target = f"({self.name('id')}) " if self.ids_are_unique else ""
        return f" ON CONFLICT {target}DO NOTHING"

    def name(self, column: str) -> str:
        return quoted(self.place.theirs(column) or column)

    def value(self, column: str) -> str:
        """The column's value, comparable with ours; enumerations and the like as text."""
        if not self.place.theirs(column):
            return _ABSENT.get(column, "NULL::text")
        name = self.name(column)
        if column == "synthetic":
            return f"coalesce({name}, false)"
        return f"{name}::text" if self.type(column).category == "E" else name

    def type(self, column: str) -> Declared:
        return self.declared[self.place.theirs(column) or column]


_COLUMNS = (
    "SELECT a.attname, format_type(a.atttypid, a.atttypmod), t.typcategory, {} FROM pg_attribute a"
    " JOIN pg_type t ON t.oid = a.atttypid"
    " WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
)


def declared(connection: Connection, table: str) -> dict[str, Declared]:
    """Column -> type; empty where there is no such table."""
    found = connection.execute(_COLUMNS.format("true"), [qualified(table)])
    return {name: Declared(type_, category) for name, type_, category, _ in found}


_TAKES_IDS_ONCE = """
EXISTS (SELECT FROM pg_index i JOIN pg_attribute k ON k.attrelid = i.indrelid AND k.attnum = i.indkey[0]
  WHERE i.indrelid = a.attrelid AND k.attname = %s AND i.indnkeyatts = 1 AND i.indisunique AND i.indisvalid
  AND i.indpred IS NULL)"""


def shape_of(connection: Connection, place: EventTable) -> Shape:
    """The table's actual shape; without columns where it does not exist."""
    asked = [place.theirs("id") or "id", qualified(place.table)]
    found = connection.execute(_COLUMNS.format(_TAKES_IDS_ONCE), asked).fetchall()
    columns = {name: Declared(type_, category) for name, type_, category, _ in found}
    return Shape(place, columns, any(unique for *_, unique in found))


def check_shape(shape: Shape, label: str) -> None:
    place, found = shape.place, shape.declared
    if not found:
        raise ConfigError(f"there is no table {place.table}", where=label, next_step=fitting.MIGRATE)
    for column in place.present:
        if error := misfit(shape, column, label):
            raise error


def misfit(shape: Shape, column: str, label: str) -> ConfigError | None:
    place, found = shape.place, shape.declared
    if (error := fitting.lacks(place, column, found, label)) is not None:
        return error
    name = place.theirs(column)
    if name and not fits(column, found[name], theirs=place.is_the_apps):
        return fitting.wrong_type(place, column, found[name].type, TYPES[column], label)
    return None


def fits(column: str, declared: Declared, *, theirs: bool = False) -> bool:
    """Whether the column can be read; in a table of ``theirs`` also a time that is text or a number, and numbers."""
    if column == "id":
        return declared.type == "uuid" or declared.category in ("SN" if theirs else "S")
    if column in ("occurred_at", "recorded_at"):
        return is_moment(declared) or (theirs and (declared.type.startswith("timestamp") or declared.category in "SN"))
    if column == "detail":
        return declared.type in ("jsonb", "json")
    if column == "error_code" and theirs:
        return declared.category in "SEN"
    return declared.category in {"latency_ms": "N", "synthetic": "B"}.get(column, "SE")


def is_moment(declared: Declared) -> bool:
    """Whether it is a point in time, rather than a local time without a zone."""
    return declared.type.startswith("timestamp") and declared.type.endswith("with time zone")


def takes_our_ids(shape: Shape) -> bool:
    """Whether an event's id can be the row's; otherwise the table numbers its rows, and a repeat is another row."""
    kind = shape.type("id") if shape.place.theirs("id") else None
    return kind is not None and (kind.type == "uuid" or kind.category == "S")


def insert_sql(place: EventTable, shape: Shape, *, keep_recorded: bool = False) -> str:
    """One statement for any number of rows: every column is an array of text, cast to the column's type."""
    given = _given(place, keep_recorded=keep_recorded)
    names = ", ".join(shape.name(column) for column in given)
    casts = ", ".join(_cast(column, shape) for column in given)
    arrays = ", ".join(["%s::text[]"] * len(given))
    set_here = place.theirs("recorded_at") and not keep_recorded
    recorded = (f", {shape.name('recorded_at')}", ", now()") if set_here else ("", "")
    return (
        f"INSERT INTO {qualified(place.table)} ({names}{recorded[0]})"
        f" SELECT {casts}{recorded[1]} FROM unnest({arrays}) AS x({', '.join(given)})"
    )


def is_ours_in_kind(shape: Shape) -> bool:
    """Whether rows can be written as they are: only names differ."""
    times = [column for column in ("occurred_at", "recorded_at") if shape.place.theirs(column)]
    return not shape.place.is_mapped and takes_our_ids(shape) and all(is_moment(shape.type(column)) for column in times)


def their_insert(shape: Shape, events: Sequence[Event]) -> Iterator[tuple[str, list[list[str | None]]]]:
    """Statements for a table whose columns are made by rules, each with its arrays."""
    place = replace(shape.place, numbers_rows=not takes_our_ids(shape))
    stamp = place.theirs("recorded_at")
    end = "" if place.numbers_rows else shape.if_new
    for columns, rows in rows_of(events, place).items():
        if gone := [column for column in columns if column not in shape.declared]:
            raise ConfigError(f"the table {place.table} has no column {gone[0]}", where="[events.columns]")
        names, casts = (
            [quoted(name) for name in columns],
            [f"x.c{n}::{shape.declared[name].type}" for n, name in enumerate(columns)],
        )
        if stamp and stamp not in columns:
            names, casts = [*names, quoted(stamp)], [*casts, f"now()::{shape.declared[stamp].type}"]
        arrays = ", ".join(["%s::text[]"] * len(columns))
        marks = ", ".join(f"c{number}" for number in range(len(columns)))
        yield (
            f"INSERT INTO {qualified(place.table)} ({', '.join(names)})"
            f" SELECT {', '.join(casts)} FROM unnest({arrays}) AS x({marks}){end}",
            [[_their_text(row[name], shape.declared[name]) for row in rows] for name in columns],
        )


def _their_text(value: object, declared: Declared) -> str | None:
    if isinstance(value, datetime) and declared.category == "N":
        return str(int(value.timestamp()))
    return str(value).lower() if isinstance(value, bool) else _text(value)


def _given(place: EventTable, *, keep_recorded: bool) -> list[str]:
    return [column for column in place.present if keep_recorded or column != "recorded_at"]


def _cast(column: str, shape: Shape) -> str:
    value = f"x.{column}::{shape.type(column).type}"
    return f"coalesce({value}, now())" if column == "recorded_at" else value


def values(events: Sequence[Writable], place: EventTable, *, keep_recorded: bool = False) -> list[list[str | None]]:
    """The rows' values, by column."""
    columns = dict(zip(COLUMNS, zip(*map(row_of, events), strict=True), strict=True))
    given = _given(place, keep_recorded=keep_recorded)
    return [[None if value is None else str(value) for value in columns[column]] for column in given]


def _text(value: object) -> str | None:
    match value:
        case None:
            return None
        case datetime():
            return to_text(value)
        case Mapping():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return str(value)
