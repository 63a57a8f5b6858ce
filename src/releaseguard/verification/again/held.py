"""What a watch keeps of the log between two looks: whole minutes as they were read. Pure.

What is kept depends on nothing but what was read. A minute is read again if any of its rows was added, deleted or
changed since, whatever its clock says and whenever it was recorded: the log tells (:meth:`EventLog.changes`). Where it
cannot, everything is read again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Generic, TypeVar

T = TypeVar("T")
MINUTE = timedelta(minutes=1)
TOGETHER = timedelta(hours=1)
"""Changed minutes closer than this are read together with what lies between: a store keeps counts by the hour."""
MOST_SPANS = 6
"""The most stretches read for one question; where more have changed, those nearest to each other are joined."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The time ``[since, until)``; ``since`` is ``None`` where it has no beginning."""

    since: datetime | None
    until: datetime

    def touches(self, begin: datetime, unit: timedelta) -> bool:
        """Whether any part of the minute or hour that begins at ``begin`` lies in it."""
        return begin < self.until and (self.since is None or begin + unit > self.since)


@dataclass(frozen=True, slots=True)
class HeldRows(Generic[T]):
    """The rows of a stretch of time, as they were read."""

    span: Stretch
    by_unit: Mapping[datetime, Sequence[T]] = field(default_factory=dict)
    unit: timedelta = MINUTE
    """The unit in which they are kept: minutes, or hours for counts of hours."""

    @property
    def rows(self) -> list[T]:
        """All rows in the order of their minutes."""
        return [row for begin in sorted(self.by_unit) for row in self.by_unit[begin]]


def to_read(held: HeldRows[T] | None, asked: Stretch, changed: Set[datetime] | None) -> Sequence[Stretch]:
    """The parts of ``asked`` that must be read: what is not kept yet, and what changed. ``changed`` is ``None`` where
    any minute may have."""
    if held is None or changed is None or held.span.since != asked.since:
        return [asked]
    unit = held.unit
    # The minute in which the last reading ended was read in part, and this one may end in another.
    is_ended = held.span.until == asked.until
    unread = asked.until if is_ended else _begin(min(held.span.until, asked.until), unit)
    begins = {_begin(minute, unit) for minute in changed}
    within = sorted(begin for begin in begins if asked.touches(begin, unit) and begin < unread)
    spans = [Stretch(begin, begin + unit) for begin in within]
    if unread < asked.until:
        spans.append(Stretch(unread, asked.until))
    return [_cut(span, asked) for span in _joined(spans)]


def renewed(
    held: HeldRows[T] | None,
    asked: Stretch,
    read: Sequence[Stretch],
    rows: Iterable[T],
    moment_of: Callable[[T], datetime],
    unit: timedelta = MINUTE,
) -> HeldRows[T]:
    """What is kept after the stretches ``read`` were read: ``rows`` replace them, and everything outside ``asked`` is
    dropped."""
    found: defaultdict[datetime, list[T]] = defaultdict(list)
    if held is not None and list(read) != [asked]:
        for begin, some in held.by_unit.items():
            if asked.touches(begin, unit) and not any(span.touches(begin, unit) for span in read):
                found[begin].extend(some)
    for row in rows:
        found[_begin(moment_of(row), unit)].append(row)
    return HeldRows(asked, dict(found), unit)


def _joined(spans: Sequence[Stretch]) -> list[Stretch]:
    """The stretches in order, nearby ones joined, so that at most :data:`MOST_SPANS` remain."""
    gaps = sorted((later.since or later.until) - one.until for one, later in pairwise(spans))
    widest = max(TOGETHER, gaps[-MOST_SPANS] if len(gaps) >= MOST_SPANS else TOGETHER)
    joined: list[Stretch] = []
    for span in spans:
        if joined and (span.since or span.until) - joined[-1].until <= widest:
            joined[-1] = Stretch(joined[-1].since, span.until)
        else:
            joined.append(span)
    return joined


def _cut(span: Stretch, asked: Stretch) -> Stretch:
    since = span.since if asked.since is None else max(span.since or asked.since, asked.since)
    return Stretch(since, min(span.until, asked.until))


def _begin(moment: datetime, unit: timedelta) -> datetime:
    """The beginning of the minute or hour that contains a moment."""
    begin = moment.replace(second=0, microsecond=0)
    return begin if unit == MINUTE else begin.replace(minute=0)
