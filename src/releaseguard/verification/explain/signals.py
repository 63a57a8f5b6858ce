"""Sentences about a share of errors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from releaseguard import readable
from releaseguard.model import Verdict
from releaseguard.stats.batches import DailyBatch
from releaseguard.stats.bounds import lower_share, upper_share
from releaseguard.verification.evidence import AtThisTime, OtherReleases, SignalEvidence, UsualErrors
from releaseguard.verification.explain.shared import others_serve, shared_evidence
from releaseguard.verification.explain.words import (
    called,
    evidence_words,
    leaning_words,
    left_of,
    minutes_for,
    more_words,
    rounded,
    silence_words,
    span,
    strayed_words,
    stretch,
    text,
    window,
    would_change,
)
from releaseguard.verification.judge.failures import level_at_times
from releaseguard.verification.judge.log import silence_of
from releaseguard.verification.judge.pre_deployment import FAILING
from releaseguard.verification.judge.state import ErrorState, Failure, ReleaseState
from releaseguard.verification.judge.verdicts import (
    SUSPICION,
    are_of_nobody,
    clean_events_needed,
    events_needed,
    exceeds,
    failed_batch,
    has_room,
    is_meant,
    limit_of,
    outgrows,
    outnumbers,
)
from releaseguard.verification.judge.weighing.others import sums
from releaseguard.verification.judge.weighing.trouble import PriorTrouble
from releaseguard.verification.values import Rule
from releaseguard.verification.whose.foretold import REMOVED_WORDS

MOST_NAMES = 5
"""The most names of unknown events that are listed."""
LONGEST_NAME = 80


def explain_signal(state: ReleaseState, rule: Rule, verdict: Verdict) -> tuple[str, SignalEvidence]:
    """The sentence about a signal rule, and its evidence."""
    evidence = _evidence(state, rule, verdict)
    return _words(state, rule, verdict, evidence) + _unknown_words(state.errors[rule.id]), evidence


def _evidence(state: ReleaseState, rule: Rule, verdict: Verdict) -> SignalEvidence:
    held, base = state.errors[rule.id], state.known.errors[rule.id]
    confidence = state.promise.confidence
    events, errors = held.counted
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
        needed_minutes=minutes_for(needed, state.expected(rule) / state.length * _served(held)),
        unknown_events=_most_of(held.strays),
        began_before_deployment=held.trouble is not None,
        ceiling=rule.ceiling,
        at_this_time=_at_this_time(held),
        level_before=rounded(held.prior.level.share) if held.prior is not None else None,
        would_change=would_change(verdict),
        **shared_evidence(state, rule),
    )


def _served(held: ErrorState) -> float:
    """The release's part of the events, where others serve next to it."""
    own = held.counted[0] + 1.0
    return own / (own + held.old_events)


def _most_of(strays: Counter[str]) -> Mapping[str, int]:
    """The most frequent names, shortened, since an app may write anything there."""
    first = sorted(strays.items(), key=lambda named: (-named[1], named[0]))[:MOST_NAMES]
    return {name[:LONGEST_NAME]: count for name, count in first}


def _unknown_words(held: ErrorState) -> str:
    if not held.strays:
        return ""
    names = ", ".join(f"{name} ({count})" for name, count in _most_of(held.strays).items())
    return f"; among them errors by events that no card names: {names}"


