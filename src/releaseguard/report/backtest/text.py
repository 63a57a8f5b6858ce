"""A replay over past releases for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from releaseguard import readable
from releaseguard.report.backtest.document import (
    BacktestDocument,
    ComparedRow,
    ReplayedRow,
    ThresholdRow,
    broken,
)
from releaseguard.report.backtest.shown import planted_words

_HEADING: Final = "verdict        after  deployed          environment  release"
"""Over the columns of ``_line``."""


def render(document: BacktestDocument) -> str:
    """One line a release, then how often that was right, and what other thresholds would have done."""
    if not document["releases"]:
        return "No release_deployed event is in the log.\nnext: releaseguard events deployed --release SHA"
    lines = [_HEADING]
    lines += [_line(row) for row in document["releases"]]
    if alarms := document["false_alarms"]:
        lines += [
            "",
            f"good releases: {alarms['good']}, of them failed (false alarms): {alarms['good_failed']}",
            f"bad releases: {alarms['bad']}, of them failed: {alarms['bad_failed']}, passed: {alarms['bad_passed']}",
        ]
    lines += [f"{row['release']}: {check['id']} {check['reason']}" for row, check in broken(document)]
    lines += ["", "other promises of false alarms ([verify] false_alarm_rate) would have failed:"]
    lines += [_threshold(row) for row in document["thresholds"]]
    for environment, rows in document["planted"].items():
        lines += ["", f"harms planted into the history of {environment}:", *(f"  {planted_words(row)}" for row in rows)]
    return "\n".join([*lines, *_compared(document["compared"])])


def _compared(rows: Sequence[ComparedRow]) -> list[str]:
    if not rows:
        return []
    told = [
        f"  {row['measure']}: {row['new']} (before: {row['old']}){'  WORSE' if row['worse'] else ''}" for row in rows
    ]
    return ["", "these settings against the others, on the same history:", *told]


def _line(row: ReplayedRow) -> str:
    undecided = row["verdict"] == "inconclusive"
    minutes = "-" if undecided else readable.minutes(timedelta(seconds=row["decided_after_s"]))
    truth = {True: "  (good)", False: "  (bad)", None: ""}[row["good"]]
    place = f"{row['deployed_at'][:16]:<17} {row['environment']:<12} {row['release']}{truth}"
    return f"{row['verdict'].upper():<13} {minutes:>6}  {place}"


def _threshold(row: ThresholdRow) -> str:
    known = "" if row["failed_good"] is None else f" ({row['failed_good']} good, {row['failed_bad']} bad)"
    return f"  {row['false_alarm']:>6.1%}  {row['failed']} releases{known}"
