"""The single rows of a deployment's window: what all checks need of them is asked of the log at once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import Final, NamedTuple, TypeGuard

from releaseguard.eventlog.asking import RowAnswers, gathered
from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.interface import EventLog, Query, RowQuestion
from releaseguard.model import Event, Outcome, by_phones
from releaseguard.verification.again.rereading import Rereading
from releaseguard.verification.checks.row_checks import Numbered
from releaseguard.verification.evidence import MOST_IDS
from releaseguard.verification.values import Rule, judged_from
from releaseguard.verification.whose.as_written import AsWritten
from releaseguard.verification.whose.members import Members, Owner

MOST_NEWEST = 4000
"""Rows that are read to say whom a failure hits."""
MOST_TIMED = 20_000
"""Rows that are read of some stretch of time to say how long a use takes, the newest."""
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
SAMPLE = 100
"""Rows of a provider that tell who writes them."""

Name = tuple[str, ...]
"""What a question for rows is called."""
Plan = Mapping[Name, Query]
Span = tuple[datetime, datetime]


class EveryRow(NamedTuple):
    """The events of which some check looks at every row."""

    alone: Sequence[str] = ()
    """One after the other."""
    alike: Sequence[str] = ()
    """At rows that are alike as at one."""
    moments: Sequence[datetime] = ()
    """Between which the latter are told apart."""


NO_ROW: Final = EveryRow()


@dataclass(slots=True, kw_only=True)
class SingleRows:
    """The rows of one deployment's window. What was not asked for by :meth:`ask` is read when it is needed."""

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
    counted: Sequence[MinuteCount] = ()
    """The window's counts, which tell how far its first rows reach."""
    again: Rereading | None = None
    """What is held from the looks before, where there were any."""
    _known: dict[Name, Sequence[Event]] = field(default_factory=dict, init=False)
    _by_provider: Mapping[str, Sequence[MinuteCount]] | None = field(default=None, init=False)
    _alike: dict[str, list[tuple[Event, int]]] = field(default_factory=dict, init=False)
    """By event, of those that were read so."""

    def ask(self, plan: Mapping[Name, Query | RowQuestion], every: EveryRow = NO_ROW) -> RowAnswers[Name]:
        """Read the rows of the plan, and ``every`` row of some events, by one question to the log; returns those of the
        plan."""
        if not self._may_be_together:
            every = EveryRow([*every.alone, *(one for one in every.alike if one not in every.alone)])
        asked: Mapping[Name, Query | RowQuestion] = {**plan, **self._each_of(every.alone), **self._alike_of(every)}
        new = {name: one for name, one in asked.items() if name not in self._known}
        parts = {name: self._parts(name, one) for name, one in new.items()}
        found = gathered(self.log, {part: asked for some in parts.values() for part, asked in some})
        for name, one in new.items():
            rows: Sequence[Event] = [row for part, _ in parts[name] for row in found.rows(part)]
            if self._is_held(one, name):
                rows = self._held_with(one, parts[name], rows)
            self._known[name] = [self.written.meant(row, self.members) for row in rows] if self._is_own(one) else rows
        here = [row for row in self._known.pop(("events",), ()) if not self.is_elsewhere(row.source)]
        self._known |= {("event", event): [row for row in here if row.event == event] for event in every.alone}
        self._alike |= {event: [] for event in every.alike}
        for row, many in found.numbered(("alike",)):
            meant = self.written.meant(row, self.members)
            if not self.is_elsewhere(meant.source) and meant.event in self._alike:
                self._alike[meant.event].append((meant, many))
        return found

    @property
    def _may_be_together(self) -> bool:
        """Whether rows that are alike may be put together: not where each is looked at for when it was recorded, nor
        where rows are held for the next look."""
        return self.again is None and not self.written.clocks_are_off

    def _each_of(self, events: Sequence[str]) -> Mapping[Name, Query]:
        return {("events",): self._of_window(Query(events=list(events), until=self.until))} if events else {}

    def _alike_of(self, every: EveryRow) -> Mapping[Name, RowQuestion]:
        if not every.alike:
            return {}
        query = self._of_window(Query(events=list(every.alike), until=self.until))
        return {("alike",): RowQuestion(query=query, alike=every.moments)}

    def _is_own(self, asked: Query | RowQuestion) -> TypeGuard[Query]:
        """Whether it is about the window's rows of the app."""
        return isinstance(asked, Query) and asked.traffic and asked.since == judged_from(self.members.deployment)

    def _is_held(self, asked: Query | RowQuestion, name: Name) -> TypeGuard[Query]:
        """Whether it is about all rows of the window, which are many; not where clocks are off, so that rows of any
        time may be among them."""
        return (
            name == ("events",) and self.again is not None and self._is_own(asked) and not self.written.clocks_are_off
        )

    def _held_with(
        self, asked: Query, parts: Sequence[tuple[Name, Query | RowQuestion]], rows: Sequence[Event]
    ) -> Sequence[Event]:
        read = [part for _, part in parts if isinstance(part, Query)]
        return rows if self.again is None else self.again.all_rows(asked, read, rows)

    def _parts(self, name: Name, asked: Query | RowQuestion) -> Sequence[tuple[Name, Query | RowQuestion]]:
        """The question; where clocks are off, also for rows that the log learned of in the window and that say they are
        of another time; of what is held only what changed."""
        if self.again is not None and self._is_held(asked, name):
            return [((*name, str(number)), part) for number, part in enumerate(self.again.unread(asked))]
        if not self._is_own(asked) or not self.written.clocks_are_off:
            return [(name, asked)]
        since, until = asked.since, asked.until or self.end
        learned = replace(asked, recorded_since=since, recorded_until=min(self.known_at or self.end, self.end))
        before, after = replace(learned, since=None, until=since), replace(learned, since=until, until=None)
        return [(name, asked), (("before", *name), before), (("after", *name), after)]

    def of(self, events: Sequence[str]) -> Sequence[Event]:
        """All rows of the events so far."""
        missing = [event for event in dict.fromkeys(events) if ("event", event) not in self._known]
        if missing:
            self.ask({}, EveryRow(missing))
        return [row for event in dict.fromkeys(events) for row in self._known["event", event]]

    def numbered(self, events: Sequence[str]) -> Numbered:
        """The same, where rows that are alike may be one."""
        alone = [event for event in dict.fromkeys(events) if event not in self._alike]
        together = (self._alike[event] for event in dict.fromkeys(events) if event in self._alike)
        return [*((row, 1) for row in self.of(alone)), *chain.from_iterable(together)]

    def each(self, events: Sequence[str]) -> Numbered:
        """The same, each by itself."""
        return [(row, 1) for row in self.of(events)]

    def untagged(self, events: Sequence[str], since: datetime, number: int) -> Sequence[Event]:
        """The first rows of servers that carry no release, so many of which there are; of users, from ``since`` on."""
        if all(event not in self._alike for event in events):
            rows: Iterable[Event] = self.of(events)
        else:
            plan = self.first_untagged(events, since)
            rows = self._read(plan) if plan else ()
        found = list(islice(self._that_are_untagged(events, rows, since), MOST_IDS))
        if len(found) >= min(number, MOST_IDS):
            return found
        query = self._of_window(Query(events=list(events), until=self.until))
        every = self._read({("every", *events): query})
        return list(islice(self._that_are_untagged(events, every, since), MOST_IDS))

    def first_untagged(self, events: Sequence[str], since: datetime) -> Plan:
        """The question that :meth:`untagged` needs to be answered: rows with a tag that says nothing, up to the minute
        by which the counts hold enough of them; none where they hold none."""
        counted = [row for row in self.counted if row.event in self.written.all_of(events) and self._says_nothing(row)]
        if not self._may_be_together or not counted:
            return {}
        until, seen = self.until, 0
        for row in sorted(counted, key=lambda one: one.occurred_minute):
            seen += row.count + row.repeats if row.occurred_minute >= since else 0
            if seen >= MOST_IDS:
                until = min(row.occurred_minute + MINUTE, until)
                break
        releases = {row.release for row in counted}
        query = Query(events=list(events), until=until, untagged=sorted(one for one in releases if one is not None))
        return {("untagged", *events, str(since)): self._of_window(query)}

    def _says_nothing(self, row: MinuteCount) -> bool:
        of_users = not (row.synthetic or by_phones(row.source) or self.is_elsewhere(row.source))
        return of_users and self.members.of_counted(row) is Owner.UNTAGGED

    def _that_are_untagged(self, events: Sequence[str], rows: Iterable[Event], since: datetime) -> Iterator[Event]:
        for row in rows:
            of_users = not (row.synthetic or by_phones(row.source) or self.is_elsewhere(row.source))
            is_asked = of_users and row.event in events and row.occurred_at >= since
            if is_asked and self.members.of_row(row) is Owner.UNTAGGED:
                yield row

    def counted_by(self, rule: Rule) -> Sequence[Event]:
        """The first rows of the release that a rule counts."""
        return self._first(rule, errors=False)

    def against(self, rule: Rule) -> Sequence[Event]:
        """The first rows of the release that are errors to a rule, whether by their event or by their outcome."""
        return self._first(rule, errors=True)

    def first(self, rule: Rule, *, errors: bool) -> Plan:
        """The question that :meth:`counted_by`, or :meth:`against`, needs to be answered: rows up to the minute by
        which the counts hold enough of them."""
        return self._first_until(rule.provider, self._enough(rule, errors=errors))

    def newest(self, rule: Rule) -> Sequence[Event]:
        """The newest rows of the release that a rule counts, enough of them to tell groups apart."""
        rows = self._read(self.most_recent(rule))
        here = (row for row in rows if not self.is_elsewhere(row.source))
        return [row for row in here if not row.synthetic and self.members.has(row) and _counts(rule, row)]

    def most_recent(self, rule: Rule) -> Plan:
        """The question that :meth:`newest` needs to be answered."""
        query = Query(providers=[rule.provider], until=self.until, newest_first=True, limit=MOST_NEWEST)
        return {("newest", rule.id): self._of_window(query)}

    def failed(self, rule: Rule) -> Sequence[Event]:
        """The newest errors of the release by a rule's provider."""
        query = Query(providers=[rule.provider], outcome=Outcome.ERROR, until=self.until, newest_first=True)
        rows = self._read({("failed", rule.provider): self._of_window(replace(query, limit=MOST_NEWEST))})
        here = (row for row in rows if not self.is_elsewhere(row.source))
        return [row for row in here if not row.synthetic and self.members.has(row)]

    def contradicting(self, codes: Sequence[str]) -> Sequence[Event]:
        """The release's successes with an error code that contains one of these, and maybe some with another."""
        rows = (row for row in self._read(self.with_codes(codes)) if not self.is_elsewhere(row.source))
        return [row for row in rows if not row.synthetic and self.members.has(row)]

    def with_codes(self, codes: Sequence[str]) -> Plan:
        """The question that :meth:`contradicting` needs to be answered."""
        query = Query(outcome=Outcome.SUCCESS, codes=codes, until=self.until, newest_first=True, limit=MOST_TIMED)
        return {("contradicting",): self._of_window(query)}

    def by_sources(self, provider: str) -> tuple[Sequence[Event], Sequence[Sequence[Event]]]:
        """The newest rows of the release by a provider, and samples of others' from before it was live."""
        now, before = self._by_sources(self.of_sources(provider))
        return list(filter(self._is_of_release, now)), before

    def all_by_sources(
        self, provider: str
    ) -> tuple[Sequence[Event], Callable[[Event], bool], Sequence[Sequence[Event]]]:
        """The newest rows of the window of a provider by anybody, which of them are the release's, and the samples."""
        plan = self.of_sources(provider)
        name, query = next(iter(plan.items()))
        window, before = self._by_sources(
            {("window", *name): replace(query, limit=MOST_TIMED), **{k: q for k, q in plan.items() if k != name}}
        )
        return window, self._is_of_release, before

    def _by_sources(self, plan: Plan) -> tuple[Sequence[Event], Sequence[Sequence[Event]]]:
        now, *before = (self._read({name: query}) for name, query in plan.items())
        others = [
            [row for row in sample if self._is_of_users(row) and self.members.of_row(row) is not Owner.OURS]
            for sample in before
        ]
        return list(now), others

    def _is_of_release(self, row: Event) -> bool:
        return self._is_of_users(row) and self.members.has(row)

    def _is_of_users(self, row: Event) -> bool:
        return not row.synthetic and not self.is_elsewhere(row.source)

    def of_sources(self, provider: str) -> Plan:
        """The questions that :meth:`by_sources` needs to be answered."""
        newest = Query(providers=[provider], newest_first=True, limit=SAMPLE, until=self.until)
        now = self._of_window(newest)
        live = judged_from(self.members.deployment)
        sample = replace(now, since=None)
        return {
            ("sources", provider): now,
            ("sources", provider, "before"): replace(sample, until=live),
            ("sources", provider, "day_before"): replace(sample, until=live - DAY),
        }

    def own_of_each(self) -> Mapping[str, int]:
        """How many rows the release wrote of each provider, by the counts."""
        found: Counter[str] = Counter()
        for row in self.counted:
            if not self.is_elsewhere(row.source) and self._is_mine(row):
                provider, _ = self.written.spelling.of(row.provider, row.event)
                found[provider] += row.count + row.repeats
        return found

    def timed(self, check: str, events: Sequence[str], spans: Sequence[Span]) -> Sequence[Event]:
        """Successes with a latency in some stretches of time before or after the release was live, the newest of each
        first: of servers, or of phones where they are judged."""
        read = (self._read({name: query}) for name, query in self.timings(check, events, spans).items())
        rows = (row for row in chain.from_iterable(read) if row.latency_ms is not None and not row.synthetic)
        live = judged_from(self.members.deployment)
        if all(since != live for since, _ in spans):
            rows = (row for row in rows if not self._is_behind(row, live))
        mine = (row for row in rows if by_phones(row.source) is self.members.are_phones)
        return [row for row in mine if not self.is_elsewhere(row.source)]

    def _is_behind(self, row: Event, live: datetime) -> bool:
        """Whether a row of before is the release's own, of a clock that runs behind."""
        learned = row.recorded_at if self.written.clocks_are_off else None
        return learned is not None and learned >= live and self.members.of_row(row) is Owner.OURS

    def timings(self, check: str, events: Sequence[str], spans: Sequence[Span], providers: Sequence[str] = ()) -> Plan:
        """The questions that :meth:`timed` needs to be answered; ``providers``: whose the events are, where that is
        known."""
        asked = Query(
            environment=self.members.deployment.environment,
            providers=self.written.all_of(providers),
            events=self.written.all_of(events),
            outcome=Outcome.SUCCESS,
            recorded_until=self.known_at,
            newest_first=True,
            limit=MOST_TIMED,
            traffic=True,
        )
        return {
            ("timed", check, str(since), str(until)): replace(asked, since=since, until=until) for since, until in spans
        }

    def _first(self, rule: Rule, *, errors: bool) -> Sequence[Event]:
        found = list(islice(self._mine(rule, self._read(self.first(rule, errors=errors)), errors=errors), MOST_IDS))
        if len(found) == MOST_IDS or self._enough(rule, errors=errors) == self.end:
            return found
        every = self._read(self._first_until(rule.provider, self.end))
        return list(islice(self._mine(rule, every, errors=errors), MOST_IDS))

    def _mine(self, rule: Rule, rows: Iterable[Event], *, errors: bool) -> Iterator[Event]:
        for row in rows:
            wanted = _is_wanted(rule, row.event, row.outcome, errors=errors)
            if wanted and not self.is_elsewhere(row.source) and self.members.has(row) and _counts(rule, row):
                yield row

    def _first_until(self, provider: str, until: datetime) -> Plan:
        """Named by what is asked: the rules of a provider mostly ask for the same."""
        synthetic = False if self.log.capabilities.has("synthetic") else None
        query = Query(providers=[provider], until=until, synthetic=synthetic)
        return {("first", provider, str(until)): self._of_window(query)}

    def _enough(self, rule: Rule, *, errors: bool) -> datetime:
        """The minute's end by which so many rows as are shown have come, by the counts; else the window's end."""
        if self.written.clocks_are_off:
            return self.end
        since, seen = max(judged_from(self.members.deployment), self.members.deployment.deployed_at), 0
        for row in self._counted_of(rule.provider):
            wanted = _is_wanted(rule, row.event, row.outcome, errors=errors) and row.occurred_minute >= since
            if wanted and not self.is_elsewhere(row.source) and self._is_mine(row) and _counts(rule, row):
                seen += row.count + row.repeats
                if seen >= MOST_IDS:
                    return min(row.occurred_minute + MINUTE, self.end)
        return self.end

    def _is_mine(self, row: MinuteCount) -> bool:
        return not row.synthetic and self.members.of_counted(row) is not Owner.ANOTHER

    def _counted_of(self, provider: str) -> Sequence[MinuteCount]:
        if self._by_provider is None:
            found: defaultdict[str, list[MinuteCount]] = defaultdict(list)
            for row in sorted(self.counted, key=lambda one: one.occurred_minute):
                found[row.provider].append(row)
            self._by_provider = found
        return self._by_provider.get(provider, ())

    def _read(self, plan: Plan) -> Sequence[Event]:
        """The rows of the one question of a plan."""
        [name] = plan
        if name not in self._known:
            self.ask(plan)
        return self._known[name]

    def _of_window(self, query: Query) -> Query:
        deployment, written = self.members.deployment, self.written
        named = replace(query, providers=written.all_of(query.providers), events=written.all_of(query.events))
        since, environment = judged_from(deployment), deployment.environment
        return replace(named, environment=environment, since=since, recorded_until=self.known_at, traffic=True)


def _is_wanted(rule: Rule, event: str, outcome: Outcome, *, errors: bool) -> bool:
    if errors:
        return event in rule.error or outcome is Outcome.ERROR
    return event in rule.success or event in rule.error


def _counts(rule: Rule, row: Event | MinuteCount) -> bool:
    reading = rule.reading
    return (
        reading.takes(client=by_phones(row.source))
        and reading.of(row.event, row.outcome is Outcome.SUCCESS) is not None
    )
