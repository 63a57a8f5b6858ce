"""The event log in Postgres, through psycopg 3."""

# ruff: noqa: S608 - names are quoted (schema/names.py), values are bound

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from releaseguard.errors import (
    AccessDenied,
    ConfigError,
    NotFound,
    ReleaseguardError,
    ServiceError,
    Unreachable,
)
from releaseguard.eventlog.interface import COLUMNS, NEEDED, EventTable, MinuteCount, Query
from releaseguard.eventlog.rows import filters
from releaseguard.eventlog.rows.decode import Row, event_of, minute_count_of
from releaseguard.eventlog.rows.detail import LONGEST
from releaseguard.eventlog.rows.filters import Filter
from releaseguard.eventlog.rows.written import conflict
from releaseguard.eventlog.schema import access, guards
from releaseguard.eventlog.schema import postgres as schema
from releaseguard.eventlog.schema.names import VERSION, bare, beside, qualified, quoted
from releaseguard.eventlog.stores import fitting
from releaseguard.eventlog.stores.pool import Pool
from releaseguard.eventlog.stores.questions import Bound, Dialect, left_out, minutes, select
from releaseguard.eventlog.stores.tables import Batch, TableLog
from releaseguard.model import Event, Remark, Standing, to_text
from releaseguard.safemode.encryption import next_step_for
from releaseguard.secret import Secret
from releaseguard.urls import split

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

CHUNK = 2000
"""Rows sent or fetched at a time."""

T = TypeVar("T")


def as_given(conninfo: str) -> str:
    """No pin: what libpq makes of the address is where the connection goes."""
    return conninfo


