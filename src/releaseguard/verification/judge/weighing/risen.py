"""A volume that had risen before the deployment: how surely, and to which level, which is all that it excuses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from releaseguard.stats.baseline import VolumeBaseline
from releaseguard.stats.calendar import DAY
from releaseguard.stats.evidence.volumes import VolumeEvidence, rise
from releaseguard.stats.series import KnownSeries
from releaseguard.verification.judge.weighing.dropped import SINCE, Before, HoursBefore, last_two_hours

MULTIPLE = 2.0
"""Times the usual volume from which on it is looked for as a rise."""
TOLERATED = math.sqrt(MULTIPLE)
"""Times the usual volume up to which it is none."""
LEVEL_DEVIATIONS = 1.0
"""By so many deviations of what was counted the level is taken to be higher than it was: a campaign wanders."""
AS_TELLING = 0.5
"""The part of the most telling stretch's evidence from which on another is one that may be the rise."""
NEWEST = 10
"""Events of the newest minutes that show whether a rise still lasted."""


@dataclass(frozen=True, slots=True)
class Risen:
    """What the log shows right before the deployment."""

    evidence: float
    """That more events came than in the hours before."""
    level: float
    """The multiple of what is to be expected after the deployment at which they stood, at least 1."""


NOT_RISEN = Risen(0.0, 1.0)


def risen_before(series: KnownSeries, usual: VolumeBaseline, before: Before) -> Risen:
    """What is known of a rise from before the deployment; ``usual`` is what is to be expected after it."""
    if usual.days < 2 or not _may_have_risen(series, before.complete, usual.days):
        return NOT_RISEN
    hours = _as_on_other_days(last_two_hours(series, before))
    if not _high_at_the_end(hours.seen, hours.hoped):
        return NOT_RISEN
    since = [hours.evidence(rise(MULTIPLE), [minutes]) for minutes in SINCE]
    evidence = max(found.value for found in since)
    level = max(_level(found, usual) for found in since if found.value >= AS_TELLING * evidence)
    return Risen(evidence, level) if level >= TOLERATED else NOT_RISEN


def _as_on_other_days(hours: HoursBefore) -> HoursBefore:
    """The hours against other days where today's level was higher: of a rise that began earlier it holds a part."""
    return replace(hours, hoped=[hoped / max(hours.usual.level, 1.0) for hoped in hours.hoped])


def _level(found: VolumeEvidence, usual: VolumeBaseline) -> float:
    """What came, and what it may be off by, as a multiple of what is to be expected now: today's level, which that
    takes into account, has risen with it."""
    most = found.seen + LEVEL_DEVIATIONS * math.sqrt(usual.dispersion * found.seen)
    hoped = found.expected * max(usual.level, 1.0)
    return max(most / hoped, 1.0) if hoped else 1.0


def _may_have_risen(series: KnownSeries, complete: int, days: int) -> bool:
    """Whether any last stretch is high against the same time of other days: a quick look before a thorough one."""

    def is_high(length: int) -> bool:
        start = complete - length
        usual = sum(series.total(start - d * DAY, complete - d * DAY) for d in range(1, days + 1)) / days
        return series.total(start, complete) > TOLERATED * usual

    return any(map(is_high, SINCE))


def _high_at_the_end(seen: Sequence[int], expected: Sequence[float]) -> bool:
    """Whether the newest stretch in which some events came holds more than the tolerated multiple."""
    last = len(seen) - 1
    start = next((at for at in range(last, -1, -1) if seen[last] - seen[at] >= NEWEST), 0)
    return seen[last] - seen[start] > TOLERATED * (expected[last] - expected[start])
