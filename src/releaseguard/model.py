"""The values that all rooms share: events, releases, versions, verdicts. Values only, no I/O.

Those that an app's writer needs too are defined in its own distribution.
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
"""The ``source`` of rows that installed apps write."""


def by_phones(source: str | None) -> bool:
    """Whether a row of this ``source`` was written by an installed app, in any spelling: ``Client``, ``client ``."""
    return source is not None and (source == CLIENT or source.strip().casefold() == CLIENT)


class Verdict(StrEnum):
    """What a check concludes. :data:`SEVERITY` orders verdicts by severity; their alphabetical order means nothing."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    WARN = "warn"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"
    """The check itself broke and says nothing about the release. Never the overall verdict."""


class Standing(StrEnum):
    """The state of something that was examined."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Remark:
    """A finding: a sentence, where to look, and for a problem how to fix it."""

    standing: Standing
    what: str
    where: str | None = None
    fix: str | None = None
    about: str = ""
    """A word that tells several remarks about the same thing apart."""
