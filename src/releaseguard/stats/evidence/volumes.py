"""E-values of a changed volume: the Bayes factor of a drop or a rise against the usual, valid however often one
looks."""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec import Struct

from releaseguard.stats.evidence.errors import AT_ONCE


class VolumeEvidence(Struct, frozen=True):
    """The e-value of a changed volume, and where it is strongest."""

    value: float
    onset: int
    """The minute after the deployment from which the volume differs most."""
    seen: int
    expected: float
    """The events seen since that minute, and those expected."""


class Level(Struct, frozen=True):
    """The prior of the ratio of the true to the expected level of traffic: Gamma(shape, shape / mean)."""

    shape: float
    mean: float


ONSET_EVERY = 5
"""Minutes between the onsets that the volume test considers."""
FEW_EXPECTED = 25.0
"""The number of expected events below which only silence differs from the usual volume."""


SURPRISE = 2.0
"""The standard deviations of the others' volume from the expected above which history says nothing about today."""


class Others(Struct, frozen=True):
    """The other providers' events: running sums over the same minutes, divided by their dispersion."""

    seen: Sequence[float]
    expected: Sequence[float]
    shared: float
    """The part of the provider's variance that it shares with them."""


class CountedVolume(Struct, frozen=True):
    """One provider's events over some minutes, and the others' over the same minutes."""

    seen: Sequence[int]
    """Running sums: ``seen[m]`` counts the minutes before m."""
    expected: Sequence[float]
    """The same for the events expected."""
    variance: float
    """The variance of the ratio of the true to the expected level."""
    dispersion: float
    """The variance of counts over that of a Poisson distribution, at least 1."""
    others: Others


class Onsets(Struct, frozen=True):
    """The minutes from which a change may have begun, in order; the first is the deployment."""

    minutes: Sequence[int]
    """Those that have come."""
    slots: int
    """The number of later ones in the whole window; they share the prior weight that the first leaves."""


def common_level(variance: float, others: Others, onset: int) -> Level:
    """The level to expect of a provider since ``onset``, given the others' events since then.

    Users come and go together: ``others.shared`` is the common part of the variance, which the others' events narrow
    down; the rest is the provider's own.
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


class VolumeChange(Struct, frozen=True):
    """A change of volume to look for: to one of ``factors`` of the usual volume, beyond ``tolerated``."""

    factors: Sequence[tuple[float, float]]
    """(factor, prior weight); the weights sum to 1."""
    tolerated: float
    """The factor up to which a change does not count as one."""


DROP = VolumeChange(factors=((0.01, 0.7), (0.2, 0.05), (0.35, 0.25)), tolerated=0.99)
"""Silence except for stragglers, and two kinds of drop."""
DROP_OF_FEW = VolumeChange(factors=((0.01, 0.88), (0.2, 0.02), (0.35, 0.1)), tolerated=0.99)
"""The same where few events are expected, of which only silence differs from the usual."""


def drop_of(expected: float) -> VolumeChange:
    """The drop to look for where ``expected`` events are expected in the whole window."""
    return DROP_OF_FEW if expected < FEW_EXPECTED else DROP


def tolerated_mean(level: Level, change: VolumeChange) -> float:
    """The level up to which a change does not count as one: growth is no evidence of a drop, nor a drop of growth."""
    mean = level.mean * change.tolerated
    return min(mean, change.tolerated) if change.tolerated < 1 else max(mean, change.tolerated)


MOST_RISE = 1e6
"""The multiple of the usual volume above which all rises are treated alike."""


def rise(harm: float) -> VolumeChange:
    """A rise to ``harm`` times the usual volume, or twice that; growth by the square root of ``harm`` is tolerated."""
    harm = min(harm, MOST_RISE)
    tolerated = math.sqrt(harm)
    return VolumeChange(factors=((harm / tolerated, 0.5), (2 * harm / tolerated, 0.5)), tolerated=tolerated)


def volume_evidence(
    volume: CountedVolume, change: VolumeChange, onsets: Onsets, usual_too: Sequence[float] = ()
) -> VolumeEvidence:
    """The Bayes factor of "since some onset the volume is a fraction of the usual" against "as usual".

    With the level L ~ Gamma(a, b) under both, a factor f, and N and M the counts and expectations since the onset,
    divided by the dispersion:

        f^N * ((b + M) / (b + f M))^(a + N)

    the ratio of two negative binomial (Polya) predictive probabilities. ``usual_too`` are multiples of the expected
    volume that count as usual, too, such as the level of other days where today's differs. The change is compared with
    the most likely of them, so that the result stays an e-value whichever holds. For a rise everything between them
    counts as usual as well: where twelve times the usual was announced, nine times is no harm. Most of the prior weight
    is on the first onset; see :class:`Onsets`.
    """
    total, best = 0.0, VolumeEvidence(0.0, 0, 0, 0.0)
    seen, expected, dispersion = volume.seen, volume.expected, volume.dispersion
    for i, onset in enumerate(onsets.minutes):
        level = common_level(volume.variance, volume.others, onset)
        mean = tolerated_mean(level, change)
        came, usual = seen[-1] - seen[onset], expected[-1] - expected[onset]
        value = _ratio(came / dispersion, usual / dispersion, level.shape, mean, change.factors, usual_too)
        value *= AT_ONCE if i == 0 else (1.0 - AT_ONCE) / onsets.slots
        total += value
        if value > best.value:
            best = VolumeEvidence(value, onset, came, usual)
    return VolumeEvidence(total, best.onset, best.seen, best.expected)


def _ratio(
    count: float,
    usual: float,
    shape: float,
    mean: float,
    factors: Sequence[tuple[float, float]],
    usual_too: Sequence[float] = (),
) -> float:
    rate = shape / mean

    def likelier(factor: float) -> float:
        gain = math.log((rate + usual) / (rate + factor * usual))
        return count * math.log(factor) + (shape + count) * gain

    if factors[0][0] > 1.0 and usual > 0.0:
        # A rise: of all that is as usual between the level and the largest of these, what makes the count likeliest.
        likeliest = count * rate / (shape * usual)
        usual_too = [min(max(likeliest, 1.0), max([1.0, *usual_too]))]
    best = max((likelier(factor) for factor in usual_too), default=0.0)
    return sum(weight * math.exp(min(likelier(factor) - max(best, 0.0), 30.0)) for factor, weight in factors)
