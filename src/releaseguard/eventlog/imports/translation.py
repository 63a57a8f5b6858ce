"""A team's history from a file: rows of JSON Lines or CSV as events. Streams; what is wrong with a row is a value.

A row becomes an event as an app's call does, scrubbed likewise. It keeps its id, where that is a UUID; else the id
follows from everything that stands in the row, so that a file that is imported twice counts once.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo
from typing import Any, BinaryIO
from uuid import UUID

from releaseguard.errors import UsageError
from releaseguard.model import Event, deterministic_id, from_text
from releaseguard.tomlfile import did_you_mean
from releaseguard_events.note import Note, ReservedName, Resource, event_of, note_of, of_the_app
from releaseguard_events.scrub.scrubber import Scrubber
from releaseguard_events.stores.table import COLUMNS

MARK = "import"
"""The key of ``detail`` under which every row says which import brought it."""
IN_DETAIL = "detail."
"""``detail.plan`` is a column that goes into ``detail`` under ``plan``."""
MOST_BYTES = 1 << 20
"""Of a line."""
NAMED = 20
"""Broken rows that are named; the others are counted."""
DISTINCT = 1000
"""Unknown names and unused columns that are told apart."""
AHEAD = timedelta(minutes=10)
"""How far a clock may be fast."""
_NEEDED = ("occurred_at", "provider", "event", "outcome")
_YES = frozenset({"true", "t", "1", "yes"})
_NO = frozenset({"", "false", "f", "0", "no"})


class BrokenRow(ValueError):
    """A row that is no event; the value itself is never quoted."""

    def __init__(self, problem: str, column: str | None = None) -> None:
        super().__init__(problem)
        self.column = column


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a line, counted from 1."""

    line: int
    column: str | None
    what: str

    @property
    def place(self) -> str:
        return f"line {self.line}{f', column {self.column}' if self.column else ''}"

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"


@dataclass(frozen=True, slots=True)
class Row:
    """A line's values by the file's own names."""

    line: int
    values: Mapping[str, Any]


# --- files ----------------------------------------------------------------------------------------------------


def rows_of_json_lines(file: BinaryIO) -> Iterator[Row | Problem]:
    """One JSON object a line. Raises ``UsageError`` for a file of another form."""
    for number, line in _lines(file):
        if isinstance(line, Problem):
            yield line
        elif number == 1 and line.startswith("["):
            raise UsageError("it is one JSON array", next_step="Make it one object a line: jq -c '.[]' FILE")
        elif line.strip():
            yield _object(number, line)


def rows_of_csv(file: BinaryIO) -> Iterator[Row | Problem]:
    """A heading, then a row a line (or several, in quotes); an empty field is no value. The delimiter is a comma, a
    semicolon or a tab, whichever stands most often in the heading."""
    skipped: deque[Problem] = deque()
    texts = _texts(_lines(file, whole=False), skipped)
    heading = next(texts, "")
    delimiter = max(",;\t", key=heading.count)
    names = _names(heading, delimiter)
    reader = csv.reader(texts, delimiter=delimiter, strict=True)
    while (record := _next_of(reader, names)) is not None:
        yield from _taken(skipped)
        if record:
            yield record
    yield from _taken(skipped)


def _texts(lines: Iterable[tuple[int, str | Problem]], skipped: deque[Problem]) -> Iterator[str]:
    for _, line in lines:
        if isinstance(line, Problem):
            skipped.append(line)
        else:
            yield line


def _taken(skipped: deque[Problem]) -> Iterator[Problem]:
    while skipped:
        yield skipped.popleft()


def _next_of(reader: Any, names: list[str]) -> Row | Problem | tuple[()] | None:
    """The next record, nothing for an empty line, ``None`` at the end."""
    try:
        fields = next(reader)
    except StopIteration:
        return None
    except csv.Error as error:
        return Problem(reader.line_num + 1, None, f"no CSV: {error}")
    return _record(reader.line_num + 1, names, fields) if fields else ()


def _lines(file: BinaryIO, *, whole: bool = True) -> Iterator[tuple[int, str | Problem]]:
    """Lines as text, a byte-order mark left out. ``whole``: one that is too long, or no UTF-8, is a problem."""
    number = 0
    while piece := file.readline(MOST_BYTES + 1):
        number += 1
        if number == 1:
            piece = _without_mark(piece)
        if len(piece) > MOST_BYTES:
            _skip_line(file, piece)
            yield number, Problem(number, None, f"longer than {MOST_BYTES >> 20} MiB")
            continue
        text = piece.decode("utf-8", "surrogateescape")
        yield number, Problem(number, None, "no UTF-8") if whole and not _is_text(text) else text


