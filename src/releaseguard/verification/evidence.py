"""The evidence of a finding, for each kind of check: the parts of ``checks[].evidence`` in a verdict's document.

A field that is ``UNSET`` is not in the document. Times are RFC 3339 in UTC, shares are between 0 and 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from releaseguard.stats.silence import SilenceCause

MOST_IDS = 5
"""The most row ids that are shown."""
Interval = Sequence[float]
"""The lower and the upper bound."""


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """The earlier run that found a failure."""

    run: str
    at: str


@dataclass(frozen=True, slots=True)
class AcceptedBy:
    """Who accepted the check for this deployment and why, and its own verdict."""

    reason: str
    at: str
    by: str
    verdict: str


@dataclass(frozen=True, slots=True)
class WorstHit:
    """The group of rows that fails most, and the rest for comparison."""

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
    """What the evidence of every kind of check may contain."""

    silence_cause: SilenceCause | UnsetType | None = UNSET
    event_ids: Sequence[str] | UnsetType = UNSET
    """Ids of up to :data:`MOST_IDS` rows."""
    set_aside: int | UnsetType = UNSET
    """Rows of the provider that cannot be read."""
    recorded: RecordedRun | UnsetType = UNSET
    hit: ErrorHit | UnsetType = UNSET
    accepted: AcceptedBy | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class FinalLookEvidence:
    """The test at the window's end: its time and its result."""

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
    """The evidence of every rule that is judged by statistics."""

    checklist_e_value: float
    threshold: float
    last_look: FinalLookEvidence | None
    failed_at: str | None
    failed_on: FailedOn | None


@dataclass(frozen=True, slots=True)
class UsualErrors:
    """The usual share of errors."""

    events: int
    errors: int
    share: float
    bound: float


@dataclass(frozen=True, slots=True)
class AtThisTime:
    """Events and errors in minutes with a usual share of their own, such as those of a batch."""

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
    """The evidence about a share of errors."""

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
    """The share that fails a release whatever was usual before."""
    at_this_time: AtThisTime | None
    """Minutes that are not part of ``events``: those of a batch that always fails in part."""
    level_before: float | None
    """The share of errors during an incident that began before the deployment."""
    would_change: str


@dataclass(frozen=True, slots=True)
class UsualVolume:
    """The usual volume."""

    events: int
    days: int
    dispersion: float


@dataclass(frozen=True, slots=True)
class RowsPerAction:
    """The number of rows that one action (a correlation id) wrote before the release, and writes with it."""

    usual: float
    now: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeRuleEvidence(RuleEvidence):
    """The evidence about a volume."""

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
    """The evidence about events that carry the deployed release."""

    window: Sequence[str]
    tagged: int
    untagged: int
    other_releases: int
    interval: Interval
    needed_events: int | UnsetType | None = UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyEvidence(Evidence):
    """The evidence about slow successes."""

    window: Sequence[str]
    events: int
    slow: int
    """The number of successes above ``limit_ms``."""
    limit_ms: int
    """The 95th percentile before the release at this time of day."""
    usual_share: float
    median_ms: int | None
    e_value: float
    needed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacyEvidence(Evidence):
    """The evidence about personal data in events: counted and named, never repeated."""

    window: Sequence[str]
    rows: int
    rows_with_personal_data: int
    keys: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class NonBlockingEvidence(Evidence):
    """The evidence about failures and the user actions that should follow them."""

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
    """The evidence about secrets at their destinations."""

    destinations: Sequence[SecretState]


@dataclass(frozen=True, slots=True)
class EarlierRows:
    """The row count of the newest look before the deployment."""

    rows: int
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvariantEvidence(Evidence):
    """The evidence about a query that must return no row."""

    rows: int
    sql: str
    before: EarlierRows | UnsetType = UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowEvidence(Evidence):
    """The evidence about the runs of a synthetic flow."""

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
    """The evidence of a check that a service prevented."""

    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenEvidence(Evidence):
    """The evidence of a check that broke: the type of the error, and the file with its traceback."""

    problem: str
    trace: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEvidence:
    """The state of the log itself at a look."""

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
    """Old rows that arrived lately, where they are most of what arrived."""
    clock_behind_minutes: int
    """How old they claim to be, in minutes, where a wrong clock explains it; else 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownLog:
    """The state of a log that could not be read."""

    down: None = None
    silence_cause: None = None


def as_json(evidence: Evidence | LogEvidence | UnknownLog) -> Mapping[str, Any]:
    """The evidence as a JSON object, the fields of its own kind first."""
    told: Mapping[str, Any] = msgspec.to_builtins(evidence)
    return {name: told[name] for name in _names(type(evidence)) if name in told}


def _names(kind: type[Any]) -> Iterator[str]:
    """The fields of a kind, its own before inherited ones."""
    inherited = {one.name for base in kind.__bases__ if hasattr(base, "__dataclass_fields__") for one in fields(base)}
    yield from (one.name for one in fields(kind) if one.name not in inherited)
    for base in kind.__bases__:
        if inherited:
            yield from _names(base)
