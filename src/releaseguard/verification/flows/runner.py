"""Runs synthetic flows: a test user acts in the app's own backend, and the log shows the result.

The provider is never called from here: the app calls it, as it does for every user, and writes its event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from releaseguard.cards.spec import Card, FlowSpec
from releaseguard.errors import ConfigError, Refused
from releaseguard.eventlog.interface import Query
from releaseguard.model import OURSELVES, Event, Outcome
from releaseguard.verification.flows import rows
from releaseguard.verification.flows.arrival import wait
from releaseguard.verification.flows.context import FlowContext
from releaseguard.verification.flows.execution import FlowExecution
from releaseguard.verification.flows.outcome import (
    RunOutcome,
    cannot_be_told,
    is_unknown_request,
    not_this_apps,
    outcome_of,
)
from releaseguard.verification.flows.runs import NOT_CLEANED, UNNAMED, FlowRun, Result, RunKey, Unfinished
from releaseguard.verification.flows.templates import Filling, requests_of

TIDY_WITHIN = timedelta(days=7)
"""How far back runs are searched for that left something behind."""
IDS_WITHIN = timedelta(days=1)
MOST_ROWS = 200
"""The most of a provider's rows that are searched for correlation ids."""
MOST_PASSED = 50
"""The number of passed runs, newest first, among which the same requests are searched for."""


class FlowRunner:
    """Runs the flows for one purpose: a release that is verified, or a rotation that is proven.

    A flow's event must come from ``release``; where it is ``None`` any release will do.
    """

    def __init__(self, context: FlowContext, *, purpose: str, release: str | None) -> None:
        self._context = context
        self._purpose = purpose
        self._release = release

    def past(self, card: Card, flow: FlowSpec) -> Sequence[FlowRun]:
        """The runs for this purpose that have ended, oldest first."""
        return [run for run in rows.runs_in(self._rows(card, flow)) if run.key.purpose == self._purpose]

    def run(self, card: Card, flow: FlowSpec) -> FlowRun:
        """Run the flow once and wait for its event; a run for this purpose that was killed is continued.

        Raises ``Refused`` for money without a test path, an account that is not a test user's, or a log that cannot
        tell synthetic events apart; ``ConfigError`` for an amount above the card's cap. Whatever happens, everything
        that was made is cleaned up, at the latest by the next run.
        """
        _check_log(self._context)
        _check_money(self._context, card, flow)
        self._context.session.sign_in(self._context.client)
        return self._carry_out(card, flow, self._next_key(card, flow), self._release)

    def recover(self, card: Card, flow: FlowSpec) -> Sequence[FlowRun]:
        """Finish what earlier processes left: continue runs for this purpose, and clean up after the others."""
        left = rows.unfinished_in(self._rows(card, flow))
        if not left:
            return ()
        _check_log(self._context)
        self._context.session.sign_in(self._context.client)
        return [run for one in left if (run := self._recovered(card, flow, one)) is not None]

    def _rows(self, card: Card, flow: FlowSpec) -> Sequence[Event]:
        query = replace(self._query(card, flow), events=rows.EVENTS, since=self._context.now() - TIDY_WITHIN)
        return list(self._context.log.select(query))

    def _query(self, card: Card, flow: FlowSpec) -> Query:
        """The query for all rows of this flow's runs."""
        return Query(
            environment=self._context.environment,
            providers=(OURSELVES,),
            detail={"provider": card.id, "flow": flow.id},
        )

    def _next_key(self, card: Card, flow: FlowSpec) -> RunKey:
        number = max((run.key.number for run in self.past(card, flow)), default=0) + 1
        return RunKey(
            environment=self._context.environment,
            purpose=self._purpose,
            provider=card.id,
            flow=flow.id,
            number=number,
        )

    def _carry_out(self, card: Card, flow: FlowSpec, key: RunKey, release: str | None) -> FlowRun:
        context = self._context
        execution = FlowExecution(context, card, flow, key, release, self._given(flow, key), context.log.now())
        context.log.append([rows.started(key, release, context.now())])
        begun = context.clock()
        try:
            execution.take_steps()
        finally:
            cleaned = execution.clean_up()
        seen = wait(execution)
        outcome = self._understood(card, flow, execution, outcome_of(card, flow, release, seen))
        run = FlowRun(
            key=key,
            release=release,
            result=outcome.result,
            reason=outcome.reason,
            finished_at=context.now(),
            steps=tuple(execution.steps),
            event_ids=tuple(str(event.id) for event in outcome.events[:5]),
            arrived_after_s=round(context.clock() - begun, 3) if seen.matched else None,
            cleaned=cleaned,
            remarks=tuple(_remarks(outcome.events, cleaned=cleaned, unnamed=self._leaves_unnamed(execution))),
            requests=requests_of(flow),
        )
        context.log.append([rows.finished(run)])
        return run

    def _understood(self, card: Card, flow: FlowSpec, run: FlowExecution, outcome: RunOutcome) -> RunOutcome:
        """The outcome, corrected where the app never had the request that failed."""
        if is_unknown_request(outcome, run.steps) and not self._has_passed(card, flow):
            return not_this_apps(card, flow, run.steps)
        if outcome.result is Result.NOT_ARRIVED and self._names_no_ids(card) and not self._has_passed(card, flow):
            return cannot_be_told(card, flow)
        return outcome

    def _names_no_ids(self, card: Card) -> bool:
        """Whether the provider has rows of the last day and none of them names its request."""
        since = self._context.now() - IDS_WITHIN
        query = Query(environment=self._context.environment, providers=(card.id,), since=since, limit=MOST_ROWS)
        found = list(self._context.log.select(replace(query, newest_first=True)))
        return bool(found) and not any(row.correlation_id for row in found)

    def _leaves_unnamed(self, run: FlowExecution) -> bool:
        """Whether something may be left behind that no later run can find."""
        doubtful = run.in_doubt and bool(run.flow.cleanup) and not self._context.may_repeat(run.flow)
        return run.unnamed or doubtful

    def _has_passed(self, card: Card, flow: FlowSpec) -> bool:
        """Whether the same requests ever passed in this environment, on any release."""
        query = replace(self._query(card, flow), events=(rows.FINISHED,), outcome=Outcome.SUCCESS)
        passed = rows.runs_in(self._context.log.select(replace(query, newest_first=True, limit=MOST_PASSED)))
        return any(not run.requests or list(run.requests) == list(requests_of(flow)) for run in passed)

    def _given(self, flow: FlowSpec, key: RunKey) -> dict[str, Filling]:
        """The values known before the first request."""
        session = self._context.session
        given: dict[str, Filling] = {
            "correlation_id": key.run_id,
            "email": session.account.email,
            "run_id": key.run_id,
            "user_id": session.user_id,
        }
        if flow.amount is not None:
            given["amount"] = int(flow.amount) if flow.amount == int(flow.amount) else flow.amount
        return given

    def _recovered(self, card: Card, flow: FlowSpec, left: Unfinished) -> FlowRun | None:
        may_resend = self._context.may_send(card, flow) and self._context.may_repeat(flow)
        if left.result is None and left.key.purpose == self._purpose and may_resend:
            return self._carry_out(card, flow, left.key, left.release)
        return self._tidied(card, flow, left, may_resend=may_resend)

    def _tidied(self, card: Card, flow: FlowSpec, left: Unfinished, *, may_resend: bool) -> FlowRun | None:
        """Clean up after a run that is over. What it made is known from the log, or from asking the app again with the
        same idempotency keys, which it answers with what it did then."""
        context = self._context
        known = {**self._given(flow, left.key), **left.extracted}
        execution = FlowExecution(context, card, flow, left.key, left.release, known, context.log.now())
        answered = left.result is not None and all(step.ok for step in left.result.steps)
        if flow.cleanup and not left.extracted and may_resend and not answered:
            execution.take_steps()
        learned = bool(left.extracted) or (may_resend and not answered) or not flow.cleanup
        clean = execution.clean_up() and learned
        if left.result is None:
            return self._abandoned(left, clean)
        if clean:
            context.log.append([rows.cleaned(left.result, context.now())])
        return None

    def _abandoned(self, left: Unfinished, clean: bool) -> FlowRun:
        run = FlowRun(
            key=left.key,
            release=left.release,
            result=Result.ABANDONED,
            reason="it was killed, and a later run tidied up after it",
            finished_at=self._context.now(),
            cleaned=clean,
        )
        self._context.log.append([rows.finished(run)])
        return run


