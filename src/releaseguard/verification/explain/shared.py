"""The evidence that all rules show: the checklist's e-value, and what failed the rule."""

from __future__ import annotations

from typing import TypedDict

from msgspec import UNSET

from releaseguard.stats.silence import SilenceCause
from releaseguard.verification.evidence import FailedOn, FinalLookEvidence
from releaseguard.verification.explain.words import rounded, text
from releaseguard.verification.judge.log import silence_of
from releaseguard.verification.judge.state import Failure, FinalLook, ReleaseState
from releaseguard.verification.values import Rule


class Shared(TypedDict):
    """The fields of :class:`~releaseguard.verification.evidence.RuleEvidence` that every rule fills in the same way."""

    checklist_e_value: float
    threshold: float
    last_look: FinalLookEvidence | None
    failed_at: str | None
    failed_on: FailedOn | None
    silence_cause: SilenceCause | None


def others_serve(state: ReleaseState) -> str:
    """Who serves next to the release, as the beginning of a sentence: the release before it, or any other."""
    serving = {tag for tag, rows in state.traffic.others.items() if any(rows)}
    before = frozenset[str]().union(*state.known.tags.values())
    if len(serving) <= 1 and serving <= before:
        return "the old release, which still serves,"
    return "other releases, which serve beside this one,"


def shared_evidence(state: ReleaseState, rule: Rule) -> Shared:
    """What the checklist as a whole says, and what failed the rule, if anything."""
    failure = state.failures.get(rule.id)
    return {
        "checklist_e_value": rounded(state.peak),
        "threshold": rounded(state.threshold),
        "last_look": _final_look(state.final_looks.get(rule.id)),
        "failed_at": text(failure.minute) if failure else None,
        "failed_on": _failed_on(rule, failure) if failure else None,
        "silence_cause": failure.cause if failure else silence_of(state, rule),
    }


def _failed_on(rule: Rule, failure: Failure) -> FailedOn:
    of_errors = rule.kind == "signal"
    return FailedOn(
        since=text(failure.since),
        events=failure.events,
        errors=failure.errors if of_errors else UNSET,
        expected=UNSET if of_errors else rounded(failure.expected),
    )


def _final_look(final_look: FinalLook | None) -> FinalLookEvidence | None:
    """The test at the window's end; ``None`` before it, and where a later deployment ended the window."""
    if final_look is None:
        return None
    return FinalLookEvidence(text(final_look.minute), rounded(final_look.chance), rounded(final_look.allowed))
