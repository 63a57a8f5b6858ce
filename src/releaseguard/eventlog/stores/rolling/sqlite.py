"""Roll-ups in SQLite: the counts of each hour, beside the table that they count.

A row that is new has a number above the last one that is counted; a deletion or change marks its minute by a trigger.
So the minutes that are to be counted anew are known at any moment, and nothing stands between an app and its insert.
Where the last counted row is no longer the one that it was (the file was vacuumed, its newest rows deleted), numbers
tell nothing, and all is counted anew. See ``docs/adr/0012-roll-ups-behind-marks.md``.
"""

# ruff: noqa: S608 - names are quoted (releaseguard_events.stores.names), values are bound

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from operator import attrgetter
from time import monotonic
from typing import Final

from msgspec import Struct

from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.hours import MINUTES
from releaseguard.eventlog.interface import Changes, Query
from releaseguard.eventlog.rows import filters
from releaseguard.eventlog.rows.decode import minute_count_of
from releaseguard.eventlog.rows.filters import Filter
from releaseguard.eventlog.rows.packing import Packed, packed
from releaseguard.eventlog.rows.packs import Kept, course_within, kept_of, minute_counts_in, rows_in
from releaseguard.eventlog.stores import sqlite_sql
from releaseguard.eventlog.stores.counting import counted, traffic_of
from releaseguard.eventlog.stores.questions import conditions
from releaseguard.eventlog.stores.rolling.spans import MinuteSpan, hour_of, hour_text, minute_begun, runs_of
from releaseguard.eventlog.watching import Progress, Watch, unwatched
from releaseguard.model import OURSELVES
from releaseguard_events.stores.names import bare, beside, qualified, quoted
from releaseguard_events.stores.sqlite import readable_text, transaction
from releaseguard_events.stores.sqlite_schema import mark_names, remembering_names
from releaseguard_events.stores.table import EventTable

LONGEST: Final = 0.25
"""Seconds that counting some minutes may take, in one transaction, for which other writers wait: about."""
FEWEST, MOST = 5, 240
"""Minutes counted in one transaction, whatever that takes."""
PATIENCE: Final = 50
"""Milliseconds that counting waits for other writers; readers count by themselves what it leaves."""
SHORTEST: Final = LONGEST / MOST
"""What counting is taken to last at least."""
SHORT: Final = 64
"""Bytes of a text that may come again."""
_KIND = "environment, provider, event, outcome, release, source, synthetic"


