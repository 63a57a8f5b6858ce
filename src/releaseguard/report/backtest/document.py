"""The document that ``backtest --json`` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

from releaseguard.report.backtest.shown import PlantedRow
from releaseguard.report.verdict.document import CheckRow


class ReplayedRow(TypedDict):
    """What ``verify`` would have said of one release, and when."""

    release: str
    component: str | None
    environment: str
    deployed_at: str
    verdict: str
    failed_after_s: int | None
    decided_after_s: int
    good: bool | None
    """What is known to be true of the release, where something is."""
    checks: Sequence[CheckRow]


class FalseAlarms(TypedDict):
    """How many of the releases of which the truth is known were called what."""

    good: int
    good_failed: int
    bad: int
    bad_failed: int
    bad_passed: int


class ThresholdRow(TypedDict):
    """What another promised rate of false alarms would have done on the same releases."""

    false_alarm: float
    failed: int
    failed_good: int | None
    failed_bad: int | None


class ComparedRow(TypedDict):
    """One measure under these settings and under those they are compared with."""

    measure: str
    new: int
    old: int
    worse: bool


class BacktestDocument(TypedDict):
    """A replay over past releases as a value: times are RFC 3339 in UTC."""

    releases: Sequence[ReplayedRow]
    false_alarms: FalseAlarms | None
    thresholds: Sequence[ThresholdRow]
    planted: Mapping[str, Sequence[PlantedRow]]
    """By environment; empty where nothing was planted."""
    compared: Sequence[ComparedRow]
    """Empty where nothing was compared."""


def broken(document: BacktestDocument) -> Sequence[tuple[ReplayedRow, CheckRow]]:
    """The checks that could not be judged because they broke, each once, with the release that told it."""
    first: dict[str, tuple[ReplayedRow, CheckRow]] = {}
    for row in document["releases"]:
        for check in row["checks"]:
            if check["verdict"] == "error":
                first.setdefault(check["id"], (row, check))
    return list(first.values())
