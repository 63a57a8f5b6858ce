"""A single ordinary test at the end of the window: how improbable the rows are while everything is as usual.

Evidence that may be examined every minute pays for each look. A slow, steady harm that never reaches the threshold may
still be plain at the end of the window, so a part of the allowed false alarms is reserved for one look at a time fixed
beforehand. The two parts add up to the promise (Bonferroni's inequality).
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
"""(upper limit of the events expected in the window, part of a check's weight that is reserved for the end). With many
events, relevant harms show early; with few, a silence shows at the end if at all."""
MARGIN = 60
"""The part of the window, at least a minute, by which the test comes before its end: a watch ends no later than
that."""
BURST_MINUTES = 2
"""The number of worst minutes that decide nothing, whatever they contain."""
BURST_COUNTS = ((25.0, 2), (math.inf, 1))
"""(upper limit of the events expected in the window, the most errors that each of these minutes counts for). With few
events, a minute of nothing but errors has few of them, and two errors in one minute by chance are much of what there
is."""
WHOLE_NUMBERS = 500
"""The number of events above which some number of errors comes close enough to any given probability."""
_LEAST = 1e-300


def kept_for_the_end(expected: float) -> float:
    """The part of a check's weight that the last look has, for that many expected events."""
    return next(part for below, part in KEPT if expected < below)


def last_look(minutes: int) -> int:
    """The minute of a window at which the test takes place."""
    return minutes - max(minutes // MARGIN, 1)


def of_a_burst(expected: float) -> int:
    """The most errors that one of the worst minutes counts for, for that many expected events."""
    return next(most for below, most in BURST_COUNTS if expected < below)


def lasting(errors_by_minute: Iterable[int], most: int = 1) -> int:
    """The errors that are no burst: the worst minutes count for at most ``most`` each. Fewer errors never give a
    smaller probability."""
    errors = sorted(errors_by_minute, reverse=True)
    return sum(min(bad, most) for bad in errors[:BURST_MINUTES]) + sum(errors[BURST_MINUTES:])


def chance_of_errors(errors: int, events: int, share: float, weight: float) -> float:
    """The probability of that many errors or more, with today's share distributed as Beta(share * weight, (1 - share) *
    weight).

    The upper tail of the beta-binomial distribution; 1 where there are no more errors than usual.
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
    """One law for the errors of several parts, each with its events and share, with the same mean and variance.

    Parts with different shares vary less together than as many events at the mean share, so the law raises no alarm
    earlier than theirs.
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
    """The variance of the number of errors among that many events (beta-binomial distribution)."""
    return events * known.share * (1.0 - known.share) * (1.0 + (events - 1) / (known.weight + 1.0))


class ErrorTest(Struct, frozen=True):
    """The test of one check's errors: the number of events, the law of their errors, and the allowed false-alarm
    probability."""

    events: int
    share: float
    weight: float
    allowed: float

    def chance(self, errors: int) -> float:
        """The probability of that many errors or more; 0 for more errors than events."""
        return chance_of_errors(errors, self.events, self.share, self.weight) if errors <= self.events else 0.0

    def least(self) -> int:
        """The smallest number of errors whose probability does not exceed the allowed one."""
        numbers = range(int(self.events * self.share) + 1, self.events + 1)
        return numbers.start + bisect_left(numbers, True, key=lambda errors: self.chance(errors) <= self.allowed)


def shared_out(tests: Sequence[ErrorTest]) -> Sequence[float]:
    """The allowed probability of each test after what whole numbers leave unused is given to the test where it helps
    most.

    A number of errors seldom has exactly the allowed probability (Tarone, Biometrics 46 (1990), 515). Given the events,
    all tests together raise a false alarm with at most the sum of the probabilities of their smallest numbers. While
    that leaves room, the test in which one error fewer costs least takes it. No outcome influences which test that is.
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
    """The probability of a volume at least as far off, in the direction of ``change``, in all minutes together.

    It is the tail of the negative binomial distribution whose ratio is the e-value of a volume: a Poisson count,
    divided by the dispersion, at a level known like a gamma variable.
    """
    count, usual = sum(seen) / dispersion, sum(expected) / dispersion
    if usual <= 0.0:
        return 1.0
    level = common_level(variance, others, 0)
    rate = level.shape / tolerated_mean(level, change)
    if change.tolerated < 1:
        return max(beta_cdf(rate / (rate + usual), level.shape, count + 1.0), _LEAST)
    return max(1.0 - beta_cdf(rate / (rate + usual), level.shape, max(count, 1e-9)), _LEAST)
