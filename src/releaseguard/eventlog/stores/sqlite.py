"""The embedded store: one SQLite file, safe for many processes of one machine at once."""

# ruff: noqa: S608 - names are quoted (schema/names.py), values are bound

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import chain, groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from releaseguard.errors import AccessDenied, ConfigError, ReleaseguardError, ServiceError
from releaseguard.eventlog.interface import NEEDED, EventTable, MinuteCount, Query
from releaseguard.eventlog.rows import filters
from releaseguard.eventlog.rows.decode import Row, event_of, minute_count_of
from releaseguard.eventlog.rows.detail import LONGEST
from releaseguard.eventlog.rows.filters import Filter
from releaseguard.eventlog.rows.written import as_stored, conflict
from releaseguard.eventlog.schema import sqlite as schema
from releaseguard.eventlog.schema.names import bare, beside, qualified, quoted
from releaseguard.eventlog.stores import fitting
from releaseguard.eventlog.stores.pool import Pool
from releaseguard.eventlog.stores.questions import Bound, Dialect, left_out, minutes, select
from releaseguard.eventlog.stores.tables import Batch, TableLog
from releaseguard.model import Event, Remark, Standing, from_text, to_text, utc_now
from releaseguard_events.private import make_file

CHUNK = 2000
"""Rows fetched at a time: enough to make the call cheap, few enough to start at once."""


