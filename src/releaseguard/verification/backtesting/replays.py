"""``verify`` replayed over past releases, minute by minute, from one reading of the log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from types import MappingProxyType

from releaseguard.cards.spec import Card
from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.interface import EventLog, Query
from releaseguard.eventlog.rows.aside import SetAsideTally, tally_of
from releaseguard.model import OURSELVES, Event
from releaseguard.stats.series import Ledger
from releaseguard.traces import Trace, Traces, no_trace
from releaseguard.verification.backtesting.holding import HeldNearby, past_of
from releaseguard.verification.backtesting.looks import (
    NO_ENVIRONMENT_FACTS,
    EnvironmentFacts,
)
from releaseguard.verification.backtesting.one_release import Replayed, ReplaySettings, replay_one, with_truth
from releaseguard.verification.backtesting.packed import PackedFindings
from releaseguard.verification.backtesting.reading import (
    Replaying,
    replaying,
    rows_of_each,
    single_rows_of,
    strayed_from,
)
from releaseguard.verification.backtesting.withheld import (
    NO_CONTRADICTION,
    Contradicted,
    Suspects,
    passes_any,
    suspects_in,
)
from releaseguard.verification.checks.carried import NOT_CARRIED, CarriedRows, carried_of
from releaseguard.verification.retried import taken_back
from releaseguard.verification.rows.accepted import ACCEPTED
from releaseguard.verification.rows.releases import DEPLOYED, deployments_of
from releaseguard.verification.rows.set_aside import Unread, unread_of
from releaseguard.verification.rows.single_rows import SingleRows
from releaseguard.verification.rows.traffic import elsewhere_than
from releaseguard.verification.rules import configured, rules_of
from releaseguard.verification.telling.whom import is_failure_of_share, told_whom
from releaseguard.verification.values import Deployment, Promise, Rule
from releaseguard.verification.whose.as_read import Spelling, spelling_of
from releaseguard.verification.whose.behind import OldRows, each_at_its_recording
from releaseguard.verification.whose.population import ALIKE, Population
from releaseguard.verification.whose.strayed import NOWHERE, Strayed

OUTCOME = "release_outcome"
"""An event that states how a release turned out: ``detail.good`` is true or false."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What an environment's log says about its releases."""

    deployments: Sequence[Deployment]
    """In order of time."""
    outcomes: Mapping[str, bool]
    """Release -> whether its newest ``release_outcome`` event calls it good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestRequest(ReplaySettings):
    """One run of ``backtest``: how releases are judged again, and which."""

    environment: str | None
    """``None``: every environment that has deployments."""
    outcomes: Mapping[str, bool]
    """Release -> whether it was good; overrides what the log says."""


@dataclass(frozen=True, slots=True)
class Backtest:
    """The replayed releases, and the rows that could not be read."""

    replayed: Sequence[Replayed]
    set_aside: SetAsideTally


def backtest_of(log: EventLog, cards: Sequence[Card], request: BacktestRequest, trace: Trace = no_trace) -> Backtest:
    """Every requested release, with what is known to be true about it."""
    past = histories(log, request.environment, request.promise.window, request.population)
    aside = tally_of(log.set_aside(Query(environment=request.environment)))
    facts = {name: _facts_of(log, name, has_unread=bool(aside.rows)) for name in past}
    found = backtest(log, past, cards, request, trace, facts)
    rules, spelling = {rule.id: rule for rule in rules_of(cards)}, spelling_of(cards)
    found = [_told(log, one, rules, request, spelling) for one in found]
    known = [{**past[one.deployment.environment].outcomes, **request.outcomes} for one in found]
    return Backtest([with_truth(one, outcomes) for one, outcomes in zip(found, known, strict=True)], aside)


def _facts_of(log: EventLog, name: str, *, has_unread: bool) -> EnvironmentFacts:
    query = Query(environment=name)
    accepting = list(log.select(replace(query, providers=[OURSELVES], events=[ACCEPTED])))
    return EnvironmentFacts(unread=unread_of(log.set_aside(query)) if has_unread else Unread(), accepting=accepting)


def _told(
    log: EventLog, replayed: Replayed, rules: Mapping[str, Rule], request: BacktestRequest, spelling: Spelling
) -> Replayed:
    """The release with what single rows say about its failures, in the words of ``verify`` at the window's end."""
    if not any(map(is_failure_of_share, replayed.findings)):
        return replayed
    rows = _rows_of(log, replayed, request.promise, request.population, spelling)
    told = [told_whom(one, rules[one.id], rows) if one.id in rules else one for one in replayed.findings]
    return replace(replayed, findings=PackedFindings(told))


