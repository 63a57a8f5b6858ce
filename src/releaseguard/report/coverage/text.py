"""Provider calls that are not logged or not tested, for a terminal."""

from __future__ import annotations

from releaseguard.harmless import visible
from releaseguard.report.coverage.document import CoverageDocument, CoverageFindingRow, CoveragePage, SeenDocument
from releaseguard.report.layout.display import Display
from releaseguard.report.layout.table import render as table
from releaseguard.report.layout.text import wrapped

_INDENT = " " * 4
_WHERE = {"success": "after it, add", "error": "where it fails, add"}
_TURN = {
    "unknown-event": "write instead",
    "unknown-provider": "write instead",
    "wrong-outcome": "write instead",
}


def render(page: CoveragePage, display: Display) -> str:
    """The findings by file and line with the lines to add, what was not judged, and each provider's count."""
    document, width = page.document, display.width
    lines: list[str] = []
    for row in document["findings"]:
        lines += [*_finding(row, width), ""]
    lines += _unknown(document, width)
    if display.verbosity > 0:
        for waived in document["waived"]:
            row = waived["finding"]
            lines += wrapped(f"waived {_place(row)} {_subject(row)}: {waived['reason']}", _INDENT, width, first="")
    lines += _providers(document, width)
    lines += _seen(document["seen"], width)
    lines += wrapped(document["summary"], "", width)
    return "\n".join(visible(line.replace("\n", " ")) for line in lines)


def _finding(row: CoverageFindingRow, width: int) -> list[str]:
    lines = [f"{_place(row)}  {_subject(row)}", *wrapped(row["message"], _INDENT, width)]
    added = (row["fix"] or "").splitlines()
    if row["rule"] == "not-tested":
        return [*lines, *wrapped(f"write: {row['fix']}", _INDENT, width)]
    words = [_WHERE[outcome] for outcome in row["missing"]] if row["rule"] == "not-logged" else []
    for word, line in zip(words or [_TURN.get(row["rule"], "add")] * len(added), added, strict=False):
        lines.append(f"{_INDENT}{word}: {line}")
    return lines


def _place(row: CoverageFindingRow) -> str:
    return f"{row['file']}:{row['line']}:{row['column']}"


def _subject(row: CoverageFindingRow) -> str:
    return f"{row['rule']} {row['provider'] or ''}".rstrip()


def _unknown(document: CoverageDocument, width: int) -> list[str]:
    rows = document["unknown"]
    if not rows:
        return []
    lines = ["Not judged:"]
    for row in rows:
        place = row["file"] if row["rule"] == "not-read" else f"{row['file']}:{row['line']}"
        lines += wrapped(f"{place} {row['message']}", _INDENT, width, first="  ")
    return [*lines, ""]


def _providers(document: CoverageDocument, width: int) -> list[str]:
    rows = [
        {
            "provider": row["provider"],
            "calls": str(row["calls"]),
            "logged": str(row["covered"]),
            "waived": str(row["waived"] or ""),
            "tests": str(len(row["tests"])) if row["tests"] else "none",
        }
        for row in document["providers"]
    ]
    return [*table(rows, ["provider", "calls", "logged", "tests", "waived"], width).split("\n"), ""] if rows else []


_STATES = {"since_release": "since the release", "before": "within 30 days", "never": "never"}


def _seen(seen: SeenDocument | None, width: int) -> list[str]:
    """Who was seen in the log, by provider and writer, and the call sites that never were."""
    if seen is None:
        return []
    marked = f"{seen['release']}, {seen['deployed_at']}" if seen["deployed_at"] else "no release is marked"
    rows = [
        {
            "provider": row["provider"],
            "source": row["source"] or "any",
            "calls": str(row["calls"]),
            "seen": _STATES[row["state"]],
            "last": row["last"] or "",
        }
        for row in seen["consumers"]
    ]
    lines = [f"In the log of {seen['environment']} ({marked}):"]
    lines += table(rows, ["provider", "source", "calls", "seen", "last"], width).split("\n") if rows else []
    for call in seen["calls"]:
        if call["state"] == "never":
            lines += wrapped(
                f"{call['file']}:{call['line']} {call['provider']} was never seen", _INDENT, width, first="  "
            )
    if seen["silent_sources"]:
        lines += wrapped(f"Wrote nothing within 30 days: {', '.join(seen['silent_sources'])}.", "", width)
    return [*lines, ""]
