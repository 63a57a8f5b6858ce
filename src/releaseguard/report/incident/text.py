"""An incident for a terminal: one line first, then the parts."""

from __future__ import annotations

from collections.abc import Iterator

from releaseguard.report.incident.document import (
    ActionRow,
    ControlRow,
    IncidentDocument,
    IncidentPage,
    Labels,
    OpenRow,
    SymptomRow,
    clock,
    shown_changes,
)
from releaseguard.report.layout.bars import sparkline
from releaseguard.report.layout.display import Display
from releaseguard.report.layout.shown import shown
from releaseguard.report.layout.text import wrapped


def render(page: IncidentPage, display: Display) -> str:
    """The incident as text that fits the display."""
    document, labels, width = shown(page.document), page.labels, display.width
    lines = [*wrapped(document["headline"], "", width)]
    lines += wrapped(f"{document['environment']}, {labels['as_of']}. {labels['from_events']}", "  ", width)
    lines += wrapped(labels["undone"], "  ", width)
    if document["health"]["events"]:
        lines.append(f"  {sparkline(document['health']['course'])}")
    for title, part in _parts(document, labels, width):
        if part:
            lines += ["", labels[title].upper() if document["language"] == "en" else _upper(labels[title]), *part]
    return "\n".join(lines)


def _upper(turkish: str) -> str:
    """Capital letters as Turkish writes them: i has its dot."""
    return turkish.replace("i", "İ").replace("ı", "I").upper()


def _parts(document: IncidentDocument, labels: Labels, width: int) -> Iterator[tuple[str, list[str]]]:
    yield "heading_open", [line for one in document["open"] for line in _open_lines(one, labels, width)]
    others = (f"{one['provider']} {labels['state.' + one['state']]}: {one['reason']}" for one in document["others"])
    yield "heading_others", [line for one in others for line in wrapped(one, "    ", width, first="  ")]
    writers = (one["text"] for one in document["writers"])
    yield "heading_writers", [line for one in writers for line in wrapped(one, "    ", width, first="  ")]
    yield "heading_changes", _changes(document, labels, width)
    yield "heading_symptoms", [line for row in document["symptoms"] for line in _symptom(row, labels, width)]
    yield "heading_controls", [line for row in document["controls"] for line in _control(row, labels, width)]
    yield "heading_actions", [line for row in document["actions"] for line in _action(row, width)]
    yield "heading_rules", [line for rule in document["rules"] for line in wrapped(rule, "    ", width, first="  - ")]


def _open_lines(one: OpenRow, labels: Labels, width: int) -> list[str]:
    lines = wrapped(one["text"], "    ", width, first="  ")
    if one["next_step"]:
        lines += wrapped(f"{labels['next']}: {one['next_step']}", "    ", width)
    return lines


def _changes(document: IncidentDocument, labels: Labels, width: int) -> list[str]:
    lines: list[str] = []
    for row in shown_changes(document):
        if row is None:
            lines.append(f"  {clock(document['began'] or '', document)}  --- {labels['began_here']} ---")
            continue
        where = f" ({row['where']})" if row["where"] else ""
        mark = f"  <- {labels['likely_mark']}" if row["likely"] else ""
        lines += wrapped(f"{clock(row['at'], document)}  {row['what']}{where}{mark}", "          ", width, first="  ")
    if not document["changes"]:
        lines += wrapped(labels["no_changes"], "  ", width)
    for problem in document["unread"]:
        lines += wrapped(f"{labels['not_looked']}: {problem}", "    ", width, first="  ")
    return lines


def _symptom(row: SymptomRow, labels: Labels, width: int) -> list[str]:
    lines = wrapped(f"[{labels['match.' + row['match']]}] {row['text']}", "    ", width, first="  ")
    if row["match"] != "no":
        lines += [line for one in row["evidence"] for line in wrapped(one, "      ", width)]
    return lines


def _control(row: ControlRow, labels: Labels, width: int) -> list[str]:
    lines = wrapped(f"[{labels['status.' + row['status']]}] {row['text']}", "    ", width, first="  ")
    for one in row["finding"]:
        lines += wrapped(one, "      ", width)
    for line in row["lines"]:
        lines += wrapped(line, "        | ", width)
    if row["next_step"]:
        lines += wrapped(f"{labels['next']}: {row['next_step']}", "      ", width)
    # What is to be copied stands in a line of its own and is never wrapped.
    copied = ((labels["run"], row["command"]), (labels["open"], row["url"]))
    return [*lines, *(f"      {label}: {what}" for label, what in copied if what)]


def _action(row: ActionRow, width: int) -> list[str]:
    lines = wrapped(f"{row['number']}. {row['text']}", "     ", width, first="  ")
    return [*lines, f"     $ {row['command']}"] if row["command"] else lines
