"""What to expect from the time before a deployment: the usual share of errors and the usual volume.

Past incidents are left out of both estimates, and both have their own uncertainty, since real traffic varies more than
the Poisson and Bernoulli distributions allow.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from itertools import accumulate, repeat
from operator import mul

from msgspec import Struct

from releaseguard.stats.batches import DailyBatch, batch_minutes, daily_batches, next_batch
from releaseguard.stats.bounds import beta_quantile, median
from releaseguard.stats.calendar import ALL_ALIKE, DAY, Calendar, ComparableDay
from releaseguard.stats.series import KnownSeries

HOUR = 60
RECENT = 180
"""The minutes before the deployment that determine today's level of traffic."""
BOUND_CONFIDENCE = 0.975
"""The confidence of the upper bound of the usual error share."""
USUAL_SHARE_VARIANCE = 0.05
"""The relative variance of an hour's error share, where the history has too few errors to estimate it (22%
deviation)."""
MOST_DAYS = 28
"""The most days of history that determine the usual volume."""
ODD = 4.0
"""The number of standard deviations from which the rest of a day does not follow from its beginning."""
CAMPAIGN = 2.5
"""The multiple of the usual level from which a day counts as a day of a campaign."""
TYPICAL_FROM = 30
"""The number of events in those hours from which a level can be determined."""
FLAT_VARIANCE, FLAT_DISPERSION = 0.3, 1.5
"""The variance of a level known from less than a day (a day's swing), and the dispersion of its counts."""
LEAST_ERRORS = 0.5
"""The weight of a share corresponds to at least half an error, so that a calm hour does not make it 0."""


class BaselineSpan(Struct, frozen=True):
    """The minutes ``[start, end)`` of the baseline; the deployment is at ``end``."""

    start: int
    end: int

    @property
    def days(self) -> int:
        return (self.end - self.start) // DAY


class ErrorBaseline(Struct, frozen=True):
    """The usual share of errors, from ``errors`` among ``events`` outside incidents."""

    events: int
    errors: int
    share: float
    """The share expected at the deployment's time of day; one half where nothing is known."""
    weight: float
    """Today's share follows Beta(share * weight, (1 - share) * weight): it is known as if from that many events."""
    hours_cut: int
    """The number of hours left out as incidents."""
    worst_hour: int = 0
    """The errors in the worst of a hundred hours."""

    @property
    def bound(self) -> float:
        """The largest share that still counts as usual: 97.5% of days stay below it."""
        return beta_quantile(BOUND_CONFIDENCE, self.share * self.weight, (1.0 - self.share) * self.weight)


