"""The report of what a leak exposed, as kept in the log: names, times and counts, no values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from msgspec import Struct

from releaseguard.model import Event, JsonObject, from_text

EVENT = "leak_exposure"
"""The step of a chain that holds an exposure report, with the rotation's id."""


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
    """The share of the installed apps' events that come from releases with the old value."""

    secret: str
    events: int = 0
    old_events: int = 0
    share: float | None
    releases: Sequence[str]


class FoundCounts(Struct, frozen=True, kw_only=True):
    """How many entries were found of each kind, of which the report keeps the first."""

    copies: int
    accesses: int
    queued_runs: int
    values: int = 0
    previews: int = 0


class ExposureReport(Struct, frozen=True, kw_only=True):
    """Everything that could be found out; ``unknown`` says what could not, and why."""

    at: str | None = None
    versions: Mapping[str, int | None] = {}
    """The leaked version by secret. The earliest reports have neither these nor ``at``."""
    used_since: str | None
    """When the leaked version was created, where the vault knows it."""
    holders: Sequence[str]
    """Destinations that held it when the rotation began."""
    copies: Sequence[str]
    """Copies at places that the configuration does not name."""
    values: Sequence[str] = ()
    """The same value under other names, in other folders, environments and projects, where these show values."""
    follow: Sequence[str] = ()
    """References in the vault, which take the new value by themselves."""
    previews: Sequence[str] = ()
    """Earlier deployments that can still be reached, and hold it."""
    accesses: Sequence[RecordedAccess]
    queued_runs: Sequence[RunWithOldValue]
    counts: FoundCounts
    use: Mapping[str, Mapping[str, int]]
    """The provider's events since then: successes and errors by source."""
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
    """The report as stored in the row, which ``audit report --json`` prints."""


def report_in(event: Event) -> StoredExposure | None:
    """The exposure report in a row; ``None`` where it holds none."""
    found = event.detail.get("exposure")
    if event.event != EVENT or not isinstance(found, dict):
        return None
    try:
        return StoredExposure(msgspec.convert(found, ExposureReport, strict=True), found)
    except (msgspec.ValidationError, RecursionError):
        return None
