"""What is said of a share of errors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from releaseguard.model import Verdict
from releaseguard.stats.bounds import lower_share, upper_share
from releaseguard.verification.evidence import OtherReleases, SignalEvidence, UsualErrors
from releaseguard.verification.explain.shared import shared_evidence
from releaseguard.verification.explain.words import (
    at_todays_rate,
    called,
    evidence_words,
    minutes_for,
    rounded,
    silence_words,
    span,
    stretch,
    window,
    would_change,
)
from releaseguard.verification.judge.log import silence_of
from releaseguard.verification.judge.state import ErrorState, Failure, ReleaseState
from releaseguard.verification.judge.verdicts import SUSPICION, events_needed, has_room, limit_of
from releaseguard.verification.values import Rule

MOST_NAMES = 5
"""Of events that no card names."""
LONGEST_NAME = 80


def explain_signal(state: ReleaseState, rule: Rule, verdict: Verdict) -> tuple[str, SignalEvidence]:
    """The sentence about a signal rule, and its evidence."""
    evidence = _evidence(state, rule, verdict)
    return _words(state, rule, verdict, evidence) + _unknown_words(state.errors[rule.id]), evidence


def _evidence(state: ReleaseState, rule: Rule, verdict: Verdict) -> SignalEvidence:
    held, base = state.errors[rule.id], state.known.errors[rule.id]
    confidence = state.promise.confidence
    events, errors = _counted(held)
    needed = events_needed(state, rule) if verdict is Verdict.INCONCLUSIVE and base.events else None
    return SignalEvidence(
        window=window(state),
        events=events,
        errors=errors,
        error_share=rounded(errors / events) if events else None,
        interval=[
            rounded(lower_share(errors, events, confidence)),
            rounded(upper_share(errors, events, confidence)),
        ],
        baseline=UsualErrors(base.events, base.errors, rounded(base.share), rounded(base.bound)),
        limit=rounded(limit_of(state, rule)),
        e_value=rounded(held.value),
        other_releases=OtherReleases(held.old_events, held.old_errors),
        tagged=held.tagged,
        needed_events=needed,
        needed_minutes=minutes_for(needed, state.expected(rule) / state.length),
        unknown_events=_most_of(held.strays),
        began_before_deployment=held.trouble is not None,
        would_change=would_change(verdict),
        **shared_evidence(state, rule),
    )


def _counted(held: ErrorState) -> tuple[int, int]:
    """The events and errors to tell of: while an incident from before goes on, those that are excused by it."""
    return (held.events, held.errors) if held.trouble is None else held.excused


def _most_of(strays: Counter[str]) -> Mapping[str, int]:
    """The most frequent names, each cut, since an app may write anything there."""
    first = sorted(strays.items(), key=lambda named: (-named[1], named[0]))[:MOST_NAMES]
    return {name[:LONGEST_NAME]: count for name, count in first}


def _unknown_words(held: ErrorState) -> str:
    if not held.strays:
        return ""
    names = ", ".join(f"{name} ({count})" for name, count in _most_of(held.strays).items())
    return f"; among them errors by events that no card names: {names}"


def _words(state: ReleaseState, rule: Rule, verdict: Verdict, evidence: SignalEvidence) -> str:
    base = state.known.errors[rule.id]
    usual = f"where the baseline says {base.share:.1%} of {base.events}" if base.events else "with no baseline"
    if failure := state.failures.get(rule.id):
        return _failed(state, rule, verdict, failure, usual)
    observed = f"observed {evidence.errors} errors of {evidence.events} events in {span(state)} {usual}"
    limit = f"{evidence.limit:.1%}"
    if verdict is Verdict.PASS:
        return f"{observed}; needed confidence that it is below {limit}, and has it"
    if evidence.began_before_deployment:
        began = "errors began before the deployment and are not known to be over"
        return f"{observed}; {began}, so they are not held against this release"
    return f"{observed}; {_why_undecided(state, rule, evidence, limit)}"


def _failed(state: ReleaseState, rule: Rule, verdict: Verdict, failure: Failure, usual: str) -> str:
    observed = f"observed {failure.errors} errors of {failure.events} events in {stretch(failure)} {usual}"
    limit = limit_of(state, rule)
    above = failure.errors >= limit * failure.events
    harm = f"harm begins at {limit:.1%}" if above else "that is more than chance explains"
    return f"{observed}; {harm}; {evidence_words(state, failure)}; therefore {called(verdict)}"


def _why_undecided(state: ReleaseState, rule: Rule, evidence: SignalEvidence, limit: str) -> str:
    cause = silence_of(state, rule)
    if cause:
        return silence_words(state, rule, cause)
    if evidence.events and evidence.tagged * 2 < evidence.events:
        return "most of them carry no release, so they cannot be held for or against it"
    if not state.known.errors[rule.id].events:
        return "needed some history to compare with, and there is none"
    if not has_room(state, rule):
        return "so many are usual that the rise which the card calls harm has no room: nothing can exclude it"
    if evidence.e_value > SUSPICION:
        leaning = f"the newest lean towards a rise (e-value {evidence.e_value:g})"
        return f"{leaning}; needed at most {SUSPICION:g} for a pass"
    if evidence.needed_events is None:
        return f"no number of events that can be waited for would exclude {limit}"
    return f"needed about {evidence.needed_events} more to exclude {limit}{at_todays_rate(evidence.needed_minutes)}"
