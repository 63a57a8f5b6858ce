"""Provider calls that are not logged or not tested, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from releaseguard.harmless import visible
from releaseguard.report.coverage.document import CoverageDocument, CoverageFindingRow, CoveragePage, SeenDocument
from releaseguard.report.layout.display import Display
from releaseguard.report.layout.table import render as table
from releaseguard.report.layout.text import wrapped

_INDENT = " " * 4
_CLIENTS = 3
"""Clients of one provider that are named."""
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
    for rows in _alike(document["findings"]):
        lines += [*_finding(rows, width), ""]
    lines += _unknown(document, width)
    if display.verbosity > 0:
        for waived in document["waived"]:
            row = waived["finding"]
            lines += wrapped(f"waived {_place(row)} {_subject(row)}: {waived['reason']}", _INDENT, width, first="")
    lines += _providers(document, width)
    lines += _seen(document["seen"], width)
    lines += wrapped(document["summary"], "", width)
    return "\n".join(visible(line.replace("\n", " ")) for line in lines)


def _alike(rows: Sequence[CoverageFindingRow]) -> Sequence[Sequence[CoverageFindingRow]]:
    """Findings of which the same is to be said, together, where the first of them stands."""
    groups: dict[tuple[object, ...], list[CoverageFindingRow]] = {}
    for row in rows:
        groups.setdefault((row["rule"], row["provider"], row["message"], row["fix"]), []).append(row)
    return list(groups.values())


def _finding(rows: Sequence[CoverageFindingRow], width: int) -> list[str]:
    row = rows[0]
    lines = [f"{_place(one)}  {_subject(one)}" for one in rows]
    lines += wrapped(row["message"], _INDENT, width)
    if len(rows) > 1:
        lines += wrapped(f"In {len(rows)} places.", _INDENT, width)
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
    for alike in _alike(rows):
        told = ", ".join(row["file"] if row["rule"] == "not-read" else f"{row['file']}:{row['line']}" for row in alike)
        lines += wrapped(alike[0]["message"], "  ", width)
        lines += wrapped(told, _INDENT, width)
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
    if not rows:
        return []
    counted = table(rows, ["provider", "calls", "logged", "tests", "waived"], width).split("\n")
    return [*counted, "", *_clients(document, width)]


def _clients(document: CoverageDocument, width: int) -> list[str]:
    """Where one log would cover many calls."""
    lines: list[str] = []
    for row in document["providers"]:
        for client in row["clients"][:_CLIENTS]:
            lines += wrapped(
                f"{client['calls']} calls of {row['name']} that lack a log go through the client made at "
                f"{client['file']}:{client['line']}: one place that all of them go through, and that logs, is enough.",
                _INDENT,
                width,
                first="",
            )
    return [*lines, ""] if lines else []


_STATES = {"since_release": "since the release", "before": "within 30 days", "never": "never", "unnamed": "not known"}


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
    if any(call["state"] == "unnamed" for call in seen["calls"]):
        lines += wrapped(
            f"Rows within 30 days without a source: {seen['without_source']}. Whether a call is among them is not "
            "known: have the app write its source.",
            "",
            width,
        )
    if seen["silent_sources"]:
        names = ", ".join(seen["silent_sources"])
        named = f"Named by no row within 30 days: {names}."
        lines += wrapped(named if seen["without_source"] else f"Wrote nothing within 30 days: {names}.", "", width)
    return [*lines, ""]
