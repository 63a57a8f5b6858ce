"""What "as usual" means for a share of errors: the laws that the evidence is weighed against."""

from __future__ import annotations

import math
from collections.abc import Mapping
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


class TimeOfDay(Struct, frozen=True):
    """A minute that has its own usual share of errors: one of a batch or of a job at a fixed time."""

    level: KnownShare
    """The share of the stretch of such minutes, where it has it today."""
    likely: float
    """How likely that is."""
    average: KnownShare
    """The share that such a minute has had so far, with it and without."""


Times = Mapping[int, TimeOfDay]
"""By minute."""


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


class Either:
    """One of two shares: the usual one, or, as likely as ``likely``, one that these minutes of the day have. The trust
    in the second follows the rows, and a part of it goes back with every look, since a batch begins and ends."""

    def __init__(self, usual: KnownShare, other: KnownShare, likely: float) -> None:
        self._usual, self._other = Hourly(usual), Hourly(other)
        self._likely = self.trust = likely
        """In the second."""

    def learn(self, minute: int, bad: int, good: int) -> float:
        """As the law says."""
        usual, other = self._usual.learn(minute, bad, good), self._other.learn(minute, bad, good)
        most = max(usual, other)
        by_usual, by_other = (1.0 - self.trust) * math.exp(usual - most), self.trust * math.exp(other - most)
        self.trust = by_other / (by_usual + by_other)
        return most + math.log(by_usual + by_other)

    def age(self) -> None:
        """Another look begins."""
        self._usual.age()
        self._other.age()
        self.trust = MOVES * self._likely + (1.0 - MOVES) * self.trust


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

    Two laws, one that has learned from all minutes and one that knew the level at first and learned from those alone
    which were more like it, share the trust in them (fixed share: Herbster and Warmuth, Machine Learning 32 (1998),
    151): with every look a part of it moves from one to the other, so that whichever of both holds for a stretch of
    minutes costs no more than the moves between.
    """

    def __init__(self, known: KnownShare) -> None:
        self._learned = Hourly(known)
        self._known = known.parts
        self._back = 0.0, 0.0
        """Errors and others of the minutes in which the incident was back, at most :data:`BACK` of them."""
        self._trust = 0.5
        """In what was learned; the rest lies on the incident's own level."""

    def learn(self, minute: int, bad: int, good: int) -> float:
        """As the law says."""
        learned, back = self._learned.learn(minute, bad, good), self._again(bad, good)
        if back > learned:
            self._remember(bad, good)
        most = max(learned, back)
        by_learned, by_level = self._trust * math.exp(learned - most), (1.0 - self._trust) * math.exp(back - most)
        self._trust = by_learned / (by_learned + by_level)
        return most + math.log(by_learned + by_level)

    def _again(self, bad: int, good: int) -> float:
        a, b = (known + seen for known, seen in zip(self._known, self._back, strict=True))
        return log_beta(max(a + bad, LEAST_WEIGHT), max(b + good, LEAST_WEIGHT)) - log_beta(a, b)

    def _remember(self, bad: int, good: int) -> None:
        """An incident's share wanders: what is known of it stands for so many events and no more."""
        errors, rest = max(self._back[0] + bad, 0.0), max(self._back[1] + good, 0.0)
        part = min(BACK / max(errors + rest, BACK), 1.0)
        self._back = errors * part, rest * part

    def age(self) -> None:
        """Another look begins."""
        self._learned.age()
        self._trust = MOVES * 0.5 + (1.0 - MOVES) * self._trust


BACK = 50.0
"""Events that what is learned of an incident's level counts for."""
MOVES = 0.1
"""Of the trust in the laws of an incident, what is divided evenly with every look: a stretch of it lasts minutes."""


def log_beta(a: float, b: float) -> float:
    """The logarithm of the beta function."""
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
