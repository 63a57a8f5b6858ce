"""The integration health page: for a terminal, for programs, and as one HTML file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

from releaseguard import readable
from releaseguard.harmless import as_json
from releaseguard.report.text import wrapped


class HealthRow(TypedDict):
    """One provider. Counts are real traffic of the window; synthetic events are in none of them."""

    provider: str
    name: str
    state: str
    """``healthy``, ``degraded``, ``down``, ``silent``, ``idle`` or ``unknown``."""
    reason: str
    since: str | None
    events: int
    successes: int
    errors: int
    error_rate: float | None
    usual_error_rate: float | None
    expected_events: float | None
    latency_ms: Mapping[str, int] | None
    last_success: str | None
    """Where it lies before the window, to the minute."""
    last_error: str | None
    error_codes: Sequence[Mapping[str, Any]]
    course: Sequence[Mapping[str, int]]
    open_leaks: Sequence[Mapping[str, Any]]
    rotations: Sequence[Mapping[str, Any]]


class HealthDocument(TypedDict):
    """What ``health --json`` prints: times are RFC 3339 in UTC, rates between 0 and 1, the most urgent first."""

    environment: str
    as_of: str
    window: Sequence[str]
    summary: str
    log: Mapping[str, Any]
    set_aside: Mapping[str, Any]
    """Rows of the log that cannot be read; ``sentence`` says so to people, ``None`` where there are none."""
    providers: Sequence[HealthRow]
    foreign: Sequence[Mapping[str, Any]]
    """Rows that claim to be releaseguard's and are not believed."""
    broken: Sequence[Mapping[str, Any]]
    """Histories of rotations that cannot be believed beyond some step."""


MOST_FOREIGN = 10
"""Foreign rows that are shown one by one: somebody may have inserted thousands."""
BARS = " ▁▂▃▄▅▆▇█"
_INDENT = " " * 10
QUIET = ("unknown", "idle")
"""States of providers that share a line where they have nothing else to say."""


def text(document: HealthDocument, width: int) -> str:
    """The page for ``width`` characters: what needs a reader first, the quiet ones together at the end."""
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


def distrusted(document: HealthDocument) -> Sequence[str]:
    """The histories that are broken, and the rows that claim to be ours and are not."""
    lines = [
        f"BROKEN    the history of {one['lane']}: step {one['step']} {one['problem']}. {one['next_step']}"
        for one in document["broken"]
    ]
    foreign = document["foreign"]
    for one in foreign[:MOST_FOREIGN]:
        lane = f" of {one['lane']}" if one["lane"] else ""
        lines.append(f"FOREIGN   {one['event']}{lane}, row {one['id']} of {one['recorded_at'][:19]}Z: {one['problem']}")
    more = len(foreign) - MOST_FOREIGN
    return [*lines, *([f"FOREIGN   and {more} more: releaseguard audit show"] if more > 0 else [])]


def sorted_out(document: HealthDocument) -> tuple[Sequence[HealthRow], Mapping[tuple[str, str], Sequence[HealthRow]]]:
    """The providers of which there is something to tell, and the quiet ones by (state, reason)."""
    told: list[HealthRow] = []
    quiet: dict[tuple[str, str], list[HealthRow]] = {}
    for row in document["providers"]:
        if row["state"] in QUIET and not (row["events"] or _open(row)):
            quiet.setdefault((row["state"], row["reason"]), []).append(row)
        else:
            told.append(row)
    return told, quiet


def _row(row: HealthRow, width: int) -> list[str]:
    head = f"{row['state'].upper():<9} {row['provider']}"
    course = sparkline(row["course"])
    lines = [f"{head:<24}{course}" if row["events"] and width >= 24 + len(course) else head]
    for line in (row["reason"], _seen(row), _carried(row), *_open(row)):
        lines += wrapped(line, _INDENT, width) if line else []
    return lines


def _seen(row: HealthRow) -> str:
    moments = (("last success", row["last_success"]), ("last error", row["last_error"]))
    return ", ".join(f"{what} {clock(moment, row)}" for what, moment in moments if moment)


def clock(moment: str, row: HealthRow) -> str:
    """The time of day, with its day where the provider's newest event is of another one."""
    newest = max(row["last_success"] or "", row["last_error"] or "")
    same_day = moment[:10] == newest[:10] and row["events"]
    return readable.clock(moment, seconds=True) if same_day else readable.date_and_clock(moment)


def _carried(row: HealthRow) -> str:
    codes = ", ".join(f"{one['code']} x{one['count']}" for one in row["error_codes"])
    latency = row["latency_ms"]
    took = f"half within {latency['p50']} ms, 95% within {latency['p95']} ms" if latency else ""
    return "; ".join(part for part in (codes and f"errors: {codes}", took) if part)


def _open(row: HealthRow) -> list[str]:
    leaks = [
        line
        for leak in row["open_leaks"]
        for line in (f"OPEN LEAK since {leak['since'][:16]}Z: {leak['reason']}", f"next: {leak['next_step']}")
    ]
    rotations = [
        f"rotation {one['rotation_id']} is {one['state']} since {one['changed_at'][:16]}Z" for one in row["rotations"]
    ]
    return [*leaks, *rotations]


def sparkline(course: Sequence[Mapping[str, int]]) -> str:
    """The events of each part of the window as bars of a height in proportion; nothing is a gap."""
    totals = [part["successes"] + part["errors"] for part in course]
    most = max(totals, default=0)
    return "".join(BARS[-(-total * (len(BARS) - 1) // most)] for total in totals) if most else ""


def _json(document: HealthDocument, _width: int) -> str:
    return as_json(document)


def html(document: HealthDocument, _width: int = 0) -> str:
    """One file without any outside request; it says its own age, since a saved page looks like a live one."""
    from releaseguard.report.html import page

    return page("health.html.jinja").render(
        document=document,
        sorted_out=sorted_out,
        distrusted=distrusted,
        clock=clock,
        date_and_clock=readable.date_and_clock,
        share=readable.share,
        heights=heights,
        opened=_open,
    )


def heights(course: Sequence[Mapping[str, int]], full: int) -> Sequence[tuple[int, int]]:
    """For each part of the window how high its successes and errors stand, of ``full``; one event is never 0."""
    most = max((part["successes"] + part["errors"] for part in course), default=0) or 1
    return [(-(-part["successes"] * full // most), -(-part["errors"] * full // most)) for part in course]


FORMATS: Mapping[str, Callable[[HealthDocument, int], str]] = {"text": text, "json": _json, "html": html}
"""The formats of the page, by the name given to ``--format``."""
