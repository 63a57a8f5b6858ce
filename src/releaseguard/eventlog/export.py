"""Events as JSON Lines, as ``events export`` prints them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from releaseguard.eventlog.watching import Progress, Watch
from releaseguard.harmless import as_json
from releaseguard_events.event import Event
from releaseguard_events.pipeline.jsonl import document


def line(event: Event) -> str:
    """One line, with its line end."""
    return as_json(document(event), indent=None) + "\n"


TOLD_EVERY = 1_000
"""The number of rows between two reports of progress."""


def watched(events: Iterable[Event], until: datetime, watch: Watch) -> Iterator[Event]:
    """The events, while progress is reported by the time already covered, so that nothing has to be counted first."""
    first: datetime | None = None
    for number, event in enumerate(events, 1):
        if number % TOLD_EVERY == 1:
            first = first or event.occurred_at
            whole = max(until - first, timedelta(microseconds=1))
            watch(Progress(f"{number - 1:,} events", (event.occurred_at - first) / whole))
        yield event
