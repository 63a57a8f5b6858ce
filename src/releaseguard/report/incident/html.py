"""An incident as one HTML file without any outside request; links are opened by whoever reads it."""

from __future__ import annotations

from releaseguard.report.incident.document import IncidentPage, clock, is_link, shown_changes
from releaseguard.report.layout.bars import heights
from releaseguard.report.layout.display import Display
from releaseguard.report.layout.page import page as template
from releaseguard.report.layout.shown import shown


def render(page: IncidentPage, _display: Display) -> str:
    """The incident as a self-contained page."""
    document = shown(page.document)
    return template("incident.html.jinja").render(
        document=document,
        labels=page.labels,
        lang=document["language"],
        clock=lambda moment: clock(moment, document),
        changes=shown_changes(document),
        heights=heights,
        is_link=is_link,
    )
