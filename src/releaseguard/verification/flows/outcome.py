"""The outcome of a run, from what had reached the log when the wait ended. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from releaseguard.cards.spec import Card, FlowSpec
from releaseguard.model import Event, Outcome
from releaseguard.verification.flows.runs import Result, StepRun

UNKNOWN_REQUEST = frozenset({400, 401, 404, 405, 410, 415, 422})
"""Statuses that mean that the app does not have the request in this form; 401 where the sign-in was good."""


@dataclass(frozen=True, slots=True)
class RunObservation:
    """What had reached the log when the wait ended."""

    answered: bool
    """Whether every request was answered as expected."""
    matched: Sequence[Event]
    """The provider's events with the run's correlation id."""
    unmatched: Sequence[Event] = ()
    """The flow's events since the run began that are synthetic and have no correlation id."""
    others: bool = True
    """Whether any other traffic reached the log since then."""
    failed_at: str = ""
    """The request that failed, and how."""
    limited: bool = False


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """How a run ended, why, and the events on which this rests."""

    result: Result
    reason: str
    """A sentence."""
    events: Sequence[Event]


def outcome_of(card: Card, flow: FlowSpec, release: str | None, seen: RunObservation) -> RunOutcome:
    """The outcome of a run, whose event had to come from ``release`` where one is given."""
    good = [event for event in seen.matched if event.event == flow.event and event.outcome is Outcome.SUCCESS]
    bad = [event for event in seen.matched if event.event in card.events.error or event.outcome is Outcome.ERROR]
    if seen.limited:
        return RunOutcome(Result.LIMITED, f"the app's own limit stopped it: {seen.failed_at}", ())
    if bad:
        return _logged_an_error(seen, bad)
    if not seen.answered:
        return RunOutcome(Result.REFUSED, f"{seen.failed_at}, and no error was logged for it", good)
    if good:
        return _arrived(release, good)
    if flow.proof == "answer":
        return RunOutcome(Result.ANSWERED, "the app answered as the card expects, which no event can show", ())
    return _did_not_arrive(flow, seen)


def is_unknown_request(outcome: RunOutcome, steps: Sequence[StepRun]) -> bool:
    """Whether the app's answer is that of an app without this request, and its log shows nothing else."""
    failed = next((step for step in steps if not step.ok), None)
    return outcome.result is Result.REFUSED and not outcome.events and bool(failed and failed.status in UNKNOWN_REQUEST)


def not_this_apps(card: Card, flow: FlowSpec, steps: Sequence[StepRun]) -> RunOutcome:
    """The outcome where a flow that has never passed here requests something that the app does not have."""
    failed = next(step for step in steps if not step.ok)
    asked = next(f"{step.method} {step.path}" for step in (*flow.steps, *flow.cleanup) if step.name == failed.name)
    after = " after a good sign-in" if failed.status == 401 else ""
    reason = (
        f"the app has no such request: {asked} answered {failed.status}{after}, and this flow has never passed "
        "here, so it says nothing of the release; write the app's own: "
        f'[providers.{card.id}.flows.{flow.id}] path = "..."'
    )
    return RunOutcome(Result.NOT_THIS_APP, reason, ())


def cannot_be_told(card: Card, flow: FlowSpec) -> RunOutcome:
    """The outcome where nothing arrived that could be the run's, in a log whose rows never name their request."""
    reason = (
        f"no row of {card.name} says its correlation_id, so {flow.event} of this run cannot be told from others: the "
        "app has to pass x-correlation-id on to its events"
    )
    return RunOutcome(Result.UNMATCHED, reason, ())


def _logged_an_error(seen: RunObservation, bad: Sequence[Event]) -> RunOutcome:
    code = f" ({bad[0].error_code})" if bad[0].error_code else ""
    if seen.answered:
        return RunOutcome(Result.LIED, f"the app answered that all is well and logged {bad[0].event}{code}", bad)
    return RunOutcome(Result.ERROR, f"{seen.failed_at}, and {bad[0].event}{code} was logged", bad)


def _arrived(release: str | None, good: Sequence[Event]) -> RunOutcome:
    ours = [event for event in good if release is None or event.release == release]
    if ours:
        where = f" from release {release}" if release else ""
        return RunOutcome(Result.ARRIVED, f"{ours[0].event} arrived{where}", ours)
    others = sorted({event.release for event in good if event.release is not None})
    if others:
        return RunOutcome(
            Result.OLD_RELEASE, f"{good[0].event} arrived from release {others[0]}, not from {release}", good
        )
    return RunOutcome(
        Result.UNTAGGED, f"{good[0].event} arrived without a release, so it does not prove {release}", good
    )


def _did_not_arrive(flow: FlowSpec, seen: RunObservation) -> RunOutcome:
    if seen.unmatched:
        reason = f"{flow.event} arrived without a correlation id: the app has to pass x-correlation-id on to its events"
        return RunOutcome(Result.UNMATCHED, reason, seen.unmatched)
    if not seen.others:
        reason = f"neither {flow.event} nor any other event reached the log within {flow.arrives_within}"
        return RunOutcome(Result.LOG_SILENT, reason, ())
    reason = f"the app answered that all is well, and no {flow.event} arrived within {flow.arrives_within}"
    return RunOutcome(Result.NOT_ARRIVED, reason, ())
