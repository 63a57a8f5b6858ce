"""``verify`` replayed over past releases, minute by minute, from one reading of the log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain
from types import MappingProxyType
from typing import Final

from releaseguard.cards.spec import Card
from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.interface import EventLog, Query
from releaseguard.eventlog.rows.aside import SetAsideTally, tally_of
from releaseguard.model import OURSELVES, Event, Verdict
from releaseguard.stats.series import Ledger, minute_of, moment_of
from releaseguard.traces import Trace, Traces, no_trace
from releaseguard.verification.backtesting.holding import HeldNearby, past_of
from releaseguard.verification.backtesting.looks import ReplayCourse, held_back_of, settled, verdicts_of
from releaseguard.verification.explain.finding import explain
from releaseguard.verification.isolated import Parted, judged_apart, not_judged
from releaseguard.verification.judge.replay import Replay
from releaseguard.verification.retried import failed_for_errors, taken_back
from releaseguard.verification.rows.releases import DEPLOYED, deployments_of
from releaseguard.verification.rows.set_aside import Unread, unread_of
from releaseguard.verification.rows.single_rows import SingleRows
from releaseguard.verification.rows.traffic import elsewhere_than, span_of
from releaseguard.verification.rules import configured, rules_of
from releaseguard.verification.telling.whom import told_whom
from releaseguard.verification.values import Deployment, Finding, Promise, Rule, end_of, judged_from
from releaseguard.verification.whose.as_read import ANY_ZONE, Spelling, as_read, misread, spelling_of
from releaseguard.verification.whose.as_written import as_written
from releaseguard.verification.whose.behind import A_DAY_BEHIND, NEVER_SET, each_at_its_recording
from releaseguard.verification.whose.members import Members
from releaseguard.verification.whose.population import ALIKE, Population

OUTCOME = "release_outcome"
"""An event that says how a release turned out: ``detail.good`` true or false."""
NOTHING_UNREAD: Final = Unread()


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What ``verify`` would have said of one release, and when."""

    deployment: Deployment
    verdict: Verdict
    failed_after_s: int | None
    """Seconds from the deployment to the look that failed it."""
    decided_after_s: int
    """Seconds to the first look after which the verdict never changed, whichever it is."""
    findings: Sequence[Finding]
    peak: float
    """The checklist's one number at its highest: the release fails where it reaches 1 / false_alarm."""
    good: bool | None = None
    """What is known to be true of the release, where something is."""
    failed_for_errors: Sequence[Rule] = ()
    """The rules of shares of errors that failed it, one of each provider."""
    live_since: datetime | None = None
    """The minute in which the log first saw it serve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What an environment's log says about its releases."""

    deployments: Sequence[Deployment]
    """In order of time."""
    outcomes: Mapping[str, bool]
    """Release -> whether its newest ``release_outcome`` event calls it good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestRequest:
    """One call of ``backtest``."""

    environment: str | None
    """``None``: each that has deployments."""
    promise: Promise
    every: timedelta
    """How often to look."""
    outcomes: Mapping[str, bool]
    """Release -> whether it was good, beyond what the log says of it."""
    population: Population = ALIKE


@dataclass(frozen=True, slots=True)
class Backtest:
    """What was found, and how many rows could not be read."""

    replayed: Sequence[Replayed]
    set_aside: SetAsideTally


def backtest_of(log: EventLog, cards: Sequence[Card], request: BacktestRequest, trace: Trace = no_trace) -> Backtest:
    """Every release that is asked for, with what is known to be true of it."""
    past = histories(log, request.environment, request.promise.window, request.population)
    aside = tally_of(log.set_aside(Query(environment=request.environment)))
    unread = _unread_of_each(log, past) if aside.rows else {}
    found = backtest(log, past, cards, request.promise, request.every, trace, request.population, unread)
    found = [_told(log, one, {rule.id: rule for rule in rules_of(cards)}, request) for one in found]
    known = [{**past[one.deployment.environment].outcomes, **request.outcomes} for one in found]
    return Backtest([with_truth(one, outcomes) for one, outcomes in zip(found, known, strict=True)], aside)


def _unread_of_each(log: EventLog, environments: Iterable[str]) -> Mapping[str, Unread]:
    return {name: unread_of(log.set_aside(Query(environment=name))) for name in environments}


def _told(log: EventLog, replayed: Replayed, rules: Mapping[str, Rule], request: BacktestRequest) -> Replayed:
    """The release with what the single rows say of its failures, as ``verify`` tells it at the window's end."""
    end = end_of(replayed.deployment, request.promise)
    members = Members(replayed.deployment, request.population.tags)
    away = elsewhere_than(replayed.deployment, request.population)
    rows = SingleRows(log=log, members=members, is_elsewhere=away, end=end, until=end, known_at=end)
    told = [told_whom(one, rules[one.id], rows) if one.id in rules else one for one in replayed.findings]
    return replace(replayed, findings=told)


