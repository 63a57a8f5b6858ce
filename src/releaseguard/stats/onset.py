"""When something began: the most likely minute from which the counts are not as usual."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from releaseguard.stats.bounds import likelihood_ratio


def errors_since(minutes: Sequence[tuple[int, int]], usual: float, raised: float) -> int:
    """The most likely minute from which the share of errors is ``raised``, having been ``usual`` before.

    ``minutes`` has the events and errors of each minute; both shares are between 0 and 1, with ``raised`` above
    ``usual``.
    """
    bad, good = math.log(raised / usual), math.log((1 - raised) / (1 - usual))
    since, most, held = 0, -math.inf, 0.0
    for minute in reversed(range(len(minutes))):
        events, errors = minutes[minute]
        held += errors * bad + (events - errors) * good
        if held > most:
            since, most = minute, held
    return since


def change_since(seen: Sequence[float], expected: Sequence[float], *, rising: bool) -> int:
    """The most likely minute from which there are fewer (or, if ``rising``, more) events than expected: the largest
    likelihood ratio of a Poisson rate. ``seen`` and ``expected`` are running sums that begin with 0."""
    since, most = 0, -math.inf
    for minute in range(len(seen) - 1):
        came, usual = seen[-1] - seen[minute], expected[-1] - expected[minute]
        if usual <= 0 or (came > usual) is not rising:
            continue
        held = came * math.log(came / usual) - (came - usual) if came else usual
        if held > most:
            since, most = minute, held
    return since


def most_telling(
    minutes: Mapping[int, tuple[int, int]], usual: float | Callable[[int], float]
) -> tuple[int, int, int] | None:
    """The last stretch of minutes, up to the newest, whose error share is farthest above the usual by its likelihood
    ratio: its first minute, events and errors; ``None`` where none is above it. ``usual`` may differ from minute to
    minute."""
    found, most, events, errors, expected = None, 0.0, 0, 0, 0.0
    for minute in sorted(minutes, reverse=True):
        total, bad = minutes[minute]
        events, errors = events + total, errors + bad
        expected += total * (usual(minute) if callable(usual) else usual)
        above = events > 0 and errors > expected
        ratio = likelihood_ratio(errors, events, expected / events, min(errors / events, 1.0)) if above else 0.0
        if ratio > most:
            found, most = (minute, events, errors), ratio
    return found
