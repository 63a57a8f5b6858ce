"""What is asked of a Postgres table, in its own words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from releaseguard.eventlog.latencies import BOUNDS
from releaseguard.eventlog.mapping.expressions import expression
from releaseguard.eventlog.mapping.words import PostgresWords
from releaseguard.eventlog.rows.detail import LONGEST
from releaseguard.eventlog.rows.filters import INDISPENSABLE, Filter
from releaseguard.eventlog.rows.labels import KEYS
from releaseguard.eventlog.stores.questions import Bound, Dialect
from releaseguard_events.stores.names import quoted
from releaseguard_events.stores.postgres_shape import Shape, insert_sql
from releaseguard_events.stores.table import COLUMNS, EventTable

_OPERATORS = {"neq": "<>", "gte": ">=", "lt": "<", "lte": "<="}


def value(shape: Shape, column: str) -> str:
    """The column's value, comparable with ours. psycopg reads a percent sign as a parameter."""
    if not shape.place.is_the_apps:
        return shape.value(column)
    made = expression(shape.place, column, PostgresWords(shape.declared.get))
    if made is None:
        return shape.value(column)
    sql = made.replace("%", "%%")
    return f"coalesce({sql}, false)" if column == "synthetic" else sql


def returning(place: EventTable, shape: Shape) -> str:
    return f"{insert_sql(place, shape)} RETURNING {', '.join(_shown(shape, column) for column in COLUMNS)}"


def where(wanted: Iterable[Filter], shape: Shape) -> Bound:
    parts = [_condition(condition, shape) for condition in wanted]
    values = [value for _, given in parts for value in given]
    return (" WHERE " + " AND ".join(sql for sql, _ in parts) if parts else ""), values


def _condition(condition: Filter, shape: Shape) -> Bound:
    name = value(shape, condition.column)
    if condition.key is not None:
        return _detail_condition(name, condition.key, _json_kind(shape)), [condition.value] * 2
    if condition.operator == "in":
        kind = "uuid" if condition.column == "id" and _is_uuid(shape) else "text"
        return f"{name} = ANY(%s::{kind}[])", [[str(value) for value in condition.value]]
    if condition.operator == "has":
        return f"lower(({name})::text) LIKE ANY(%s::text[])", [[_containing(one) for one in condition.value]]
    if condition.operator == "none":
        return f"({name} IS NULL OR {name} = ANY(%s::text[]))", [list(condition.value)]
    return f"{name} {_OPERATORS.get(condition.operator, '=')} %s", [condition.value]


def _containing(text: str) -> str:
    """What ``LIKE`` takes for any text with this one in it."""
    escaped = text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _is_uuid(shape: Shape) -> bool:
    return bool(shape.place.theirs("id")) and shape.type("id").type == "uuid"


def _detail_condition(name: str, key: str, kind: str) -> str:
    """Also where ``detail`` is a JSON text of an object: only a look at the text raises nothing for what is none."""
    inside = f"substring({name} #>> '{{}}' from '\"{key}\"\\s*:\\s*\"?([^\",}}]*)')"
    return f"({name} ->> '{key}' = %s OR ({kind}_typeof({name}) = 'string' AND {inside} = %s))"


def _kept_in_detail(shape: Shape, key: str) -> str:
    held = value(shape, "detail")
    return f"CASE WHEN {_json_kind(shape)}_typeof({held}) = 'object' THEN {held} ->> '{key}' END"


def _json_kind(shape: Shape) -> str:
    return shape.type("detail").type if shape.place.theirs("detail") else "jsonb"


_FIRST, _BEYOND = "TIMESTAMPTZ '0001-01-01 00:00:00+00'", "TIMESTAMPTZ '10000-01-01 00:00:00+00'"
"""Postgres has more years than Python, and infinities."""


def dialect(shape: Shape) -> Dialect:
    """How Postgres says what a question needs, of a table of this shape."""
    return Dialect(
        value=partial(value, shape),
        shown=partial(_shown, shape),
        minute=lambda column: f"date_trunc('minute', {value(shape, column)})",
        readable=lambda column: _readable(column, value(shape, column)),
        doubtful=lambda column: _doubtful(column, value(shape, column)),
        condition=lambda condition: _condition(condition, shape),
        kept_in_detail=lambda key: _kept_in_detail(shape, key),
        value_mark="%s",
        took="NULL" if shape.place.is_the_apps else _bound(value(shape, "latency_ms")),
        spread="NULL" if shape.place.is_the_apps else _SPREAD,
        unreadable="" if shape.place.is_the_apps else unreadable(),
        alone=_alone(shape),
        exactly=_exactly if shape.place.is_the_apps else lambda _: (),
        at_once=" OFFSET 0",
    )


def _exactly(name: str) -> Sequence[str]:
    return [f'({name})::text COLLATE "C"']


def _alone(shape: Shape) -> str | None:
    """Keys, signs or numbers as no label has them: then it may be private, and it matters whose row it is. Quick to
    tell, since all rows of a window are asked; how private a detail is, is told where the rows are read."""
    if _json_kind(shape) != "jsonb":
        return None
    detail, keys = value(shape, "detail"), ",".join(KEYS)
    text = f'(({detail})::text COLLATE "C")'
    is_harmless = (
        f"jsonb_typeof({detail}) = 'object' AND {detail} - '{{{keys}}}'::text[] = '{{}}'::jsonb"
        f""" AND {text} ~ '^[A-Za-z0-9_": {{}},.-]*$' AND {text} !~ '[0-9][0-9][0-9][0-9]'"""
    )
    return f"NOT coalesce({is_harmless}, true)"


def _bound(took: str) -> str:
    """The bound up to which a use is counted: of a search for the first that is not below it."""
    below, bounds = (",".join(map(str, some)) for some in ((one + 1 for one in BOUNDS[:-1]), BOUNDS))
    return f"('{{{bounds}}}'::integer[])[width_bucket({took}, '{{{below}}}'::integer[]) + 1]"


_SPREAD = (
    "coalesce(string_agg(took || ',' || every, ',' ORDER BY took) FILTER (WHERE took IS NOT NULL AND every <> 0), '')"
)


def _shown(shape: Shape, column: str) -> str:
    """Times that Python does not have as none, and detail as text: psycopg raises for what it cannot load."""
    shown = value(shape, column)
    match column:
        case "occurred_at" | "recorded_at":
            return f"CASE WHEN {_readable(column, shown)} THEN {shown} END"
        case "detail":
            return f"left(({shown})::text, {LONGEST + 1})"
        case _:
            return shown


def _readable(column: str, value: str) -> str:
    match column:
        case "occurred_at" | "recorded_at":
            return f"({value} >= {_FIRST} AND {value} < {_BEYOND})"
        case "outcome":
            return f"{value} IN ('success', 'error')"
        case _:
            return f"{value} <> ''"


def _doubtful(column: str, value: str) -> str:
    match column:
        case "occurred_at" | "recorded_at":
            return f"({value} IS NULL OR {value} < {_FIRST} OR {value} >= {_BEYOND})"
        case "outcome":
            return f"({value} IS NULL OR {value} NOT IN ('success', 'error'))"
        case _:
            return f"({value} IS NULL OR {value} = '')"


def unreadable() -> str:
    """What holds of every row of our own table that cannot be read, as its index has it."""
    columns = (*INDISPENSABLE, "environment", "recorded_at")
    return " OR ".join(_doubtful(column, quoted(column)) for column in columns)


def moment_of(value: Any) -> datetime | None:
    """psycopg gives the transaction's zone, which is UTC under another name."""
    return value.astimezone(UTC) if isinstance(value, datetime) else None
