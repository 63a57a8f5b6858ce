"""E-processes for a share of errors: against the usual share, against an incident's, and against a ceiling."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from releaseguard.stats.bounds import inside
from releaseguard.stats.evidence.laws import AtMost, Either, Fitful, Hourly, KnownShare, Law, TimeOfDay, Times

HARMS = (0.04, 0.1, 0.3, 0.75)
"""Rises of the error share in the mixture: the fraction of requests that would have succeeded and now fail."""
HARM_WEIGHTS = ((25.0, (0.1, 0.15, 0.35, 0.4)), (250.0, (0.2, 0.35, 0.25, 0.2)), (math.inf, (0.25, 0.25, 0.25, 0.25)))
"""(upper limit of the events expected in the window, prior weights of the harms): few events never show a small
harm."""
BEYOND = ((0.1, 0.2), (0.3, 0.25), (0.75, 0.3), (0.97, 0.25))
"""(rise, prior weight) beyond a ceiling or an incident's level; what is far above either is mostly a total failure."""
AT_ONCE = 0.85
"""The prior weight of harm that begins with the deployment; the rest is spread over the window's minutes."""
BURST = 0.8
"""Caps the factor of one minute at this times the square root of what is needed: two minutes of nothing but errors
reach 64% of the e-value that fails a check."""
ONSETS = 3
"""About how many later onsets share a burst."""
_CEILING = 1e15


def harm_weights(expected: float) -> Sequence[float]:
    """The prior weights of :data:`HARMS` for that many expected events; they sum to 1."""
    return next(weights for below, weights in HARM_WEIGHTS if expected <= below)


class _Against:
    """A law, and the shares p_h of the harms that its rows are weighed by."""

    def __init__(self, law: Law, harms: Iterable[float]) -> None:
        self.law = law
        self._chances = _Chances(harms)

    def gains(self, minute: int, bad: int, good: int) -> Sequence[float]:
        """How much likelier a minute's further rows are by each harm than by the law, as a logarithm."""
        usual = self.law.learn(minute, bad, good)
        return [chance - usual for chance in self._chances.of(bad, good)]


class _AgainstEither(_Against):
    """The same where either of two shares is the usual one: a harm raises whichever it is, as likely as the law holds
    each to be before the rows come."""

    def __init__(self, law: Either, harms: Iterable[float], others: Iterable[float]) -> None:
        super().__init__(law, harms)
        self._either, self._others = law, _Chances(others)

    def gains(self, minute: int, bad: int, good: int) -> Sequence[float]:
        """As of any law."""
        trust = self._either.trust
        usual = self.law.learn(minute, bad, good)
        both = zip(self._chances.of(bad, good), self._others.of(bad, good), strict=True)
        return [_log_mean(one, other, trust) - usual for one, other in both]


class _Chances:
    """The probability of rows, by each of some shares of errors."""

    def __init__(self, shares: Iterable[float]) -> None:
        certain = [inside(share) for share in shares]
        self._bad, self._good = [math.log(p) for p in certain], [math.log1p(-p) for p in certain]

    def of(self, bad: int, good: int) -> Sequence[float]:
        """Their logarithms."""
        return [bad * more + good * less for more, less in zip(self._bad, self._good, strict=True)]


def _log_mean(one: float, other: float, trust: float) -> float:
    """The logarithm of the mean of two numbers whose logarithms are given, with ``trust`` in the other."""
    most = max(one, other)
    return most + math.log((1.0 - trust) * math.exp(one - most) + trust * math.exp(other - most))


class ShareProcess:
    """The e-process of one error share against a law.

    E(t) = sum over harms h and onsets s of pi(h) w(s) * product over minutes m in (s, t] of
    min(cap(s), p_h^k (1 - p_h)^(n - k) / Q(k, n | past)), with n events and k errors and Q the law's probability of
    them. Under the law each factor has expectation at most 1, cut or not. Minutes ``at_times`` have laws and harms of
    their own, as many of these.
    ``harms`` are (share p_h, prior weight pi); ``needed``, the E that fails the check, chooses the caps: no burst of
    a minute or two decides.
    """

    def __init__(
        self,
        law: Law,
        harms: Sequence[tuple[float, float]],
        minutes: int,
        needed: float,
        at_times: Mapping[int, _Against] = MappingProxyType({}),
    ) -> None:
        self._always = _Against(law, [share for share, _ in harms])
        self._at_times = at_times
        self._laws = list(dict.fromkeys([self._always, *at_times.values()]))
        self._weights = [weight for _, weight in harms]
        self._unspent = 1.0
        self._each_minute = (1.0 - AT_ONCE) / max(minutes, 1)
        self._at_once = _Sums(len(harms), _cap(needed, AT_ONCE))
        self._later = _Sums(len(harms), _cap(needed, ONSETS * self._each_minute))
        self._minutes: dict[int, list[float]] = {}

    @property
    def value(self) -> float:
        """E as of the newest look."""
        return self._at_once.value + self._later.value + self._unspent

    def look(self, arrived: Iterable[tuple[int, int, int]]) -> float:
        """Add what arrived since the last look: (minute, events, errors); returns E.

        Events of one minute may arrive over several looks; the cap applies to the minute as a whole.
        """
        self._begin_an_onset()
        for against in self._laws:
            against.law.age()
        self.take(arrived)
        return self.value

    def take(self, arrived: Iterable[tuple[int, int, int]]) -> None:
        """Add more of what arrived since the last look."""
        for minute, total, bad in arrived:
            against = self._at_times.get(minute, self._always)
            before = self._minutes.get(minute, [0.0] * len(self._weights))
            gains = against.gains(minute, bad, total - bad)
            after = [held + gain for held, gain in zip(before, gains, strict=True)]
            self._minutes[minute] = after
            self._at_once.multiply(before, after)
            self._later.multiply(before, after)

    def _begin_an_onset(self) -> None:
        first = self._unspent == 1.0
        weight = AT_ONCE if first else min(self._each_minute, self._unspent)
        self._unspent -= weight
        (self._at_once if first else self._later).add([weight * part for part in self._weights])


