"""The hours of a SQLite table as they are kept, of each source and of all servers as one, and what is counted anew.

Questions that are asked together have much in common: what is new or late is looked for once.
"""

# ruff: noqa: S608 - names are quoted (releaseguard_events.stores.names), values are bound

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from operator import attrgetter
from typing import Final

from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.interface import EVERY_COUNT, Needs, Query
from releaseguard.eventlog.rows import filters
from releaseguard.eventlog.rows.decode import minute_count_of
from releaseguard.eventlog.rows.filters import Filter
from releaseguard.eventlog.rows.packing import Packed, is_of_joined, joined, packed
from releaseguard.eventlog.rows.packs import Kept, course_within, kept_of, minute_counts_in
from releaseguard.eventlog.stores import sqlite_sql
from releaseguard.eventlog.stores.counting import counted, traffic_of
from releaseguard.eventlog.stores.questions import conditions
from releaseguard.eventlog.stores.rolling.spans import MinuteSpan, hour_of, hour_text, minute_begun, runs_of
from releaseguard_events.stores.names import bare, beside, qualified, quoted
from releaseguard_events.stores.sqlite import readable_text
from releaseguard_events.stores.table import EventTable

SHORT: Final = 64
"""Bytes of a text that may come again."""
UNTIMED: Final = Needs(is_timed=lambda *_: False)
"""Whatever counts, and not how long it took."""
_KIND = "environment, provider, event, outcome, release, source, synthetic"


