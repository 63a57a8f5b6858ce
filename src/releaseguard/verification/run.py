"""The story of ``verify``: find the release, judge the log, look at what only the present shows, write it back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
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
from releaseguard.eventlog.interface import EventLog, MinuteCount, Query
from releaseguard.model import OURSELVES, Event, Outcome, Verdict, new_id, to_text
from releaseguard.verification import facts
from releaseguard.verification.explain import explain, explain_log
from releaseguard.verification.interface import Deployment, Evidence, Finding, Promise, Rule, overall
from releaseguard.verification.judge import Replay
from releaseguard.verification.present import Present
from releaseguard.verification.release import DEPLOYED, deployments_of, pick
from releaseguard.verification.series import minute_of
from releaseguard.verification.traffic import gathered, rows_around, rule_of, settled_before, span_of

AHEAD = timedelta(minutes=10)
"""How far a deployment may lie ahead of the log's clock and be the newest: a pipeline's clock may be fast."""
WRITTEN = "release_verified"
WRITTEN_CHECK = "release_check"


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
class VerifyWorld:
    """Everything a verification reads."""

    log: EventLog
    cards: Sequence[Card]
    environment: str
    promise: Promise
    kinds: facts.Kinds
    present: Present
    now: Callable[[], datetime]


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
    window_ended: bool

    @property
    def final(self) -> bool:
        """Whether looking again cannot change it: a FAIL, a PASS, or the window is over."""
        return self.verdict in {Verdict.FAIL, Verdict.PASS} or self.window_ended


@dataclass(slots=True)
class Verifier:
    """Judges one release as often as asked, reading the baseline once."""

    request: VerifyRequest
    world: VerifyWorld
    _baseline: Sequence[MinuteCount] | None = field(default=None, init=False)

    def look(self) -> Judged:
        """The verdict now, or as of the moment asked for.

        Raises ``UsageError`` where the log holds no such deployment, ``ServiceError`` where it does not answer.
        """
        as_of = self.request.as_of or self.world.now()
        deployment = self._deployment(as_of)
        wanted = list(self._wanted())
        rows = [*self._rows(deployment, as_of)]
        logged = {(row.provider, row.event) for row in rows if not row.synthetic}
        skipped = list(self._skipped(wanted, logged))
        left_out = {one.check.id for one in skipped}
        judged = [(card, check) for card, check in wanted if check.id not in left_out]
        findings, log = self._findings(judged, deployment, as_of, rows)
        settled = settle(findings, [check for _, check in judged])
        return Judged(
            deployment=deployment,
            as_of=as_of,
            verdict=overall(settled) if settled else Verdict.INCONCLUSIVE,
            findings=findings,
            skipped=skipped,
            log=log,
            window_ended=as_of >= self._end(deployment),
        )

    def _deployment(self, as_of: datetime) -> Deployment:
        request, environment = self.request, self.world.environment
        query = Query(environment=environment, events=[DEPLOYED], recorded_until=request.as_of)
        known = deployments_of(self.world.log.select(query))
        if request.release is None and request.deployed_at is None:
            known = [one for one in known if one.deployed_at <= as_of + AHEAD]
        return pick(known, environment=environment, release=request.release, deployed_at=request.deployed_at)

    def _end(self, deployment: Deployment) -> datetime:
        end = deployment.deployed_at + timedelta(minutes=self.world.promise.window_minutes)
        return min(end, deployment.followed_at) if deployment.followed_at else end

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

    def _skipped(self, wanted: Sequence[tuple[Card, Check]], logged: set[tuple[str, str]]) -> Iterator[Skipped]:
        for card, check in wanted:
            reason = self._why_not(card, check, logged)
            if reason:
                yield Skipped(card, check, reason)

    def _why_not(self, card: Card, check: Check, logged: set[tuple[str, str]]) -> str | None:
        if isinstance(check, FlowCheck | InvariantCheck | SecretCheck):
            if self.request.as_of:
                return "it looks at the present, and a past moment is judged"
            if isinstance(check, FlowCheck) and not self.request.flows:
                return "--no-flows"
            return self.world.present.why_not(card, check)
        events = _events_of(check)
        if events and not any(event in events for _, event in logged):
            days = self.world.promise.baseline_minutes / 1440
            return f"not configured: no {' or '.join(sorted(events))} was logged here in {days:g} days"
        return None

    def _findings(
        self,
        judged: Sequence[tuple[Card, Check]],
        deployment: Deployment,
        as_of: datetime,
        rows: Sequence[MinuteCount],
    ) -> tuple[Sequence[Finding], Evidence]:
        rules = [rule_of(card, check) for card, check in judged if isinstance(check, SignalCheck | VolumeCheck)]
        ledger = gathered(rules, [deployment], self.world.promise, rows)
        replay = Replay(ledger, rules, deployment, self.world.promise)
        replay.look(max(minute_of(as_of), replay.deployed + 1))
        statistical = {rule.id: self._with_ids(rule, explain(replay, rule), deployment, as_of) for rule in rules}
        until = min(as_of, self._end(deployment))
        single = _SingleRows(self.world, deployment, until, self.request.as_of, replay)
        findings = [
            statistical[check.id] if check.id in statistical else self._other(card, check, deployment, until, single)
            for card, check in judged
        ]
        return findings, explain_log(replay)

    def _other(self, card: Card, check: Check, deployment: Deployment, until: datetime, single: _SingleRows) -> Finding:
        found = self._by_rows(card, check, deployment, until, single)
        if found is None:
            return self.world.present.look(card, check, deployment)
        return facts.unheard(found) if single.down else found

    def _by_rows(
        self, card: Card, check: Check, deployment: Deployment, until: datetime, single: _SingleRows
    ) -> Finding | None:
        if isinstance(check, ReleaseTagCheck):
            return facts.release_tag(card.id, check, single.of(check.events), deployment, until)
        if isinstance(check, PrivacyCheck):
            events = check.events or (*card.events.success, *card.events.error)
            return facts.privacy(card.id, check, single.of(events), deployment, until, self.world.kinds)
        if isinstance(check, NonBlockingCheck):
            both = single.of((*check.error, *check.user_actions))
            return facts.non_blocking(card.id, check, both, deployment, until, single.complete)
        return None

    def _with_ids(self, rule: Rule, finding: Finding, deployment: Deployment, as_of: datetime) -> Finding:
        """The finding with the ids of up to five rows: those that speak against the release, or a PASS rests on."""
        events = rule.success | rule.error if finding.verdict is Verdict.PASS else rule.error or rule.success
        query = Query(
            environment=deployment.environment,
            providers=[rule.provider],
            events=sorted(events),
            since=deployment.deployed_at,
            until=self._end(deployment),
            recorded_until=self._known_at(as_of),
            synthetic=False if self.world.log.capabilities.has("synthetic") else None,
        )
        of_release = (row for row in self.world.log.select(query) if row.release in {deployment.release, None})
        first = [str(row.id) for row, _ in zip(of_release, range(facts.MOST_IDS), strict=False)]
        return replace(finding, evidence={**finding.evidence, "event_ids": first})


class _SingleRows:
    """The rows since the deployment by event, each event read once for all checks that need it."""

    def __init__(
        self, world: VerifyWorld, deployment: Deployment, until: datetime, known_at: datetime | None, replay: Replay
    ) -> None:
        self._world, self._deployment, self._until = world, deployment, until
        self.down = replay.log.down
        """Whether nothing of any provider reaches the log."""
        self.complete = replay.complete_until
        self._known_at = known_at
        self._read: dict[str, Sequence[Event]] = {}

    def of(self, events: Sequence[str]) -> Sequence[Event]:
        return [row for event in dict.fromkeys(events) for row in self._rows(event)]

    def _rows(self, event: str) -> Sequence[Event]:
        if event not in self._read:
            query = Query(
                environment=self._deployment.environment,
                events=[event],
                since=self._deployment.deployed_at,
                until=self._until,
                recorded_until=self._known_at,
            )
            self._read[event] = list(self._world.log.select(query))
        return self._read[event]


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
    shared: dict[str, Any] = {"run": str(run), "release": judged.deployment.release, "as_of": to_text(judged.as_of)}
    rows = [_row(judged, WRITTEN, OURSELVES, judged.verdict, {**shared, "checks": len(judged.findings)})]
    for finding in judged.findings:
        detail = {**shared, "check": finding.id, "kind": finding.kind, "reason": finding.reason}
        rows.append(_row(judged, WRITTEN_CHECK, finding.provider, finding.verdict, detail))
    return rows


def _row(judged: Judged, event: str, subject: str, verdict: Verdict, detail: Mapping[str, Any]) -> Event:
    return Event(
        id=new_id(),
        occurred_at=judged.as_of,
        provider=OURSELVES,
        event=event,
        outcome=Outcome.ERROR if verdict is Verdict.FAIL else Outcome.SUCCESS,
        error_code=verdict.value if verdict is Verdict.FAIL else None,
        environment=judged.deployment.environment,
        release=judged.deployment.release,
        source="verify",
        detail={**detail, "provider": subject, "verdict": verdict.value},
    )
