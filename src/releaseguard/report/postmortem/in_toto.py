"""A rotation as an in-toto statement: PASSED where its new value is proven and its history is intact."""

from __future__ import annotations

from releaseguard.report.layout.display import Display
from releaseguard.report.layout.in_toto import TestResult, digest_of, statement
from releaseguard.report.layout.shown import shown
from releaseguard.report.postmortem.document import PostmortemDocument

_PROVEN = ("PROVEN", "RETIRED")


def render(document: PostmortemDocument, _display: Display) -> str:
    """One statement about the head of the rotation's history."""
    document = shown(document)
    rotation, head = document["rotation"], document["head"] or ""
    proven = rotation["state"] in _PROVEN and not document["findings"]
    lane, _, hashed = head.rpartition(":")
    subject = head or rotation["rotation_id"]
    told = [
        ("rotation_id", rotation["rotation_id"]),
        ("state", rotation["state"]),
        ("provider", rotation["provider"]),
        ("environment", rotation["environment"]),
        ("grade", rotation["proof"]["grade"] or "none"),
        ("reason", rotation["reason"] or ""),
        ("summary", document["summary"]),
    ]
    result = TestResult(
        subject=subject,
        digest={"sha256": hashed} if lane and len(hashed) == 64 else digest_of(subject),
        result="PASSED" if proven else "FAILED",
        configuration=told,
        passed=["new value proven"] if proven else [],
        failed=[*([] if proven else ["new value proven"]), *rotation["proof"]["missing"], *document["findings"]],
    )
    return statement(result)
