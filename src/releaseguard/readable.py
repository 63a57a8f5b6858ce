"""Durations, times, numbers and shares as text for people. Times are in UTC.

Languages other than English are written by :mod:`releaseguard.messages.localizer`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

_SIZES: Final = {"d": 86400, "h": 3600, "min": 60, "s": 1}
UNITS: Final = tuple(_SIZES)
_IN_FLAGS: Final = {"d": 1440, "h": 60, "m": 1}
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")


def roughly(time: timedelta, units: Sequence[str] = UNITS) -> str:
    """A duration in the largest unit of which it has at least two, else in the smallest: ``3 d``, ``26 h``, ``90 min``,
    ``40 s``."""
    seconds = max(time.total_seconds(), 0)
    unit = next((unit for unit in units[:-1] if seconds >= 2 * _SIZES[unit]), units[-1])
    return f"{seconds / _SIZES[unit]:.0f} {unit}"


def minutes(time: timedelta) -> str:
    """A duration in minutes, however long: ``12 min``."""
    return roughly(time, ("min",))


def seconds(time: timedelta) -> str:
    """A duration in seconds, however long: ``90 s``."""
    return roughly(time, ("s",))


def hours_and_minutes(time: timedelta) -> tuple[int, int]:
    """Whole hours and the remaining minutes, rounded; a negative duration counts as zero."""
    return divmod(max(round(time / timedelta(minutes=1)), 0), 60)


def exactly(time: timedelta) -> str:
    """A duration in its two largest units: ``2 h 5 min``, ``12 min 4 s``, ``40 s``; a negative one has a minus sign."""
    rest, parts = abs(round(time.total_seconds())), []
    for unit, size in _SIZES.items():
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
    sign = "-" if time < timedelta(0) and parts else ""
    return sign + " ".join(parts[:2] or ["0 s"])


def as_flag(time: timedelta) -> str:
    """Whole minutes in the form of flags and settings: ``28d``, ``12h``, ``30m``."""
    whole = round(time / timedelta(minutes=1))
    unit = next(unit for unit, size in _IN_FLAGS.items() if whole % size == 0)
    return f"{whole // _IN_FLAGS[unit]}{unit}"


def clock(moment: datetime | str, *, seconds: bool = False, zone: str = "Z") -> str:
    """The time of day, ``10:15Z``, or with seconds ``10:15:09Z``. A text must be RFC 3339."""
    return _in_utc(moment).strftime("%H:%M:%S" if seconds else "%H:%M") + zone


def date_and_clock(moment: datetime | str, *, seconds: bool = False, zone: str = "Z") -> str:
    """Date and time of day: ``2026-11-24 10:15Z``."""
    return f"{_in_utc(moment):%Y-%m-%d} {clock(moment, seconds=seconds, zone=zone)}"


def to_the_second(moment: str) -> str:
    """An RFC 3339 time in UTC without its fraction of a second: ``2026-11-24T10:15:09Z``."""
    return f"{_in_utc(moment):%Y-%m-%dT%H:%M:%SZ}"


def clock_on(day: datetime | str, moment: datetime | str, *, seconds: bool = False) -> str:
    """The time of day; with its date where that differs from the date of ``day``."""
    same = _in_utc(day).date() == _in_utc(moment).date()
    return clock(moment, seconds=seconds) if same else date_and_clock(moment, seconds=seconds)


def count(number: int, noun: str) -> str:
    """A number with its noun: ``1 call``, ``2 calls``, ``2 successes``; for nouns with a regular plural."""
    return agree(number, noun, f"{noun}es" if noun.endswith("s") else f"{noun}s")


def agree(number: int, one: str, many: str) -> str:
    """A number with words that depend on it: ``1 row says``, ``2 rows say``."""
    return f"{number} {one if number == 1 else many}"


def share(part: float) -> str:
    """A fraction as a percentage: ``4.2%``."""
    return f"{part:.1%}"


def abbreviated(release: str) -> str:
    """A release for display: the first twelve characters of a commit, which every command accepts; any other name in
    full."""
    return release[:12] if _COMMIT.fullmatch(release) else release


def _in_utc(moment: datetime | str) -> datetime:
    known = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return known.astimezone(UTC)
