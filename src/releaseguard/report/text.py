"""A verdict for a terminal: the answer first, then what needs a reader, each line cut to the width."""

from __future__ import annotations

import textwrap

from releaseguard.report.interface import CheckRow, SkippedRow, VerdictDocument, by_urgency

_INDENT = " " * 14


def render(document: VerdictDocument, width: int) -> str:
    """The verdict as text for ``width`` characters."""
    lines = [*wrapped(f"{document['verdict'].upper()}  {document['summary']}", "", width)]
    where = f"release {document['release']}, {document['environment']}, deployed {document['deployed_at']}"
    lines += [*wrapped(where, "  ", width), *wrapped(f"as of {document['as_of']}", "  ", width), ""]
    for row in by_urgency(document):
        lines += _check(row, width)
    lines += _skipped(document, width)
    if document["next_step"]:
        lines += ["", *wrapped(f"next: {document['next_step']}", "", width)]
    return "\n".join(lines)


def _check(row: CheckRow, width: int) -> list[str]:
    mark = row["verdict"].upper() + ("" if row["blocking"] or row["verdict"] == "pass" else "*")
    return [f"{mark:<13} {row['id']}", *wrapped(row["reason"], _INDENT, width)]


def _skipped(document: VerdictDocument, width: int) -> list[str]:
    rows = document["skipped"]
    if not rows:
        return []
    reasons: dict[str, list[SkippedRow]] = {}
    for row in rows:
        reasons.setdefault(row["reason"], []).append(row)
    lines = []
    for reason, same in reasons.items():
        lines += wrapped(f"{'skipped':<13} {', '.join(row['id'] for row in same)}: {reason}", _INDENT, width, first="")
    return lines


def wrapped(text: str, indent: str, width: int, first: str | None = None) -> list[str]:
    """The lines of a paragraph that fits ``width``, indented; less so on a narrow terminal."""
    narrow = indent if width >= 50 else indent[:2]
    return textwrap.wrap(
        text,
        max(width, 20),
        initial_indent=narrow if first is None else first,
        subsequent_indent=narrow,
        break_long_words=False,
        break_on_hyphens=False,
    )