def _rows_of(
    log: EventLog, replayed: Replayed, promise: Promise, population: Population, spelling: Spelling
) -> SingleRows:
    deployment = replace(replayed.deployment, live_since=replayed.live_since)
    return single_rows_of(log, deployment, promise, population, spelling)


def histories(
    log: EventLog, environment: str | None, window: timedelta, population: Population = ALIKE
) -> Mapping[str, History]:
    """The history of one environment, or of every one with deployments, by name; ``window`` is the window of a
    release."""
    rows: dict[str, list[Event]] = defaultdict(list)
    for event in log.select(Query(environment=environment, providers=[OURSELVES], events=[DEPLOYED, OUTCOME])):
        rows[event.environment].append(event)
    found = {name: _history(rows[name], window, population) for name in sorted(rows)}
    return {name: history for name, history in found.items() if history.deployments}


def _history(rows: Sequence[Event], window: timedelta, population: Population) -> History:
    found = deployments_of(rows, window, population.tags)
    return History(
        deployments=[population.components.known(one) for one in found],
        outcomes={
            release: bool(row.detail.get("good")) for row in rows if row.event == OUTCOME and (release := _release(row))
        },
    )


def _release(row: Event) -> str | None:
    named = row.release or row.detail.get("release")
    return str(named) if named else None


