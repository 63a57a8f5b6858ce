"""The values that cross between rooms: events, releases, versions, verdicts. No behaviour of the outside world.

What an app's writer knows of them too is defined in its distribution.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from releaseguard_events.event import (
    NAMESPACE,
    OURSELVES,
    Event,
    JsonObject,
    Outcome,
    deterministic_id,
    from_text,
    new_id,
    to_text,
    utc_now,
)

__all__ = [
    "NAMESPACE",
    "OURSELVES",
    "Event",
    "JsonObject",
    "Outcome",
    "Remark",
    "Standing",
    "Verdict",
    "deterministic_id",
    "duration",
    "from_text",
    "new_id",
    "to_text",
    "utc_now",
]


class Verdict(StrEnum):
    """What a check says. The order of severity is :data:`SEVERITY`, not alphabetical."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    WARN = "warn"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"
    """The check itself broke: nothing is said of the release. Never the verdict over several checks."""


class Standing(StrEnum):
    """How something that was looked at stands."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Remark:
    """What a look at something showed: a sentence, where to look, and for a problem what puts it right."""

    standing: Standing
    what: str
    where: str | None = None
    fix: str | None = None
    about: str = ""
    """A word that tells several remarks about one thing apart."""


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
