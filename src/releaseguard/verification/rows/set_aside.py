"""What rows that cannot be read do to a verdict: they pass nothing, and are no loss. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from msgspec import UNSET

from releaseguard.cards.spelling import bare
from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.rows.aside import SetAsideTally
from releaseguard.model import Verdict, from_text
from releaseguard.verification.evidence import Evidence, VolumeRuleEvidence
from releaseguard.verification.explain.words import would_change
from releaseguard.verification.values import Finding

TOLERATED: Final = 0.01
"""The share of a provider's rows since the mark beyond which what cannot be read may hide a harm."""
BESIDE_THE_LOG: Final = frozenset({"secret", "invariant"})
"""Kinds of check that rest on no row of the log."""
CORRECT: Final = "correct them (releaseguard doctor names them)"


def seen_since(rows: Iterable[MinuteCount], mark: datetime) -> Mapping[str, int]:
    """The rows of each provider since the mark, repeats included."""
    seen: Counter[str] = Counter()
    for row in rows:
        if row.occurred_minute >= mark.replace(second=0, microsecond=0):
            seen[row.provider] += row.count + row.repeats
    return seen


def held_back(findings: Sequence[Finding], aside: SetAsideTally, seen: Mapping[str, int]) -> Sequence[Finding]:
    """The findings without a PASS that unread rows might contradict, and without a loss that they may be."""
    return [
        _held_back(
            finding,
            _perhaps_of(finding, aside.by_provider),
            seen.get(finding.provider, 0),
            _perhaps_of(finding, aside.undated),
        )
        for finding in findings
    ]


def _perhaps_of(finding: Finding, by_provider: Mapping[str | None, int]) -> int:
    """The rows that are the provider's, however it is written in them, and those that may be."""
    written = bare(finding.provider)
    return sum(count for name, count in by_provider.items() if name is None or bare(name) == written)


def _held_back(finding: Finding, unread: int, read: int, undated: int) -> Finding:
    if not unread or finding.kind in BESIDE_THE_LOG:
        return finding
    finding = replace(finding, evidence=replace(finding.evidence, set_aside=unread))
    if unread <= TOLERATED * (unread + read):
        return finding
    told = f"{unread} of {unread + read} rows since the deployment cannot be read and are set aside"
    if finding.verdict is Verdict.PASS:
        why = f"{told}, and more than {TOLERATED:.0%} of them may hide a harm: {CORRECT}"
    elif finding.verdict is Verdict.INCONCLUSIVE:
        why = f"{told}: {CORRECT}"
    elif lost := _perhaps_lost(finding.evidence, unread):
        finding = replace(finding, reason=lost.words, evidence=lost.evidence)
        why = f"{told}, and may be what is missing: {CORRECT}"
    else:
        return finding
    old = f"; {undated} of them have no time and may be of long ago" if undated else ""
    return replace(finding, verdict=Verdict.INCONCLUSIVE, reason=f"{finding.reason}; but {why}{old}")


class _Lost(NamedTuple):
    """A loss that may be none."""

    words: str
    evidence: Evidence


def _perhaps_lost(evidence: Evidence, unread: int) -> _Lost | None:
    """The loss that failed a volume, where so many rows, as evenly as rows come, would have made it none."""
    if not isinstance(evidence, VolumeRuleEvidence) or evidence.max_drop is None or evidence.failed_on is None:
        return None
    found, failed_at = evidence.failed_on, evidence.failed_at
    if failed_at is None or found.expected is UNSET:
        return None
    part = min(_minutes(found.since, failed_at) / max(_minutes(*evidence.window), 1.0), 1.0)
    is_loss = found.events < found.expected
    if not is_loss or found.events + part * unread <= (1.0 - evidence.max_drop) * found.expected:
        return None
    words = f"observed {evidence.events} events where {evidence.expected:.1f} were to be expected"
    undecided = would_change(Verdict.INCONCLUSIVE)
    none = replace(evidence, failed_at=None, failed_on=None, silence_cause=None, would_change=undecided)
    return _Lost(words, none)


def _minutes(since: str, until: str) -> float:
    return (from_text(until) - from_text(since)) / timedelta(minutes=1)
