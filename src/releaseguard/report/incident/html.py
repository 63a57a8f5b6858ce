"""An incident as one HTML file without any outside request; links are opened by whoever reads it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from releaseguard.messages.localizer import Localizer
from releaseguard.report.incident.document import (
    IncidentDocument,
    IncidentPage,
    clock,
    is_link,
    marks,
    shown_changes,
)
from releaseguard.report.layout.chart import Chart, Side, chart_of, mood_of, share_of, times_of
from releaseguard.report.layout.display import Display
from releaseguard.report.layout.page import page as template
from releaseguard.report.layout.shown import shown


def render(page: IncidentPage, _display: Display) -> str:
    """The incident as a self-contained page."""
    document = shown(page.document)
    localizer = Localizer(document["language"], datetime.fromisoformat(document["as_of"]))
    return template("incident.html.jinja").render(
        document=document,
        labels=page.labels,
        lang=document["language"],
        clock=lambda moment: clock(moment, document),
        changes=shown_changes(document),
        marks=marks(document),
        chart=_chart(document),
        times=times_of(document["window"]),
        sides=list(_sides(document, localizer)),
        is_link=is_link,
    )


def _chart(document: IncidentDocument) -> Chart:
    health, window, compared = document["health"], document["window"], document["compared"]
    return chart_of(
        health["course"],
        health["expected_course"],
        [share_of(window, one["at"]) for one in marks(document)],
        share_of(window, compared["after"]["since"]) if compared else None,
    )


def _sides(document: IncidentDocument, localizer: Localizer) -> Iterator[Side]:
    compared = document["compared"]
    if compared is None:
        return
    at = datetime.fromisoformat(compared["after"]["since"])
    for key, part in (("beside.before", compared["before"]), ("beside.after", compared["after"])):
        calls, rate = part["successes"] + part["errors"], part["error_rate"]
        yield Side(
            title=localizer.phrase(key, at=at),
            mood=mood_of(rate),
            share="-" if rate is None else localizer.phrase("beside.share", share=rate),
            calls=localizer.phrase("beside.part", events=calls, failed=part["errors"]),
        )
