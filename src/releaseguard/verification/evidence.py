"""E-values: how strongly the rows speak against "as usual", safe to look at after every minute.

An e-process E is non-negative, starts at 1 and has expectation at most 1 at any stopping time while all is as
usual, so that P(E ever reaches 1/alpha) <= alpha (Ville's inequality). An average of e-processes is one.
Johari, Pekelis and Walsh (arXiv 1512.04922); Lindon and Malek, NeurIPS 2022 (arXiv 2011.03567); Turner and
Gruenwald (arXiv 2302.11401); Vovk and Wang, Ann. Statist. 49 (2021), 1736, on averages.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

HARMS = (0.03, 0.06, 0.12, 0.25, 0.5, 0.9)
"""Rises of the error share in the mixture: the share of requests that would have succeeded and now fail."""
AT_ONCE = 0.5
"""Prior weight of harm that begins with the deployment; the rest is spread over the minutes of the window."""
MINUTE_CAP = 20.0
"""The most that one minute may multiply the evidence by: no burst of a minute or two decides.

A likelihood ratio cut from above still has expectation at most 1, so the guarantee stays.
"""
_CEILING = 1e15


class ErrorProcess:
    """The e-process of one error share against ``bound``, its largest usual value.

    E(t) = sum over harms h and onsets s of pi(h) w(s) * product over minutes m in (s, t] of
    min(cap, ((p_h / p)^k_m ((1 - p_h) / (1 - p))^(n_m - k_m))^(1/d)), with p the bound, p_h = p + (1 - p) h,
    and d the dispersion. Under any true share <= p each factor has expectation at most 1: it is one at p, and
    the ratio grows with k.
    """

    def __init__(self, bound: float, dispersion: float, minutes: int) -> None:
        raised = [bound + (1.0 - bound) * harm for harm in HARMS]
        self._bad = [math.log(p / bound) / dispersion for p in raised]
        self._good = [math.log((1.0 - p) / (1.0 - bound)) / dispersion for p in raised]
        self._sums = [0.0] * len(HARMS)
        self._unspent = 1.0
        self._later = (1.0 - AT_ONCE) / max(minutes, 1)
        self._cap = math.log(MINUTE_CAP)

    @property
    def value(self) -> float:
        return math.fsum(self._sums) / len(self._sums) + self._unspent

    def look(self, minutes: Iterable[tuple[int, int]]) -> float:
        """Take in what arrived since the last look: (events, errors) of each minute; returns E."""
        weight = min(AT_ONCE if self._unspent == 1.0 else self._later, self._unspent)
        self._unspent -= weight
        batches = list(minutes)
        for j, held in enumerate(self._sums):
            log = 0.0
            for total, bad in batches:
                log += min(bad * self._bad[j] + (total - bad) * self._good[j], self._cap)
            self._sums[j] = min((held + weight) * math.exp(log), _CEILING)
        return self.value


@dataclass(frozen=True, slots=True)
class VolumeEvidence:
    """The e-value of a changed volume and where it is strongest."""

    value: float
    onset: int
    """The minute after the deployment from which the volume differs most."""
    seen: int
    expected: float
    """Events since then, and how many were to be expected."""


@dataclass(frozen=True, slots=True)
class Level:
    """The prior of the true level of traffic over the expected one: Gamma(shape, shape / mean)."""

    shape: float
    mean: float


def common_level(variance: float, seen: float, expected: float) -> Level:
    """The level to expect of a provider, given that the others show ``seen`` where ``expected`` were expected.

    Half of the variance is taken to be shared by all (users come and go together), half the provider's own;
    ``seen`` and ``expected`` are already divided by their dispersion.
    """
    shared = 2.0 / variance
    mean = (shared + seen) / (shared + expected)
    own = max(variance / 2.0, 0.005)
    return Level(1.0 / (1.0 / (shared + seen) + own), mean)


def volume_evidence(
    seen: Sequence[int],
    expected: Sequence[float],
    *,
    level: Level,
    dispersion: float,
    factors: Sequence[float],
    onsets: Sequence[int],
) -> VolumeEvidence:
    """The Bayes factor of "from some onset on, the volume is a fraction of the usual" against "as usual".

    ``seen`` and ``expected`` are running sums over minutes (``seen[m]`` counts the minutes before m). With
    the level L ~ Gamma(a, b) under both, an onset s and a factor f, and N, M (N', M') counts and expectations
    of all minutes (those after s), both divided by the dispersion:

        f^N' * ((b + M) / (b + M - (1 - f) M'))^(a + N)

    which is the ratio of two negative binomial (Polya) predictive probabilities. Uniform over onsets and factors.
    """
    last = len(seen) - 1
    a = level.shape
    b = a / level.mean
    count, total = seen[last] / dispersion, expected[last] / dispersion
    sum_, best = 0.0, VolumeEvidence(0.0, 0, 0, 0.0)
    for onset in onsets:
        after = (seen[last] - seen[onset]) / dispersion
        usual = (expected[last] - expected[onset]) / dispersion
        part = 0.0
        for factor in factors:
            gain = -math.log1p(-(1.0 - factor) * usual / (b + total))
            part += math.exp(min(after * math.log(factor) + (a + count) * gain, 30.0))
        sum_ += part
        if part > best.value:
            best = VolumeEvidence(part, onset, seen[last] - seen[onset], expected[last] - expected[onset])
    value = sum_ / (len(onsets) * len(factors)) if onsets else 0.0
    return VolumeEvidence(value, best.onset, best.seen, best.expected)