def _without_mark(piece: bytes) -> bytes:
    if piece.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UsageError("it is UTF-16", next_step="Save it as UTF-8: iconv -f UTF-16 -t UTF-8 FILE")
    return piece.removeprefix(b"\xef\xbb\xbf")


def _skip_line(file: BinaryIO, piece: bytes) -> None:
    while piece and not piece.endswith(b"\n"):
        piece = file.readline(MOST_BYTES)


def _is_text(text: str) -> bool:
    return text.isascii() or not any("\udc80" <= character <= "\udcff" for character in text)


def _object(number: int, line: str) -> Row | Problem:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return Problem(number, None, "no JSON")
    return Row(number, values) if isinstance(values, dict) else Problem(number, None, "no JSON object")


def _names(heading: str, delimiter: str) -> list[str]:
    """What the columns are called. Raises ``UsageError``."""
    try:
        names = next(csv.reader([heading], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        raise UsageError(f"its heading is no CSV: {error}", next_step="Save it as CSV, with line ends.") from None
    doubled = [name for name, times in Counter(names).items() if times > 1]
    if doubled:
        raise UsageError(f"two columns are called {doubled[0]!r}", next_step="Give each a name of its own.")
    return names


def _record(number: int, names: list[str], fields: list[str]) -> Row | Problem:
    if len(fields) != len(names):
        return Problem(number, None, f"{len(fields)} fields, where the heading has {len(names)}")
    unreadable = next((name for name, text in zip(names, fields, strict=True) if not _is_text(text)), None)
    if unreadable is not None:
        return Problem(number, unreadable, "no UTF-8")
    return Row(number, {name: text or None for name, text in zip(names, fields, strict=True)})


READERS: Mapping[str, Callable[[BinaryIO], Iterator[Row | Problem]]] = {"jsonl": rows_of_json_lines, "csv": rows_of_csv}


def form_of(name: str, file: io.BufferedReader) -> str:
    """Which of :data:`READERS` a file is for: by its name's end, else by its first character."""
    ending = name.rpartition(".")[2].lower()
    by_name = {"csv": "csv", "tsv": "csv", "jsonl": "jsonl", "ndjson": "jsonl", "json": "jsonl"}
    first = file.peek(64)[:64].removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return by_name.get(ending) or ("jsonl" if first in (b"{", b"[") else "csv")


# --- rows -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """How the file's rows become events. ``columns`` maps ours to the file's, and a row that has no such column may
    have it under our name; ``constants`` are values of ours."""

    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Our column and a value of the file's -> ours."""
    timezone: tzinfo | None = None
    """Of times without an offset; ``None``: such a row is broken."""
    environment: str
    """Of rows that name none."""
    batch: str
    now: datetime

    def __post_init__(self) -> None:
        for name in [*self.columns, *self.constants, *(column for column, _ in self.values)]:
            if name not in COLUMNS and not (name.startswith(IN_DETAIL) and name != IN_DETAIL):
                raise UsageError(
                    f"{name} is no column of the event log",
                    next_step=f"The columns are {', '.join(COLUMNS)}, and detail.KEY for one entry of detail.",
                )

    def event(self, row: Row, scrubber: Scrubber, emptied: Counter[str]) -> Event:
        """The event; fields that cannot be read and that it can do without are counted in ``emptied``.

        Raises ``BrokenRow``, and ``ReservedName`` for a row that claims to be releaseguard's own.
        """
        missing = next((name for name in _NEEDED if self._value(row, name) in (None, "")), None)
        if missing:
            raise BrokenRow("there is none", self._theirs(missing))
        note = self._note(row, emptied)
        environment = str(self._value(row, "environment") or self.environment)
        made = event_of(note, Resource(scrubber.identifier(environment)[:200]), scrubber)
        recorded = self._time(row, "recorded_at") or note.occurred_at
        return replace(made, recorded_at=recorded, detail={**made.detail, MARK: self.batch})

    def _note(self, row: Row, emptied: Counter[str]) -> Note:
        plain = ("error_code", "release", "source", "correlation_id")
        fields: dict[str, Any] = {name: self._value(row, name) for name in plain}
        fields |= {"latency_ms": self._number(row, emptied), "synthetic": self._flag(row)}
        fields["detail"] = self._detail(row, emptied)
        names = [str(self._value(row, name)) for name in ("provider", "event", "outcome")]
        try:
            note = note_of(*names, **fields)
        except ValueError as error:
            column = str(error).partition(" ")[0]
            problem = "neither success nor error (see --value)" if column == "outcome" else "no name"
            raise BrokenRow(problem, self._theirs(column)) from None
        at = self._time(row, "occurred_at")
        assert at is not None  # noqa: S101 - looked at before
        return replace(of_the_app(note), id=self._id(row), occurred_at=at)

    # --- fields

    @property
    def used(self) -> frozenset[str]:
        """The file's columns that go somewhere."""
        return frozenset((*COLUMNS, *self.columns.values()))

    def _theirs(self, column: str) -> str:
        return self.columns.get(column, column)

    def _value(self, row: Row, column: str) -> Any:
        theirs = self._theirs(column)
        found = row.values[theirs] if theirs in row.values else row.values.get(column)
        value = self.constants.get(column, found)
        return self.values.get((column, str(value)), value) if self.values else value

    def _id(self, row: Row) -> UUID:
        try:
            return UUID(str(self._value(row, "id")))
        except ValueError:
            content = json.dumps(row.values, sort_keys=True, ensure_ascii=True, default=str)
            return deterministic_id("imported", content)

    def _time(self, row: Row, column: str) -> datetime | None:
        value = self._value(row, column)
        if value in (None, ""):
            return None
        try:
            moment = self._moment(str(value))
        except ValueError:
            raise BrokenRow("no time with an offset (see --timezone)", self._theirs(column)) from None
        if moment > self.now + AHEAD:
            raise BrokenRow("lies in the future", self._theirs(column))
        return moment

    def _moment(self, text: str) -> datetime:
        if self.timezone is not None and (moment := datetime.fromisoformat(text)).tzinfo is None:
            text = moment.replace(tzinfo=self.timezone).isoformat()
        return from_text(text)

    def _flag(self, row: Row) -> bool:
        value = self._value(row, "synthetic")
        text = "" if value is None else str(value).strip().lower()
        if text not in _YES | _NO:
            raise BrokenRow("neither true nor false", self._theirs("synthetic"))
        return text in _YES

    def _number(self, row: Row, emptied: Counter[str]) -> float | None:
        value = self._value(row, "latency_ms")
        if value in (None, ""):
            return None
        try:
            number = float(str(value))
        except ValueError:
            number = -1.0
        if not 0 <= number < 2**31:
            emptied[self._theirs("latency_ms")] += 1
            return None
        return number

    def _detail(self, row: Row, emptied: Counter[str]) -> Mapping[str, Any]:
        value = self._value(row, "detail")
        parsed = _json_of(value) if isinstance(value, str) else value
        if parsed is not None and not isinstance(parsed, dict):
            emptied[self._theirs("detail")] += 1
        into = {*self.columns, *self.constants}
        more = {name.removeprefix(IN_DETAIL): self._value(row, name) for name in into if name.startswith(IN_DETAIL)}
        given = {key: item for key, item in more.items() if item is not None}
        return {**(parsed if isinstance(parsed, dict) else {}), **given}


def _json_of(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


# --- the whole file -------------------------------------------------------------------------------------------


@dataclass(slots=True)
class ImportTally:
    """What was found in the file so far. ``strict``: the first broken row ends it, with ``UsageError``."""

    strict: bool = False
    rows: int = 0
    """Events that it gave."""
    broken: int = 0
    first_broken: list[Problem] = field(default_factory=list)
    ours: int = 0
    """Rows that claim to be releaseguard's own."""
    unknown: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Provider and event that no card knows."""
    emptied: Counter[str] = field(default_factory=Counter)
    """The file's columns with fields that could not be read and were left empty."""
    unused: dict[str, None] = field(default_factory=dict)
    """Columns of the file that go nowhere."""
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
            self.unused |= dict.fromkeys(name for name in row.values if name not in used)


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
    """The events of the rows, everything else in ``tally``. ``known``: the events of each provider's card."""
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
        except BrokenRow as broken:
            tally.problem(Problem(row.line, broken.column, str(broken)))
        else:
            tally.event(event, known)
            yield event
