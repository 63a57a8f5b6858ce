"""A verdict as a self-contained page."""

from __future__ import annotations

from releaseguard.harmless import as_json
from releaseguard.report.layout.display import Display
from releaseguard.report.layout.page import page
from releaseguard.report.layout.shown import shown
from releaseguard.report.verdict.document import VerdictDocument, by_urgency, decisions_in, deployment_of, record_in


def render(document: VerdictDocument, _display: Display) -> str:
    """The verdict as one HTML file."""
    document = shown(document)
    told = {
        "checks": by_urgency(document),
        "deployed": deployment_of(document),
        "evidence": as_json,
        "decisions": decisions_in(document),
        "record": record_in(document),
    }
    return page("verdict.html.jinja").render(document=document, **told)
