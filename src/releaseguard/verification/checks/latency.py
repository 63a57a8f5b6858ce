"""Whether a release's successes are slower than usual: it may only warn. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from releaseguard.cards.spec import LatencyCheck
from releaseguard.model import Event, Verdict, duration, to_text
from releaseguard.stats.baseline import HOUR, BaselineSpan, ErrorBaseline, error_baseline
from releaseguard.stats.bounds import upper_share
from releaseguard.stats.evidence.errors import ErrorProcess
from releaseguard.stats.series import KnownSeries, Series, minute_of
from releaseguard.verification.checks.row_checks import finding
from releaseguard.verification.evidence import LatencyEvidence
from releaseguard.verification.values import Finding

USUALLY_BELOW = 0.95
"""The share of successes before the release that were faster than the limit."""
WARNS_FALSELY = 0.05
"""The share of good releases that any of these checks may warn of."""
HARM = 0.25
"""The rise of the share of slow successes that a PASS excludes."""
LEAST_BEFORE = 100
"""Successes before the release that tell what is usual."""
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class UsualLatency:
    """What was usual before: the limit, and how often it was exceeded."""

    limit_ms: int
    slow: ErrorBaseline


def usual_of(before: Sequence[Event], live: datetime) -> UsualLatency | None:
    """The 95th percentile of the successes before a release, and the share above it with its spread over hours;
    ``None`` where there are too few."""
    times = sorted(row.latency_ms for row in before if row.latency_ms is not None)
    if len(times) < LEAST_BEFORE:
        return None
    limit = times[int(USUALLY_BELOW * len(times))]
    series = Series()
    for row in before:
        series.add(minute_of(row.occurred_at), 1, int((row.latency_ms or 0) > limit))
    end, first = minute_of(live), min(minute_of(row.occurred_at) for row in before)
    span = BaselineSpan(end - ((end - first) // HOUR + 1) * HOUR, end)
    return UsualLatency(limit, error_baseline(KnownSeries(series, ()), span))


def latency(
    provider: str, check: LatencyCheck, before: Sequence[Event], own: Sequence[Event], live: datetime, checks: int
) -> Finding:
    """Whether the release's successes exceed the usual limit more often than before; ``checks`` such checks share
    what may warn falsely."""
    since = live + duration(check.grace)
    counted = sorted((row for row in own if row.occurred_at >= since), key=lambda row: row.occurred_at)
    usual = usual_of(before, live)
    if usual is None:
        return finding(provider, check, Verdict.INCONCLUSIVE, _too_few(before), _evidence(counted, since, None, 1.0, 1))
    needed = max(checks, 1) / WARNS_FALSELY
    value = _highest(counted, usual, needed)
    evidence = _evidence(counted, since, usual, value, needed)
    return finding(provider, check, _verdict(evidence), _words(evidence), evidence)


def _too_few(before: Sequence[Event]) -> str:
    return f"{len(before)} successes with a latency before the release, of {LEAST_BEFORE} that tell what is usual"


def _highest(own: Sequence[Event], usual: UsualLatency, needed: float) -> float:
    """The highest evidence over the minutes of the release, against the usual share of slow successes."""
    every, slow = Counter[int](), Counter[int]()
    for row in own:
        every[minute_of(row.occurred_at)] += 1
        slow[minute_of(row.occurred_at)] += int((row.latency_ms or 0) > usual.limit_ms)
    if not every:
        return 1.0
    minutes = range(min(every), max(every) + 1)
    process = ErrorProcess(usual.slow.share, usual.slow.weight, len(minutes), needed=needed)
    return max(process.look([(m, every[m], slow[m])] if m in every else []) for m in minutes)


def _evidence(
    own: Sequence[Event], since: datetime, usual: UsualLatency | None, value: float, needed: float
) -> LatencyEvidence:
    times = [row.latency_ms for row in own if row.latency_ms is not None]
    limit = usual.limit_ms if usual is not None else 0
    until = max((row.occurred_at for row in own), default=since)
    return LatencyEvidence(
        window=[to_text(since), to_text(until)],
        events=len(times),
        slow=sum(time > limit for time in times) if usual is not None else 0,
        limit_ms=limit,
        usual_share=float(f"{usual.slow.share:.4g}") if usual is not None else 0.0,
        median_ms=round(median(times)) if times else None,
        e_value=float(f"{value:.4g}"),
        needed=needed,
    )


def _verdict(evidence: LatencyEvidence) -> Verdict:
    if evidence.e_value >= evidence.needed:
        return Verdict.WARN
    clean = upper_share(evidence.slow, evidence.events, CONFIDENCE) < evidence.usual_share + HARM
    return Verdict.PASS if clean else Verdict.INCONCLUSIVE


def _words(evidence: LatencyEvidence) -> str:
    usual = f"where {evidence.usual_share:.1%} is usual at this time of day"
    seen = f"observed {evidence.slow} of {evidence.events} successes slower than {evidence.limit_ms} ms {usual}"
    if evidence.e_value >= evidence.needed:
        return f"{seen}, the median is {evidence.median_ms} ms; a warning: this check cannot fail a release"
    if _verdict(evidence) is Verdict.PASS:
        return f"{seen}; needed confidence that it is below {evidence.usual_share + HARM:.0%}, and has it"
    return f"{seen}; too few to say that it is below {evidence.usual_share + HARM:.0%}"
