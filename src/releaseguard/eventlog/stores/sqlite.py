"""The embedded store: one SQLite file, safe for many processes of one machine at once."""

# ruff: noqa: S608 - names are quoted (schema/names.py), values are bound

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import chain, groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from releaseguard.errors import ConfigError
from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.interface import Changes, Query, RowAnswer, RowQuestion
from releaseguard.eventlog.mapping.words import SqliteWords
from releaseguard.eventlog.rows import filters
from releaseguard.eventlog.rows.decode import Row, event_of, minute_count_of
from releaseguard.eventlog.rows.filters import Filter
from releaseguard.eventlog.rows.packs import Kept
from releaseguard.eventlog.rows.written import as_stored, conflict
from releaseguard.eventlog.stores import sqlite_sql
from releaseguard.eventlog.stores.counting import minutes
from releaseguard.eventlog.stores.pool import Pool
from releaseguard.eventlog.stores.questions import left_out, select, together
from releaseguard.eventlog.stores.rolling.sqlite import MOST, RollUps
from releaseguard.eventlog.stores.slices import After, in_slices
from releaseguard.eventlog.stores.tables import PRUNED_AT_ONCE, Deleted, KeptQuestion, TableLog
from releaseguard.eventlog.watching import Progress, Watch, rolled_up, unwatched
from releaseguard.model import Event, Remark, Standing, from_text, to_text, utc_now
from releaseguard_events.stores import fitting
from releaseguard_events.stores import sqlite as writing
from releaseguard_events.stores import sqlite_schema as schema
from releaseguard_events.stores.fitting import Batch
from releaseguard_events.stores.names import bare, beside, qualified, quoted
from releaseguard_events.stores.table import NEEDED, EventTable

if TYPE_CHECKING:
    from releaseguard.eventlog.mapping.shares import RuleShares

CHUNK = 2000
"""Rows fetched at a time: enough to make the call cheap, few enough to start at once."""
_WHAT_MAKES_IT = """  The first event that is written makes it.
  If it is elsewhere, run this beside releaseguard.toml, and see [events] url there.
  releaseguard init writes that file."""


