"""What serves after a window: a release that no mark names, or the one that was marked before it went live. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from releaseguard.eventlog.hours import HourCount
from releaseguard.verification.whose.tags import release_in

NOW: Final = (timedelta(minutes=15), timedelta(hours=1))
"""The newest time, by whose rows is told what serves; the longer one where the shorter holds too few."""
FARTHEST: Final = timedelta(days=2)
"""How far back is looked for when it began."""
LEAST: Final = 5
"""Rows of it below which a tag may be anything."""
MINUTE: Final = timedelta(minutes=1)


class Serving(NamedTuple):
    """A release that makes most of the newest rows, and did not before the window ended."""

    release: str
    since: datetime
    """The first minute with a row of it, of those that were looked at."""
    is_marked: bool
    """Whether it is the one that is judged; else no mark names it."""


def serving_in(hours: Iterable[HourCount], until: datetime) -> tuple[str, datetime] | None:
    """The release that makes most of the newest rows, those of phones left out, and since when."""
    rows = list(_rows(hours))
    counted = (_since(until - span, rows) for span in NOW)
    newest = next((counts for counts in counted if counts.total() >= LEAST), Counter[str]())
    most = [release for release, count in newest.items() if count >= LEAST and 2 * count > newest.total()]
    return next(((one, min(minute for release, minute, _ in rows if release == one)) for one in most), None)


def _since(start: datetime, rows: Iterable[tuple[str, datetime, int]]) -> Counter[str]:
    counts = Counter[str]()
    for release, minute, count in rows:
        counts[release] += count if minute >= start else 0
    return counts


def _rows(hours: Iterable[HourCount]) -> Iterator[tuple[str, datetime, int]]:
    for hour in hours:
        release = release_in(hour.release)
        if release is None or hour.synthetic or hour.client:
            continue
        for index, count in enumerate(hour.counts):
            if count:
                yield release, hour.hour + index * MINUTE, count
