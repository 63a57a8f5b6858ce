"""The story of ``verify``: find the release, judge the log, look at what only the present shows, write it back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from releaseguard.cards.spec import (
    Card,
    Check,
    FlowCheck,
    InvariantCheck,
    NonBlockingCheck,
    PrivacyCheck,
    ReleaseTagCheck,
    SecretCheck,
    SignalCheck,
    VolumeCheck,
)
from releaseguard.errors import ReleaseguardError
from releaseguard.eventlog.interface import EventLog, MinuteCount, Query
from releaseguard.eventlog.rows.aside import SetAsideTally, tally_of
from releaseguard.keeping import said
from releaseguard.model import OURSELVES, Event, Outcome, Verdict, new_id, to_text
from releaseguard.stats.series import minute_of
from releaseguard.traces import Trace, Traces, no_trace
from releaseguard.verification.checks import row_checks
from releaseguard.verification.checks.live_checks import LiveChecks
from releaseguard.verification.explain.finding import explain, explain_log
from releaseguard.verification.interface import Deployment, Evidence, Finding, Promise, Rule, end_of, overall
from releaseguard.verification.isolated import Parted, judged_apart, not_judged
from releaseguard.verification.judge.replay import Replay
from releaseguard.verification.recorded import WRITTEN_CHECK, RecordedFailure, failures_in, standing
from releaseguard.verification.release import DEPLOYED, deployments_of, pick
from releaseguard.verification.set_aside import held_back, seen_since
from releaseguard.verification.traffic import (
    Logged,
    gathered,
    is_configured,
    logged_in,
    rows_around,
    rule_of,
    rules_of,
    settled_before,
    span_of,
    unknown_events,
)

AHEAD = timedelta(minutes=10)
"""How far a deployment may lie ahead of the log's clock and be the newest: a pipeline's clock may be fast."""
WRITTEN = "release_verified"
BAD = frozenset({Verdict.FAIL, Verdict.ERROR})
"""Verdicts that are written back as errors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRequest:
    """One call of ``verify``: its flags as a plain value."""

    release: str | None = None
    deployed_at: datetime | None = None
    as_of: datetime | None = None
    checks: frozenset[str] = frozenset()
    providers: frozenset[str] = frozenset()
    flows: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyContext:
    """Everything a verification reads."""

    log: EventLog
    cards: Sequence[Card]
    environment: str
    promise: Promise
    kinds: row_checks.Kinds
    present: LiveChecks
    now: Callable[[], datetime]
    trace: Trace = no_trace
    """Where the trace of a check that breaks goes."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A check that was not run, and why."""

    card: Card
    check: Check
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The outcome of one look."""

    deployment: Deployment
    as_of: datetime
    verdict: Verdict
    findings: Sequence[Finding]
    skipped: Sequence[Skipped]
    log: Evidence
    set_aside: SetAsideTally
    """The rows since the mark that cannot be read."""
    window_ended: bool

    @property
    def final(self) -> bool:
        """Whether looking again cannot change it: a FAIL, a PASS, or the window is over."""
        return self.verdict in {Verdict.FAIL, Verdict.PASS} or self.window_ended

    @property
    def broken(self) -> bool:
        """Whether a check could not be judged because it broke."""
        return any(finding.verdict is Verdict.ERROR for finding in self.findings)


@dataclass(slots=True)
class Verifier:
    """Judges one release as often as asked, reading the baseline once."""

    request: VerifyRequest
    world: VerifyContext
    _baseline: Sequence[MinuteCount] | None = field(default=None, init=False)
    _traces: Traces = field(init=False)

    def __post_init__(self) -> None:
        self._traces = Traces(self.world.trace)

    def look(self) -> Judged:
        """The verdict now, or as of the moment asked for.

        Raises ``UsageError`` where the log holds no such deployment, ``ServiceError`` where it does not answer.
        """
        as_of = self.request.as_of or self.world.now()
        deployment = self._deployment(as_of)
        wanted = list(self._wanted())
        rows = [*self._rows(deployment, as_of)]
        skipped = list(self._skipped(wanted, logged_in(rows)))
        left_out = {one.check.id for one in skipped}
        judged = [(card, check) for card, check in wanted if check.id not in left_out]
        found, log = self._findings(judged, deployment, as_of, rows)
        aside, recorded = self._set_aside(deployment), self._recorded(deployment)
        held = held_back(found, aside, seen_since(rows, deployment.deployed_at))
        findings = standing(held, [one for one in wanted if one[1].id in left_out], recorded)
        settled = settle(findings, [check for _, check in judged])
        return Judged(
            deployment=deployment,
            as_of=as_of,
            verdict=overall(settled) if settled else Verdict.INCONCLUSIVE,
            findings=findings,
            skipped=[one for one in skipped if one.check.id not in recorded],
            log={
                **log,
                "unknown_events": unknown_events(self.world.cards, rows, deployment),
                "set_aside": aside.to_json(),
            },
            set_aside=aside,
            window_ended=as_of >= self._end(deployment),
        )

    def _deployment(self, as_of: datetime) -> Deployment:
        request, environment = self.request, self.world.environment
        query = Query(environment=environment, providers=[OURSELVES], events=[DEPLOYED], recorded_until=request.as_of)
        known = deployments_of(self.world.log.select(query), self.world.promise.window)
        if request.release is None and request.deployed_at is None:
            known = [one for one in known if one.deployed_at <= as_of + AHEAD]
        return pick(known, environment=environment, release=request.release, deployed_at=request.deployed_at)

    def _set_aside(self, deployment: Deployment) -> SetAsideTally:
        query = Query(
            environment=self.world.environment,
            since=deployment.deployed_at,
            until=self._end(deployment),
            recorded_until=self.request.as_of,
        )
        return tally_of(row for row in self.world.log.set_aside(query) if row.provider != OURSELVES)

    def _recorded(self, deployment: Deployment) -> Mapping[str, RecordedFailure]:
        """What earlier runs recorded as failed for this deployment, by check."""
        query = Query(
            environment=deployment.environment,
            providers=[OURSELVES],
            events=[WRITTEN_CHECK],
            since=deployment.deployed_at,
            recorded_until=self.request.as_of,
            release=deployment.release,
        )
        return failures_in(self.world.log.select(query), deployment)

    def _end(self, deployment: Deployment) -> datetime:
        return end_of(deployment, self.world.promise)

    def _wanted(self) -> Iterator[tuple[Card, Check]]:
        for card in self.world.cards:
            if self.request.providers and card.id not in self.request.providers:
                continue
            for check in card.checks:
                if not self.request.checks or check.id in self.request.checks:
                    yield card, check

    def _rows(self, deployment: Deployment, as_of: datetime) -> Iterator[MinuteCount]:
        since, until = span_of([deployment], self.world.promise)
        border = settled_before(deployment)
        log, environment = self.world.log, self.world.environment
        if self._baseline is None:
            self._baseline = list(rows_around(log, environment, since, border, self._known_at(as_of)))
        yield from self._baseline
        yield from rows_around(log, environment, border, until, self._known_at(as_of))

    def _known_at(self, as_of: datetime) -> datetime | None:
        """What the log is asked to leave out: later rows, where a past moment is asked for."""
        return as_of if self.request.as_of else None

    def _skipped(self, wanted: Sequence[tuple[Card, Check]], logged: Logged) -> Iterator[Skipped]:
        for card, check in wanted:
            reason = self._why_not(card, check, logged)
            if reason:
                yield Skipped(card, check, reason)

    def _why_not(self, card: Card, check: Check, logged: Logged) -> str | None:
        if isinstance(check, FlowCheck | InvariantCheck | SecretCheck):
            if self.request.as_of:
                return "it looks at the present, and a past moment is judged"
            if isinstance(check, FlowCheck) and not self.request.flows:
                return "--no-flows"
            return self.world.present.why_not(card, check)
        if isinstance(check, SignalCheck | VolumeCheck):
            there = is_configured(rule_of(card, check), logged)
        else:
            events = _events_of(check)
            there = not events or any(event in events for _, event, _ in logged)
        return None if there else self._nothing_logged(check)

    def _nothing_logged(self, check: Check) -> str:
        days = self.world.promise.baseline_minutes / 1440
        return f"not configured: no {' or '.join(sorted(_events_of(check)))} was logged here in {days:g} days"

    def _findings(
        self,
        judged: Sequence[tuple[Card, Check]],
        deployment: Deployment,
        as_of: datetime,
        rows: Sequence[MinuteCount],
    ) -> tuple[Sequence[Finding], Evidence]:
        replays = self._replays(deployment, as_of, rows)
        until = min(as_of, self._end(deployment))
        single = _SingleRows(self.world, deployment, until, self.request.as_of, replays.first)
        findings = [self._finding(card, check, replays, single) for card, check in judged]
        return findings, self._log(replays.first)

    def _replays(self, deployment: Deployment, as_of: datetime, rows: Sequence[MinuteCount]) -> Parted[Replay]:
        """The whole checklist, also where only some of its checks are asked for: what a check says must not depend
        on which others were asked for in the same run, and the promise is about all of them together."""
        logged = logged_in(rows)
        rules = [rule for rule in rules_of(self.world.cards) if is_configured(rule, logged)]

        def judge(some: Sequence[Rule], promise: Promise) -> Replay:
            replay = Replay(gathered(some, [deployment], promise, rows), some, deployment, promise)
            replay.look(max(minute_of(as_of), replay.deployed + 1))
            return replay

        return judged_apart(judge, rules, self.world.promise)

    def _log(self, replay: Replay | None) -> Evidence:
        return explain_log(replay) if replay is not None else {"down": None, "silence_cause": None}

    def _finding(self, card: Card, check: Check, replays: Parted[Replay], single: _SingleRows) -> Finding:
        """What a check says; one that breaks says that, and takes no other with it."""
        try:
            if isinstance(check, SignalCheck | VolumeCheck):
                rule = rule_of(card, check)
                return self._with_ids(rule, explain(replays.of(rule), rule), single)
            found = self._by_rows(card, check, single)
            return single.heard(found) if found else self.world.present.look(card, check, single.deployment)
        except ReleaseguardError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this check's and nobody else's
            return not_judged(card.id, check, error, self._traces.of(check.id, error))

    def _by_rows(self, card: Card, check: Check, single: _SingleRows) -> Finding | None:
        deployment, until = single.deployment, single.until
        if isinstance(check, ReleaseTagCheck):
            return row_checks.release_tag(card.id, check, single.of(check.events), deployment, until)
        if isinstance(check, PrivacyCheck):
            events = check.events or (*card.events.success, *card.events.error)
            return row_checks.privacy(card.id, check, single.of(events), deployment, until, self.world.kinds)
        if isinstance(check, NonBlockingCheck):
            both = single.of((*check.error, *check.user_actions))
            return row_checks.non_blocking(card.id, check, both, deployment, until, single.complete)
        return None

    def _with_ids(self, rule: Rule, finding: Finding, single: _SingleRows) -> Finding:
        """The finding with the ids of up to five rows: those that speak against the release, or a PASS rests on."""
        against = finding.verdict is not Verdict.PASS and rule.kind == "signal"
        rows = single.against(rule) if against else single.counted(rule)
        return replace(finding, evidence={**finding.evidence, "event_ids": row_checks.ids(rows)})


class _SingleRows:
    """The rows since the deployment by event, each event read once for all checks that need it."""

    def __init__(
        self,
        world: VerifyContext,
        deployment: Deployment,
        until: datetime,
        known_at: datetime | None,
        replay: Replay | None,
    ) -> None:
        self._world, self.deployment, self.until = world, deployment, until
        self._replay = replay
        self.complete = replay.complete_until if replay else deployment.deployed_at
        self._known_at = known_at
        self._read: dict[str, Sequence[Event]] = {}

    def heard(self, found: Finding) -> Finding:
        """The finding, less what a log that is down, or of which nobody knows, cannot vouch for."""
        if self._replay is None:
            return row_checks.unknown_log(found)
        return row_checks.unheard(found) if self._replay.log.down else found

    def counted(self, rule: Rule) -> Sequence[Event]:
        """The first rows of the release that a rule counts."""
        return self._first(rule, events=sorted(rule.success | rule.error))

    def against(self, rule: Rule) -> Sequence[Event]:
        """The first rows of the release that are errors to a rule, whether by their event or by their outcome."""
        named = self._first(rule, events=sorted(rule.error))
        logged = self._first(rule, outcome=Outcome.ERROR)
        return list({row.id: row for row in (*named, *logged)}.values())

    def _first(self, rule: Rule, **conditions: Any) -> Sequence[Event]:
        query = Query(
            environment=self.deployment.environment,
            providers=[rule.provider],
            since=self.deployment.deployed_at,
            until=self._end,
            recorded_until=self._known_at,
            synthetic=False if self._world.log.capabilities.has("synthetic") else None,
            **conditions,
        )
        rows = self._world.log.select(query)
        mine = (row for row in rows if row.release in {self.deployment.release, None} and _counts(rule, row))
        return list(islice(mine, row_checks.MOST_IDS))

    @property
    def _end(self) -> datetime:
        return end_of(self.deployment, self._world.promise)

    def of(self, events: Sequence[str]) -> Sequence[Event]:
        return [row for event in dict.fromkeys(events) for row in self._rows(event)]

    def _rows(self, event: str) -> Sequence[Event]:
        if event not in self._read:
            query = Query(
                environment=self.deployment.environment,
                events=[event],
                since=self.deployment.deployed_at,
                until=self.until,
                recorded_until=self._known_at,
            )
            self._read[event] = list(self._world.log.select(query))
        return self._read[event]


def _counts(rule: Rule, row: Event) -> bool:
    return rule.reading.of(row.event, row.outcome is Outcome.SUCCESS) is not None


def _events_of(check: Check) -> frozenset[str]:
    """The events without which a check has nothing to say."""
    if isinstance(check, SignalCheck):
        return frozenset((*check.success, *check.error))
    if isinstance(check, VolumeCheck | ReleaseTagCheck | PrivacyCheck):
        return frozenset(check.events)
    if isinstance(check, NonBlockingCheck):
        return frozenset(check.error)
    return frozenset()


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


def written_back(judged: Judged) -> Sequence[Event]:
    """The results as integration events, so that they are seen beside what they are about."""
    run = new_id()
    shared: dict[str, Any] = {
        "run": str(run),
        "release": judged.deployment.release,
        "deployed_at": to_text(judged.deployment.deployed_at),
        "as_of": to_text(judged.as_of),
    }
    rows = [_row(judged, WRITTEN, OURSELVES, judged.verdict, {**shared, "checks": len(judged.findings)})]
    for finding in judged.findings:
        detail = {**shared, "check": finding.id, "kind": finding.kind, "reason": said(finding.reason)}
        rows.append(_row(judged, WRITTEN_CHECK, finding.provider, finding.verdict, detail))
    return rows


def _row(judged: Judged, event: str, subject: str, verdict: Verdict, detail: Mapping[str, Any]) -> Event:
    return Event(
        id=new_id(),
        occurred_at=judged.as_of,
        provider=OURSELVES,
        event=event,
        outcome=Outcome.ERROR if verdict in BAD else Outcome.SUCCESS,
        error_code=verdict.value if verdict in BAD else None,
        environment=judged.deployment.environment,
        release=judged.deployment.release,
        source="verify",
        detail={**detail, "provider": subject, "verdict": verdict.value},
    )
