"""The report of what a leak exposed, as it is kept in the log: names, times and counts, no value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from msgspec import Struct

from releaseguard.model import Event, JsonObject, from_text

EVENT = "leak_exposure"
"""The step of a chain in which an exposure report is kept, with the rotation's id."""


class RecordedAccess(Struct, frozen=True, kw_only=True):
    """Somebody read or changed the secret in the vault."""

    at: str | None = None
    actor: str
    action: str
    secret: str | None = None


class RunWithOldValue(Struct, frozen=True, kw_only=True):
    """A workflow run that was queued with the old value and still has it."""

    place: str | None = None
    url: str
    status: str | None = None
    created_at: str | None = None


class AppShare(Struct, frozen=True, kw_only=True):
    """What share of the installed apps' events comes from releases that hold the old value."""

    secret: str
    events: int = 0
    old_events: int = 0
    share: float | None
    releases: Sequence[str]


class FoundCounts(Struct, frozen=True, kw_only=True):
    """How many were found of what the report keeps the first of."""

    copies: int
    accesses: int
    queued_runs: int
    values: int = 0
    previews: int = 0


class ExposureReport(Struct, frozen=True, kw_only=True):
    """Everything that could be found out. ``unknown`` says what could not, and why."""

    at: str | None = None
    versions: Mapping[str, int | None] = {}
    """The leaked version by secret. Early reports have neither these nor ``at``."""
    used_since: str | None
    """When the leaked version was made, as far as the vault knows."""
    holders: Sequence[str]
    """Destinations that held it when the rotation began."""
    copies: Sequence[str]
    """Copies at places that no configuration names."""
    values: Sequence[str] = ()
    """The same value under other names, in other folders, environments and projects, where that is shown."""
    follow: Sequence[str] = ()
    """What refers to it in the vault, and has the new value by itself."""
    previews: Sequence[str] = ()
    """Deployments from before that can still be reached, and hold it."""
    accesses: Sequence[RecordedAccess]
    queued_runs: Sequence[RunWithOldValue]
    counts: FoundCounts
    use: Mapping[str, Mapping[str, int]]
    """The provider's events since: by source, successes and errors."""
    clients: Sequence[AppShare]
    unknown: Sequence[str]

    def __post_init__(self) -> None:
        if self.versions and self.at is None:
            raise ValueError("a report of versions says when it was made")
        for moment in (self.at, self.used_since):
            if moment is not None:
                from_text(moment)


@dataclass(frozen=True, slots=True)
class StoredExposure:
    """A report that was read from the log."""

    report: ExposureReport
    stored: JsonObject
    """As it stands in the row: what ``audit report --json`` prints."""


def report_in(event: Event) -> StoredExposure | None:
    """The exposure report that a row holds; ``None`` where it holds none."""
    found = event.detail.get("exposure")
    if event.event != EVENT or not isinstance(found, dict):
        return None
    try:
        return StoredExposure(msgspec.convert(found, ExposureReport, strict=True), found)
    except (msgspec.ValidationError, RecursionError):
        return None
