"""A verdict for a job summary or a pull request."""

from __future__ import annotations

import html

from releaseguard.report.interface import VerdictDocument, by_urgency

_MARK = {"pass": "✅", "warn": "⚠️", "fail": "❌", "inconclusive": "❔", "error": "💥"}


def render(document: VerdictDocument) -> str:
    """The verdict as GitHub-flavoured Markdown."""
    verdict = document["verdict"]
    lines = [
        f"## {_MARK[verdict]} {verdict.upper()}: {cell(document['summary'])}",
        "",
        f"Release `{document['release']}` in {document['environment']}, deployed {document['deployed_at']}, "
        f"as of {document['as_of']}.",
        "",
        "| | check | why |",
        "|---|---|---|",
        *(f"| {_MARK[row['verdict']]} | `{row['id']}` | {cell(row['reason'])} |" for row in by_urgency(document)),
        *(f"| skipped | `{row['id']}` | {cell(row['reason'])} |" for row in document["skipped"]),
    ]
    if document["next_step"]:
        lines += ["", f"**Next:** {cell(document['next_step'])}"]
    return "\n".join(lines)


def cell(text: str) -> str:
    """Text that stays inside its table cell and is no markup of its own."""
    return html.escape(text, quote=False).replace("|", "\\|").replace("\n", " ")