def _words(state: ReleaseState, rule: Rule, verdict: Verdict, evidence: SignalEvidence) -> str:
    if failure := state.failures.get(rule.id):
        return _failed(state, rule, verdict, failure)
    observed = f"observed {evidence.errors} errors of {evidence.events} events in {span(state)} {_usual(state, rule)}"
    if evidence.at_this_time is not None:
        observed += _at_this_time_words(evidence.at_this_time)
    limit = f"{evidence.limit:.1%}"
    if rule.id in state.alike or rule.id in state.harmed:
        return f"{observed}; {_others_words(state, rule)}"
    if is_meant(state, rule):
        return f"{observed}; {REMOVED_WORDS}"
    held = state.errors[rule.id]
    if verdict is Verdict.PASS:
        return f"{observed}; {_recovered(held)}needed confidence that it is below {limit}, and has it"
    if failed := failed_batch(state, held):
        return f"{observed}; {_failed_batch_words(state, *failed)}"
    if held.trouble:
        return f"{observed}; {_trouble_words(state, held, held.trouble)}"
    return f"{observed}; {_recovered(held, to_pass=True)}{_why_undecided(state, rule, evidence, limit)}"


def _recovered(held: ErrorState, *, to_pass: bool = False) -> str:
    """Errors that began before the release are over."""
    if held.prior is None:
        return ""
    level = f"{held.prior.level.share:.0%}" + (", too early to pass" if to_pass else "")
    return f"recovered from errors that began before the deployment, at a level of {level}; "


def _usual(state: ReleaseState, rule: Rule) -> str:
    base = state.known.errors[rule.id]
    if not base.events:
        return "with no baseline: nothing that it counts was logged before this release"
    return f"where the baseline is {base.share:.1%} of {base.events}"


def _at_this_time(held: ErrorState) -> AtThisTime | None:
    """Minutes with a usual share of their own."""
    events, level = level_at_times(held)
    return AtThisTime(events, sums(held.at_times.values())[1], rounded(level.share)) if events else None


def _at_this_time_words(found: AtThisTime) -> str:
    return (
        f"; besides {found.errors} errors of {found.events} events at a time of day at which {found.usual:.0%} is usual"
    )


def _others_words(state: ReleaseState, rule: Rule) -> str:
    """Other releases fail more often since this one was deployed, with it or alone."""
    if both := state.alike.get(rule.id):
        return (
            f"the old release worsened alike in the same minutes, with {both.old_errors} errors of {both.old_events} "
            f"beside {both.errors} of {both.events}: either the provider is in trouble, or something that both share, "
            "such as a migration of this release; look at both before rolling back"
        )
    both = state.harmed[rule.id]
    if are_of_nobody(state, rule):
        return (
            f"{both.old_errors} errors carry other releases, which had no success at any provider: they may be this "
            "release's, under another tag; have what writes errors write the deployed release"
        )
    if state.errors[rule.id].prior is not None:
        return (
            f"harm to others: {others_serve(state)} with {both.old_errors} errors of {both.old_events}, and this one "
            f"{both.errors} of {both.events}; they began {state.known.errors_before[rule.id].began} min before it was "
            "live: a step of this release that ran before it, such as a migration, or an incident of the old one"
        )
    return (
        f"harm to others: {others_serve(state)} with {both.old_errors} errors of {both.old_events} since this release "
        f"came, and this one {both.errors} of {both.events}: the cause may be something that both share, such as a "
        "migration of this release, or the provider"
    )


def _failed_batch_words(state: ReleaseState, batch: DailyBatch, events: int, errors: int) -> str:
    """A batch failed, and why that does not fail the release."""
    at = readable.clock(text(state.deployed + batch.at))
    return (
        f"{errors} of {events} events of the daily batch at about {at} "
        "failed: a batch is one event, too little to fail a release and too much to pass it; look at the job"
    )


def _trouble_words(state: ReleaseState, held: ErrorState, trouble: PriorTrouble) -> str:
    """What became of errors that began before the deployment."""
    events, errors = trouble.counted
    level = f"{trouble.level.share:.0%}"
    began = f"errors began before the deployment, at a level of {level}"
    if state.known.trouble[held.rule.id] < FAILING:
        began = f"errors may have begun before the deployment, at a level of {level}"
    if not events:
        return f"{began}; nothing of this release came since, so nobody knows whether they are over"
    if trouble.is_recovering and errors < trouble.level.share * events:
        more = trouble.recovery.needed(trouble.recovered_at)
        return f"{began}; recovered, too early to pass: needed about {more} more without an error to call it over"
    if outgrows(state, held):
        return f"{began}, which are excused up to it and no more; what fails is above it, but not by enough to be sure"
    return f"{began}, and are not known to be over, so they are not held against this release up to that level"


