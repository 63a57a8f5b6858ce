"""Rows that stand in several documents; times are RFC 3339 in UTC."""

# No "from __future__ import annotations": as texts, each field's type would be compiled again at every start.

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NotRequired, TypedDict

from releaseguard.model import to_text


class CourseRow(TypedDict):
    """One part of a window."""

    successes: int
    errors: int


class MarkRow(TypedDict):
    """Something that was done to the app: a ``release``, a ``rotation`` that was proven, or a step of one."""

    at: str
    kind: str
    what: str


class StretchRow(TypedDict):
    """The real traffic of one provider in some time; the rate is between 0 and 1, ``None`` without traffic."""

    since: str
    until: str
    successes: int
    errors: int
    error_rate: float | None


class BeforeAfterRow(TypedDict):
    """The same provider before something happened and afterwards."""

    before: StretchRow
    after: StretchRow


class LeakRow(TypedDict):
    """An open leak, with what closes it."""

    provider: str
    environment: str
    rotation_id: str
    unit: str
    reason: str
    versions: Mapping[str, int | None]
    since: str
    contained_at: str | None
    next_step: str


class SecretRow(TypedDict):
    """Which version of a secret took the place of which."""

    name: str
    from_version: int | None
    to_version: int | None


class ProofRow(TypedDict):
    """What proves a new version; ``grade`` is ``None`` where nothing does."""

    grade: str | None
    events: Sequence[str]
    missing: Sequence[str]
    rests_on: NotRequired[str]
    """Grade A: ``label`` (pushed beside the value) or ``fingerprint`` (of what the process really holds)."""


class ConfirmationRow(TypedDict):
    """Somebody's word that the old key is revoked."""

    at: str
    old_successes: int | None


class WithdrawalRow(TypedDict):
    """Who took the report of a leak back, when and why."""

    at: str
    by: str | None
    reason: str
    leak: Mapping[str, int | None]


class RotationRow(TypedDict):
    """One rotation: who, what, when, why, and its proof."""

    rotation_id: str
    provider: str
    environment: str
    unit: str
    state: str
    began_at: str
    changed_at: str
    by: str | None
    origin: str | None
    reason: str | None
    leak: Mapping[str, int | None] | None
    secrets: Sequence[SecretRow]
    proof: ProofRow
    proven_at: str | None
    revoked_at: str | None
    confirmations: Sequence[ConfirmationRow]
    ended_because: str | None
    reported: NotRequired[bool]
    """Whether it is a leak that was reported by itself, and no rotation."""
    withdrawn: NotRequired[WithdrawalRow]
    next_step: NotRequired[str]
    """What goes on with one that nobody has finished; only where these are listed: ``status``, ``health``."""


class StillUsedRow(TypedDict):
    """A row of ``drift --json`` and ``audit show --json``."""

    provider: str
    environment: str
    rotation_id: str
    unit: str
    confirmed_at: str
    successes: int
    last_at: str
    source: str | None
    next_step: str


class BrokenRow(TypedDict):
    """A history that cannot be believed beyond some step."""

    lane: str
    step: int
    problem: str
    next_step: str


class IntegrityRows(TypedDict):
    """What is not believed: rows that claim to be releaseguard's, and histories beyond some step."""

    foreign: Sequence[Mapping[str, Any]]
    broken: Sequence[BrokenRow]


class DueRow(TypedDict):
    """A secret that is due, as in ``drift --json`` and ``health --json``."""

    provider: str
    secret: str
    since: str
    age_s: int
    max_age_s: int
    next_step: str


def stretch(since: datetime, until: datetime, successes: int, errors: int) -> StretchRow:
    """The row of one stretch of time."""
    calls = successes + errors
    return {
        "since": to_text(since),
        "until": to_text(until),
        "successes": successes,
        "errors": errors,
        "error_rate": round(errors / calls, 4) if calls else None,
    }
