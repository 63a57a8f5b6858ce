"""Counts of minutes as a store of ours keeps them, one row for each hour and kind. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.hours import MINUTE, by_hour_and_kind, course_of
from releaseguard.eventlog.rows.packs import json_of
from releaseguard.model import Outcome


class Packed(NamedTuple):
    """An hour of one kind as it is to be kept."""

    hour: datetime
    environment: str
    provider: str
    event: str
    outcome: Outcome
    release: str | None
    source: str | None
    synthetic: bool
    latest: datetime | None
    """The last minute in which any of it was recorded; ``None`` where that cannot be read of every row."""
    course: str
    detail: str


def packed(rows: Iterable[MinuteCount]) -> Iterator[Packed]:
    """The counts as they are to be kept; ``rows`` in order of their minutes."""
    for hour, kind, alike in by_hour_and_kind(rows):
        course = course_of(hour, kind, alike)
        learned = [row.recorded_minute for row in alike]
        known = [minute for minute in learned if minute is not None]
        latest = max(known) if len(known) == len(learned) else None
        detail = [_detail(row, hour) for row in alike]
        yield Packed(
            hour, *kind, latest, json_of([list(course.counts), list(course.trials), course.ahead]), json_of(detail)
        )


def _detail(row: MinuteCount, hour: datetime) -> list[object]:
    learned = None if row.recorded_minute is None else (row.recorded_minute - hour) // MINUTE
    figures = row.count, row.repeats, row.trials, row.squares
    return [row.occurred_minute.minute, learned, *figures, *([] if row.latency is None else [list(row.latency)])]
