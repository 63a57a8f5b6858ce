"""Findings for a job's summary or a comment."""

from __future__ import annotations

from releaseguard.report.findings.document import FindingsPage, FoundRow
from releaseguard.report.layout.display import Display
from releaseguard.report.layout.markdown import cell, code
from releaseguard.report.layout.shown import shown

_MARK = {"error": "❌", "warning": "⚠️", "note": "❔"}


def render(page: FindingsPage, _display: Display) -> str:
    """A heading, and a table of what is not in order."""
    rows = [*page.wrong, *(row for row in page.rows if row.level == "note")]
    well = sum(row.level == "ok" for row in page.rows)
    head = f"## {_MARK[rows[0].level] if rows else '✅'} {cell(page.summary)}"
    table = ["", "| | what | where | why |", "|---|---|---|---|", *map(_line, rows)] if rows else []
    steps = list(dict.fromkeys(row.next_step for row in rows if row.next_step))
    following = ["", "**Next:**", "", *(f"- {code(shown(step))}" for step in steps)] if steps else []
    return "\n".join([head, *table, *(["", f"In order: {well}."] if well else []), *following])


def _line(row: FoundRow) -> str:
    subject, place, reason = (shown(text) for text in (row.subject, row.place, row.reason))
    return f"| {_MARK[row.level]} {cell(row.rule)} | {code(subject)} | {code(place)} | {cell(reason)} |"