class RollUps(Struct, frozen=True):
    """The roll-ups of one table, by one connection."""

    connection: sqlite3.Connection
    place: EventTable

    def keep_up(self) -> None:
        """Count what changed. Where that may not be, or others write, the rest is left to whoever reads."""
        (before,) = self.connection.execute("PRAGMA busy_timeout").fetchone()
        self.connection.execute(f"PRAGMA busy_timeout = {PATIENCE}")
        try:
            self.catch_up()
        finally:
            self.connection.execute(f"PRAGMA busy_timeout = {before}")

    def catch_up(self, watch: Watch = unwatched) -> None:
        """The same, waiting for other writers as long as the connection does. Few minutes at a time, and fewer where
        they hold many rows; what is marked meanwhile is left to whoever reads, so that this ends."""
        with suppress(sqlite3.OperationalError):
            if not self._are_there() or (self._are_believed() and not self._waiting()):
                return
            self._mark_what_is_new()
            marked, done, at_once = self._marked(), 0, FEWEST
            while done < marked:
                watch(Progress("rolling up", done / marked))
                began = monotonic()
                several = self._count_some(at_once)
                if not several:  # others counted the rest
                    break
                done += several
                at_once = max(FEWEST, min(MOST, round(at_once * LONGEST / max(monotonic() - began, SHORTEST))))

    def _marked(self) -> int:
        (left,) = self.connection.execute(f"SELECT count(*) FROM {quoted(self._name('touched'))}").fetchone()
        return int(left)

    def overcounted(self) -> Sequence[str]:
        """The hours of which more rows are counted than there are: ``INSERT OR REPLACE`` took rows away, which fires no
        trigger. Reads the index of times from end to end."""
        with suppress(sqlite3.OperationalError), _reading(self.connection):
            if self._are_there() and self._are_believed():
                return sorted(hour for hour, rows in self._rows_counted().items() if rows > 0)
        return ()

    def _rows_counted(self) -> Counter[str]:
        """By hour without marks: how many rows more are counted than there are."""
        found, hours = Counter[str](), quoted(self._name("hours"))
        for hour, course in self.connection.execute(f"SELECT hour, course FROM {hours}"):
            found[hour] += rows_in(course)
        there = f"SELECT substr(occurred_at, 1, 13), count(*) FROM {self._events} WHERE typeof(occurred_at) = 'text'"
        for hour, rows in self.connection.execute(f"{there} GROUP BY 1"):
            found[hour] -= rows
        for (hour,) in self.connection.execute(f"SELECT substr(minute, 1, 13) FROM {quoted(self._name('touched'))}"):
            del found[hour]
        return found

    def recount_replaced(self) -> Sequence[str]:
        """Mark all minutes of such hours, to be counted anew; returns the hours."""
        if hours := self.overcounted():
            minutes = [(f"{hour}:{minute:02}",) for hour in hours for minute in range(MINUTES)]
            with transaction(self.connection):
                marked = f"INSERT OR IGNORE INTO {quoted(self._name('touched'))} VALUES (?)"
                self.connection.executemany(marked, minutes)
        return hours

    def kept_of_each(self, asked: Sequence[tuple[Query, bool]]) -> Iterator[tuple[int, Kept]] | None:
        """The hours that each question asks for, with whether it does so in detail, in order and after its number;
        ``None`` where nothing can be believed."""
        try:
            with _reading(self.connection), _texts_read_once(self.connection):
                if not self._are_there() or not self._are_believed():
                    return None
                found = [self._asked(query, detailed=detailed) for query, detailed in asked]
        except sqlite3.OperationalError:
            return None
        return ((number, hour) for number, hours in enumerate(found) for hour in hours)

    def changes(self, known: str | None) -> Changes | None:
        """The minutes whose rows may have changed since an answer that said ``known``: those that are marked or new,
        and those that were counted anew since. ``None`` where nothing can be believed, or that is not kept."""
        seen = int(known) if known is not None else None
        try:
            with _reading(self.connection):
                if not self._are_there(remembering_names(self.place.table)) or not self._are_believed():
                    return None
                return self._changes(seen)
        except sqlite3.OperationalError:
            return None

    def _changes(self, seen: int | None) -> Changes:
        rolled = quoted(self._name("rolled"))
        first, last = self.connection.execute(
            f"SELECT coalesce(min(n), 1), coalesce(max(n), 0) FROM {rolled}"
        ).fetchone()
        if seen is None or not first - 1 <= seen <= last:
            return Changes(str(last), None)
        texts = [text for (text,) in self.connection.execute(f"SELECT minute FROM {rolled} WHERE n > ?", [seen])]
        if None in texts:
            return Changes(str(last), None)
        counted = (at for text in texts if (at := sqlite_sql.minute_of(text)) is not None)
        return Changes(str(last), frozenset((*counted, *self._waiting_minutes())))

    def _are_there(self, more: Sequence[str] = ()) -> bool:
        parts = (bare(self._name(part)) for part in ("touched", "hours", "roll_ups"))
        wanted = [*mark_names(self.place.table), *parts, *more]
        found = self.connection.execute(
            "SELECT count(*) FROM sqlite_master WHERE name IN (SELECT value FROM json_each(?))", [json.dumps(wanted)]
        )
        return bool(found.fetchone() == (len(wanted),))

    def _are_believed(self) -> bool:
        """Whether numbers still tell what is new."""
        last = f"SELECT id FROM {self._events} WHERE rowid = s.upto"
        found = self.connection.execute(
            f"SELECT s.upto = 0 OR coalesce(s.last_id = ({last}), 0) FROM {quoted(self._name('roll_ups'))} s"
        )
        return bool(found.fetchone() == (1,))

    def _waiting(self) -> bool:
        newer = f"SELECT 1 FROM {self._events} WHERE rowid > (SELECT upto FROM {quoted(self._name('roll_ups'))})"
        touched = f"SELECT 1 FROM {quoted(self._name('touched'))}"
        (waiting,) = self.connection.execute(f"SELECT EXISTS ({newer}) OR EXISTS ({touched})").fetchone()
        return bool(waiting)

    def _mark_what_is_new(self) -> None:
        state, touched = quoted(self._name("roll_ups")), quoted(self._name("touched"))
        with transaction(self.connection):
            if not self._are_believed():
                self.connection.execute(f"DELETE FROM {quoted(self._name('hours'))}")
                self.connection.execute(f"INSERT OR REPLACE INTO {state} VALUES (1, 0, NULL)")
            self.connection.execute(
                f"INSERT OR IGNORE INTO {touched} SELECT DISTINCT substr(occurred_at, 1, 16) FROM {self._events}"
                f" WHERE rowid > (SELECT upto FROM {state}) AND provider <> '{OURSELVES}'"
                " AND typeof(occurred_at) = 'text'"
            )
            self.connection.execute(
                f"UPDATE {state} SET (upto, last_id) = (SELECT rowid, id FROM {self._events} ORDER BY rowid DESC"
                f" LIMIT 1) WHERE EXISTS (SELECT 1 FROM {self._events})"
            )

    def _count_some(self, at_once: int) -> int:
        touched = quoted(self._name("touched"))
        with transaction(self.connection):
            found = self.connection.execute(f"SELECT minute FROM {touched} ORDER BY minute DESC LIMIT {at_once}")
            texts = [text for (text,) in found]
            self._count_anew({at for text in texts if (at := sqlite_sql.minute_of(text)) is not None})
            marks = json.dumps(texts)
            self.connection.execute(f"DELETE FROM {touched} WHERE minute IN (SELECT value FROM json_each(?))", [marks])
        return len(texts)

    def _count_anew(self, stale: Set[datetime]) -> None:
        hours = quoted(self._name("hours"))
        changed = sorted({at.replace(minute=0) for at in stale})
        rows = [*self._details(changed, stale, []), *self._recounted(stale, [])]
        rows.sort(key=attrgetter("occurred_minute"))
        texts = json.dumps([hour_text(at) for at in changed])
        self.connection.execute(f"DELETE FROM {hours} WHERE hour IN (SELECT value FROM json_each(?))", [texts])
        marks = ", ".join("?" * len(Packed._fields))
        self.connection.executemany(f"INSERT INTO {hours} VALUES ({marks})", map(_stored, packed(rows)))

    def _asked(self, query: Query, *, detailed: bool) -> list[Kept]:
        wanted = filters.of(replace(query, recorded_since=None), self.place) or []
        span = MinuteSpan.of(query)
        stale = {at for at in self._stale(query) if span.touches(at)}
        changed = sorted({*self._recorded_late(query), *(at.replace(minute=0) for at in stale)})
        cut = set[datetime]() if detailed else span.cut_hours.difference(changed)
        kept = self._whole([*changed, *cut], query, detailed=detailed)
        parts = [part for hour in self._within(cut, query) if (part := course_within(hour, span.first, span.last))]
        rows = [*self._details(changed, stale, _of_kind(query)), *self._recounted(stale, wanted)]
        known = None if query.recorded_until is None else minute_begun(query.recorded_until)
        rows = [row for row in rows if span.touches(row.occurred_minute)]
        if known is not None:
            rows = [row for row in rows if row.occurred_minute in stale or _learned_before(row, known)]
        rows.sort(key=attrgetter("occurred_minute"))
        since = query.recorded_since and minute_begun(query.recorded_since)
        lately = (one for one in packed(rows) if since is None or one.latest is None or one.latest >= since)
        made = (_as_kept(one, detailed=detailed) for one in lately)
        return sorted((*kept, *parts, *made), key=attrgetter("hour"))

    def _stale(self, query: Query) -> set[datetime]:
        """The minutes that are marked or new, those that the question cuts, and those of which something was recorded
        in the very minute that it cuts, or nobody knows when."""
        edges = {minute for at in (query.since, query.until) if at is not None and (minute := minute_begun(at)) != at}
        return self._waiting_minutes() | edges | self._cut(query)

    def _waiting_minutes(self) -> set[datetime]:
        """Those that are marked or new."""
        state, touched = quoted(self._name("roll_ups")), quoted(self._name("touched"))
        found = self.connection.execute(
            f"SELECT minute FROM {touched} UNION SELECT DISTINCT substr(occurred_at, 1, 16) FROM {self._events}"
            f" WHERE rowid > (SELECT upto FROM {state}) AND typeof(occurred_at) = 'text'"
        )
        return {at for (text,) in found if (at := sqlite_sql.minute_of(text)) is not None}

    def _cut(self, query: Query) -> set[datetime]:
        if query.recorded_until is None:
            return set()
        known = minute_begun(query.recorded_until)
        return {
            row.occurred_minute
            for row in self._details(self._recorded_late(query), set(), [])
            if row.recorded_minute is None or row.recorded_minute == known
        }

    def _recorded_late(self, query: Query) -> list[datetime]:
        """The hours of which something was recorded in the minute that the question cuts, or later."""
        if query.recorded_until is None:
            return []
        known = sqlite_sql.shown_minute(query.recorded_until)
        where, values = MinuteSpan.of(query).hours
        found = self.connection.execute(
            f"SELECT DISTINCT hour FROM {quoted(self._name('hours'))}"
            f" WHERE {where} AND (latest IS NULL OR latest >= ?)",
            [*values, known],
        )
        return sorted(at for (text,) in found if (at := hour_of(text)) is not None)

    def _whole(self, without: Sequence[datetime], query: Query, *, detailed: bool) -> Iterator[Kept]:
        """The hours but these, as they are kept."""
        within, values = MinuteSpan.of(query).hours
        left = json.dumps([hour_text(at) for at in without])
        asked = f"{within} AND hour NOT IN (SELECT value FROM json_each(?))"
        return self._kept(query, "detail" if detailed else "course", asked, [*values, left])

    def _within(self, hours: Set[datetime], query: Query) -> Iterator[Kept]:
        """These hours, as they are kept in detail."""
        asked = json.dumps([hour_text(at) for at in hours])
        return self._kept(query, "detail", "hour IN (SELECT value FROM json_each(?))", [asked])

    def _kept(self, query: Query, text: str, asked: str, values: Sequence[object]) -> Iterator[Kept]:
        """Hours of the question's kinds, as they are kept, but those of which nothing was recorded since it asks."""
        kind, more = sqlite_sql.where(_of_kind(query), self.place)
        since = query.recorded_since and sqlite_sql.shown_minute(query.recorded_since)
        rows = self.connection.execute(
            f"SELECT hour, {_KIND}, {text} FROM {quoted(self._name('hours'))}{kind or ' WHERE 1'} AND {asked}"
            " AND (latest >= coalesce(?, '') OR latest IS NULL) ORDER BY hour",
            [*more, *values, since],
        )
        return (hour for row in rows if (hour := kept_of(row, hour_of(row[0]))) is not None)

    def _details(
        self, hours: Sequence[datetime], without: Set[datetime], wanted: Sequence[Filter]
    ) -> Iterator[MinuteCount]:
        kind, values = sqlite_sql.where(wanted, self.place)
        texts = json.dumps([hour_text(at) for at in hours])
        rows = self.connection.execute(
            f"SELECT hour, {_KIND}, detail FROM {quoted(self._name('hours'))}"
            f"{kind or ' WHERE 1'} AND hour IN (SELECT value FROM json_each(?)) ORDER BY hour",
            [*values, texts],
        )
        kept = (hour for row in rows if (hour := kept_of(row, hour_of(row[0]))) is not None)
        return (row for row in minute_counts_in(kept) if row.occurred_minute not in without)

    def _recounted(self, minutes: Set[datetime], wanted: Sequence[Filter]) -> Iterator[MinuteCount]:
        """The counts of the rows of these minutes. The order of the tables and the index are SQLite's to take."""
        dialect = sqlite_sql.dialect(self.place)
        where, values = conditions(dialect, wanted)
        runs = ((sqlite_sql.shown_minute(first), sqlite_sql.shown_minute(last)) for first, last in runs_of(minutes))
        spans = json.dumps([(first, last + sqlite_sql.PAST) for first, last in runs])
        span = "(SELECT json_extract(value, '$[0]') AS low, json_extract(value, '$[1]') AS high FROM json_each(?))"
        source = f"{span} AS span CROSS JOIN {self._events} INDEXED BY {quoted(f'{bare(self.place.table)}_time')}"
        within = f"{dialect.value('occurred_at')} >= low AND {dialect.value('occurred_at')} < high"
        traffic = traffic_of(dialect, source, f"{within} AND {where}", by_deployment=False)
        with _texts_read_once(self.connection):
            for row in self.connection.execute(counted(traffic, dialect.spread), [spans, *values]):
                if (one := minute_count_of(row, sqlite_sql.minute_of)) is not None:
                    yield one

    def _name(self, part: str) -> str:
        return beside(self.place.table, part)

    @property
    def _events(self) -> str:
        return qualified(self.place.table)


