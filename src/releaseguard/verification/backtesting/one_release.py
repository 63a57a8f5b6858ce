"""One past release, judged again minute by minute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from releaseguard.model import Verdict
from releaseguard.stats.series import Ledger, minute_of, moment_of
from releaseguard.traces import Traces, no_trace
from releaseguard.verification.backtesting.looks import (
    NO_RELEASE_FACTS,
    ReleaseFacts,
    ReplayCourse,
    held_back_of,
    settled,
    verdicts_of,
)
from releaseguard.verification.backtesting.packed import PackedFindings
from releaseguard.verification.checks.carried import may_be_carried
from releaseguard.verification.checks.codes import not_passed
from releaseguard.verification.checks.sources import not_carried
from releaseguard.verification.explain.finding import explain
from releaseguard.verification.isolated import Parted, judged_apart, not_judged
from releaseguard.verification.judge.replay import Replay
from releaseguard.verification.retried import failed_for_errors
from releaseguard.verification.rows.accepted import with_accepted
from releaseguard.verification.values import Deployment, Finding, Promise, Rule, end_of
from releaseguard.verification.whose.population import ALIKE, Population

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySettings:
    """How a past release is judged again."""

    promise: Promise
    every: timedelta = MINUTE
    """The time between two looks; less than a minute counts as one."""
    population: Population = ALIKE

    @property
    def step(self) -> int:
        """The minutes between two looks."""
        return max(round(self.every / MINUTE), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What ``verify`` would have said about one release, and when."""

    deployment: Deployment
    verdict: Verdict
    failed_after_s: int | None
    """Seconds from the deployment to the look that failed it; ``None`` where none did."""
    decided_after_s: int
    """Seconds to the first look after which the verdict no longer changed."""
    findings: Sequence[Finding]
    peak: float
    """The highest value of the checklist's e-value: the release fails where it reaches 1 / false_alarm."""
    good: bool | None = None
    """Whether the release was good, where that is known."""
    failed_for_errors: Sequence[Rule] = ()
    """The rules about error shares that failed it, one for each provider."""
    live_since: datetime | None = None
    """The minute in which the log first saw it in service."""
    carried: Set[str] = frozenset()
    """The providers of which something passes that may rest on sources which are new with it."""


def replay_one(
    ledger: Ledger,
    rules: Sequence[Rule],
    deployment: Deployment,
    settings: ReplaySettings,
    traces: Traces | None = None,
    facts: ReleaseFacts = NO_RELEASE_FACTS,
) -> Replayed:
    """Look at one release again and again until its window ends.

    The findings are those of the window's end, also where the release had failed before.
    """

    def look(some: Sequence[Rule], shared: Promise) -> ReplayCourse:
        replay = Replay(ledger, some, deployment, shared, settings.population)
        replay.state.strayed = facts.strayed
        replay.state.traffic.note_late(facts.late)
        timeline = replay.timeline
        minutes = (*range(timeline.deployed + settings.step, timeline.end, settings.step), timeline.end)
        return ReplayCourse(replay, [replay.look(minute) for minute in minutes])

    courses = judged_apart(look, rules, settings.promise)
    traces = traces or Traces(no_trace)
    said = [_finding(courses, rule, traces) for rule in rules]
    broken = any(finding.verdict is Verdict.ERROR for finding in said)
    live = courses.first.replay.state.live_since if courses.first else None
    held, end = held_back_of(ledger, courses, facts.unread), minute_of(end_of(deployment, settings.promise))
    passing = not_carried(not_passed(said, facts.contradicted.by(end)), facts.carried.by(end))
    findings = held.findings(passing, end)
    verdicts = verdicts_of(courses, held, findings, facts, broken=broken)
    failed = next((minute for minute, verdict in verdicts if verdict is Verdict.FAIL), None)
    return Replayed(
        deployment=deployment,
        verdict=verdicts[-1][1] if verdicts else Verdict.INCONCLUSIVE,
        failed_after_s=None if failed is None else _seconds(deployment, failed),
        decided_after_s=_seconds(deployment, settled(verdicts)) if verdicts else 0,
        findings=PackedFindings(with_accepted(findings, facts.accepted_by(end))),
        peak=_peak(courses, failed),
        failed_for_errors=failed_for_errors(course.replay.state for _, course in courses.parts),
        live_since=None if live is None else moment_of(live),
        carried=frozenset() if live is None else may_be_carried(ledger, live, end, findings),
    )


def _peak(courses: Parted[ReplayCourse], failed: int | None) -> float:
    """The highest e-value; 1 where the failure was none in the end (unreadable rows, or accepted before it was
    seen)."""
    states = [course.replay.state for _, course in courses.parts]
    is_taken_back = failed is None and any(
        rule.blocking and rule.id in one.failures for one in states for rule in one.rules
    )
    return 1.0 if is_taken_back else max((one.failing for one in states), default=1.0)


def _finding(courses: Parted[ReplayCourse], rule: Rule, traces: Traces) -> Finding:
    try:
        return explain(courses.of(rule).replay.state, rule)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this check's and nobody else's
        return not_judged(rule.provider, rule, error, traces.of(rule.id, error))


def _seconds(deployment: Deployment, minute: int) -> int:
    """Seconds from the deployment to a look."""
    return max(round(minute * 60 - deployment.deployed_at.timestamp()), 0)


def with_truth(replayed: Replayed, outcomes: Mapping[str, bool]) -> Replayed:
    """The release with what is known to be true about it."""
    return replace(replayed, good=outcomes.get(replayed.deployment.release))
