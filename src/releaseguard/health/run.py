"""Reads the log for health: what is read, how often, and what is made of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

from msgspec import Struct, field, structs

from releaseguard.cards.contradictions import Contradiction, contradictions_in, hints_of
from releaseguard.cards.spec import Card
from releaseguard.cards.strangers import OTHERS, told_apart
from releaseguard.eventlog.asking import RowAnswers, gathered
from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.hours import HOUR, HourCount, hour_begun, within
from releaseguard.eventlog.interface import EventLog, Needs, Query, RowQuestion, SetAside
from releaseguard.eventlog.latencies import Histogram, bound_at, merged, typical, uses_in
from releaseguard.eventlog.rows.aside import tally_of
from releaseguard.health.history import DEPLOYED, marks_of, strips_of
from releaseguard.health.judge import condition_of, not_judged
from releaseguard.health.overruled import removals_marked, unless_contradicted, unless_removed
from releaseguard.health.phones import card_id, name_of, of_phones, parted, shown_as
from releaseguard.health.values import Glance, HealthState, Latency, Overview, ProviderHealth
from releaseguard.health.window import Window
from releaseguard.model import CLIENT, OURSELVES, Event, Outcome, by_phones
from releaseguard.report.rows import LeakRow
from releaseguard.rotation.history.account import RotationAccount, account_of, integrity, leak_row, unfinished_rows
from releaseguard.rotation.history.reading import chains_in
from releaseguard.stats.calendar import ALL_ALIKE, Calendar
from releaseguard.stats.completeness import ANY_CLOCK, FAR_AHEAD, as_recorded, is_ahead, known_at, median_lead
from releaseguard.stats.series import Cell, cell_of, minute_of
from releaseguard.traces import Trace, Traces, no_trace

PARTS = 20
"""The number of parts in the course of a provider's events."""
MOST_CODES = 3
MINUTE = timedelta(minutes=1)
FEW = 2_000
"""Up to this many uses in the window, all rows are read, so that latencies are exact to the millisecond."""
MOST_ERRORS = 20_000
"""The most errors of the window, newest first, whose codes are read."""
RECENT = 100
"""The number of rows that are listed one by one."""
BY_SERVERS_OR_PHONES = Needs(writer=lambda source: CLIENT if by_phones(source) else None)
"""Sources of servers are not told apart."""
_ORDER = tuple(HealthState)


class HealthContext(Struct, frozen=True, kw_only=True):
    """Everything that a look at the providers' health reads."""

    log: EventLog
    cards: Sequence[Card]
    environment: str
    window: timedelta
    baseline: timedelta
    now: Callable[[], datetime]
    provider: str | None = None
    """Report only this one. All are read, since the others tell absent users from a broken provider."""
    trace: Trace = no_trace
    """Receives the traceback where a provider cannot be judged."""
    calendar: Calendar = ALL_ALIKE
    """Which days are comparable, and the time zone of local hours."""
    recorded_until: datetime | None = None
    """Use only what had been recorded by then; ``None``: everything."""

    def query(self, **conditions: Any) -> Query:
        """A question about this environment."""
        return Query(environment=self.environment, recorded_until=self.recorded_until, **conditions)

    def farthest(self, until: datetime) -> datetime:
        """The latest time that rows of a window ending at ``until`` may claim: a clock may be ahead."""
        return until + ANY_CLOCK if self.log.capabilities.has("recorded_at") else until


