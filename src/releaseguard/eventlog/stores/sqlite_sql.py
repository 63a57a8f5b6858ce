"""What is asked of a SQLite table, in its own words."""

# ruff: noqa: S608 - names are quoted (releaseguard_events.stores.names), values are bound

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, Final

from msgspec import structs

from releaseguard.eventlog.latencies import LARGEST
from releaseguard.eventlog.mapping.expressions import expression as made_by_rules
from releaseguard.eventlog.mapping.words import SqliteWords
from releaseguard.eventlog.rows.detail import LONGEST
from releaseguard.eventlog.rows.filters import Filter
from releaseguard.eventlog.stores.questions import Bound, Dialect
from releaseguard.model import OURSELVES, to_text
from releaseguard_events.stores.sqlite import ABSENT
from releaseguard_events.stores.sqlite import expression as as_named
from releaseguard_events.stores.sqlite_schema import SHAPE, doubtful, unreadable
from releaseguard_events.stores.table import EventTable

_OPERATORS = {"neq": "<>", "gte": ">=", "lt": "<", "lte": "<="}


def expression(place: EventTable, column: str) -> str:
    """The value of our column as it stands in the table, or as rules make it."""
    if not place.is_mapped and "occurred_at" not in place.columns:
        return as_named(place, column)
    return made_by_rules(place, column, SqliteWords()) or ABSENT.get(column, "NULL")


def where(wanted: Iterable[Filter], place: EventTable) -> Bound:
    parts: list[str] = []
    parameters: list[object] = []
    for condition in wanted:
        sql, values = _condition(condition, expression(place, condition.column))
        parts.append(sql)
        parameters += values
    return (" WHERE " + " AND ".join(parts) if parts else ""), parameters


def searched_by(wanted: Sequence[Filter]) -> Sequence[Filter]:
    """By what rows of our own table are found: SQLite, which has no statistics of it, takes any equality for the best.

    An action's rows are few; an environment's or a release's may be all that there are, so that a span of time comes
    first; and rows of ours are the few of an index of their own.
    """
    asked = {(one.column, one.operator) for one in wanted}
    columns = {column for column, _ in asked}
    without: set[str] = set()
    if "id" in columns or "correlation_id" in columns:
        without = {"environment", "provider", "release", "occurred_at", "recorded_at"}
    elif are_ours_anywhere(wanted):
        without = {"release", "occurred_at", "recorded_at"}
    elif asked & {("occurred_at", "gte"), ("recorded_at", "gte")}:
        without = {"release"} if ("provider", "in") in asked else {"release", "environment"}
    elif ("provider", "in") not in asked:
        without = {"environment"}
    return [structs.replace(one, is_searched=one.column not in without) for one in wanted]


def are_ours_anywhere(wanted: Sequence[Filter]) -> bool:
    """Whether rows of ours are asked for, whatever their environment."""
    columns = {one.column: one for one in wanted if one.operator != "neq"}
    return "provider" in columns and columns["provider"].value == (OURSELVES,) and "environment" not in columns


def _condition(condition: Filter, name: str) -> Bound:
    sql, values = _compared(condition, name)
    return (sql if condition.is_searched else f"+{sql}"), values


def _compared(condition: Filter, name: str) -> Bound:
    value = condition.value
    if condition.key is not None:
        return _detail_condition(name, condition.key, str(value))
    if condition.operator == "has":
        contains = " OR ".join([f"instr(lower({name}), ?)"] * len(value))
        return f"({name} IS NOT NULL AND ({contains}))", [one.lower() for one in value]
    if condition.operator == "none":
        return f"({name} IS NULL OR {name} IN (SELECT value FROM json_each(?)))", [json.dumps(list(value))]
    if condition.operator == "in" and len(value) > 1:
        # One parameter whatever the number: a list of ids may be longer than SQLite's limit of parameters.
        texts = json.dumps([str(one) for one in value])
        return f"{name} IN (SELECT value FROM json_each(?))", [texts]
    if condition.operator == "in" and condition.column == "provider" and value[0] == OURSELVES:
        return f"{name} = '{OURSELVES}'", []  # said so that the index of these rows alone is seen to hold them
    if condition.operator == "in":
        return f"{name} = ?", [str(value[0])]
    return f"{name} {_OPERATORS.get(condition.operator, '=')} ?", [_parameter(value)]


