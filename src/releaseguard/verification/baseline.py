"""What the time before a deployment lets one expect: the usual share of errors and the usual volume.

Both are estimated with past incidents cut out, and both carry their own uncertainty, since real traffic
varies more than Poisson's and Bernoulli's laws allow.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from releaseguard.verification.bounds import upper_share
from releaseguard.verification.series import Known

DAY = 24 * 60
HOUR = 60
RECENT = 180
"""Minutes before the deployment that tell today's level of traffic."""
BOUND_CONFIDENCE = 0.975
"""Of the upper bound of the usual error share, which is the null hypothesis."""


@dataclass(frozen=True, slots=True)
class Span:
    """The minutes ``[start, end)`` of the baseline; the deployment is at ``end``."""

    start: int
    end: int

    @property
    def days(self) -> int:
        return (self.end - self.start) // DAY


@dataclass(frozen=True, slots=True)
class ErrorBaseline:
    """The usual share of errors: ``errors`` of ``events`` outside incidents, and the bound above it."""

    events: int
    errors: int
    share: float
    bound: float
    dispersion: float
    """Variance of the hourly errors over the binomial one, at least 1."""
    hours_cut: int
    """Hours left out because they were incidents."""


def error_baseline(series: Known, span: Span, *, least_rise: float, minutes: int = HOUR) -> ErrorBaseline:
    """The usual share of errors before the deployment.

    ``bound`` is the largest share that is still called usual: Clopper and Pearson's upper bound of the share
    outside incidents with counts divided by their dispersion, the share at this time of day where that is
    higher, and never less than ``least_rise`` above the share: a rise nobody calls harm is no alarm. Where the
    window is longer than an hour, the share's own wandering is added: the largest of H hours lies about
    sqrt(2 ln H) deviations above their mean.
    """
    hours = [series.counts(start, start + HOUR) for start in range(span.end - HOUR, span.start - 1, -HOUR)]
    seen = [hour for hour in hours if hour[0]]
    kept = _without_incidents(seen)
    events, errors = sum(n for n, _ in kept), sum(k for _, k in kept)
    share = (errors + 0.5) / (events + 1.0) if events else 0.0
    dispersion = _error_dispersion(kept, share)
    bound = upper_share(errors / dispersion, events / dispersion, BOUND_CONFIDENCE)
    bound += _wandering(kept, share, dispersion) * math.sqrt(2 * math.log(max(minutes / HOUR, 1.0)))
    bound = max(bound, share + least_rise, _same_time(hours, kept, share))
    return ErrorBaseline(events, errors, share, min(bound, 0.5), dispersion, len(seen) - len(kept))


