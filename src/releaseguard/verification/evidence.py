"""What a finding rests on, for each kind of check: the parts of ``checks[].evidence`` of a verdict's document.

A field that is ``UNSET`` is not in the document. Times are RFC 3339 in UTC, shares between 0 and 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from releaseguard.stats.silence import SilenceCause

MOST_IDS = 5
"""Rows whose ids are shown."""
Interval = Sequence[float]
"""The lower and the upper bound."""


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """The earlier run that found a failure."""

    run: str
    at: str


@dataclass(frozen=True, slots=True)
class AcceptedBy:
    """Who accepted the check for this deployment, why, and what it says by itself."""

    reason: str
    at: str
    by: str
    verdict: str


@dataclass(frozen=True, slots=True)
class WorstHit:
    """The group of rows that fails most, and what holds for all others."""

    field: str
    """``source``, or a key of ``detail``."""
    value: str
    events: int
    errors: int
    elsewhere_events: int
    elsewhere_errors: int


@dataclass(frozen=True, slots=True)
class ErrorHit:
    """What a failing release's errors have in common."""

    error_codes: Mapping[str, int]
    worst: WorstHit | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the evidence of every kind of check may hold."""

    silence_cause: SilenceCause | UnsetType | None = UNSET
    event_ids: Sequence[str] | UnsetType = UNSET
    """Of up to :data:`MOST_IDS` rows."""
    set_aside: int | UnsetType = UNSET
    """Rows of the provider that cannot be read."""
    recorded: RecordedRun | UnsetType = UNSET
    hit: ErrorHit | UnsetType = UNSET
    accepted: AcceptedBy | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class FinalLookEvidence:
    """The test at the end of the window: when it was held, and what it gave."""

    at: str
    probability: float
    needed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedOn:
    """What had been seen at the look that failed the rule."""

    since: str
    events: int
    errors: int | UnsetType = UNSET
    expected: float | UnsetType = UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleEvidence(Evidence):
    """What every rule that is judged by statistics shows."""

    checklist_e_value: float
    threshold: float
    last_look: FinalLookEvidence | None
    failed_at: str | None
    failed_on: FailedOn | None


@dataclass(frozen=True, slots=True)
class UsualErrors:
    """The usual share of errors, as it is shown."""

    events: int
    errors: int
    share: float
    bound: float


@dataclass(frozen=True, slots=True)
class AtThisTime:
    """Events and errors in minutes that have their own usual share, as those of a batch have."""

    events: int
    errors: int
    usual: float


@dataclass(frozen=True, slots=True)
class OtherReleases:
    """Events and errors of other releases since the deployment."""

    events: int
    errors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalEvidence(RuleEvidence):
    """Of a share of errors."""

    window: Sequence[str]
    events: int
    errors: int
    error_share: float | None
    interval: Interval
    baseline: UsualErrors
    limit: float
    e_value: float
    other_releases: OtherReleases
    tagged: int
    needed_events: int | None
    needed_minutes: float | None
    unknown_events: Mapping[str, int]
    began_before_deployment: bool
    ceiling: float | None
    """The share that fails a release whatever was before it."""
    at_this_time: AtThisTime | None
    """What is not part of ``events``: the minutes of a batch that always fails in part."""
    level_before: float | None
    """The share of errors of an incident that began before the deployment."""
    would_change: str


@dataclass(frozen=True, slots=True)
class UsualVolume:
    """The usual volume, as it is shown."""

    events: int
    days: int
    dispersion: float


@dataclass(frozen=True, slots=True)
class RowsPerAction:
    """How many rows an action, which is a correlation id, wrote before the release and writes with it."""

    usual: float
    now: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeRuleEvidence(RuleEvidence):
    """Of a volume."""

    window: Sequence[str]
    events: int
    expected: float
    ratio: float | None
    interval: Interval | None
    baseline: UsualVolume
    max_drop: float | None
    max_rise: float | None
    e_value: float
    complete_minutes: int
    since_minute: int | None
    needed_events: int | None
    needed_minutes: float | None
    began_before_deployment: bool
    rows_per_action: RowsPerAction | None
    would_change: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseTagEvidence(Evidence):
    """Of events that carry the deployed release."""

    window: Sequence[str]
    tagged: int
    untagged: int
    other_releases: int
    interval: Interval
    needed_events: int | UnsetType | None = UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyEvidence(Evidence):
    """Of successes that are slower than usual."""

    window: Sequence[str]
    events: int
    slow: int
    """Of them, those above ``limit_ms``."""
    limit_ms: int
    """The 95th percentile before the release, at this time of day."""
    usual_share: float
    median_ms: int | None
    e_value: float
    needed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacyEvidence(Evidence):
    """Of personal data in events: counted and named, never repeated."""

    window: Sequence[str]
    rows: int
    rows_with_personal_data: int
    keys: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class NonBlockingEvidence(Evidence):
    """Of failures and the user actions that should follow them all the same."""

    window: Sequence[str]
    failures: int
    judged: int
    without_user_action: int
    without_correlation_id: int
    user_actions: int


@dataclass(frozen=True, slots=True)
class SecretState:
    """One secret at one destination, as ``drift`` sees it."""

    name: str
    uri: str
    in_step: bool | None
    """``None`` where the destination does not show it."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretEvidence(Evidence):
    """Of secrets at their destinations."""

    destinations: Sequence[SecretState]


@dataclass(frozen=True, slots=True)
class EarlierRows:
    """What the newest look before the deployment counted."""

    rows: int
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvariantEvidence(Evidence):
    """Of a query that must return no row."""

    rows: int
    sql: str
    before: EarlierRows | UnsetType = UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowEvidence(Evidence):
    """Of a synthetic flow's runs."""

    runs: int
    clean: int
    failed: int
    max_runs: int
    results: Mapping[str, int]
    excluded_share: float
    e_value: float
    threshold: float
    run_ids: Sequence[str]
    left_behind: int
    remarks: Sequence[str]
    requests: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemEvidence(Evidence):
    """Of a check that a service did not let us carry out."""

    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenEvidence(Evidence):
    """Of a check that broke: the kind of the error, and the file that holds its trace."""

    problem: str
    trace: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEvidence:
    """The log itself, as of a look."""

    newest_minute: str | None
    events_missing: float
    down: bool
    silence_cause: SilenceCause | None
    events: int
    new_release: int
    other_releases: int
    tagged_share: float | None
    live_share: float | None
    repeated_rows: int
    usual_lag_minutes: int
    clock_ahead_minutes: int
    late_rows: int
    """Rows that arrived lately and are old, where they are most of what arrived."""
    clock_behind_minutes: int
    """By how much they say they are older, where a clock explains that; else 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownLog:
    """The log where nobody could tell whether it lives."""

    down: None = None
    silence_cause: None = None


def as_json(evidence: Evidence | LogEvidence | UnknownLog) -> Mapping[str, Any]:
    """The evidence as a JSON object: first what its kind alone has."""
    told: Mapping[str, Any] = msgspec.to_builtins(evidence)
    return {name: told[name] for name in _names(type(evidence)) if name in told}


def _names(kind: type[Any]) -> Iterator[str]:
    """The fields of a kind, its own before those of the kinds it belongs to."""
    inherited = {one.name for base in kind.__bases__ if hasattr(base, "__dataclass_fields__") for one in fields(base)}
    yield from (one.name for one in fields(kind) if one.name not in inherited)
    for base in kind.__bases__:
        if inherited:
            yield from _names(base)
