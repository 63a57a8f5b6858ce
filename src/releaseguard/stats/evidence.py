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

from releaseguard.stats.bounds import inside

HARMS = (0.04, 0.1, 0.3, 0.75)
"""Rises of the error share in the mixture: the share of requests that would have succeeded and now fail."""
HARM_WEIGHTS = ((25.0, (0.1, 0.15, 0.35, 0.4)), (250.0, (0.2, 0.35, 0.25, 0.2)), (math.inf, (0.25, 0.25, 0.25, 0.25)))
"""(events expected in the window, below which; prior weights of the harms): few events never show a small harm."""
AT_ONCE = 0.85
"""Prior weight of harm that begins with the deployment; the rest is spread over the minutes of the window."""
BURST = 0.8
"""What two minutes of nothing but errors may bring a check towards the e-value that fails it, by its square root."""
ONSETS = 3
"""About so many later onsets share a burst."""
LEAST_WEIGHT = 1e-6
"""Of what is known of a share: of nothing at all no probability follows."""
_CEILING = 1e15


def harm_weights(expected: float) -> Sequence[float]:
    """The prior weights of :data:`HARMS` where so many events are expected; they sum to 1."""
    return next(weights for below, weights in HARM_WEIGHTS if expected <= below)


class ErrorProcess:
    """The e-process of one error share against what is usual: ``share``, known like from ``weight`` events.

    E(t) = sum over harms h and onsets s of pi(h) w(s) * product over minutes m in (s, t] of
    min(cap(s), p_h^k (1 - p_h)^(n - k) / Q(k, n | past)), with n events and k errors, p_h = p + (1 - p) h, and Q
    the beta-binomial probability of them: today's share is Beta(p w, (1 - p) w) before the first row, with the
    weight w, and what the rows have made of it later in the hour; every hour begins anew, since shares wander. Under
    Q each factor has expectation at most 1, cut or not. ``expected`` events in the window choose pi.
    ``needed``, the E that fails the check, chooses the caps: no burst of a minute or two decides.
    """

    def __init__(
        self, share: float, weight: float, minutes: int, *, expected: float = math.inf, needed: float = 800.0
    ) -> None:
        share = inside(share)
        raised = [share + (1.0 - share) * harm for harm in HARMS]
        self._bad = [math.log(p) for p in raised]
        self._good = [math.log1p(-p) for p in raised]
        self._weights = harm_weights(expected)
        self._unspent = 1.0
        self._each_minute = (1.0 - AT_ONCE) / max(minutes, 1)
        self._at_once = _Sums(_cap(needed, AT_ONCE))
        self._later = _Sums(_cap(needed, ONSETS * self._each_minute))
        self._minutes: dict[int, list[float]] = {}
        self._usual = _Usual(share, max(weight, LEAST_WEIGHT))

    @property
    def value(self) -> float:
        return self._at_once.value + self._later.value + self._unspent

    def look(self, arrived: Iterable[tuple[int, int, int]]) -> float:
        """Take in what arrived since the last look: (minute, events, errors); returns E.

        Events of one minute may arrive over several looks; the cap holds for the minute as a whole.
        """
        self._begin_an_onset()
        self._usual.age()
        for minute, total, bad in arrived:
            usual = self._usual.learn(bad, total - bad)
            before = self._minutes.get(minute, [0.0] * len(HARMS))
            after = [
                held + bad * more + (total - bad) * less - usual
                for held, more, less in zip(before, self._bad, self._good, strict=True)
            ]
            self._minutes[minute] = after
            self._at_once.multiply(before, after)
            self._later.multiply(before, after)
        return self.value

    def _begin_an_onset(self) -> None:
        first = self._unspent == 1.0
        weight = AT_ONCE if first else min(self._each_minute, self._unspent)
        self._unspent -= weight
        (self._at_once if first else self._later).add([weight * part for part in self._weights])


class _Usual:
    """Today's share of errors as one knows it: Beta(share w, (1 - share) w), learned from for an hour at a time."""

    def __init__(self, share: float, weight: float) -> None:
        self._prior = share * weight, (1.0 - share) * weight
        self._bad, self._good = self._prior
        self._looks = 0

    def learn(self, bad: int, good: int) -> float:
        """The logarithm of the probability of these rows, in their order, before they are learned from."""
        before = _log_beta(self._bad, self._good)
        self._bad += bad
        self._good += good
        return _log_beta(self._bad, self._good) - before

    def age(self) -> None:
        """Another look begins. Another hour has another share: the baseline's weight speaks of hours."""
        if self._looks and self._looks % 60 == 0:
            self._bad, self._good = self._prior
        self._looks += 1


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _cap(needed: float, weight: float) -> float:
    """The logarithm of the factor of which two do not lift a prior ``weight`` to ``needed``."""
    return math.log(max(BURST * math.sqrt(needed / weight), 1.0))