def histories(
    log: EventLog, environment: str | None, window: timedelta, population: Population = ALIKE
) -> Mapping[str, History]:
    """The history of one environment, or of each that has deployments, by name; ``window`` is that of a release."""
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
    promise: Promise,
    every: timedelta,
    trace: Trace = no_trace,
    population: Population = ALIKE,
    unread: Mapping[str, Unread] = MappingProxyType({}),
) -> Sequence[Replayed]:
    """Every release of the environments, in order, as the log would have shown it at the time.

    ``unread``: by environment, what of it cannot be read. The trace of a check that breaks goes to ``trace``; the
    others stand.
    """
    traces = Traces(trace)
    spans = {name: span_of(history.deployments, promise, population) for name, history in past.items()}
    found: dict[str, Sequence[Replayed]] = {}
    by_deployment = any(one.deployment_id for history in past.values() for one in history.deployments)
    spelling = spelling_of(cards)

    def replayed(name: str, rows: Iterable[MinuteCount], history: History) -> list[Replayed]:
        aside = unread.get(name, Unread())
        return list(_replay_all(rows, history, cards, promise, every, traces, population, aside))

    for name, rows in _rows_of_each(log, spans, spelling, by_deployment=by_deployment):
        found[name] = replayed(name, rows, past[name])
    for name in past.keys() - found.keys():
        found[name] = replayed(name, [], past[name])

    def again(failed: Replayed, retried: Sequence[MinuteCount]) -> Replayed:
        """The same release as :func:`verify` judges it again, where actions went on failing."""
        alone = {failed.deployment.environment: span_of([failed.deployment], promise, population)}
        history = History(deployments=[failed.deployment], outcomes={})
        for name, rows in _rows_of_each(log, alone, spelling, by_deployment=by_deployment):
            [failed] = replayed(name, chain(rows, retried), history)
        return failed

    def once_an_action(one: Replayed) -> Replayed:
        if not one.failed_for_errors:
            return one
        retried = taken_back(_rows_of(log, one, promise, population, spelling), one.failed_for_errors)
        return again(one, retried) if retried else one

    return [once_an_action(one) for name in past for one in found[name]]


def _rows_of(
    log: EventLog, replayed: Replayed, promise: Promise, population: Population, spelling: Spelling
) -> SingleRows:
    """The single rows of a release's window, also those that are written otherwise than they are meant."""
    deployment = replace(replayed.deployment, live_since=replayed.live_since)
    members, end = Members(deployment, population.tags), end_of(deployment, promise)
    around = Query(
        environment=deployment.environment, since=judged_from(deployment) - A_DAY_BEHIND, until=end + ANY_ZONE
    )
    asked = [around, replace(around, since=None, until=NEVER_SET)]
    written = [row for some in log.counts_of_each([], asked).minutes for row in some]
    found = misread(written, spelling, members, lived_before=False)
    return SingleRows(
        log=log,
        members=members,
        is_elsewhere=elsewhere_than(deployment, population),
        end=end,
        until=end,
        known_at=end,
        written=as_written(written, found, spelling, lived_before=False),
    )


def _rows_of_each(
    log: EventLog, spans: Mapping[str, tuple[datetime, datetime]], spelling: Spelling, *, by_deployment: bool
) -> Iterator[tuple[str, Iterator[MinuteCount]]]:
    if not spans:
        return
    since, until = min(first for first, _ in spans.values()), max(last for _, last in spans.values())
    query = Query(since=since, until=until + ANY_ZONE, by_deployment=by_deployment)
    unset: Mapping[str, Sequence[MinuteCount]] = {}
    if log.capabilities.has("recorded_at"):
        before = replace(query, since=None, until=NEVER_SET)
        unset = {name: list(rows) for name, rows in log.minute_counts_of_each(list(spans), before)}
    for name, rows in log.minute_counts_of_each(list(spans), query):
        first, last = spans[name]
        yield name, chain(as_read(unset.get(name, ()), spelling), _inside(as_read(rows, spelling), first, last))


