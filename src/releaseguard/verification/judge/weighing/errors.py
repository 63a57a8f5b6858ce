"""The tests of one signal's rows, averaged with parts that are fixed before the first of them."""

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
"""Of a rule's say: the test against the old release in the same minutes. It is kept also where no old release serves:
what is not bet is not lost."""
LEAST_CEILING_PART = 0.05
"""Of a rule's say: the test against the ceiling, where the history tells what is usual."""
TELLING_HISTORY = 20.0
"""Events of history that are worth as much as the ceiling alone."""


@dataclass(slots=True, kw_only=True)
class ErrorTests:
    """The tests of one rule. Their e-values are averaged, never multiplied and never the largest taken."""

    usual: ErrorProcess | None
    """Against history; ``None`` where there is none."""
    ceiling: ShareProcess | None
    """Against the absolute ceiling; ``None`` where the rule has none."""
    number: VolumeEvidence | None = None
    """Of their number, in place of that against history, where nothing but errors is logged."""
    control: TwoSamples
    """Against the old release in the same minutes."""
    parts: tuple[float, float, float]
    """What each of them counts for; they sum to 1, or to less where there is neither history nor ceiling."""
    paired: set[int] = field(default_factory=set)
    """The minutes that the control has taken in: each once, when it is complete."""

    @property
    def value(self) -> float:
        """Their average; what no test has counts as 1."""
        against_history = _value(self.usual) if self.number is None else self.number.value
        values = (against_history, _value(self.ceiling), self.control.value)
        return 1.0 + sum(part * (value - 1.0) for part, value in zip(self.parts, values, strict=True))

    def look(self, batches: list[tuple[int, int, int]]) -> None:
        """Take in (minute, events, errors) that arrived since the last look."""
        for test in (self.usual, self.ceiling):
            if test is not None:
                test.look(batches)

    def look_at_times(self, batches: list[tuple[int, int, int]]) -> None:
        """Take in what arrived of minutes that have their own usual share: nothing else can be said of them."""
        if self.usual is not None:
            self.usual.take(batches)

    def compare(self, pairs: Mapping[int, Pair], complete: int) -> None:
        """Take in the minutes before ``complete`` in which both releases served, each once."""
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
    """The tests of a rule with this history, ``expected`` events in the window, and the e-value that fails it;
    ``times`` of the day have their own usual share."""
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
    """What history and the ceiling count for: without history the ceiling alone speaks."""
    rest = 1.0 - CONTROL_PART
    if not has_ceiling:
        return rest if events else 0.0, 0.0
    if not events:
        return 0.0, rest
    ceiling = rest * max(LEAST_CEILING_PART, TELLING_HISTORY / (TELLING_HISTORY + events))
    return rest - ceiling, ceiling