class SqliteEventLog(TableLog):
    """Events in a SQLite file in WAL mode. An empty file is given the schema when first used, and one that is not there
    is made when something is written: until then it reads as one without rows.

    The store is this machine, so the store's clock is this machine's: read after the write lock is held, which
    makes ``recorded_at`` follow the order of the writes. ``busy_timeout`` is in seconds: how long to wait for
    other writers. ``tell`` is told, when the log is closed, of a file that was read and is not there.
    """

    def __init__(
        self,
        path: Path,
        table: EventTable | None = None,
        *,
        busy_timeout: float = 60.0,
        clock: Callable[[], datetime] = utc_now,
        tell: Callable[[str], None] = lambda _said: None,
    ) -> None:
        super().__init__(table or EventTable())
        self._tell = tell
        self._missed = False
        """Whether something was read while there was no file."""
        self.label = writing.label(path)
        self._path = path
        self._busy_timeout = busy_timeout
        self._clock = clock
        self._made = False
        """Whether a first look here has made the log, and nobody was told."""
        self._known_shapes: set[str] = set()
        self._pool: Pool[sqlite3.Connection] = Pool(self._connect, sqlite3.Connection.close)

    def now(self) -> datetime:
        return self._clock()

    def migrate(self, watch: Watch = unwatched) -> Sequence[str]:
        done = []
        for place in self._tables.each:
            if place.is_the_apps:
                done.append(fitting.left_alone(place))
            else:
                with self._writing() as connection:
                    done += _migrate(connection, place.table, watch)
                    rolled = RollUps(connection, place)
                    if (counted := rolled.catch_up(watch)) > MOST:
                        done.append(rolled_up(counted))
                    if hours := rolled.recount_replaced():
                        done.append(f"counted hours anew of which rows had been replaced, the first of them {hours[0]}")
                        rolled.catch_up(watch)
        return [*self._made_at_first_look(), *done]

    def _made_at_first_look(self) -> Sequence[str]:
        made, self._made = self._made, False
        if not made:
            return ()
        with self._working() as connection:
            return [_created(one) for one in _objects(connection)]

    def schema_sql(self) -> str:
        from releaseguard.eventlog.mapping import view

        ours = [place for place in self._tables.each if not place.is_the_apps]
        views = [statement for place in self._tables.each if place.is_mapped for statement in view.sqlite(place)]
        made = [statement for place in ours for statement in schema.create(place.table)]
        return "".join(f"{statement};\n\n" for statement in (*made, *views))

    def examine(self) -> Iterator[Remark]:
        """The file is opened for reading only, and not made where there is none."""
        writing.check_path(self._path)
        if not self._path.exists() and self._traffic.is_the_apps:
            raise ConfigError(
                f"there is no file, so no table {self._traffic.table} of the app's either",
                where=self.label,
                next_step="Correct [events] url: the file that the app writes its events to.",
            )
        if not self._path.exists():
            yield self._writable(self._path.parent, "there is no file yet; the first event makes it")
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
        with writing.translated(self.label, self._path), closing(self._reading()) as connection:
            found = writing.declared(connection, place.table)
            (objects,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            indexes = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
            versions = quoted(bare(beside(place.table, "schema")))
            there = writing.declared(connection, beside(place.table, "schema"))
            (version,) = connection.execute(f"SELECT max(version) FROM {versions}").fetchone() if there else (None,)
            replaced = () if place.is_the_apps else RollUps(connection, place).overcounted()
        if not objects and not place.is_the_apps:
            yield Remark(Standing.OK, "the file is empty; the first use makes the table", self.label)
            return
        if not found:
            raise ConfigError(f"there is no table {place.table}", where=self.label, next_step=fitting.MIGRATE)
        yield from self._columns(place, lambda column: writing.misfit(found, place, column, self.label))
        if remark := self._migration(place, version, indexes):
            yield remark
        if replaced:
            what = (
                f"the table {place.table} has fewer rows than are counted, in hours since {replaced[0]}: rows were"
                " replaced in another minute (INSERT OR REPLACE), which SQLite tells nobody"
            )
            yield Remark(Standing.WARN, what, self.label, fitting.MIGRATE, "counts")

    def _reading(self) -> sqlite3.Connection:
        """A connection that leaves no trace: of a file that nobody has open, ``immutable`` keeps even the small files
        from being made that readers of a WAL database share."""
        at_rest = not any(self._path.with_name(self._path.name + end).exists() for end in ("-wal", "-journal"))
        mode = "mode=ro&immutable=1" if at_rest else "mode=ro"
        connection = sqlite3.connect(f"{self._path.absolute().as_uri()}?{mode}", uri=True, timeout=5)
        connection.text_factory = writing.readable_text
        return connection

    def rule_shares(self, since: datetime) -> RuleShares | None:
        from releaseguard.eventlog.mapping.shares import counting, shares_of

        place = self._traffic
        if not place.is_mapped:
            return None
        with self._working() as connection:
            self._check_shape(connection, place)
            return shares_of(place, connection.execute(counting(place, SqliteWords(), "?"), [to_text(since)]))

    def close(self) -> None:
        self._pool.close()
        if self._missed and self._is_absent():
            self._tell(f"There is no event log yet at {self.label}, so nothing was found.\n{_WHAT_MAKES_IT}")

    def minute_counts_of_each(
        self, environments: Sequence[str], query: Query
    ) -> Iterator[tuple[str, Iterator[MinuteCount]]]:
        """One reading for all of them: a table that was made without our indexes is scanned once for each query. Where
        hours are kept, those of each environment are read."""
        if len(environments) <= 1 or self._keeps(replace(query, environment=environments[0])):
            yield from super().minute_counts_of_each(environments, query)
            return
        asked = frozenset(environments)
        counted = self._counted(self._traffic, replace(query, environment=None), by_environment=True)
        for environment, rows_of_it in groupby(counted, key=attrgetter("environment")):
            if environment in asked:
                yield environment, rows_of_it

    def _keeps(self, query: Query) -> bool:
        return self._rolled_up(query, detailed=True) is not None

    def _kept_of_each(self, place: EventTable, asked: Sequence[KeptQuestion]) -> Iterator[tuple[int, Kept]] | None:
        with self._working() as connection:
            self._check_shape(connection, place)
            rolled = RollUps(connection, place)
            rolled.keep_up()
            return rolled.kept_of_each(asked)

    def _changed(self, place: EventTable, known: str | None) -> Changes | None:
        with self._working() as connection:
            self._check_shape(connection, place)
            rolled = RollUps(connection, place)
            rolled.keep_up()
            return rolled.changes(known)

    def _moment(self, value: Any) -> datetime | None:
        return sqlite_sql.moment_of(value)

    def _add(self, batches: Sequence[Batch]) -> None:
        self._write(batches, writing.IF_NEW)

    def _restore(self, batches: Sequence[Batch]) -> int:
        return self._write(batches, writing.IF_NEW, keep_recorded=True)[1]

    def _settle_counts(self) -> None:
        with self._working() as connection:
            RollUps(connection, self._traffic).keep_up()

    def _insert(self, batches: Sequence[Batch]) -> Sequence[Event]:
        at = from_text(self._write(batches, "")[0])
        return [as_stored(event, place, at) for place, events in batches for event in events]

    def _delete(self, place: EventTable, since: datetime | None, before: datetime, environment: str | None) -> Deleted:
        where, values = sqlite_sql.where(filters.prunable(since, before, environment), place)
        table, time = qualified(place.table), sqlite_sql.expression(place, "occurred_at")
        some = f"SELECT rowid, {time} FROM {table}{where} ORDER BY {time} LIMIT {PRUNED_AT_ONCE}"
        with self._writing() as connection:
            self._check_shape(connection, place)
            with writing.transaction(connection):
                found = connection.execute(some, values).fetchall()
                connection.executemany(f"DELETE FROM {table} WHERE rowid = ?", [(row,) for row, _ in found])
        return Deleted(len(found), (self._moment(found[-1][1]) or before) if found else None)

    def _not_there(self, place: EventTable, columns: Sequence[str]) -> Sequence[str]:
        with self._working() as connection:
            found = writing.declared(connection, place.table)
        return [column for column in columns if found and column not in found]

    def _read(self, place: EventTable, query: Query) -> Iterator[Event]:
        wanted = filters.of(query, place)
        if wanted is None:
            return
        for row in in_slices(partial(self._slice, place, wanted, query), query.limit):
            if (event := event_of(row, sqlite_sql.moment_of)) is not None:
                yield event

    def _slice(
        self, place: EventTable, wanted: Sequence[Filter], query: Query, after: After | None, limit: int | None
    ) -> Iterator[Row]:
        """A reading that lasts keeps what others write out of the file: in the WAL, which grows."""
        return self._rows(place, *select(place, sqlite_sql.dialect(place), wanted, replace(query, limit=limit), after))

    def _of_each(self, place: EventTable, asked: Mapping[int, RowQuestion]) -> Iterator[RowAnswer]:
        yield from self._answered_by(
            place, asked, self._rows(place, *together(place, sqlite_sql.dialect(place), asked))
        )

    def _left_out(self, place: EventTable, wanted: Sequence[Filter]) -> Iterator[Row]:
        """Like :meth:`examine` on a connection that leaves no trace, since that is what asks for it."""
        if not self._path.exists():
            return
        with writing.translated(self.label, self._path), closing(self._reading()) as connection:
            found = writing.declared(connection, place.table)
            if found or place.is_the_apps:
                writing.check_columns(found, place, self.label)
                yield from connection.execute(*left_out(place, sqlite_sql.dialect(place), wanted))

    def _count(self, place: EventTable, query: Query) -> Iterator[MinuteCount]:
        return self._counted(place, query)

    def _counted(self, place: EventTable, query: Query, *, by_environment: bool = False) -> Iterator[MinuteCount]:
        wanted = filters.of(query, place)
        if wanted is None:
            return
        dialect, by_deployment = sqlite_sql.dialect(place), query.by_deployment
        question = minutes(place, dialect, wanted, by_environment=by_environment, by_deployment=by_deployment)
        for row in self._rows(place, *question):
            if (counted := minute_count_of(row, sqlite_sql.minute_of)) is not None:
                yield counted

    @contextmanager
    def _working(self) -> Iterator[sqlite3.Connection]:
        """A connection to read by: where there is no file, to an empty log in memory, since reading makes none."""
        if not self._is_absent():
            with self._writing() as connection:
                yield connection
            return
        writing.check_path(self._path)
        self._missed = not self._traffic.is_the_apps
        with writing.translated(self.label, self._path), closing(writing.in_memory(self._tables)) as connection:
            yield connection

    def _is_absent(self) -> bool:
        try:
            self._path.stat()
        except FileNotFoundError:
            return True
        except OSError:  # SQLite says better what is wrong there
            return False
        return False

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A connection to the file, which is made where there is none."""
        with writing.translated(self.label, self._path), self._pool.connection() as connection:
            yield connection

    def _connect(self) -> sqlite3.Connection:
        return writing.connect(self._path, self._tables, self._busy_timeout, self._remember_to_tell)

    def _remember_to_tell(self) -> None:
        self._made = True

    def _rows(self, place: EventTable, sql: str, parameters: Sequence[object]) -> Iterator[Row]:
        with self._working() as connection:
            self._check_shape(connection, place)
            with closing(connection.execute(sql, parameters)) as cursor:
                yield from chain.from_iterable(iter(lambda: cursor.fetchmany(CHUNK), []))

    def _write(self, batches: Sequence[Batch], tail: str, *, keep_recorded: bool = False) -> tuple[str, int]:
        """Writes them and returns the ``recorded_at`` that the new ones were given, and how many these are."""
        with self._writing() as connection:
            for place, _ in batches:
                self._check_shape(connection, place)
            try:
                return self._put(connection, batches, tail, keep_recorded=keep_recorded)
            except sqlite3.IntegrityError as error:
                if error.sqlite_errorname in writing.UNIQUE:
                    raise conflict([event for _, events in batches for event in events]) from None
                raise

    def _put(
        self, connection: sqlite3.Connection, batches: Sequence[Batch], tail: str, *, keep_recorded: bool
    ) -> tuple[str, int]:
        with writing.transaction(connection):
            now, new = to_text(self._clock()), 0
            for place, events in batches:
                new += writing.insert(connection, place, events, now, tail, keep_recorded=keep_recorded)
            return now, new

    def _check_shape(self, connection: sqlite3.Connection, place: EventTable) -> None:
        if place.table not in self._known_shapes:
            writing.check_columns(writing.declared(connection, place.table), place, self.label)
            self._known_shapes.add(place.table)


def _migrate(connection: sqlite3.Connection, table: str, watch: Watch) -> list[str]:
    """The table at once; each index of one that holds rows by itself, so that others can write in between."""
    objects = _objects(connection)
    with writing.transaction(connection):
        before = writing.declared(connection, table)
        missing = [column for column in schema.COLUMNS if column not in before] if before else []
        done = [_add_column(connection, table, column) for column in missing]
        for statement in schema.create(table, with_indexes=not before):
            connection.execute(statement)
    building = schema.indexes(table).items() if before else ()
    for number, (name, statement) in enumerate(building):
        watch(Progress(f"index {name}", number / len(building)))
        with writing.transaction(connection):
            connection.execute(statement)
    return done + [_created(one) for one in _objects(connection) if one not in objects]


def _created(one: tuple[str, str]) -> str:
    return f"created {' '.join(one)}"


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
