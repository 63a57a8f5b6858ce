"""What every store does alike: which table a row belongs to, how two tables read as one, what a lost answer means."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from heapq import merge
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

from msgspec import Struct

from releaseguard.errors import ConfigError, ServiceError, Unreachable
from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.hours import HourCount, SettledHour
from releaseguard.eventlog.interface import (
    COSTS,
    Capabilities,
    Changes,
    Conflict,
    CountsOfEach,
    EventLog,
    Query,
    RowAnswer,
    RowQuestion,
    SetAside,
)
from releaseguard.eventlog.rows import filters
from releaseguard.eventlog.rows.decode import Row, event_of, flaw_of, set_aside
from releaseguard.eventlog.rows.filters import Filter
from releaseguard.eventlog.rows.folding import Folding
from releaseguard.eventlog.rows.packs import Kept, asked_for, can_be_read_from, hour_counts_in, settled_and_asked_for
from releaseguard.eventlog.rows.written import are_ours, conflict
from releaseguard.eventlog.watching import Progress, Watch, unwatched
from releaseguard.model import OURSELVES, Event, Remark, Standing
from releaseguard_events.stores import fitting
from releaseguard_events.stores.fitting import Batch
from releaseguard_events.stores.names import VERSION, index_names
from releaseguard_events.stores.table import COLUMNS, EventTable

RESTORED_AT_ONCE = 2_000
"""Rows of one transaction: enough to make it cheap, few enough to hold up no other writer for long."""
PRUNED_AT_ONCE = 2_000
"""Rows of one deletion: none holds a lock for so long that the app would feel it."""
ASKED_AT_ONCE = 400
"""Questions of one statement: SQLite takes 500."""
KeptQuestion = tuple[Query, bool]
"""A question for kept hours, and whether it asks for them in detail."""
SHORTEST = timedelta(microseconds=1)
LONGEST_PAUSE = 1.0
"""Seconds between two deletions or imports, at most."""


class Deleted(Struct, frozen=True):
    """What one deletion did."""

    rows: int
    upto: datetime | None
    """When the youngest of them occurred; ``None`` where none is left to be deleted."""


@contextmanager
def leaving_room() -> Iterator[None]:
    """Wait as long as the block took: in SQLite, where nobody queues, others find the lock free half of the time."""
    began = time.monotonic()
    yield
    time.sleep(min(time.monotonic() - began, LONGEST_PAUSE))


class TableLog(EventLog):
    """An event log in one table, or in two where the app's own table cannot hold our rows."""

    def __init__(self, table: EventTable) -> None:
        self._table = table
        self._tables = fitting.Tables.of(table)
        self._traffic, self._ours = self._tables.traffic, self._tables.ours
        self.capabilities = Capabilities(frozenset(table.present))

    @abstractmethod
    def _read(self, place: EventTable, query: Query) -> Iterator[Event]:
        """The rows of one table, in order."""

    @abstractmethod
    def _moment(self, value: Any) -> datetime | None:
        """A time as the store gives it; ``None`` for what is none."""

    @abstractmethod
    def _left_out(self, place: EventTable, wanted: Sequence[Filter]) -> Iterator[Row]:
        """The rows of one table that :meth:`_read` leaves out and that may be wanted, by id, and maybe others."""

    @abstractmethod
    def _add(self, batches: Sequence[Batch]) -> None:
        """Write what is not there yet."""

    @abstractmethod
    def _insert(self, batches: Sequence[Batch]) -> Sequence[Event]:
        """Write all or nothing and return the rows as stored, in any order.

        Raises ``Conflict`` where an id is taken and ``Unreachable`` where it is unknown whether rows were written.
        """

    @abstractmethod
    def _restore(self, batches: Sequence[Batch]) -> int:
        """Write what is not there yet, with its ``recorded_at``; returns how many rows that were.

        Refuses, also where there are no batches, what may not be done.
        """

    def _settle_counts(self) -> None:
        """Roll up what was restored, that no later reading has to. What that leaves, for whatever reason, is counted by
        whoever reads."""

    def _not_there(self, place: EventTable, columns: Sequence[str]) -> Sequence[str]:
        """Which of ``columns``, by our names, the table has not; none where there is no table."""
        del place, columns
        return ()

    @abstractmethod
    def _delete(self, place: EventTable, since: datetime | None, before: datetime, environment: str | None) -> Deleted:
        """Delete the first few rows of ``place`` that are not ours and occurred from ``since`` to ``before``."""

    def examine(self) -> Iterator[Remark]:
        for place in self._tables.each:
            yield from self._examined(place)
        if (lacking := fitting.lacking_for_ours(self._ours)) is not None:
            what = f"the table {self._ours.table} cannot hold releaseguard's own rows: {lacking}"
            fix = 'Set [events] results_table = "releaseguard_events", then run: releaseguard events migrate'
            yield Remark(Standing.FAIL, what, self.label, fix, "own_rows")

    def _examined(self, place: EventTable) -> Iterator[Remark]:
        """What is to be said of one table, by reading alone."""
        del place
        yield from ()

    def _columns(self, place: EventTable, misfit: Callable[[str], ConfigError | None]) -> Iterator[Remark]:
        """The table's columns, one by one. ``misfit`` says what is wrong with a column that should be there."""
        missing = 0
        for column in COLUMNS:
            error = misfit(column) if place.has(column) else None
            cost = COSTS.get(column)
            free = cost is not None and place.is_the_apps and place.columns.get(column, True) is True
            if not place.has(column) or (isinstance(error, fitting.NoColumn) and free):
                fix = f'Add it, and map it: [events.columns] {column} = "..."'
                what = f"the app's table {place.table} has no {column}: {cost}"
                yield Remark(Standing.WARN, what, self.label, fix, f"{place.table}.{column}")
            elif error is not None:
                yield Remark(Standing.FAIL, error.what, error.where, error.next_step, f"{place.table}.{column}")
            else:
                continue
            missing += 1
        if not missing:
            yield Remark(Standing.OK, f"table {place.table}: all columns", self.label, about=place.table)

    def _migration(self, place: EventTable, version: int | None, indexes: Collection[str] | None) -> Remark | None:
        """What ``events migrate`` would still do. ``indexes``: those that are there; ``None`` where nobody can see."""
        if place.is_the_apps:
            return None
        gone = [] if indexes is None else [name for name in index_names(place.table) if name not in indexes]
        if (version or 0) >= VERSION and not gone:
            return Remark(Standing.OK, f"table {place.table}: no migration pending", self.label, about="migration")
        lacks = f"it lacks {', '.join(gone)}" if gone else f"it is of version {version or 0}, not {VERSION}"
        what = f"a migration of the table {place.table} is pending: {lacks}"
        return Remark(Standing.WARN, what, self.label, fitting.MIGRATE, "migration")

    def lacking(self) -> Sequence[str]:
        assumed = fitting.assumed(self._traffic)
        return self._not_there(self._traffic, assumed) if assumed else ()

    def append(self, events: Sequence[Event]) -> None:
        if events:
            self._add(self._tables.batches(events))

    def restore(self, events: Iterable[Event], *, beside_others: bool = False) -> int:
        stream, new = iter(events), self._restore(())
        while batch := list(islice(stream, RESTORED_AT_ONCE)):
            with leaving_room() if beside_others else nullcontext():
                new += self._restore(self._tables.batches(batch))
        if new and not self._traffic.is_the_apps:
            with suppress(ServiceError):  # the rows are there, and readers count
                self._settle_counts()
        return new

    def append_exclusively(self, events: Sequence[Event]) -> Sequence[Event]:
        if not events:
            return ()
        batches = self._tables.batches(events)
        try:
            stored = self._insert(batches)
        except Unreachable:
            stored = self._settle(batches)
        by_id = {event.id: event for event in stored}
        return tuple(by_id[event.id] for event in events)

    def select(self, query: Query) -> Iterator[Event]:
        """As the interface says; of two tables in one order, as if they were one."""
        wants_traffic, wants_ours = filters.concerns(query)
        if self._ours == self._traffic or not (wants_traffic and wants_ours):
            yield from self._read(self._traffic if wants_traffic else self._ours, query)
            return
        ours = replace(query, providers=(OURSELVES,))
        both = merge(
            self._read(self._traffic, query),
            self._read(self._ours, ours),
            key=_position,
            reverse=query.newest_first,
        )
        yield from islice(both, query.limit)

    def set_aside(self, query: Query) -> Iterator[SetAside]:
        wants_traffic, wants_ours = filters.concerns(query)
        if wants_traffic:
            yield from self._set_aside(self._traffic, query)
        if wants_ours and not (wants_traffic and self._ours == self._traffic):
            yield from self._set_aside(self._ours, query)

    def _set_aside(self, place: EventTable, query: Query) -> Iterator[SetAside]:
        wanted = filters.of(query, place)
        if wanted is None:
            return
        columns = filters.undecidable(wanted, place)
        for row in self._left_out(place, wanted):
            if flaw := flaw_of(row, self._moment, columns):
                yield set_aside(row, self._moment, *flaw, place.stands_in(flaw[0]))

    def answers(self, questions: Sequence[RowQuestion]) -> Iterator[RowAnswer]:
        apart = {number for number, one in enumerate(questions) if self._is_of_two_tables(one)}
        asked = {number: one for number, one in enumerate(questions) if number not in apart}
        for place in self._tables.each:
            here = [number for number, one in asked.items() if self._may_answer(place, one.query)]
            for first in range(0, len(here), ASKED_AT_ONCE):
                some = {number: asked[number] for number in here[first : first + ASKED_AT_ONCE]}
                yield from self._of_each(place, some)
        for number in apart:
            yield from (RowAnswer(number, row) for row in self.select(questions[number].query))

    def _may_answer(self, place: EventTable, query: Query) -> bool:
        return place in self._places(query) and filters.of(query, place) is not None

    def _is_of_two_tables(self, question: RowQuestion) -> bool:
        """Whether the order of its rows runs through both tables."""
        return not question.unreadable and len(self._places(question.query)) > 1

    def _places(self, query: Query) -> Sequence[EventTable]:
        wants_traffic, wants_ours = filters.concerns(query)
        wanted = [self._traffic] * wants_traffic + [self._ours] * wants_ours
        return wanted[:1] if self._ours == self._traffic else wanted

    def _of_each(self, place: EventTable, asked: Mapping[int, RowQuestion]) -> Iterator[RowAnswer]:
        """The rows of one table that answer each question."""
        for number, one in asked.items():
            rows = self._set_aside(place, one.query) if one.unreadable else self._read(place, one.query)
            yield from (RowAnswer(number, row) for row in rows)

    def _answered_by(
        self, place: EventTable, asked: Mapping[int, RowQuestion], rows: Iterable[Row]
    ) -> Iterator[RowAnswer]:
        """The rows of one statement as answers, each of which it gives after the number of its question and how many
        rows it stands for; where they may be, put together."""
        moments = {number: one.alike for number, one in asked.items() if one.alike is not None}
        folding = {number: Folding(some, self._moment) for number, some in moments.items()}
        for number, many, *row in rows:
            if number in folding and folding[number].takes(row, many):
                continue
            if (told := self._told(place, asked[number], row)) is not None:
                yield RowAnswer(number, told, many=many)
        for number, folded in folding.items():
            together = ((event_of(row, self._moment), many) for many, row in folded.together())
            yield from (RowAnswer(number, event, many=many) for event, many in together if event is not None)

    def _told(self, place: EventTable, question: RowQuestion, row: Row) -> Event | SetAside | None:
        """A row as it answers its question; ``None`` where it does not."""
        if not question.unreadable:
            return event_of(row, self._moment)
        wanted = filters.of(question.query, place) or ()
        flaw = flaw_of(row, self._moment, filters.undecidable(wanted, place))
        return set_aside(row, self._moment, *flaw, place.stands_in(flaw[0])) if flaw else None

    def prune(self, before: datetime, environment: str | None = None, watch: Watch = unwatched) -> int:
        """As the interface says; between the transactions the app has room to write."""
        if self._traffic.is_the_apps:
            raise ConfigError(
                f"the table {self._traffic.table} is the app's own: its rows are not ours to delete",
                where="[events.columns]",
                next_step="Prune it with the app's own means; keep the rows whose provider is 'releaseguard'.",
            )
        total, first = 0, None
        since: datetime | None = None
        while True:
            with leaving_room():
                some = self._delete(self._traffic, since, before, environment)
            total += some.rows
            if some.upto is not None:
                first = first or some.upto
                watch(Progress(f"{total:,} events deleted", (some.upto - first) / max(before - first, SHORTEST)))
            elif since is None:
                return total
            since = some.upto  # and from the beginning once more, for what came late behind us

    def minute_counts(self, query: Query) -> Iterator[MinuteCount]:
        wants_traffic, _ = filters.concerns(query)
        if (kept := self._rolled_up(query, detailed=True)) is not None:
            yield from asked_for(kept, query)
        elif wants_traffic:
            yield from self._count(self._traffic, replace(query, newest_first=False, limit=None))

    def _count(self, place: EventTable, query: Query) -> Iterator[MinuteCount]:
        del place
        return super().minute_counts(query)

    def hour_counts(self, query: Query) -> Iterator[HourCount]:
        kept = self._rolled_up(query, detailed=False)
        return super().hour_counts(query) if kept is None else hour_counts_in(kept, query.needs)

    def counts_of_each(self, hours: Sequence[Query], minutes: Sequence[Query]) -> CountsOfEach:
        """From the hours that are kept, by one statement; where they do not answer every question, from the rows."""
        asked = [*((query, False) for query in hours), *((query, True) for query in minutes)]
        may_be = all(self._may_be_kept(replace(query, recorded_since=None)) for query, _ in asked)
        kept = self._kept_of_each(self._traffic, asked) if may_be else None
        if kept is None:
            return super().counts_of_each(hours, minutes)
        courses: list[Sequence[HourCount]] = [[] for _ in hours]
        details: list[Sequence[MinuteCount]] = [[] for _ in minutes]
        settled: list[Sequence[SettledHour]] = [[] for _ in minutes]
        for number, group in groupby(kept, key=itemgetter(0)):
            some = (hour for _, hour in group)
            if number < len(hours):
                courses[number] = list(hour_counts_in(some, hours[number].needs))
                continue
            at, query = number - len(hours), minutes[number - len(hours)]
            if query.needs.settles is None:
                details[at] = list(asked_for(some, query))
            else:
                settled[at], details[at] = settled_and_asked_for(some, query, query.needs.settles)
        return CountsOfEach(courses, details, settled)

    def _kept_of_each(self, place: EventTable, asked: Sequence[KeptQuestion]) -> Iterator[tuple[int, Kept]] | None:
        """What the store keeps of the hours of ``place``, in order, after the number of the question that it answers;
        ``None`` where it keeps none."""
        del place, asked
        return None

    def changes(self, known: str | None) -> Changes | None:
        return None if self._traffic.is_the_apps else self._changed(self._traffic, known)

    def _changed(self, place: EventTable, known: str | None) -> Changes | None:
        """The same of one table of ours; ``None`` where that is not kept."""
        del place, known
        return None

    def _may_be_kept(self, query: Query) -> bool:
        wants_traffic, _ = filters.concerns(query)
        return wants_traffic and not self._traffic.is_the_apps and can_be_read_from(query)

    def _rolled_up(self, query: Query, *, detailed: bool) -> Iterator[Kept] | None:
        """The hours that answer the question; ``None`` where rows have to be counted."""
        may_be = self._may_be_kept(query)
        kept = self._kept_of_each(self._traffic, [(query, detailed)]) if may_be else None
        return None if kept is None else (hour for _, hour in kept)

    def _settle(self, batches: Sequence[Batch]) -> Sequence[Event]:
        """After a lost answer: look first, and repeat the write only where nothing of it is there."""
        found = self._look_up(batches)
        if not found:
            try:
                return self._insert(batches)
            except Conflict:
                # Either somebody else was quicker, or our first request arrived after we had looked.
                found = self._look_up(batches)
        if all(are_ours(found, events, place) for place, events in batches):
            return found
        raise conflict([event for _, events in batches for event in events])

    def _look_up(self, batches: Sequence[Batch]) -> list[Event]:
        return [
            event for place, events in batches for event in self._read(place, Query(ids=[event.id for event in events]))
        ]


def _position(event: Event) -> tuple[object, int]:
    return event.occurred_at, event.id.int
