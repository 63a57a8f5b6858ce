"""Weighs the new release's errors against their usual share, a ceiling, and the old release."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from releaseguard.stats.cusum import RecoveryCusum
from releaseguard.stats.evidence.control import Pair
from releaseguard.stats.evidence.errors import ErrorProcess, ShareProcess, against_incident, against_trouble
from releaseguard.stats.evidence.laws import KnownShare
from releaseguard.verification.judge import checklist
from releaseguard.verification.judge.arrivals import Arrived
from releaseguard.verification.judge.state import ErrorState, ReleaseState
from releaseguard.verification.judge.weighing.errors import ErrorTests, error_tests
from releaseguard.verification.judge.weighing.numbers import weigh_number
from releaseguard.verification.judge.weighing.others import HARM_TO_OTHERS
from releaseguard.verification.judge.weighing.trouble import RETURNS, Doubt, PriorTrouble, likely
from releaseguard.verification.values import Rule

Batches = list[tuple[int, int, int]]
"""What arrived: minute, events, errors."""
Minutes = dict[int, tuple[int, int]]
"""Minute -> events and errors."""


def learn_usual(state: ReleaseState) -> None:
    """Take over what is known of the time before: what is usual, and which errors began before the deployment."""
    for errors in state.errors.values():
        if errors.tests is None:
            errors.times = state.known.times[errors.rule.id]
            errors.tests = _tests(state, errors.rule)
            errors.others = _against_others(state, errors.rule)
        if state.known.in_incident(errors.rule) and errors.events == 0 and errors.prior is None:
            errors.prior = _prior_trouble(state, errors.rule)
            if not state.may_be_of_its_steps(errors.rule):
                errors.others = against_incident(errors.prior.level, state.length, needed=_needed_of_others(state))
        elif errors.prior is None and errors.doubt is None and known_trouble(state, errors.rule):
            odds = likely(state.known.errors_before[errors.rule.id].onset, many=state.known.has_many(errors.rule))
            errors.doubt = _doubt(state, errors.rule, odds)
        elif errors.prior is None and errors.doubt is None and has_ended(state, errors.rule):
            errors.doubt = _doubt(state, errors.rule, RETURNS, state.known.errors_before[errors.rule.id].ended)


def _doubt(state: ReleaseState, rule: Rule, odds: float, level: KnownShare | None = None) -> Doubt:
    level = level or state.known.errors_before[rule.id].level
    process = against_trouble(
        level,
        KnownShare(state.known.errors[rule.id].share, state.known.errors[rule.id].weight),
        state.length,
        expected=state.expected(rule),
        needed=_needed(state, rule),
        times=state.errors[rule.id].times,
    )
    return Doubt(level, process, odds)


def known_trouble(state: ReleaseState, rule: Rule) -> bool:
    """Whether something was wrong before the deployment, though not enough to be an incident."""
    return state.errors[rule.id].events == 0 and state.known.trouble[rule.id] >= checklist.UNEASE


def has_ended(state: ReleaseState, rule: Rule) -> bool:
    """Whether an incident from before was certainly over at the deployment; it may still return."""
    return state.errors[rule.id].events == 0 and state.known.errors_before[rule.id].ended is not None


def _tests(state: ReleaseState, rule: Rule) -> ErrorTests:
    base, needed = state.known.errors[rule.id], _needed(state, rule)
    ceiling = ceiling_of(state, rule)
    times = state.errors[rule.id].times
    return error_tests(base, ceiling, state.length, expected=state.expected(rule), needed=needed, times=times)


def _needed(state: ReleaseState, rule: Rule) -> float:
    """The e-value at which this rule alone brings the checklist to its threshold."""
    alike = [checklist.weight(state, other) for other in state.rules if other.blocking is rule.blocking]
    own = checklist.weight(state, rule) * (1.0 - checklist.kept(state, rule))
    return state.threshold * sum(alike) / own


def ceiling_of(state: ReleaseState, rule: Rule) -> float | None:
    """The share of errors that fails a release whatever else is known: the card's, or the earlier level where that is
    higher; ``None`` where the card has none, or nothing above it would be left. A usual share of at most half the
    ceiling does not reach it by normal variation between hours."""
    base = state.known.errors[rule.id]
    if rule.ceiling is None:
        return None
    before = base.bound if base.events and 2.0 * base.share > rule.ceiling else 0.0
    lately = state.known.errors_before[rule.id]
    carried = lately.level.share if lately.trouble >= checklist.UNEASE else 0.0
    ceiling = max(rule.ceiling, before, carried)
    return ceiling if ceiling < MOST_CEILING else None


MOST_CEILING = 0.99
"""The share from which there is no room for harm."""


def _against_others(state: ReleaseState, rule: Rule) -> ShareProcess | None:
    base = state.known.errors[rule.id]
    if not base.events:
        return None
    return ErrorProcess(base.share, base.weight, state.length, needed=_needed_of_others(state))


def _needed_of_others(state: ReleaseState) -> float:
    return HARM_TO_OTHERS * len(state.errors)


def _prior_trouble(state: ReleaseState, rule: Rule) -> PriorTrouble:
    base, before = state.known.errors[rule.id], state.known.errors_before[rule.id]
    return PriorTrouble(
        level=before.level,
        process=against_incident(before.level, state.length, needed=2.0 * _needed(state, rule)),
        recovery=RecoveryCusum(base.share, before.level.share),
        after=_doubt(state, rule, RETURNS),
        calm=before.calm,
    )


def judge_errors(state: ReleaseState, events: Sequence[Arrived]) -> None:
    """Weigh what arrived since the last look."""
    own: dict[str, Minutes] = defaultdict(dict)
    old: dict[str, Minutes] = defaultdict(dict)
    for event in events:
        for errors, is_error in state.readers_of(event.cell).errors:
            name, graced = errors.rule.id, event.occurred >= state.timeline.live + errors.rule.grace_minutes
            if event.ours and graced:
                _count(errors, event, is_error, own[name])
            elif event.is_of_another:
                _count_old(errors, event, is_error, old[name] if graced and _is_a_control(state, event) else {})
    _count_renamed(state, events, own)
    complete = state.look_minute - state.known.lags.usual.complete
    for name, errors in state.errors.items():
        _weigh(errors, _batches(own[name]))
        _compare(errors, _batches(old[name]), complete)
        weigh_number(state, errors)


def _count_renamed(state: ReleaseState, events: Sequence[Arrived], own: dict[str, Minutes]) -> None:
    """Count the release's successes under new names, where they replace known ones."""
    for event in events:
        for errors in state.readers_of(event.cell).if_renamed if event.ours else ():
            graced = event.occurred >= state.timeline.live + errors.rule.grace_minutes
            if graced and state.seems_renamed(errors.rule):
                _count(errors, event, False, own[errors.rule.id])


