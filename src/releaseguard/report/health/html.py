"""The integration health page as one HTML file: a banner, what is wrong, then the rest folded.

It says its own age, since a saved page looks like a live one. Without script: what filters the list of events is CSS.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from releaseguard.messages.localizer import Localizer
from releaseguard.report.health.document import HealthDocument, HealthRow, StripRow, distrusted, opened, sorted_out
from releaseguard.report.health.events import EventList
from releaseguard.report.layout.chart import Chart, chart_of, mood_of, share_of, times_of
from releaseguard.report.layout.display import Display
from releaseguard.report.layout.page import page, with_whole_options
from releaseguard.report.layout.shown import shown
from releaseguard.report.layout.zone import in_zone
from releaseguard.report.rows import CourseRow

TROUBLED = ("down", "silent", "degraded")
STATES = (*TROUBLED, "unknown", "idle", "healthy")
FULL = 100
"""Rows of a list that may go on."""
REFRESH = 30
"""Seconds after which a page that is served asks again."""


def render(document: HealthDocument, _display: Display) -> str:
    """The page, without any outside request."""
    return _page(document, refresh=None, older=None)


def live(document: HealthDocument, *, listing: bool, zone: str = "UTC") -> str:
    """The page of ``health --serve``: it reloads by itself, except while somebody is reading on in the list, and links
    to the events before those that it lists."""
    recent = document["recent"]
    older = recent[-1]["occurred_at"] if len(recent) >= FULL else None
    written = _page(document, refresh=None if listing else REFRESH, older=older)
    return with_whole_options(written if zone == "UTC" else in_zone(written, zone, document["as_of"]))


def _page(document: HealthDocument, *, refresh: int | None, older: str | None) -> str:
    told = Board(shown(document))
    return page("health.html.jinja").render(
        board=told, document=told.document, lang=told.document["language"], refresh=refresh, older=older
    )


@dataclass(frozen=True, slots=True)
class Board:
    """What the template asks."""

    document: HealthDocument

    def say(self, key: str, **facts: str | int | float | None) -> str:
        """A sentence of the page in its language."""
        return self._localizer.phrase(f"board.{key}", **facts)

    def state(self, state: str) -> str:
        """A state in one word."""
        return self._localizer.phrase(f"state.{state}")

    @property
    def _localizer(self) -> Localizer:
        return Localizer(self.document["language"], self._now)

    @property
    def _now(self) -> datetime:
        return datetime.fromisoformat(self.document["as_of"])

    @property
    def troubled(self) -> Sequence[HealthRow]:
        """The providers in trouble, and those with an open leak or rotation: the page begins with them."""
        return [row for row in self.document["providers"] if row["state"] in TROUBLED or opened(row)]

    @property
    def rest(self) -> Sequence[HealthRow]:
        """The others of which there is something to tell: a line each."""
        wrong = {row["provider"] for row in self.troubled}
        return [row for row in sorted_out(self.document)[0] if row["provider"] not in wrong]

    @property
    def quiet(self) -> Sequence[tuple[str, str, str]]:
        """State, names and reason of those that have nothing to tell, together where they have it in common."""
        together = sorted_out(self.document)[1]
        return [(state, ", ".join(row["name"] for row in rows), why) for (state, why), rows in together.items()]

    @property
    def mood(self) -> str:
        """The banner's colour: ``fail``, ``warn``, ``inconclusive`` or ``pass``."""
        states = {row["state"] for row in self.document["providers"]}
        if self.document["log"]["down"] or states & {"down", "silent"}:
            return "fail"
        if "degraded" in states or self.troubled or distrusted(self.document):
            return "warn"
        return "inconclusive" if states <= {"unknown"} else "pass"

    @property
    def headline(self) -> str:
        """What the banner says."""
        bad = [row for row in self.document["providers"] if row["state"] in TROUBLED]
        if self.document["log"]["down"]:
            newest = self.document["log"]["newest"]
            return self.say("log_down", newest=self.when(newest) if newest else "-")
        if bad:
            return self.say("trouble", names=", ".join(f"{row['name']} ({self.state(row['state'])})" for row in bad))
        return self.say(self.mood)

    @property
    def counts(self) -> Sequence[tuple[str, int]]:
        """How many providers are in each state that occurs."""
        found = Counter(row["state"] for row in self.document["providers"])
        return [(state, found[state]) for state in STATES if found[state]]

    @property
    def distrusted(self) -> Sequence[str]:
        return distrusted(self.document)

    def opened(self, row: HealthRow) -> Sequence[str]:
        return opened(row)

    def when(self, moment: str) -> str:
        """A time beside how long ago it was."""
        ago = self._now - datetime.fromisoformat(moment)
        at = self._localizer.clock(datetime.fromisoformat(moment))
        return at if ago.total_seconds() < 0 else self.say("ago", at=at, time=self._localizer.span(ago))

    def share(self, share: float) -> str:
        return self._localizer.share(share)

    def line(self, row: HealthRow) -> str:
        """What stands beside a provider that is in order."""
        if not row["events"]:
            return row["reason"]
        return self.say("calls", events=row["events"], share=self.share(row["error_rate"] or 0.0))

    def chart(self, row: HealthRow) -> Chart:
        """The events of the window."""
        return chart_of(
            row["course"],
            row["expected_course"],
            [share_of(self.document["window"], one["at"]) for one in self.document["marks"]],
        )

    @property
    def times(self) -> Sequence[str]:
        """What stands below a chart."""
        return times_of(self.document["window"])

    def mark(self, at: str, kind: str, what: str) -> str:
        """One thing that was done to the app."""
        return self.say(f"mark_{kind}", at=self.when(at), what=what[:12] if kind == "release" else what)

    def strip(self, strip: StripRow) -> Sequence[str]:
        """How each part of the past was: ``none`` (not in the log), ``empty``, ``pass``, ``warn`` or ``fail``."""
        return [_looks(part) for part in strip["parts"]]

    def strip_words(self, strip: StripRow) -> str:
        """The same for who does not see it."""
        looks, name = Counter(self.strip(strip)), self.say(f"span_{strip['hours']}")
        bad, poor, well = looks["fail"], looks["warn"], looks["pass"]
        return self.say("strip", span=name, parts=len(strip["parts"]), bad=bad, poor=poor, well=well)

    def span(self, hours: int) -> str:
        return self.say(f"span_{hours}")

    @property
    def events(self) -> EventList:
        """The list of events with what it may be filtered by."""
        return EventList(self.document["recent"], self._now, self._localizer)


def _looks(part: CourseRow | None) -> str:
    if part is None:
        return "none"
    events = part["successes"] + part["errors"]
    return mood_of(part["errors"] / events if events else None)
