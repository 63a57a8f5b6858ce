"""Exact bounds of shares, without a numeric library.

The regularized incomplete beta function by its continued fraction (Press et al., *Numerical Recipes*, 6.4; the
modified Lentz method), and what follows from it: Clopper and Pearson, Biometrika 26 (1934), 404.
"""

from __future__ import annotations

import math

_TINY = 1e-300


def beta_cdf(x: float, a: float, b: float) -> float:
    """P(X <= x) for X ~ Beta(a, b), with a, b > 0."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _fraction(x, a, b) / a
    return 1.0 - front * _fraction(1.0 - x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    c = 1.0
    d = 1.0 / _apart(1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, 400):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        step = 1.0
        for term in (even, odd):
            d = 1.0 / _apart(1.0 + term * d)
            c = _apart(1.0 + term / c)
            step = d * c
            value *= step
        if abs(step - 1.0) < 1e-10:
            break
    return value


def _apart(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


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
    """Clopper and Pearson's one-sided upper bound of a share; 1 where nothing was seen.

    Counts may be fractional, since overdispersed counts are divided by their dispersion.
    """
    if total <= 0 or bad >= total:
        return 1.0
    return beta_quantile(confidence, bad + 1.0, max(total - bad, 1e-9))


def lower_share(bad: float, total: float, confidence: float) -> float:
    """Clopper and Pearson's one-sided lower bound of a share; 0 where nothing was seen."""
    if bad <= 0 or total <= 0:
        return 0.0
    return beta_quantile(1.0 - confidence, bad, total - bad + 1.0)


def clean_trials_needed(share: float, confidence: float) -> int:
    """How many trials without a failure exclude a failure share of ``share``: 59 for 5% at 95%."""
    return math.ceil(math.log(1.0 - confidence) / math.log1p(-share))


def likelihood_ratio(bad: float, total: float, usual: float, harmed: float) -> float:
    """The logarithm of how much likelier ``bad`` of ``total`` are at a share of ``harmed`` than of ``usual``.

    Both shares lie strictly between 0 and 1, but for ``harmed`` = 1, at which nothing good can come: minus
    infinity where something did.
    """
    if harmed >= 1.0:
        return -math.inf if total > bad else bad * math.log(1.0 / usual)
    return bad * math.log(harmed / usual) + (total - bad) * math.log((1.0 - harmed) / (1.0 - usual))
