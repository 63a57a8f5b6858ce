"""Whether trouble seems to be over: its newest minutes are evidence for the usual and against the trouble. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

ODDS = math.log(100)
"""The likelihood ratio of the usual error share to that of the trouble that the newest calls must reach."""
LEAST = timedelta(minutes=5)
"""How long calls must be as usual again, since trouble pauses."""
LEAST_USUAL = 0.005
"""An error share that is usual everywhere, for a provider without known errors."""


class Tally(NamedTuple):
    """The calls of one minute, and how many failed."""

    calls: int
    failed: int


class WellAgain(NamedTuple):
    """Since when calls are as usual again, how many there have been, and how many failed."""

    since: datetime
    calls: int
    failed: int


def recovery_of(by_minute: Mapping[datetime, Tally], usual: float) -> WellAgain | None:
    """The newest stretch with the most evidence for the usual share; ``None`` where that is not enough.

    The trouble's own share is that of all its minutes. Minutes that are well again only lower it, so more of them are
    needed.
    """
    calls, failed = (sum(one[part] for one in by_minute.values()) for part in (0, 1))
    normal = max(usual, LEAST_USUAL)
    trouble = min(failed / calls, 1 - 1e-6) if calls else 0.0
    if trouble <= 2 * normal:
        return None
    good, bad = math.log((1 - normal) / (1 - trouble)), math.log(normal / trouble)
    said, seen, best, found = 0.0, Tally(0, 0), ODDS, None
    for minute, one in sorted(by_minute.items(), reverse=True):
        said += (one.calls - one.failed) * good + one.failed * bad
        seen = Tally(seen.calls + one.calls, seen.failed + one.failed)
        if said >= best and max(by_minute) - minute >= LEAST:
            best, found = said, WellAgain(minute, *seen)
    return found