class PostgresEventLog(TableLog):
    """Events in a Postgres table.

    ``pin`` takes the address and returns the one to connect to, or raises: SAFE MODE resolves and checks libpq's
    target there, since libpq connects where Python's hooks do not see. Times are in seconds.
    """

    def __init__(
        self,
        url: Secret,
        table: EventTable | None = None,
        *,
        pin: Callable[[str], str] = as_given,
        connect_timeout: int = 10,
        statement_timeout: float = 120.0,
    ) -> None:
        super().__init__(table or EventTable())
        self.label = _label(url)
        self._url = url
        self._pin = pin
        self._connect_timeout = connect_timeout
        self._statement_timeout = statement_timeout
        self._shapes: dict[str, Shape] = {}
        self._pool: Pool[Connection] = Pool(self._connect, _disconnect)

    # --- The interface

    def now(self) -> datetime:
        return _again(self._now)

    def migrate(self) -> Sequence[str]:
        with self._working() as connection, connection.transaction():
            done = [
                word
                for place in self._places()
                for word in (
                    [fitting.left_alone(place)] if place.is_the_apps else _migrate(connection, place.table, self.label)
                )
            ]
        self._shapes.clear()
        return done

    def schema_sql(self) -> str:
        ours = [place.table for place in self._places() if not place.is_the_apps]
        return schema.script(ours) if ours else ""

    def _examined(self, place: EventTable) -> Iterator[Remark]:
        with self._working() as connection:
            connection.execute("SET default_transaction_read_only = on")
            shape = Shape(place, _declared(connection, place.table))
            if not shape.declared:
                raise ConfigError(f"there is no table {place.table}", where=self.label, next_step=fitting.MIGRATE)
            yield from self._columns(place, lambda column: _misfit(shape, column, self.label))
            if remark := self._migration(place, _version(connection, place.table), _indexes(connection, place.table)):
                yield remark
            yield from _rights(connection, place, self.label)
            yield from _guarded(connection, place, self.label)
            connection.execute("RESET default_transaction_read_only")

    def close(self) -> None:
        self._pool.close()

    # --- What TableLog asks for

    def _moment(self, value: Any) -> datetime | None:
        return _moment(value)

    def _not_there(self, place: EventTable, columns: Sequence[str]) -> Sequence[str]:
        with self._working() as connection:
            found = _declared(connection, place.table)
        return [column for column in columns if found and column not in found]

    def _add(self, batches: Sequence[Batch]) -> None:
        _again(lambda: self._add_once(batches))

    def _add_once(self, batches: Sequence[Batch]) -> None:
        with self._working() as connection:
            for place, events in batches:
                shape = self._shape(connection, place)
                for start in range(0, len(events), CHUNK):
                    sql = _insert_sql(place, shape) + f" ON CONFLICT ({shape.name('id')}) DO NOTHING"
                    connection.execute(sql, _values(events[start : start + CHUNK], place))

    def _restore(self, batches: Sequence[Batch]) -> int:
        return _again(lambda: self._restore_once(batches))

    def _restore_once(self, batches: Sequence[Batch]) -> int:
        with self._working() as connection, connection.transaction():
            for place in self._places():
                _must_own(connection, place, self.label)
            return sum(self._restored(connection, place, events) for place, events in batches)

    def _restored(self, connection: Connection, place: EventTable, events: Sequence[Event]) -> int:
        shape = self._shape(connection, place)
        sql = _insert_sql(place, shape, keep_recorded=True) + f" ON CONFLICT ({shape.name('id')}) DO NOTHING"
        return connection.execute(sql, _values(events, place, keep_recorded=True)).rowcount

    def _insert(self, batches: Sequence[Batch]) -> Sequence[Event]:
        from psycopg.errors import UniqueViolation

        with self._working() as connection:
            shapes = [self._shape(connection, place) for place, _ in batches]
            try:
                with connection.transaction():
                    return [
                        event
                        for (place, events), shape in zip(batches, shapes, strict=True)
                        for row in connection.execute(_returning(place, shape), _values(events, place))
                        if (event := event_of(row, _moment)) is not None
                    ]
            except UniqueViolation:
                raise conflict([event for _, events in batches for event in events]) from None

    def _delete(self, place: EventTable, before: datetime, environment: str | None) -> int:
        with self._working() as connection:
            where, values = _where(filters.prunable(before, environment), self._shape(connection, place))
            return connection.execute(f"DELETE FROM {qualified(place.table)}{where}", values).rowcount

    def _read(self, place: EventTable, query: Query) -> Iterator[Event]:
        wanted = filters.of(query, place)
        if wanted is None:
            return
        for row in self._rows(place, lambda dialect: select(place, dialect, wanted, query)):
            if (event := event_of(row, _moment)) is not None:
                yield event

    def _left_out(self, place: EventTable, wanted: Sequence[Filter]) -> Iterator[Row]:
        return self._rows(place, lambda dialect: left_out(place, dialect, wanted))

    def _count(self, place: EventTable, query: Query) -> Iterator[MinuteCount]:
        wanted = filters.of(query, place)
        if wanted is None:
            return
        for row in self._rows(place, lambda dialect: minutes(place, dialect, wanted)):
            if (counted := minute_count_of(row, _moment)) is not None:
                yield counted

    # --- Connections

    @contextmanager
    def _working(self) -> Iterator[Connection]:
        import psycopg

        try:
            with self._pool.connection() as connection:
                yield connection
        except psycopg.Error as error:
            raise _translation(error, self.label) from None

    def _connect(self) -> Connection:
        import psycopg

        try:
            connection = psycopg.connect(
                self._pin(self._url.reveal()),
                autocommit=True,
                connect_timeout=self._connect_timeout,
                application_name="releaseguard",
                # A pooler between us and the server knows no statements prepared on another connection.
                prepare_threshold=None,
                keepalives_idle=10,
                keepalives_interval=5,
                keepalives_count=3,
            )
        except psycopg.ProgrammingError:
            # Its text may quote the password from an address that does not parse.
            raise _malformed() from None
        except psycopg.OperationalError as error:
            raise _no_connection(error, self.label) from None
        _settle_session(connection, self._statement_timeout)
        return connection

    def _places(self) -> list[EventTable]:
        return [self._traffic] if self._ours == self._traffic else [self._traffic, self._ours]

    def _now(self) -> datetime:
        with self._working() as connection:
            (moment,) = connection.execute("SELECT clock_timestamp()").fetchone() or (None,)
        return cast("datetime", _moment(moment))

    def _rows(self, place: EventTable, question: Callable[[Dialect], Bound]) -> Iterator[Row]:
        """The rows of one statement; asked for once more where the connection had gone before the first."""
        stream = self._stream(place, question)
        try:
            first = next(stream, None)
        except _Lost:
            stream = self._stream(place, question)
            first = next(stream, None)
        if first is not None:
            yield first
            yield from stream

    def _stream(self, place: EventTable, question: Callable[[Dialect], Bound]) -> Iterator[Row]:
        from psycopg import capabilities

        size = CHUNK if capabilities.has_stream_chunked() else 1
        with self._working() as connection:
            shape = self._shape(connection, place)
            sql, parameters = question(_dialect(shape))
            with connection.cursor() as cursor:
                yield from cursor.stream(sql, parameters, size=size)

    def _shape(self, connection: Connection, place: EventTable) -> Shape:
        shape = self._shapes.get(place.table)
        if shape is None:
            shape = Shape(place, _declared(connection, place.table))
            _check_shape(shape, self.label)
            self._shapes[place.table] = shape
        return shape


