"""Whether a release makes fewer of one provider's events than its share of all traffic, by the split of the same
minutes.

Where two releases serve side by side, each minute's events of a provider divide between them as those of the other
providers do. This needs no history of the volume: a season, a campaign or absent users change both sides alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from releaseguard.stats.evidence.errors import AT_ONCE
from releaseguard.stats.evidence.laws import log_beta

ALIKE = 150.0
"""The number of events for which the other providers' share counts as knowledge of this provider's. Canaries chosen by
user, region or phone are not exchangeable with the rest."""
LOSSES = ((0.02, 0.4), (0.2, 0.3), (0.4, 0.3))
"""(fraction of the release's events that is left, prior weight)."""
STEP = 5
"""Minutes between the onsets that are considered, and over which the others' split is taken together."""
_MOST = 30.0


@dataclass(frozen=True, slots=True)
class Split:
    """One provider's events and the others' in some minutes: the new release's and all, each divided by the
    dispersion."""

    own: float
    every: float
    others_own: float
    others_every: float

    def __add__(self, other: Split) -> Split:
        return Split(
            self.own + other.own,
            self.every + other.every,
            self.others_own + other.others_own,
            self.others_every + other.others_every,
        )


NOTHING = Split(0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Expected:
    """The share of a provider's events that the new release should have made: Beta(share * weight, (1 - share) *
    weight)."""

    own: float
    every: float
    share: float
    weight: float


def expected_of(steps: Sequence[Split]) -> Expected:
    """The share to expect from the others' split, step by step, since a roll-out changes it."""
    own, every = sum(step.own for step in steps), sum(step.every for step in steps)
    others = sum(step.others_every for step in steps)
    if every <= 0.0 or others <= 0.0:
        return Expected(own, every, 0.5, 0.0)
    hoped = sum(step.every * (step.others_own + 0.5) / (step.others_every + 1.0) for step in steps)
    return Expected(own, every, hoped / every, 1.0 / (1.0 / ALIKE + 1.0 / others))


def split_evidence(steps: Sequence[Split], slots: int) -> float:
    """The Bayes factor of "since some onset the release loses events" against "it makes its share of them".

    With N events since the onset, n of them the release's, both beta-binomial (the share known as in
    :class:`Expected`): the probability of n where the odds are a fraction of what they should be, over that where they
    are not. It is conditional on N, so nothing that affects both releases alike counts as evidence.
    """
    total = 0.0
    for onset in range(len(steps)):
        found = expected_of(steps[onset:])
        weight = AT_ONCE if onset == 0 else (1.0 - AT_ONCE) / max(slots, 1)
        total += weight * (_ratio(found) if found.weight and 0.0 < found.share < 1.0 else 1.0)
    return total + max(1.0 - AT_ONCE - (1.0 - AT_ONCE) * (len(steps) - 1) / max(slots, 1), 0.0)


def _ratio(found: Expected) -> float:
    usual = _log_chance(found, found.share, found.weight)
    value = 0.0
    for left, weight in LOSSES:
        share = left * found.share / (left * found.share + 1.0 - found.share)
        # As well known on the scale of its odds.
        known = found.weight * found.share * (1.0 - found.share) / (share * (1.0 - share))
        value += weight * math.exp(min(_log_chance(found, share, known) - usual, _MOST))
    return value


def _log_chance(found: Expected, share: float, weight: float) -> float:
    a, b = max(share * weight, 1e-6), max((1.0 - share) * weight, 1e-6)
    return log_beta(a + found.own, b + max(found.every - found.own, 0.0)) - log_beta(a, b)


def deviations(found: Expected) -> float:
    """How many standard deviations fewer events than its share the release made."""
    if not found.weight or found.every <= 0.0:
        return 0.0
    variance = found.share * (1.0 - found.share) * (1.0 / found.every + 1.0 / found.weight)
    return (found.share - found.own / found.every) / math.sqrt(variance) if variance > 0.0 else 0.0


UNLIKELY = 0.2
"""The likelihood of the events under a loss over that under the release's share, up to which the loss is excluded."""


def excludes_loss(found: Expected, loss: float) -> bool:
    """Whether the release makes so many of the events that it has certainly not lost the fraction ``loss`` of its
    own."""
    left = max(1.0 - loss, 0.001)
    share = left * found.share / (left * found.share + 1.0 - found.share)
    known = found.weight * found.share * (1.0 - found.share) / max(share * (1.0 - share), 1e-9)
    return _log_chance(found, share, known) - _log_chance(found, found.share, found.weight) <= math.log(UNLIKELY)
