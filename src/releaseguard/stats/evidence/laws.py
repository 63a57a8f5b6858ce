"""What "as usual" means for a share of errors: the laws that the evidence is weighed against."""

from __future__ import annotations

import math
from typing import Protocol

from msgspec import Struct

from releaseguard.stats.bounds import inside

LEAST_WEIGHT = 1e-6
"""Of what is known of a share: of nothing at all no probability follows."""


class KnownShare(Struct, frozen=True):
    """A share of errors and how well it is known: Beta(share weight, (1 - share) weight)."""

    share: float
    weight: float

    @property
    def parts(self) -> tuple[float, float]:
        """The two parameters of the beta distribution."""
        share, weight = inside(self.share), max(self.weight, LEAST_WEIGHT)
        return share * weight, (1.0 - share) * weight


class Law(Protocol):
    """The probability of rows before they are learned from."""

    def learn(self, minute: int, bad: int, good: int) -> float:
        """The logarithm of the probability of a minute's further rows, in their order, given all before them."""

    def age(self) -> None:
        """Another look begins."""


class Hourly:
    """A share that is known like a beta variable and learned from for an hour at a time, since shares wander."""

    def __init__(self, known: KnownShare) -> None:
        self._prior = known.parts
        self._bad, self._good = self._prior
        self._looks = 0

    def learn(self, _minute: int, bad: int, good: int) -> float:
        """As the law says."""
        before = log_beta(self._bad, self._good)
        self._bad = max(self._bad + bad, self._prior[0])
        self._good = max(self._good + good, self._prior[1])
        return log_beta(self._bad, self._good) - before

    def age(self) -> None:
        """Another hour has another share: what is known beforehand speaks of hours."""
        if self._looks and self._looks % 60 == 0:
            self._bad, self._good = self._prior
        self._looks += 1


class AtMost:
    """Any share up to a ceiling, from minute to minute another if need be.

    A likelihood ratio of a larger share against the ceiling grows with every error, so that its expectation is at
    most 1 whatever smaller share is true: no history and no independence of the shares is needed for that.
    """

    def __init__(self, ceiling: float) -> None:
        self._bad, self._good = math.log(inside(ceiling)), math.log1p(-inside(ceiling))

    def learn(self, _minute: int, bad: int, good: int) -> float:
        """As the law says."""
        return bad * self._bad + good * self._good

    def age(self) -> None:
        """A ceiling does not age."""


class Fitful:
    """The share of an incident, which may have moved for good, or come back to its level for a while.

    Two laws, one that knows what was learned so far and one that knows what was known at first, share the trust in
    them (fixed share: Herbster and Warmuth, Machine Learning 32 (1998), 151): with every look a part of it moves from
    one to the other, so that whichever of both holds for a stretch of minutes costs no more than the moves between.
    """

    def __init__(self, known: KnownShare) -> None:
        self._learned = Hourly(known)
        self._known = known.parts
        self._minutes: dict[int, tuple[int, int]] = {}
        self._trust = 0.5
        """In what was learned; the rest lies on what was known at first."""

    def learn(self, minute: int, bad: int, good: int) -> float:
        """As the law says."""
        held_bad, held_good = self._minutes.get(minute, (0, 0))
        errors, rest = held_bad + bad, held_good + good
        self._minutes[minute] = errors, rest
        learned = self._learned.learn(minute, bad, good)
        afresh = self._afresh(errors, rest) - self._afresh(held_bad, held_good)
        most = max(learned, afresh)
        by_learned, by_first = self._trust * math.exp(learned - most), (1.0 - self._trust) * math.exp(afresh - most)
        self._trust = by_learned / (by_learned + by_first)
        return most + math.log(by_learned + by_first)

    def _afresh(self, bad: int, good: int) -> float:
        a, b = self._known
        return log_beta(a + max(bad, 0), b + max(good, 0)) - log_beta(a, b)

    def age(self) -> None:
        """Another look begins."""
        self._learned.age()
        self._trust = MOVES * 0.5 + (1.0 - MOVES) * self._trust


MOVES = 0.1
"""Of the trust in the laws of an incident, what is divided evenly with every look: a stretch of it lasts minutes."""


def log_beta(a: float, b: float) -> float:
    """The logarithm of the beta function."""
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
