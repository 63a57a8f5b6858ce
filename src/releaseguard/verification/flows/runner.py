"""Runs synthetic flows: a test user acts in the app's own backend, and the log shows what became of it.

The provider is never called from here: the app calls it, as it does for every user, and writes its event.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from releaseguard.cards.rules import PLACEHOLDER, placeholders
from releaseguard.cards.spec import Card, FlowCheck, FlowSpec, StepSpec
from releaseguard.errors import (
    AccessDenied,
    ConfigError,
    RateLimited,
    Refused,
    SafeModeRefusal,
    ServiceError,
    Unreachable,
)
from releaseguard.eventlog.interface import EventLog, Query
from releaseguard.http import ServiceClient, quoted
from releaseguard.model import OURSELVES, Event, duration, utc_now
from releaseguard.secret import Secret
from releaseguard.verification.flows import runs as flow_runs
from releaseguard.verification.flows import verdict as flow_verdict
from releaseguard.verification.flows.runs import (
    FlowRun,
    Missing,
    Result,
    RunKey,
    RunObservation,
    StepRun,
    Unfinished,
    capped,
    extracted,
    filled,
    judged,
    kept_for_cleanup,
    needed_for_cleanup,
    runs_in,
    unfinished_in,
)
from releaseguard.verification.values import Deployment, Finding

TIDY_WITHIN = timedelta(days=7)
"""How far back runs are looked for that left something behind."""
AFTER_A_REFUSAL = 5.0
"""Seconds to wait for the event of a request that failed: it is written by that same request."""
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0
"""Seconds between looks into the log while an event is waited for."""
REFUSED_FOR = 300.0
"""Seconds for which a refused sign-in is not tried again: a watch must not lock the test user out."""
FIRST_REST, LONGEST_REST = 15.0, 300.0
"""Seconds, doubling, before a watch spends another run on an obstacle such as a release that is not live yet."""
RENEW_BEFORE = 60.0
"""Seconds before a token's end at which the test user signs in again."""


@dataclass(frozen=True, slots=True)
class SyntheticUser:
    """The test user, and the public key of the project that it signs in at."""

    email: Secret
    password: Secret
    public_key: Secret


