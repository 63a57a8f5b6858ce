"""Follows a log: every row once, in the order in which the log learned of it, however late it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from releaseguard.eventlog.interface import EventLog, Query
from releaseguard.model import Event

OVERLAP = timedelta(minutes=2)
"""How far each look goes back: a transaction's rows carry the time of its start, and are visible from its end."""
OVERLAP_BY_OCCURRENCE = timedelta(minutes=30)
"""The same where the table has no ``recorded_at``: the latest that a row may come and still be seen."""


def latest(log: EventLog, query: Query, number: int) -> Sequence[Event]:
    """The newest ``number`` rows, oldest first."""
    if not number:
        return ()
    return list(log.select(replace(query, newest_first=True, limit=number)))[::-1]


def follow(
    log: EventLog, query: Query, *, since: datetime, seen: Sequence[UUID] = (), wait: Callable[[], object]
) -> Iterator[Event]:
    """The rows that reach the log from ``since`` on, without end; ``wait`` is called between two looks. Rows in
    ``seen`` have been shown already."""
    by_recording = log.capabilities.has("recorded_at")
    overlap = OVERLAP if by_recording else OVERLAP_BY_OCCURRENCE
    known: dict[UUID, datetime] = dict.fromkeys(seen, since)
    first = True
    while True:
        begun, start = log.now(), since - overlap
        look = replace(query, recorded_since=start) if by_recording else replace(query, since=start)
        for event in sorted(log.select(look), key=_learned):
            # What the first look finds in the overlap was there before; what a later one finds there came late.
            if event.id not in known and (_learned(event) >= since or not first):
                yield event
            known[event.id] = _learned(event)
        first, since = False, max(since, begun)
        known = {id_: learned for id_, learned in known.items() if learned >= since - overlap}
        wait()


def _learned(event: Event) -> datetime:
    return event.recorded_at or event.occurred_at
