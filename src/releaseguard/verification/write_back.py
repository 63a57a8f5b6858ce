"""The results as integration events, so that they are seen beside what they are about. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from releaseguard.harmless import JsonDocument
from releaseguard.keeping import clean_text
from releaseguard.model import OURSELVES, Event, Outcome, Verdict, new_id, to_text
from releaseguard.verification.evidence import InvariantEvidence
from releaseguard.verification.rows.accepted import named
from releaseguard.verification.rows.first_look import VERIFIED, recorded_spans
from releaseguard.verification.rows.recorded import WRITTEN_CHECK
from releaseguard.verification.rows.set_aside import UNDATED
from releaseguard.verification.values import Judged

BAD = frozenset({Verdict.FAIL, Verdict.ERROR})
"""Verdicts that are written back as errors."""


def written_back(judged: Judged) -> Sequence[Event]:
    """The results as integration events, so that they are seen beside what they are about."""
    run = new_id()
    shared: JsonDocument = {
        "run": str(run),
        **named(judged.deployment),
        "as_of": to_text(judged.as_of),
    }
    looked = {**shared, **recorded_spans(judged.promise), "checks": len(judged.findings)}
    if undated := judged.set_aside.undated:
        looked |= {UNDATED: list(undated)}
    rows = [_row(judged, VERIFIED, OURSELVES, judged.verdict, looked)]
    for finding in judged.findings:
        detail = {**shared, "check": finding.id, "kind": finding.kind, "reason": clean_text(finding.reason)}
        if isinstance(finding.evidence, InvariantEvidence):
            detail |= {"rows": finding.evidence.rows}
        rows.append(_row(judged, WRITTEN_CHECK, finding.provider, finding.verdict, detail))
    return rows


def _row(judged: Judged, event: str, subject: str, verdict: Verdict, detail: JsonDocument) -> Event:
    return Event(
        id=new_id(),
        occurred_at=judged.as_of,
        provider=OURSELVES,
        event=event,
        outcome=Outcome.ERROR if verdict in BAD else Outcome.SUCCESS,
        error_code=verdict.value if verdict in BAD else None,
        environment=judged.deployment.environment,
        release=judged.deployment.release,
        source="verify",
        detail={**detail, "provider": subject, "verdict": verdict.value},
    )
