"""Other settings, or other promised rates, on the same past: whether they would have done worse. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from releaseguard.model import Verdict
from releaseguard.verification.backtesting.measuring import Measured
from releaseguard.verification.backtesting.one_release import Replayed
from releaseguard.verification.backtesting.planting import GATE_OPENS, Planted, PlantedHarm


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
    """The promised properties of a gate under the new and the old settings."""

    def count(measure: str, hit: Callable[[Replayed], bool], *, more_is_worse: bool = True) -> ComparedMeasure:
        told = [sum(map(hit, measured.backtest.replayed)) for measured in (new, old)]
        return ComparedMeasure(measure, told[0], told[1], more_is_worse)

    return [
        count("good releases failed", lambda one: one.good is True and _failed(one)),
        count("releases failed that nobody calls bad", lambda one: one.good is None and _failed(one)),
        count("bad releases failed", lambda one: one.good is False and _failed(one), more_is_worse=False),
        count("bad releases passed", lambda one: one.good is False and one.verdict is Verdict.PASS),
        count("bad releases let through", lambda one: one.good is False and one.verdict in GATE_OPENS),
        count("releases undecided", lambda one: one.verdict is Verdict.INCONCLUSIVE),
        *_of_planted(new, old),
    ]


def _of_planted(new: Measured, old: Measured) -> Sequence[ComparedMeasure]:
    """How the planted harms tried under both settings fare. For a provider that only one of them checks, its own result
    counts: the number of moments depends on how many providers there are."""
    tried = [_tried(measured) for measured in (new, old)]
    providers = [{harmed[:2] for harmed in one} for one in tried]
    both, either = tried[0].keys() & tried[1].keys(), providers[0] & providers[1]
    counted = [[one for at, one in some.items() if at in both or at[:2] not in either] for some in tried]
    found, through = (
        [sum(map(hit, some)) for some in counted]
        for hit in (lambda one: one.found_after_s is not None, lambda one: one.let_through)
    )
    unchecked = sum(at[:2] not in providers[0] for at in tried[1]), sum(at[:2] not in providers[1] for at in tried[0])
    return [
        ComparedMeasure("planted harms found", found[0], found[1], more_is_worse=False),
        ComparedMeasure("planted harms let through", through[0] + unchecked[0], through[1] + unchecked[1], True),
    ]


def _tried(measured: Measured) -> Mapping[tuple[str, str, PlantedHarm, datetime], Planted]:
    """By environment, provider, harm and moment."""
    return {
        (environment, one.provider, one.harm, planted.at): planted
        for environment, plantings in measured.planted.items()
        for one in plantings
        for planted in one.tried
    }


def _failed(one: Replayed) -> bool:
    return one.failed_after_s is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """What another promised rate of false alarms would have done on the same releases."""

    false_alarm: float
    failed: int
    failed_good: int | None
    failed_bad: int | None


def other_thresholds(replayed: Sequence[Replayed], rates: Sequence[float]) -> Sequence[Threshold]:
    """How many releases would have failed under other rates; where outcomes are known, how many of them rightly."""
    known = any(one.good is not None for one in replayed)
    found = []
    for rate in rates:
        failed = [one for one in replayed if one.peak >= 1 / rate]
        found.append(
            Threshold(
                false_alarm=rate,
                failed=len(failed),
                failed_good=sum(one.good is True for one in failed) if known else None,
                failed_bad=sum(one.good is False for one in failed) if known else None,
            )
        )
    return found
