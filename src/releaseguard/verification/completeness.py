"""The log itself, judged before anything it says: how late rows come, until when it is complete, whether it lives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from releaseguard.verification.series import Cell

ENOUGH = 5.0
"""Events that must have been expected before nothing means something: P(none | 5) = 0.7%."""
_LONGEST_LAG = 120
"""Minutes; rows that are later were brought in afterwards and say nothing about the pipeline."""
_TIMELY = 0.98
_FEW = 20


@dataclass(frozen=True, slots=True)
class Lags:
    """How late rows come, in minutes: within ``of(provider)`` minutes 98% of them are there."""

    usual: int
    by_provider: Mapping[str, int]
    at_once: Mapping[str, float]
    """By provider: the share of rows that are there in the minute in which they occur."""
    ahead: int
    """Rows that were recorded in an earlier minute than they say they occurred in: a clock runs ahead."""
    rows: int

    def of(self, provider: str) -> int:
        return self.by_provider.get(provider, self.usual)


def lags_of(cells: Iterable[Cell]) -> Lags:
    """Measure how late the rows of the last hours came."""
    overall: Counter[int] = Counter()
    single: dict[str, Counter[int]] = {}
    ahead = 0
    for cell in cells:
        lag = cell.recorded - cell.occurred
        ahead += cell.total if lag < 0 else 0
        if lag <= _LONGEST_LAG and cell.total:
            overall[max(lag, 0)] += cell.total
            single.setdefault(cell.provider, Counter())[max(lag, 0)] += cell.total
    by_provider = {name: _quantile(lag) for name, lag in single.items() if lag.total() >= _FEW}
    usual = _quantile(overall) if overall.total() >= _FEW else 1
    at_once = {name: lag[0] / lag.total() for name, lag in single.items() if lag.total() >= _FEW}
    return Lags(usual, by_provider, at_once, ahead, overall.total())


def _quantile(lags: Counter[int]) -> int:
    needed, seen = _TIMELY * lags.total(), 0
    for lag in sorted(lags):
        seen += lags[lag]
        if seen >= needed:
            return lag
    return max(lags, default=1)


def dead_minutes(totals: Sequence[int], expected: Sequence[float]) -> list[bool]:
    """Minutes in which the log cannot be shown to have lived.

    ``totals`` are the rows of any provider, ``expected`` how many there should have been. A stretch without
    any row, in which at least :data:`ENOUGH` were expected, is a gap of the log and no provider's silence,
    but for the minutes next to a row, which that row proves alive.
    """
    dead = [False] * len(totals)
    start = 0
    while start < len(totals):
        end = start
        while end < len(totals) and totals[end] == 0:
            end += 1
        if end - start > 2 and sum(expected[start:end]) >= ENOUGH:
            first = start + 1 if start > 0 else start
            last = end - 1 if end < len(totals) else end
            for minute in range(first, last):
                dead[minute] = True
        start = max(end, start + 1)
    return dead
