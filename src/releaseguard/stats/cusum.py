"""Whether errors are far above the usual at present."""

from __future__ import annotations

import math
from collections.abc import Sequence

from releaseguard.stats.baseline import ErrorBaseline
from releaseguard.stats.bounds import inside

MINUTE_CAP = 30.0
"""The largest factor by which one minute may multiply the evidence of trouble."""
PLAIN = (0.12, 0.35, 0.8)
"""Rises of the error share that are trouble in any case."""
SLOW = (0.04, *PLAIN)
"""The same, with the smallest rise for which a release fails: what existed before a release is not its fault."""


class ErrorCusum:
    """Whether errors are far above the usual *now*: evidence that falls in good times, but never below 1, and so
    forgets them (CUSUM).

    Page, Biometrika 41 (1954), 100.
    """

    def __init__(self, baseline: ErrorBaseline, value: float = 1.0, *, harms: Sequence[float] = PLAIN) -> None:
        bound = inside(baseline.bound)
        raised = [bound + (1 - bound) * harm for harm in harms]
        self._bad = [math.log(p / bound) for p in raised]
        self._good = [math.log((1 - p) / (1 - bound)) for p in raised]
        self._sums = [math.log(value)] * len(raised)
        self._cap = math.log(MINUTE_CAP)

    @property
    def value(self) -> float:
        return math.exp(max(self._sums))

    def minute(self, total: int, bad: int) -> None:
        """Add one minute's events and errors."""
        for j, held in enumerate(self._sums):
            gain = min(bad * self._bad[j] + (total - bad) * self._good[j], self._cap)
            self._sums[j] = min(max(held + gain, 0.0), 9.2)


class ErrorOnset:
    """How much more likely the newest rows are if errors rose at some minute before now, summed over the possible
    minutes: the Shiryaev-Roberts statistic (Technometrics 8 (1966), 411). Times the probability of a rise in any one
    minute, it is the odds that there was one. A few suspicious rows weigh less than many over an hour, since the rise
    would have had to occur in just these minutes."""

    def __init__(self, baseline: ErrorBaseline) -> None:
        bound = inside(baseline.bound)
        raised = [bound + (1 - bound) * harm for harm in SLOW]
        self._bad = [math.log(p / bound) for p in raised]
        self._good = [math.log((1 - p) / (1 - bound)) for p in raised]
        self._sums = [0.0] * len(raised)
        self._cap = math.log(MINUTE_CAP)

    @property
    def value(self) -> float:
        return sum(self._sums) / len(self._sums)

    def minute(self, total: int, bad: int) -> None:
        """Add one minute's events and errors; errors may also have risen in a minute without any."""
        for j, held in enumerate(self._sums):
            gain = min(bad * self._bad[j] + (total - bad) * self._good[j], self._cap)
            self._sums[j] = min((held + 1.0) * math.exp(gain), _MOST)


_MOST = 1e6
"""The largest value, so that good times end trouble of any size within minutes."""


class RecoveryCusum:
    """How much more likely the newest rows are as usual than at an incident's level (CUSUM), and since when."""

    def __init__(self, usual: float, level: float) -> None:
        usual, level = inside(min(usual, level)), inside(level)
        self._bad, self._good = math.log(usual / level), math.log1p(-usual) - math.log1p(-level)
        self._cap = math.log(MINUTE_CAP)
        self._held = 0.0
        self.began: int | None = None
        """The minute from which on all is as usual; ``None`` while it is not."""

    @property
    def value(self) -> float:
        return math.exp(self._held)

    def minute(self, minute: int, total: int, bad: int) -> None:
        """Add one minute's events and errors."""
        if total <= 0:
            return
        self._held = max(self._held + min(bad * self._bad + (total - bad) * self._good, self._cap), 0.0)
        self._held = min(self._held, 30.0)
        if self._held <= 0.0:
            self.began = None
        elif self.began is None:
            self.began = minute

    def needed(self, wanted: float) -> int:
        """How many more events without an error raise it to ``wanted``."""
        return max(math.ceil((math.log(wanted) - self._held) / max(self._good, 1e-9)), 1)
