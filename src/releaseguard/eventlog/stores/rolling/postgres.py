"""Asking a Postgres table's roll-ups, and keeping them up; ``schema/rollups.py`` has what they are."""

# ruff: noqa: S608 - names are quoted (releaseguard_events.stores.names), values are bound

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from releaseguard.eventlog.interface import Query
from releaseguard.eventlog.rows.packing import is_of_joined
from releaseguard.eventlog.schema.rolled_up import ARGUMENTS
from releaseguard_events.stores.names import beside, qualified

if TYPE_CHECKING:
    from releaseguard_events.stores.postgres_shape import Connection

EVERY: Final = 60.0
"""Seconds: how often a log that is read again and again has what is new rolled up."""
AT_ONCE: Final = 720
"""Minutes counted in one transaction: few enough that none is a long one."""


def roll_up(connection: Connection, table: str) -> int:
    """Count up to :data:`AT_ONCE` marked minutes; how many that were. None where that may not be, or where somebody is
    at it: readers count then."""
    import psycopg

    statement = f"SELECT {qualified(beside(table, 'roll_up'))}(%s)"
    try:
        with connection.transaction():
            (minutes,) = connection.execute(statement, [AT_ONCE]).fetchone() or (0,)
    except psycopg.Error:
        if connection.closed:
            raise
        return 0
    return int(minutes)


def waiting(connection: Connection, table: str) -> int:
    """How many minutes are marked; 0 where that cannot be told."""
    import psycopg

    try:
        with connection.transaction():
            touched = qualified(beside(table, "touched"))
            (minutes,) = connection.execute(f"SELECT count(DISTINCT minute) FROM {touched}").fetchone() or (0,)
    except psycopg.Error:
        return 0
    return int(minutes)


def changes(connection: Connection, table: str, known: str | None) -> Any:
    """What the schema's function of that name says; ``None`` also where there is none, or not for this role."""
    import psycopg

    try:
        with connection.transaction():
            asked = f"SELECT {qualified(beside(table, 'changes'))}(%s)"
            (told,) = connection.execute(asked, [known]).fetchone() or (None,)
    except psycopg.Error:
        if connection.closed:
            raise
        return None
    return told


def kept_of_each(
    connection: Connection, table: str, asked: Sequence[tuple[Query, bool]]
) -> Iterator[tuple[Any, ...]] | None:
    """The hours that each question asks for, with whether it does so in detail: its number, the hour, the kind, and
    the detail or the course as JSON, in order; ``None`` where there are no roll-ups, or not for this role."""
    import psycopg

    parts = [_part(table, number, detailed=detailed) for number, (_, detailed) in enumerate(asked)]
    values = [value for query, _ in asked for value in _values(query)]
    cursor = connection.cursor()
    try:
        with connection.transaction():
            cursor.execute(f"{' UNION ALL '.join(parts)} ORDER BY 1, 2", values)
    except psycopg.Error:
        if connection.closed:
            raise
        return None
    return iter(cursor)


def _part(table: str, number: int, *, detailed: bool) -> str:
    given = ", ".join(f"%s::{kind}" for name, kind in ARGUMENTS.items() if name != "detailed")
    return f"SELECT {number}, c.* FROM {qualified(beside(table, 'counted'))}({given}, {str(detailed).lower()}) c"


def _values(query: Query) -> list[object]:
    return [
        query.since,
        query.until,
        query.environment,
        list(query.providers) or None,
        query.release,
        query.synthetic,
        query.recorded_until,
        query.recorded_since,
        is_of_joined(query),
    ]
