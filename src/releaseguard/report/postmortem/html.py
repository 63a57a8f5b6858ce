"""The post-mortem of a rotation as a self-contained page."""

from __future__ import annotations

from releaseguard.report.layout.display import Display
from releaseguard.report.layout.page import page
from releaseguard.report.layout.shown import shown
from releaseguard.report.postmortem.certificate import COLUMNS, cells
from releaseguard.report.postmortem.document import PostmortemDocument, clock, facts, proof


def render(document: PostmortemDocument, _display: Display) -> str:
    """The post-mortem as one HTML file."""
    document = shown(document)
    return page("postmortem.html.jinja").render(
        document=document, facts=facts(document), proof=proof(document), clock=clock, columns=COLUMNS, cells=cells
    )
