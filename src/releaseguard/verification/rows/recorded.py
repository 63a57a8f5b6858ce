"""A FAIL is final: what an earlier run recorded as failed for the same deployment stays failed. Pure.

A job may be run again when everything looks well: a flow answers again, a secret was put back. The release went out
with the failure all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from releaseguard.cards.spec import Card, Check
from releaseguard.model import Event, Outcome, Verdict, to_text
from releaseguard.verification.checks.row_checks import finding
from releaseguard.verification.evidence import Evidence, RecordedRun
from releaseguard.verification.rows.accepted import is_about
from releaseguard.verification.values import Deployment, Finding

WRITTEN_CHECK = "release_check"
LONGEST_REASON = 600
"""The most characters of a recorded reason that are repeated."""


@dataclass(frozen=True, slots=True)
class RecordedFailure:
    """A failure that an earlier run wrote into the log."""

    check: str
    at: datetime
    """When it was found."""
    reason: str
    run: str


def failures_in(rows: Iterable[Event], deployment: Deployment) -> Mapping[str, RecordedFailure]:
    """Check -> its first failure; only rows that match the deployment in every part are believed."""
    found: dict[str, RecordedFailure] = {}
    for row in rows:
        if _fits(row, deployment):
            told = RecordedFailure(
                row.detail["check"], row.occurred_at, row.detail["reason"], str(row.detail.get("run", ""))
            )
            found.setdefault(told.check, told)
    return found


def _fits(row: Event, deployment: Deployment) -> bool:
    return (
        row.event == WRITTEN_CHECK
        and is_about(row, deployment)
        and row.outcome is Outcome.ERROR
        and row.detail.get("verdict") == Verdict.FAIL.value
        and row.occurred_at >= deployment.deployed_at
    )


def standing(
    findings: Sequence[Finding], left_out: Sequence[tuple[Card, Check]], recorded: Mapping[str, RecordedFailure]
) -> Sequence[Finding]:
    """The findings, with every earlier failure still failing, even where this run left its check out."""
    now = [_failed(one, recorded[one.id], one.reason) if one.id in recorded else one for one in findings]
    then = [
        _failed(finding(card.id, check, Verdict.FAIL, "", Evidence()), recorded[check.id], "not looked at in this run")
        for card, check in left_out
        if check.id in recorded
    ]
    return [*now, *then]


def _failed(found: Finding, told: RecordedFailure, now: str) -> Finding:
    if found.verdict is Verdict.FAIL and found.reason:
        return found
    reason = told.reason if len(told.reason) <= LONGEST_REASON else f"{told.reason[:LONGEST_REASON]}..."
    # It failed as a check that can fail a release: that it was made one that can only warn since then undoes nothing.
    return replace(
        found,
        verdict=Verdict.FAIL,
        blocking=True,
        reason=f"failed at {to_text(told.at)}, which is final: {reason}; now: {now}",
        evidence=replace(found.evidence, recorded=RecordedRun(told.run, to_text(told.at))),
    )
