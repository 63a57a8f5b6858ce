"""What rows that cannot be read do to a verdict: they pass nothing. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.rows.aside import SetAsideTally
from releaseguard.model import Verdict
from releaseguard.verification.values import Finding

TOLERATED: Final = 0.01
"""The share of a provider's rows since the mark beyond which what cannot be read may hide a harm."""
BESIDE_THE_LOG: Final = frozenset({"secret", "invariant"})
"""Kinds of check that rest on no row of the log."""


def seen_since(rows: Iterable[MinuteCount], mark: datetime) -> Mapping[str, int]:
    """The rows of each provider since the mark, repeats included."""
    seen: Counter[str] = Counter()
    for row in rows:
        if row.occurred_minute >= mark.replace(second=0, microsecond=0):
            seen[row.provider] += row.count + row.repeats
    return seen


def held_back(findings: Sequence[Finding], aside: SetAsideTally, seen: Mapping[str, int]) -> Sequence[Finding]:
    """The findings without a PASS that unread rows might contradict."""
    return [_held_back(finding, aside, seen.get(finding.provider, 0)) for finding in findings]


def _held_back(finding: Finding, aside: SetAsideTally, read: int) -> Finding:
    unread = aside.perhaps_of(finding.provider)
    if not unread or finding.kind in BESIDE_THE_LOG:
        return finding
    evidence = replace(finding.evidence, set_aside=unread)
    if finding.verdict is not Verdict.PASS or unread <= TOLERATED * (unread + read):
        return replace(finding, evidence=evidence)
    why = (
        f"{unread} of {unread + read} rows since the deployment cannot be read and are set aside, and more than "
        f"{TOLERATED:.0%} of them may hide a harm: correct them (releaseguard doctor names them)"
    )
    return replace(finding, verdict=Verdict.INCONCLUSIVE, reason=f"{finding.reason}; but {why}", evidence=evidence)