def _failed(state: ReleaseState, rule: Rule, verdict: Verdict, failure: Failure) -> str:
    if failure.expected:
        return f"{_number(failure)}; {evidence_words(state, failure)}; therefore {called(verdict)}"
    usual = _usual(state, rule)
    if failure.usual is not None:
        usual = f"where the baseline is {failure.usual:.1%} at this time of day"
    observed = f"observed {failure.errors} errors of {failure.events} events in {stretch(failure)} {usual}"
    return f"{observed}; {_harm(state, rule, failure)}; {evidence_words(state, failure)}; therefore {called(verdict)}"


def _number(failure: Failure) -> str:
    """More errors than usual, where nothing but errors is logged."""
    return (
        f"observed {failure.errors} errors in {stretch(failure)} where no more than {failure.expected:.1f} are usual; "
        "nothing but errors is logged of it, so that only their number tells"
    )


def _harm(state: ReleaseState, rule: Rule, failure: Failure) -> str:
    """The share from which it is harm, by what the release is compared with."""
    if not state.known.errors[rule.id].events and rule.ceiling is not None:
        return f"without a history harm begins at the ceiling of {rule.ceiling:.0%}"
    if trouble := state.errors[rule.id].trouble:
        return f"an incident from before the deployment excuses its own level of {trouble.level.share:.0%} and no more"
    limit = limit_of(state, rule)
    above = failure.errors >= limit * failure.events
    return f"harm begins at {limit:.1%}" if above else "that is more than chance explains"


def _first_pass(state: ReleaseState, rule: Rule) -> str:
    """What a PASS takes where nothing is known yet."""
    events = clean_events_needed(rule, state.promise.confidence)
    own = f", and about {events} of the release without an error" if events is not None else ""
    return f"; a PASS needs events from before the deployment{own}"


def _ceiling(state: ReleaseState, rule: Rule) -> str:
    """Whether more fails than a provider without a history may."""
    if rule.ceiling is None:
        return ""
    found = "exceeded, but not by enough to be sure" if exceeds(state, state.errors[rule.id]) else "not exceeded"
    return f"; its ceiling of {rule.ceiling:.0%} is {found}"


def _without_room(state: ReleaseState, rule: Rule) -> str:
    """What errors say where nearly all rows are errors: only their number counts."""
    said = "the usual share is so high that the rise the card calls harm does not fit above it: nothing can exclude it"
    if not outnumbers(state, state.errors[rule.id]):
        return said
    return f"{said}; by their number they are too many: {state.known.expected_events(rule, state.elapsed):.1f} is usual"


def _why_undecided(state: ReleaseState, rule: Rule, evidence: SignalEvidence, limit: str) -> str:
    cause = silence_of(state, rule)
    if cause:
        return silence_words(state, rule, cause)
    if state.is_partly_elsewhere(rule) and (strayed := strayed_words(state, rule)):
        return strayed
    if evidence.events and evidence.tagged * 2 < evidence.events:
        return "most of them carry no release, so they cannot be held for or against it"
    if not state.known.errors[rule.id].events:
        first = "first used by this release, so there is no history to compare with"
        return f"{first}{_ceiling(state, rule)}{_first_pass(state, rule)}"
    if not has_room(state, rule):
        return _without_room(state, rule)
    if evidence.e_value > SUSPICION:
        return leaning_words(state, "the newest of them")
    if evidence.needed_events is None:
        return f"no number of events that can be waited for would exclude {limit}"
    return more_words(left_of(state), evidence.needed_events, evidence.needed_minutes, limit)
