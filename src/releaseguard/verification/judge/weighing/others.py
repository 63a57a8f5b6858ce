"""The old release in the same minutes: whether it worsened, too, and whether the new one is worse."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from releaseguard.stats.evidence.control import chance_alike
from releaseguard.stats.final_look import chance_of_errors, lasting

HARM_TO_OTHERS = 20.0
"""The evidence of harm to other releases from which a warning is given, averaged over the checklist: at most one good
release in twenty gets it falsely."""
STILL_SERVES = 0.1
"""The share of the newest minutes' traffic from which the old release still serves and is a control."""
NEWEST = 3
"""The number of complete minutes that count as newest, or more where they have fewer rows than :data:`NEWEST_ROWS`."""
NEWEST_ROWS = 30
"""The rows of both releases that show who serves; a few late rows of the old release after a roll-out are no
control."""
LEAST_ERRORS = 3
"""The old release's errors below which it has not worsened."""
BY_CHANCE = 0.01
"""The probability of the old release's errors while as usual, up to which it has worsened."""
WORSE = 0.001
"""The probability of the errors' division between equally good releases, up to which the new one is worse."""


@dataclass(frozen=True, slots=True)
class Compared:
    """The events and errors of both releases in the same minutes."""

    since: int
    events: int
    errors: int
    old_events: int
    old_errors: int


def compared(own: Mapping[int, tuple[int, int]], old: Mapping[int, tuple[int, int]], since: int) -> Compared:
    """Both releases in the minutes from ``since`` on."""
    events, errors = sums(held for minute, held in own.items() if minute >= since)
    old_events, old_errors = sums(held for minute, held in old.items() if minute >= since)
    return Compared(since, events, errors, old_events, old_errors)


def sums(minutes: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """The events and errors of several minutes."""
    pairs = list(minutes)
    return sum(total for total, _ in pairs), sum(bad for _, bad in pairs)


def worsened_alike(both: Compared, old: Mapping[int, tuple[int, int]], share: float, weight: float) -> bool:
    """Whether the old release, with this usual error share and weight, has worsened since then, too."""
    lasts = lasting(bad for minute, (_, bad) in old.items() if minute >= both.since)
    return lasts >= LEAST_ERRORS and chance_of_errors(lasts, both.old_events, share, weight) <= BY_CHANCE


def is_worse(both: Compared) -> bool:
    """Whether the new release is certainly worse than the old one in the same minutes. It compares what both did in
    them, since an outage that affects both leaves a few rows of the old one intact by chance."""
    return chance_alike((both.old_events, both.old_errors), (both.events, both.errors)) <= WORSE
