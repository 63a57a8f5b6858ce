"""The document that ``status --json`` prints, and what its lines tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from releaseguard.report.health.document import LogRow
from releaseguard.report.rows import BrokenRow, LeakRow, RotationRow, StillUsedRow


class TroubledRow(TypedDict):
    """A provider that is down, silent or degraded."""

    provider: str
    state: str
    reason: str
    since: str | None


class ReleaseRow(TypedDict):
    """A deployment and the newest verdict on it; ``None`` where there is none."""

    release: str
    component: str | None
    deployed_at: str
    verdict: str | None
    judged_at: str | None
    next_step: str


class StatusDocument(TypedDict):
    """What ``status --json`` prints: times are RFC 3339 in UTC, each list the most urgent first."""

    environment: str
    as_of: str
    log: LogRow
    judged: int
    """How many providers could be judged at all."""
    open_leaks: Sequence[LeakRow]
    still_used: Sequence[StillUsedRow]
    """Old values that have worked since a person confirmed that they are revoked."""
    rotations: Sequence[RotationRow]
    """Those that nobody has finished."""
    failing: Sequence[ReleaseRow]
    """Deployments in force whose verdict is FAIL."""
    unjudged: Sequence[ReleaseRow]
    """Deployments of the last day without a verdict, or with one that decides nothing."""
    troubled: Sequence[TroubledRow]
    broken: Sequence[BrokenRow]
    """Histories of rotations that cannot be believed beyond some step."""
