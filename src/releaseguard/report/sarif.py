"""SARIF 2.1.0 (OASIS), for GitHub's code scanning; of a verdict what failed, warned, or is undecided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from releaseguard import __version__
from releaseguard.harmless import as_json
from releaseguard.report.interface import CheckRow, VerdictDocument, rows_of

_LEVEL = {"fail": "error", "warn": "warning", "inconclusive": "note", "error": "error"}
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render(document: VerdictDocument) -> str:
    """The verdict as one run; a result for each check that did not pass."""
    rows = rows_of(document)
    rules = [{"id": row["id"], "shortDescription": {"text": f"{row['provider']}: {row['kind']}"}} for row in rows]
    results = [_result(index, row) for index, row in enumerate(rows) if row["verdict"] != "pass"]
    properties = {key: document[key] for key in ("verdict", "release", "environment", "as_of")}
    return sarif_run(rules, results, properties)


def sarif_run(
    rules: Sequence[Mapping[str, Any]], results: Sequence[Mapping[str, Any]], properties: Mapping[str, Any]
) -> str:
    """One run of ours as SARIF: its rules, its results (which name rules by ``ruleIndex``), and what else it says."""
    driver = {"name": "releaseguard", "version": __version__, "rules": rules}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results, "properties": properties}
    return as_json({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def _result(index: int, row: CheckRow) -> dict[str, Any]:
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
