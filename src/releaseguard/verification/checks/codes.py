"""Successes that carry the code of a failure: an app that does not look at an answer writes them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from releaseguard.cards.contradictions import Contradiction, hides_a_harm
from releaseguard.model import Verdict
from releaseguard.verification.values import Finding


def not_passed(findings: Sequence[Finding], found: Mapping[str, Contradiction]) -> Sequence[Finding]:
    """The findings, without a PASS of a share of errors that rests on such successes."""
    return [_not_passed(one, found.get(one.provider)) for one in findings]


def _not_passed(finding: Finding, found: Contradiction | None) -> Finding:
    if found is None or not hides_a_harm(found) or finding.kind != "signal" or finding.verdict is not Verdict.PASS:
        return finding
    reason = f"{finding.reason}; but {found.words}"
    return replace(finding, verdict=Verdict.INCONCLUSIVE, reason=reason, undecided="block")
