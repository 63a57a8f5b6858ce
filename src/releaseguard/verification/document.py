"""A verdict as the document that every format renders. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from releaseguard.model import Verdict, to_text
from releaseguard.report.verdict.document import CheckRow, SkippedRow, VerdictDocument
from releaseguard.verification.evidence import as_json
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
        "summary": _summary(judged),
        "next_step": _next_step(judged),
        "log": _log(judged),
        "checks": [row_of(finding) for finding in judged.findings],
        "skipped": [_skipped(one) for one in judged.skipped],
    }


def _log(judged: Judged) -> Mapping[str, Any]:
    unknown = [asdict(one) for one in judged.unknown_events]
    return {**as_json(judged.log), "unknown_events": unknown, "set_aside": judged.set_aside.to_json()}


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


def _ids(judged: Judged, verdict: Verdict) -> Sequence[str]:
    return [finding.id for finding in judged.findings if finding.verdict is verdict]


def _undecided(judged: Judged) -> Sequence[str]:
    """The undecided checks, first those that leave the release undecided."""
    found = [finding for finding in judged.findings if finding.verdict is Verdict.INCONCLUSIVE]
    return [finding.id for finding in sorted(found, key=lambda finding: finding.undecided != "block")]


def _summary(judged: Judged) -> str:
    undecided, warned, broken = _undecided(judged), _ids(judged, Verdict.WARN), _ids(judged, Verdict.ERROR)
    if not judged.findings:
        return "nothing could be checked: no check is configured, and no provider has logged an event"
    if judged.verdict is Verdict.FAIL:
        return f"{_listed(_ids(judged, Verdict.FAIL))} failed"
    if judged.verdict is Verdict.INCONCLUSIVE:
        parts = [f"not judged, because it broke: {_listed(broken)}"] if broken else []
        parts += [f"not decided: {_listed(undecided)}"] if undecided else []
        return "; ".join(parts)
    if judged.verdict is Verdict.WARN:
        parts = [f"{_listed(warned)} warned"] if warned else []
        parts += [f"too quiet to judge: {_listed(undecided)}"] if undecided else []
        return "; ".join(parts)
    return f"all {len(judged.findings)} checks passed"


def _listed(ids: Sequence[str]) -> str:
    return ", ".join(ids[:4]) + (f" and {len(ids) - 4} more" if len(ids) > 4 else "")


def _next_step(judged: Judged) -> str | None:
    if judged.verdict is Verdict.FAIL:
        first = next(finding for finding in judged.findings if finding.verdict is Verdict.FAIL)
        return f"roll back or fix; releaseguard verify --explain {first.id} shows the evidence"
    if judged.verdict is not Verdict.INCONCLUSIVE:
        return None
    if judged.broken:
        return "decide by hand about what could not be judged, and report the trace that it names"
    if judged.window_ended:
        return "the window is over: decide by hand, or make events with the flows ([app] url)"
    return "look again later, or let it look: releaseguard verify --watch"