def error_baseline(
    series: KnownSeries, span: BaselineSpan, *, minutes: int = HOUR, apart: Collection[int] = ()
) -> ErrorBaseline:
    """The usual share of errors before the deployment.

    It is the share outside incidents at this time of day, as far as there are enough events. Its weight follows from
    the number of events and from how much the hours' shares differ: 1 / w is the variance of the share over p (1 - p).
    A window of H hours is judged by its worst hour, about sqrt(2 ln H) standard deviations above the mean, so the
    hours' variance counts 1 + 2 ln H times. The minutes ``apart`` do not count.
    """
    whole = max(span.end - span.start, 0) // HOUR
    hours = _without(series, span.end, series.every(span.end - HOUR * whole, HOUR, whole)[::-1], apart)
    seen = [hour for hour in hours if hour[0]]
    kept = without_incidents(seen)
    events, errors = sum(n for n, _ in kept), sum(k for _, k in kept)
    overall = (errors + 0.5) / (events + 1.0)
    share = min(_same_time(hours, kept, overall), 0.99)
    variance = share_variance(kept, overall) * (1.0 + 2.0 * math.log(max(minutes / HOUR, 1.0)))
    spread = 1.0 / max(events, 1) + variance * overall / (1.0 - overall)
    weight = max(1.0 / spread, LEAST_ERRORS / share)
    worst = sorted(bad for _, bad in hours)[-1 - len(hours) // 100] if hours else 0
    return ErrorBaseline(events, errors, share, weight, len(seen) - len(kept), worst)


def _without(
    series: KnownSeries, end: int, hours: Sequence[tuple[int, int]], apart: Collection[int]
) -> Sequence[tuple[int, int]]:
    """The hours before ``end``, newest first, without these minutes."""
    left = list(hours)
    for minute in apart:
        hour = (end - 1 - minute) // HOUR
        if 0 <= hour < len(left):
            events, errors = series.counts(minute, minute + 1)
            left[hour] = left[hour][0] - events, left[hour][1] - errors
    return left


def without_incidents(hours: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The hours whose errors fit those of the others; where more than a third do not, trouble is the usual state."""
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
    """Whether an hour's errors are far above the usual: more than 3 times, and by 5 standard deviations and 2 more."""
    usual = events * share
    return errors > 3 * usual and errors > usual + 5 * math.sqrt(usual * (1 - share)) + 2


def share_variance(hours: Sequence[tuple[int, int]], share: float) -> float:
    """The relative variance of the hours' true error shares beyond chance.

    For each hour, (k - n p)^2 - n p is on average (n p)^2 times that variance, and varies by about n p + 2 (n p)^2. Few
    errors say little, so the estimate is shrunk towards the usual value.
    """
    expected = [n * share for n, _ in hours]
    known = sum(e * e for e in expected)
    if not known:
        return USUAL_SHARE_VARIANCE
    excess = sum((k - e) ** 2 - e for (_, k), e in zip(hours, expected, strict=True)) / known
    noise = sum(e + 2 * e * e for e in expected) / known**2
    trust = USUAL_SHARE_VARIANCE**2 / (USUAL_SHARE_VARIANCE**2 + noise)
    return max(USUAL_SHARE_VARIANCE + trust * (excess - USUAL_SHARE_VARIANCE), 0.01)


def _same_time(hours: Sequence[tuple[int, int]], kept: Sequence[tuple[int, int]], share: float) -> float:
    """The share at the deployment's time of day on earlier days, shrunk towards the overall share.

    The overall share counts for as many errors as correspond to the usual variance between hours.
    """
    calm = set(kept)
    near = [hour for i, hour in enumerate(hours) if (i + 1) % 24 in {0, 1, 23} and i >= 22 and hour in calm]
    events, errors = sum(n for n, _ in near), sum(k for _, k in near)
    prior = 1.0 / USUAL_SHARE_VARIANCE
    return (errors + prior) / (events + prior / share)


class VolumeBaseline(Struct, frozen=True):
    """The usual volume: a rate for each minute after the deployment, and its uncertainty.

    ``rates`` are events per minute at today's level; ``variance`` is the variance of the ratio of the true to the
    expected level; ``dispersion`` is the variance of counts over that of a Poisson distribution, at least 1.
    """

    rates: Sequence[float]
    variance: float
    dispersion: float
    level: float
    """Today's traffic as a multiple of the same hours of earlier days."""
    days: int
    events: int
    """The number of events in the baseline."""
    trials: Sequence[tuple[float, int]]
    """Pseudo-releases, newest first: the prediction for an hour, and what came."""
    batch: frozenset[int] = frozenset()
    """The minutes after the deployment in which a batch may come; a batch counts as one event and says nothing
    there."""
    next_batch: int | None = None
    """Minutes after the deployment at which the daily batch is due, where nearly all events come in one."""
    daily: Sequence[DailyBatch] = ()
    """The batches that certainly come in the minutes after the deployment."""

    def expected(self, start: int, end: int) -> float:
        """The events expected in the minutes ``[start, end)`` after the deployment."""
        return math.fsum(self.rates[max(start, 0) : max(end, 0)])

    def expected_between(self, start: int, end: int) -> float:
        """The same where the minutes may lie before the deployment or after the window; the nearest known rate is
        used."""
        if end <= start:
            return 0.0
        last = len(self.rates)
        early = max(min(end, 0) - start, 0) * self.rates[0]
        late = max(end - max(start, last), 0) * self.rates[-1]
        return early + self.expected(start, end) + late


def volume_baseline(
    series: KnownSeries, span: BaselineSpan, *, complete: int, minutes: int, calendar: Calendar = ALL_ALIKE
) -> VolumeBaseline:
    """The volume to expect in the ``minutes`` after the deployment.

    It is the volume at the same local time of earlier days, times today's level. The level is that of the last hours
    against the same hours of earlier days; ``complete`` is the minute up to which the log is complete. The variance
    comes from pseudo-releases: what this rule would have predicted for every hour of the baseline, against what came.
    """
    days = [day for day in calendar.before(span.end, min(span.days, MOST_DAYS)) if day.weight > 0.0]
    events = series.total(span.start, span.end)
    if not days:
        return _flat(series, span, complete, minutes, events)
    dispersion = count_dispersion([series], span)
    used = _ordinary_days(series, span, days, minutes, dispersion)
    level = _level(series, span, complete, used, dispersion)
    half = _half_width(series, span, used, minutes)
    batch = batch_minutes(series, span.end, used, minutes)
    usual = usual_rates(series, span.end, used, half, minutes, batch)
    trials = pseudo_releases(series, span, min(span.days, MOST_DAYS), dispersion)
    profile = sum(series.total(span.end - d.shift - half, span.end - d.shift + HOUR + half) for d in used)
    variance = _excess_variance(trials, dispersion) + dispersion / max(profile, 1.0)
    rates = [level * rate for rate in usual]
    due = next_batch(series, span.end, used)
    # What is left out as odd above may be the very days that have no batch.
    daily = daily_batches(series, span.end, days, minutes)
    return VolumeBaseline(rates, variance, dispersion, level, len(used), events, trials, batch, due, daily)


def _flat(series: KnownSeries, span: BaselineSpan, complete: int, minutes: int, events: int) -> VolumeBaseline:
    """With less than a day of history: the last hours' rate; its variance is a day's swing and that of few events."""
    length = min(complete - span.start, RECENT)
    counted = series.total(complete - length, complete) if length > 0 else 0
    rate = counted / length if length > 0 else 0.0
    variance = FLAT_VARIANCE + FLAT_DISPERSION / max(counted, 1)
    return VolumeBaseline([rate] * minutes, variance, FLAT_DISPERSION, 1.0, 0, events, ())


def usual_rates(
    series: KnownSeries,
    start: int,
    days: Sequence[ComparableDay],
    half: int,
    minutes: int,
    batch: frozenset[int] = frozenset(),
) -> Sequence[float]:
    """Events per minute at the same local time, averaged over ``half`` minutes around each minute, without batches."""
    weight = sum(day.weight for day in days)
    around = range(-half, minutes + half + 1)
    by_day = [series.totals(start - half - day.shift, 1, len(around)) for day in days]
    weights = [day.weight for day in days]
    means = [
        0.0 if m in batch else sum(map(mul, weights, totals))
        for m, totals in zip(around, zip(*by_day, strict=True), strict=True)
    ]
    sums = list(accumulate(means, initial=0.0))
    counted = list(accumulate((m not in batch for m in around), initial=0))
    return [
        (sums[m + 2 * half + 1] - sums[m]) / (weight * max(counted[m + 2 * half + 1] - counted[m], 1))
        for m in range(minutes)
    ]


def _half_width(series: KnownSeries, span: BaselineSpan, days: Sequence[ComparableDay], minutes: int) -> int:
    """How many minutes around a minute of the day are averaged: more where there are few events."""
    seen = sum(series.total(span.end - day.shift, span.end - day.shift + minutes) for day in days)
    hourly = seen * HOUR / max(minutes, 1)
    return 15 if hourly >= 400 else 30 if hourly >= 60 else 60


def _ordinary_days(
    series: KnownSeries, span: BaselineSpan, days: Sequence[ComparableDay], minutes: int, dispersion: float
) -> Sequence[ComparableDay]:
    """The earlier days without an incident or campaign at this time of day; at most a quarter is left out."""
    pairs = {}
    for day in days:
        at = span.end - day.shift
        before = series.total(max(at - RECENT, span.start), at)
        pairs[day] = (before, series.total(at, at + minutes))
    ratios = [after / before for before, after in pairs.values() if before]
    if len(ratios) < 4:
        return days
    usual = median(ratios)
    odd = {day: _oddness(before, after, usual, dispersion) for day, (before, after) in pairs.items()}
    typical = median(before for before, _ in pairs.values())
    for day, (before, _) in pairs.items():
        if typical >= TYPICAL_FROM and before > CAMPAIGN * typical:
            odd[day] = max(odd[day], ODD + before / typical)
    worst = sorted((day for day in odd if odd[day] > ODD), key=lambda day: -odd[day])[: max(len(days) // 4, 2)]
    return [day for day in days if day not in worst]


def _oddness(before: int, after: int, usual: float, dispersion: float) -> float:
    expected = usual * before
    spread = math.sqrt(dispersion * (expected * (1 + usual) + 1) + (0.2 * expected) ** 2)
    return abs(after - expected) / spread


def _level(
    series: KnownSeries, span: BaselineSpan, complete: int, days: Sequence[ComparableDay], dispersion: float
) -> float:
    """Today's level from the last hours, shrunk towards 1 where they hold few events.

    A day whose same hours lie before the baseline's beginning is left out.
    """
    known = [day for day in days if complete - RECENT - day.shift >= span.start]
    if not known:
        return 1.0
    seen = series.total(complete - RECENT, complete) / dispersion
    there = sum(d.weight * series.total(complete - RECENT - d.shift, complete - d.shift) for d in known)
    usual = there / sum(d.weight for d in known) / dispersion
    return (LEVEL_PRIOR + seen) / (LEVEL_PRIOR + usual)


def count_dispersion(together: Sequence[KnownSeries], span: BaselineSpan) -> float:
    """The variance over the mean of several series' joint counts in ten minutes, from 1 to 30.

    It is estimated from differences of neighbouring counts, which cancel the trend. One user action writes rows of
    several providers, so together they come in clumps even if each provider's rows do not.
    """
    number = len(range(span.end - 20, span.start - 1, -20))
    apart = [series.totals(span.end - 20 * number, 10, 2 * number) for series in together]
    tens = list(map(sum, zip(*apart, strict=True)))[::-1]
    pairs = [*zip(tens[1::2], tens[::2], strict=True)]
    total = sum(first + second for first, second in pairs)
    if not total:
        return 1.0
    filled = [(first + second, (first - second) ** 2) for first, second in pairs if first or second]
    dispersion = 1.0
    # An incident's edge is one huge difference: it must not pass for ordinary noise. What is huge depends on the noise.
    for cut in (25.0, 9.0):
        most = min(cut * dispersion, 25.0)
        squares = sum([min(square, most * both + 1.0) for both, square in filled])
        dispersion = max(squares / total, 1.0)
    # One standard error is taken off: of few events the estimate is above 1 by chance every second time.
    return min(max(dispersion - math.sqrt((2.0 + len(pairs) / total) / len(pairs)), 1.0), 30.0)


def pseudo_releases(
    series: KnownSeries, span: BaselineSpan, days: int, dispersion: float
) -> Sequence[tuple[float, int]]:
    """For every hour of the baseline, the rule's prediction from the other days, and what came."""
    if days < 2:
        return ()
    counts = series.totals(span.end - days * 24 * HOUR, HOUR, days * 24)[::-1]
    of_day = [sum(counts[h::24]) for h in range(24)]
    others = [all_days - count for all_days, count in zip(of_day * days, counts, strict=True)]
    trials = []
    for i in range(len(counts) - 3):
        before = counts[i + 1] + counts[i + 2] + counts[i + 3]
        usual_before = (others[i + 1] + others[i + 2] + others[i + 3]) / (days - 1)
        level = (LEVEL_PRIOR + before / dispersion) / (LEVEL_PRIOR + usual_before / dispersion)
        trials.append((others[i] / (days - 1) * level, counts[i]))
    return trials


def _excess_variance(trials: Sequence[tuple[float, int]], dispersion: float) -> float:
    """The variance of the ratio of observed to predicted counts beyond counting noise. Hours are weighted by their
    information; an extreme hour, probably an incident, is cut to two standard deviations."""
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


def together(bases: Iterable[VolumeBaseline]) -> Sequence[tuple[float, int]]:
    """The pseudo-releases of several baselines as those of one: the sums, as far as all of them reach."""
    hours = zip(*(base.trials for base in bases), strict=False)
    return [(sum(one[0] for one in hour), sum(one[1] for one in hour)) for hour in hours]


def shared_variance(one: VolumeBaseline, everybody: Sequence[tuple[float, int]], own: VolumeBaseline | None) -> float:
    """How much of the variance of ``one`` it shares with all but ``own`` of ``everybody`` (:func:`together`): the
    covariance of their pseudo-releases' ratios, shrunk towards half of the variance where there are few."""
    products, weight, owns = one.variance / 2 * _PRIOR, _PRIOR, own.trials if own else repeat((0.0, 0))
    for (predicted, came), (every, seen), (less, fewer) in zip(one.trials, everybody, owns, strict=False):
        if predicted > 0 and (hoped := every - less) > 0:
            mine, theirs = came / predicted - 1, (seen - fewer) / hoped - 1
            share = min(predicted / (predicted + 4), hoped / (hoped + 4))
            products += share * max(min(mine * theirs, 0.25), -0.25)
            weight += share
    return min(max(products / weight, 0.0), 0.9 * one.variance)


_PRIOR = 12.0
"""The number of pseudo-releases for which the prior variance counts."""
_CUT_NORMAL = 0.92
"""The mean square of a standard normal variable cut at two standard deviations."""
_USUAL_VARIANCE = 0.02
"""The variance of a level with 14% deviation."""
LEVEL_PRIOR = 40.0
"""The number of usual events for which the prior level of 1 counts."""
