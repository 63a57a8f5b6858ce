"""The event log in Postgres, through psycopg 3."""

# ruff: noqa: S608 - names are quoted (schema/names.py), values are bound

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, cast

from releaseguard.errors import ConfigError
from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.interface import Changes, Query, RowAnswer, RowQuestion
from releaseguard.eventlog.mapping.shares import RuleShares, counting, shares_of
from releaseguard.eventlog.mapping.words import PostgresWords
from releaseguard.eventlog.rows import filters
from releaseguard.eventlog.rows.decode import Row, event_of, minute_count_of
from releaseguard.eventlog.rows.filters import Filter
from releaseguard.eventlog.rows.packs import Kept, changes_of, kept_of
from releaseguard.eventlog.rows.written import conflict
from releaseguard.eventlog.schema import postgres as schema
from releaseguard.eventlog.stores import postgres_rights as rights
from releaseguard.eventlog.stores import postgres_sql as sql
from releaseguard.eventlog.stores.counting import minutes
from releaseguard.eventlog.stores.pool import Pool
from releaseguard.eventlog.stores.postgres_migration import (
    build_indexes,
    lacking_indexes,
    left_alone,
    migrate,
    patiently,
)
from releaseguard.eventlog.stores.questions import Bound, Dialect, left_out, select, together, within
from releaseguard.eventlog.stores.rolling import postgres as rollups
from releaseguard.eventlog.stores.slices import TOGETHER, After, in_slices
from releaseguard.eventlog.stores.tables import PRUNED_AT_ONCE, Deleted, KeptQuestion, TableLog
from releaseguard.eventlog.watching import Progress, Watch, rolled_up, unwatched
from releaseguard.model import Event, Remark
from releaseguard.secret import Secret
from releaseguard_events.stores import fitting
from releaseguard_events.stores import postgres as writing
from releaseguard_events.stores.fitting import Batch
from releaseguard_events.stores.names import qualified, quoted
from releaseguard_events.stores.postgres import CHUNK, again
from releaseguard_events.stores.postgres_shape import (
    Shape,
    check_shape,
    declared,
    insert_sql,
    is_ours_in_kind,
    misfit,
    shape_of,
    values,
)
from releaseguard_events.stores.table import EventTable

