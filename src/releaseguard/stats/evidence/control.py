"""Whether one release fails more often than another in the same minutes: a sequential test of two samples.

Turner, Ly and Gruenwald, "Generic E-variables for exact sequential k-sample tests" (arXiv 2106.02693); Turner and
Gruenwald (arXiv 2302.11401) for null hypotheses with a convex boundary, as the one here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from releaseguard.stats.bounds import inside
from releaseguard.stats.evidence.laws import KnownShare

RISES = ((0.04, 0.2), (0.1, 0.25), (0.3, 0.3), (0.75, 0.25))
"""(rise of the new release's error share above the old one's, prior weight)."""
DIFFERENCE = 2.0
"""The standard deviations of an hour's share by which healthy releases may differ in the same minutes: canaries chosen
by user, region or phone are not exchangeable with the rest."""
MOST_BY_A_MINUTE = math.log(25.0)
_STEPS = 40
_MOST = 1e15


@dataclass(frozen=True, slots=True)
class Pair:
    """Trials and errors of both releases in the same minute."""

    old: int
    old_bad: int
    new: int
    new_bad: int


class TwoSamples:
    """The e-process of "the new release's share is at most the old one's and ``tolerated`` more".

    A minute's factor is the probability of its rows under shares guessed from the minutes before, over that under the
    pair of shares inside the null hypothesis that comes closest to the guess (its reverse information projection). The
    null is convex, so the factor has expectation at most 1 under every pair of shares in it, whatever both shares are
    and however they move from minute to minute.
    """

    def __init__(self, usual: KnownShare, tolerated: float) -> None:
        self._bad, self._good = usual.share * _GUESS, (1.0 - usual.share) * _GUESS
        self._tolerated = tolerated
        self._sums = [weight for _, weight in RISES]

    @property
    def value(self) -> float:
        """E as of the newest minute."""
        return math.fsum(self._sums)

    def minute(self, pair: Pair) -> float:
        """Add one complete minute in which both releases served; returns E."""
        if pair.old > 0 and pair.new > 0:
            self._multiply(pair)
        self._bad += max(pair.old_bad, 0)
        self._good += max(pair.old - pair.old_bad, 0)
        return self.value

    def _multiply(self, pair: Pair) -> None:
        old = inside(self._bad / (self._bad + self._good))
        for j, (rise, _) in enumerate(RISES):
            new = inside(old + (1.0 - old) * rise)
            gain = min(_gain(pair, old, new, self._tolerated), MOST_BY_A_MINUTE)
            self._sums[j] = min(self._sums[j] * math.exp(gain), _MOST)


_GUESS = 20.0
"""The number of events for which history counts in the guess of the old release's share."""


def tolerated_difference(usual: KnownShare) -> float:
    """The largest difference between the shares of healthy releases, from how much the hours' shares differ."""
    share = inside(usual.share)
    return min(DIFFERENCE * math.sqrt(share * (1.0 - share) / (max(usual.weight, 0.0) + 1.0)), 0.5)


def _gain(pair: Pair, old: float, new: float, tolerated: float) -> float:
    """The logarithm of a minute's factor."""
    nearest = _nearest(pair, old, new, tolerated)
    return _log_ratio(pair.old_bad, pair.old - pair.old_bad, old, nearest) + _log_ratio(
        pair.new_bad, pair.new - pair.new_bad, new, min(nearest + tolerated, new)
    )


def _nearest(pair: Pair, old: float, new: float, tolerated: float) -> float:
    """The old share q of the pair (q, q + tolerated) closest to the guess, by bisection."""
    if new <= old + tolerated:
        return old
    low, high = old, min(new - tolerated, 1.0 - tolerated)
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        slope = pair.old * _slope(old, middle) + pair.new * _slope(new, middle + tolerated)
        low, high = (low, middle) if slope > 0.0 else (middle, high)
    return inside((low + high) / 2.0)


def _slope(true: float, tried: float) -> float:
    """The derivative of the divergence of a share that is ``tried`` from the true one."""
    tried = inside(tried)
    return (tried - true) / (tried * (1.0 - tried))


def _log_ratio(bad: int, good: int, over: float, under: float) -> float:
    over, under = inside(over), inside(under)
    return bad * math.log(over / under) + good * math.log((1.0 - over) / (1.0 - under))


def chance_alike(old: tuple[int, int], new: tuple[int, int]) -> float:
    """The probability that at least as many of both releases' errors fall on the new one if their shares are equal;
    each argument is (events, errors). Fisher's exact test: no share is known or estimated for it."""
    (n, k), (m, j) = old, new
    errors, every = k + j, n + m
    whole = _log_choose(every, errors)
    ways = (
        _log_choose(m, hit) + _log_choose(n, errors - hit) - whole
        for hit in range(max(j, 0), min(errors, m) + 1)
        if errors - hit <= n
    )
    return min(math.fsum(map(math.exp, ways)), 1.0)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
