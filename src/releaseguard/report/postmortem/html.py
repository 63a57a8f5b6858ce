"""The post-mortem of a rotation as a self-contained page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Final
from zoneinfo import ZoneInfo

from releaseguard import readable
from releaseguard.messages import spoken
from releaseguard.report.layout.chart import Chart, Side, chart_of, mood_of, share_of, times_of
from releaseguard.report.layout.display import Display
from releaseguard.report.layout.page import page
from releaseguard.report.layout.shown import shown
from releaseguard.report.postmortem.certificate import COLUMNS, cells
from releaseguard.report.postmortem.document import PostmortemDocument, TimelineEntry, TrafficRow, clock, facts, proof
from releaseguard.report.rows import MarkRow


def render(document: PostmortemDocument, display: Display) -> str:
    """The post-mortem as one HTML file; its timeline has the days of the display's zone."""
    document = shown(document)
    traffic = document["traffic"]
    return page("postmortem.html.jinja").render(
        document=document,
        facts=facts(document),
        zone=display.zone,
        days=_days(document["timeline"], ZoneInfo(display.zone)),
        proof=proof(document),
        clock=clock,
        columns=COLUMNS,
        cells=cells,
        chart=_chart(traffic) if traffic else None,
        label=_label(traffic) if traffic else "",
        times=times_of(traffic["window"]) if traffic else (),
        sides=list(_sides(traffic)) if traffic else (),
        mark=_mark,
    )


def _days(
    timeline: Sequence[TimelineEntry], zone: ZoneInfo
) -> Sequence[tuple[str, Sequence[tuple[str, TimelineEntry]]]]:
    """Day -> times of that day with what happened then."""
    local = [(f"{datetime.fromisoformat(one['at']).astimezone(zone):%Y-%m-%d %H:%M:%S}", one) for one in timeline]
    days = groupby(local, key=lambda moment: moment[0][:10])
    return [(day, [(at[11:], one) for at, one in moments]) for day, moments in days]


def _chart(traffic: TrafficRow) -> Chart:
    window = traffic["window"]
    reported = next((one["at"] for one in traffic["marks"] if one["kind"] == "reported"), None)
    return chart_of(
        traffic["course"],
        [],
        [share_of(window, one["at"]) for one in traffic["marks"]],
        share_of(window, reported) if reported else None,
    )


def _label(traffic: TrafficRow) -> str:
    good, bad = (sum(part[kind] for part in traffic["course"]) for kind in ("successes", "errors"))
    return spoken.sentence(f"{good} successes and {bad} errors of the provider around the rotation")


_STEPS: Final = {
    "reported": "Reported",
    "pushed": "Every destination written",
    "deployed": "App runs with the new version",
    "proven": "New version proven",
    "revoked": "Old key revoked",
}


def _mark(one: MarkRow) -> str:
    """What a numbered line of the chart is."""
    return _STEPS.get(one["kind"]) or f"Release {one['what'][:12]} deployed"


def _sides(traffic: TrafficRow) -> Iterator[Side]:
    compared = traffic["compared"]
    if compared is None:
        return
    for title, part in (
        ("Before it was reported", compared["before"]),
        ("Since the app runs with the new version", compared["after"]),
    ):
        calls, rate = part["successes"] + part["errors"], part["error_rate"]
        yield Side(
            title=title,
            mood=mood_of(rate),
            share="no call" if rate is None else f"{readable.share(rate)} errors",
            calls=f"{readable.count(calls, 'call')}, {readable.count(part['errors'], 'error')}",
        )