def sqlite_path(url: str, base: Path) -> Path:
    """The file that ``sqlite:///file.db`` (relative to ``base``) or ``sqlite:////absolute.db`` names.

    Raises ``ConfigError`` for anything else, and for an in-memory database: a log must outlive the process.
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


class SqliteEventLog(TableLog):
    """Events in a SQLite file in WAL mode. An empty or absent file is given the schema when first used.

    The store is this machine, so the store's clock is this machine's: read after the write lock is held, which
    makes ``recorded_at`` follow the order of the writes. ``busy_timeout`` is in seconds: how long to wait for
    other writers.
    """

    def __init__(
        self,
        path: Path,
        table: EventTable | None = None,
        *,
        busy_timeout: float = 60.0,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        super().__init__(table or EventTable())
        self.label = f"sqlite:///{path}"
        self._path = path
        self._busy_timeout = busy_timeout
        self._clock = clock
        self._known_shapes: set[str] = set()
        self._pool: Pool[sqlite3.Connection] = Pool(self._connect, sqlite3.Connection.close)

    # --- The interface

    def now(self) -> datetime:
        return self._clock()

    def migrate(self) -> Sequence[str]:
        with self._working() as connection, _transaction(connection):
            return [
                word
                for place in self._places()
                for word in ([fitting.left_alone(place)] if place.is_the_apps else _migrate(connection, place.table))
            ]

    def schema_sql(self) -> str:
        ours = [place for place in self._places() if not place.is_the_apps]
        return "".join(f"{statement};\n\n" for place in ours for statement in schema.create(place.table))

    def examine(self) -> Iterator[Remark]:
        """The file is opened for reading only, and not made where there is none."""
        self._check_path()
        if not self._path.exists() and self._traffic.is_the_apps:
            raise ConfigError(
                f"there is no file, so no table {self._traffic.table} of the app's either",
                where=self.label,
                next_step="Correct [events] url: the file that the app writes its events to.",
            )
        if not self._path.exists():
            yield self._writable(self._path.parent, "there is no file yet; the first use makes it")
            return
        yield from super().examine()
        yield self._writable(self._path, "rows can be appended")

    def _writable(self, path: Path, what: str) -> Remark:
        places = {path, self._path.parent}
        if all(os.access(one, os.W_OK) for one in places):
            return Remark(Standing.OK, f"{what} (known by the file's permissions)", self.label, about="append")
        fix = f"Give this user write permission for {self._path} and its directory, or correct [events] url."
        return Remark(
            Standing.FAIL, "rows cannot be appended: this user may not write there", self.label, fix, "append"
        )

    def _examined(self, place: EventTable) -> Iterator[Remark]:
        with self._translated(), closing(self._reading()) as connection:
            found = _declared(connection, place.table)
            (objects,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            indexes = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
            versions = quoted(bare(beside(place.table, "schema")))
            there = _declared(connection, beside(place.table, "schema"))
            (version,) = connection.execute(f"SELECT max(version) FROM {versions}").fetchone() if there else (None,)
        if not objects and not place.is_the_apps:
            yield Remark(Standing.OK, "the file is empty; the first use makes the table", self.label)
            return
        if not found:
            raise ConfigError(f"there is no table {place.table}", where=self.label, next_step=fitting.MIGRATE)
        yield from self._columns(place, lambda column: _misfit(found, place, column, self.label))
        if remark := self._migration(place, version, indexes):
            yield remark

    def _reading(self) -> sqlite3.Connection:
        """A connection that leaves no trace: of a file that nobody has open, ``immutable`` keeps even the small files
        from being made that readers of a WAL database share."""
        at_rest = not any(self._path.with_name(self._path.name + end).exists() for end in ("-wal", "-journal"))
        mode = "mode=ro&immutable=1" if at_rest else "mode=ro"
        connection = sqlite3.connect(f"{self._path.absolute().as_uri()}?{mode}", uri=True, timeout=5)
        connection.text_factory = _text
        return connection

    def close(self) -> None:
        self._pool.close()

    def minute_counts_of_each(
        self, environments: Sequence[str], query: Query
    ) -> Iterator[tuple[str, Iterator[MinuteCount]]]:
        """One reading for all of them: a table that was made without our indexes is scanned once for each query."""
        if len(environments) <= 1:
            yield from super().minute_counts_of_each(environments, query)
            return
        asked = frozenset(environments)
        counted = self._counted(self._traffic, replace(query, environment=None), by_environment=True)
        for environment, rows_of_it in groupby(counted, key=attrgetter("environment")):
            if environment in asked:
                yield environment, rows_of_it

    # --- What TableLog asks for

    def _moment(self, value: Any) -> datetime | None:
        return _moment(value)

    def _add(self, batches: Sequence[Batch]) -> None:
        self._write(batches, _ADD)

    def _restore(self, batches: Sequence[Batch]) -> int:
        return self._write(batches, _ADD, keep_recorded=True)[1]

    def _insert(self, batches: Sequence[Batch]) -> Sequence[Event]:
        at = from_text(self._write(batches, "")[0])
        return [as_stored(event, place, at) for place, events in batches for event in events]

    def _delete(self, place: EventTable, before: datetime, environment: str | None) -> int:
        where, values = _where(filters.prunable(before, environment), place)
        with self._working() as connection:
            self._check_shape(connection, place)
            with _transaction(connection):
                return connection.execute(f"DELETE FROM {qualified(place.table)}{where}", values).rowcount

    def _not_there(self, place: EventTable, columns: Sequence[str]) -> Sequence[str]:
        with self._working() as connection:
            found = _declared(connection, place.table)
        return [column for column in columns if found and column not in found]

    def _read(self, place: EventTable, query: Query) -> Iterator[Event]:
        wanted = filters.of(query, place)
        if wanted is None:
            return
        for row in self._rows(place, *select(place, _dialect(place), wanted, query)):
            if (event := event_of(row, _moment)) is not None:
                yield event

    def _left_out(self, place: EventTable, wanted: Sequence[Filter]) -> Iterator[Row]:
        """Like :meth:`examine` on a connection that leaves no trace, since that is what asks for it."""
        if not self._path.exists():
            return
        with self._translated(), closing(self._reading()) as connection:
            found = _declared(connection, place.table)
            if found or place.is_the_apps:
                _check_columns(found, place, self.label)
                yield from connection.execute(*left_out(place, _dialect(place), wanted))

    def _count(self, place: EventTable, query: Query) -> Iterator[MinuteCount]:
        return self._counted(place, query)

    def _counted(self, place: EventTable, query: Query, *, by_environment: bool = False) -> Iterator[MinuteCount]:
        wanted = filters.of(query, place)
        if wanted is None:
            return
        for row in self._rows(place, *minutes(place, _dialect(place), wanted, by_environment=by_environment)):
            if (counted := minute_count_of(row, _minute)) is not None:
                yield counted

    # --- Connections

    @contextmanager
    def _working(self) -> Iterator[sqlite3.Connection]:
        with self._translated(), self._pool.connection() as connection:
            yield connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _translation(error, self.label, self._path) from None

    def _connect(self) -> sqlite3.Connection:
        self._check_path()
        with suppress(OSError):  # SQLite says better what is wrong there
            make_file(self._path)
        connection = sqlite3.connect(
            self._path, timeout=self._busy_timeout, isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _check_path(self) -> None:
        if not self._path.parent.is_dir():
            raise ConfigError(
                f"the directory {self._path.parent} does not exist",
                where=self.label,
                next_step=f"Create it (mkdir -p {self._path.parent}) or correct [events] url.",
            )
        if self._path.is_dir():
            raise ConfigError(
                "this is a directory, not a database file",
                where=self.label,
                next_step="Name a file in [events] url.",
            )

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.text_factory = _text
        with suppress(sqlite3.OperationalError):
            # Somebody else may be making the same change just now; then it is made.
            connection.execute("PRAGMA journal_mode = WAL")
        (objects,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if not objects:
            with _transaction(connection):
                for place in self._places():
                    if not place.is_the_apps:
                        _migrate(connection, place.table)

    def _places(self) -> list[EventTable]:
        return [self._traffic] if self._ours == self._traffic else [self._traffic, self._ours]

    # --- Statements

    def _rows(self, place: EventTable, sql: str, parameters: Sequence[object]) -> Iterator[Row]:
        with self._working() as connection:
            self._check_shape(connection, place)
            with closing(connection.execute(sql, parameters)) as cursor:
                yield from chain.from_iterable(iter(lambda: cursor.fetchmany(CHUNK), []))

    def _write(self, batches: Sequence[Batch], tail: str, *, keep_recorded: bool = False) -> tuple[str, int]:
        """Writes them and returns the ``recorded_at`` that the new ones were given, and how many these are."""
        with self._working() as connection:
            for place, _ in batches:
                self._check_shape(connection, place)
            try:
                return self._put(connection, batches, tail, keep_recorded=keep_recorded)
            except sqlite3.IntegrityError as error:
                if error.sqlite_errorname in _UNIQUE:
                    raise conflict([event for _, events in batches for event in events]) from None
                raise

    def _put(
        self, connection: sqlite3.Connection, batches: Sequence[Batch], tail: str, *, keep_recorded: bool
    ) -> tuple[str, int]:
        with _transaction(connection):
            now, new = to_text(self._clock()), 0
            for place, events in batches:
                columns = place.present
                values = (_values(event, columns, now, keep_recorded=keep_recorded) for event in events)
                new += connection.executemany(_insert_sql(place, tail), values).rowcount
            return now, new

    def _check_shape(self, connection: sqlite3.Connection, place: EventTable) -> None:
        if place.table not in self._known_shapes:
            _check_columns(_declared(connection, place.table), place, self.label)
            self._known_shapes.add(place.table)


def _text(stored: bytes) -> str:
    """SQLite keeps any bytes as text; one that is no UTF-8 must not end the reading of all others."""
    return stored.decode("utf-8", "replace")


_ADD = " ON CONFLICT ({id}) DO NOTHING"


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, with the write lock from the start: a lock taken later could find the data changed."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


_UNIQUE = ("SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE")


# --- SQL ----------------------------------------------------------------------------------------------------

_ABSENT = {"synthetic": "0", "detail": "'{}'"}
_OPERATORS = {"neq": "<>", "gte": ">=", "lt": "<", "lte": "<="}


def _expression(place: EventTable, column: str) -> str:
    theirs = place.theirs(column)
    return quoted(theirs) if theirs else _ABSENT.get(column, "NULL")


def _insert_sql(place: EventTable, tail: str) -> str:
    names = [_expression(place, column) for column in place.present]
    marks = ", ".join("?" * len(names))
    return f"INSERT INTO {qualified(place.table)} ({', '.join(names)}) VALUES ({marks})" + tail.format(
        id=_expression(place, "id")
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


def _where(wanted: Iterable[Filter], place: EventTable) -> Bound:
    parts: list[str] = []
    parameters: list[object] = []
    for condition in wanted:
        sql, values = _condition(condition, _expression(place, condition.column))
        parts.append(sql)
        parameters += values
    return (" WHERE " + " AND ".join(parts) if parts else ""), parameters


def _condition(condition: Filter, name: str) -> Bound:
    value = condition.value
    if condition.key is not None:
        return _detail_condition(name, condition.key, str(value))
    if condition.operator == "in" and len(value) > 1:
        # One parameter whatever the number: a list of ids may be longer than SQLite's limit of parameters.
        texts = json.dumps([str(one) for one in value])
        return f"{name} IN (SELECT value FROM json_each(?))", [texts]
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
    """The object in ``name``, also where it is a JSON text of it; SQLite's functions end a query at what is no JSON."""
    inner = f"json_extract({name}, '$')"
    written_twice = f"WHEN json_type({name}) = 'text' THEN CASE WHEN json_valid({inner}) THEN {inner} ELSE '{{}}' END"
    return f"CASE WHEN NOT coalesce(json_valid({name}), 0) THEN '{{}}' {written_twice} ELSE {name} END"


