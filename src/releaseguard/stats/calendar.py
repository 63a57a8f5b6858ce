"""Which moments of the past are comparable with one of today: the same local time, weekday and kind of day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final

from msgspec import Struct

DAY: Final = 24 * 60
SAME_WEEKDAY: Final = 2.0
SAME_KIND: Final = 1.0
OTHER_KIND: Final = 0.5
"""The weights of an earlier day: of the same weekday, another workday or weekend day, or the other kind."""
_WEEKEND: Final = 5


class ComparableDay(Struct, frozen=True):
    """An earlier day: ``shift`` minutes before now it was the same local time; and its weight."""

    shift: int
    weight: float


class Calendar(Struct, frozen=True):
    """A project's time zone and its exceptional days (holidays, sales)."""

    zone: str = "UTC"
    special: frozenset[date] = frozenset()

    def before(self, minute: int, days: int) -> Sequence[ComparableDay]:
        """The ``days`` days before a minute, yesterday first, at the same local time even across a clock change.

        An exceptional day has no weight for a normal one; for an exceptional day, other exceptional days and weekends
        have most.
        """
        now = datetime.fromtimestamp(minute * 60, UTC).astimezone(_zone(self.zone))
        return [self._day(minute, now, number) for number in range(1, days + 1)]

    def _day(self, minute: int, now: datetime, number: int) -> ComparableDay:
        # Wall-clock arithmetic: the same local time so many days before.
        then = (now.replace(tzinfo=None) - timedelta(days=number)).replace(tzinfo=now.tzinfo)
        shift = minute - int(then.timestamp() // 60)
        return ComparableDay(shift, self._weight(now.date(), then.date()))

    def _weight(self, today: date, day: date) -> float:
        if today in self.special:
            return SAME_WEEKDAY if day in self.special or day.weekday() >= _WEEKEND else OTHER_KIND
        if day in self.special:
            return 0.0
        if today.weekday() == day.weekday():
            return SAME_WEEKDAY
        return SAME_KIND if (today.weekday() >= _WEEKEND) is (day.weekday() >= _WEEKEND) else OTHER_KIND


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)


ALL_ALIKE = Calendar()
"""The calendar of a project that configures neither zone nor days."""


def special_days(days: Iterable[str]) -> Sequence[date]:
    """The days in texts such as ``2026-10-29``. Raises ``ValueError`` for any other text."""
    return [date.fromisoformat(day) for day in days]
