"""Writes events into one SQLite file, safely for many processes of one machine at once."""

# ruff: noqa: S608 - names are quoted (names.py), values are bound

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from releaseguard_events.errors import AccessDenied, ConfigError, ReleaseguardError, ServiceError
from releaseguard_events.event import OURSELVES, Event
from releaseguard_events.mapping.assigning import rows_of
from releaseguard_events.private import make_file
from releaseguard_events.stores import fitting, sqlite_schema
from releaseguard_events.stores.names import bare, qualified, quoted
from releaseguard_events.stores.storable import EventRow, Writable, event_from
from releaseguard_events.stores.table import EventTable
from releaseguard_events.times import to_text, utc_now


def sqlite_path(url: str, base: Path) -> Path:
    """The file named by ``sqlite:///file.db`` (relative to ``base``) or ``sqlite:////absolute.db``.

    Raises ``ConfigError`` for anything else, and for an in-memory database, since a log must outlive the process.
    """
    scheme, _, rest = url.partition("://")
    name = rest[1:]
    if scheme != "sqlite" or not rest.startswith("/") or not name or name == ":memory:":
        raise ConfigError(
            "the address of a SQLite log is not of the form sqlite:///file.db",
            where="[events] url",
            next_step="Write sqlite:///file.db (beside the configuration) or sqlite:////absolute/path/file.db.",
        )
    return base / name


class SqliteStore:
    """Appends events. ``busy_timeout`` is how many seconds to wait for other writers. For one thread at a time."""

    def __init__(self, path: Path, table: EventTable, busy_timeout: float) -> None:
        self._path = path
        self._label = label(path)
        self._table = table
        self._busy_timeout = busy_timeout
        self._connection: sqlite3.Connection | None = None
        self._tables: fitting.Tables | None = None
        self._file: tuple[int, int] | None = None
        """Which file the connection has open."""

    def append(self, events: Sequence[Writable]) -> None:
        """Write the events that do not exist yet, all or none."""
        with translated(self._label, self._path):
            connection, tables = self._opened()
            with transaction(connection):
                now = to_text(utc_now())
                for place, rows in tables.rows(events):
                    _add(connection, place, rows, now)

    def close(self) -> None:
        """Close the file."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _opened(self) -> tuple[sqlite3.Connection, fitting.Tables]:
        if self._connection is not None and _identity(self._path) != self._file:
            self.close()  # moved or deleted: SQLite goes on writing where nobody reads
        if self._connection is None:
            self._connection = connect(self._path, fitting.Tables.of(self._table), self._busy_timeout)
            self._file, self._tables = _identity(self._path), None
        if self._tables is None:
            self._tables = self._fitting(self._connection)
        return self._connection, self._tables

    def _fitting(self, connection: sqlite3.Connection) -> fitting.Tables:
        found = declared(connection, self._table.table)
        absent = [column for column in fitting.assumed(self._table) if found and column not in found]
        tables = fitting.Tables.of(fitting.without(self._table, absent) if absent else self._table)
        for place in tables.each:
            check_columns(declared(connection, place.table), place, self._label)
        return tables


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def label(path: Path) -> str:
    """The log's name in messages."""
    return f"sqlite:///{path}"


def connect(
    path: Path, tables: fitting.Tables, busy_timeout: float, when_made: Callable[[], None] = lambda: None
) -> sqlite3.Connection:
    """A connection to the file. Where the file does not exist or is empty, it is created and given the schema;
    ``when_made`` is called where this connection did that."""
    check_path(path)
    with suppress(OSError):  # SQLite says better what is wrong there
        make_file(path)
    connection = sqlite3.connect(path, timeout=busy_timeout, isolation_level=None, check_same_thread=False)
    try:
        if _prepare(connection, tables):
            when_made()
    except BaseException:
        connection.close()
        raise
    return connection


