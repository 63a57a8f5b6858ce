"""Minutes of the day with a usual error share of their own: a batch or a job at a fixed time of which a part fails."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

from releaseguard.stats.baseline import (
    HOUR,
    MOST_DAYS,
    USUAL_SHARE_VARIANCE,
    BaselineSpan,
    ErrorBaseline,
    error_baseline,
    share_variance,
    without_incidents,
)
from releaseguard.stats.bounds import likelihood_ratio
from releaseguard.stats.calendar import DAY, Calendar, ComparableDay
from releaseguard.stats.evidence.laws import KnownShare, TimeOfDay, Times
from releaseguard.stats.series import KnownSeries

STEP: Final = 5
"""The length of a step in minutes, as for batches that show in the volume."""
SURELY: Final = math.log(3_000.0)
"""The logarithm of the likelihood ratio of a share of its own to the usual one from which a step has its own."""
WIDTHS: Final = (1, 2, 3)
"""The numbers of steps that are taken together where each has too few events."""
LEAST_ERRORS: Final = 3
LEAST_DAYS, DAYS_HAVE_IT = 3, 0.4
"""Days that are looked at, at least, and how many of them must have such errors: on workdays alone is enough."""
LEAST_WEEKS, WEEKS_HAVE_IT = 2, 0.6
"""The same of days of the same weekday."""
LEAST_HOURS, MOST_HOURS, HOURS_HAVE_IT = 12, 72, 0.6
"""The same of hours, where there are too few days."""
HAS_IT: Final = 0.3
"""The fraction of its usual errors from which a day has them."""
IS_ONE, BESIDE_ONE, MAY_HAVE_MOVED = 0.9, 0.2, 0.05
"""How likely a minute has such errors that had them before; that lies beside one; that lies an hour from one, since
clocks change, and a job is put off."""
DRAWN: Final = 20.0
"""The number of events at the usual share that count in a step's average, so that a step with few events is as
usual."""


@dataclass(frozen=True, slots=True)
class ErrorsAround:
    """The usual errors around a deployment."""

    base: ErrorBaseline
    times: Times
    """The minutes with an error share of their own, above the usual."""


def usual_errors(
    series: KnownSeries, span: BaselineSpan, around: range, *, window: int, calendar: Calendar
) -> ErrorsAround:
    """The usual errors in the minutes ``around`` a deployment at the end of ``span``.

    Minutes are compared with the same minutes of the history's days, or of its days of the same weekday, or, with less
    than three days of history, of its hours. Past minutes like those with a share of their own do not count in the
    usual share of the others.
    """
    base = error_baseline(series, span, minutes=window)
    if base.errors < LEAST_ERRORS:
        return ErrorsAround(base, {})
    times, past = _found(series, around, base, _groups(calendar.before(span.end, min(span.days, MOST_DAYS)), span))
    return ErrorsAround(error_baseline(series, span, minutes=window, apart=past) if past else base, times)


def _found(
    series: KnownSeries, ahead: range, usual: ErrorBaseline, groups: Iterable[_Group]
) -> tuple[Times, Collection[int]]:
    """The minutes of ``ahead`` with a share of their own, and the past minutes that were like them."""
    minutes: dict[int, TimeOfDay] = {}
    past: set[int] = set()
    steps = range(ahead.start - HOUR - STEP, ahead.stop + HOUR + STEP, STEP)
    for group in groups:
        for step, one in group.found(series, steps, usual):
            there = range(step, step + STEP)
            past.update(minute - shift for shift in group.shifts for minute in there)
            moved = TimeOfDay(one.level, MAY_HAVE_MOVED, one.level)
            for off, found in ((0, one), (-HOUR, moved), (HOUR, moved)):
                for minute in (at + off for at in there):
                    if minute in ahead and (minute not in minutes or minutes[minute].likely < found.likely):
                        minutes[minute] = found
    return minutes, past if minutes else ()


@dataclass(frozen=True, slots=True)
class _Group:
    """Moments of the past that may be comparable, each as the number of minutes ago."""

    shifts: Sequence[int]
    have_it: float
    """The fraction of them that must have errors of their own."""

    def found(self, series: KnownSeries, steps: range, usual: ErrorBaseline) -> Iterable[tuple[int, TimeOfDay]]:
        """The steps in which these moments had errors of their own, with those on either side of each stretch."""
        if sum(series.counts(steps[0] - shift, steps[-1] - shift)[1] for shift in self.shifts) < LEAST_ERRORS:
            return
        seen = list(zip(*(series.every(steps.start - shift, STEP, len(steps)) for shift in self.shifts), strict=True))
        found = sorted({i for width in WIDTHS for i in self._standing_out(seen, width, usual)})
        for first, last in _runs(found):
            level = _level(_together(seen[first : last + 1]), usual, 0.0)
            for i in range(max(first - 1, 0), min(last + 2, len(steps))):
                likely = IS_ONE if first <= i <= last else BESIDE_ONE
                yield steps[i], TimeOfDay(level, likely, _level(seen[i], usual, DRAWN))

    def _standing_out(
        self, seen: Sequence[Sequence[tuple[int, int]]], width: int, usual: ErrorBaseline
    ) -> Iterable[int]:
        """The steps that together, ``width`` at a time, have a share of their own and are above the usual by
        themselves."""
        above = [errors > usual.bound * events for events, errors in map(_sum, seen)]
        for first in range(len(seen) - width + 1):
            steps = range(first, first + width)
            if above[steps[0]] and above[steps[-1]] and self._stands_out(_together(seen[first : first + width]), usual):
                yield from (i for i in steps if above[i])

    def _stands_out(self, moments: Sequence[tuple[int, int]], usual: ErrorBaseline) -> bool:
        """Whether the moments stand out without the worst of them: once is not usual."""
        calm = sorted(without_incidents(moments), key=itemgetter(1))
        events, errors = _sum(calm[:-1] if len(calm) == len(moments) else calm)
        if errors < LEAST_ERRORS or errors <= usual.bound * events:
            return False
        least = max(HAS_IT * errors / events, usual.bound)
        have_it = sum(bad > least * total for total, bad in moments)
        is_sure = likelihood_ratio(errors, events, usual.bound, errors / events) >= SURELY
        return is_sure and have_it >= self.have_it * len(moments)


def _groups(days: Sequence[ComparableDay], span: BaselineSpan) -> Iterable[_Group]:
    shifts = [day.shift for day in days if day.weight > 0.0]
    if len(shifts) < LEAST_DAYS:
        hours = min((span.end - span.start) // HOUR, MOST_HOURS)
        if hours >= LEAST_HOURS:
            yield _Group(range(HOUR, HOUR * hours + 1, HOUR), HOURS_HAVE_IT)
        return
    yield _Group(shifts, DAYS_HAVE_IT)
    weeks = [shift for shift in shifts if round(shift / DAY) % 7 == 0]
    if len(weeks) >= LEAST_WEEKS:
        yield _Group(weeks, WEEKS_HAVE_IT)


def _runs(steps: Sequence[int]) -> Iterable[tuple[int, int]]:
    """The first and last of the consecutive steps, with at most one missing between two."""
    starts = [i for i, step in enumerate(steps) if i == 0 or step > steps[i - 1] + 2]
    for number, start in enumerate(starts):
        end = starts[number + 1] if number + 1 < len(starts) else len(steps)
        yield steps[start], steps[end - 1]


def _together(steps: Sequence[Sequence[tuple[int, int]]]) -> Sequence[tuple[int, int]]:
    """For each moment, the sums over several steps."""
    return [_sum(moments) for moments in zip(*steps, strict=True)]


def _sum(counts: Iterable[tuple[int, int]]) -> tuple[int, int]:
    pairs = list(counts)
    return sum(total for total, _ in pairs), sum(bad for _, bad in pairs)


def _level(moments: Sequence[tuple[int, int]], usual: ErrorBaseline, drawn: float) -> KnownShare:
    """Their error share, shrunk towards the usual with the weight of ``drawn`` events, and how well it is known: from
    their events and from how much their shares differ."""
    calm = without_incidents(moments)
    events, errors = _sum(calm)
    share = min((errors + 0.5 + drawn * usual.share) / (events + 1.0 + drawn), 0.99)
    # Few days tell little of how much they differ, and how many calls beside a batch's are in its minutes does too.
    variance = max(share_variance(calm, share), USUAL_SHARE_VARIANCE)
    spread = 1.0 / (events + 1.0 + drawn) + variance * share / (1.0 - share)
    return KnownShare(share, 1.0 / spread)
