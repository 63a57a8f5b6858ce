"""Waiting for a run's event to reach the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from releaseguard.eventlog.interface import Query
from releaseguard.model import OURSELVES, Event, duration
from releaseguard.verification.flows.execution import FlowExecution
from releaseguard.verification.flows.outcome import RunObservation

AFTER_A_REFUSAL = 5.0
"""Seconds to wait for the event of a failed request, which the same request writes."""
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0
"""Seconds between looks into the log while an event is waited for."""


def wait(run: FlowExecution) -> RunObservation:
    """Read the log until the event is there, or until the card's time limit."""
    matched = _awaited(run)
    return RunObservation(
        answered=not run.failure,
        matched=matched,
        unmatched=() if matched else _unmatched(run),
        others=bool(matched) or _others(run),
        failed_at=run.failure,
        limited=run.limited,
    )


def _awaited(run: FlowExecution) -> Sequence[Event]:
    context = run.context
    patience = duration(run.flow.arrives_within).total_seconds()
    if run.failure:
        patience = min(patience, AFTER_A_REFUSAL)
    if run.flow.proof == "answer" and not run.failure:
        patience = 0.0
    until, pause = context.clock() + patience, FIRST_PAUSE
    while not (matched := _matched(run)) and not run.limited and context.clock() < until:
        context.sleep(min(pause, max(until - context.clock(), 0.0)))
        pause = min(2 * pause, LONGEST_PAUSE)
    return matched


def _matched(run: FlowExecution) -> Sequence[Event]:
    query = Query(environment=run.key.environment, providers=(run.card.id,), correlation_id=run.key.run_id)
    wanted = {run.flow.event, *run.card.events.error}
    return [event for event in run.context.log.select(query) if event.event in wanted]


def _unmatched(run: FlowExecution) -> Sequence[Event]:
    query = replace(_since(run), providers=(run.card.id,), events=(run.flow.event,), synthetic=True, limit=100)
    return [event for event in run.context.log.select(query) if event.correlation_id is None]


def _others(run: FlowExecution) -> bool:
    rows = run.context.log.select(replace(_since(run), newest_first=True, limit=200))
    return any(row.provider != OURSELVES for row in rows)


def _since(run: FlowExecution) -> Query:
    environment = run.key.environment
    if run.context.log.capabilities.has("recorded_at"):
        return Query(environment=environment, recorded_since=run.since)
    return Query(environment=environment, since=run.since)
