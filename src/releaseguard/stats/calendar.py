"""Which moments of the past are like one of today: the same local hour, weekday and kind of day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final

from msgspec import Struct

DAY: Final = 24 * 60
SAME_WEEKDAY: Final = 2.0
SAME_KIND: Final = 1.0
OTHER_KIND: Final = 0.5
"""What a previous day counts for: one of the same weekday, another workday or weekend day, one of the other kind."""
_WEEKEND: Final = 5


class ComparableDay(Struct, frozen=True):
    """A previous day: ``shift`` minutes before now it was the same local time, and what it counts for."""

    shift: int
    weight: float


class Calendar(Struct, frozen=True):
    """The zone of a project and its known days that are not like others (holidays, sales)."""

    zone: str = "UTC"
    special: frozenset[date] = frozenset()

    def before(self, minute: int, days: int) -> Sequence[ComparableDay]:
        """The ``days`` days before a minute, yesterday first: at the same local time, also across a change of clocks.

        A special day counts for nothing on an ordinary one; on a special day other special days and weekends are
        nearest.
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
"""Of a project that says nothing of its place and its days."""


def special_days(days: Iterable[str]) -> Sequence[date]:
    """The days as they are written, such as ``2026-10-29``. Raises ``ValueError`` for what is none."""
    return [date.fromisoformat(day) for day in days]
