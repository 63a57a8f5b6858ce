"""How long uses took, by the minute: from counts where the log counts latencies, else from rows. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain
from operator import attrgetter
from typing import NamedTuple

from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.hours import MINUTE, MINUTES, HourCount, SettledHour
from releaseguard.eventlog.latencies import Histogram, bound_of, uses_in
from releaseguard.eventlog.rows.packs import say_all, say_any, times_in
from releaseguard.model import Event, Outcome, by_phones
from releaseguard.stats.series import minute_of
from releaseguard.verification.values import judged_from
from releaseguard.verification.whose.heard import Heard
from releaseguard.verification.whose.members import Members, Owner

INSTANT = timedelta(microseconds=1)
Spans = Sequence[tuple[datetime, datetime]]


class Timed(NamedTuple):
    """Successes of one minute with known latencies."""

    minute: int
    took: Histogram


def of_rows(rows: Iterable[Event]) -> Sequence[Timed]:
    """From single rows that state their latency."""
    return [
        Timed(minute_of(row.occurred_at), (bound_of(row.latency_ms), 1)) for row in rows if row.latency_ms is not None
    ]


def uses(timed: Iterable[Timed]) -> int:
    """The number of uses."""
    return sum(uses_in(one.took) for one in timed)


@dataclass(frozen=True, slots=True)
class CountedTimes:
    """The latencies in the counts around a deployment, for servers or phones, by event."""

    members: Members
    by_event: Mapping[str, Sequence[MinuteCount]]
    settled: Mapping[str, Sequence[SettledHour]]
    """Those that came by the hour; none of the deployment's own."""
    clocks_are_off: bool
    """Whether rows state another time than the one at which they are judged; then single rows are used."""
    _there: dict[str, bool] = field(default_factory=dict, compare=False, repr=False)
    """Event -> whether all its counts include latencies."""
    _near: dict[tuple[object, ...], Sequence[Timed]] = field(default_factory=dict, compare=False, repr=False)

    @staticmethod
    def of(known: Heard, members: Members, is_elsewhere: Callable[[str | None], bool]) -> CountedTimes:
        """The latencies of the successes that are judged together with the deployment's."""

        def is_judged(row: MinuteCount | HourCount) -> bool:
            is_success = row.outcome is Outcome.SUCCESS and not row.synthetic
            return is_success and by_phones(row.source) is members.are_phones and not is_elsewhere(row.source)

        found: defaultdict[str, list[MinuteCount]] = defaultdict(list)
        for row in filter(is_judged, chain(known.day_before, known.rows)):
            found[row.event].append(row)
        hours: defaultdict[str, list[SettledHour]] = defaultdict(list)
        for hour in filter(is_judged, chain(known.day_before_settled, known.settled)):
            hours[hour.event].append(hour)
        return CountedTimes(members, found, hours, known.as_written(members).clocks_are_off)

    def meant_for(self, known: Heard, members: Members) -> CountedTimes:
        """The same once it is known since when the release was live."""
        return replace(self, members=members, clocks_are_off=known.as_written(members).clocks_are_off)

    def are_there(self, events: Iterable[str]) -> bool:
        """Whether the log counts latencies for these events, as far as that is known."""
        if self.clocks_are_off:
            return False
        return all(map(self._is_there, events))

    def say_any(self, events: Sequence[str]) -> bool | None:
        """Whether any of these events states its latency; ``None`` where that is unknown or not counted."""
        rows = [row.latency for event in events for row in self.by_event.get(event, ()) if row.count]
        hours = [hour for event in events for hour in self.settled.get(event, ())]
        is_known = bool(rows or hours) and self.are_there(events)
        return any(rows) or any(map(say_any, hours)) if is_known else None

    def inside(self, events: Iterable[str], spans: Spans) -> Sequence[Timed]:
        """The latencies of whole minutes in several stretches of time, no two of which share a minute."""
        asked_for = list(dict.fromkeys(events))
        asked = *asked_for, *spans
        if asked not in self._near:
            rows = sorted(self._timed(asked_for), key=attrgetter("occurred_minute"))
            minutes = [row.occurred_minute for row in rows]
            places = [[bisect_left(minutes, at) for at in (since, until - MINUTE + INSTANT)] for since, until in spans]
            single = [_timed(row) for low, high in sorted(places) for row in rows[low:high]]
            self._near[asked] = [*single, *chain.from_iterable(self._settled(asked_for, *span) for span in spans)]
        return self._near[asked]

    def _is_there(self, event: str) -> bool:
        if event not in self._there:
            rows, hours = self.by_event.get(event, ()), self.settled.get(event, ())
            self._there[event] = all(row.latency is not None for row in rows) and all(map(say_all, hours))
        return self._there[event]

    def _settled(self, events: Iterable[str], since: datetime, until: datetime) -> Iterator[Timed]:
        """The latencies of whole minutes that came by the hour."""
        for hour in chain.from_iterable(self.settled.get(event, ()) for event in events):
            first, past = -((hour.hour - since) // MINUTE), (until - hour.hour) // MINUTE
            inside = range(max(first, 0), min(past, MINUTES))
            start = minute_of(hour.hour)
            yield from (Timed(start + at, took) for at, took in times_in(hour, inside))

    def own(self, events: Iterable[str], until: datetime) -> Sequence[Timed]:
        """The release's own latencies before a moment."""
        return [_timed(row) for row in self._timed(events) if row.occurred_minute < until and self._is_own(row)]

    def _timed(self, events: Iterable[str]) -> Iterator[MinuteCount]:
        return (row for event in dict.fromkeys(events) for row in self.by_event.get(event, ()) if row.latency)

    def _is_own(self, row: MinuteCount) -> bool:
        owner, deployment = self.members.of_counted(row), self.members.deployment
        if owner is Owner.UNTAGGED:
            return row.occurred_minute >= deployment.deployed_at
        return owner is Owner.OURS and row.occurred_minute + MINUTE > judged_from(deployment)


def _timed(row: MinuteCount) -> Timed:
    return Timed(minute_of(row.occurred_minute), row.latency or ())
