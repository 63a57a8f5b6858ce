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
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import contextmanager, suppress
from datetime import datetime
from operator import attrgetter
from time import monotonic
from typing import Final

from msgspec import Struct

from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.hours import MINUTES
from releaseguard.eventlog.interface import Changes, Query
from releaseguard.eventlog.rows.packing import Packed, joined, packed
from releaseguard.eventlog.rows.packs import Kept, rows_in
from releaseguard.eventlog.stores import sqlite_sql
from releaseguard.eventlog.stores.rolling.spans import hour_text
from releaseguard.eventlog.stores.rolling.sqlite_hours import HourTables, texts_read_once
from releaseguard.eventlog.watching import Progress, Watch, unwatched
from releaseguard.model import OURSELVES
from releaseguard_events.stores.names import bare, beside, qualified, quoted
from releaseguard_events.stores.sqlite import transaction
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

    def catch_up(self, watch: Watch = unwatched) -> int:
        """The same, waiting for other writers as long as the connection does. Few minutes at a time, and fewer where
        they hold many rows; what is marked meanwhile is left to whoever reads, so that this ends. Returns how many
        minutes were counted."""
        done = 0
        with suppress(sqlite3.OperationalError):
            if not self._are_there() or (self._are_believed() and not self._waiting()):
                return done
            self._mark_what_is_new()
            marked, at_once = self._marked(), FEWEST
            while done < marked:
                watch(Progress("rolling up", done / marked))
                began = monotonic()
                several = self._count_some(at_once)
                if not several:  # others counted the rest
                    break
                done += several
                at_once = max(FEWEST, min(MOST, round(at_once * LONGEST / max(monotonic() - began, SHORTEST))))
        return done

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
            with _reading(self.connection), texts_read_once(self.connection):
                if not self._are_there() or not self._are_believed():
                    return None
                tables = HourTables(self.connection, self.place)
                found = [tables.asked(query, detailed=detailed) for query, detailed in asked]
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
        return Changes(str(last), frozenset((*counted, *HourTables(self.connection, self.place).waiting)))

    def _are_there(self, more: Sequence[str] = ()) -> bool:
        parts = (bare(self._name(part)) for part in ("touched", "hours", "joined", "roll_ups"))
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
                for kept in ("hours", "joined"):
                    self.connection.execute(f"DELETE FROM {quoted(self._name(kept))}")
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
        changed = sorted({at.replace(minute=0) for at in stale})
        tables = HourTables(self.connection, self.place)
        rows = [*tables.details(changed, stale, []), *tables.recounted(stale, [])]
        rows.sort(key=attrgetter("occurred_minute"))
        self._keep("hours", changed, rows)
        self._keep("joined", changed, joined(rows))

    def _keep(self, table: str, changed: Sequence[datetime], rows: Iterable[MinuteCount]) -> None:
        """Put what these hours hold in the place of what was kept of them."""
        hours, texts = quoted(self._name(table)), json.dumps([hour_text(at) for at in changed])
        self.connection.execute(f"DELETE FROM {hours} WHERE hour IN (SELECT value FROM json_each(?))", [texts])
        marks = ", ".join("?" * len(Packed._fields))
        self.connection.executemany(f"INSERT INTO {hours} VALUES ({marks})", map(_stored, packed(rows)))

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