class _Lost(Unreachable):
    """A connection that had stood is gone: servers restart, poolers close what has been idle for long."""


def _again(act: Callable[[], T]) -> T:
    """``act``, which may be done twice, on a new connection where the old one has gone."""
    try:
        return act()
    except _Lost:
        return act()


def _disconnect(connection: Connection) -> None:
    connection.close()


def _settle_session(connection: Connection, statement_timeout: float) -> None:
    """Times come back in UTC, and no statement outlives its caller's patience."""
    connection.execute(
        "SELECT set_config('TimeZone', 'UTC', false), set_config('statement_timeout', %s, false)",
        [str(int(statement_timeout * 1000))],
    )


def _label(url: Secret) -> str:
    """Where it is: of an address, which may come from the environment, no more than the host and its port."""
    parts = split(url.reveal())
    if not parts.is_plain or (parts.server and not parts.host):
        return "postgresql://?"
    return f"postgresql://{parts.host or 'localhost'}:{parts.port or 5432}"


# --- Shape --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Declared:
    """A column's type: its name as SQL writes it, and Postgres' one-letter category of types."""

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
    """A mapped table as it is."""

    place: EventTable
    declared: Mapping[str, Declared]
    """Their column -> type."""

    def name(self, column: str) -> str:
        return quoted(self.place.theirs(column) or column)

    def value(self, column: str) -> str:
        """The column's value, comparable with ours: enumerations and the like as text."""
        if not self.place.theirs(column):
            return _ABSENT.get(column, "NULL::text")
        name = self.name(column)
        if column == "synthetic":
            return f"coalesce({name}, false)"
        return f"{name}::text" if self.type(column).category == "E" else name

    def type(self, column: str) -> Declared:
        return self.declared[self.place.theirs(column) or column]


def _declared(connection: Connection, table: str) -> dict[str, Declared]:
    """Column -> type; empty where there is no such table."""
    found = connection.execute(
        "SELECT a.attname, format_type(a.atttypid, a.atttypmod), t.typcategory FROM pg_attribute a"
        " JOIN pg_type t ON t.oid = a.atttypid"
        " WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
        [qualified(table)],
    )
    return {name: Declared(type_, category) for name, type_, category in found}


def _check_shape(shape: Shape, label: str) -> None:
    place, found = shape.place, shape.declared
    if not found:
        raise ConfigError(f"there is no table {place.table}", where=label, next_step=fitting.MIGRATE)
    for column in place.present:
        if error := _misfit(shape, column, label):
            raise error


def _misfit(shape: Shape, column: str, label: str) -> ConfigError | None:
    place, found = shape.place, shape.declared
    name = place.theirs(column) or column
    if name not in found:
        return fitting.no_column(place, column, found, label)
    if not _fits(column, found[name]):
        return fitting.wrong_type(place, column, found[name].type, schema.COLUMNS[column].split()[0], label)
    return None


def _fits(column: str, declared: Declared) -> bool:
    if column == "id":
        return declared.type == "uuid" or declared.category == "S"
    if column in ("occurred_at", "recorded_at"):
        return declared.type.startswith("timestamp") and declared.type.endswith("with time zone")
    if column == "detail":
        return declared.type in ("jsonb", "json")
    return declared.category in {"latency_ms": "N", "synthetic": "B"}.get(column, "SE")


