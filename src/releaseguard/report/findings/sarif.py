"""Findings as SARIF, for code scanning."""

from __future__ import annotations

from urllib.parse import quote

from releaseguard.harmless import visible
from releaseguard.report.findings.document import FindingsPage, FoundRow
from releaseguard.report.layout.display import Display
from releaseguard.report.layout.sarif import SarifPlace, SarifResult, SarifRule, sarif_run


def render(page: FindingsPage, _display: Display) -> str:
    """One run; a result for everything that is not in order."""
    rules: list[SarifRule] = [{"id": name, "shortDescription": {"text": text}} for name, text in page.rules.items()]
    index = {name: place for place, name in enumerate(page.rules)}
    results = [_result(row, index[row.rule]) for row in page.rows if row.level != "ok"]
    return sarif_run(rules, results, {"summary": visible(page.summary)})


def _result(row: FoundRow, index: int) -> SarifResult:
    # What is no file's has the configuration for its place: code scanning shows nothing without one.
    place: SarifPlace = {"artifactLocation": {"uri": quote(row.file or "releaseguard.toml")}}
    if row.line:
        place["region"] = {"startLine": row.line}
    said = f"{row.subject} ({row.place}): {row.reason}" + (f" Next: {row.next_step}" if row.next_step else "")
    return {
        "ruleId": row.rule,
        "ruleIndex": index,
        "level": row.level,
        "message": {"text": visible(said)},
        "locations": [{"physicalLocation": place}],
    }