def in_memory(tables: fitting.Tables) -> sqlite3.Connection:
    """A connection to an empty log in memory, for reading a log that does not exist yet."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    _prepare(connection, tables)
    return connection


def check_path(path: Path) -> None:
    """Raise ``ConfigError`` where no file can be."""
    if not path.parent.is_dir():
        raise ConfigError(
            f"the directory {path.parent} does not exist",
            where=label(path),
            next_step=f"Create it (mkdir -p {path.parent}) or correct [events] url.",
        )
    if path.is_dir():
        raise ConfigError(
            "this is a directory, not a database file",
            where=label(path),
            next_step="Name a file in [events] url.",
        )


def _prepare(connection: sqlite3.Connection, tables: fitting.Tables) -> bool:
    """Whether the file was empty and has now been given the schema."""
    connection.text_factory = readable_text
    with suppress(sqlite3.OperationalError):
        # Somebody else may be making the same change just now; then it is made.
        connection.execute("PRAGMA journal_mode = WAL")
    if not _is_empty(connection):
        return False
    with transaction(connection):
        was_empty = _is_empty(connection)
        for place in tables.ours_to_make:
            for statement in sqlite_schema.create(place.table):
                connection.execute(statement)
    return was_empty


def _is_empty(connection: sqlite3.Connection) -> bool:
    (objects,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return not objects


def readable_text(stored: bytes) -> str:
    """A text from the file: SQLite stores any bytes as text, and one that is not UTF-8 must not end the reading of all
    others."""
    return stored.decode("utf-8", "replace")


IF_NEW = " ON CONFLICT ({id}) DO NOTHING"


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, with the write lock from the start: a lock taken later could find the data changed."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


UNIQUE = ("SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE")


ABSENT = {"synthetic": "0", "detail": "'{}'"}


def expression(place: EventTable, column: str) -> str:
    theirs = place.theirs(column)
    return quoted(theirs) if theirs else ABSENT.get(column, "NULL")


def insert_sql(place: EventTable, tail: str) -> str:
    names = [expression(place, column) for column in place.present]
    marks = ", ".join("?" * len(names))
    return f"INSERT INTO {qualified(place.table)} ({', '.join(names)}) VALUES ({marks})" + tail.format(
        id=quoted(place.theirs("id") or "id")
    )


def _values(event: Event, columns: Sequence[str], now: str, *, keep_recorded: bool) -> list[object]:
    recorded = to_text(event.recorded_at) if keep_recorded and event.recorded_at else now
    value: dict[str, object] = {
        "id": str(event.id),
        "occurred_at": to_text(event.occurred_at),
        "recorded_at": recorded,
        "provider": event.provider,
        "event": event.event,
        "outcome": str(event.outcome),
        "error_code": event.error_code,
        "latency_ms": event.latency_ms,
        "environment": event.environment,
        "release": event.release,
        "source": event.source,
        "correlation_id": event.correlation_id,
        "synthetic": int(event.synthetic),
        "detail": json.dumps(event.detail, ensure_ascii=False, separators=(",", ":")) if event.detail else "{}",
    }
    return [value[column] for column in columns]


def insert(
    connection: sqlite3.Connection,
    place: EventTable,
    events: Sequence[Event],
    now: str,
    tail: str,
    *,
    keep_recorded: bool = False,
) -> int:
    """Write rows; returns how many are new. ``tail`` ends the statement (:data:`IF_NEW`)."""
    types = declared(connection, place.table) if place.is_the_apps else {}
    if place.is_mapped or not _are_ours_in_kind(types, place):
        return _insert_theirs(connection, place, events, now, types)
    columns = place.present
    values = (_values(event, columns, now, keep_recorded=keep_recorded) for event in events)
    return connection.executemany(insert_sql(place, tail), values).rowcount


def _add(connection: sqlite3.Connection, place: EventTable, rows: Sequence[EventRow], now: str) -> None:
    if place.is_the_apps:
        insert(connection, place, [event_from(row) for row in rows], now, IF_NEW)
    else:
        connection.executemany(insert_sql(place, IF_NEW), ((*row[:2], now, *row[3:]) for row in rows))


def _are_ours_in_kind(types: dict[str, str], place: EventTable) -> bool:
    """Whether ids and times are texts there, like ours."""
    columns = [place.theirs(column) for column in ("id", "occurred_at", "recorded_at")]
    return not any(_is_number(types.get(column or "", "TEXT")) for column in columns)


def _is_number(declared: str) -> bool:
    return any(word in declared for word in ("INT", "REAL", "FLOA", "DOUB", "NUM", "DEC"))


def _insert_theirs(
    connection: sqlite3.Connection, place: EventTable, events: Sequence[Event], now: str, types: dict[str, str]
) -> int:
    """The same for a table whose columns are made by rules or have other types.

    Raises ``ConfigError`` for rows of our own, whose ids must be kept.
    """
    if any(event.provider == OURSELVES for event in events):
        raise fitting.cannot_hold_ours(place, "its ids or times are of another type")
    id_, stamp = place.theirs("id"), place.theirs("recorded_at")
    place = replace(place, numbers_rows=id_ is None or _is_number(types.get(id_, "")))
    tail = "" if place.numbers_rows or id_ is None else IF_NEW.format(id=quoted(id_))
    new = 0
    for columns, rows in rows_of(events, place).items():
        stamped = [stamp] if stamp and stamp not in columns else []
        names = ", ".join(map(quoted, (*columns, *stamped)))
        marks = ", ".join("?" * (len(columns) + len(stamped)))
        values = [
            [*(_their_value(row[name], types.get(name, "")) for name in columns), *([now] * len(stamped))]
            for row in rows
        ]
        new += connection.executemany(
            f"INSERT INTO {qualified(place.table)} ({names}) VALUES ({marks}){tail}", values
        ).rowcount
    return new


def _their_value(value: object, declared: str) -> object:
    match value:
        case datetime():
            return int(value.timestamp()) if _is_number(declared) else to_text(value)
        case dict():
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        case bool():
            return int(value)
        case _:
            return value


def declared(connection: sqlite3.Connection, table: str) -> dict[str, str]:
    """Column -> declared type; empty where there is no such table."""
    found = connection.execute("SELECT name, type FROM pragma_table_info(?)", [bare(table)])
    return {name: declared.upper() for name, declared in found}


def misfit(found: dict[str, str], place: EventTable, column: str, label: str) -> ConfigError | None:
    if (error := fitting.lacks(place, column, found, label)) is not None:
        return error
    name = place.theirs(column)
    if name and not _fits(column, found[name], theirs=place.is_the_apps):
        return fitting.wrong_type(place, column, found[name], sqlite_schema.COLUMNS[column].split()[0], label)
    return None


def check_columns(found: dict[str, str], place: EventTable, label: str) -> None:
    if not found:
        raise ConfigError(f"there is no table {place.table}", where=label, next_step=fitting.MIGRATE)
    for column in place.present:
        if error := misfit(found, place, column, label):
            raise error


def _fits(column: str, declared: str, *, theirs: bool = False) -> bool:
    """Whether our values stay readable in a column of that declared type, by SQLite's rules of affinity
    (https://www.sqlite.org/datatype3.html#determination_of_column_affinity). A table of ``theirs`` may number its rows,
    and write times as numbers."""
    if theirs and column in ("id", "occurred_at", "recorded_at", "error_code"):
        return "BLOB" not in declared
    number = any(word in declared for word in ("INT", "REAL", "FLOA", "DOUB"))
    if column in ("latency_ms", "synthetic"):
        return not any(word in declared for word in ("CHAR", "CLOB", "TEXT", "BLOB"))
    return not number and "BLOB" not in declared


@contextmanager
def translated(label: str, path: Path) -> Iterator[None]:
    """Raises SQLite's errors as ours."""
    try:
        yield
    except sqlite3.Error as error:
        raise translation(error, label, path) from None


def translation(error: sqlite3.Error, label: str, path: Path) -> ReleaseguardError:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return ServiceError(
            "the database stayed locked by another process",
            where=label,
            next_step=f"See who holds it (fuser {path}), then run the command again.",
        )
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
        return AccessDenied(
            f"the database cannot be written ({error})",
            where=label,
            next_step=f"Give this user write permission for {path} and its directory, or correct [events] url.",
        )
    if name.startswith("SQLITE_NOTADB"):
        return ConfigError("this is not a SQLite database", where=label, next_step="Correct [events] url.")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_FULL", "SQLITE_IOERR")):
        return ServiceError(
            f"the database cannot be used: {error}",
            where=label,
            next_step=f"Check the disk, then the file: sqlite3 {path} 'PRAGMA integrity_check'",
        )
    if name == "SQLITE_CONSTRAINT_TRIGGER":
        return ConfigError(f"a trigger of the table refuses this: {error}", where=label, next_step=fitting.OF_A_TRIGGER)
    return ConfigError(f"the table does not take this: {error}", where=label, next_step=fitting.MIGRATE)
