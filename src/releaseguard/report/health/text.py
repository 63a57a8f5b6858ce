"""The integration health page for a terminal."""

from __future__ import annotations

from releaseguard import readable
from releaseguard.report.health.document import HealthDocument, HealthRow, clock, distrusted, opened, sorted_out
from releaseguard.report.layout.bars import sparkline
from releaseguard.report.layout.display import Display
from releaseguard.report.layout.shown import shown
from releaseguard.report.layout.text import wrapped

_INDENT = " " * 10
_CHART = len(_INDENT) + len("aws_rekognition") + 2
"""Where the charts begin: beside the longest name of a shipped card; a longer one moves its own."""


def render(document: HealthDocument, display: Display) -> str:
    """The page that fits the display: what needs a reader first, the quiet ones together at the end."""
    document, width = shown(_without_history(document)), display.width
    begin, end = (readable.clock(moment, zone="") for moment in document["window"])
    lines = wrapped(f"{document['environment']}, {begin} to {end}Z: {document['summary']}", "", width)
    for line in distrusted(document):
        lines += ["", *wrapped(line, _INDENT, width, first="")]
    told, quiet = sorted_out(document)
    for row in told:
        lines += ["", *_row(row, width)]
    for (state, reason), rows in quiet.items():
        names = ", ".join(row["provider"] for row in rows)
        lines += ["", *wrapped(f"{state.upper():<9} {names}: {reason}", _INDENT, width, first="")]
    if said := document["set_aside"]["sentence"]:
        lines += ["", *wrapped(said, "", width)]
    return "\n".join(lines)


def _without_history(document: HealthDocument) -> HealthDocument:
    """The document less the days that a terminal is not shown: they are most of it."""
    rows: list[HealthRow] = [{**row, "history": []} for row in document["providers"]]
    return {**document, "providers": rows}


def _row(row: HealthRow, width: int) -> list[str]:
    head = f"{row['state'].upper():<9} {row['provider']}"
    course = sparkline(row["course"])
    lines = [f"{head:<{_CHART - 1}} {course}" if row["events"] and width >= _CHART + len(course) else head]
    for line in (row["reason"], _seen(row), _carried(row), *opened(row)):
        lines += wrapped(line, _INDENT, width) if line else []
    return lines


def _seen(row: HealthRow) -> str:
    moments = (("last success", row["last_success"]), ("last error", row["last_error"]))
    return ", ".join(f"{what} {clock(moment, row)}" for what, moment in moments if moment)


def _carried(row: HealthRow) -> str:
    codes = ", ".join(f"{one['code']} x{one['count']}" for one in row["error_codes"])
    latency = row["latency_ms"]
    took = f"half within {latency['p50']} ms, 95% within {latency['p95']} ms" if latency else ""
    return "; ".join(part for part in (codes and f"errors: {codes}", took) if part)
