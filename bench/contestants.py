"""What others' documented rules say about the same rows at the same moments.

Each takes what had been recorded by the end of each minute of the hour after the deployment. All of them judge
shares of errors, as their documentation's examples do; none says anything about the log itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from simulator import NEW, Simulated

Ratio = float | None


@dataclass
class Said:
    """A contestant's verdict and, where it failed the release, the minute."""

    verdict: str
    failed: int | None = None


@dataclass
class Counts:
    """Events and errors of one provider by minute, counted from the deployment."""

    fresh: dict[int, list[int]] = field(default_factory=dict)
    """By minute of arrival: rows of the new release."""
    every: dict[int, list[int]] = field(default_factory=dict)
    """By minute of arrival: all rows, for rules that know no releases."""
    before: dict[int, list[int]] = field(default_factory=dict)
    """By minute of occurrence: rows of the hour before the deployment."""
    week: list[int] = field(default_factory=lambda: [0, 0])


def counted(sim: Simulated) -> dict[str, Counts]:
    """The rows of the log as these rules read them."""
    found = {name: Counts() for name in sim.providers}
    for cell in sim.cells:
        counts, offset = found[cell.provider], cell.occurred - sim.deployed
        bad = 0 if cell.ok else cell.total
        if offset < 0:
            counts.week[0] += cell.total
            counts.week[1] += bad
            if offset >= -60:
                _add(counts.before, offset, cell.total, bad)
        arrived = cell.recorded - sim.deployed
        if arrived >= -360:
            _add(counts.every, arrived, cell.total, bad)
        if offset >= 0 and cell.release in {NEW, None}:
            _add(counts.fresh, arrived, cell.total, bad)
    return found


def _add(minutes: dict[int, list[int]], minute: int, total: int, bad: int) -> None:
    held = minutes.setdefault(minute, [0, 0])
    held[0] += total
    held[1] += bad


def ratio(minutes: dict[int, list[int]], start: int, end: int) -> Ratio:
    """The share of errors in the minutes ``[start, end)``; ``None`` (NaN) where there is no row."""
    rows = [minutes[m] for m in range(start, end) if m in minutes]
    total = sum(n for n, _ in rows)
    return sum(k for _, k in rows) / total if total else None


def argo(sim: Simulated) -> Said:
    """An Argo Rollouts AnalysisTemplate: interval 1m, five-minute error ratio at most 5%, failureLimit 3.

    NaN is taken as success, as the documentation advises for metrics without traffic.
    """
    providers = counted(sim)
    failures = dict.fromkeys(providers, 0)
    for minute in range(1, sim.minutes + 1):
        for name, counts in providers.items():
            value = ratio(counts.fresh, minute - 5, minute)
            failures[name] += value is not None and value > 0.05
            if failures[name] > 3:
                return Said("fail", minute)
    return Said("pass")


def burn_rate(sim: Simulated) -> Said:
    """Sloth's page alerts for an objective of 99%: 14.4 times over 5m and 1h, 6 times over 30m and 6h."""
    providers = counted(sim)
    for minute in range(1, sim.minutes + 1):
        for counts in providers.values():
            for short, long, times in ((5, 60, 14.4), (30, 360, 6.0)):
                now, then = (ratio(counts.every, minute - length, minute) for length in (short, long))
                if now is not None and then is not None and min(now, then) > times * 0.01:
                    return Said("fail", minute)
    return Said("pass")


def fisher(sim: Simulated) -> Said:
    """Fisher's exact test, once after the hour, one-sided, at 1% over all providers (Bonferroni)."""
    providers = counted(sim)
    for counts in providers.values():
        rows = [row for minute, row in counts.fresh.items() if minute < sim.minutes]
        total, bad = sum(n for n, _ in rows), sum(k for _, k in rows)
        if total and hypergeometric_tail(bad, total, *counts.week) < 0.01 / len(providers):
            return Said("fail", sim.minutes)
    return Said("pass")


def hypergeometric_tail(bad: int, total: int, base_total: int, base_bad: int) -> float:
    """P(at least ``bad`` of ``total``) where errors are shared out between the two groups by chance."""
    everything, errors = total + base_total, bad + base_bad

    def log_choose(n: int, k: int) -> float:
        return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)

    whole = log_choose(everything, total)
    terms = (
        math.exp(log_choose(errors, k) + log_choose(everything - errors, total - k) - whole)
        for k in range(bad, min(total, errors) + 1)
        if total - k <= everything - errors
    )
    return math.fsum(terms)


def kayenta(sim: Simulated) -> Said:
    """Kayenta's NetflixACAJudge on error ratios per minute, canary against the hour before, after the hour.

    Mann and Whitney at 98% with a tolerance of a quarter of the control's mean; score below 75 fails, from 95
    passes. An empty group is "Nodata", which does not lower the score.
    """
    classes = []
    for counts in counted(sim).values():
        control = [r for m in range(-60, 0) if (r := ratio(counts.before, m, m + 1)) is not None]
        canary = [r for m in range(sim.minutes) if (r := ratio(counts.fresh, m, m + 1)) is not None]
        if control and canary:
            classes.append(_is_high(control, canary))
    score = 100.0 * (1 - sum(classes) / len(classes)) if classes else 100.0
    if score < 75:
        return Said("fail", sim.minutes)
    return Said("pass" if score >= 95 else "warn")


def _is_high(control: Sequence[float], canary: Sequence[float]) -> bool:
    """Whether the lower bound of the shift (Hodges and Lehmann) exceeds the tolerance."""
    if set(control) == set(canary) == {0.0}:
        return False
    n, m = len(control), len(canary)
    shifts = sorted(b - a for a in control for b in canary)
    rank = n * m / 2 - 2.326 * math.sqrt(n * m * (n + m + 1) / 12)
    low = shifts[max(int(rank), 0)]
    return low > 0.25 * sum(control) / n


RULES: dict[str, Callable[[Simulated], Said]] = {
    "kayenta": kayenta,
    "argo": argo,
    "burn-rate": burn_rate,
    "fisher": fisher,
}