def _without_incidents(hours: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The hours whose errors fit the others; where over a third do not, trouble is the usual state."""
    kept = list(hours)
    for _ in range(4):
        events, errors = sum(n for n, _ in kept), sum(k for _, k in kept)
        share = (errors + 0.5) / (events + 1.0)
        calm = [(n, k) for n, k in kept if not _is_incident(n, k, share)]
        if len(calm) == len(kept):
            break
        kept = calm
    return kept if 3 * len(kept) >= 2 * len(hours) else list(hours)


def _is_incident(events: int, errors: int, share: float) -> bool:
    """Whether so many errors in an hour are far outside the usual: over 3 times, and 5 deviations and 2 more."""
    usual = events * share
    return errors > 3 * usual and errors > usual + 5 * math.sqrt(usual * (1 - share)) + 2


def _error_dispersion(hours: Sequence[tuple[int, int]], share: float) -> float:
    variance = share * (1 - share)
    expected = sum(n * variance for n, _ in hours)
    if expected <= 0:
        return 1.0
    # Weighted by the expected variance, so that hours with a handful of events do not decide it.
    observed = sum((k - n * share) ** 2 for n, k in hours)
    return min(max(observed / expected, 1.0), 20.0)


def _wandering(hours: Sequence[tuple[int, int]], share: float, dispersion: float) -> float:
    """The deviation of an hour's true share from the overall one: what dispersion leaves beyond chance."""
    events = sum(n for n, _ in hours)
    weighted = sum(n * n for n, _ in hours) / events if events else 0.0
    return math.sqrt((dispersion - 1) * share * (1 - share) / weighted) if weighted else 0.0


def _same_time(hours: Sequence[tuple[int, int]], kept: Sequence[tuple[int, int]], share: float) -> float:
    """The share at the deployment's time of day on previous days, drawn towards the overall one."""
    calm = set(kept)
    near = [hour for i, hour in enumerate(hours) if (i + 1) % 24 in {0, 1, 23} and i >= 22 and hour in calm]
    events, errors = sum(n for n, _ in near), sum(k for _, k in near)
    return (errors + 400 * share) / (events + 400)


@dataclass(frozen=True, slots=True)
class VolumeBaseline:
    """The usual volume: a rate for each minute after the deployment, and how far to trust it.

    ``rates`` are events a minute at today's level; ``variance`` is that of the ratio of the true level to the
    expected one; ``dispersion`` the variance of counts over Poisson's, at least 1.
    """

    rates: Sequence[float]
    variance: float
    dispersion: float
    level: float
    """Today's traffic as a multiple of the same hours of previous days."""
    days: int
    events: int
    """Events in the baseline."""
    trials: Sequence[tuple[float, int]]
    """Pseudo-releases, newest first: what this rule would have predicted for an hour, and what came."""

    def expected(self, start: int, end: int) -> float:
        """Events expected in the minutes ``[start, end)`` after the deployment."""
        return math.fsum(self.rates[max(start, 0) : max(end, 0)])

    def expected_between(self, start: int, end: int) -> float:
        """The same where the minutes may lie before the deployment or after the window, at the nearest known rate."""
        if end <= start:
            return 0.0
        last = len(self.rates)
        early = max(min(end, 0) - start, 0) * self.rates[0]
        late = max(end - max(start, last), 0) * self.rates[-1]
        return early + self.expected(start, end) + late


def volume_baseline(series: Known, span: Span, *, complete: int, minutes: int) -> VolumeBaseline:
    """The volume to expect in the ``minutes`` after the deployment.

    The same time on previous days, times today's level.
    ``complete`` is the minute up to which the log is known to be complete. The level is that of the last hours
    against the same hours of previous days. Variance comes from pseudo-releases: what this very rule would
    have predicted at every hour of the baseline, against what came.
    """
    days = min(span.days, 14)
    events = series.total(span.start, span.end)
    if days < 1:
        return _flat(series, span, complete, minutes, events)
    dispersion = _count_dispersion(series, span)
    used = _ordinary_days(series, span, days, minutes, dispersion)
    level = _level(series, span, complete, used, dispersion)
    half = _half_width(series, span, used, minutes)
    rates = [level * _usual_rate(series, span.end + m, used, half) for m in range(minutes)]
    trials = pseudo_releases(series, span, days, dispersion)
    profile = sum(series.total(span.end - d * DAY - half, span.end - d * DAY + HOUR + half) for d in used)
    variance = _excess_variance(trials, dispersion) + dispersion / max(profile, 1.0)
    return VolumeBaseline(rates, variance, dispersion, level, len(used), events, trials)


def _flat(series: Known, span: Span, complete: int, minutes: int, events: int) -> VolumeBaseline:
    """Less than a day of history: the rate of the last hours, with a day's swing as its uncertainty."""
    length = min(complete - span.start, RECENT)
    rate = series.total(complete - length, complete) / length if length > 0 else 0.0
    return VolumeBaseline([rate] * minutes, 0.3, 1.5, 1.0, 0, events, ())


def _usual_rate(series: Known, minute: int, days: Sequence[int], half: int) -> float:
    total = sum(series.total(minute - d * DAY - half, minute - d * DAY + half + 1) for d in days)
    return total / (len(days) * (2 * half + 1))


def _half_width(series: Known, span: Span, days: Sequence[int], minutes: int) -> int:
    """How far around a minute of the day one looks: wider where there is little to see."""
    seen = sum(series.total(span.end - d * DAY, span.end - d * DAY + minutes) for d in days)
    hourly = seen * HOUR / max(minutes, 1)
    return 15 if hourly >= 400 else 30 if hourly >= 60 else 60


def _ordinary_days(series: Known, span: Span, days: int, minutes: int, dispersion: float) -> Sequence[int]:
    """The previous days (1 is yesterday) on which nothing broke at this time of day; at most two are left out."""
    pairs = {}
    for day in range(1, days + 1):
        at = span.end - day * DAY
        before = series.total(max(at - RECENT, span.start), at)
        pairs[day] = (before, series.total(at, at + minutes))
    ratios = [after / before for before, after in pairs.values() if before]
    if len(ratios) < 4:
        return list(pairs)
    usual = median(ratios)
    odd = {day: _oddness(before, after, usual, dispersion) for day, (before, after) in pairs.items()}
    worst = sorted((day for day in odd if odd[day] > 4.0), key=lambda day: -odd[day])[:2]
    return [day for day in pairs if day not in worst]


def _oddness(before: int, after: int, usual: float, dispersion: float) -> float:
    expected = usual * before
    spread = math.sqrt(dispersion * (expected * (1 + usual) + 1) + (0.2 * expected) ** 2)
    return abs(after - expected) / spread


def _level(series: Known, span: Span, complete: int, days: Sequence[int], dispersion: float) -> float:
    """Today's level from the last hours, drawn to 1 where they hold little.

    A day whose same hours lie before the baseline's beginning is left out: nothing is known of them.
    """
    known = [day for day in days if complete - RECENT - day * DAY >= span.start]
    if not known:
        return 1.0
    seen = series.total(complete - RECENT, complete) / dispersion
    there = sum(series.total(complete - RECENT - d * DAY, complete - d * DAY) for d in known)
    usual = there / len(known) / dispersion
    return (LEVEL_PRIOR + seen) / (LEVEL_PRIOR + usual)


def _count_dispersion(series: Known, span: Span) -> float:
    """Variance over mean of counts in ten minutes, from differences of neighbours, which cancel the trend."""
    squares = total = pairs = 0.0
    for start in range(span.end - 20, span.start - 1, -20):
        first, second = series.total(start, start + 10), series.total(start + 10, start + 20)
        # An incident's edge is one huge difference: it must not pass for ordinary noise.
        squares += min((first - second) ** 2, 25.0 * (first + second) + 1.0)
        total += first + second
        pairs += 1
    if not total:
        return 1.0
    # One standard error is taken off: of few events the estimate is above 1 by chance every second time.
    return min(max(squares / total - math.sqrt((2.0 + pairs / total) / pairs), 1.0), 30.0)


def pseudo_releases(series: Known, span: Span, days: int, dispersion: float) -> Sequence[tuple[float, int]]:
    """For every hour of the baseline what the rule would have predicted, from the other days, and what came."""
    if days < 2:
        return ()
    counts = [series.total(span.end - (i + 1) * HOUR, span.end - i * HOUR) for i in range(days * 24)]
    of_day = [sum(counts[h::24]) for h in range(24)]
    trials = []
    for i in range(len(counts) - 3):
        usual = (of_day[i % 24] - counts[i]) / (days - 1)
        before = sum(counts[i + 1 : i + 4])
        usual_before = sum(of_day[(i + j) % 24] - counts[i + j] for j in (1, 2, 3)) / (days - 1)
        level = (LEVEL_PRIOR + before / dispersion) / (LEVEL_PRIOR + usual_before / dispersion)
        trials.append((usual * level, counts[i]))
    return trials


def _excess_variance(trials: Sequence[tuple[float, int]], dispersion: float) -> float:
    """The variance of (what came / what was predicted) beyond counting noise.

    Hours count by how much they can say; one wild hour, an incident most likely, is cut to two deviations.
    """
    if not trials:
        return 0.15
    squares, weight = _USUAL_VARIANCE * _PRIOR, _PRIOR
    for predicted, came in trials:
        if predicted > 0:
            noise = dispersion * predicted
            excess = min((came - predicted) ** 2, 4.0 * (noise + 0.02 * predicted**2)) - _CUT_NORMAL * noise
            share = predicted / (predicted + 4 * dispersion)
            squares += share * excess / predicted**2
            weight += share
    return min(max(squares / weight, 0.002), 0.5)


def shared_variance(one: VolumeBaseline, others: Sequence[VolumeBaseline]) -> float:
    """How much of the variance of ``one`` it shares with ``others``, since users come and go together.

    The covariance of their pseudo-releases' ratios, drawn to half of the variance where there is little to see.
    """
    products, weight = one.variance / 2 * _PRIOR, _PRIOR
    rows = zip(*(base.trials for base in others), strict=False) if others else ()
    for (predicted, came), other in zip(one.trials, rows, strict=False):
        hoped, seen = sum(p for p, _ in other), sum(c for _, c in other)
        if predicted > 0 and hoped > 0:
            mine, theirs = came / predicted - 1, seen / hoped - 1
            share = min(predicted / (predicted + 4), hoped / (hoped + 4))
            products += share * max(min(mine * theirs, 0.25), -0.25)
            weight += share
    return min(max(products / weight, 0.0), 0.9 * one.variance)


_PRIOR = 12.0
"""How many pseudo-releases the prior variance counts for."""
_CUT_NORMAL = 0.92
"""The mean of the square of a standard normal number cut at two deviations."""
_USUAL_VARIANCE = 0.02
"""A level off by 14%."""
LEVEL_PRIOR = 40.0
"""How many usual events speak for a level of 1."""
