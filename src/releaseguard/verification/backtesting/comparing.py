"""Two settings on the same past: whether the new ones are worse. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from releaseguard.model import Verdict
from releaseguard.verification.backtesting.measuring import Measured
from releaseguard.verification.backtesting.replays import Replayed


@dataclass(frozen=True, slots=True)
class ComparedMeasure:
    """One measure under both settings."""

    measure: str
    new: int
    old: int
    more_is_worse: bool

    @property
    def is_worse(self) -> bool:
        """Whether the new settings do worse by it."""
        return self.new > self.old if self.more_is_worse else self.new < self.old


def compared(new: Measured, old: Measured) -> Sequence[ComparedMeasure]:
    """What is promised of a gate, under the new settings and under the old ones."""

    def count(measure: str, hit: Callable[[Replayed], bool], *, more_is_worse: bool = True) -> ComparedMeasure:
        told = [sum(map(hit, measured.backtest.replayed)) for measured in (new, old)]
        return ComparedMeasure(measure, told[0], told[1], more_is_worse)

    return [
        count("good releases failed", lambda one: one.good is True and _failed(one)),
        count("releases failed that nobody calls bad", lambda one: one.good is None and _failed(one)),
        count("bad releases failed", lambda one: one.good is False and _failed(one), more_is_worse=False),
        count("bad releases passed", lambda one: one.good is False and one.verdict is Verdict.PASS),
        count("releases undecided", lambda one: one.verdict is Verdict.INCONCLUSIVE),
        ComparedMeasure("planted harms found", _found(new), _found(old), more_is_worse=False),
    ]


def _failed(one: Replayed) -> bool:
    return one.failed_after_s is not None


def _found(measured: Measured) -> int:
    return sum(one.found for plantings in measured.planted.values() for one in plantings)