def _is_a_control(state: ReleaseState, event: Arrived) -> bool:
    """Whether the rows are compared with the release's: phones keep old releases for weeks and are no control for
    servers."""
    return event.cell.client is state.timeline.of_phones


def _batches(minutes: Minutes) -> Batches:
    return [(minute, total, bad) for minute, (total, bad) in sorted(minutes.items())]


def _count(errors: ErrorState, event: Arrived, is_error: bool, minutes: Minutes) -> None:
    _add(minutes, event, is_error)
    errors.tagged += event.cell.tried if event.is_tagged and event.occurred not in errors.times else 0
    errors.add_stray(event.cell)


def _count_old(errors: ErrorState, event: Arrived, is_error: bool, minutes: Minutes) -> None:
    """Count another release's rows."""
    errors.old_events += event.cell.tried
    errors.old_errors += event.cell.tried if is_error else 0
    if event.is_of_another:
        _add(minutes, event, is_error)


def _add(minutes: Minutes, event: Arrived, is_error: bool) -> None:
    total, bad = minutes.get(event.occurred, (0, 0))
    minutes[event.occurred] = total + event.cell.tried, bad + (event.cell.tried if is_error else 0)


def _weigh(errors: ErrorState, batches: Batches) -> None:
    """Count new rows against the release, or against an incident's level while an incident from before lasts."""
    _weigh_at_times(errors, [one for one in batches if one[0] in errors.times])
    batches = [one for one in batches if one[0] not in errors.times]
    if errors.trouble is not None:
        errors.trouble.look(batches)
        if errors.prior is not None and errors.prior.over:
            _take_over(errors, errors.prior)
        return
    _merge(errors.minutes, batches)
    errors.events += sum(total for _, total, _ in batches)
    errors.errors += sum(bad for _, _, bad in batches)
    if errors.tests is not None:
        errors.tests.look(batches)
    if errors.doubt is not None:
        errors.doubt.process.look(batches)


def _weigh_at_times(errors: ErrorState, batches: Batches) -> None:
    """Count rows in minutes with a usual share of their own, about which an incident's level says nothing."""
    _merge(errors.at_times, batches)
    if errors.trouble is None and errors.tests is not None and batches:
        errors.tests.look_at_times(batches)
        if errors.doubt is not None:
            errors.doubt.process.take(batches)


def _take_over(errors: ErrorState, prior: PriorTrouble) -> None:
    """End an incident: what came since its end counts for a PASS from here on, and was as usual. Should it return, its
    level stays excused as far as its end is in doubt."""
    minutes = prior.since_recovery()
    errors.minutes, errors.doubt = dict(minutes), prior.after
    errors.events = sum(total for total, _ in minutes.values())
    errors.errors = sum(bad for _, bad in minutes.values())


def _merge(minutes: Minutes, batches: Batches) -> None:
    for minute, total, bad in batches:
        held = minutes.get(minute, (0, 0))
        minutes[minute] = held[0] + total, held[1] + bad


def _compare(errors: ErrorState, old: Batches, complete: int) -> None:
    """Compare the old release with the new one's rows in the same minutes."""
    _merge(errors.old, old)
    if errors.others is not None and (old or errors.old):
        errors.others.look([one for one in old if one[0] not in errors.times])
    if errors.tests is not None and errors.old:
        own = errors.minutes if errors.prior is None else {**errors.prior.minutes, **errors.minutes}
        both = errors.old.keys() & own.keys()
        errors.tests.compare({minute: Pair(*errors.old[minute], *own[minute]) for minute in both}, complete)
