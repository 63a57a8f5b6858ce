"""Whether a release's successes are slower than usual. Can only warn. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from releaseguard import readable
from releaseguard.cards.spec import LatencyCheck
from releaseguard.eventlog.latencies import bound_at, merged, slower_than, typical, uses_in
from releaseguard.model import Verdict, duration, to_text
from releaseguard.stats.baseline import HOUR, BaselineSpan, ErrorBaseline, error_baseline
from releaseguard.stats.bounds import upper_share
from releaseguard.stats.evidence.errors import ErrorProcess
from releaseguard.stats.series import KnownSeries, Series, minute_of
from releaseguard.verification.checks.row_checks import finding
from releaseguard.verification.checks.timed import Timed, uses
from releaseguard.verification.evidence import LatencyEvidence
from releaseguard.verification.explain.words import Left, more_words
from releaseguard.verification.values import Finding

USUALLY_BELOW = 0.95
"""The share of earlier successes that were faster than the limit."""
WARNS_FALSELY = 0.05
"""The share of good releases for which any of these checks may warn."""
HARM = 0.25
"""The rise in the share of slow successes that a PASS excludes."""
LEAST_BEFORE = 100
"""The fewest earlier successes that show what is usual."""
CONFIDENCE = 0.95


class Looked(NamedTuple):
    """How long a release has been observed, and how long it will be."""

    until: datetime
    end: datetime
    is_cut: bool
    """Whether another deployment ends the observation."""
    unheard: str | None
    """Why nothing more arrives in the log, where that is so."""


@dataclass(frozen=True, slots=True)
class UsualLatency:
    """What was usual before: the limit, and how often it was exceeded."""

    limit_ms: int
    """A bound of the histogram, so that slower successes are counted exactly."""
    slow: ErrorBaseline


def usual_of(before: Sequence[Timed], live: datetime) -> UsualLatency | None:
    """The 95th percentile of the successes before a release, and the share above it with its variation over hours;
    ``None`` where there are too few."""
    end, hours = minute_of(live), defaultdict[int, list[int]](list)
    for minute, took in before:
        hours[(end - 1 - minute) // HOUR] += took
    times = merged(hours.values())
    if uses_in(times) < LEAST_BEFORE:
        return None
    limit = bound_at(times, int(USUALLY_BELOW * uses_in(times)))
    series = Series()
    for hour, took in hours.items():
        series.add(end - HOUR * (hour + 1), uses_in(took), slower_than(took, limit))
    span = BaselineSpan(end - ((end - min(one.minute for one in before)) // HOUR + 1) * HOUR, end)
    return UsualLatency(limit, error_baseline(KnownSeries(series, ()), span))


def latency(
    provider: str,
    check: LatencyCheck,
    before: Sequence[Timed],
    own: Sequence[Timed],
    live: datetime,
    checks: int,
    looked: Looked,
) -> Finding:
    """Whether the release's successes exceed the usual limit more often than before. ``checks`` such checks share the
    allowance for false warnings."""
    since = live + duration(check.grace)
    counted = [one for one in own if datetime.fromtimestamp(60 * one.minute, UTC) >= since]
    usual = usual_of(before, live)
    if usual is None:
        return finding(provider, check, Verdict.INCONCLUSIVE, _too_few(before), _evidence(counted, since, None, 1.0, 1))
    needed = max(checks, 1) / WARNS_FALSELY
    value = _highest(counted, usual, needed)
    evidence = _evidence(counted, since, usual, value, needed)
    return finding(provider, check, _verdict(evidence), _words(evidence, since, looked), evidence)


def _too_few(before: Sequence[Timed]) -> str:
    return f"{uses(before)} successes with a latency before the release, of {LEAST_BEFORE} that tell what is usual"


def _highest(own: Sequence[Timed], usual: UsualLatency, needed: float) -> float:
    """The highest evidence over the release's minutes against the usual share of slow successes."""
    every, slow = Counter[int](), Counter[int]()
    for minute, took in own:
        every[minute] += uses_in(took)
        slow[minute] += slower_than(took, usual.limit_ms)
    if not every:
        return 1.0
    minutes = range(min(every), max(every) + 1)
    process = ErrorProcess(usual.slow.share, usual.slow.weight, len(minutes), needed=needed)
    return max(process.look([(m, every[m], slow[m])] if m in every else []) for m in minutes)


def _evidence(
    own: Sequence[Timed], since: datetime, usual: UsualLatency | None, value: float, needed: float
) -> LatencyEvidence:
    times, events = merged(one.took for one in own), uses(own)
    limit = usual.limit_ms if usual is not None else 0
    until = datetime.fromtimestamp(60 * (max(one.minute for one in own) + 1), UTC) if own else since
    return LatencyEvidence(
        window=[to_text(since), to_text(until)],
        events=events,
        slow=slower_than(times, limit) if usual is not None else 0,
        limit_ms=limit,
        usual_share=float(f"{usual.slow.share:.4g}") if usual is not None else 0.0,
        median_ms=typical(bound_at(times, (events - 1) // 2)) if events else None,
        e_value=float(f"{value:.4g}"),
        needed=needed,
    )


def _verdict(evidence: LatencyEvidence) -> Verdict:
    if evidence.e_value >= evidence.needed:
        return Verdict.WARN
    clean = upper_share(evidence.slow, evidence.events, CONFIDENCE) < evidence.usual_share + HARM
    return Verdict.PASS if clean else Verdict.INCONCLUSIVE


def _words(evidence: LatencyEvidence, since: datetime, looked: Looked) -> str:
    if looked.until <= since:
        return f"every deployment starts cold: judged from {readable.clock(since)} on"
    if not evidence.events:
        return f"no success that tells how long it took has come since {readable.clock(since)}"
    usual = f"where {evidence.usual_share:.1%} is usual at this time of day"
    seen = f"observed {evidence.slow} of {evidence.events} successes slower than {evidence.limit_ms} ms {usual}"
    if evidence.e_value >= evidence.needed:
        return f"{seen}, the median is {evidence.median_ms} ms; a warning: this check cannot fail a release"
    if _verdict(evidence) is Verdict.PASS:
        return f"{seen}; needed confidence that it is below {evidence.usual_share + HARM:.0%}, and has it"
    return f"{seen}; {_what_it_takes(evidence, since, looked)}"


MOST_NEEDED = 1000
"""The most additional successes that are considered."""


def _what_it_takes(evidence: LatencyEvidence, since: datetime, looked: Looked) -> str:
    """How many more successes at the usual speed would give a PASS, and how long they take to come."""
    limit = evidence.usual_share + HARM
    needed = next((more for more in range(1, MOST_NEEDED) if _passes_with(evidence, more)), None)
    if needed is None:
        return f"too many are slow to say that it is below {limit:.0%}"
    if looked.unheard is not None:
        return looked.unheard
    minute = timedelta(minutes=1)
    per_minute = evidence.events / max((looked.until - since) / minute, 1.0)
    left = Left(round((looked.end - looked.until) / minute), looked.is_cut)
    return more_words(left, needed, needed / per_minute, f"{limit:.0%}")


def _passes_with(evidence: LatencyEvidence, more: int) -> bool:
    slow = evidence.slow + round(more * evidence.usual_share)
    return upper_share(slow, evidence.events + more, CONFIDENCE) < evidence.usual_share + HARM
