"""The events of a file, and what else was found in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from releaseguard.errors import UsageError
from releaseguard.eventlog.imports.files import Problem, Row
from releaseguard.eventlog.imports.translation import NoEvent, Translation
from releaseguard.model import Event
from releaseguard.tomlfile import did_you_mean
from releaseguard_events.note import ReservedName
from releaseguard_events.scrub.scrubber import Scrubber

NAMED = 20
"""The number of broken rows that are named; the others are only counted."""
DISTINCT = 1000
"""The number of unknown names and unused columns that are listed separately."""


@dataclass(slots=True)
class ImportTally:
    """What was found in the file so far. With ``strict``, the first broken row ends the import with ``UsageError``."""

    strict: bool = False
    rows: int = 0
    """The number of events."""
    broken: int = 0
    first_broken: list[Problem] = field(default_factory=list)
    ours: int = 0
    """The number of rows that claim to be releaseguard's own."""
    unknown: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Provider and event that are on no card."""
    emptied: Counter[str] = field(default_factory=Counter)
    """The file's columns with fields that could not be read and were left empty."""
    unused: dict[str, None] = field(default_factory=dict)
    """The file's columns that are not used."""
    since: datetime | None = None
    until: datetime | None = None

    def problem(self, problem: Problem) -> None:
        if self.strict:
            raise UsageError(
                problem.what,
                where=problem.place,
                next_step="Correct it and run the same again: what is written counts once. Or leave --strict out.",
            )
        self.broken += 1
        if len(self.first_broken) < NAMED:
            self.first_broken.append(problem)

    def event(self, event: Event, known: Mapping[str, frozenset[str]]) -> None:
        self.rows += 1
        self.since = min(self.since or event.occurred_at, event.occurred_at)
        self.until = max(self.until or event.occurred_at, event.occurred_at)
        name = event.provider, event.event
        if event.event not in known.get(event.provider, ()) and (name in self.unknown or len(self.unknown) < DISTINCT):
            self.unknown[name] += 1

    def columns(self, row: Row, used: Collection[str]) -> None:
        if len(self.unused) < DISTINCT:
            taken = {*used, *row.ours.values()}
            self.unused |= dict.fromkeys(name for name in row.values if name not in taken)


def with_columns(rows: Iterable[Row | Problem], wanted: Collection[str]) -> Iterator[Row | Problem]:
    """The rows of a file with a heading. Raises ``UsageError`` where it lacks one of ``wanted``."""
    looked = False
    for row in rows:
        if isinstance(row, Row) and not looked:
            looked = True
            absent = sorted(set(wanted) - row.values.keys())
            if absent:
                raise UsageError(f"there is no column {absent[0]}", next_step=did_you_mean(absent[0], [*row.values]))
        yield row


def events_in(
    rows: Iterable[Row | Problem],
    translation: Translation,
    scrubber: Scrubber,
    known: Mapping[str, frozenset[str]],
    tally: ImportTally,
) -> Iterator[Event]:
    """The events of the rows; everything else is recorded in ``tally``. ``known`` has the events of each provider's
    card."""
    used = translation.used
    for row in rows:
        if isinstance(row, Problem):
            tally.problem(row)
            continue
        tally.columns(row, used)
        try:
            event = translation.event(row, scrubber, tally.emptied)
        except ReservedName:
            tally.ours += 1
        except NoEvent as broken:
            tally.problem(Problem(row.line, broken.column, str(broken)))
        else:
            tally.event(event, known)
            yield event
