"""The tests of one signal's rows, averaged with weights that are fixed before the first row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from releaseguard.stats.baseline import ErrorBaseline
from releaseguard.stats.evidence.control import Pair, TwoSamples, tolerated_difference
from releaseguard.stats.evidence.errors import ErrorProcess, ShareProcess, against_ceiling
from releaseguard.stats.evidence.laws import KnownShare, Times
from releaseguard.stats.evidence.volumes import VolumeEvidence

CONTROL_PART = 0.1
"""The weight of the test against the old release in the same minutes. It is kept even where no old release serves: what
is not bet is not lost."""
LEAST_CEILING_PART = 0.05
"""The least weight of the test against the ceiling where there is a history."""
TELLING_HISTORY = 20.0
"""The number of events of history that count as much as the ceiling alone."""


@dataclass(slots=True, kw_only=True)
class ErrorTests:
    """The tests of one rule. Their e-values are averaged; they are never multiplied, nor is the largest taken."""

    usual: ErrorProcess | None
    """Against the history; ``None`` where there is none."""
    ceiling: ShareProcess | None
    """Against the absolute ceiling; ``None`` where the rule has none."""
    number: VolumeEvidence | None = None
    """Of the number of errors, instead of ``usual``, where nothing but errors is logged."""
    control: TwoSamples
    """Against the old release in the same minutes."""
    parts: tuple[float, float, float]
    """The weights of history, ceiling and control; they sum to 1, or to less where there is neither history nor
    ceiling."""
    paired: set[int] = field(default_factory=set)
    """The minutes that the control has counted: each once, when it is complete."""

    @property
    def value(self) -> float:
        """The average of the e-values; a missing test counts as 1."""
        against_history = _value(self.usual) if self.number is None else self.number.value
        values = (against_history, _value(self.ceiling), self.control.value)
        return 1.0 + sum(part * (value - 1.0) for part, value in zip(self.parts, values, strict=True))

    def look(self, batches: list[tuple[int, int, int]]) -> None:
        """Add (minute, events, errors) that arrived since the last look."""
        for test in (self.usual, self.ceiling):
            if test is not None:
                test.look(batches)

    def look_at_times(self, batches: list[tuple[int, int, int]]) -> None:
        """Add what arrived in minutes with a usual share of their own, about which the other tests say nothing."""
        if self.usual is not None:
            self.usual.take(batches)

    def compare(self, pairs: Mapping[int, Pair], complete: int) -> None:
        """Add the minutes before ``complete`` in which both releases served, each once."""
        for minute in sorted(minute for minute in pairs if minute < complete and minute not in self.paired):
            self.paired.add(minute)
            self.control.minute(pairs[minute])


def _value(test: ShareProcess | None) -> float:
    return 1.0 if test is None else test.value


def error_tests(
    base: ErrorBaseline,
    ceiling: float | None,
    minutes: int,
    *,
    expected: float,
    needed: float,
    times: Times = MappingProxyType({}),
) -> ErrorTests:
    """The tests of a rule with this history, ``expected`` events in the window, and ``needed``, the e-value that fails
    it; the minutes in ``times`` have a usual share of their own."""
    of_usual, of_ceiling = _parts(base.events, ceiling is not None)
    known = KnownShare(base.share, base.weight) if base.events else KnownShare(ceiling or 0.5, 1.0)
    usual = ceiled = None
    if of_usual > 0.0:
        usual = ErrorProcess(base.share, base.weight, minutes, expected=expected, needed=needed / of_usual, times=times)
    if ceiling is not None:
        ceiled = against_ceiling(ceiling, minutes, needed=needed / of_ceiling)
    return ErrorTests(
        usual=usual,
        ceiling=ceiled,
        control=TwoSamples(known, tolerated_difference(known)),
        parts=(of_usual, of_ceiling, CONTROL_PART),
    )


def _parts(events: int, has_ceiling: bool) -> tuple[float, float]:
    """The weights of history and ceiling; without a history the ceiling has all of it."""
    rest = 1.0 - CONTROL_PART
    if not has_ceiling:
        return rest if events else 0.0, 0.0
    if not events:
        return 0.0, rest
    ceiling = rest * max(LEAST_CEILING_PART, TELLING_HISTORY / (TELLING_HISTORY + events))
    return rest - ceiling, ceiling