# --- What may be done -----------------------------------------------------------------------------------------


def _version(connection: Connection, table: str) -> int | None:
    versions = qualified(beside(table, "schema"))
    if not _declared(connection, beside(table, "schema")):
        return None
    (allowed,) = connection.execute("SELECT has_table_privilege(to_regclass(%s), 'SELECT')", [versions]).fetchone() or (
        False,
    )
    if not allowed:
        return VERSION  # its keeper's to know
    (version,) = connection.execute(f"SELECT max(version) FROM {versions}").fetchone() or (None,)
    return None if version is None else int(version)


def _indexes(connection: Connection, table: str) -> set[str]:
    found = connection.execute(
        "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = to_regclass(%s)",
        [qualified(table)],
    )
    return {name for (name,) in found}


def _rights(connection: Connection, place: EventTable, label: str) -> Iterator[Remark]:
    """Whether this role may read and append, as the server's own catalogue tells; and who else may read."""
    columns = [place.theirs(column) for column in place.present]
    told = connection.execute(
        "SELECT pg_is_in_recovery(), bool_and(has_column_privilege(t.oid, c, 'SELECT')),"
        " bool_and(has_column_privilege(t.oid, c, 'INSERT')), bool_or(row_security_active(t.oid)),"
        " EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = t.oid AND p.polcmd IN ('a', '*')"
        " AND (p.polroles = '{0}' OR EXISTS (SELECT FROM unnest(p.polroles) r WHERE pg_has_role(r, 'USAGE'))))"
        " FROM (SELECT to_regclass(%(table)s)::oid AS oid) t, unnest(%(columns)s::text[]) AS c"
        " WHERE c IN (SELECT attname FROM pg_attribute WHERE attrelid = t.oid) GROUP BY t.oid",
        {"table": qualified(place.table), "columns": columns},
    ).fetchone()
    standby, reads, appends, secured, admitted = told or (False, False, False, False, False)
    how = "(known from the server's catalogue)"
    grant = f"GRANT SELECT, INSERT ON {place.table} to this role."
    if not reads:
        yield Remark(Standing.FAIL, f"this role may not read the table {place.table} {how}", label, grant, "read")
    if standby:
        fix = "Give [events] url the address of the primary."
        yield Remark(Standing.FAIL, "rows cannot be appended: this server is a standby", label, fix, "append")
    elif not appends:
        what = f"rows cannot be appended: this role has no INSERT on {place.table} {how}"
        yield Remark(Standing.FAIL, what, label, grant, "append")
    elif secured and not admitted:
        fix = "Add a policy FOR INSERT for it, or use a role that row-level security does not apply to."
        what = f"rows cannot be appended: row-level security of {place.table} has no policy for this role {how}"
        yield Remark(Standing.FAIL, what, label, fix, "append")
    else:
        more = ", as far as a policy lets this role" if secured else ""
        yield Remark(Standing.OK, f"rows can be appended{more} {how}", label, about="append")
    yield from _exposed(connection, place, label)


def _exposed(connection: Connection, place: EventTable, label: str) -> Iterator[Remark]:
    """At Supabase everybody who has the app's public key is the role ``anon``."""
    told = connection.execute(
        "SELECT c.relrowsecurity, has_table_privilege('anon', c.oid, 'SELECT') FROM pg_class c"
        " WHERE c.oid = to_regclass(%s) AND to_regrole('anon') IS NOT NULL",
        [qualified(place.table)],
    ).fetchone()
    if told is None:
        return
    secured, readable = told
    if secured or not readable:
        yield Remark(Standing.OK, f"the public key does not read {place.table}", label, about="row_security")
    else:
        what = f"everybody who has the app's public key may read {place.table}: row-level security is off"
        fix = f"Run: releaseguard events migrate (or ALTER TABLE {place.table} ENABLE ROW LEVEL SECURITY)"
        yield Remark(Standing.FAIL, what, label, fix, "row_security")


