"""The story of ``verify``: find the release, judge the log, look at what only the present shows, say what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from releaseguard.cards.contradictions import Contradiction, contradictions_in, hints_of
from releaseguard.cards.spec import (
    Card,
    Check,
    InvariantCheck,
    LatencyCheck,
    NonBlockingCheck,
    PrivacyCheck,
    ReleaseTagCheck,
    SignalCheck,
    VolumeCheck,
)
from releaseguard.errors import ReleaseguardError
from releaseguard.eventlog.asking import RowAnswers
from releaseguard.eventlog.interface import Query, RowQuestion
from releaseguard.model import Event, Verdict
from releaseguard.stats.series import minute_of, moment_of
from releaseguard.traces import Traces
from releaseguard.verification.checks import row_checks
from releaseguard.verification.checks.codes import not_passed
from releaseguard.verification.checks.latency import Looked, latency
from releaseguard.verification.checks.sources import Newcomers, newcomers_in, not_carried, rests_on_counts
from releaseguard.verification.checks.timed import CountedTimes
from releaseguard.verification.context import VerifyContext, VerifyRequest
from releaseguard.verification.evidence import UnknownLog
from releaseguard.verification.explain.finding import explain, explain_log
from releaseguard.verification.isolated import Parted, judged_apart, not_judged
from releaseguard.verification.judge.log import complete_until
from releaseguard.verification.judge.replay import Replay
from releaseguard.verification.judge.state import ReleaseState
from releaseguard.verification.judge.traffic import late_rows
from releaseguard.verification.plan import (
    every_row,
    newest_of,
    questions,
    questions_after,
    questions_of_statistics,
    speaks_against,
    timed_before,
    timed_since,
)
from releaseguard.verification.retried import failed_for_errors, taken_back
from releaseguard.verification.rows.accepted import with_accepted
from releaseguard.verification.rows.earlier import began_before, earlier_look
from releaseguard.verification.rows.first_look import outside
from releaseguard.verification.rows.reader import LogReader
from releaseguard.verification.rows.recorded import failures_in, standing
from releaseguard.verification.rows.seen import seen_beside
from releaseguard.verification.rows.set_aside import Unread, held_back, seen_since
from releaseguard.verification.rows.single_rows import Name, SingleRows
from releaseguard.verification.rows.traffic import elsewhere_than, gathered
from releaseguard.verification.rows.unknown_events import unknown_events
from releaseguard.verification.rules import Logged, configured, logged_in, rule_of, rules_of
from releaseguard.verification.selection import Selection, latencies, select
from releaseguard.verification.telling.whom import told_whom
from releaseguard.verification.values import (
    Deployment,
    Finding,
    Judged,
    Promise,
    Rule,
    end_of,
    is_cut,
    judged_from,
    overall,
)
from releaseguard.verification.whose.as_read import spelling_of
from releaseguard.verification.whose.behind import CountedTraffic
from releaseguard.verification.whose.heard import Heard, heard
from releaseguard.verification.whose.members import Members
from releaseguard.verification.whose.strayed import Strayed


class Verifier:
    """Judges one release as often as asked, reading what changed since the last look."""

    def __init__(self, request: VerifyRequest, context: VerifyContext, *, again: bool = False) -> None:
        """``again``: whether it will be asked more than once, so that what is read is worth holding."""
        self._request, self._context = request, context
        self._reader = LogReader(context, request, is_again=again)
        self._traces = Traces(context.trace)

    @property
    def is_sure(self) -> bool:
        """Whether the last look said what one without any before it would have said."""
        return self._reader.again.is_sure

    def look(self) -> Judged:
        """The verdict now, or as of the moment asked for.

        Raises ``UsageError`` where the log holds no such deployment, ``ServiceError`` where it does not answer.
        """
        context = self._context
        as_of = self._request.as_of or context.now()
        deployment = self._reader.deployment(as_of)
        counted, is_elsewhere = self._reader.counted(deployment, as_of), elsewhere_than(deployment, context.population)
        known = self._heard(deployment, counted)
        logged = logged_in((*known.past, *known.settled, *known.rows), is_elsewhere)
        environments, strayed = self._reader.elsewhere(deployment, known.rows, counted.anywhere)
        states = _states(context, deployment, as_of, known, logged, strayed)
        marked, times = deployment, CountedTimes.of(known, Members(deployment, context.population.tags), is_elsewhere)
        deployment, chosen = self._begun(marked, _live_since(states), known, logged, times)
        members = Members(deployment, context.population.tags)
        window = self._window(members, as_of, states, known, times.meant_for(known, members))
        if retried := taken_back(window.rows, failed_for_errors(part for _, part in states.parts)):
            states = _states(context, marked, as_of, replace(known, rows=[*known.rows, *retried]), logged, strayed)
            window = replace(window, states=states)
        beside = self._reader.told(deployment, window.read(chosen.judged, self._reader.beside(deployment)))
        recorded = failures_in(beside.looks, deployment)
        found = standing(self._found(chosen, window, beside.unread), chosen.left_out, recorded)
        findings = with_accepted(found, beside.accepted)
        serving = self._reader.serving(deployment, as_of, known, counted.lately)
        return Judged(
            deployment=deployment,
            as_of=as_of,
            verdict=_overall(findings, chosen, is_of_what_serves=serving is None or serving.is_marked),
            findings=findings,
            skipped=[one for one in chosen.skipped if one.check.id not in recorded],
            log=explain_log(states.first) if states.first is not None else UnknownLog(),
            unknown_events=unknown_events(context.cards, known.rows, deployment, is_elsewhere),
            seen=seen_beside(known.rows, deployment, context.population, environments),
            misread=known.misread(members),
            contradictions=list(window.contradictions().values()),
            set_aside=beside.set_aside,
            accepted=list(beside.accepted.values()),
            record=self._reader.record,
            window_ended=as_of >= end_of(deployment, context.promise),
            promise=context.promise,
            titles={check.id: check.title for card in context.cards for check in card.checks},
            settled_by=settled_by(context.cards),
            outside=outside(beside.looks, deployment, context.promise),
            serving=serving,
        )

    def _found(self, chosen: Selection, window: _Window, unread: Unread) -> Sequence[Finding]:
        """What each check says by itself, less what rows that cannot be read forbid to say."""
        each = [self._finding(card, check, window) for card, check in chosen.judged]
        found = not_carried(not_passed(each, window.contradictions()), window.newcomers(each))
        return held_back(found, unread, seen_since(window.known.rows, judged_from(window.deployment)))

    def _begun(
        self, deployment: Deployment, minute: datetime | None, known: Heard, logged: Logged, times: CountedTimes
    ) -> tuple[Deployment, Selection]:
        """The deployment with when its first row was recorded, which was in ``minute``, and the checks to carry out."""
        said = self._timed(times, logged)
        newest = {check.id: newest_of(check, known) for check, any_says in said if any_says is None}
        begun, silent = self._reader.first_rows(deployment, minute, known, newest)
        without = {*silent, *(check.id for check, any_says in said if any_says is False)}
        return begun, select(self._context, self._request, logged, without)

    def _timed(self, times: CountedTimes, logged: Logged) -> Sequence[tuple[LatencyCheck, bool | None]]:
        """The checks of latency that may be carried out, with whether any of their events says how long it took;
        ``None``: the counts do not tell."""
        asked = latencies(self._context, self._request, logged)
        return [(check, times.say_any(check.events)) for check in asked]

    def _heard(self, deployment: Deployment, counted: CountedTraffic) -> Heard:
        """The counted rows around a deployment, as they count."""
        population = self._context.population
        members, spelling = Members(deployment, population.tags), spelling_of(self._context.cards)
        return heard(counted, members, spelling, timedelta(minutes=population.lead_minutes))

    def _window(
        self, members: Members, as_of: datetime, states: Parted[ReleaseState], known: Heard, times: CountedTimes
    ) -> _Window:
        deployment = members.deployment
        end, since = end_of(deployment, self._context.promise), judged_from(deployment)
        rows = SingleRows(
            log=self._context.log,
            members=members,
            is_elsewhere=elsewhere_than(deployment, self._context.population),
            end=end,
            until=min(as_of, end),
            known_at=self._request.as_of,
            written=known.as_written(members),
            counted=[row for row in known.written if row.occurred_minute >= since],
            again=self._reader.again if self._reader.again.is_again else None,
        )
        return _Window(self._context, deployment, rows, states, known, times)

    def _finding(self, card: Card, check: Check, window: _Window) -> Finding:
        """What a check says; one that breaks says that, and takes no other with it."""
        try:
            return window.look(card, check)
        except ReleaseguardError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this check's and nobody else's
            return not_judged(card.id, check, error, self._traces.of(check.id, error))


def _states(
    context: VerifyContext,
    deployment: Deployment,
    as_of: datetime,
    known: Heard,
    logged: Logged,
    strayed: Strayed,
) -> Parted[ReleaseState]:
    """The whole checklist, also where only some of its checks are asked for: what a check says must not depend
    on which others were asked for in the same run, and the promise is about all of them together.

    A mark may be ahead of the log's clock: what has not begun is not silent either."""
    rules = configured(rules_of(context.cards), logged)
    begun = replace(deployment, deployed_at=min(deployment.deployed_at, as_of))

    def judge(some: Sequence[Rule], promise: Promise) -> ReleaseState:
        ledger = gathered(some, [begun], promise, known.rows, context.population, known.past, known.settled)
        replay = Replay(ledger, some, begun, promise, context.population)
        replay.state.strayed = strayed
        replay.state.traffic.note_late(known.late)
        replay.look(max(minute_of(as_of), replay.timeline.deployed + 1))
        return replay.state

    return judged_apart(judge, rules, context.promise)


