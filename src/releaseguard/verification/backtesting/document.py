"""A replay over past releases as the document that is shown. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

from releaseguard.messages.spoken import agreed
from releaseguard.model import Verdict, to_text
from releaseguard.report.backtest.document import BacktestDocument, FalseAlarms, ReplayedRow, ThresholdRow
from releaseguard.report.verdict.document import CheckRow
from releaseguard.verification.backtesting.comparing import ComparedMeasure, Threshold, other_thresholds
from releaseguard.verification.backtesting.measuring import Measured
from releaseguard.verification.backtesting.one_release import Replayed
from releaseguard.verification.backtesting.record import planted_rows
from releaseguard.verification.telling.document import row_of

RATES = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1)
"""The promised rates of false alarms for which the document says what they would have done."""


def backtest_document_of(measured: Measured, against: Sequence[ComparedMeasure] = ()) -> BacktestDocument:
    """The document of a replay. The rows of its releases are made each time they are read."""
    replayed = measured.backtest.replayed
    return {
        "releases": _Rows(replayed),
        "false_alarms": _false_alarms(replayed),
        "thresholds": [_threshold(one) for one in other_thresholds(replayed, RATES)],
        "planted": {name: planted_rows(found) for name, found in measured.planted.items()},
        "compared": [
            {"measure": one.measure, "new": one.new, "old": one.old, "worse": one.is_worse} for one in against
        ],
    }


class _Rows(Sequence[ReplayedRow]):
    """The rows of the releases, made on demand: all at once they would be many times as large as what they are made
    of."""

    __slots__ = ("_replayed",)

    def __init__(self, replayed: Sequence[Replayed]) -> None:
        self._replayed = replayed

    def __len__(self) -> int:
        return len(self._replayed)

    @overload
    def __getitem__(self, at: int) -> ReplayedRow: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[ReplayedRow]: ...
    def __getitem__(self, at: int | slice) -> ReplayedRow | Sequence[ReplayedRow]:
        return _Rows(self._replayed[at]) if isinstance(at, slice) else _row(self._replayed[at])


def _row(one: Replayed) -> ReplayedRow:
    return {
        "release": one.deployment.release,
        "component": one.deployment.component,
        "environment": one.deployment.environment,
        "deployed_at": to_text(one.deployment.deployed_at),
        "verdict": one.verdict.value,
        "failed_after_s": one.failed_after_s,
        "decided_after_s": one.decided_after_s,
        "good": one.good,
        "checks": [_in_number(row_of(finding)) for finding in one.findings],
    }


def _in_number(row: CheckRow) -> CheckRow:
    """As in ``verify --json``: reasons that count one of something are written for many."""
    return {**row, "reason": agreed(row["reason"])}


def _false_alarms(replayed: Sequence[Replayed]) -> FalseAlarms | None:
    good = [one for one in replayed if one.good is True]
    bad = [one for one in replayed if one.good is False]
    if not good and not bad:
        return None
    return {
        "good": len(good),
        "good_failed": sum(one.failed_after_s is not None for one in good),
        "bad": len(bad),
        "bad_failed": sum(one.failed_after_s is not None for one in bad),
        "bad_passed": sum(one.verdict is Verdict.PASS for one in bad),
    }


def _threshold(one: Threshold) -> ThresholdRow:
    return {
        "false_alarm": one.false_alarm,
        "failed": one.failed,
        "failed_good": one.failed_good,
        "failed_bad": one.failed_bad,
    }
