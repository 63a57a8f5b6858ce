"""A diagnosis as the document that ``doctor --json`` prints."""

from __future__ import annotations

from collections.abc import Callable

from releaseguard.doctor.values import CheckResult, Diagnosis
from releaseguard.report.diagnosis.document import DiagnosisDocument, DiagnosisRow


def document_of(diagnosis: Diagnosis, safe: Callable[[str], str]) -> DiagnosisDocument:
    """``safe`` takes values out of every text, before it is broken into lines, which could break one in two."""
    return {"ok": diagnosis.ok, "checks": [_row(one, safe) for one in diagnosis.findings]}


def _row(one: CheckResult, safe: Callable[[str], str]) -> DiagnosisRow:
    return {
        "id": safe(one.id),
        "group": one.group,
        "status": one.status.value,
        "what": safe(one.what),
        "where": safe(one.where) if one.where else None,
        "fix": safe(one.fix) if one.fix else None,
    }
