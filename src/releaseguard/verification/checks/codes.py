"""Successes with the code of a failure, as an app writes them that does not check an answer. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from releaseguard.cards.contradictions import LEAST, Contradiction
from releaseguard.model import Verdict
from releaseguard.stats.bounds import lower_share
from releaseguard.verification.values import Finding

MAY_BE_RETRIED: Final = 0.05
"""The share of a provider's rows above which they can hardly be uses that succeeded at a second try."""
SURELY: Final = 0.8
"""The confidence at which the share is beyond that. Of the simulated releases whose every error were written as a
success, 1.5% of the good ones are held back so, and 76% of the victims of bad ones that are large enough to pass; of
more than a tenth of the rows, whatever their number, 0.5% and 58% were."""
MAY_BE_USUAL: Final = 0.5
"""The same for codes that a good credential also receives: what one user is not allowed to do is no failure."""


def hides_a_harm(found: Contradiction) -> bool:
    """Whether there are so many that the provider's successes prove nothing."""
    certain = found.rows - found.denied
    is_more = certain >= LEAST and lower_share(certain, found.of, SURELY) > MAY_BE_RETRIED
    return is_more or found.rows > MAY_BE_USUAL * found.of


def not_passed(findings: Sequence[Finding], found: Mapping[str, Contradiction]) -> Sequence[Finding]:
    """The findings, without a PASS of an error share that rests on such successes."""
    return [_not_passed(one, found.get(one.provider)) for one in findings]


def _not_passed(finding: Finding, found: Contradiction | None) -> Finding:
    if found is None or not hides_a_harm(found) or finding.kind != "signal" or finding.verdict is not Verdict.PASS:
        return finding
    reason = f"{finding.reason}; but {found.words}"
    return replace(finding, verdict=Verdict.INCONCLUSIVE, reason=reason, undecided="block")
