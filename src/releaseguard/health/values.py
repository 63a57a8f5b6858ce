"""Values of health: what is asked of the log, and what is reported about each provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from msgspec import Struct, field

from releaseguard.eventlog.rows.aside import NOTHING, SetAsideTally
from releaseguard.model import Event
from releaseguard.report.rows import BrokenRow, LeakRow, RotationRow
from releaseguard.rotation.history.account import RotationAccount


class HealthState(StrEnum):
    """A provider's state, the most urgent first."""

    DOWN = "down"
    """Calls are made, and since some moment at least half of them fail."""
    SILENT = "silent"
    """No event arrives although users are there, the log works, and events were expected."""
    DEGRADED = "degraded"
    """More calls fail, or fewer succeed, than chance explains."""
    UNKNOWN = "unknown"
    """The log says too little: no event ever, none from any provider, or too few calls."""
    IDLE = "idle"
    """No event, and none was expected."""
    HEALTHY = "healthy"


TROUBLED = frozenset({HealthState.DOWN, HealthState.SILENT, HealthState.DEGRADED})


class Why(StrEnum):
    """The ground of a state, which determines the sentence of its reason in every language."""

    NO_HISTORY = "no_history"
    """Not one event in the log."""
    LOG_STOPPED = "log_stopped"
    FAILED = "failed"
    """``errors`` of ``events`` since ``Condition.since``, against ``usual``."""
    VOLUME = "volume"
    """``events`` since ``Condition.since``, where ``expected`` were expected."""
    SILENT = "silent"
    ALL_OF_FEW_FAILED = "all_of_few_failed"
    CALLS = "calls"
    """``errors`` of ``events`` in the window, as usual."""
    RECOVERED = "recovered"
    """``errors`` of ``events`` in the window, more than the share ``usual``, but the newest are as usual."""
    CONTRADICTED = "contradicted"
    """``contradicting`` of ``events`` report success with one of ``codes``, which are a failure's."""
    REMOVED = "removed"
    """No event, and the mark of a deployment says that the provider is no longer used."""
    NONE_EXPECTED = "none_expected"
    OTHERS_QUIET = "others_quiet"
    """The other providers too have only the fraction ``usual`` of their usual traffic."""
    BY_CHANCE = "by_chance"
    BROKEN = "broken"
    """It could not be judged: ``problem`` is a bug of ours, with its traceback in ``trace``."""


class Grounds(Struct, frozen=True):
    """The numbers of a reason."""

    why: Why
    events: int = 0
    errors: int = 0
    expected: float = 0.0
    usual: float | None = None
    problem: str = ""
    trace: str | None = None
    contradicting: int = 0
    codes: Sequence[str] = ()


class HealthCondition(Struct, frozen=True):
    """A provider's state and its grounds."""

    state: HealthState
    reason: str
    """One sentence."""
    grounds: Grounds
    since: datetime | None = None
    """About when the trouble began."""


class Latency(Struct, frozen=True):
    """How long the calls of the window took, in milliseconds."""

    p50: int
    p95: int


class Glance(Struct, frozen=True):
    """The newest events, and what the window's events carry."""

    last_success: datetime | None = None
    last_error: datetime | None = None
    latency: Latency | None = None
    error_codes: Sequence[tuple[str, int]] = ()
    """The most frequent ones in the window."""


class Strip(Struct, frozen=True):
    """The past of one provider in equal parts, oldest first."""

    hours: int
    parts: Sequence[tuple[int, int] | None]
    """Successes and errors; ``None`` where the log does not reach back that far."""


class Mark(Struct, frozen=True):
    """Something that was done to the app, shown as a line in charts."""

    at: datetime
    kind: str
    """``release`` or ``rotation``."""
    what: str
    """The release, or the provider whose secret was rotated."""


class ProviderHealth(Struct, frozen=True, kw_only=True):
    """One row of the page. Counts are the window's real traffic, without synthetic events."""

    provider: str
    name: str
    condition: HealthCondition
    successes: int
    errors: int
    usual_share: float | None
    """The usual share of errors, where the history shows it."""
    expected: float | None
    """The events expected in the window from the same time of earlier days."""
    glance: Glance
    course: Sequence[tuple[int, int]]
    """Successes and errors in equal parts of the window, oldest first."""
    expected_course: Sequence[float] = ()
    """The events expected in each of these parts; empty without a history."""
    strips: Sequence[Strip] = ()
    """The last day, week and month."""
    leaks: Sequence[LeakRow] = ()
    """Open leaks, as in ``audit show --json``."""
    rotations: Sequence[RotationRow] = ()
    """Unfinished rotations, in the same form."""


class Overview(Struct, frozen=True, kw_only=True):
    """All providers as of one moment."""

    environment: str
    since: datetime
    until: datetime
    newest: datetime | None
    """The minute of the newest event of any provider."""
    log_down: bool
    providers: Sequence[ProviderHealth] = field(default_factory=tuple)
    """The most urgent first."""
    foreign: Sequence[Mapping[str, Any]] = ()
    """Rows that claim to be ours and are not believed, as in ``audit show --json``."""
    broken: Sequence[BrokenRow] = ()
    """Chains that cannot be believed after some step, in the same form."""
    account: RotationAccount = field(default_factory=lambda: RotationAccount(()))
    """The environment's rotations, believed or not; those of the provider that was asked for."""
    marks: Sequence[Mark] = ()
    """What was done to the app in the window."""
    recent: Sequence[Event] = ()
    """The newest rows of the window, newest first, without our own."""
    set_aside: SetAsideTally = NOTHING
    """The rows since the baseline's beginning that cannot be read."""
    unread: Mapping[str | None, int] = field(default_factory=dict)
    """By provider, the unreadable rows of the window and those without a readable time; ``None``: the provider is
    unreadable."""
    clock_ahead: timedelta = timedelta(0)
    """How far rows of the window are ahead of the log; each of them counts at its recording."""
