"""A verdict for a job summary or a pull request."""

from __future__ import annotations

from releaseguard.readable import to_the_second
from releaseguard.report.layout.display import Display
from releaseguard.report.layout.markdown import cell, code
from releaseguard.report.layout.shown import shown
from releaseguard.report.verdict.document import (
    VerdictDocument,
    by_urgency,
    decisions_in,
    deployment_of,
    record_in,
    sooner_in,
)
from releaseguard.report.verdict.skipped import by_reason

_MARK = {"pass": "✅", "warn": "⚠️", "fail": "❌", "inconclusive": "❔", "error": "💥"}


def render(document: VerdictDocument, _display: Display) -> str:
    """The verdict as Markdown."""
    document = shown(document)
    verdict = document["verdict"]
    lines = [
        f"## {_MARK[verdict]} {verdict.upper()}: {cell(document['summary'])}",
        "",
        f"Release {code(document['release'])} in {cell(document['environment'])}, {deployment_of(document)}, "
        f"as of {to_the_second(document['as_of'])}.",
        *_decided(document),
        "",
        "| | check | why |",
        "|---|---|---|",
        *(f"| {_MARK[row['verdict']]} | {code(row['id'])} | {cell(row['reason'])} |" for row in by_urgency(document)),
    ]
    lines += ["", *(f"- {cell(one)}" for one in document["remarks"])] if document["remarks"] else []
    if record := [*record_in(document), *sooner_in(document)]:
        lines += ["", *(f"- {cell(said)}" for said in record)]
    if document["next_step"]:
        lines += ["", f"**Next:** {cell(document['next_step'])}"]
    return "\n".join([*lines, *_skipped(document)])


def _skipped(document: VerdictDocument) -> list[str]:
    """Folded, and after what is to be done: an app that uses few of the providers leaves out most of the checks."""
    if not document["skipped"]:
        return []
    told = [
        f"- {cell(reason)}: {', '.join(code(row['id']) for row in rows)}"
        for reason, rows in by_reason(document).items()
    ]
    return ["", "<details><summary>", f"skipped: {len(document['skipped'])}", "</summary>", "", *told, "", "</details>"]


def _decided(document: VerdictDocument) -> list[str]:
    said = decisions_in(document)
    return ["", *(f"- {cell(one)}" for one in said)] if said else []
