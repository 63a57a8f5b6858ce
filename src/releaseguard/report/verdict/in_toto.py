"""A verdict as an in-toto statement: what is not decided is FAILED, as is what broke."""

from __future__ import annotations

from releaseguard.report.layout.display import Display
from releaseguard.report.layout.in_toto import Outcome, TestResult, digest_of, statement
from releaseguard.report.layout.shown import shown
from releaseguard.report.verdict.document import CheckRow, VerdictDocument

_RESULT: dict[str, Outcome] = {"pass": "PASSED", "warn": "WARNED"}


def render(document: VerdictDocument, _display: Display) -> str:
    """One statement about the release."""
    document = shown(document)
    checks = document["checks"]
    told = [
        ("verdict", document["verdict"]),
        ("environment", document["environment"]),
        ("deployed_at", document["deployed_at"]),
        ("as_of", document["as_of"]),
        ("summary", document["summary"]),
    ]
    result = TestResult(
        subject=document["release"],
        digest=digest_of(document["release"]),
        result=_RESULT.get(document["verdict"], "FAILED"),
        configuration=[*told, *([("component", document["component"])] if document["component"] else [])],
        passed=[row["id"] for row in checks if row["verdict"] == "pass"],
        warned=[row["id"] for row in checks if row["verdict"] == "warn" or not (row["blocking"] or _passed(row))],
        failed=[row["id"] for row in checks if row["blocking"] and row["verdict"] in _FAILED],
    )
    return statement(result)


_FAILED = ("fail", "error", "inconclusive")


def _passed(row: CheckRow) -> bool:
    return row["verdict"] in ("pass", "warn")
