"""One test of ordinary kind at the end of the window: how unlikely what came is while all is as usual.

Evidence that may be looked at after every minute pays for each of those looks. A slow, steady harm that never gets
there may still be plain once the window is over, so part of what the checklist may alarm falsely is kept for a
single look at a time fixed beforehand. The two parts add up to the promise (Bonferroni's inequality).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from releaseguard.stats.bounds import beta_cdf, inside
from releaseguard.stats.evidence.laws import LEAST_WEIGHT
from releaseguard.stats.evidence.volumes import Others, VolumeChange, common_level, tolerated_mean

KEPT = ((25.0, 0.7), (200.0, 0.5), (math.inf, 0.1))
"""(events expected in the window, below which; part of a check's say that is kept for the end). Where there are many
events the harms that matter show early; where there are few a silence shows at the end if at all, as rare as it is."""
MARGIN = 60
"""The test is held this part of the window, and at least a minute, before its end: a watch ends no later than that."""
BURST_MINUTES = 2
"""So many minutes decide nothing, whatever they bring."""
_LEAST = 1e-300


def kept_for_the_end(expected: float) -> float:
    """The part of a check's say that the last look has, where so many events are expected."""
    return next(part for below, part in KEPT if expected < below)


def last_look(minutes: int) -> int:
    """The minute of a window at which the test is held."""
    return minutes - max(minutes // MARGIN, 1)


def lasting(errors_by_minute: Iterable[int]) -> int:
    """The errors that are no burst: the worst minutes count for one each. Fewer errors are never rarer."""
    errors = sorted(errors_by_minute, reverse=True)
    return sum(min(bad, 1) for bad in errors[:BURST_MINUTES]) + sum(errors[BURST_MINUTES:])


def chance_of_errors(errors: int, events: int, share: float, weight: float) -> float:
    """The probability of so many errors or more, today's share being Beta(share weight, (1 - share) weight).

    The upper tail of the beta-binomial law; 1 where there are no more errors than usual.
    """
    errors, share = min(errors, events), inside(share)
    if errors <= events * share:
        return 1.0
    weight = max(weight, LEAST_WEIGHT)
    a, b = share * weight, (1.0 - share) * weight
    good = events - errors
    ways = math.lgamma(events + 1) - math.lgamma(errors + 1) - math.lgamma(good + 1)
    term = math.exp(ways + _log_beta(a + errors, b + good) - _log_beta(a, b))
    total = 0.0
    for k in range(errors, events + 1):
        total += term
        if term < 1e-9 * total:
            break
        term *= (events - k) / (k + 1) * (a + k) / max(b + events - k - 1, _LEAST)
    return min(max(total, _LEAST), 1.0)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def chance_of_volume(
    seen: Sequence[int],
    expected: Sequence[float],
    *,
    change: VolumeChange,
    variance: float,
    dispersion: float,
    others: Others,
) -> float:
    """The probability of a volume as far off as this or farther, towards ``change``, in all minutes together.

    The tail of the negative binomial law whose ratio the e-value of a volume is: a Poisson count, divided by the
    dispersion, at a level known like a gamma variable.
    """
    count, usual = sum(seen) / dispersion, sum(expected) / dispersion
    if usual <= 0.0:
        return 1.0
    level = common_level(variance, others, 0)
    rate = level.shape / tolerated_mean(level, change)
    if change.tolerated < 1:
        return max(beta_cdf(rate / (rate + usual), level.shape, count + 1.0), _LEAST)
    return max(1.0 - beta_cdf(rate / (rate + usual), level.shape, max(count, 1e-9)), _LEAST)