def _parameter(value: object) -> object:
    if isinstance(value, datetime):
        return to_text(value)
    return int(value) if isinstance(value, bool) else str(value)


def _detail_condition(name: str, key: str, text: str) -> Bound:
    """``detail ->> key = text`` as Postgres means it, of whatever stands there."""
    place = f"{_object(name)}, '$.{key}'"
    extracted = f"json_extract({place})"
    if text[:1].isalpha() and text not in ("true", "false"):
        return f"{extracted} = ?", [text]
    kind = f"CASE json_type({place}) WHEN 'true' THEN 'true' WHEN 'false' THEN 'false'"
    return f"{kind} ELSE CAST({extracted} AS TEXT) END = ?", [text]


def _object(name: str) -> str:
    """The object in ``name``, also where it is its JSON text; SQLite's functions end a query at what is not JSON."""
    inner = f"json_extract({name}, '$')"
    written_twice = f"WHEN json_type({name}) = 'text' THEN CASE WHEN json_valid({inner}) THEN {inner} ELSE '{{}}' END"
    return f"CASE WHEN NOT coalesce(json_valid({name}), 0) THEN '{{}}' {written_twice} ELSE {name} END"


def dialect(place: EventTable) -> Dialect:
    """How SQLite says of the columns of ``place`` what the questions need."""
    name = partial(expression, place)
    return Dialect(
        value=partial(_value, place),
        shown=lambda column: f"substr({name(column)}, 1, {LONGEST + 1})" if column == "detail" else name(column),
        minute=lambda column: f"substr({name(column)}, 1, 16)",
        readable=lambda column: _readable(column, name(column)),
        doubtful=lambda column: doubtful(column, name(column)),
        condition=lambda condition: _condition(condition, _value(place, condition.column)),
        kept_in_detail=lambda key: f"CAST(json_extract({_object(name('detail'))}, '$.{key}') AS TEXT)",
        value_mark="?",
        took=_took(name("latency_ms")),
        spread="coalesce(group_concat(CASE WHEN took IS NOT NULL AND every <> 0 THEN took || ',' || every END), '')",
        unreadable="" if place.is_the_apps else unreadable(),
        in_order=" LIMIT -1",
        searched_by=list if place.is_the_apps else searched_by,
        sorted_after=lambda wanted: not place.is_the_apps and are_ours_anywhere(wanted),
        alone=None if place.is_the_apps else "0",
        shows_earliest=True,  # as SQLite does of columns beside a min()
    )


def _took(name: str) -> str:
    """As it stands there: its bound is looked for where the counts are read."""
    return (
        f"CASE WHEN typeof({name}) IN ('integer', 'real') AND {name} BETWEEN -{LARGEST} AND {LARGEST} THEN {name} END"
    )


def _value(place: EventTable, column: str) -> str:
    name = expression(place, column)
    return f"({name} IS 1)" if column == "synthetic" else name


def _readable(column: str, name: str) -> str:
    """By the form alone, which costs little: what has a time's form and is none is seen when it is read. The plus sign
    keeps SQLite from taking this for what it searches an index by, instead of a name that is asked for."""
    match column:
        case "occurred_at" | "recorded_at":
            return f"({name} GLOB '{SHAPE}*Z' OR {name} GLOB '{SHAPE}*+00:00')"
        case "outcome":
            return f"{name} IN ('success', 'error')"
        case _:
            return f"+{name} > ''"


def moment_of(value: Any) -> datetime | None:
    """A time in the form of the documentation; ``+00:00`` is taken for ``Z``, and fractions of a second may lack.

    Other offsets are not: rows are chosen by the text, and its order would not be that of time.
    """
    if not isinstance(value, str) or len(value) < len("2026-11-24T10:15Z"):
        return None
    if value[7] != "-" or value[10] != "T" or value[13] != ":" or not (value[-1] == "Z" or value.endswith("+00:00")):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def minute_of(value: Any) -> datetime | None:
    """The minute that a time's text begins with; one comes with each of the kinds that it has."""
    return moment_of(f"{value}Z")


PAST: Final = "~"
"""After the text of a minute, what sorts behind all times in it."""


def shown_minute(moment: datetime) -> str:
    """The minute of a time as it begins the texts of all times in it."""
    return to_text(moment)[:16]