class Observer:
    """Looks as often as asked. The time before the first window is read only once."""

    __slots__ = ("_ahead", "_past", "_past_minutes", "_read_until", "_since", "_traces", "context")

    def __init__(self, context: HealthContext) -> None:
        self.context = context
        self._past: Sequence[HourCount] = ()
        self._past_minutes: Sequence[MinuteCount] = ()
        """What came before the first window, by the hour; by the minute where a clock ran so far ahead that minutes
        have to be moved."""
        self._ahead = timedelta(0)
        """By how much rows say that they are ahead of the log."""
        self._read_until: datetime | None = None
        self._since: tuple[datetime, Sequence[MinuteCount]] | None = None
        """What was counted from there on, and until when."""
        self._traces = Traces(context.trace)

    def look(self, window: Window | None = None, *, before: datetime | None = None) -> Overview:
        """The condition of all providers now. Raises ``ServiceError`` where the log does not answer.

        ``window`` is the result of :meth:`window` for the same time, where it was read already. The listed rows are the
        newest ones before ``before``.
        """
        context = self.context
        until = context.now().replace(second=0, microsecond=0) + timedelta(minutes=1)
        since = until - timedelta(minutes=max(round(context.window / timedelta(minutes=1)), 1))
        window = window or self.window(since, until)
        apart = frozenset(name for name in window.known if of_phones(name) in window.known)
        seen = self._counted(since, window, apart)
        told = self._told(since, until, min(before, until) if before else until, seen, apart)
        account = account_of(chains_in(told.judged("ours")), context.provider, context.environment)
        removed = removals_marked(list(told.rows("deployed")))
        every = (self._row(window, name, shown, seen, account) for name, shown in self._named(window).items())
        marked = [_as_marked(row, removed) for row in every]
        contradicted = self._contradicted(told, since, until, marked)
        rows = [_as_contradicted(row, contradicted.get(card_id(row.provider))) for row in marked]
        aside = list(told.aside("aside"))
        return Overview(
            environment=context.environment,
            since=since,
            until=until,
            newest=_moment(window.newest),
            log_down=window.log_down,
            providers=sorted(rows, key=_urgency),
            **integrity(account),
            account=account,
            marks=marks_of(told.rows("deployed"), account, since, until),
            recent=told.rows("recent"),
            set_aside=tally_of(aside),
            unread=_unread_since(aside, since),
            clock_ahead=self._ahead,
        )

    def _told(
        self, since: datetime, until: datetime, before: datetime, seen: dict[str, _ProviderRows], apart: Set[str]
    ) -> RowAnswers[str]:
        """What single rows say, read with one question to the log: errors, each provider's newest success, and all
        other rows of the window where latencies are not counted."""
        query, context = self.context.query, self.context
        only = () if context.provider is None else (context.provider,)
        real = query(since=since, until=context.farthest(until), synthetic=False, traffic=True)
        newest = replace(real, newest_first=True, outcome=Outcome.SUCCESS, limit=1)
        asked = {card_id(name) for name in seen}
        successes = {_success(name): replace(newest, providers=(name,)) for name in asked if not only or name in only}
        errors = replace(real, providers=only, outcome=Outcome.ERROR, newest_first=True, limit=MOST_ERRORS)
        every = replace(real, providers=only)
        are_counted = all(one.are_counted for one in seen.values()) and sum(one.uses for one in seen.values()) > FEW
        window: dict[str, Query | RowQuestion] = {"seen": errors, **successes} if are_counted else {"seen": every}
        plan: dict[str, Query | RowQuestion] = {
            **window,
            "ours": RowQuestion(query=query(providers=(OURSELVES,)), judged=True),
            "deployed": query(providers=(OURSELVES,), events=(DEPLOYED,), since=since - context.baseline, until=until),
            "recent": query(providers=only, since=since, until=before, newest_first=True, limit=RECENT, traffic=True),
            "aside": RowQuestion(query=query(since=since - context.baseline), unreadable=True),
            "codes": replace(errors, outcome=Outcome.SUCCESS, codes=hints_of(context.cards)),
        }
        if not are_counted:
            seen.clear()

        def add(row: Event) -> None:
            if since <= known_at(row) < until:
                _add(seen, apart, row, counted=are_counted)

        return gathered(context.log, plan, dict.fromkeys(window, add))

    def _contradicted(
        self, told: RowAnswers[str], since: datetime, until: datetime, rows: Sequence[ProviderHealth]
    ) -> Mapping[str, Contradiction]:
        """By provider: the window's successes that carry the code of a failure."""
        seen: Counter[str] = Counter()
        for row in rows:
            seen[card_id(row.provider)] += row.successes + row.errors
        inside = (row for row in told.rows("codes") if since <= known_at(row) < until)
        return contradictions_in(inside, self.context.cards, seen)

    def _counted(self, since: datetime, window: Window, apart: Set[str]) -> dict[str, _ProviderRows]:
        """What the window's counts say about each provider with real uses."""
        seen: dict[str, _ProviderRows] = {}
        known = frozenset(window.known)
        for row in self._since[1] if self._since else ():
            if row.occurred_minute >= since and not row.synthetic and row.count:
                named = OTHERS if OTHERS in known and row.provider not in known else row.provider
                seen.setdefault(shown_as(named, apart, client=row.client), _ProviderRows()).count(row)
        return seen

    def window(self, since: datetime, until: datetime, name: Callable[[Cell | HourCount], str] | None = None) -> Window:
        """The traffic of ``[since, until)`` and of the time before it; ``name`` returns the id under which each cell
        counts, where that is not its provider's."""
        cells, past = [cell_of(row) for row in self._rows(since, until)], self._past
        if name:
            cells = [cell._replace(provider=name(cell)) for cell in cells]
            past = [structs.replace(hour, provider=name(hour)) for hour in past]
        named, before = parted(*self._few(cells, past))
        context = self.context
        baseline = round(context.baseline / timedelta(minutes=1))
        return Window(named, minute_of(since), minute_of(until), baseline, self._traces, before, context.calendar)

    def _few(self, cells: Sequence[Cell], past: Sequence[HourCount]) -> tuple[Sequence[Cell], Sequence[HourCount]]:
        """The same, with the rest of a great many names that no card has as one."""
        known = {card.id for card in self.context.cards}
        known |= {event for card in self.context.cards for event in (*card.events.success, *card.events.error)}
        counted = chain(((one.provider, one.total) for one in cells), ((one.provider, sum(one.counts)) for one in past))
        if not (named := told_apart(counted, known)):
            return cells, past
        return (
            [cell._replace(provider=named(cell.provider)) for cell in cells],
            [structs.replace(hour, provider=named(hour.provider)) for hour in past],
        )

    def _rows(self, since: datetime, until: datetime) -> Iterator[MinuteCount]:
        """The first window's counts by the minute, which show how late rows arrive; the time before it is read once, by
        the hour."""
        context, log, query = self.context, self.context.log, self.context.query
        if self._read_until is None:
            first = since - self.context.baseline
            hours = query(since=hour_begun(first), until=hour_begun(since) + HOUR, needs=BY_SERVERS_OR_PHONES)
            near = query(since=since, until=context.farthest(until), needs=BY_SERVERS_OR_PHONES)
            counts = log.counts_of_each([hours], [near])
            self._past, self._read_until = list(within(counts.hours[0], first, since)), since
            if any(hour.ahead > FAR_AHEAD // MINUTE for hour in self._past):
                past = log.minute_counts(query(since=first, until=since))
                self._past, self._past_minutes = (), [*as_recorded(past, first, until)]
            self._learn(counts.minutes[0], since, until)
        if self._since is None or self._since[0] != until:
            near = query(since=self._read_until, until=context.farthest(until), needs=BY_SERVERS_OR_PHONES)
            self._learn(log.minute_counts(near), since, until)
        assert self._since is not None  # noqa: S101 - it was just learned
        return chain(self._past_minutes, self._since[1])

    def _learn(self, counted: Iterable[MinuteCount], since: datetime, until: datetime) -> None:
        rows = list(counted)
        lately = (row for row in rows if row.recorded_minute and row.recorded_minute >= since)
        self._ahead = median_lead(row for row in lately if is_ahead(row))
        self._since = until, [*as_recorded(rows, since - self.context.baseline, until)]

    def _named(self, window: Window) -> Mapping[str, str]:
        """Id and name of the reported providers: those with a card, and those that only the log knows."""
        named = {card.id: card.name for card in self.context.cards}
        named |= {name: name_of(name, named) for name in window.known}
        return {name: text for name, text in named.items() if self.context.provider in (None, card_id(name))}

    def _row(
        self, window: Window, provider: str, name: str, seen: Mapping[str, _ProviderRows], account: RotationAccount
    ) -> ProviderHealth:
        """The row of a provider; a bug in making it affects no other."""
        try:
            glance = seen.get(provider, _ProviderRows()).glance(window, provider)
            return _row(window, provider, name, glance, account)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this provider's and nobody else's
            return ProviderHealth(
                provider=provider,
                name=name,
                condition=not_judged(provider, error, self._traces),
                successes=0,
                errors=0,
                usual_share=None,
                expected=None,
                glance=Glance(),
                course=(),
                leaks=list(_leaks(account, provider)),
                rotations=list(unfinished_rows(account, provider)),
            )


class _ProviderRows(Struct):
    """What the window's rows of one provider carry."""

    last: dict[Outcome, datetime] = {}
    latencies: list[int] = []
    counted: list[Histogram] = []
    codes: Counter[str] = field(default_factory=Counter)
    uses: int = 0
    are_counted: bool = True
    """Whether the latencies come from counts."""

    def count(self, row: MinuteCount) -> None:
        """Add a count of rows."""
        self.are_counted = self.are_counted and row.latency is not None
        self.counted.append(row.latency or ())
        self.uses += row.count + row.repeats

    def add(self, event: Event, *, counted: bool) -> None:
        """Add a row; ``counted``: its latency is known already."""
        at = known_at(event)
        self.last[event.outcome] = max(at, self.last.get(event.outcome, at))
        if event.latency_ms is not None and not counted:
            self.latencies.append(event.latency_ms)
        if event.outcome is Outcome.ERROR:
            self.codes[event.error_code or "no code"] += 1

    def _most_frequent(self) -> Sequence[tuple[str, int]]:
        if not self.codes:
            return ()
        from releaseguard.keeping import clean_identifier

        first = sorted(self.codes.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_CODES]
        return [(clean_identifier(code), count) for code, count in first]

    def glance(self, window: Window, provider: str) -> Glance:
        def newest(outcome: Outcome) -> datetime | None:
            minute = window.newest_minute(provider, errors=outcome is Outcome.ERROR)
            return self.last.get(outcome) or _moment(minute)

        return Glance(
            last_success=newest(Outcome.SUCCESS),
            last_error=newest(Outcome.ERROR),
            latency=_latency(sorted(self.latencies)) or _about(merged(self.counted)),
            error_codes=self._most_frequent(),
        )


def _latency(ordered: Sequence[int]) -> Latency | None:
    if not ordered:
        return None
    last = len(ordered) - 1
    return Latency(p50=ordered[round(0.5 * last)], p95=ordered[round(0.95 * last)])


def _about(times: Histogram) -> Latency | None:
    """Latencies from a histogram, accurate to 2%."""
    if not times:
        return None
    last = uses_in(times) - 1
    p50, p95 = (typical(bound_at(times, round(share * last))) for share in (0.5, 0.95))
    return Latency(p50=p50, p95=p95)


def _success(provider: str) -> str:
    """What the question for a provider's newest success is called."""
    return f"success {provider}"


def _moment(minute: int | None) -> datetime | None:
    return None if minute is None else datetime.fromtimestamp(minute * 60, UTC)


def _add(seen: dict[str, _ProviderRows], apart: Set[str], row: Event, *, counted: bool) -> None:
    shown = shown_as(row.provider, apart, client=by_phones(row.source))
    seen.setdefault(shown, _ProviderRows()).add(row, counted=counted)


def _row(window: Window, provider: str, name: str, glance: Glance, account: RotationAccount) -> ProviderHealth:
    events, errors = window.counts(provider, 0, window.length)
    usual = window.usual.get(provider)
    return ProviderHealth(
        provider=provider,
        name=name,
        condition=condition_of(window, provider),
        successes=events - errors,
        errors=errors,
        usual_share=usual.errors.share if usual and usual.known else None,
        expected=sum(window.due(provider)) if usual else None,
        glance=glance,
        course=window.course(provider, min(PARTS, window.length)),
        expected_course=window.expected(provider, min(PARTS, window.length)),
        strips=strips_of(window, provider),
        leaks=list(_leaks(account, provider)),
        rotations=list(unfinished_rows(account, provider)),
    )


def _as_marked(row: ProviderHealth, removed: Mapping[str, datetime]) -> ProviderHealth:
    """The row of a provider; of one that was removed on purpose nothing is missing."""
    last = max((at for at in (row.glance.last_success, row.glance.last_error) if at), default=None)
    condition = unless_removed(row.condition, last, removed.get(card_id(row.provider)))
    return row if condition is row.condition else structs.replace(row, condition=condition)


def _as_contradicted(row: ProviderHealth, found: Contradiction | None) -> ProviderHealth:
    condition = unless_contradicted(row.condition, found)
    return row if condition is row.condition else structs.replace(row, condition=condition)


def _leaks(account: RotationAccount, provider: str) -> Iterable[LeakRow]:
    return (leak_row(chain_key, leak) for chain_key, leak in account.open_leaks if chain_key.provider == provider)


def _urgency(row: ProviderHealth) -> tuple[int, bool, str]:
    return _ORDER.index(row.condition.state), not row.leaks, row.provider


def _unread_since(aside: Iterable[SetAside], since: datetime) -> Mapping[str | None, int]:
    """The number of the window's unreadable rows by provider; our own rows are not traffic."""
    times = ((row.provider, row.occurred_at or row.recorded_at) for row in aside if row.provider != OURSELVES)
    return Counter(provider for provider, at in times if at is None or at >= since)