def _guarded(connection: Connection, place: EventTable, label: str) -> Iterator[Remark]:
    """Whether the triggers that keep our rows as they are stand and are switched on."""
    if place.is_the_apps:
        return
    found = connection.execute(
        "SELECT tgname FROM pg_trigger WHERE tgrelid = to_regclass(%s) AND tgenabled IN ('O', 'A')",
        [qualified(place.table)],
    )
    there = {name for (name,) in found}
    gone = [name for name in guards.trigger_names(place.table) if name not in there]
    if gone:
        what = (
            f"our own rows in {place.table} can be changed: without the triggers {', '.join(gone)} nothing keeps them"
        )
        yield Remark(Standing.FAIL, what, label, f"{fitting.MIGRATE} (as the owner of {place.table})", "guards")
    else:
        what = f"our own rows in {place.table} can be neither changed nor deleted"
        yield Remark(Standing.OK, what, label, about="guards")


def _must_own(connection: Connection, place: EventTable, label: str) -> None:
    """Who may only append must not date rows back, and the table's trigger would set the time anew in silence: it asks
    the same (``schema/guards.py``)."""
    (owns,) = connection.execute(
        "SELECT pg_has_role(current_user, relowner, 'USAGE') AND pg_has_role(session_user, relowner, 'MEMBER')"
        " FROM pg_class WHERE oid = to_regclass(%s)",
        [qualified(place.table)],
    ).fetchone() or (False,)
    if not owns:
        raise AccessDenied(
            f"only the owner of the table {place.table} may say when its rows were recorded",
            where=label,
            next_step="Run this one command as the owner: copy releaseguard.toml to owner.toml, with"
            ' [events] url = "${RELEASEGUARD_EVENTS_OWNER_URL}" (the owner\'s address), and add --config owner.toml.',
        )


def _migrate(connection: Connection, table: str, label: str) -> list[str]:
    # Two migrations at once would each find nothing there and then be in each other's way.
    connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"releaseguard:{table}"])
    connection.execute(schema.LOCK_TIMEOUT)
    (missing,) = connection.execute(access.MISSING).fetchone() or (None,)
    if missing is not None:
        raise ConfigError(access.half_of_supabase(missing), where=label, next_step=access.WAY_OUT)
    found = _declared(connection, table)
    for column in COLUMNS if found else ():
        if column in NEEDED and column not in found:
            raise fitting.cannot_be_given(table, column)
    before = _objects(connection, table)
    for statement in schema.create(table):
        connection.execute(statement)
    return [f"created {thing}" for thing in _objects(connection, table) if thing not in before]


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


# --- SQL ----------------------------------------------------------------------------------------------------

_OPERATORS = {"neq": "<>", "gte": ">=", "lt": "<", "lte": "<="}


def _insert_sql(place: EventTable, shape: Shape, *, keep_recorded: bool = False) -> str:
    """One statement whatever the number of rows: every column is one array of text, cast to the column's type."""
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


def _given(place: EventTable, *, keep_recorded: bool) -> list[str]:
    return [column for column in place.present if keep_recorded or column != "recorded_at"]


def _cast(column: str, shape: Shape) -> str:
    value = f"x.{column}::{shape.type(column).type}"
    return f"coalesce({value}, now())" if column == "recorded_at" else value


def _returning(place: EventTable, shape: Shape) -> str:
    return f"{_insert_sql(place, shape)} RETURNING {', '.join(_shown(shape, column) for column in COLUMNS)}"


def _values(events: Sequence[Event], place: EventTable, *, keep_recorded: bool = False) -> list[list[str | None]]:
    given = _given(place, keep_recorded=keep_recorded)
    return [[_text(getattr(event, column)) for event in events] for column in given]


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


def _where(wanted: Iterable[Filter], shape: Shape) -> Bound:
    parts = [_condition(condition, shape) for condition in wanted]
    values = [value for _, given in parts for value in given]
    return (" WHERE " + " AND ".join(sql for sql, _ in parts) if parts else ""), values


def _condition(condition: Filter, shape: Shape) -> Bound:
    name = shape.value(condition.column)
    if condition.key is not None:
        return _detail_condition(name, condition.key, shape.type("detail").type), [condition.value] * 2
    if condition.operator == "in":
        kind = "uuid" if shape.type(condition.column).type == "uuid" else "text"
        return f"{name} = ANY(%s::{kind}[])", [[str(value) for value in condition.value]]
    return f"{name} {_OPERATORS.get(condition.operator, '=')} %s", [condition.value]


