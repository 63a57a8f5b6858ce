"""Making and upgrading the tables of a Postgres log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from releaseguard.errors import ConfigError
from releaseguard.eventlog.mapping import view
from releaseguard.eventlog.schema import access
from releaseguard.eventlog.schema import postgres as schema
from releaseguard_events.stores import fitting
from releaseguard_events.stores.names import bare, qualified
from releaseguard_events.stores.postgres_shape import declared
from releaseguard_events.stores.table import COLUMNS, NEEDED, EventTable

if TYPE_CHECKING:
    from releaseguard_events.stores.postgres_shape import Connection


def migrate(connection: Connection, table: str, label: str) -> list[str]:
    """Make or complete the table and what belongs to it, in the transaction under way; what was added, in words.

    Raises ``ConfigError`` where only a part of Supabase is there, or where a column that is needed cannot be added.
    ``label`` names the store in errors.
    """
    # Two migrations at once would each find nothing there and then be in each other's way.
    connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"releaseguard:{table}"])
    connection.execute(schema.LOCK_TIMEOUT)
    (missing,) = connection.execute(access.MISSING).fetchone() or (None,)
    if missing is not None:
        raise ConfigError(access.half_of_supabase(missing), where=label, next_step=access.WAY_OUT)
    found = declared(connection, table)
    for column in COLUMNS if found else ():
        if column in NEEDED and column not in found:
            raise fitting.cannot_be_given(table, column)
    before = _objects(connection, table)
    for statement in schema.create(table):
        connection.execute(statement)
    return [f"created {thing}" for thing in _objects(connection, table) if thing not in before]


def left_alone(connection: Connection, place: EventTable) -> list[str]:
    """The app's own table stays as it is; where it has other words, the view of it is made beside; in words."""
    for statement in view.postgres(place) if place.is_mapped else ():
        connection.execute(statement)
    made = [f"made the view {view.name_of(place)} of it, for whoever reads over REST"] if place.is_mapped else []
    return [fitting.left_alone(place), *made]


def _objects(connection: Connection, table: str) -> list[str]:
    """What belongs to the table, in words."""
    found = connection.execute(
        "SELECT CASE relkind WHEN 'r' THEN 'table ' WHEN 'v' THEN 'view ' ELSE 'index ' END || relname"
        " FROM pg_class WHERE relkind IN ('r', 'v', 'i') AND starts_with(relname, %(bare)s)"
        " UNION ALL SELECT 'column ' || attname FROM pg_attribute"
        " WHERE attrelid = to_regclass(%(table)s) AND attnum > 0 AND NOT attisdropped"
        " UNION ALL SELECT 'policy ' || polname FROM pg_policy WHERE polrelid = to_regclass(%(table)s)"
        " UNION ALL SELECT 'constraint ' || conname FROM pg_constraint"
        " WHERE conrelid = to_regclass(%(table)s) AND contype = 'c'"
        " UNION ALL SELECT 'trigger ' || tgname FROM pg_trigger"
        " WHERE tgrelid = to_regclass(%(table)s) AND NOT tgisinternal",
        {"bare": bare(table), "table": qualified(table)},
    )
    return [thing for (thing,) in found]
