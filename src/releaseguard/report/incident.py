"""An incident for the terminal, for programs, and for the incident channel: Markdown and one HTML file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypedDict

from releaseguard import readable
from releaseguard.harmless import as_json, visible
from releaseguard.report.health import heights, sparkline
from releaseguard.report.markdown import cell, code, fenced
from releaseguard.report.text import wrapped


class ChangeRow(TypedDict):
    """Something that changed; ``before_s`` is how long before the beginning (negative: after it)."""

    at: str
    kind: str
    """``release``, ``deployment``, ``rotation``, ``migration``, ``function`` or ``secret``."""
    what: str
    where: str
    url: str | None
    went_wrong: bool
    before_s: int | None
    likely: bool
    """Whether it is the one that explains the trouble best."""


class SymptomRow(TypedDict):
    """A symptom of the card; ``match`` is ``yes``, ``some``, ``no`` or ``unknown``."""

    text: str
    match: str
    since: str | None
    evidence: Sequence[str]


class ControlRow(TypedDict):
    """A control of the card; ``status`` is ``bad``, ``ok``, ``unclear``, ``not_done`` or ``person``."""

    text: str
    kind: str
    target: str | None
    status: str
    finding: Sequence[str]
    lines: Sequence[str]
    """What the app and its services wrote, scrubbed."""
    next_step: str | None
    command: str | None
    url: str | None


class ActionRow(TypedDict):
    """An action of the card, in the card's order."""

    number: int
    text: str
    command: str | None


class IncidentDocument(TypedDict):
    """What ``incident --json`` prints: times are RFC 3339 in UTC; texts are in ``language``."""

    provider: str
    name: str
    environment: str
    language: str
    as_of: str
    window: Sequence[str]
    headline: str
    state: str
    """``healthy``, ``degraded``, ``down``, ``silent``, ``idle`` or ``unknown``."""
    reason: str
    began: str | None
    """About when; ``null`` where nothing is wrong, or nobody knows."""
    began_before_window: bool
    health: Mapping[str, Any]
    others: Sequence[Mapping[str, Any]]
    changes: Sequence[ChangeRow]
    unread: Sequence[str]
    symptoms: Sequence[SymptomRow]
    controls: Sequence[ControlRow]
    actions: Sequence[ActionRow]
    rules: Sequence[str]
    open: Sequence[Mapping[str, Any]]


Labels = Mapping[str, str]
"""The fixed words of the document's language."""
_MARKS = {"bad": "❌", "ok": "✅", "unclear": "❔", "not_done": "⚠️", "person": "👤"}
_MATCHES = {"yes": "❌", "some": "❔", "no": "✅", "unknown": "❔"}
_MOST_CHANGES = 12
"""Changes that are shown: the nearest to the beginning."""


def clock(moment: str, document: IncidentDocument) -> str:
    """``10:15Z``, with its date where that is not today's."""
    return readable.clock_on(document["as_of"], moment)


def shown_changes(document: IncidentDocument) -> Sequence[ChangeRow | None]:
    """The changes nearest to the beginning in order of time; ``None`` is the beginning itself."""
    rows, began = document["changes"], document["began"]
    if began is None:
        return rows[-_MOST_CHANGES:]
    near = sorted(rows, key=lambda row: abs(row["before_s"] or 0))[:_MOST_CHANGES]
    ordered = sorted(near, key=lambda row: row["at"])
    until = began[:16]  # the beginning is known to the minute
    before = [row for row in ordered if row["at"][:16] <= until]
    return [*before, None, *ordered[len(before) :]]


# --- text ----------------------------------------------------------------------------------------------------------


def text(document: IncidentDocument, labels: Labels, width: int) -> str:
    """The incident for a terminal of ``width`` characters: one line first, then the parts."""
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
    yield "heading_changes", _changes(document, labels, width)
    yield "heading_symptoms", [line for row in document["symptoms"] for line in _symptom(row, labels, width)]
    yield "heading_controls", [line for row in document["controls"] for line in _control(row, labels, width)]
    yield "heading_actions", [line for row in document["actions"] for line in _action(row, width)]
    yield "heading_rules", [line for rule in document["rules"] for line in wrapped(rule, "    ", width, first="  - ")]


def _open_lines(one: Mapping[str, Any], labels: Labels, width: int) -> list[str]:
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


# --- Markdown ------------------------------------------------------------------------------------------------------


