"""A verdict for a terminal: the answer first, then what needs a reader, each line cut to the width."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from releaseguard.readable import to_the_second
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
    sooner_in,
)
from releaseguard.report.verdict.skipped import by_reason

_INDENT = " " * 14
MOST_NAMED = 6
"""Checks that are named one by one where many are left out for the same reason."""


def render(document: VerdictDocument, display: Display) -> str:
    """The verdict as text that fits the display."""
    document, width = shown(document), display.width
    lines = [*wrapped(f"{document['verdict'].upper()}  {document['summary']}", "", width)]
    where = f"release {document['release']}, {document['environment']}, {deployment_of(document)}"
    lines += [*wrapped(where, "  ", width), *wrapped(f"as of {to_the_second(document['as_of'])}", "  ", width)]
    lines += [line for said in decisions_in(document) for line in wrapped(said, "  ", width)]
    lines.append("")
    for row in by_urgency(document):
        lines += _check(row, width)
        lines += _evidence(row, width) if document.get("explained") else []
    lines += _skipped(document, display)
    lines += [
        line for said in document["remarks"] for line in wrapped(f"{'seen':<13} {said}", _INDENT, width, first="")
    ]
    lines += [line for said in (*record_in(document), *sooner_in(document)) for line in wrapped(said, "  ", width)]
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


def _skipped(document: VerdictDocument, display: Display) -> list[str]:
    return [
        line
        for reason, same in by_reason(document).items()
        for line in wrapped(
            f"{'skipped':<13} {_named(same, display.verbosity)}: {reason}", _INDENT, display.width, first=""
        )
    ]


def _named(rows: Sequence[SkippedRow], verbosity: int) -> str:
    """Each of a few; of many how many and whose, so that what to do next stays on the screen: ``-v`` names them."""
    if verbosity > 0 or len(rows) <= MOST_NAMED:
        return ", ".join(row["id"] for row in rows)
    providers = list(dict.fromkeys(row["provider"] for row in rows))
    return f"{len(rows)} checks (-v names them) of {', '.join(providers)}"
