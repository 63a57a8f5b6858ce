"""An incident as Markdown: the first line is what a channel shows of it."""

from __future__ import annotations

from collections.abc import Iterator

from releaseguard.report.incident.document import (
    ActionRow,
    ControlRow,
    IncidentDocument,
    IncidentPage,
    Labels,
    OpenRow,
    OtherRow,
    SymptomRow,
    clock,
    is_link,
    shown_changes,
)
from releaseguard.report.layout.display import Display
from releaseguard.report.layout.markdown import cell, code, fenced
from releaseguard.report.layout.shown import shown

_MARKS = {"bad": "❌", "ok": "✅", "unclear": "❔", "not_done": "⚠️", "person": "👤"}
_MATCHES = {"yes": "❌", "some": "❔", "no": "✅", "unknown": "❔"}

_WHERE_THERE_ARE_SOME = ("heading_open", "heading_others", "heading_writers", "heading_rules")


def render(page: IncidentPage, _display: Display) -> str:
    """The incident as Markdown."""
    document, labels = shown(page.document), page.labels
    lines = [f"**{cell(document['headline'])}**", ""]
    if labels["undone"]:
        lines += [f"{_MARKS['not_done']} {labels['undone']}.", ""]
    for heading, part in _parts(document, labels):
        lines += [f"### {labels[heading]}", "", *part, ""] if part or heading not in _WHERE_THERE_ARE_SOME else []
    return "\n".join([*lines, f"_{cell(document['environment'])}, {cell(labels['as_of'])}. {labels['from_events']}_"])


def _parts(document: IncidentDocument, labels: Labels) -> Iterator[tuple[str, list[str]]]:
    yield "heading_actions", [_action(row) for row in document["actions"]]
    yield "heading_open", [_open(one, labels) for one in document["open"]]
    yield "heading_others", [_other(one, labels) for one in document["others"]]
    yield "heading_writers", [f"- {cell(one['text'])}" for one in document["writers"]]
    yield "heading_changes", list(_changes(document, labels))
    yield "heading_symptoms", [_symptom(row) for row in document["symptoms"]]
    yield "heading_controls", [line for row in document["controls"] for line in _control(row, labels)]
    yield "heading_rules", [f"- {cell(rule)}" for rule in document["rules"]]


def _other(row: OtherRow, labels: Labels) -> str:
    return f"- {cell(row['provider'])}, {labels['state.' + row['state']]}: {cell(row['reason'])}"


def _symptom(row: SymptomRow) -> str:
    return f"- {_MATCHES[row['match']]} {cell(row['text'])}: {cell('; '.join(row['evidence']))}"


def _action(row: ActionRow) -> str:
    command = f": {code(row['command'])}" if row["command"] else ""
    return f"{row['number']}. {cell(row['text'])}{command}"


def _open(one: OpenRow, labels: Labels) -> str:
    step = f" {labels['next']}: {cell(one['next_step'])}" if one["next_step"] else ""
    return f"- **{cell(one['text'])}**{step}"


def _changes(document: IncidentDocument, labels: Labels) -> Iterator[str]:
    if not document["changes"]:
        yield labels["no_changes"]
    for row in shown_changes(document) if document["changes"] else ():
        if row is None:
            yield f"- **{clock(document['began'] or '', document)} {labels['began_here']}**"
            continue
        where = f" ({cell(row['where'])})" if row["where"] else ""
        what = f"[{cell(row['what'])}]({row['url']})" if is_link(row["url"]) else cell(row["what"])
        mark = f" ⬅ **{labels['likely_mark']}**" if row["likely"] else ""
        yield f"- {clock(row['at'], document)} {what}{where}{mark}"
    for problem in document["unread"]:
        yield f"- {labels['not_looked']}: {cell(problem)}"


def _control(row: ControlRow, labels: Labels) -> Iterator[str]:
    status = row["status"]
    yield f"- {_MARKS[status]} **{cell(row['text'])}** ({labels['status.' + status]})"
    for one in row["finding"]:
        yield f"  - {cell(one)}"
    if row["lines"]:
        yield from ("", *(f"    {line}" for line in fenced("\n".join(row["lines"])).split("\n")))
    if row["next_step"]:
        yield f"  - {labels['next']}: {cell(row['next_step'])}"
    if row["command"]:
        yield f"  - {labels['run']}: {code(row['command'])}"
    if row["url"]:
        yield f"  - {labels['open']}: <{row['url']}>" if is_link(row["url"]) else f"  - {cell(row['url'])}"
