"""The values that cross between rooms: events, releases, versions, verdicts. No behaviour of the outside world.

What an app's writer knows of them too is defined in its distribution.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from releaseguard_events.event import (
    NAMESPACE,
    OURSELVES,
    Event,
    JsonObject,
    Outcome,
    deterministic_id,
    new_id,
)
from releaseguard_events.times import duration, from_text, to_text, utc_now

__all__ = [
    "CLIENT",
    "NAMESPACE",
    "OURSELVES",
    "Event",
    "JsonObject",
    "Outcome",
    "Remark",
    "Standing",
    "Verdict",
    "by_phones",
    "deterministic_id",
    "duration",
    "from_text",
    "new_id",
    "to_text",
    "utc_now",
]


CLIENT = "client"
"""The ``source`` of rows written by installed apps."""


def by_phones(source: str | None) -> bool:
    """Whether rows of this ``source`` were written by installed apps, in whatever spelling: ``Client``, ``client ``."""
    return source is not None and (source == CLIENT or source.strip().casefold() == CLIENT)


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