class ErrorProcess(ShareProcess):
    """Against what is usual: ``share``, known like from ``weight`` events, and learned from for an hour at a time.

    ``expected`` events in the window choose the prior weights of the harms.
    """

    def __init__(
        self,
        share: float,
        weight: float,
        minutes: int,
        *,
        expected: float = math.inf,
        needed: float = 800.0,
        times: Times = MappingProxyType({}),
    ) -> None:
        usual = KnownShare(inside(share), weight)
        at_times = _at_times(usual, times)
        super().__init__(Hourly(usual), _raised(usual.share, expected), minutes, needed, at_times)


def _at_times(usual: KnownShare, times: Times) -> Mapping[int, _Against]:
    """What the minutes that have their own usual share are weighed against: the same harms."""
    of_each: dict[TimeOfDay, _Against] = {}
    for one in times.values():
        if one not in of_each:
            harms, others = ([share for share, _ in _raised(s, math.inf)] for s in (usual.share, one.level.share))
            of_each[one] = _AgainstEither(Either(usual, one.level, one.likely), harms, others)
    return {minute: of_each[one] for minute, one in times.items()}


def _raised(share: float, expected: float) -> Sequence[tuple[float, float]]:
    """The harms, from a usual share on."""
    raised = [share + (1.0 - share) * harm for harm in HARMS]
    return list(zip(raised, harm_weights(expected), strict=True))


def against_ceiling(ceiling: float, minutes: int, *, needed: float) -> ShareProcess:
    """The e-process against any share up to ``ceiling``; it needs no history."""
    return ShareProcess(AtMost(ceiling), _beyond(ceiling), minutes, needed)


def against_incident(level: KnownShare, minutes: int, *, needed: float) -> ShareProcess:
    """The e-process against an incident that continues at, or returns to, its own level."""
    return ShareProcess(Fitful(level), _beyond(level.share), minutes, needed)


def against_trouble(
    level: KnownShare,
    usual: KnownShare,
    minutes: int,
    *,
    expected: float,
    needed: float,
    times: Times = MappingProxyType({}),
) -> ShareProcess:
    """The e-process against trouble that may be in progress at its own level, with the harms of a release that was well
    before: against whichever of both makes the rows more likely."""
    harms = _raised(inside(usual.share), expected)
    return ShareProcess(Fitful(level), harms, minutes, needed, _at_times(usual, times))


def _beyond(share: float) -> Sequence[tuple[float, float]]:
    return [(share + (1.0 - share) * harm, weight) for harm, weight in BEYOND]


def _cap(needed: float, weight: float) -> float:
    """The logarithm of the factor of which two do not raise a prior ``weight`` to ``needed``."""
    return math.log(max(BURST * math.sqrt(needed / weight), 1.0))


class _Sums:
    """Weighted products of likelihood ratios, by harm; one minute multiplies them by at most ``exp(cap)``."""

    def __init__(self, harms: int, cap: float) -> None:
        self._cap = cap
        self._sums = [0.0] * harms

    @property
    def value(self) -> float:
        return math.fsum(self._sums)

    def add(self, weights: Sequence[float]) -> None:
        """Include more prior weight from now on."""
        self._sums = [held + weight for held, weight in zip(self._sums, weights, strict=True)]

    def multiply(self, before: Sequence[float], after: Sequence[float]) -> None:
        """Replace a minute's log likelihood ratios ``before`` by ``after``."""
        for j, (old, new) in enumerate(zip(before, after, strict=True)):
            gain = min(new, self._cap) - min(old, self._cap)
            self._sums[j] = min(self._sums[j] * math.exp(gain), _CEILING)
