"""A verdict as SARIF: what failed, warned, or is undecided."""

from __future__ import annotations

from releaseguard.report.layout.display import Display
from releaseguard.report.layout.sarif import SarifResult, SarifRule, sarif_run
from releaseguard.report.verdict.document import CheckRow, VerdictDocument, rows_of

_LEVEL = {"fail": "error", "warn": "warning", "inconclusive": "note", "error": "error"}


def render(document: VerdictDocument, _display: Display) -> str:
    """The verdict as one run; a result for each check that did not pass."""
    rows = rows_of(document)
    rules: list[SarifRule] = [
        {"id": row["id"], "shortDescription": {"text": f"{row['provider']}: {row['kind']}"}} for row in rows
    ]
    results = [_result(index, row) for index, row in enumerate(rows) if row["verdict"] != "pass"]
    properties = {key: document[key] for key in ("verdict", "release", "environment", "as_of", "decisions")}
    return sarif_run(rules, results, properties)


def _result(index: int, row: CheckRow) -> SarifResult:
    level = "warning" if row["verdict"] == "fail" and not row["blocking"] else _LEVEL[row["verdict"]]
    # A release has no line of code; the card that set the check is the nearest thing to a place.
    place = f"checks/{row['provider']}.toml" if row["kind"] != "verdict" else "releaseguard.toml"
    return {
        "ruleId": row["id"],
        "ruleIndex": index,
        "level": level,
        "message": {"text": row["reason"]},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": place}}}],
    }
