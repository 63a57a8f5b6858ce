"""Trouble that comes and goes: the stretches in which errors were far above the usual, and the pauses between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from releaseguard.stats.baseline import ErrorBaseline
from releaseguard.stats.bounds import likelihood_ratio
from releaseguard.stats.cusum import SLOW, ErrorCusum, RecoveryCusum

OVER = 100.0
"""The likelihood ratio of "as usual" to an episode's level from which the episode has ended."""
PATIENCE = 2
"""The multiple of its longest pause for which recurring trouble may be quiet without being over."""


@dataclass(frozen=True, slots=True)
class Minute:
    """Events and errors of one minute."""

    minute: int
    events: int
    errors: int


@dataclass(frozen=True, slots=True)
class Episode:
    """The minutes ``[began, ended)`` of one stretch of trouble."""

    began: int
    ended: int
    events: int
    errors: int


@dataclass(frozen=True, slots=True)
class Recurring:
    """Trouble that occurred at least twice and may return at any moment."""

    events: int
    errors: int
    """The errors in its episodes together."""
    pause: int
    """The longest pause between two episodes, in minutes."""

    @property
    def calm(self) -> int:
        """Minutes without trouble after which it counts as over."""
        return PATIENCE * self.pause + 1


def recurring(minutes: Sequence[Minute], usual: ErrorBaseline, until: int, surely: float) -> Recurring | None:
    """Trouble that came and went before minute ``until`` and may return; ``None`` where it occurred at most once, or
    has been quiet for longer than ever before. ``surely``: the evidence from which a stretch is an episode."""
    found = _episodes(minutes, usual, surely)
    if len(found) < 2:
        return None
    pause = max(later.began - earlier.ended for earlier, later in pairwise(found))
    whole = Recurring(sum(one.events for one in found), sum(one.errors for one in found), pause)
    return whole if until - found[-1].ended < whole.calm else None


def ended(minutes: Sequence[Minute], usual: ErrorBaseline, *, surely: float, odds: float, calm: int) -> Episode | None:
    """The worst stretch of trouble, where it is certainly over: the rows since are ``odds`` times more likely as usual
    than at its level, for each of its events, and last for ``calm`` minutes. ``surely`` as in :func:`recurring`. Its
    end is the first minute in which everything is as usual."""
    found = _worst(minutes, usual, math.log(surely))
    if found is None:
        return None
    first, last, events, errors = found
    falling, after = RecoveryCusum(usual.bound, min(errors / events, 0.99)), minutes[last + 1 :]
    for one in after:
        falling.minute(one.minute, one.events, one.errors)
    if falling.began is None or falling.value < odds * events or after[-1].minute - falling.began + 1 < calm:
        return None
    return Episode(minutes[first].minute, falling.began, events, errors)


def most_a_minute(minutes: Sequence[Minute], until: int, spans: Sequence[int]) -> float:
    """The errors per minute in the worst of these spans before ``until``; 0 where there are only a few errors."""
    errors = {span: sum(one.errors for one in minutes if one.minute >= until - span) for span in spans}
    return max((number / span for span, number in errors.items() if number >= LEAST_ERRORS), default=0.0)


LEAST_ERRORS = 3
"""The number of errors below which they are chance."""


def _worst(minutes: Sequence[Minute], usual: ErrorBaseline, least: float) -> tuple[int, int, int, int] | None:
    """The indices of the first and last minute of the stretch whose error share is farthest above the usual by its
    likelihood ratio (a scan statistic), with its events and errors; ``None`` where that is below ``least``."""
    found, most = None, least
    bad = [place for place, one in enumerate(minutes) if one.errors]
    for number, last in enumerate(bad):
        events = errors = 0
        beyond = last + 1
        for first in reversed(bad[: number + 1]):
            events += sum(one.events for one in minutes[first:beyond])
            errors, beyond = errors + minutes[first].errors, first
            ratio = likelihood_ratio(errors, events, usual.bound, errors / events)
            if errors > usual.bound * events and ratio > most:
                found, most = (first, last, events, errors), ratio
    return found


def _episodes(minutes: Sequence[Minute], usual: ErrorBaseline, surely: float) -> Sequence[Episode]:
    found, rest = [], minutes
    while (rose := _rise(rest, usual, surely)) is not None:
        first, last = rose
        fell = _fall(rest, first, last, usual)
        inside = rest[first:fell]
        events, errors = sum(one.events for one in inside), sum(one.errors for one in inside)
        found.append(Episode(inside[0].minute, inside[-1].minute + 1, events, errors))
        rest = rest[fell:]
    return found


def _rise(minutes: Sequence[Minute], usual: ErrorBaseline, surely: float) -> tuple[int, int] | None:
    """The indices of the first minute of trouble, and of the one in which that is certain."""
    rising, first = ErrorCusum(usual, harms=SLOW), 0
    for place, one in enumerate(minutes):
        rising.minute(one.events, one.errors)
        if rising.value >= surely:
            return first, place
        if rising.value <= 1.0:
            first = place + 1
    return None


def _fall(minutes: Sequence[Minute], first: int, last: int, usual: ErrorBaseline) -> int:
    """The index of the first minute after an episode; the end where it lasts."""
    shown = minutes[first : last + 1]
    events, errors = sum(one.events for one in shown), sum(one.errors for one in shown)
    falling = RecoveryCusum(usual.bound, min(errors / events, 0.99))
    for place in range(last + 1, len(minutes)):
        falling.minute(place, minutes[place].events, minutes[place].errors)
        if falling.value >= OVER and falling.began is not None:
            return falling.began
    return len(minutes)
