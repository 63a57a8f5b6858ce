"""A verdict as the document that every format renders. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from releaseguard.model import Outcome, Verdict, to_text
from releaseguard.report.backtest.shown import PlantedRow
from releaseguard.report.verdict.document import AcceptedRow, CheckRow, DecisionRows, SkippedRow, VerdictDocument
from releaseguard.verification.evidence import as_json
from releaseguard.verification.rows.seen import remarks_on
from releaseguard.verification.telling.summary import next_step_of, summary_of
from releaseguard.verification.values import Finding, Judged, SkippedCheck


def document_of(judged: Judged) -> VerdictDocument:
    """The document of a verdict: the same rows give the same document."""
    deployment = judged.deployment
    return {
        "verdict": judged.verdict.value,
        "release": deployment.release,
        "component": deployment.component,
        "environment": deployment.environment,
        "deployed_at": to_text(deployment.deployed_at),
        "live_since": to_text(deployment.live_since) if deployment.live_since else None,
        "as_of": to_text(judged.as_of),
        "summary": summary_of(judged),
        "next_step": next_step_of(judged),
        "decisions": _decisions(judged),
        "remarks": _remarks(judged),
        "record": judged.record,
        "shown_by_this_traffic": _shown(judged),
        "log": _log(judged),
        "checks": [row_of(finding) for finding in judged.findings],
        "skipped": [_skipped(one) for one in judged.skipped],
    }


def _shown(judged: Judged) -> Sequence[PlantedRow]:
    """What this project's traffic has shown of planted harms, of the providers that are undecided."""
    undecided = {one.provider for one in judged.findings if one.verdict is Verdict.INCONCLUSIVE}
    return [row for row in judged.record["planted"] if row["provider"] in undecided] if judged.record else []


def _decisions(judged: Judged) -> DecisionRows:
    """What people said of the deployment."""
    deployment = judged.deployment
    accepted: Sequence[AcceptedRow] = [
        {"check": one.check, "reason": one.reason, "at": to_text(one.at), "by": one.by} for one in judged.accepted
    ]
    return {
        "accepted": accepted,
        "removes": sorted(deployment.removes),
        "expect_traffic": deployment.expect_traffic,
        "rolls_back": deployment.rolls_back,
    }


def _log(judged: Judged) -> Mapping[str, Any]:
    told = {"unknown_events": [asdict(one) for one in judged.unknown_events], **asdict(judged.seen)}
    return {**as_json(judged.log), **told, "set_aside": judged.set_aside.to_json()}


def _remarks(judged: Judged) -> Sequence[str]:
    """A line for each thing that was seen and that no check looks at."""
    unknown = [
        f"no card names the event {one.event} of {one.provider} ({one.outcome}, {one.events}): {_counted(one.outcome)}"
        for one in judged.unknown_events
    ]
    return [*unknown, *remarks_on(judged.seen, judged.deployment)]


def _counted(outcome: str) -> str:
    return "it counts as an error of its provider" if outcome == Outcome.ERROR else "no check looks at it"


def row_of(finding: Finding) -> CheckRow:
    """A finding as the row of a document."""
    return {
        "id": finding.id,
        "provider": finding.provider,
        "kind": finding.kind,
        "verdict": finding.verdict.value,
        "blocking": finding.blocking,
        "reason": finding.reason,
        "evidence": as_json(finding.evidence),
    }


def _skipped(one: SkippedCheck) -> SkippedRow:
    kind = str(type(one.check).__struct_config__.tag)
    return {"id": one.check.id, "provider": one.card.id, "kind": kind, "reason": one.reason}
