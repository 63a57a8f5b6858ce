"""What "as usual" means for a share of errors: the probability laws with which the evidence compares."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from releaseguard.stats.bounds import inside

LEAST_WEIGHT = 1e-6
"""The least weight of a known share, since nothing known at all gives no probability."""


class KnownShare(Struct, frozen=True):
    """A share of errors and how well it is known: Beta(share * weight, (1 - share) * weight)."""

    share: float
    weight: float

    @property
    def parts(self) -> tuple[float, float]:
        """The two parameters of the beta distribution."""
        share, weight = inside(self.share), max(self.weight, LEAST_WEIGHT)
        return share * weight, (1.0 - share) * weight


class TimeOfDay(Struct, frozen=True):
    """A minute with a usual error share of its own, such as that of a batch or of a job at a fixed time."""

    level: KnownShare
    """The error share of the stretch of such minutes, on days that have it."""
    likely: float
    """The probability that today has it."""
    average: KnownShare
    """The error share of such a minute so far, over days with it and days without."""


Times = Mapping[int, TimeOfDay]
"""Minute -> its usual share."""


class Law(Protocol):
    """The probability of rows, computed before the law learns from them."""

    def learn(self, minute: int, bad: int, good: int) -> float:
        """The logarithm of the probability of a minute's further rows, in their order, given all rows before them;
        learns from them."""

    def age(self) -> None:
        """Tell the law that another look begins."""


class Hourly:
    """A share that is known like a beta variable and learned from for one hour at a time, since shares drift."""

    def __init__(self, known: KnownShare) -> None:
        self._prior = known.parts
        self._bad, self._good = self._prior
        self._looks = 0

    def learn(self, _minute: int, bad: int, good: int) -> float:
        """See :meth:`Law.learn`."""
        before = log_beta(self._bad, self._good)
        self._bad = max(self._bad + bad, self._prior[0])
        self._good = max(self._good + good, self._prior[1])
        return log_beta(self._bad, self._good) - before

    def age(self) -> None:
        """See :meth:`Law.age`; another hour has another share, of which only the prior knowledge applies."""
        if self._looks and self._looks % 60 == 0:
            self._bad, self._good = self._prior
        self._looks += 1


class Either:
    """One of two shares: the usual one or, with probability ``likely``, the one that these minutes of the day have. The
    probability of the second follows the rows, and moves back in part at every look, since a batch begins and ends."""

    def __init__(self, usual: KnownShare, other: KnownShare, likely: float) -> None:
        self._usual, self._other = Hourly(usual), Hourly(other)
        self._likely = self.trust = likely
        """In the second."""

    def learn(self, minute: int, bad: int, good: int) -> float:
        """See :meth:`Law.learn`."""
        usual, other = self._usual.learn(minute, bad, good), self._other.learn(minute, bad, good)
        most = max(usual, other)
        by_usual, by_other = (1.0 - self.trust) * math.exp(usual - most), self.trust * math.exp(other - most)
        self.trust = by_other / (by_usual + by_other)
        return most + math.log(by_usual + by_other)

    def age(self) -> None:
        """See :meth:`Law.age`."""
        self._usual.age()
        self._other.age()
        self.trust = MOVES * self._likely + (1.0 - MOVES) * self.trust


class AtMost:
    """Any share up to a ceiling, which may differ from minute to minute.

    The likelihood ratio of a larger share to the ceiling grows with every error, so its expectation is at most 1 for
    every smaller true share. This needs neither history nor independence of the shares.
    """

    def __init__(self, ceiling: float) -> None:
        self._bad, self._good = math.log(inside(ceiling)), math.log1p(-inside(ceiling))

    def learn(self, _minute: int, bad: int, good: int) -> float:
        """See :meth:`Law.learn`."""
        return bad * self._bad + good * self._good

    def age(self) -> None:
        """Does nothing: a ceiling does not age."""


class Fitful:
    """The share of an incident, which may have moved for good, or return to its level for a while.

    Two laws share the trust: one has learned from all minutes; the other knew the level and has learned only from the
    minutes that were more like it (fixed share: Herbster and Warmuth, Machine Learning 32 (1998), 151). At every look a
    part of the trust moves from one to the other, so whichever of both holds for a stretch of minutes, the only cost is
    that of the moves.
    """

    def __init__(self, known: KnownShare) -> None:
        self._learned = Hourly(known)
        self._known = known.parts
        self._back = 0.0, 0.0
        """Errors and others of the minutes in which the incident was back, at most :data:`BACK` of them."""
        self._trust = 0.5
        """In what was learned; the rest lies on the incident's own level."""

    def learn(self, minute: int, bad: int, good: int) -> float:
        """See :meth:`Law.learn`."""
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
        """Learn from the rows, but count what is known for a limited number of events, since an incident's share
        drifts."""
        errors, rest = max(self._back[0] + bad, 0.0), max(self._back[1] + good, 0.0)
        part = min(BACK / max(errors + rest, BACK), 1.0)
        self._back = errors * part, rest * part

    def age(self) -> None:
        """See :meth:`Law.age`."""
        self._learned.age()
        self._trust = MOVES * 0.5 + (1.0 - MOVES) * self._trust


BACK = 50.0
"""The number of events for which the learned level of an incident counts."""
MOVES = 0.1
"""The part of the trust in an incident's laws that is divided evenly at every look; a stretch lasts minutes."""


def log_beta(a: float, b: float) -> float:
    """The logarithm of the beta function."""
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