def backtest(
    log: EventLog,
    past: Mapping[str, History],
    cards: Sequence[Card],
    settings: ReplaySettings,
    trace: Trace = no_trace,
    facts: Mapping[str, EnvironmentFacts] = MappingProxyType({}),
) -> Sequence[Replayed]:
    """Judge every release again, in order, from what the log held at each moment.

    ``past`` and ``facts`` are keyed by environment. The traceback of a check that breaks is handed to ``trace``; the
    other checks are judged all the same.
    """
    replayer = _Replayer(
        log=log,
        cards=cards,
        settings=settings,
        traces=Traces(trace),
        facts=facts,
        by_deployment=any(one.deployment_id for history in past.values() for one in history.deployments),
    )
    return replayer.replay(past)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Replayer:
    """Judges the releases of one log again."""

    log: EventLog
    cards: Sequence[Card]
    settings: ReplaySettings
    traces: Traces
    facts: Mapping[str, EnvironmentFacts]
    by_deployment: bool
    """Whether rows are counted by deployment, which costs a reading of more rows."""

    def replay(self, past: Mapping[str, History]) -> Sequence[Replayed]:
        """Every release of ``past``, each environment read once; a release that failed is read again by itself."""
        spans = {name: self._span_of(history.deployments) for name, history in past.items()}
        found = {name: self._replay_all(rows, past[name], self._facts_of(name)) for name, rows in self._rows_of(spans)}
        for name in past.keys() - found.keys():
            found[name] = self._replay_all([], past[name], self._facts_of(name))
        first = [one for name in past for one in found[name]]
        asked = spans if any(passes_any(one.findings) for one in first) else {}
        suspects = suspects_in(self.log, self.cards, asked, self.settings.population)
        return [self._as_verified(one, suspects) for one in first]

    def _as_verified(self, one: Replayed, suspects: Suspects) -> Replayed:
        """The release as :func:`verify` judges it, which knows other environments, each single action and its code."""
        strayed = self._strayed_of(one)
        one = self._replay_again(one, (), strayed) if strayed != NOWHERE else one
        failed = one.failed_for_errors
        settings, spelling = self.settings, spelling_of(self.cards)
        single_rows = partial(_rows_of, self.log, one, settings.promise, settings.population, spelling)
        retried = taken_back(single_rows(), failed) if failed else ()
        one = self._replay_again(one, retried, strayed) if retried else one
        found = suspects.in_window(one.deployment, settings.promise, one.findings, single_rows)
        carried = carried_of(single_rows(), one.carried) if one.carried else NOT_CARRIED
        if found is NO_CONTRADICTION and carried is NOT_CARRIED:
            return one
        return self._replay_again(one, retried, strayed, found, carried)

    def _strayed_of(self, one: Replayed) -> Strayed:
        """What a release that failed wrote under other environments' names; not looked for where it did not fail, since
        a table without our indexes is scanned for it."""
        if one.failed_after_s is None:
            return NOWHERE
        return strayed_from(self.log, one.deployment, self.settings.promise, self.settings.population)

    def _replay_again(
        self,
        one: Replayed,
        more: Sequence[MinuteCount],
        strayed: Strayed,
        contradicted: Contradicted = NO_CONTRADICTION,
        carried: CarriedRows = NOT_CARRIED,
    ) -> Replayed:
        """The same release by itself, with rows and facts that the first replay did not have."""
        name = one.deployment.environment
        facts = replace(self._facts_of(name), strayed=strayed, contradicted=contradicted, carried=carried)
        for _, rows in self._rows_of({name: self._span_of([one.deployment])}):
            [one] = self._replay_all(chain(rows, more), History(deployments=[one.deployment], outcomes={}), facts)
        return one

    def _replay_all(self, rows: Iterable[MinuteCount], history: History, facts: EnvironmentFacts) -> Sequence[Replayed]:
        """The releases of one environment, in order, from its counted ``rows``."""
        promise, deployments = self.settings.promise, history.deployments
        late = OldRows()
        since = self._span_of(deployments).since
        past = past_of(each_at_its_recording(rows, deployments, promise.window, self.settings.population, since, late))
        found: dict[int, Replayed] = {}
        for alike in _by_component(deployments):
            elsewhere = elsewhere_than(deployments[alike[0]], self.settings.population)
            first = past.first_seen(elsewhere)
            known = {number: _known(first, self.cards, deployments[number], promise) for number in alike}
            rules = dict.fromkeys(rule for some in known.values() for rule in some)
            ledger = _ledger_of(rules, HeldNearby(past.held, elsewhere))
            for number, some in known.items():
                deployment = deployments[number]
                of_release = facts.of(deployment, late.of(deployment, promise.window))
                found[number] = replay_one(ledger, some, deployment, self.settings, self.traces, of_release)
        return [found[number] for number in sorted(found)]

    def _span_of(self, deployments: Sequence[Deployment]) -> Replaying:
        return replaying(deployments, self.settings.promise, self.settings.population)

    def _rows_of(self, spans: Mapping[str, Replaying]) -> Iterator[tuple[str, Iterator[MinuteCount]]]:
        return rows_of_each(self.log, spans, spelling_of(self.cards), by_deployment=self.by_deployment)

    def _facts_of(self, environment: str) -> EnvironmentFacts:
        return self.facts.get(environment, NO_ENVIRONMENT_FACTS)


def _ledger_of(rules: Iterable[Rule], nearby: HeldNearby) -> Ledger:
    """The counts from which every release of one part of the app is judged."""
    ledger = Ledger([rule.reading for rule in rules], (), 0, nearby=nearby)
    ledger.add(nearby.each())
    return ledger


def _by_component(deployments: Sequence[Deployment]) -> Sequence[Sequence[int]]:
    """The numbers of the deployments of each component."""
    alike: dict[str | None, list[int]] = defaultdict(list)
    for number, deployment in enumerate(deployments):
        alike[deployment.component].append(number)
    return list(alike.values())


def _known(
    first: Mapping[tuple[str, str, bool, bool], datetime],
    cards: Sequence[Card],
    deployment: Deployment,
    promise: Promise,
) -> Sequence[Rule]:
    """The rules for which anything was logged by the window's end."""
    end = deployment.deployed_at + promise.window
    return configured(rules_of(cards), {key for key, seen in first.items() if seen <= end})
