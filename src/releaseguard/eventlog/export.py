"""Events as JSON Lines for people and programs: what ``events export`` prints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from releaseguard.eventlog.watching import Progress, Watch
from releaseguard.harmless import as_json
from releaseguard_events.event import Event
from releaseguard_events.pipeline.jsonl import document


def line(event: Event) -> str:
    """One line, with its end."""
    return as_json(document(event), indent=None) + "\n"


TOLD_EVERY = 1_000
"""Rows between two words about how far it is."""


def watched(events: Iterable[Event], until: datetime, watch: Watch) -> Iterator[Event]:
    """The events, and how far they are by the time that lies behind: nothing has to be counted first."""
    first: datetime | None = None
    for number, event in enumerate(events, 1):
        if number % TOLD_EVERY == 1:
            first = first or event.occurred_at
            whole = max(until - first, timedelta(microseconds=1))
            watch(Progress(f"{number - 1:,} events", (event.occurred_at - first) / whole))
        yield event
