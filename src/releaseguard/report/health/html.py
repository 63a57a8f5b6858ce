"""The integration health page as one HTML file; it says its own age, since a saved page looks like a live one."""

from __future__ import annotations

from releaseguard import readable
from releaseguard.report.health.document import HealthDocument, clock, distrusted, opened, sorted_out
from releaseguard.report.layout.bars import heights
from releaseguard.report.layout.display import Display
from releaseguard.report.layout.page import page
from releaseguard.report.layout.shown import shown


def render(document: HealthDocument, _display: Display) -> str:
    """The page, without any outside request."""
    return page("health.html.jinja").render(
        document=shown(document),
        sorted_out=sorted_out,
        distrusted=distrusted,
        clock=clock,
        date_and_clock=readable.date_and_clock,
        share=readable.share,
        heights=heights,
        opened=opened,
    )
