"""A verdict for a job summary or a pull request."""

from __future__ import annotations

from releaseguard.report.layout.display import Display
from releaseguard.report.layout.markdown import cell, code
from releaseguard.report.layout.shown import shown
from releaseguard.report.verdict.document import VerdictDocument, by_urgency, decisions_in, deployment_of, record_in

_MARK = {"pass": "✅", "warn": "⚠️", "fail": "❌", "inconclusive": "❔", "error": "💥"}


def render(document: VerdictDocument, _display: Display) -> str:
    """The verdict as Markdown."""
    document = shown(document)
    verdict = document["verdict"]
    lines = [
        f"## {_MARK[verdict]} {verdict.upper()}: {cell(document['summary'])}",
        "",
        f"Release {code(document['release'])} in {cell(document['environment'])}, {deployment_of(document)}, "
        f"as of {document['as_of']}.",
        *_decided(document),
        "",
        "| | check | why |",
        "|---|---|---|",
        *(f"| {_MARK[row['verdict']]} | {code(row['id'])} | {cell(row['reason'])} |" for row in by_urgency(document)),
        *(f"| skipped | {code(row['id'])} | {cell(row['reason'])} |" for row in document["skipped"]),
    ]
    lines += ["", *(f"- {cell(one)}" for one in document["remarks"])] if document["remarks"] else []
    if record := record_in(document):
        lines += ["", *(f"- {cell(said)}" for said in record)]
    if document["next_step"]:
        lines += ["", f"**Next:** {cell(document['next_step'])}"]
    return "\n".join(lines)


def _decided(document: VerdictDocument) -> list[str]:
    said = decisions_in(document)
    return ["", *(f"- {cell(one)}" for one in said)] if said else []
