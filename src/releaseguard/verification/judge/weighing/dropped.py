"""A volume that had dropped before the deployment: how surely, and to which level, which is all that it excuses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from releaseguard.stats.baseline import BaselineSpan, VolumeBaseline, volume_baseline
from releaseguard.stats.calendar import DAY, Calendar
from releaseguard.stats.evidence.volumes import DROP, Others, volume_evidence
from releaseguard.stats.series import KnownSeries

SINCE = (120, 60, 45, 30, 20, 10)
"""Minutes before the deployment at which a drop may have begun."""
SURELY_SILENT = 300.0
"""The evidence from which on the newest minutes without an event are a silence, whatever stretch before speaks most for
a drop: what came at its beginning is not a level at which it stands."""
LEVEL_DEVIATIONS = 1.0
"""By so many deviations of what was counted the level is taken to be lower than it was: an incident wanders."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """What the log shows right before the deployment."""

    evidence: float
    """That events had dropped, or stopped, against the hours before."""
    level: float
    """The part of what is to be expected after the deployment at which they stood, at most 1."""


AS_USUAL = Dropped(0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Before:
    """The minutes before the deployment: the baseline's, and up to when the log was complete at it."""

    span: BaselineSpan
    complete: int
    calendar: Calendar


def dropped_before(series: KnownSeries, usual: VolumeBaseline, before: Before) -> Dropped:
    """What is known of a drop from before the deployment; ``usual`` is what is to be expected after it."""
    if usual.days < 2:
        return AS_USUAL
    quiet = _quiet_minutes(series, before.complete)
    silent = Dropped(math.exp(min(quiet * usual.rates[0] / usual.dispersion, 30.0)), 0.0 if quiet else 1.0)
    if silent.evidence >= SURELY_SILENT or not _may_have_stopped(series, before.complete, usual.days):
        return silent
    return max(silent, _fallen(series, usual, before), key=lambda found: found.evidence)


def _quiet_minutes(series: KnownSeries, complete: int) -> int:
    """Minutes without any event: the evidence for a silence is exp(expected), how much likelier that is than usual."""
    quiet = 0
    while quiet < max(SINCE) and not series.total(complete - quiet - 1, complete):
        quiet += 1
    return quiet


def _fallen(series: KnownSeries, usual: VolumeBaseline, before: Before) -> Dropped:
    length = max(SINCE)
    start = before.complete - length
    earlier = BaselineSpan(before.span.start, start)
    expected = volume_baseline(series, earlier, complete=start, minutes=length, calendar=before.calendar)
    seen = list(accumulate((series.total(start + m, start + m + 1) for m in range(length)), initial=0))
    hoped = list(accumulate(expected.rates, initial=0.0))
    if not _low_at_the_end(seen, hoped):
        return AS_USUAL
    alone = Others([0.0] * (length + 1), [0.0] * (length + 1), 0.0)
    found = volume_evidence(
        seen,
        hoped,
        change=DROP,
        variance=expected.variance,
        dispersion=expected.dispersion,
        others=alone,
        onsets=[length - since for since in SINCE],
        slots=len(SINCE),
    )
    return Dropped(found.value, _level(found.seen, found.expected, expected, usual))


def _level(seen: int, hoped: float, then: VolumeBaseline, usual: VolumeBaseline) -> float:
    """What came, less what it may be off by, as a part of what is to be expected now: today's level, which that takes
    into account, has fallen with it."""
    least = max(seen - LEVEL_DEVIATIONS * math.sqrt(then.dispersion * seen), 0.0)
    today = then.level / usual.level if usual.level > 0.0 else 1.0
    return min(least / hoped * today, 1.0) if hoped else 1.0


def _may_have_stopped(series: KnownSeries, complete: int, days: int) -> bool:
    """Whether any last stretch is low against the three hours before it: a quick look before a thorough one."""

    def ratio(start: int, end: int) -> float:
        usual = sum(series.total(start - d * DAY, end - d * DAY) for d in range(1, days + 1)) / days
        return (series.total(start, end) + 0.1) / (usual + 0.1)

    before = ratio(complete - 300, complete - 120)
    return any(ratio(complete - length, complete) < 0.6 * before for length in SINCE)


def _low_at_the_end(seen: Sequence[int], expected: Sequence[float]) -> bool:
    """Whether the newest stretch in which ten events were expected shows fewer than six."""
    last = len(seen) - 1
    for start in range(last, -1, -1):
        hoped = expected[last] - expected[start]
        if hoped >= 10:
            return seen[last] - seen[start] < 0.6 * hoped
    return seen[last] == 0