def _detail_condition(name: str, key: str, kind: str) -> str:
    """Also where ``detail`` is a JSON text of an object: only a look at the text raises nothing for what is none."""
    inside = f"substring({name} #>> '{{}}' from '\"{key}\"\\s*:\\s*\"?([^\",}}]*)')"
    return f"({name} ->> '{key}' = %s OR ({kind}_typeof({name}) = 'string' AND {inside} = %s))"


_FIRST, _BEYOND = "TIMESTAMPTZ '0001-01-01 00:00:00+00'", "TIMESTAMPTZ '10000-01-01 00:00:00+00'"
"""Postgres has more years than Python, and infinities."""


def _dialect(shape: Shape) -> Dialect:
    return Dialect(
        value=shape.value,
        shown=partial(_shown, shape),
        minute=lambda column: f"date_trunc('minute', {shape.value(column)})",
        readable=lambda column: _readable(column, shape.value(column)),
        doubtful=lambda column: _doubtful(column, shape.value(column)),
        condition=lambda condition: _condition(condition, shape),
    )


def _shown(shape: Shape, column: str) -> str:
    """Times that Python does not have as none, and detail as text: psycopg raises for what it cannot load."""
    value = shape.value(column)
    match column:
        case "occurred_at" | "recorded_at":
            return f"CASE WHEN {_readable(column, value)} THEN {value} END"
        case "detail":
            return f"left(({value})::text, {LONGEST + 1})"
        case _:
            return value


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


# --- Rows ---------------------------------------------------------------------------------------------------


def _moment(value: Any) -> datetime | None:
    """psycopg gives the session's zone, which is UTC under another name."""
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else None


# --- Errors -------------------------------------------------------------------------------------------------


def _malformed() -> ConfigError:
    return ConfigError(
        "the address of the event log's database cannot be read",
        where="[events] url",
        next_step="Write postgresql://USER:PASSWORD@HOST:5432/DATABASE; percent-encode @ : / ? # in the password.",
    )


def _no_connection(error: psycopg.OperationalError, label: str) -> ServiceError:
    # libpq's own question ("Is the server running on that host ...?") is indented; what it was told is not.
    lines = [line for line in str(error).splitlines() if line.strip() and not line.startswith("\t")]
    said = lines[-1].strip() if lines else "no answer"
    if any(word in said for word in ("authentication failed", "no password supplied", "pg_hba.conf", "role ")):
        return AccessDenied(
            f"the database refused us: {said}", where=label, next_step="Correct user and password in [events] url."
        )
    if encryption := next_step_for(said):
        return Unreachable(f"no connection to the database: {said}", where=label, next_step=encryption)
    if "does not exist" in said:
        return NotFound(
            f"the database refused us: {said}", where=label, next_step="Create the database or correct [events] url."
        )
    return Unreachable(
        f"no connection to the database: {said}",
        where=label,
        next_step="See whether it runs and can be reached from here, then run the command again.",
    )


def _translation(error: psycopg.Error, label: str) -> ReleaseguardError:
    """By SQLSTATE. The primary message only: details quote rows."""
    said = error.diag.message_primary or "no answer"
    state = error.sqlstate or ""
    if state in ("42P01", "42703", "42804") or state.startswith(("22", "23")) or state == "42P10":
        return ConfigError(f"the table does not fit: {said}", where=label, next_step=_FITTING)
    if state in ("42501", "25006") or state.startswith("28"):
        return AccessDenied(
            f"the database refused: {said}", where=label, next_step="Grant SELECT and INSERT on the table to this user."
        )
    if not state or state.startswith(("08", "57P")):
        return _Lost(
            "the connection to the database was lost",
            where=label,
            next_step="See whether the database runs, then run the command again.",
        )
    return ServiceError(f"the database could not do it: {said}", where=label, next_step="Run the command again.")


_FITTING = (
    f"{fitting.MIGRATE}; or, where the table is the app's own, map its columns under [events.columns]"
    ' and give our own rows a table of theirs: results_table = "releaseguard_events".'
)