def markdown(document: IncidentDocument, labels: Labels, _width: int = 0) -> str:
    """The incident as GitHub-flavoured Markdown: the first line is what a channel shows of it."""
    lines = [f"**{cell(document['headline'])}**", ""]
    if labels["undone"]:
        lines += [f"{_MARKS['not_done']} {labels['undone']}.", ""]
    lines += [f"### {cell(labels['heading_actions'])}", ""]
    lines += [_markdown_action(row) for row in document["actions"]]
    if document["open"]:
        lines += ["", f"### {labels['heading_open']}", ""]
        lines += [_markdown_open(one, labels) for one in document["open"]]
    if document["others"]:
        lines += ["", f"### {labels['heading_others']}", ""]
        lines += [
            f"- {cell(one['provider'])}, {labels['state.' + one['state']]}: {cell(one['reason'])}"
            for one in document["others"]
        ]
    lines += ["", f"### {labels['heading_changes']}", "", *_markdown_changes(document, labels)]
    lines += ["", f"### {labels['heading_symptoms']}", ""]
    for symptom in document["symptoms"]:
        lines.append(f"- {_MATCHES[symptom['match']]} {cell(symptom['text'])}: {cell('; '.join(symptom['evidence']))}")
    lines += ["", f"### {labels['heading_controls']}", ""]
    for control in document["controls"]:
        lines += _markdown_control(control, labels)
    if document["rules"]:
        lines += ["", f"### {labels['heading_rules']}", "", *(f"- {cell(rule)}" for rule in document["rules"])]
    lines += ["", f"_{cell(document['environment'])}, {cell(labels['as_of'])}. {labels['from_events']}_"]
    return "\n".join(lines)


def _markdown_action(row: ActionRow) -> str:
    command = f": {code(row['command'])}" if row["command"] else ""
    return f"{row['number']}. {cell(row['text'])}{command}"


def _markdown_open(one: Mapping[str, Any], labels: Labels) -> str:
    step = f" {labels['next']}: {cell(one['next_step'])}" if one["next_step"] else ""
    return f"- **{cell(one['text'])}**{step}"


def _markdown_changes(document: IncidentDocument, labels: Labels) -> Iterator[str]:
    if not document["changes"]:
        yield labels["no_changes"]
    for row in shown_changes(document) if document["changes"] else ():
        if row is None:
            yield f"- **{clock(document['began'] or '', document)} {labels['began_here']}**"
            continue
        where = f" ({cell(row['where'])})" if row["where"] else ""
        what = f"[{cell(row['what'])}]({row['url']})" if _is_link(row["url"]) else cell(row["what"])
        mark = f" ⬅ **{labels['likely_mark']}**" if row["likely"] else ""
        yield f"- {clock(row['at'], document)} {what}{where}{mark}"
    for problem in document["unread"]:
        yield f"- {labels['not_looked']}: {cell(problem)}"


def _markdown_control(row: ControlRow, labels: Labels) -> Iterator[str]:
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
        yield f"  - {labels['open']}: <{row['url']}>" if _is_link(row["url"]) else f"  - {cell(row['url'])}"


def _is_link(url: str | None) -> bool:
    return url is not None and url.startswith(("https://", "http://127.0.0.1")) and not set(url) & set("<>() \n")


# --- the others ----------------------------------------------------------------------------------------------------


def html(document: IncidentDocument, labels: Labels, _width: int = 0) -> str:
    """One file without any outside request; links are opened by whoever reads it."""
    from releaseguard.report.html import page

    return page("incident.html.jinja").render(
        document=document,
        labels=labels,
        lang=document["language"],
        clock=lambda moment: clock(moment, document),
        changes=shown_changes(document),
        heights=heights,
        is_link=_is_link,
    )


def _json(document: IncidentDocument, _labels: Labels, _width: int) -> str:
    return as_json(document)


def shown(document: Any) -> Any:
    """A document for readers: each text in one line, without what steers a terminal."""
    match document:
        case str():
            return visible(document.replace("\n", " "))
        case dict():
            return {key: shown(value) for key, value in document.items()}
        case list() | tuple():
            return [shown(value) for value in document]
        case _:
            return document


def render(document: IncidentDocument, labels: Labels, format_: str, width: int) -> str:
    """The document in one of :data:`FORMATS`."""
    return FORMATS[format_](document if format_ == "json" else shown(document), labels, width)


FORMATS: Mapping[str, Callable[[IncidentDocument, Labels, int], str]] = {
    "text": text,
    "json": _json,
    "markdown": markdown,
    "html": html,
}
"""The formats of an incident, by the name given to ``--format``."""