class UserSession:
    """The test user's sign-in. ``account`` is asked for at the first sign-in; ``clock`` counts seconds.

    :meth:`headers` is what the app's ``ServiceClient`` is built with.
    """

    def __init__(self, account: Callable[[], SyntheticUser], clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = account
        self._clock = clock
        self._account: SyntheticUser | None = None
        self._token: Secret | None = None
        self._until = 0.0
        self._refusal: tuple[float, AccessDenied] | None = None
        """Until when the newest refusal holds, and the refusal."""
        self.user_id = ""

    @property
    def account(self) -> SyntheticUser:
        if self._account is None:
            self._account = self._ask()
        return self._account

    def headers(self) -> Mapping[str, str | Secret]:
        """The public key, and the token once there is one."""
        headers: dict[str, str | Secret] = {"apikey": self.account.public_key}
        if self._token is not None:
            headers["authorization"] = self._token
        return headers

    def sign_in(self, client: ServiceClient) -> None:
        """Make sure that a test user is signed in; nothing else is sent before that is certain.

        Raises ``Refused`` where the account is not marked as a test user's, ``AccessDenied`` where the app does
        not let it in.
        """
        if self._token is not None and self._clock() < self._until:
            return
        self._token = None
        if self._refusal is not None and self._clock() < self._refusal[0]:
            raise self._refusal[1].with_traceback(None)
        answer = self._ask_for_token(client)
        token = answer.get("access_token")
        claims = claims_of(token) if isinstance(token, str) else {}
        metadata = claims.get("app_metadata")
        if not isinstance(metadata, Mapping) or metadata.get("synthetic") is not True:
            raise Refused(
                "the account that signed in is not marked as a test user's: its token has no app_metadata.synthetic",
                where=client.host,
                next_step="Set app_metadata = {synthetic: true} for that user with the service role (users cannot set "
                "it themselves), or name another in SYNTHETIC_USER_EMAIL. Nothing else was sent.",
            )
        self.user_id = str(claims.get("sub", ""))
        self._until = self._clock() + _seconds(answer.get("expires_in")) - RENEW_BEFORE
        self._token = Secret(f"Bearer {token}")

    def _ask_for_token(self, client: ServiceClient) -> Mapping[str, Any]:
        try:
            reply = client.request(
                "POST",
                "/auth/v1/token",
                params={"grant_type": "password"},
                json={"email": self.account.email, "password": self.account.password},
                repeatable=True,  # a second sign-in changes nothing
            )
        except ServiceError as error:
            if error.status in (400, 401, 403, 422):
                refusal = AccessDenied(
                    f"the app does not let the test user in: it answered {error.status}",
                    where=client.host,
                    next_step="Check SYNTHETIC_USER_EMAIL, SYNTHETIC_USER_PASSWORD and SUPABASE_ANON_KEY in Infisical.",
                    status=error.status,
                )
                self._refusal = self._clock() + REFUSED_FOR, refusal
                raise refusal from None
            raise
        answer = reply.json()
        return answer if isinstance(answer, Mapping) else {}


def claims_of(token: str) -> Mapping[str, Any]:
    """The claims of a JSON Web Token (RFC 7519); empty where it is none.

    The signature is not checked, because nothing is granted on the claims' word: the token came from the app's
    own sign-in over verified TLS, and they only say whether we may go on. The app checks it at every request.
    """
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        claims = json.loads(payload)
    except (binascii.Error, ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, Mapping) else {}


def _seconds(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowContext:
    """What flows run in. ``sleep`` and ``clock`` (seconds) belong together; ``now`` is the time of day."""

    log: EventLog
    client: ServiceClient
    session: UserSession
    environment: str
    test_paths: frozenset[str] = frozenset()
    """Providers whose flows that move money go to a test path."""
    now: Callable[[], datetime] = utc_now
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(slots=True)
class _Work:
    """One run under way."""

    card: Card
    flow: FlowSpec
    key: RunKey
    release: str | None
    known: dict[str, Any]
    since: datetime
    """The store's time at which it began."""
    steps: list[StepRun] = field(default_factory=list)
    limited: bool = False
    in_doubt: bool = False
    """A request was sent, and whether it took effect is unknown."""
    unnamed: bool = False
    """A payment was made, and the answer does not say what there is to take back."""

    @property
    def failure(self) -> str:
        """The request that failed, in words; empty where none did."""
        failed = next((step for step in self.steps if not step.ok), None)
        return f"the request {failed.name!r} failed: {failed.note}" if failed else ""


class FlowRunner:
    """Runs the flows of one purpose: a release that is verified, or a rotation that is proven.

    ``release`` is the one that a flow's event must come from; ``None`` where any will do.
    """

    def __init__(self, world: FlowContext, *, purpose: str, release: str | None) -> None:
        self._world = world
        self._purpose = purpose
        self._release = release

    def past(self, card: Card, flow: FlowSpec) -> Sequence[FlowRun]:
        """The runs that have ended for this purpose, oldest first."""
        return [run for run in runs_in(self._rows(card, flow)) if run.key.purpose == self._purpose]

    def run(self, card: Card, flow: FlowSpec) -> FlowRun:
        """Run the flow once and wait for its event; a run of this purpose that was killed is taken up again.

        Raises ``Refused`` for money without a test path, an account that is no test user's, or a log that
        cannot tell synthetic events apart; ``ConfigError`` for an amount above the card's cap. Whatever
        happens, what was made is cleaned up, at the latest by the next run.
        """
        self._may_run(card, flow)
        self._world.session.sign_in(self._world.client)
        return self._carry_out(card, flow, self._next_key(card, flow), self._release)

    def recover(self, card: Card, flow: FlowSpec) -> Sequence[FlowRun]:
        """Finish what earlier processes left: take runs of this purpose up, tidy up after the others."""
        left = unfinished_in(self._rows(card, flow))
        if not left:
            return ()
        self._check_log()
        self._world.session.sign_in(self._world.client)
        return [run for one in left if (run := self._recovered(card, flow, one)) is not None]

    # --- which run ----------------------------------------------------------------------------------------------

    def _rows(self, card: Card, flow: FlowSpec) -> Sequence[Event]:
        query = Query(
            environment=self._world.environment,
            providers=(OURSELVES,),
            events=flow_runs.EVENTS,
            since=self._world.now() - TIDY_WITHIN,
            detail={"provider": card.id, "flow": flow.id},
        )
        return list(self._world.log.select(query))

    def _next_key(self, card: Card, flow: FlowSpec) -> RunKey:
        number = max((run.key.number for run in self.past(card, flow)), default=0) + 1
        return RunKey(
            environment=self._world.environment,
            purpose=self._purpose,
            provider=card.id,
            flow=flow.id,
            number=number,
        )

    def _may_run(self, card: Card, flow: FlowSpec) -> None:
        self._check_log()
        if flow.moves_money and card.id not in self._world.test_paths:
            raise Refused(
                f"the flow {flow.id} of {card.id} moves money",
                where=card.path or None,
                next_step=f"If the app's path is a test path, say so: [providers.{card.id}] test_path = true.",
            )

    def _check_log(self) -> None:
        columns = self._world.log.capabilities
        if not columns.has("synthetic"):
            raise Refused(
                "flows need the column synthetic: without it their events would count as traffic",
                where=self._world.log.label,
                next_step="Add the column, or map it under [events.columns]; `verify --no-flows` does without flows.",
            )
        for column in ("correlation_id", "release", "detail"):
            if not columns.has(column):
                raise ConfigError(
                    f"flows need the column {column} to find their own events",
                    where=self._world.log.label,
                    next_step="Add it, or map it under [events.columns]; `verify --no-flows` does without flows.",
                )

    # --- one run ------------------------------------------------------------------------------------------------

    def _carry_out(self, card: Card, flow: FlowSpec, key: RunKey, release: str | None) -> FlowRun:
        world = self._world
        work = _Work(card, flow, key, release, self._given(flow, key), world.log.now())
        world.log.append([flow_runs.started(key, release, world.now())])
        begun = world.clock()
        try:
            self._take_steps(work)
        finally:
            cleaned = self._clean_up(work)
        seen = self._wait(work)
        result, reason, events = judged(card, flow, release, seen)
        run = FlowRun(
            key=key,
            release=release,
            result=result,
            reason=reason,
            finished_at=world.now(),
            steps=tuple(work.steps),
            event_ids=tuple(str(event.id) for event in events[:5]),
            arrived_after_s=round(world.clock() - begun, 3) if seen.matched else None,
            cleaned=cleaned,
            remarks=tuple(_remarks(events, cleaned=cleaned, unnamed=work.unnamed)),
        )
        world.log.append([flow_runs.finished(run)])
        return run

    def _given(self, flow: FlowSpec, key: RunKey) -> dict[str, Any]:
        session = self._world.session
        given: dict[str, Any] = {
            "correlation_id": key.run_id,
            "email": session.account.email,
            "run_id": key.run_id,
            "user_id": session.user_id,
        }
        if flow.amount is not None:
            given["amount"] = int(flow.amount) if flow.amount == int(flow.amount) else flow.amount
        return given

    def _take_steps(self, work: _Work) -> None:
        for step in work.flow.steps:
            if step.when and not work.known.get(step.when):
                continue
            done, answer = self._send(work, step)
            work.steps.append(done)
            if not done.ok:
                return
            work.known |= extracted(step, answer)
            work.unnamed = work.unnamed or _names_no_payment(work, step)
            self._remember(work, step)

    def _remember(self, work: _Work, step: StepSpec) -> None:
        """Write down what has to be cleaned up before anything else happens."""
        if kept_for_cleanup(work.flow, {name: work.known[name] for name in step.extract if name in work.known}):
            ids = kept_for_cleanup(work.flow, work.known)
            row = flow_runs.reached(work.key, work.release, self._world.now(), step.name, ids)
            self._world.log.append([row])

    def _clean_up(self, work: _Work) -> bool:
        """Whether nothing is left behind."""
        clean = not (work.in_doubt and work.flow.cleanup) and not work.unnamed
        for step in work.flow.cleanup:
            if step.when and not work.known.get(step.when):
                continue
            if any(name not in work.known for name in _names_in(step)):
                continue  # nothing was made that this step would remove
            done, _ = self._send(work, step)
            clean = clean and done.ok
        return clean

    def _send(self, work: _Work, step: StepSpec) -> tuple[StepRun, Any]:
        """One request; what the app refuses is a value, and what we must not do is raised."""
        key = work.key.idempotency_key(step.name)
        known = {**work.known, "idempotency_key": key}
        try:
            path, params = _address(step.path, known)
            body = filled(step.body, known)
        except Missing as missing:
            return StepRun(step.name, None, ok=False, note=str(missing)), None
        capped(work.flow, step, body, where=work.card.path)
        try:
            reply = self._world.client.request(
                step.method,
                path,
                params=params,
                json=body if body or step.method in ("POST", "PATCH") else None,
                headers={"x-correlation-id": work.key.run_id, "idempotency-key": key},
                # The key makes a repeat harmless, but where money moves the app's word for that is not taken.
                repeatable=None if work.flow.moves_money else True,
                allow=step.expect,
            )
        except RateLimited as error:
            work.limited = True
            return StepRun(step.name, error.status, ok=False, note=error.what), None
        except ServiceError as error:
            work.in_doubt = work.in_doubt or isinstance(error, Unreachable) or (error.status or 0) >= 500
            return StepRun(step.name, error.status, ok=False, note=error.what), None
        except SafeModeRefusal as refusal:  # of where the app redirects to: its answer all the same
            return StepRun(step.name, None, ok=False, note=refusal.what), None
        if reply.status not in step.expect:
            note = f"{step.method} {path} answered {reply.status}, which the card does not expect"
            return StepRun(step.name, reply.status, ok=False, note=note), None
        return StepRun(step.name, reply.status, ok=True), _json(reply) if step.extract else None

    # --- its event ----------------------------------------------------------------------------------------------

    def _wait(self, work: _Work) -> RunObservation:
        world = self._world
        patience = duration(work.flow.arrives_within).total_seconds()
        if work.failure:
            patience = min(patience, AFTER_A_REFUSAL)
        until, pause = world.clock() + patience, FIRST_PAUSE
        while not (matched := self._matched(work)) and not work.limited and world.clock() < until:
            world.sleep(min(pause, max(until - world.clock(), 0.0)))
            pause = min(2 * pause, LONGEST_PAUSE)
        return RunObservation(
            answered=not work.failure,
            matched=matched,
            unmatched=() if matched else self._unmatched(work),
            others=bool(matched) or self._others(work),
            failed_at=work.failure,
            limited=work.limited,
        )

    def _matched(self, work: _Work) -> Sequence[Event]:
        query = Query(environment=work.key.environment, providers=(work.card.id,), correlation_id=work.key.run_id)
        wanted = {work.flow.event, *work.card.events.error}
        return [event for event in self._world.log.select(query) if event.event in wanted]

    def _unmatched(self, work: _Work) -> Sequence[Event]:
        query = replace(
            self._since(work), providers=(work.card.id,), events=(work.flow.event,), synthetic=True, limit=100
        )
        return [event for event in self._world.log.select(query) if event.correlation_id is None]

    def _others(self, work: _Work) -> bool:
        rows = self._world.log.select(replace(self._since(work), newest_first=True, limit=200))
        return any(row.provider != OURSELVES for row in rows)

    def _since(self, work: _Work) -> Query:
        environment = work.key.environment
        if self._world.log.capabilities.has("recorded_at"):
            return Query(environment=environment, recorded_since=work.since)
        return Query(environment=environment, since=work.since)

    # --- what was left ------------------------------------------------------------------------------------------

    def _recovered(self, card: Card, flow: FlowSpec, left: Unfinished) -> FlowRun | None:
        may_resend = not flow.moves_money or card.id in self._world.test_paths
        if left.result is None and left.key.purpose == self._purpose and may_resend:
            return self._carry_out(card, flow, left.key, left.release)
        return self._tidied(card, flow, left, may_resend=may_resend)

    def _tidied(self, card: Card, flow: FlowSpec, left: Unfinished, *, may_resend: bool) -> FlowRun | None:
        """Clean up after a run that is over. What it made is learned from the log, or by asking the app again
        with the same idempotency keys: it answers with what it did then."""
        world = self._world
        known = {**self._given(flow, left.key), **left.extracted}
        work = _Work(card, flow, left.key, left.release, known, world.log.now())
        answered = left.result is not None and all(step.ok for step in left.result.steps)
        if flow.cleanup and not left.extracted and may_resend and not answered:
            self._take_steps(work)
        learned = bool(left.extracted) or (may_resend and not answered) or not flow.cleanup
        clean = self._clean_up(work) and learned
        run = left.result or FlowRun(
            key=left.key,
            release=left.release,
            result=Result.ABANDONED,
            reason="it was killed, and a later run tidied up after it",
            finished_at=world.now(),
            cleaned=clean,
        )
        if left.result is None:
            world.log.append([flow_runs.finished(run)])
        elif clean:
            world.log.append([flow_runs.cleaned(run, world.now())])
        return run if left.result is None else None


def why_skipped(card: Card, flow: FlowSpec, test_paths: frozenset[str]) -> str | None:
    """Why a flow is not run, if it is not: said in the report instead of a verdict."""
    if flow.moves_money and card.id not in test_paths:
        return f"it moves money: off until [providers.{card.id}] test_path = true"
    return None


class FlowStage:
    """Runs a check's flow as often as its verdict needs, within the budget of the card, and no more."""

    def __init__(self, world: FlowContext) -> None:
        self._world = world
        self._rests: dict[tuple[str, str], tuple[float, float]] = {}
        """By provider and flow: until when no run is spent on what stopped the last one, and for how long that is."""

    def __call__(self, card: Card, check: FlowCheck, deployment: Deployment) -> Finding:
        """The finding over all runs that the log holds for this deployment, after those still needed.

        Raises what :meth:`FlowRunner.run` raises.
        """
        flow = next(flow for flow in card.flows if flow.id == check.flow)
        runner = FlowRunner(self._world, purpose=purpose_of(deployment), release=deployment.release)
        runner.recover(card, flow)
        runs = list(runner.past(card, flow))
        while flow_verdict.decide(flow, runs).another and not self._rests_after(card, flow):
            runs.append(runner.run(card, flow))
            if flow_verdict.stops_for_now(runs[-1]):
                self._rest(card, flow)
                break
            self._rests.pop((card.id, flow.id), None)
        return flow_verdict.verdict_of(card.id, check, flow, runs)

    def _rests_after(self, card: Card, flow: FlowSpec) -> bool:
        until, _ = self._rests.get((card.id, flow.id), (-math.inf, 0.0))
        return self._world.clock() < until

    def _rest(self, card: Card, flow: FlowSpec) -> None:
        _, last = self._rests.get((card.id, flow.id), (0.0, FIRST_REST / 2))
        rest = min(2 * last, LONGEST_REST)
        self._rests[card.id, flow.id] = self._world.clock() + rest, rest


def purpose_of(deployment: Deployment) -> str:
    """What a verification's flows are run for: one deployment, so that deploying a release again starts afresh."""
    return f"{deployment.release}@{deployment.deployed_at.isoformat()}"


def _address(path: str, known: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """The path with its placeholders filled and quoted, and the parameters of its query."""
    plain, _, query = path.partition("?")
    filled_path = PLACEHOLDER.sub(lambda match: quoted(str(filled(match[0], known))), plain)
    params = {name: str(filled(value, known)) for name, value in parse_qsl(query, keep_blank_values=True)}
    return filled_path, params


def _names_no_payment(work: _Work, step: StepSpec) -> bool:
    """Whether money may have moved and the answer does not say what there is to take back."""
    needed = needed_for_cleanup(work.flow) & step.extract.keys()
    return work.flow.moves_money and not needed <= work.known.keys()


def _names_in(step: StepSpec) -> set[str]:
    return {*placeholders(step.path), *placeholders(step.body)} - {"idempotency_key"}


def _json(reply: Any) -> Any:
    try:
        return reply.json()
    except ServiceError:
        return None


def _remarks(events: Sequence[Event], *, cleaned: bool, unnamed: bool) -> Sequence[str]:
    remarks = []
    if any(not event.synthetic for event in events):
        remarks.append("the app does not mark the test user's events as synthetic, so they count as traffic")
    if unnamed:
        remarks.append(flow_runs.UNNAMED)
    elif not cleaned:
        remarks.append(flow_runs.NOT_CLEANED)
    return remarks