def _live_since(states: Parted[ReleaseState]) -> datetime | None:
    """The minute in which the log first saw the release serve."""
    minute = states.first.live_since if states.first else None
    return None if minute is None else moment_of(minute)


@dataclass(frozen=True, slots=True)
class _Window:
    """What is there to judge one deployment's checks by."""

    context: VerifyContext
    deployment: Deployment
    rows: SingleRows
    states: Parted[ReleaseState]
    known: Heard
    times: CountedTimes
    _earlier: dict[str, Sequence[Event]] = field(default_factory=dict)

    def read(
        self, checks: Sequence[tuple[Card, Check]], beside: Mapping[Name, Query | RowQuestion]
    ) -> RowAnswers[Name]:
        """Ask the log for all that the checks need, and for ``beside``, at once; returns what that is answered."""
        plan = {**dict(questions(checks, self.deployment, self.rows, self.known, self.times)), **beside}
        plan |= self.rows.with_codes(hints_of(self.context.cards))
        answers = self.rows.ask({**plan, **self._of_statistics(checks)}, every_row(checks, self.deployment))
        of_invariants = (check.id for _, check in checks if isinstance(check, InvariantCheck))
        self._earlier.update((name, answers.rows(("earlier", name))) for name in of_invariants)
        self.rows.ask(dict(questions_after(checks, self.deployment, self.rows, self.times)))
        return answers

    def _of_statistics(self, checks: Sequence[tuple[Card, Check]]) -> Mapping[Name, Query]:
        """A rule that breaks asks nothing, and says so when its turn comes."""
        found: dict[Rule, Finding] = {}
        for card, check in checks:
            if isinstance(check, SignalCheck | VolumeCheck):
                rule = self._rule(card, check)
                with suppress(Exception):
                    found[rule] = explain(self.states.of(rule), rule)
        return dict(questions_of_statistics(found, self.rows))

    def _rule(self, card: Card, check: SignalCheck | VolumeCheck) -> Rule:
        return self.states.rule(check.id) or rule_of(card, check)

    def look(self, card: Card, check: Check) -> Finding:
        """What a check says of the release."""
        if isinstance(check, SignalCheck | VolumeCheck):
            return self._by_statistics(self._rule(card, check))
        found = self._by_rows(card, check)
        if found is None:
            return self._by_the_present(card, check)
        return row_checks.of_removed(self._heard(found), self.deployment.removes)

    def contradictions(self) -> Mapping[str, Contradiction]:
        """By provider: the release's successes that carry a failure's code."""
        cards = self.context.cards
        return contradictions_in(self.rows.contradicting(hints_of(cards)), cards, self.rows.own_of_each())

    def newcomers(self, findings: Sequence[Finding]) -> Mapping[str, Newcomers]:
        """By provider of which something passes: who writes its rows with the release, where the usual ones do not."""
        passed = dict.fromkeys(one.provider for one in findings if rests_on_counts(one))
        found = {provider: newcomers_in(*self.rows.by_sources(provider)) for provider in passed}
        return {provider: one for provider, one in found.items() if one is not None}

    def _by_the_present(self, card: Card, check: Check) -> Finding:
        found = self.context.live_checks.look(card, check, self.deployment)
        if found.verdict is Verdict.FAIL and isinstance(check, InvariantCheck):
            newest = self._earlier.get(check.id, ())
            return began_before(found, earlier_look(self.context.log, check.id, self.deployment, newest))
        return found

    def _by_statistics(self, rule: Rule) -> Finding:
        """The finding with the ids of up to five rows: those that speak against the release, or a PASS rests on."""
        finding = explain(self.states.of(rule), rule)
        against = speaks_against(finding, rule)
        rows = self.rows.against(rule) if against else self.rows.counted_by(rule)
        found = replace(finding, evidence=replace(finding.evidence, event_ids=row_checks.ids(rows)))
        return told_whom(found, rule, self.rows)

    def _by_rows(self, card: Card, check: Check) -> Finding | None:
        members, rows = self.rows.members, self.rows
        if isinstance(check, ReleaseTagCheck):
            first = partial(rows.untagged, check.events, row_checks.tagged_since(check, self.deployment))
            return row_checks.release_tag(card.id, check, rows.numbered(check.events), members, rows.until, first)
        if isinstance(check, PrivacyCheck):
            events = check.events or (*card.events.success, *card.events.error)
            seen = rows.numbered(events)
            if row_checks.are_found_together(seen, self.context.kinds):
                seen = rows.each(events)
            return row_checks.privacy(card.id, check, seen, members, rows.until, self.context.kinds)
        if isinstance(check, LatencyCheck):
            return self._by_latency(card, check)
        if isinstance(check, NonBlockingCheck):
            both = rows.of((*check.error, *check.user_actions))
            return row_checks.non_blocking(card.id, check, both, members, rows.until, self._complete)
        return None

    def _by_latency(self, card: Card, check: LatencyCheck) -> Finding:
        """The release's successes against those of the hours before it, and of the same hours of the day before."""
        rows, times, live = self.rows, self.times, judged_from(self.deployment)
        own = timed_since(check, live, rows, times)
        sharing = sum(isinstance(one, LatencyCheck) for card in self.context.cards for one in card.checks)
        cut = is_cut(self.deployment, self.context.promise)
        looked = Looked(rows.until, rows.end, cut, self._unheard())
        return latency(card.id, check, timed_before(check, live, rows, times), own, live, sharing, looked)

    def _unheard(self) -> str | None:
        """Why nothing more arrives, where the log is down."""
        state = self.states.first
        if state is None or not state.traffic.log.down:
            return None
        return row_checks.unheard_words(late_rows(state.traffic.lags, state.look_minute))

    @property
    def _complete(self) -> datetime:
        """Until when the log's rows are there."""
        state = self.states.first
        return complete_until(state) if state else self.deployment.deployed_at

    def _heard(self, found: Finding) -> Finding:
        """The finding, less what a log that is down, or of which nobody knows, cannot vouch for."""
        state = self.states.first
        if state is None:
            return row_checks.unknown_log(found)
        late = late_rows(state.traffic.lags, state.look_minute)
        return row_checks.unheard(found, late) if state.traffic.log.down else found


def _overall(findings: Sequence[Finding], chosen: Selection, *, is_of_what_serves: bool) -> Verdict:
    """The verdict of the checklist; one that lets a release through is of the release that serves."""
    settled = settle(findings, [check for _, check in chosen.judged])
    found = overall(settled) if settled else Verdict.INCONCLUSIVE
    lets_through = found in {Verdict.PASS, Verdict.WARN}
    return Verdict.INCONCLUSIVE if lets_through and not is_of_what_serves else found


def settled_by(cards: Sequence[Card]) -> Mapping[str, str]:
    """By check: another whose PASS settles it."""
    named = ((check.id, getattr(check, "settled_by", None)) for card in cards for check in card.checks)
    return {check: other for check, other in named if other}


def settle(findings: Sequence[Finding], checks: Sequence[Check]) -> Sequence[Finding]:
    """The findings for the overall verdict: one that another check has settled no longer leaves it undecided."""
    passed = {finding.id for finding in findings if finding.verdict is Verdict.PASS}
    settled = {check.id for check in checks if getattr(check, "settled_by", None) in passed}
    return [
        replace(finding, undecided="warn")
        if finding.verdict is Verdict.INCONCLUSIVE and finding.id in settled
        else finding
        for finding in findings
    ]
