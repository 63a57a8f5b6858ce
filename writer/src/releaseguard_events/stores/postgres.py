"""Writes events into a Postgres table, with psycopg 3."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from releaseguard_events.errors import (
    AccessDenied,
    ConfigError,
    NotFound,
    ReleaseguardError,
    ServiceError,
    TookTooLong,
    Unreachable,
)
from releaseguard_events.event import OURSELVES, Event
from releaseguard_events.places.encryption import next_step_for
from releaseguard_events.places.urls import split
from releaseguard_events.stores import fitting
from releaseguard_events.stores.postgres_shape import (
    Shape,
    check_shape,
    declared,
    insert_sql,
    is_ours_in_kind,
    shape_of,
    their_insert,
    values,
)
from releaseguard_events.stores.storable import Writable, event_from
from releaseguard_events.stores.table import EventTable

if TYPE_CHECKING:
    import psycopg

    from releaseguard_events.stores.postgres_shape import Connection

CHUNK = 2000
"""Rows sent at a time."""

T = TypeVar("T")


class PostgresStore:
    """Appends events. ``pin`` takes the address and returns the one to connect to, or raises. ``within`` is the limit
    in seconds for connecting, and for one statement. For one thread at a time."""

    def __init__(self, url: str, table: EventTable, pin: Callable[[str], str], within: float) -> None:
        self._url = url
        self._label = label(url)
        self._table = table
        self._pin = pin
        self._within = within
        self._connection: Connection | None = None
        self._shapes: dict[str, Shape] = {}

    def append(self, events: Sequence[Writable]) -> None:
        """Write the events that do not exist yet."""
        again(lambda: self._append(events))

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _append(self, events: Sequence[Writable]) -> None:
        conninfo = self._pin(self._url) if self._connection is None else ""  # which says that psycopg is missing
        import psycopg

        try:
            with limited(self._opened(conninfo), self._within) as connection:
                for place, rows in self._tables(connection).rows(events):
                    add(connection, place, self._shapes[place.table], rows)
        except psycopg.Error as error:
            self.close()
            raise translation(error, self._label) from None

    def _opened(self, conninfo: str) -> Connection:
        if self._connection is None:
            self._connection = connect(conninfo, self._label, round(self._within))
        return self._connection

    def _tables(self, connection: Connection) -> fitting.Tables:
        """The tables, once they are known to fit."""
        if not self._shapes:
            found = declared(connection, self._table.table)
            absent = [column for column in fitting.assumed(self._table) if found and column not in found]
            self._table = fitting.without(self._table, absent) if absent else self._table
            for place in fitting.Tables.of(self._table).each:
                shape = shape_of(connection, place)
                check_shape(shape, self._label)
                self._shapes[place.table] = shape
        return fitting.Tables.of(self._table)


def add(connection: Connection, place: EventTable, shape: Shape, events: Sequence[Writable]) -> None:
    """Write the events that do not exist yet."""
    if not is_ours_in_kind(shape):
        add_theirs(connection, shape, [event_from(event) for event in events])
        return
    sql = insert_sql(place, shape) + shape.if_new
    for start in range(0, len(events), CHUNK):
        connection.execute(sql, values(events[start : start + CHUNK], place))


def add_theirs(connection: Connection, shape: Shape, events: Sequence[Event]) -> int:
    """The same for a table whose columns are made by rules or have other types; returns how many rows are new.

    Raises ``ConfigError`` for rows of our own, whose ids must be kept.
    """
    if any(event.provider == OURSELVES for event in events):
        raise fitting.cannot_hold_ours(shape.place, "its ids or times are of another type")
    return sum(
        connection.execute(statement, arrays).rowcount
        for start in range(0, len(events), CHUNK)
        for statement, arrays in their_insert(shape, events[start : start + CHUNK])
    )


def connect(conninfo: str, name: str, connect_timeout: int) -> Connection:
    """A connection; ``name`` names it in messages. Raises ``ServiceError``."""
    import psycopg

    try:
        return psycopg.connect(
            conninfo,
            autocommit=True,
            connect_timeout=connect_timeout,
            application_name="releaseguard",
            # A pooler between us and the server knows no statements prepared on another connection.
            prepare_threshold=None,
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
        )
    except psycopg.ProgrammingError:
        # Its text may quote the password from an address that does not parse.
        raise malformed() from None
    except psycopg.OperationalError as error:
        raise no_connection(error, name) from None


@contextmanager
def limited(connection: Connection, seconds: float, *, read_only: bool = False) -> Iterator[Connection]:
    """A transaction in which no statement takes longer than ``seconds`` (0 for no limit), and times are returned in
    UTC.

    Settings are made for the transaction. Behind a pooler that lends connections by transaction (pgbouncer) a session's
    setting would stay with the connection, for the app's next statement. Nothing is compiled at run time (``jit``): the
    planner overestimates a question of hundreds of small parts, and compiling it took ten times as long as running it.
    """
    mode = " READ ONLY" if read_only else ""
    patience = f"SET LOCAL statement_timeout TO {round(seconds * 1000)}"
    connection.execute(f"BEGIN{mode}; SET LOCAL timezone TO 'UTC'; SET LOCAL jit TO off; {patience}".encode())
    try:
        yield connection
    except BaseException:
        with suppress(Exception):  # it may be gone, which is what brought us here
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


class Held(ServiceError):
    """Another transaction holds what a statement needs."""


class Lost(Unreachable):
    """An established connection is gone: servers restart, and poolers close idle ones."""


def again(act: Callable[[], T]) -> T:
    """Run ``act``, which may be done twice; on a new connection where the old one has gone."""
    try:
        return act()
    except Lost:
        return act()


def label(url: str) -> str:
    """The log's name in messages: of an address, which may come from the environment, only the host and port."""
    parts = split(url)
    if not parts.is_plain or (parts.server and not parts.host):
        return "postgresql://?"
    return f"postgresql://{parts.host or 'localhost'}:{parts.port or 5432}"