def _check_money(context: FlowContext, card: Card, flow: FlowSpec) -> None:
    if not context.may_send(card, flow):
        raise Refused(
            f"the flow {flow.id} of {card.id} moves money",
            where=card.path or None,
            next_step=f"If the app's path is a test path, say so: [providers.{card.id}] test_path = true.",
        )


def _check_log(context: FlowContext) -> None:
    """Raise ``Refused`` for a log that cannot tell synthetic events apart, and ``ConfigError`` for one in which a run's
    events cannot be found."""
    columns = context.log.capabilities
    if not columns.has("synthetic"):
        raise Refused(
            "flows need the column synthetic: without it their events would count as traffic",
            where=context.log.label,
            next_step="Add the column, or map it under [events.columns]; `verify --no-flows` does without flows.",
        )
    for column in ("correlation_id", "release", "detail"):
        if not columns.has(column):
            raise ConfigError(
                f"flows need the column {column} to find their own events",
                where=context.log.label,
                next_step="Add it, or map it under [events.columns]; `verify --no-flows` does without flows.",
            )


def _remarks(events: Sequence[Event], *, cleaned: bool, unnamed: bool) -> Sequence[str]:
    remarks = []
    if any(not event.synthetic for event in events):
        remarks.append("the app does not mark the test user's events as synthetic, so they count as traffic")
    if unnamed:
        remarks.append(UNNAMED)
    elif not cleaned:
        remarks.append(NOT_CLEANED)
    return remarks