class _Sums:
    """Weighted products of likelihood ratios, by harm; one minute multiplies them by at most ``exp(cap)``."""

    def __init__(self, cap: float) -> None:
        self._cap = cap
        self._sums = [0.0] * len(HARMS)

    @property
    def value(self) -> float:
        return math.fsum(self._sums)

    def add(self, weights: Sequence[float]) -> None:
        """Let more prior weight take part from now on."""
        self._sums = [held + weight for held, weight in zip(self._sums, weights, strict=True)]

    def multiply(self, before: Sequence[float], after: Sequence[float]) -> None:
        """A minute's log likelihood ratios went from ``before`` to ``after``."""
        for j, (old, new) in enumerate(zip(before, after, strict=True)):
            gain = min(new, self._cap) - min(old, self._cap)
            self._sums[j] = min(self._sums[j] * math.exp(gain), _CEILING)


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


ONSET_EVERY = 5
"""Minutes between the onsets that the volume test considers."""
FEW_EXPECTED = 25.0
"""Events below which only silence can be told from the usual volume."""


SURPRISE = 2.0
"""Deviations of the others' volume from the expected beyond which history says nothing about today."""


@dataclass(frozen=True, slots=True)
class Others:
    """What the other providers show: running sums over the same minutes, divided by their dispersion."""

    seen: Sequence[float]
    expected: Sequence[float]
    shared: float
    """The part of the provider's variance that it shares with them."""


def common_level(variance: float, others: Others, onset: int) -> Level:
    """The level to expect of a provider since ``onset``, given what the others show since then.

    Users come and go together: of the variance, ``others.shared`` is the common part, which the others'
    events narrow down, the rest is the provider's own.
    """
    seen = others.seen[-1] - others.seen[onset]
    expected = others.expected[-1] - others.expected[onset]
    shared = max(others.shared, 1e-4)
    surprise = abs(seen - expected) / math.sqrt(expected + expected**2 * shared) if expected else 0.0
    # A holiday is no tail of the usual variance: where the others say so, they alone set the level.
    prior = 1.0 / shared if surprise < SURPRISE else 2.0
    mean = (prior + seen) / (prior + expected)
    own = max(variance - others.shared, 0.002)
    return Level(1.0 / (1.0 / (prior + seen) + own), mean)


@dataclass(frozen=True, slots=True)
class VolumeChange:
    """A change of volume to look for: to one of ``factors`` of the usual, beyond ``tolerated``."""

    factors: Sequence[tuple[float, float]]
    """(factor, prior weight); the weights sum to 1."""
    tolerated: float
    """A change of this factor is not yet a change."""


DROP = VolumeChange(factors=((0.01, 0.7), (0.2, 0.05), (0.35, 0.25)), tolerated=0.99)
"""Silence but for stragglers, and two kinds of drop."""
DROP_OF_FEW = VolumeChange(factors=((0.01, 0.88), (0.2, 0.02), (0.35, 0.1)), tolerated=0.99)
"""The same where few events are expected: of them only silence can be told from the usual."""


def tolerated_mean(level: Level, change: VolumeChange) -> float:
    """The level up to which a change is not yet one: growth does not speak for a drop, nor a drop for growth."""
    mean = level.mean * change.tolerated
    return min(mean, change.tolerated) if change.tolerated < 1 else max(mean, change.tolerated)


MOST_RISE = 1e6
"""Times the usual volume, beyond which one rise is as much as another."""


def rise(harm: float) -> VolumeChange:
    """A rise to ``harm`` times the usual volume, or twice that; growth by its square root is nobody's fault."""
    harm = min(harm, MOST_RISE)
    tolerated = math.sqrt(harm)
    return VolumeChange(factors=((harm / tolerated, 0.5), (2 * harm / tolerated, 0.5)), tolerated=tolerated)


def volume_evidence(
    seen: Sequence[int],
    expected: Sequence[float],
    *,
    change: VolumeChange,
    variance: float,
    dispersion: float,
    others: Others,
    onsets: Sequence[int],
    slots: int,
) -> VolumeEvidence:
    """The Bayes factor of "since some onset the volume is a fraction of the usual" against "as usual".

    ``seen`` and ``expected`` are running sums over minutes (``seen[m]`` counts the minutes before m). With
    the level L ~ Gamma(a, b) under both, a factor f, and N and M the counts and expectations since the onset,
    divided by the dispersion:

        f^N * ((b + M) / (b + f M))^(a + N)

    the ratio of two negative binomial (Polya) predictive probabilities. Most of the prior weight lies on the
    first onset, the deployment; the rest is spread over ``slots`` later ones, of which ``onsets`` have come.
    """
    total, best = 0.0, VolumeEvidence(0.0, 0, 0, 0.0)
    for i, onset in enumerate(onsets):
        level = common_level(variance, others, onset)
        mean = tolerated_mean(level, change)
        came, usual = seen[-1] - seen[onset], expected[-1] - expected[onset]
        value = _ratio(came / dispersion, usual / dispersion, level.shape, mean, change.factors)
        value *= AT_ONCE if i == 0 else (1.0 - AT_ONCE) / slots
        total += value
        if value > best.value:
            best = VolumeEvidence(value, onset, came, usual)
    return VolumeEvidence(total, best.onset, best.seen, best.expected)


def _ratio(count: float, usual: float, shape: float, mean: float, factors: Sequence[tuple[float, float]]) -> float:
    rate = shape / mean
    value = 0.0
    for factor, weight in factors:
        gain = math.log((rate + usual) / (rate + factor * usual))
        value += weight * math.exp(min(count * math.log(factor) + (shape + count) * gain, 30.0))
    return value
