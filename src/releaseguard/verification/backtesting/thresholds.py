"""What other promised rates of false alarms would have done on the same releases. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from releaseguard.verification.backtesting.one_release import Replayed


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
