"""The document that ``health --json`` prints, and what all of its renderings tell."""

# No "from __future__ import annotations": as texts, each field's type would be compiled again at every start.

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, TypedDict

from releaseguard import readable
from releaseguard.messages.typed import typed
from releaseguard.report.rows import BrokenRow, CourseRow, DueRow, LeakRow, MarkRow, RotationRow


class LatencyRow(TypedDict):
    """How long half and nearly all calls took, in milliseconds."""

    p50: int
    p95: int


class ErrorCodeRow(TypedDict):
    """An error code and how often it came."""

    code: str
    count: int


class LogRow(TypedDict):
    """Whether the log has stopped, and when its newest event came."""

    down: bool
    newest: str | None


class UnreadableRow(TypedDict):
    """One row that cannot be read."""

    id: str
    column: str
    problem: str
    provider: str | None


class SetAsideRow(TypedDict):
    """Rows that cannot be read; ``sentence`` says so to people."""

    rows: int
    by_provider: Mapping[str, int]
    named: Sequence[UnreadableRow]
    sentence: str | None


class StripRow(TypedDict):
    """The past in equal parts, oldest first; ``None`` where the log does not reach back so far."""

    hours: int
    parts: Sequence[CourseRow | None]


class RecentRow(TypedDict):
    """One row of the log."""

    occurred_at: str
    provider: str
    event: str
    outcome: str
    error_code: str | None
    latency_ms: int | None
    release: str | None
    source: str | None
    synthetic: bool


class HealthRow(TypedDict):
    """One provider. Counts are real traffic of the window; synthetic events are in none of them."""

    provider: str
    name: str
    state: str
    """``healthy``, ``degraded``, ``down``, ``silent``, ``idle`` or ``unknown``."""
    reason: str
    since: str | None
    events: int
    successes: int
    errors: int
    error_rate: float | None
    usual_error_rate: float | None
    expected_events: float | None
    latency_ms: LatencyRow | None
    last_success: str | None
    """Where it lies before the window, to the minute."""
    last_error: str | None
    error_codes: Sequence[ErrorCodeRow]
    course: Sequence[CourseRow]
    expected_course: Sequence[float]
    history: Sequence[StripRow]
    """The last day, week and month."""
    open_leaks: Sequence[LeakRow]
    rotations: Sequence[RotationRow]
    due: Sequence[DueRow]
    """Its secrets that are older than they are to become."""


class HealthDocument(TypedDict):
    """What ``health --json`` prints: times are RFC 3339 in UTC, rates between 0 and 1, the most urgent first."""

    environment: str
    language: str
    """Of the reasons."""
    as_of: str
    window: Sequence[str]
    summary: str
    log: LogRow
    set_aside: SetAsideRow
    """Rows of the log that cannot be read; ``sentence`` says so to people, ``None`` where there are none."""
    providers: Sequence[HealthRow]
    marks: Sequence[MarkRow]
    recent: Sequence[RecentRow]
    """The newest rows of the window, the newest first."""
    foreign: Sequence[Mapping[str, Any]]
    """Rows that claim to be releaseguard's and are not believed."""
    broken: Sequence[BrokenRow]
    """Histories of rotations that cannot be believed beyond some step."""


MOST_FOREIGN = 10
"""Foreign rows that are shown one by one: somebody may have inserted thousands."""
QUIET = ("unknown", "idle")
"""States of providers that share a line where they have nothing else to say."""


def distrusted(document: HealthDocument) -> Sequence[str]:
    """The histories that are broken, and the rows that claim to be ours and are not."""
    lines = [
        f"BROKEN    the history of {one['lane']}: step {one['step']} {one['problem']}. {one['next_step']}"
        for one in document["broken"]
    ]
    foreign = document["foreign"]
    for one in foreign[:MOST_FOREIGN]:
        lane = f" of {one['lane']}" if one["lane"] else ""
        lines.append(f"FOREIGN   {one['event']}{lane}, row {one['id']} of {one['recorded_at'][:19]}Z: {one['problem']}")
    more = len(foreign) - MOST_FOREIGN
    return [*lines, *([f"FOREIGN   and {more} more: releaseguard audit show"] if more > 0 else [])]


def sorted_out(document: HealthDocument) -> tuple[Sequence[HealthRow], Mapping[tuple[str, str], Sequence[HealthRow]]]:
    """The providers of which there is something to tell, and the quiet ones by (state, reason)."""
    told: list[HealthRow] = []
    quiet: dict[tuple[str, str], list[HealthRow]] = {}
    for row in document["providers"]:
        if row["state"] in QUIET and not (row["events"] or opened(row)):
            quiet.setdefault((row["state"], row["reason"]), []).append(row)
        else:
            told.append(row)
    return told, quiet


def clock(moment: str, row: HealthRow) -> str:
    """The time of day, with its day where the provider's newest event is of another one."""
    newest = max(row["last_success"] or "", row["last_error"] or "")
    same_day = moment[:10] == newest[:10] and row["events"]
    return readable.clock(moment, seconds=True) if same_day else readable.date_and_clock(moment)


def opened(row: HealthRow) -> list[str]:
    """Its open leaks, its unfinished rotations, and its secrets that are due."""
    leaks = [
        line
        for leak in row["open_leaks"]
        for line in (f"OPEN LEAK since {leak['since'][:16]}Z: {typed(leak['reason'])}", f"next: {leak['next_step']}")
    ]
    rotations = [
        f"rotation {one['rotation_id']} has been {one['state']} since {one['changed_at'][:16]}Z"
        for one in row["rotations"]
    ]
    due = [
        f"DUE {one['secret']}: {_old(one['age_s'])} old, the limit is {_old(one['max_age_s'])} at most; "
        f"next: {one['next_step']}"
        for one in row["due"]
    ]
    return [*leaks, *rotations, *due]


def _old(seconds: int) -> str:
    return readable.roughly(timedelta(seconds=seconds))