if TYPE_CHECKING:
    from releaseguard_events.stores.postgres_shape import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLimits:
    """Seconds that one thing may take, by what it is for; 0: as long as it takes."""

    connect: int = 10
    question: float = 300.0
    """One answer of a command that somebody waits for."""
    slice: float = 600.0
    """Some of many rows that are read: a table without our indexes is sorted for them."""
    write: float = 60.0
    """Rows of ours, or some of many that are imported or deleted."""
    build: float = 0.0
    """Tables and indexes: one of ten million rows takes minutes, and nobody waits for it."""


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
        limits: StatementLimits | None = None,
    ) -> None:
        super().__init__(table or EventTable())
        self.label = writing.label(url.reveal())
        self._url = url
        self._pin = pin
        self._limits = limits or StatementLimits()
        self._shapes: dict[str, Shape] = {}
        self._rolls_up_at = 0.0
        self._pool: Pool[Connection] = Pool(self._connect, _disconnect)

    def now(self) -> datetime:
        return again(self._now)

    def migrate(self, watch: Watch = unwatched) -> Sequence[str]:
        done = patiently(self._migrated, watch)
        self._shapes.clear()
        ours = [place.table for place in self._tables.ours_to_make]
        made = [*done, *(word for table in ours for word in self._indexed(table, watch))]
        rolled = [self._roll_up(table, watch) for table in ours]
        return [*made, *map(rolled_up, filter(rollups.AT_ONCE.__lt__, rolled))]

    def _migrated(self) -> Sequence[str]:
        with self._working(self._limits.build) as connection:
            done = [
                word
                for place in self._tables.each
                for word in (
                    left_alone(connection, place, self.label)
                    if place.is_the_apps
                    else migrate(connection, place, self.label)
                )
            ]
            for statement in schema.of_an_apps_own(self._tables.each):
                connection.execute(statement)
            return done

    def _indexed(self, table: str, watch: Watch) -> Sequence[str]:
        """On connections of its own: an index that holds up no writer is made outside of transactions."""
        with self._working() as connection:
            if not lacking_indexes(connection, table):
                return []
        with self._translated(), closing(self._connect()) as builder, closing(self._connect()) as looker:
            return build_indexes(builder, looker, table, watch)

    def schema_sql(self) -> str:
        return schema.script(self._tables.each)

    def _examined(self, place: EventTable) -> Iterator[Remark]:
        with self._working(read_only=True) as connection:
            shape = Shape(place, declared(connection, place.table))
            if not shape.declared:
                raise ConfigError(f"there is no table {place.table}", where=self.label, next_step=fitting.MIGRATE)
            yield from self._columns(place, lambda column: misfit(shape, column, self.label))
            if remark := self._migration(
                place, rights.version(connection, place.table), rights.indexes(connection, place.table)
            ):
                yield remark
            yield from rights.rights(connection, place, self.label)
            yield from rights.guarded(connection, place, self.label)

    def rule_shares(self, since: datetime) -> RuleShares | None:
        place = self._traffic
        if not place.is_mapped:
            return None
        with self._working() as connection:
            words = PostgresWords(self._shape(connection, place).declared.get)
            asked = counting(place, words, "@since@").replace("%", "%%").replace("@since@", "%s")
            return shares_of(place, connection.execute(asked, [since]))

    def close(self) -> None:
        self._pool.close()

    def _moment(self, value: Any) -> datetime | None:
        return sql.moment_of(value)

    def _not_there(self, place: EventTable, columns: Sequence[str]) -> Sequence[str]:
        found = self._asked(partial(declared, table=place.table))
        return [column for column in columns if found and column not in found]

    def _add(self, batches: Sequence[Batch]) -> None:
        again(lambda: self._add_once(batches))

    def _add_once(self, batches: Sequence[Batch]) -> None:
        with self._working(self._limits.write) as connection:
            for place, events in batches:
                writing.add(connection, place, self._shape(connection, place), events)

    def _restore(self, batches: Sequence[Batch]) -> int:
        return again(lambda: self._restore_once(batches))

    def _restore_once(self, batches: Sequence[Batch]) -> int:
        with self._working(self._limits.write) as connection:
            for place in self._tables.each:
                rights.must_own(connection, place, self.label)
            return sum(self._restored(connection, place, events) for place, events in batches)

    def _restored(self, connection: Connection, place: EventTable, events: Sequence[Event]) -> int:
        shape = self._shape(connection, place)
        if not is_ours_in_kind(shape):
            return writing.add_theirs(connection, shape, events)
        statement = insert_sql(place, shape, keep_recorded=True) + shape.if_new
        return connection.execute(statement, values(events, place, keep_recorded=True)).rowcount

    def _insert(self, batches: Sequence[Batch]) -> Sequence[Event]:
        from psycopg.errors import UniqueViolation

        with self._working(self._limits.write) as connection:
            shapes = [self._shape(connection, place) for place, _ in batches]
            if other := next((shape for shape in shapes if not is_ours_in_kind(shape)), None):
                raise fitting.cannot_hold_ours(other.place, "its ids or times are of another type")
            if twice := next((shape for shape in shapes if not shape.ids_are_unique), None):
                raise fitting.cannot_hold_ours(
                    twice.place, "it takes an id more than once (it has no unique index on it)"
                )
            try:
                return [
                    event
                    for (place, events), shape in zip(batches, shapes, strict=True)
                    for row in connection.execute(sql.returning(place, shape), values(events, place))
                    if (event := event_of(row, sql.moment_of)) is not None
                ]
            except UniqueViolation:
                raise conflict([event for _, events in batches for event in events]) from None

    def _delete(self, place: EventTable, since: datetime | None, before: datetime, environment: str | None) -> Deleted:
        return again(lambda: self._delete_once(place, since, before, environment))

    def _delete_once(
        self, place: EventTable, since: datetime | None, before: datetime, environment: str | None
    ) -> Deleted:
        """Places in a table are no places in its partitions: there the same one is another row in each."""
        with self._working(self._limits.write) as connection:
            wanted = filters.prunable(since, before, environment)
            where, bound = sql.where(wanted, self._shape(connection, place))
            table, time = qualified(place.table), quoted(place.theirs("occurred_at") or "occurred_at")
            statement = (
                f"WITH oldest AS MATERIALIZED (SELECT tableoid AS t, ctid AS c, {time} AS at FROM {table}{where}"
                f" ORDER BY {time} LIMIT {PRUNED_AT_ONCE}), gone AS (DELETE FROM {table}"
                " WHERE ctid = ANY (ARRAY(SELECT c FROM oldest)) AND (tableoid, ctid) IN (SELECT t, c FROM oldest)"
                " RETURNING 1) SELECT (SELECT count(*) FROM gone), (SELECT max(at) FROM oldest)"
            )
            rows, upto = connection.execute(statement, bound).fetchone() or (0, None)
            return Deleted(rows, self._moment(upto))

    def _read(self, place: EventTable, query: Query) -> Iterator[Event]:
        wanted = filters.of(query, place)
        if wanted is None:
            return
        for row in in_slices(partial(self._slice, place, wanted, query), query.limit):
            if (event := event_of(row, sql.moment_of)) is not None:
                yield event

    def _slice(
        self, place: EventTable, wanted: Sequence[Filter], query: Query, after: After | None, limit: int | None
    ) -> Iterator[Row]:
        some = replace(query, limit=limit)
        return self._stream(place, lambda dialect: select(place, dialect, wanted, some, after), self._limits.slice)

    def _left_out(self, place: EventTable, wanted: Sequence[Filter]) -> Iterator[Row]:
        return self._rows(place, lambda dialect: left_out(place, dialect, wanted))

    def _of_each(self, place: EventTable, asked: Mapping[int, RowQuestion]) -> Iterator[RowAnswer]:
        """By one statement; of a question with very many rows, the rest in slices."""
        first = {number: within(one, TOGETHER) for number, one in asked.items()}
        came: Counter[int] = Counter()
        last: dict[int, After] = {}

        def counted() -> Iterator[Row]:
            for row in self._rows(place, lambda dialect: together(place, dialect, first)):
                came[row[0]] += 1
                last[row[0]] = (row[3], row[2])
                yield row

        yield from self._answered_by(place, asked, counted())
        for number in [one for one in first if first[one] is not asked[one] and came[one] == TOGETHER]:
            yield from (RowAnswer(number, event) for event in self._beyond(place, asked[number].query, last[number]))

    def _beyond(self, place: EventTable, query: Query, after: After) -> Iterator[Event]:
        for row in in_slices(partial(self._slice, place, filters.of(query, place) or (), query), None, after=after):
            if (event := event_of(row, sql.moment_of)) is not None:
                yield event

    def _count(self, place: EventTable, query: Query) -> Iterator[MinuteCount]:
        wanted = filters.of(query, place)
        if wanted is None:
            return
        for row in self._rows(
            place, lambda dialect: minutes(place, dialect, wanted, by_deployment=query.by_deployment)
        ):
            if (counted := minute_count_of(row, sql.moment_of)) is not None:
                yield counted

    def _changed(self, place: EventTable, known: str | None) -> Changes | None:
        self._keep_up(place.table)
        return again(lambda: changes_of(self._asked(partial(rollups.changes, table=place.table, known=known))))

    def _asked(self, ask: Callable[[Connection], Any]) -> Any:
        with self._working() as connection:
            return ask(connection)

    def _keep_up(self, table: str) -> None:
        if monotonic() >= self._rolls_up_at:
            again(lambda: self._roll_up(table))
            self._rolls_up_at = monotonic() + rollups.EVERY

    def _kept_of_each(self, place: EventTable, asked: Sequence[KeptQuestion]) -> Iterator[tuple[int, Kept]] | None:
        self._keep_up(place.table)
        return again(lambda: self._kept_once(place, asked))

    def _settle_counts(self) -> None:
        self._roll_up(self._traffic.table)

    def _roll_up(self, table: str, watch: Watch = unwatched) -> int:
        """Slice by slice, each a transaction of its own; returns how many minutes were counted."""
        done = 0
        while counted := self._rolled_up_some(table):
            done += counted
            if counted < rollups.AT_ONCE:
                break
            left = self._asked(partial(rollups.waiting, table=table))
            watch(Progress("rolling up", done / (done + left)))
        return done

    def _rolled_up_some(self, table: str) -> int:
        with self._working(self._limits.slice) as connection:
            return rollups.roll_up(connection, table)

    def _kept_once(self, place: EventTable, asked: Sequence[KeptQuestion]) -> Iterator[tuple[int, Kept]] | None:
        with self._working() as connection:
            self._shape(connection, place)
            rows = rollups.kept_of_each(connection, place.table, asked)
        hours = ((number, kept_of(row, sql.moment_of(row[0]))) for number, *row in rows or ())
        return None if rows is None else ((number, hour) for number, hour in hours if hour is not None)

    @contextmanager
    def _working(self, within: float | None = None, *, read_only: bool = False) -> Iterator[Connection]:
        """A transaction, each of whose statements may take so many seconds, else as many as an answer may."""
        seconds = self._limits.question if within is None else within
        with (
            self._translated(),
            self._pool.connection() as idle,
            writing.limited(idle, seconds, read_only=read_only) as connection,
        ):
            yield connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        import psycopg

        try:
            yield
        except psycopg.Error as error:
            raise writing.translation(error, self.label) from None

    def _connect(self) -> Connection:
        conninfo = self._pin(self._url.reveal())
        return writing.connect(conninfo, self.label, self._limits.connect)

    def _now(self) -> datetime:
        (moment,) = self._asked(lambda connection: connection.execute("SELECT clock_timestamp()").fetchone())
        return cast("datetime", sql.moment_of(moment))

    def _rows(self, place: EventTable, question: Callable[[Dialect], Bound]) -> Iterator[Row]:
        """The rows of one statement; asked for once more where the connection had gone before the first."""
        stream = self._stream(place, question)
        try:
            first = next(stream, None)
        except writing.Lost:
            stream = self._stream(place, question)
            first = next(stream, None)
        if first is not None:
            yield first
            yield from stream

    def _stream(
        self, place: EventTable, question: Callable[[Dialect], Bound], within: float | None = None
    ) -> Iterator[Row]:
        from psycopg import capabilities

        size = CHUNK if capabilities.has_stream_chunked() else 1
        with self._working(within) as connection:
            shape = self._shape(connection, place)
            statement, parameters = question(sql.dialect(shape))
            with connection.cursor() as cursor:
                yield from cursor.stream(statement, parameters, size=size)

    def _shape(self, connection: Connection, place: EventTable) -> Shape:
        shape = self._shapes.get(place.table)
        if shape is None:
            shape = shape_of(connection, place)
            check_shape(shape, self.label)
            self._shapes[place.table] = shape
        return shape


def _disconnect(connection: Connection) -> None:
    connection.close()
