"""What serves after a window: a release that no mark names, or one that was marked before it went live. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from releaseguard.eventlog.hours import HourCount
from releaseguard.verification.whose.tags import release_in

NOW: Final = (timedelta(minutes=15), timedelta(hours=1))
"""The newest times whose rows show what serves; the longer one where the shorter has too few rows."""
FARTHEST: Final = timedelta(days=2)
"""How far back its beginning is searched for."""
LEAST: Final = 5
"""The number of rows below which a tag may be anything."""
MINUTE: Final = timedelta(minutes=1)


class Serving(NamedTuple):
    """A release that makes most of the newest rows, and did not before the window ended."""

    release: str
    since: datetime
    """The first minute with one of its rows, among those examined."""
    is_marked: bool
    """Whether it is the judged release; otherwise no mark names it."""


def serving_in(hours: Iterable[HourCount], until: datetime) -> tuple[str, datetime] | None:
    """The release that makes most of the newest rows, without those of phones, and since when; ``None`` without one."""
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
