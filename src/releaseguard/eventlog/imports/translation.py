"""Turns rows of a team's file into events.

A row becomes an event like an app's call, and is scrubbed the same way. It keeps its id where that is a UUID; otherwise
the id follows from everything in the row, so that importing a file twice counts once.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from uuid import UUID

from releaseguard.errors import UsageError
from releaseguard.eventlog.imports.files import Row
from releaseguard.model import Event, deterministic_id, from_text
from releaseguard_events.note import Note, Resource, event_of, note_of, of_the_app
from releaseguard_events.scrub.scrubber import Scrubber
from releaseguard_events.stores.table import COLUMNS

MARK = "import"
"""The key of ``detail`` under which every row names the import that brought it."""
IN_DETAIL = "detail."
"""The prefix of columns that go into ``detail``: ``detail.plan`` goes under ``plan``."""
AHEAD = timedelta(minutes=10)
"""How far a clock may be ahead."""
_NEEDED = ("occurred_at", "provider", "event", "outcome")
_TEXTS = ("provider", "event", "outcome", "environment", "error_code", "release", "source", "correlation_id")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SINCE_1970 = re.compile(r"(\d{10}|\d{13}|\d{16})(?:\.(\d+))?")
_MICROSECONDS = {10: 1_000_000, 13: 1000, 16: 1}
"""The microseconds in a second, a millisecond and a microsecond, by the number of digits that a time of these years has
in that unit."""
_YES = frozenset({"true", "t", "1", "yes"})
_NO = frozenset({"", "false", "f", "0", "no"})


class NoEvent(ValueError):
    """A row that is not an event; its values are never quoted."""

    def __init__(self, problem: str, column: str | None = None) -> None:
        super().__init__(problem)
        self.column = column


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """How the file's rows become events. ``columns`` maps our columns to the file's; a row without such a column may
    have it under our name, in the file's spelling. ``constants`` are fixed values of our columns."""

    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Our column and a value in the file -> our value."""
    timezone: tzinfo | None = None
    """The zone of times without an offset; ``None``: such rows are broken."""
    environment: str
    """The environment of rows that name none."""
    batch: str
    now: datetime

    def __post_init__(self) -> None:
        for name in [*self.columns, *self.constants, *(column for column, _ in self.values)]:
            if name not in COLUMNS and not (name.startswith(IN_DETAIL) and name != IN_DETAIL):
                raise UsageError(
                    f"{name} is not a column of the event log",
                    next_step=f"The columns are {', '.join(COLUMNS)}, and detail.KEY for one entry of detail.",
                )

    def event(self, row: Row, scrubber: Scrubber, emptied: Counter[str]) -> Event:
        """The event of a row; optional fields that cannot be read are counted in ``emptied``.

        Raises ``NoEvent``, and ``ReservedName`` for a row that claims to be releaseguard's own.
        """
        missing = next((name for name in _NEEDED if self._value(row, name) in (None, "")), None)
        if missing:
            raise NoEvent("there is none", self._theirs(missing))
        note = self._note(row, emptied)
        environment = str(self._value(row, "environment") or self.environment)
        made = event_of(note, Resource(scrubber.identifier(environment)[:200]), scrubber)
        recorded = self._time(row, "recorded_at") or note.occurred_at
        return replace(made, recorded_at=recorded, detail={**made.detail, MARK: self.batch})

    def _note(self, row: Row, emptied: Counter[str]) -> Note:
        listed = next((name for name in _TEXTS if isinstance(self._value(row, name), list | dict)), None)
        if listed:
            raise NoEvent("no text but a list or an object", self._theirs(listed))
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
            raise NoEvent(problem, self._theirs(column)) from None
        at = self._time(row, "occurred_at")
        assert at is not None  # noqa: S101 - looked at before
        return replace(of_the_app(note), id=self._id(row), occurred_at=at)

    @property
    def used(self) -> frozenset[str]:
        """The file's columns that are used."""
        return frozenset((*COLUMNS, *self.columns.values()))

    def _theirs(self, column: str) -> str:
        return self.columns.get(column, column)

    def _value(self, row: Row, column: str) -> Any:
        theirs = self._theirs(column)
        found = row.values[theirs] if theirs in row.values else row.values.get(row.ours.get(column, column))
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
            raise NoEvent(_no_time(str(value)), self._theirs(column)) from None
        if moment > self.now + AHEAD:
            raise NoEvent("is in the future", self._theirs(column))
        return moment

    def _moment(self, text: str) -> datetime:
        if counted := _SINCE_1970.fullmatch(text):
            return _since_1970(*counted.groups(default="0"))
        if self.timezone is not None and (moment := datetime.fromisoformat(text)).tzinfo is None:
            text = moment.replace(tzinfo=self.timezone).isoformat()
        return from_text(text)

    def _flag(self, row: Row) -> bool:
        value = self._value(row, "synthetic")
        text = "" if value is None else str(value).strip().lower()
        if text not in _YES | _NO:
            raise NoEvent("neither true nor false", self._theirs("synthetic"))
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


def _since_1970(whole: str, fraction: str) -> datetime:
    """The time of a Unix clock, whose unit follows from the number of digits."""
    unit = _MICROSECONDS[len(whole)]
    return _EPOCH + timedelta(microseconds=int(whole) * unit + int(float(f"0.{fraction}") * unit))


def _no_time(text: str) -> str:
    """Why a time cannot be read."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return "no time in a form that is taken (write 2026-11-24T10:15:00Z; numbers since 1970 are in --help)"
    return "no time with an offset (see --timezone)"
