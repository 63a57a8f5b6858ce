"""The list of events on the health page, and what it may be filtered by. Without script: each event has names that CSS
knows, and each filter hides those without its name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from releaseguard.messages.localizer import Localizer
from releaseguard.report.health.document import RecentRow

SPANS = (5, 15, 60, 360, 1440)
"""Minutes to which the list may be cut."""
Choice = tuple[str, str]
"""A name that CSS can bear, and the words beside it."""


@dataclass(frozen=True)
class EventList:
    """The events as of a moment."""

    rows: Sequence[RecentRow]
    now: datetime
    localizer: Localizer

    @cached_property
    def filters(self) -> Sequence[tuple[str, Sequence[Choice]]]:
        """What the list may be filtered by beside the outcome: the filter's key among the messages, and its choices.
        A filter that has nothing to leave out is none."""
        say = self.localizer.phrase
        providers = [(name, name) for name in self._providers]
        releases = [(name, name[:12] or say("board.no_release")) for name in self._releases]
        spans = [span for span in SPANS if self._cuts(span)]
        found = (
            ("provider", _choices("p", providers)),
            ("release", _choices("r", releases) if len(releases) > 1 else []),
            ("time", [(f"m{span}", self.localizer.span(timedelta(minutes=span))) for span in spans]),
        )
        return [(key, choices) for key, choices in found if choices]

    def classes(self, row: RecentRow) -> str:
        """What CSS knows an event by: its outcome, provider, release, and how long ago it was."""
        provider, release = self._providers.index(row["provider"]), self._releases.index(row["release"] or "")
        ago = [f"m{span}" for span in SPANS if self._within(row, span)]
        return " ".join([row["outcome"], f"p{provider}", f"r{release}", *ago])

    @cached_property
    def _providers(self) -> Sequence[str]:
        return list(dict.fromkeys(row["provider"] for row in self.rows))

    @cached_property
    def _releases(self) -> Sequence[str]:
        return list(dict.fromkeys(row["release"] or "" for row in self.rows))

    def _cuts(self, span: int) -> bool:
        """Whether a span leaves some events in and some out."""
        return 0 < sum(self._within(row, span) for row in self.rows) < len(self.rows)

    def _within(self, row: RecentRow, span: int) -> bool:
        return self.now - datetime.fromisoformat(row["occurred_at"]) <= timedelta(minutes=span)


def _choices(letter: str, named: Iterable[Choice]) -> Sequence[Choice]:
    return [(f"{letter}{i}", words) for i, (_, words) in enumerate(named)]
