"""One test of ordinary kind at the end of the window: how unlikely what came is while all is as usual.

Evidence that may be looked at after every minute pays for each of those looks. A slow, steady harm that never gets
there may still be plain once the window is over, so part of what the checklist may alarm falsely is kept for a
single look at a time fixed beforehand. The two parts add up to the promise (Bonferroni's inequality).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from releaseguard.stats.bounds import beta_cdf, inside
from releaseguard.stats.evidence.laws import LEAST_WEIGHT, KnownShare
from releaseguard.stats.evidence.volumes import Others, VolumeChange, common_level, tolerated_mean

KEPT = ((25.0, 0.8), (200.0, 0.5), (math.inf, 0.1))
"""(events expected in the window, below which; part of a check's say that is kept for the end). Where there are many
events the harms that matter show early; where there are few a silence shows at the end if at all, as rare as it is."""
MARGIN = 60
"""The test is held this part of the window, and at least a minute, before its end: a watch ends no later than that."""
BURST_MINUTES = 2
"""So many minutes decide nothing, whatever they bring."""
BURST_COUNTS = ((25.0, 2), (math.inf, 1))
"""(events expected in the window, below which; errors that each of these minutes counts for at most). Where few events
come a minute in which all fails brings few errors, and two that fall into one by chance are much of what there is."""
WHOLE_NUMBERS = 500
"""Events beyond which a number of errors comes as near to a given probability as need be."""
_LEAST = 1e-300


def kept_for_the_end(expected: float) -> float:
    """The part of a check's say that the last look has, where so many events are expected."""
    return next(part for below, part in KEPT if expected < below)


def last_look(minutes: int) -> int:
    """The minute of a window at which the test is held."""
    return minutes - max(minutes // MARGIN, 1)


def of_a_burst(expected: float) -> int:
    """The errors that one of the worst minutes counts for at most, where so many events are expected."""
    return next(most for below, most in BURST_COUNTS if expected < below)


def lasting(errors_by_minute: Iterable[int], most: int = 1) -> int:
    """The errors that are no burst: the worst minutes count for ``most`` each. Fewer errors are never rarer."""
    errors = sorted(errors_by_minute, reverse=True)
    return sum(min(bad, most) for bad in errors[:BURST_MINUTES]) + sum(errors[BURST_MINUTES:])


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


def of_all(events: Mapping[KnownShare, int]) -> KnownShare:
    """One law for the errors of several parts, so many events of each share: with their mean and variance.

    Shares that differ vary less together than events of the mean share, so that the law alarms no sooner than theirs.
    """
    there = [known for known, number in events.items() if number > 0]
    if len(there) <= 1:
        return next(iter(there or events))
    whole = sum(events[known] for known in there)
    share = inside(sum(events[known] * known.share for known in there) / whole)
    variance = sum(_variance(events[known], known) for known in there)
    # Of n events of a beta-binomial law: n p (1 - p) (1 + (n - 1) / (w + 1)).
    more = variance / (whole * share * (1.0 - share)) - 1.0
    return KnownShare(share, max((whole - 1) / max(more, 1e-9) - 1.0, LEAST_WEIGHT))


def _variance(events: int, known: KnownShare) -> float:
    """Of the errors of so many events (beta-binomial law)."""
    return events * known.share * (1.0 - known.share) * (1.0 + (events - 1) / (known.weight + 1.0))


class ErrorTest(Struct, frozen=True):
    """The test of one check's errors: so many events, the law of their errors, and what it may alarm falsely."""

    events: int
    share: float
    weight: float
    allowed: float

    def chance(self, errors: int) -> float:
        """The probability of so many errors or more; none of more than there are events."""
        return chance_of_errors(errors, self.events, self.share, self.weight) if errors <= self.events else 0.0

    def least(self) -> int:
        """The least number of errors whose probability is no larger than what is allowed."""
        numbers = range(int(self.events * self.share) + 1, self.events + 1)
        return numbers.start + bisect_left(numbers, True, key=lambda errors: self.chance(errors) <= self.allowed)


def shared_out(tests: Sequence[ErrorTest]) -> Sequence[float]:
    """What each test may alarm falsely, once what whole numbers leave unused is given to where it does most.

    A number of errors seldom has just the probability that is allowed (Tarone, Biometrics 46 (1990), 515). Given what
    arrived, the tests together alarm falsely with the sum of the probabilities of their least numbers: while that
    leaves room, the test to which one error fewer costs least takes it. No outcome decides who that is.
    """
    least = [test.least() for test in tests]
    used = [test.chance(errors) for test, errors in zip(tests, least, strict=True)]
    whole = sum(test.allowed for test in tests)
    while tests:
        fewer = [test.chance(errors - 1) for test, errors in zip(tests, least, strict=True)]
        at = min(range(len(tests)), key=lambda i: (fewer[i], i))
        if sum(used) - used[at] + fewer[at] > whole:
            break
        least[at], used[at] = least[at] - 1, fewer[at]
    return [max(test.allowed, chance) for test, chance in zip(tests, used, strict=True)]


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
