"""A volume that had dropped before the deployment: how certainly, and to which level. It excuses that level only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from releaseguard.stats.baseline import BaselineSpan, VolumeBaseline, volume_baseline
from releaseguard.stats.calendar import DAY, Calendar
from releaseguard.stats.evidence.volumes import (
    DROP,
    CountedVolume,
    Onsets,
    Others,
    VolumeChange,
    VolumeEvidence,
    volume_evidence,
)
from releaseguard.stats.series import KnownSeries

SINCE = (120, 60, 45, 30, 20, 10)
"""Minutes before the deployment at which a drop may have begun."""
SURELY_SILENT = 300.0
"""The evidence from which the newest minutes without an event are a silence, even where an earlier stretch is stronger
evidence of a drop: events at its beginning are not the level at which the volume stands."""
LEVEL_DEVIATIONS = 1.0
"""The standard deviations of the count by which the level is taken to be lower than measured, since an incident
drifts."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """What the log shows right before the deployment."""

    evidence: float
    """The evidence that events had dropped or stopped, compared with the hours before."""
    level: float
    """The fraction of the volume expected after the deployment at which it stood, at most 1."""
    since: int = 0
    """The minute in which that began, to the step of :data:`SINCE` where it is no silence."""


AS_USUAL = Dropped(0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Before:
    """The minutes before the deployment: those of the baseline, and the minute up to which the log was complete."""

    span: BaselineSpan
    complete: int
    calendar: Calendar


def dropped_before(series: KnownSeries, usual: VolumeBaseline, before: Before) -> Dropped:
    """What is known of a drop before the deployment; ``usual`` is the volume expected after it."""
    if usual.days < 2:
        return AS_USUAL
    quiet = _quiet_minutes(series, before.complete)
    evidence = math.exp(min(quiet * usual.rates[0] / usual.dispersion, 30.0))
    silent = Dropped(evidence, 0.0 if quiet else 1.0, before.complete - quiet)
    if silent.evidence >= SURELY_SILENT or not _may_have_stopped(series, before.complete, usual.days):
        return silent
    return max(silent, _fallen(series, usual, before), key=lambda found: found.evidence)


def _quiet_minutes(series: KnownSeries, complete: int) -> int:
    """The number of newest minutes without any event. The evidence for a silence is exp(events expected in them), its
    likelihood ratio to the usual."""
    quiet = 0
    while quiet < max(SINCE) and not series.total(complete - quiet - 1, complete):
        quiet += 1
    return quiet


def _fallen(series: KnownSeries, usual: VolumeBaseline, before: Before) -> Dropped:
    hours = last_two_hours(series, before)
    if not _low_at_the_end(hours.seen, hours.hoped):
        return AS_USUAL
    found = hours.evidence(DROP)
    level = _level(found.seen, found.expected, hours.usual, usual)
    return Dropped(found.value, level, before.complete - max(SINCE) + found.onset)


@dataclass(frozen=True, slots=True)
class HoursBefore:
    """The minutes before the deployment in which a change may have begun, against the time before them."""

    seen: Sequence[int]
    hoped: Sequence[float]
    """Running sums over the minutes: events, and those to be expected."""
    usual: VolumeBaseline
    """What the time before them leads to expect of them."""

    def evidence(self, change: VolumeChange, since: Sequence[int] = SINCE) -> VolumeEvidence:
        """The evidence that the volume had changed so, ``since`` as many minutes before the deployment, and since
        when."""
        length = len(self.seen) - 1
        alone = Others([0.0] * (length + 1), [0.0] * (length + 1), 0.0)
        volume = CountedVolume(self.seen, self.hoped, self.usual.variance, self.usual.dispersion, alone)
        return volume_evidence(volume, change, Onsets([length - minutes for minutes in since], len(SINCE)))


def last_two_hours(series: KnownSeries, before: Before) -> HoursBefore:
    """What came in the minutes of :data:`SINCE`, and what was to be expected."""
    length = max(SINCE)
    start = before.complete - length
    earlier = BaselineSpan(before.span.start, start)
    usual = volume_baseline(series, earlier, complete=start, minutes=length, calendar=before.calendar)
    seen = list(accumulate((series.total(start + m, start + m + 1) for m in range(length)), initial=0))
    return HoursBefore(seen, list(accumulate(usual.rates, initial=0.0)), usual)


def _level(seen: int, hoped: float, then: VolumeBaseline, usual: VolumeBaseline) -> float:
    """The events that came, less their uncertainty, as a fraction of what is expected now. What is expected now rests
    on today's level, which the drop has lowered, so that is taken into account."""
    least = max(seen - LEVEL_DEVIATIONS * math.sqrt(then.dispersion * seen), 0.0)
    today = then.level / usual.level if usual.level > 0.0 else 1.0
    return min(least / hoped * today, 1.0) if hoped else 1.0


def _may_have_stopped(series: KnownSeries, complete: int, days: int) -> bool:
    """Whether any of the last stretches is low compared with the three hours before it: a quick test before a thorough
    one."""

    def ratio(start: int, end: int) -> float:
        usual = sum(series.total(start - d * DAY, end - d * DAY) for d in range(1, days + 1)) / days
        return (series.total(start, end) + 0.1) / (usual + 0.1)

    before = ratio(complete - 300, complete - 120)
    return any(ratio(complete - length, complete) < 0.6 * before for length in SINCE)


def _low_at_the_end(seen: Sequence[int], expected: Sequence[float]) -> bool:
    """Whether the newest stretch in which ten events were expected has fewer than six."""
    last = len(seen) - 1
    for start in range(last, -1, -1):
        hoped = expected[last] - expected[start]
        if hoped >= 10:
            return seen[last] - seen[start] < 0.6 * hoped
    return seen[last] == 0
