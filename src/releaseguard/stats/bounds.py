"""Exact bounds of shares, without a numeric library.

The regularized incomplete beta function by its continued fraction (Press et al., *Numerical Recipes*, 6.4; the
modified Lentz method), and what follows from it: Clopper and Pearson, Biometrika 26 (1934), 404.

Each function has a value for every count from 0 on and every share from 0 to 1, the ends included: what a card or a
log says must never be outside of what can be computed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache

_TINY = 1e-300
LEAST_SHARE = 1e-9
"""A share that was estimated is never known to be 0 or 1 more closely than this."""


def inside(share: float) -> float:
    """The share, moved slightly away from 0 and 1, where logarithms diverge."""
    return min(max(share, LEAST_SHARE), 1.0 - LEAST_SHARE)


def median(values: Iterable[float]) -> float:
    """The median, as by :func:`statistics.median`, whose module imports a dozen others."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def beta_cdf(x: float, a: float, b: float) -> float:
    """P(X <= x) for X ~ Beta(a, b). Where ``a`` is 0, or too small for a double, all of X is at 0; where ``b`` is, at
    1."""
    if x >= 1.0:
        return 1.0
    if a < _TINY:
        return 1.0 if x >= 0.0 else 0.0
    if x <= 0.0 or b < _TINY:
        return 0.0
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _fraction(x, a, b) / a
    return 1.0 - front * _fraction(1.0 - x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    # A sum of 1 and anything is 0 or no small number. Written out, since a large log takes many rounds.
    c, tiny = 1.0, _TINY
    value = d = 1.0 / ((1.0 - (a + b) * x / (a + 1.0)) or tiny)
    for m in range(1, 400):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d, c = 1.0 / ((1.0 + even * d) or tiny), (1.0 + even / c) or tiny
        value *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d, c = 1.0 / ((1.0 + odd * d) or tiny), (1.0 + odd / c) or tiny
        step = d * c
        value *= step
        if -1e-10 < step - 1.0 < 1e-10:
            break
    return value


@lru_cache(maxsize=4096)  # looks that follow each other ask the same of the same past
def beta_quantile(level: float, a: float, b: float) -> float:
    """The x with P(X <= x) = level for X ~ Beta(a, b), by bisection to 1e-9."""
    low, high = 0.0, 1.0
    while high - low > 1e-9 * max(high, 1e-3):
        middle = (low + high) / 2
        if beta_cdf(middle, a, b) < level:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def upper_share(bad: float, total: float, confidence: float) -> float:
    """The one-sided upper bound of a share (Clopper and Pearson); 1 where nothing was seen.

    Counts may be fractional, since overdispersed counts are divided by their dispersion.
    """
    if total <= 0 or bad >= total:
        return 1.0
    return beta_quantile(confidence, max(bad, 0.0) + 1.0, total - bad)


def lower_share(bad: float, total: float, confidence: float) -> float:
    """The one-sided lower bound of a share (Clopper and Pearson); 0 where nothing was seen."""
    if bad <= 0 or total <= 0:
        return 0.0
    return beta_quantile(1.0 - confidence, bad, max(total - bad, 0.0) + 1.0)


def chance_of_so_few(count: int, expected: float) -> float:
    """The probability of at most ``count`` events where ``expected`` are expected (Poisson distribution)."""
    return sum(math.exp(k * math.log(expected) - expected - math.lgamma(k + 1)) for k in range(count + 1))


def clean_trials_needed(share: float, confidence: float) -> int | None:
    """How many trials without a failure exclude a failure share of ``share``: 59 for 5% at 95%.

    One where everything fails at that share; ``None`` where no number does: a share of 0, a confidence of 1.
    """
    if share >= 1.0:
        return 1
    if share < LEAST_SHARE or confidence >= 1.0:
        return None
    return max(math.ceil(math.log(1.0 - confidence) / math.log1p(-share)), 0)


def likelihood_ratio(bad: float, total: float, usual: float, harmed: float) -> float:
    """The logarithm of the likelihood of ``bad`` failures in ``total`` at a share of ``harmed`` over that at ``usual``.

    Minus infinity where they are impossible at ``harmed``, and infinity where they are impossible only at ``usual``.
    """
    at_harmed = _log_chance(bad, total, harmed)
    at_usual = _log_chance(bad, total, usual)
    return at_harmed - at_usual if math.isfinite(at_harmed) else -math.inf


def _log_chance(bad: float, total: float, share: float) -> float:
    """The logarithm of the probability of ``bad`` failures followed by successes up to ``total``."""
    return _times(bad, share) + _times(max(total - bad, 0.0), 1.0 - share)


def _times(count: float, share: float) -> float:
    if count <= 0.0:
        return 0.0
    return count * math.log(share) if share > 0.0 else -math.inf