_SHAPE = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]"
_TO_THE_SECOND = f"{_SHAPE}:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]Z"


def _dialect(place: EventTable) -> Dialect:
    name = partial(_expression, place)
    return Dialect(
        value=partial(_value, place),
        shown=lambda column: f"substr({name(column)}, 1, {LONGEST + 1})" if column == "detail" else name(column),
        minute=lambda column: f"substr({name(column)}, 1, 16)",
        readable=lambda column: _readable(column, name(column)),
        doubtful=lambda column: _doubtful(column, name(column)),
        condition=lambda condition: _condition(condition, _value(place, condition.column)),
    )


def _value(place: EventTable, column: str) -> str:
    name = _expression(place, column)
    return f"({name} IS 1)" if column == "synthetic" else name


def _readable(column: str, name: str) -> str:
    """By the form alone, which costs little: what has a time's form and is none is seen when it is read."""
    match column:
        case "occurred_at" | "recorded_at":
            return f"({name} GLOB '{_SHAPE}*Z' OR {name} GLOB '{_SHAPE}*+00:00')"
        case "outcome":
            return f"{name} IN ('success', 'error')"
        case _:
            return f"{name} > ''"


def _doubtful(column: str, name: str) -> str:
    match column:
        case "occurred_at" | "recorded_at":
            return _no_time(name)
        case "outcome":
            return f"({name} IS NULL OR {name} NOT IN ('success', 'error'))"
        case _:
            return f"(typeof({name}) <> 'text' OR {name} = '')"