def _inside(rows: Iterable[MinuteCount], first: datetime, last: datetime) -> Iterator[MinuteCount]:
    return (row for row in rows if first <= row.occurred_minute < last)


def _replay_all(
    rows: Iterable[MinuteCount],
    history: History,
    cards: Sequence[Card],
    promise: Promise,
    every: timedelta,
    traces: Traces,
    population: Population,
    unread: Unread,
) -> Iterator[Replayed]:
    step = max(round(every / timedelta(minutes=1)), 1)
    found: dict[int, Replayed] = {}
    past = past_of(each_at_its_recording(rows, history.deployments, promise.window, population))
    for alike in _by_component(history.deployments):
        elsewhere = elsewhere_than(history.deployments[alike[0]], population)
        first = past.first_seen(elsewhere)
        known = {number: _known(first, cards, history.deployments[number], promise) for number in alike}
        rules = dict.fromkeys(rule for some in known.values() for rule in some)
        ledger = _ledger_of(rules, HeldNearby(past.held, elsewhere))
        for number, some in known.items():
            deployment = history.deployments[number]
            found[number] = replay_one(ledger, some, deployment, promise, step, traces, population, unread)
    yield from (found[number] for number in sorted(found))


def _ledger_of(rules: Iterable[Rule], nearby: HeldNearby) -> Ledger:
    """What every release of a part of the app is judged from."""
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
    """The rules of which anything was logged by the window's end."""
    end = deployment.deployed_at + promise.window
    return configured(rules_of(cards), {key for key, seen in first.items() if seen <= end})


def replay_one(
    ledger: Ledger,
    rules: Sequence[Rule],
    deployment: Deployment,
    promise: Promise,
    step: int = 1,
    traces: Traces | None = None,
    population: Population = ALIKE,
    unread: Unread = NOTHING_UNREAD,
) -> Replayed:
    """One release looked at every ``step`` minutes until its window ends.

    ``unread``: what cannot be read of its environment. Its checks and evidence are those of the window's end, also
    where it had failed before.
    """

    def look(some: Sequence[Rule], shared: Promise) -> ReplayCourse:
        replay = Replay(ledger, some, deployment, shared, population)
        timeline = replay.timeline
        minutes = (*range(timeline.deployed + step, timeline.end, step), timeline.end)
        return ReplayCourse(replay, [replay.look(minute) for minute in minutes])

    courses = judged_apart(look, rules, promise)
    traces = traces or Traces(no_trace)
    said = [_finding(courses, rule, traces) for rule in rules]
    broken = any(finding.verdict is Verdict.ERROR for finding in said)
    live = courses.first.replay.state.live_since if courses.first else None
    held, end = held_back_of(ledger, courses, unread), minute_of(end_of(deployment, promise))
    findings = held.findings(said, end)
    verdicts = verdicts_of(courses, held, findings, broken=broken)
    failed = next((minute for minute, verdict in verdicts if verdict is Verdict.FAIL), None)
    return Replayed(
        deployment=deployment,
        verdict=verdicts[-1][1] if verdicts else Verdict.INCONCLUSIVE,
        failed_after_s=None if failed is None else _seconds(deployment, failed),
        decided_after_s=_seconds(deployment, settled(verdicts)) if verdicts else 0,
        findings=findings,
        peak=max((course.replay.state.peak for _, course in courses.parts), default=1.0),
        failed_for_errors=failed_for_errors(course.replay.state for _, course in courses.parts),
        live_since=None if live is None else moment_of(live),
    )


def _finding(courses: Parted[ReplayCourse], rule: Rule, traces: Traces) -> Finding:
    try:
        return explain(courses.of(rule).replay.state, rule)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this check's and nobody else's
        return not_judged(rule.provider, rule, error, traces.of(rule.id, error))


def _seconds(deployment: Deployment, minute: int) -> int:
    """From the deployment itself to a look."""
    return max(round(minute * 60 - deployment.deployed_at.timestamp()), 0)


def with_truth(replayed: Replayed, outcomes: Mapping[str, bool]) -> Replayed:
    """The release with what is known to be true of it."""
    return replace(replayed, good=outcomes.get(replayed.deployment.release))
