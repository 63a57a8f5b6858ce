"""The minutes and hours that a question is about, as SQLite keeps them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby

from msgspec import Struct

from releaseguard.eventlog.hours import MINUTE, MINUTES
from releaseguard.eventlog.interface import Query
from releaseguard.eventlog.stores import sqlite_sql


class MinuteSpan(Struct, frozen=True):
    """The minutes that a question is about; ``None`` where it has no end."""

    first: datetime | None
    last: datetime | None

    @staticmethod
    def of(query: Query) -> MinuteSpan:
        first, until = (at and minute_begun(at) for at in (query.since, query.until))
        return MinuteSpan(first, until - MINUTE if until and until == query.until else until)

    @property
    def cut_hours(self) -> set[datetime]:
        """The hours of which the question asks for some minutes alone."""
        begins = {self.first} if self.first and self.first.minute else set()
        ends = {self.last} if self.last and self.last.minute != MINUTES - 1 else set()
        return {at.replace(minute=0) for at in begins | ends}

    def touches(self, minute: datetime) -> bool:
        return (self.first is None or minute >= self.first) and (self.last is None or minute <= self.last)

    def meets(self, hour: datetime) -> bool:
        """Whether it asks for any minute of the hour."""
        return self.touches(hour) or (self.first is not None and self.first.replace(minute=0) == hour)

    @property
    def hours(self) -> tuple[str, list[object]]:
        """The condition on kept hours."""
        parts = [("hour >= ?", self.first)] if self.first else []
        parts += [("hour <= ?", self.last)] if self.last else []
        return " AND ".join(["1", *(sql for sql, _ in parts)]), [hour_text(at) for _, at in parts]


def minute_begun(at: datetime) -> datetime:
    """When the minute began."""
    return at.replace(second=0, microsecond=0)


def hour_text(at: datetime) -> str:
    """An hour as it is kept."""
    return sqlite_sql.shown_minute(at)[:13]


def hour_of(text: object) -> datetime | None:
    """The hour that is kept under a text; ``None`` where that is none."""
    return sqlite_sql.minute_of(f"{text}:00")


def runs_of(minutes: Iterable[datetime]) -> Iterator[tuple[datetime, datetime]]:
    """The first and the last of minutes in a row. No time after the last is made: there may be none."""
    ordered = sorted(minutes)
    for _, group in groupby(enumerate(ordered), key=lambda one: one[1] - one[0] * MINUTE):
        run = [minute for _, minute in group]
        yield run[0], run[-1]