@dataclass(frozen=True)
class HourTables:
    """What is kept of one table's hours, from one state of the file."""

    connection: sqlite3.Connection
    place: EventTable
    _late: dict[datetime, list[datetime]] = field(default_factory=dict, init=False)
    _cut: dict[datetime, set[datetime]] = field(default_factory=dict, init=False)
    _counted: defaultdict[datetime | None, dict[datetime, list[MinuteCount]]] = field(
        default_factory=lambda: defaultdict(dict), init=False
    )
    """By the moment of which it is asked what was known: of each minute that was counted, its counts."""

    def asked(self, query: Query, *, detailed: bool) -> list[Kept]:
        """The hours that a question asks for, in order."""
        span, is_joined = MinuteSpan.of(query), is_of_joined(query)
        edges = {minute for at in (query.since, query.until) if at is not None and (minute := minute_begun(at)) != at}
        stale = {at for at in self.waiting | edges | self._cut_by(query) if span.touches(at)}
        late = (at for at in {*self._recorded_late(query), *(self.apart if is_joined else ())} if span.meets(at))
        changed = sorted({*late, *(at.replace(minute=0) for at in stale)})
        cut = set[datetime]() if detailed else span.cut_hours.difference(changed)
        kept = self._whole([*changed, *cut], query, detailed=detailed)
        parts = [part for hour in self._within(cut, query) if (part := course_within(hour, span.first, span.last))]
        timed = Needs(is_timed=query.needs.is_timed) if detailed else UNTIMED
        there = self.details(changed, stale, _of_kind(query), is_joined=is_joined, needs=timed)
        known = None if query.recorded_until is None else minute_begun(query.recorded_until)
        old = (row for row in there if known is None or _learned_before(row, known))
        rows = [row for row in (*old, *self._counted_anew(stale, edges, query)) if span.touches(row.occurred_minute)]
        rows.sort(key=attrgetter("occurred_minute"))
        rows = list(joined(rows)) if is_joined else rows
        since = query.recorded_since and minute_begun(query.recorded_since)
        lately = (one for one in packed(rows) if since is None or one.latest is None or one.latest >= since)
        made = (_as_kept(one, detailed=detailed) for one in lately)
        return sorted((*kept, *parts, *made), key=attrgetter("hour"))

    @cached_property
    def waiting(self) -> Set[datetime]:
        """The minutes that are marked or new."""
        state, touched = quoted(self._name("roll_ups")), quoted(self._name("touched"))
        found = self.connection.execute(
            f"SELECT minute FROM {touched} UNION SELECT DISTINCT substr(occurred_at, 1, 16) FROM {self._events}"
            f" WHERE rowid > (SELECT upto FROM {state}) AND typeof(occurred_at) = 'text'"
        )
        return {at for (text,) in found if (at := sqlite_sql.minute_of(text)) is not None}

    @cached_property
    def apart(self) -> Set[datetime]:
        """The hours that are kept of each source alone, since an older version of ours counted them."""
        each = (f"SELECT hour FROM {quoted(self._name(part))}" for part in ("hours", "joined"))
        found = self.connection.execute(" EXCEPT ".join(each))
        return {at for (text,) in found if (at := hour_of(text)) is not None}

    def _cut_by(self, query: Query) -> Set[datetime]:
        """The minutes of which something was recorded in the very minute that the question cuts, or nobody knows
        when."""
        if query.recorded_until is None:
            return set()
        known = minute_begun(query.recorded_until)
        if known not in self._cut:
            late = self.details(self._recorded_late(query), set(), [], is_joined=True, needs=UNTIMED)
            self._cut[known] = {row.occurred_minute for row in late if row.recorded_minute in (None, known)}
        return self._cut[known]

    def _recorded_late(self, query: Query) -> Sequence[datetime]:
        """The hours of which something was recorded in the minute that the question cuts, or later; and those of which
        only their sources tell."""
        if query.recorded_until is None:
            return ()
        known = minute_begun(query.recorded_until)
        if known not in self._late:
            found = self.connection.execute(
                f"SELECT DISTINCT hour FROM {quoted(self._name('joined'))} WHERE latest IS NULL OR latest >= ?",
                [sqlite_sql.shown_minute(known)],
            )
            self._late[known] = sorted({at for (text,) in found if (at := hour_of(text)) is not None} | self.apart)
        return self._late[known]

    def _counted_anew(self, stale: Set[datetime], edges: Set[datetime], query: Query) -> Iterator[MinuteCount]:
        """The counts of these minutes' rows. Of whole minutes all questions ask alike, but for what tells rows of the
        same action apart."""
        wanted = filters.of(replace(query, recorded_since=None), self.place) or []
        if query.release is not None or query.synthetic is not None:
            yield from self.recounted(stale, wanted)
            return
        yield from self.recounted(stale & edges, wanted)
        known = self._counted[query.recorded_until]
        if new := stale - edges - known.keys():
            known.update((minute, []) for minute in new)
            for row in self.recounted(new, filters.of(Query(recorded_until=query.recorded_until), self.place) or []):
                known[row.occurred_minute].append(row)
        for minute in sorted(stale - edges):
            yield from (row for row in known[minute] if _is_asked_for(row, query))

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
            f"SELECT hour, {_KIND}, {text} FROM {quoted(self._name(_kept_in(query)))}{kind or ' WHERE 1'} AND {asked}"
            " AND (latest >= coalesce(?, '') OR latest IS NULL) ORDER BY hour",
            [*more, *values, since],
        )
        return (hour for row in rows if (hour := kept_of(row, hour_of(row[0]))) is not None)

    def details(
        self,
        hours: Sequence[datetime],
        without: Set[datetime],
        wanted: Sequence[Filter],
        *,
        is_joined: bool = False,
        needs: Needs = EVERY_COUNT,
    ) -> Iterator[MinuteCount]:
        """What these hours hold but for some minutes: of each source, or of all servers as one where that is kept."""
        by_source = [at for at in hours if not is_joined or at in self.apart]
        yield from self._detailed("hours", by_source, without, wanted, needs)
        if is_joined:
            yield from self._detailed("joined", [at for at in hours if at not in self.apart], without, wanted, needs)

    def _detailed(
        self, table: str, hours: Sequence[datetime], without: Set[datetime], wanted: Sequence[Filter], needs: Needs
    ) -> Iterator[MinuteCount]:
        kind, values = sqlite_sql.where(wanted, self.place)
        texts = json.dumps([hour_text(at) for at in hours])
        rows = self.connection.execute(
            f"SELECT hour, {_KIND}, detail FROM {quoted(self._name(table))}"
            f"{kind or ' WHERE 1'} AND hour IN (SELECT value FROM json_each(?)) ORDER BY hour",
            [*values, texts],
        )
        kept = (hour for row in rows if (hour := kept_of(row, hour_of(row[0]))) is not None)
        return (row for row in minute_counts_in(kept, needs) if row.occurred_minute not in without)

    def recounted(self, minutes: Set[datetime], wanted: Sequence[Filter]) -> Iterator[MinuteCount]:
        """The counts of the rows of these minutes. The order of the tables and the index are SQLite's to take."""
        dialect = sqlite_sql.dialect(self.place)
        where, values = conditions(dialect, wanted)
        runs = ((sqlite_sql.shown_minute(first), sqlite_sql.shown_minute(last)) for first, last in runs_of(minutes))
        spans = json.dumps([(first, last + sqlite_sql.PAST) for first, last in runs])
        span = "(SELECT json_extract(value, '$[0]') AS low, json_extract(value, '$[1]') AS high FROM json_each(?))"
        source = f"{span} AS span CROSS JOIN {self._events} INDEXED BY {quoted(f'{bare(self.place.table)}_time')}"
        within = f"{dialect.value('occurred_at')} >= low AND {dialect.value('occurred_at')} < high"
        traffic = traffic_of(dialect, source, f"{within} AND {where}", by_deployment=False)
        with texts_read_once(self.connection):
            for row in self.connection.execute(counted(traffic, dialect.spread), [spans, *values]):
                if (one := minute_count_of(row, sqlite_sql.minute_of)) is not None:
                    yield one

    def _name(self, part: str) -> str:
        return beside(self.place.table, part)

    @property
    def _events(self) -> str:
        return qualified(self.place.table)


class _Texts(dict[bytes, str]):
    """What stands in a file as text, as it is read: names and minutes come many times, and are short."""

    def __missing__(self, stored: bytes) -> str:
        text = readable_text(stored)
        if len(stored) < SHORT:
            self[stored] = text
        return text


@contextmanager
def texts_read_once(connection: sqlite3.Connection) -> Iterator[None]:
    before, connection.text_factory = connection.text_factory, _Texts().__getitem__
    try:
        yield
    finally:
        connection.text_factory = before


def _kept_in(query: Query) -> str:
    """The table whose hours answer a question."""
    return "joined" if is_of_joined(query) else "hours"


def _is_asked_for(row: MinuteCount, query: Query) -> bool:
    """Whether its environment and its provider are."""
    named = query.environment is None or row.environment == query.environment
    return named and (not query.providers or row.provider in query.providers)


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


def _as_kept(one: Packed, *, detailed: bool) -> Kept:
    return Kept(*one[:8], one.detail if detailed else one.course)