def _no_time(name: str) -> str:
    """Whether :func:`_moment` cannot read it. The calendar is asked only where a look at the form leaves it open."""
    open_ = (
        f"{name} < '0001' OR {name} NOT GLOB '{_TO_THE_SECOND}' OR substr({name}, 6, 5) NOT BETWEEN '01-01' AND '12-28'"
        f" OR substr({name}, 9, 2) NOT BETWEEN '01' AND '28' OR substr({name}, 12, 2) > '23'"
    )
    wrong = (
        f"{name} < '0001' OR strftime('%Y-%m-%dT%H:%M', {name}, '+0 days') IS NOT substr({name}, 1, 16)"
        f" OR NOT (substr({name}, -1) = 'Z' OR substr({name}, -6) = '+00:00')"
        f" OR substr({name}, 17) GLOB '*[^0-9:.+Z]*'"
    )
    return f"(typeof({name}) <> 'text' OR (({open_}) AND ({wrong})))"


# --- Rows ---------------------------------------------------------------------------------------------------


def _moment(value: Any) -> datetime | None:
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


def _minute(value: Any) -> datetime | None:
    return _moment(f"{value}Z")


# --- Shape --------------------------------------------------------------------------------------------------


def _declared(connection: sqlite3.Connection, table: str) -> dict[str, str]:
    """Column -> declared type; empty where there is no such table."""
    found = connection.execute("SELECT name, type FROM pragma_table_info(?)", [bare(table)])
    return {name: declared.upper() for name, declared in found}


def _misfit(found: dict[str, str], place: EventTable, column: str, label: str) -> ConfigError | None:
    name = place.theirs(column) or column
    if name not in found:
        return fitting.no_column(place, column, found, label)
    if not _fits(column, found[name]):
        return fitting.wrong_type(place, column, found[name], schema.COLUMNS[column].split()[0], label)
    return None


def _check_columns(found: dict[str, str], place: EventTable, label: str) -> None:
    if not found:
        raise ConfigError(f"there is no table {place.table}", where=label, next_step=fitting.MIGRATE)
    for column in place.present:
        if error := _misfit(found, place, column, label):
            raise error


def _fits(column: str, declared: str) -> bool:
    """By SQLite's own rules of affinity: what the declared type would do to our values."""
    number = any(word in declared for word in ("INT", "REAL", "FLOA", "DOUB"))
    if column in ("latency_ms", "synthetic"):
        return not any(word in declared for word in ("CHAR", "CLOB", "TEXT", "BLOB"))
    return not number and "BLOB" not in declared


def _migrate(connection: sqlite3.Connection, table: str) -> list[str]:
    before = _declared(connection, table)
    missing = [column for column in schema.COLUMNS if column not in before] if before else []
    done = [_add_column(connection, table, column) for column in missing]
    objects = _objects(connection)
    for statement in schema.create(table):
        connection.execute(statement)
    return done + [f"created {kind} {name}" for kind, name in _objects(connection) if (kind, name) not in objects]


def _add_column(connection: sqlite3.Connection, table: str, column: str) -> str:
    if column in NEEDED:
        raise fitting.cannot_be_given(table, column)
    for statement in schema.add_column(table, column):
        connection.execute(statement)
    return f"added column {column} to {table}"


def _objects(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    return connection.execute(
        "SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite_autoindex%' ORDER BY rowid"
    ).fetchall()


# --- Errors -------------------------------------------------------------------------------------------------


def _translation(error: sqlite3.Error, label: str, path: Path) -> ReleaseguardError:
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
    return ConfigError(f"the table does not take this: {error}", where=label, next_step=fitting.MIGRATE)
