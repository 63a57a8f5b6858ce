"""The post-mortem of a rotation for the incident channel."""

from __future__ import annotations

from collections.abc import Sequence

from releaseguard.report.layout.display import Display
from releaseguard.report.layout.markdown import cell, code
from releaseguard.report.layout.shown import shown
from releaseguard.report.postmortem.certificate import COLUMNS, cells
from releaseguard.report.postmortem.document import PostmortemDocument, clock, facts, proof


def render(document: PostmortemDocument, _display: Display) -> str:
    """The post-mortem as Markdown."""
    document = shown(document)
    lines = [f"# {cell(document['title'])}", "", cell(document["summary"]), ""]
    if document["findings"]:
        lines += ["> **The audit chain is not intact; this report rests on changed rows.**"]
        lines += [*(f"> - {cell(finding)}" for finding in document["findings"]), ""]
    lines += ["| | |", "|---|---|", *(f"| {label} | {cell(value)} |" for label, value in facts(document)), ""]
    lines += [*_listed("Still open", document["open"]), *_listed("Exposure", document["exposure_lines"])]
    lines += ["## Timeline (UTC)", "", "| when | what |", "|---|---|"]
    lines += [
        f"| {clock(one['at'])} | {'**' * one['bad']}{cell(one['what'])}{'**' * one['bad']} |"
        for one in document["timeline"]
    ]
    lines += ["", *_places(document), *_certificate(document)]
    lines += ["## Evidence", "", f"Rotation {code(document['rotation']['rotation_id'])}."]
    lines += [f"Proof: {cell(proof(document))}."]
    if document["head"]:
        lines += [f"Head of the chain: {code(document['head'])} (`releaseguard audit verify --head ...`)."]
    return "\n".join(lines) + "\n"


def _listed(title: str, items: Sequence[str]) -> list[str]:
    return [f"## {title}", "", *(f"- {cell(item)}" for item in items), ""] if items else []


def _certificate(document: PostmortemDocument) -> list[str]:
    found = document["certificate"]
    if found is None:
        return []
    rows = [f"| {' | '.join(cell(word) for word in cells(one))} |" for one in found["consumers"]]
    head = [f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"]
    doubts = [f"- **{cell(one)}**" for one in found["in_doubt"]]
    return [f"## Certificate of revocation, as of {clock(found['as_of'])}", "", *head, *rows, "", *doubts, ""]


def _places(document: PostmortemDocument) -> list[str]:
    rows = document["destinations"]
    if not rows:
        return []
    body = [f"| {cell(row['uri'])} | {cell(row['status'])} | {cell(row['problem'])} |" for row in rows]
    return ["## Destinations", "", "| where | state | problem |", "|---|---|---|", *body, ""]
