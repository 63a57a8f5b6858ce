"""Making and upgrading the tables of a Postgres log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from threading import Event, Thread
from typing import TYPE_CHECKING, TypeVar

from releaseguard.errors import ConfigError
from releaseguard.eventlog.mapping import view
from releaseguard.eventlog.schema import access
from releaseguard.eventlog.schema import postgres as schema
from releaseguard.eventlog.watching import Progress, Watch
from releaseguard_events.stores import fitting
from releaseguard_events.stores.names import bare, qualified
from releaseguard_events.stores.postgres import Held
from releaseguard_events.stores.postgres_shape import Shape, declared, misfit
from releaseguard_events.stores.table import COLUMNS, NEEDED, EventTable

if TYPE_CHECKING:
    from releaseguard_events.stores.postgres_shape import Connection


TRIES = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds between two attempts to get hold of a table: everybody waits behind one, and writes in between."""

T = TypeVar("T")


def patiently(act: Callable[[], T], watch: Watch) -> T:
    """``act``, again after a while where somebody holds what it needs. Raises ``Held`` where that does not end."""
    for pause in TRIES:
        try:
            return act()
        except Held:
            watch(Progress("waiting for a transaction that holds the table"))
            time.sleep(pause)
    return act()


def migrate(connection: Connection, place: EventTable, label: str) -> list[str]:
    """Make or complete the table and what belongs to it, in the transaction under way; what was added, in words.

    Not the indexes of a table that was there: see :func:`build_indexes`.

    Raises ``ConfigError`` where only some of the roles are there, or where a column that is needed cannot be added.
    ``label`` names the store in errors.
    """
    table = place.table
    # Two migrations at once would each find nothing there and then be in each other's way.
    connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"releaseguard:{table}"])
    connection.execute(schema.LOCK_TIMEOUT)
    (missing,) = connection.execute(access.MISSING).fetchone() or (None,)
    if missing is not None:
        raise ConfigError(access.half_of_it(missing), where=label, next_step=access.WAY_OUT)
    found = declared(connection, table)
    for column in COLUMNS if found else ():
        if column in NEEDED and column not in found:
            raise fitting.cannot_be_given(table, column)
    before = _objects(connection, table)
    for statement in schema.create(table, titles=place.titles(), with_indexes=not found):
        connection.execute(statement)
    return [f"created {thing}" for thing in _objects(connection, table) if thing not in before]


def left_alone(connection: Connection, place: EventTable, label: str) -> list[str]:
    """The app's own table stays as it is; where it has other words, the view of it is made beside; in words.

    Raises ``ConfigError`` where a column cannot be what it is mapped to.
    """
    if not place.is_mapped:
        return [fitting.left_alone(place)]
    shape = Shape(place, declared(connection, place.table))
    for problem in (misfit(shape, column, label) for column in place.present if shape.declared):
        if problem is not None:
            raise problem
    for statement in view.postgres(place):
        connection.execute(statement)
    return [fitting.left_alone(place), f"made the view {view.name_of(place)} of it, for whoever reads over REST"]


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


@dataclass(frozen=True, slots=True)
class Index:
    """One to be made."""

    name: str
    statement: str
    broken: str | None
    """How the one of that name that an interrupted build has left is done away with."""


def lacking_indexes(connection: Connection, table: str) -> list[Index]:
    """The indexes that are to be made of a table, or of its partitions, in order; those that a build left half made
    among them."""
    partitions = [name for (name,) in connection.execute(_PARTITIONS, [qualified(table)])]
    if not partitions:
        return [*_lacking(connection, table, table, concurrently=True)]
    leaves = [index for one in partitions for index in _lacking(connection, table, one, concurrently=True)]
    # Of the whole, an index is only put together where each partition has its own.
    return [*leaves, *_lacking(connection, table, table, concurrently=False)]


_PARTITIONS = (
    "SELECT CASE WHEN n.nspname = current_schema() THEN c.relname ELSE n.nspname || '.' || c.relname END"
    " FROM pg_partition_tree(to_regclass(%s)) p JOIN pg_class c ON c.oid = p.relid"
    " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE p.isleaf AND p.level > 0 ORDER BY 1"
)


def _lacking(connection: Connection, table: str, on: str, *, concurrently: bool) -> Iterator[Index]:
    found = {
        name: (whole, index)
        for name, whole, index in connection.execute(
            "SELECT c.relname, i.indisvalid, c.oid::regclass::text FROM pg_index i"
            " JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = to_regclass(%s)",
            [qualified(on)],
        )
    }
    for name in schema.INDEXES:
        called = f"{bare(on)}_{name}"
        whole, index = found.get(called, (False, None))
        if not whole:
            broken = f"DROP INDEX CONCURRENTLY IF EXISTS {index}" if index and concurrently else None
            yield Index(called, schema.index(table, name, on=on, concurrently=concurrently), broken)


def build_indexes(builder: Connection, looker: Connection, table: str, watch: Watch) -> list[str]:
    """Make what a table lacks, one after the other, while the app writes; in words. ``looker`` sees how far it is.

    A build waits until the transactions that are open when it begins have ended, and is not limited in that: nobody
    waits for it. What is cut off leaves a broken index, which the next migration does away with.
    """
    builder.execute("SET statement_timeout = 0")
    (pid,) = builder.execute("SELECT pg_backend_pid()").fetchone() or (0,)
    _take_turn(builder, table, watch)
    lacking = lacking_indexes(builder, table)
    for number, index in enumerate(lacking):
        with _looking(looker, pid, partial(_tell, watch, number, len(lacking), index)):
            for statement in (index.broken, index.statement):
                if statement is not None:
                    builder.execute(statement.encode())
    builder.execute("RESET statement_timeout")
    return [f"created index {index.name}" for index in lacking]


def _take_turn(builder: Connection, table: str, watch: Watch) -> None:
    """One build at a time. Asked again and again: a statement that waited would itself hold up the other's build."""
    lock = "SELECT pg_try_advisory_lock(hashtext(%s))"
    while builder.execute(lock, [f"releaseguard:{table}:indexes"]).fetchone() == (False,):
        watch(Progress("waiting for another migration of this table"))
        time.sleep(LOOK_EVERY)


def _tell(watch: Watch, number: int, whole: int, index: Index, share: float) -> None:
    watch(Progress(f"index {index.name} ({number + 1} of {whole})", (number + share) / whole))


@contextmanager
def _looking(looker: Connection, pid: int, tell: Callable[[float], None]) -> Iterator[None]:
    over = Event()

    def look() -> None:
        while not over.wait(LOOK_EVERY):
            with suppress(Exception):  # the build is what counts
                for share in looker.execute(_SHARE, [pid]).fetchone() or ():
                    tell(float(share))

    tell(0.0)
    thread = Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


LOOK_EVERY = 0.5
"""Seconds between two looks at a build."""

_SHARE = (
    "SELECT CASE WHEN phase LIKE 'index validation%%' OR phase LIKE 'waiting for%%validation' THEN 0.7"
    " WHEN phase LIKE 'building%%' THEN 0.7 * greatest(blocks_done::float8 / greatest(blocks_total, 1),"
    " tuples_done::float8 / greatest(tuples_total, 1)) WHEN phase LIKE 'waiting for old%%' THEN 0.95 ELSE 0 END"
    " FROM pg_stat_progress_create_index WHERE pid = %s"
)
"""How much of an index is made, by the phase of its build (documentation, "CREATE INDEX Progress Reporting")."""