@contextmanager
def _reading(connection: sqlite3.Connection) -> Iterator[None]:
    """All answers from one state of the file."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("COMMIT")


class _Texts(dict[bytes, str]):
    """What stands in a file as text, as it is read: names and minutes come many times, and are short."""

    def __missing__(self, stored: bytes) -> str:
        text = readable_text(stored)
        if len(stored) < SHORT:
            self[stored] = text
        return text


@contextmanager
def _texts_read_once(connection: sqlite3.Connection) -> Iterator[None]:
    before, connection.text_factory = connection.text_factory, _Texts().__getitem__
    try:
        yield
    finally:
        connection.text_factory = before


def _of_kind(query: Query) -> list[Filter]:
    """What the question asks of the kinds that are kept."""
    asked = [
        ("environment", "eq", query.environment),
        ("provider", "in", tuple(query.providers) or None),
        ("release", "eq", query.release),
        ("synthetic", "eq", query.synthetic),
    ]
    return [Filter(*one) for one in asked if one[2] is not None]


def _learned_before(row: MinuteCount, minute: datetime) -> bool:
    return row.recorded_minute is not None and row.recorded_minute < minute


def _stored(one: Packed) -> tuple[object, ...]:
    latest = None if one.latest is None else sqlite_sql.shown_minute(one.latest)
    return (
        hour_text(one.hour),
        *one[1:4],
        str(one.outcome),
        *one[5:7],
        int(one.synthetic),
        latest,
        one.course,
        one.detail,
    )


def _as_kept(one: Packed, *, detailed: bool) -> Kept:
    return Kept(*one[:8], one.detail if detailed else one.course)
