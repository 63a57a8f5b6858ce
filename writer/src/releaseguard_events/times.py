"""Times as text, and lengths of time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta


def utc_now() -> datetime:
    """This machine's clock, aware, in UTC."""
    return datetime.now(UTC)


def to_text(moment: datetime) -> str:
    """RFC 3339 in UTC with six decimals, the form of SQLite's columns: text order is time order."""
    at = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return at.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def from_text(text: str) -> datetime:
    """The inverse of :func:`to_text`; takes any ISO 8601 time with an offset.

    Raises ``ValueError`` for a time without an offset: guessing one would shift every verdict.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset; write 2026-11-24T10:15:00Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is outside the years 1 to 9999") from None


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_LONGEST = timedelta(days=36_525)


def duration(text: str) -> timedelta:
    """``90s``, ``30m``, ``12h``, ``7d``, ``2w`` and their sums (``1h30m``).

    Raises ``ValueError`` for anything else; a bare number has no unit and is refused, and so is more than a century.
    """
    if not re.fullmatch(r"(\d+(\.\d+)?[smhdw])+", text):
        raise ValueError(f"{text!r} is not a duration; write 90s, 30m, 12h, 7d or 1h30m")
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhdw])", text)
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if seconds > _LONGEST.total_seconds():
        raise ValueError(f"{text[:30]!r} is longer than a hundred years")
    return timedelta(seconds=seconds)