def malformed() -> ConfigError:
    return ConfigError(
        "the address of the event log's database cannot be read",
        where="[events] url",
        next_step="Write postgresql://USER:PASSWORD@HOST:5432/DATABASE; percent-encode @ : / ? # in the password.",
    )


def no_connection(error: psycopg.OperationalError, label: str) -> ServiceError:
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


_UNFIT = frozenset({"42P01", "42703", "42804", "42P10", "42883", "42846", "428C9"})
"""No such table or column, another type, no key, no such function for the type, a generated column."""


def translation(error: psycopg.Error, label: str) -> ReleaseguardError:
    """The error by its SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html), with the primary
    message only, since details quote rows."""
    said = error.diag.message_primary or "no answer"
    state = error.sqlstate or ""
    if state in _UNFIT or state.startswith(("22", "23")):
        return ConfigError(f"the table does not fit: {said}", where=label, next_step=_FITTING)
    if state == "25006":
        return ServiceError(
            "the database takes no writes: it is read-only",
            where=label,
            next_step="A standby after a failover, or a full disk: see which (SHOW transaction_read_only), or correct"
            " the host in [events] url; then run the command again.",
        )
    if state == "P0001":
        return ServiceError(f"a trigger of the table refuses this: {said}", where=label, next_step=fitting.OF_A_TRIGGER)
    if state == "42501" or state.startswith("28"):
        return AccessDenied(
            f"the database refused: {said}", where=label, next_step="Grant SELECT and INSERT on the table to this user."
        )
    if not state or state.startswith(("08", "57P")):
        return Lost(
            "the connection to the database was lost",
            where=label,
            next_step="See whether the database runs, then run the command again.",
        )
    if state == "55P03":
        return Held(
            f"the table stayed locked by another transaction: {said}",
            where=label,
            next_step="See who holds it (SELECT pid, state, xact_start, query FROM pg_stat_activity ORDER BY 3), end"
            " that, then run the command again.",
        )
    if state == "57014":
        return TookTooLong(
            f"the database took longer than allowed: {said}",
            where=label,
            next_step="Ask for less (a shorter --since or --window), or see what holds the database up"
            " (pg_stat_activity); then run the command again.",
        )
    return ServiceError(f"the database could not do it: {said}", where=label, next_step="Run the command again.")


_FITTING = (
    f"{fitting.MIGRATE}; or, where the table is the app's own, map its columns under [events.columns]"
    ' and give our own rows a table of theirs: results_table = "releaseguard_events".'
)
