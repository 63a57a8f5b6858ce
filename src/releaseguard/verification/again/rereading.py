"""Reads the log again and again, each time only what changed since.

The changes, what is kept and what is read must describe one state of the log: after reading, the log is asked again
what changed, and anything beyond what was read is read too. Where a log cannot tell (a table of the app's own),
everything is read except the time before the window, which is too large to count every ten seconds: it is read once,
and again for the last look, which decides (:attr:`Rereading.is_sure`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeVar

from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.hours import SettledHour
from releaseguard.eventlog.interface import Changes, EventLog, Query
from releaseguard.model import Event
from releaseguard.verification.again.held import MINUTE, HeldRows, Stretch, renewed, to_read

HOUR: Final = timedelta(hours=1)
TRIES: Final = 3
"""How often reading is repeated because the log changed meanwhile; after that everything is read with one question."""
Name = str
T = TypeVar("T")


class CountQuestion(NamedTuple):
    """A question for counts."""

    query: Query
    by_hour: bool = False
    is_past: bool = False
    """Whether it asks about the time before the window."""

    @property
    def span(self) -> Stretch:
        if self.query.until is None:
            raise ValueError("a question that is asked again has an end")
        return Stretch(self.query.since, self.query.until)

    @property
    def unit(self) -> timedelta:
        return HOUR if self.by_hour else MINUTE

    @property
    def moment_of(self) -> Callable[[Any], datetime]:
        return attrgetter("hour" if self.by_hour else "occurred_minute")

    def of(self, span: Stretch) -> Query:
        return replace(self.query, since=span.since, until=span.until)


@dataclass(slots=True)
class Rereading:
    """The counts and rows of one log, for one look after the other."""

    log: EventLog
    is_again: bool
    """Whether there will be another look; if not, nothing is kept."""
    is_sure: bool = field(default=True, init=False)
    """Whether everything told at the last look is as the log had it at that time."""
    settled: Mapping[Name, Sequence[SettledHour]] = field(default_factory=dict, init=False)
    """What came by the hour for each question for minutes, where that was allowed."""
    _upto: str | None = field(default=None, init=False)
    _changed: Set[datetime] | None = field(default=None, init=False)
    """The minutes that changed between the last look and this one; ``None`` where any may have."""
    _counts: Mapping[Name, tuple[Query, HeldRows[Any]]] = field(default_factory=dict, init=False)
    _found: list[tuple[Query, Any]] = field(default_factory=list, init=False)
    """What was found at this look, by question."""
    _found_before: Sequence[tuple[Query, Any]] = field(default=(), init=False)
    _rows: list[tuple[Query, HeldRows[Event]]] = field(default_factory=list, init=False)
    """The rows of this look by question; the question's end is left out, since it moves with the clock."""
    _rows_before: Sequence[tuple[Query, HeldRows[Event]]] = field(default=(), init=False)

    def counts(self, questions: Mapping[Name, CountQuestion]) -> Mapping[Name, Sequence[Any]]:
        """The counts of hours or minutes that answer each question, at a look that begins with this call. What was kept
        for other questions is dropped."""
        if not self.is_again:
            return self._read(questions, {name: [asked.query] for name, asked in questions.items()})
        changes = self.log.changes(self._upto)
        held = self._of_one_state(questions, changes)
        if held is None:
            changes = self.log.changes(None)
            held = self._held(questions, changes)
        self._counts = {name: (questions[name].query, one) for name, one in held.items()}
        self._upto, self._changed = (changes.upto, changes.minutes) if changes else (None, None)
        self._rows_before, self._rows = self._rows, []
        self._found_before, self._found = self._found, []
        self.is_sure = changes is not None
        return {name: one.rows for name, one in held.items()}

    def _of_one_state(
        self, questions: Mapping[Name, CountQuestion], changes: Changes | None
    ) -> Mapping[Name, HeldRows[Any]] | None:
        """What is kept after reading what changed; ``None`` where the log changed further each time."""
        for _ in range(TRIES):
            held = self._held(questions, changes)
            if changes is None or changes.minutes is None:
                return held
            later = self.log.changes(self._upto)
            if later is None or later.minutes is None:
                return None
            if later.minutes <= changes.minutes:
                return held
            changes = later._replace(upto=changes.upto)
        return None

    def _held(self, questions: Mapping[Name, CountQuestion], changes: Changes | None) -> Mapping[Name, HeldRows[Any]]:
        changed = None if changes is None else changes.minutes
        before = {name: self._before(name, asked) for name, asked in questions.items()}
        spans = {
            name: []
            if changes is None and asked.is_past and before[name]
            else to_read(before[name], asked.span, changed)
            for name, asked in questions.items()
        }
        told = self._read(
            questions, {name: [questions[name].of(span) for span in some] for name, some in spans.items()}
        )
        return {
            name: renewed(before[name], asked.span, spans[name], told[name], asked.moment_of, asked.unit)
            for name, asked in questions.items()
        }

    def _before(self, name: Name, asked: CountQuestion) -> HeldRows[Any] | None:
        query, held = self._counts.get(name, (None, None))
        return held if query == asked.query else None

    def _read(
        self, questions: Mapping[Name, CountQuestion], parts: Mapping[Name, Sequence[Query]]
    ) -> Mapping[Name, Sequence[Any]]:
        """All parts of all questions, read with one question to the log."""
        hours = [(name, part) for name, some in parts.items() for part in some if questions[name].by_hour]
        minutes = [(name, part) for name, some in parts.items() for part in some if not questions[name].by_hour]
        told: dict[Name, list[Any]] = {name: [] for name in questions}
        if hours or minutes:
            answers = self.log.counts_of_each([part for _, part in hours], [part for _, part in minutes])
            for (name, _), rows in zip([*hours, *minutes], [*answers.hours, *answers.minutes], strict=True):
                told[name].extend(rows)
            self.settled = {name: rows for (name, _), rows in zip(minutes, answers.settled, strict=False)}
        return told

    def minutes(self, queries: Sequence[Query]) -> Sequence[Sequence[MinuteCount]]:
        """The counts of minutes for additional, rarely asked questions; each is read completely where anything in its
        time changed."""
        known = [self.found_before(query) for query in queries]
        unknown = [query for query, found in zip(queries, known, strict=True) if found is None]
        read = iter(self.log.counts_of_each([], unknown).minutes if unknown else ())
        return [
            self.found(query, next(read) if found is None else found)
            for query, found in zip(queries, known, strict=True)
        ]

    def found_before(self, query: Query) -> Any:
        """What the last look found for a question, where nothing in its time has changed since; else ``None``."""
        span = CountQuestion(query).span
        if self._changed is None or any(span.touches(minute, MINUTE) for minute in self._changed):
            return None
        return next((found for asked, found in self._found_before if asked == query), None)

    def found(self, query: Query, what: T) -> T:
        """Keep what was found for a question, for the next look; returns it."""
        if self.is_again:
            self._found.append((query, what))
        return what

    def unread(self, query: Query) -> Sequence[Query]:
        """The parts of a question for single rows that must be read; :meth:`all_rows` adds the rest."""
        asked = CountQuestion(query)
        return [asked.of(span) for span in to_read(self._rows_held(query), asked.span, self._changed)]

    def all_rows(self, query: Query, parts: Sequence[Query], rows: Iterable[Event]) -> Sequence[Event]:
        """The whole answer to the question, after ``parts`` of it were answered by ``rows``."""
        spans = [CountQuestion(part).span for part in parts]
        held = renewed(self._rows_held(query), CountQuestion(query).span, spans, rows, attrgetter("occurred_at"))
        self._rows.append((_endless(query), held))
        return held.rows

    def _rows_held(self, query: Query) -> HeldRows[Event] | None:
        return next((held for asked, held in self._rows_before if asked == _endless(query)), None)


def _endless(query: Query) -> Query:
    return replace(query, until=None)
