"""The single rows since a deployment, each event read once for all checks that need it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain, islice

from releaseguard.eventlog.interface import EventLog, Query
from releaseguard.model import CLIENT, Event, Outcome
from releaseguard.verification.evidence import MOST_IDS
from releaseguard.verification.values import Rule, judged_from
from releaseguard.verification.whose.as_written import AsWritten
from releaseguard.verification.whose.members import Members, Owner

MOST_NEWEST = 4000
"""Rows that are read to say whom a failure hits."""


@dataclass(slots=True, kw_only=True)
class SingleRows:
    """The rows of one deployment's window."""

    log: EventLog
    members: Members
    """Which rows are the deployment's."""
    is_elsewhere: Callable[[str | None], bool]
    """Whether rows of a source are another component's."""
    end: datetime
    """The window's end."""
    until: datetime
    """The same, or the moment of the look where that is earlier."""
    known_at: datetime | None
    """Without the rows that were recorded later; ``None``: with all."""
    written: AsWritten = field(default_factory=AsWritten)
    """How rows are found that are written otherwise than they are meant."""
    _read: dict[str, Sequence[Event]] = field(default_factory=dict, init=False)

    def of(self, events: Sequence[str]) -> Sequence[Event]:
        """All rows of the events so far."""
        return [row for event in dict.fromkeys(events) for row in self._rows(event)]

    def counted(self, rule: Rule) -> Sequence[Event]:
        """The first rows of the release that a rule counts."""
        return self._first(rule, Query(events=sorted(rule.success | rule.error)))

    def against(self, rule: Rule) -> Sequence[Event]:
        """The first rows of the release that are errors to a rule, whether by their event or by their outcome."""
        named = self._first(rule, Query(events=sorted(rule.error)))
        logged = self._first(rule, Query(outcome=Outcome.ERROR))
        return list({row.id: row for row in (*named, *logged)}.values())

    def newest(self, rule: Rule) -> Sequence[Event]:
        """The newest rows of the release that a rule counts, enough of them to tell groups apart."""
        query = Query(providers=[rule.provider], until=self.until, newest_first=True, limit=MOST_NEWEST)
        rows = self._select(query)
        return [row for row in rows if not row.synthetic and self.members.has(row) and _counts(rule, row)]

    def _first(self, rule: Rule, query: Query) -> Sequence[Event]:
        synthetic = False if self.log.capabilities.has("synthetic") else None
        rows = self._select(replace(query, providers=[rule.provider], until=self.end, synthetic=synthetic))
        mine = (row for row in rows if self.members.has(row) and _counts(rule, row))
        return list(islice(mine, MOST_IDS))

    def timed(self, events: Sequence[str], since: datetime, until: datetime, limit: int) -> Sequence[Event]:
        """Successes with a latency in some stretch of time before or after the release was live, the newest first: of
        servers, or of phones where they are judged."""
        query = Query(
            environment=self.members.deployment.environment,
            events=self.written.all_of(events),
            outcome=Outcome.SUCCESS,
            since=since,
            until=until,
            recorded_until=self.known_at,
            newest_first=True,
            limit=limit,
        )
        live = judged_from(self.members.deployment)
        before = (row for row in self.log.select(query) if not self._is_behind(row, live))
        return [row for row in (self._of_the_window(query) if since == live else before) if self._is_timed(row)]

    def _is_timed(self, row: Event) -> bool:
        """Whether a row has a latency that counts here."""
        is_ours = (row.source == CLIENT) is self.members.are_phones and not self.is_elsewhere(row.source)
        return is_ours and row.latency_ms is not None and not row.synthetic

    def _is_behind(self, row: Event, live: datetime) -> bool:
        """Whether a row of before is the release's own, of a clock that runs behind."""
        learned = row.recorded_at if self.written.clocks_are_off else None
        return learned is not None and learned >= live and self.members.of_row(row) is Owner.OURS

    def _rows(self, event: str) -> Sequence[Event]:
        if event not in self._read:
            self._read[event] = list(self._select(Query(events=[event], until=self.until)))
        return self._read[event]

    def _select(self, query: Query) -> Iterator[Event]:
        deployment, written = self.members.deployment, self.written
        named = replace(query, providers=written.all_of(query.providers), events=written.all_of(query.events))
        here = replace(named, environment=deployment.environment, recorded_until=self.known_at)
        rows = self._of_the_window(replace(here, since=judged_from(deployment)))
        return (row for row in rows if not self.is_elsewhere(row.source))

    def _of_the_window(self, query: Query) -> Iterator[Event]:
        """The rows of the window, and where clocks are off those that the log learned of in it and that say they are
        of another time; each as it is meant."""
        rows = self.log.select(query)
        if self.written.clocks_are_off:
            rows = chain(rows, *(self.log.select(one) for one in self._of_other_times(query)))
        return (self.written.meant(row, self.members) for row in rows)

    def _of_other_times(self, query: Query) -> Sequence[Query]:
        since, until = query.since, query.until or self.end
        known_at = min(self.known_at or self.end, self.end)
        learned = replace(query, recorded_since=since, recorded_until=known_at)
        return replace(learned, since=None, until=since), replace(learned, since=until, until=None)


def _counts(rule: Rule, row: Event) -> bool:
    reading = rule.reading
    return (
        reading.takes(client=row.source == CLIENT) and reading.of(row.event, row.outcome is Outcome.SUCCESS) is not None
    )
