"""A verdict for a terminal: the answer first, then what needs a reader, each line cut to the width."""

from __future__ import annotations

import json
import re
from typing import Any

from releaseguard.report.layout.display import Display
from releaseguard.report.layout.shown import shown
from releaseguard.report.layout.text import wrapped
from releaseguard.report.verdict.document import (
    CheckRow,
    SkippedRow,
    VerdictDocument,
    by_urgency,
    decisions_in,
    deployment_of,
    record_in,
)

_INDENT = " " * 14
_NOTHING_LOGGED = re.compile(r"^not configured: no .+ was logged( here in .+)$")
"""Why most checks of an app that does not use every provider are left out: told once for all of them."""


def render(document: VerdictDocument, display: Display) -> str:
    """The verdict as text that fits the display."""
    document, width = shown(document), display.width
    lines = [*wrapped(f"{document['verdict'].upper()}  {document['summary']}", "", width)]
    where = f"release {document['release']}, {document['environment']}, {deployment_of(document)}"
    lines += [*wrapped(where, "  ", width), *wrapped(f"as of {document['as_of']}", "  ", width)]
    lines += [line for said in decisions_in(document) for line in wrapped(said, "  ", width)]
    lines.append("")
    for row in by_urgency(document):
        lines += _check(row, width)
        lines += _evidence(row, width) if document.get("explained") else []
    lines += _skipped(document, width)
    lines += [
        line for said in document["remarks"] for line in wrapped(f"{'seen':<13} {said}", _INDENT, width, first="")
    ]
    lines += [line for said in record_in(document) for line in wrapped(said, "  ", width)]
    if document["next_step"]:
        lines += ["", *wrapped(f"next: {document['next_step']}", "", width)]
    return "\n".join(lines)


def _check(row: CheckRow, width: int) -> list[str]:
    mark = row["verdict"].upper() + ("" if row["blocking"] or row["verdict"] == "pass" else "*")
    return [f"{mark:<13} {row['id']}", *wrapped(row["reason"], _INDENT, width)]


def _evidence(row: CheckRow, width: int) -> list[str]:
    """Each field of the evidence on a line of its own."""
    return [line for name, value in row["evidence"].items() for line in wrapped(_field(name, value), _INDENT, width)]


def _field(name: str, value: Any) -> str:
    told = value if isinstance(value, str) else "none" if value is None else json.dumps(value, ensure_ascii=False)
    return f"{name.replace('_', ' ')}: {told}"


def _skipped(document: VerdictDocument, width: int) -> list[str]:
    rows = document["skipped"]
    if not rows:
        return []
    reasons: dict[str, list[SkippedRow]] = {}
    for row in rows:
        reasons.setdefault(
            _NOTHING_LOGGED.sub(r"not configured: none of their events was logged\1", row["reason"]), []
        ).append(row)
    lines = []
    for reason, same in reasons.items():
        lines += wrapped(f"{'skipped':<13} {', '.join(row['id'] for row in same)}: {reason}", _INDENT, width, first="")
    return lines
