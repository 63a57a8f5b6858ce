"""A diagnosis as the document of ``doctor --json``."""

from __future__ import annotations

from collections.abc import Callable

from releaseguard.doctor.values import CheckResult, Diagnosis
from releaseguard.report.diagnosis.document import DiagnosisDocument, DiagnosisRow


def document_of(diagnosis: Diagnosis, safe: Callable[[str], str]) -> DiagnosisDocument:
    """The diagnosis as a document. ``safe`` masks values in every text, before the text is broken into lines, which
    could split one."""
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
