"""The checklist's e-value, the weighted average of all rules' evidence. A release fails by it alone, or by the test
that is reserved for the end of the window."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from releaseguard.stats.completeness import ENOUGH
from releaseguard.stats.evidence.laws import KnownShare
from releaseguard.stats.evidence.volumes import FEW_EXPECTED
from releaseguard.stats.final_look import (
    WHOLE_NUMBERS,
    ErrorTest,
    chance_of_errors,
    kept_for_the_end,
    lasting,
    of_a_burst,
    shared_out,
)
from releaseguard.stats.onset import most_telling
from releaseguard.verification.judge.failures import fail, level_before, level_of_all, still_serves, would_fail
from releaseguard.verification.judge.state import ErrorState, FinalLook, ReleaseState
from releaseguard.verification.judge.weighing.numbers import chance_of_number
from releaseguard.verification.judge.weighing.others import HARM_TO_OTHERS, compared
from releaseguard.verification.values import Rule

VOLUME_SAY = ((ENOUGH, 0.1), (FEW_EXPECTED, 0.5), (math.inf, 0.35))
"""(upper limit of the events expected in the window, weight of the volume; errors have the rest). Below
:data:`~releaseguard.stats.completeness.ENOUGH` events, none at all may be chance; for a few more, only silence is
evidence."""
VOLUME_LAST_SAY = ((ENOUGH, 0.1), (FEW_EXPECTED, 0.8), (math.inf, 0.35))
"""The same for the last look."""
LEAST_TOLD = 10.0
"""The e-value for a promise of one false alarm in ten; nobody asks about a weaker promise."""
UNEASE = 3.0
"""The evidence of trouble before the deployment from which more evidence is required after it."""


def weigh(state: ReleaseState) -> None:
    """Average the rules' evidence at this look; where it reaches the threshold, the rules that brought it there
    fail."""
    _look_at_others(state)
    for rules, whole in _families(state):
        parts = [weight(state, r) * (1.0 - kept(state, r)) * value_of(state, r) / whole for r in rules]
        average = sum(parts)
        least = min(state.threshold, 0.5 * max(parts))
        foremost = [rule for rule, part in zip(rules, parts, strict=True) if part >= least]
        if rules[0].blocking:
            state.evidence = average
            state.peak = max(state.peak, average)
            if _is_worth_telling(state, average) and any(would_fail(state, rule) for rule in foremost):
                state.failing = average
        if average >= state.threshold:
            for rule in foremost:
                fail(state, rule)


def _is_worth_telling(state: ReleaseState, reached: float) -> bool:
    """Whether the value is higher than before and high enough for any promise that somebody may ask about."""
    return reached >= LEAST_TOLD and reached > state.failing


def _look_at_others(state: ReleaseState) -> None:
    """Note where other releases fail more often since this one came. This only warns, under a promise of its own."""
    for errors in state.errors.values():
        rule = errors.rule
        value = 0.0 if errors.others is None else errors.others.value / _unease(state, rule)
        if rule.id in state.harmed or not _tells_of_others(state, errors):
            continue
        if value >= HARM_TO_OTHERS * len(state.errors):
            since = most_telling(errors.old_otherwise, level_before(state, rule).share)
            if since is not None:
                state.harmed[rule.id] = compared(errors.own, errors.old_otherwise, since[0])


def _tells_of_others(state: ReleaseState, errors: ErrorState) -> bool:
    """Whether the old release's errors mean anything. Errors that began before this release, during its first steps,
    mean something only once this release is well and the old one still serves, and not while both are in the same
    incident."""
    if errors.prior is None or not state.may_be_of_its_steps(errors.rule):
        return True
    return errors.prior.over and still_serves(state, errors.rule)


def conclude(state: ReleaseState) -> None:
    """The last look: what is too improbable to be chance, within the allowance reserved for this look, fails its
    rule."""
    for rules, whole in _families(state):
        shared = sum(weight(state, rule) * kept(state, rule) for rule in rules) / whole
        says = [weight(state, rule, VOLUME_LAST_SAY) for rule in rules]
        allowed = {rule.id: shared * say / sum(says) / state.threshold for rule, say in zip(rules, says, strict=True)}
        allowed |= _shared_out(state, allowed)
        for rule in rules:
            _conclude(state, rule, allowed[rule.id])


def _shared_out(state: ReleaseState, allowed: Mapping[str, float]) -> Mapping[str, float]:
    """The allowed false-alarm probability of each error rule at the last look, by id: rules share what others leave
    unused. Rules affected by an incident from before keep their own, since outcomes decide when it is over."""
    tests = {
        name: ErrorTest(events, usual.share, usual.weight, allowed[name])
        for name, errors in state.errors.items()
        if name in allowed and errors.prior is None
        for events, usual in (level_of_all(errors, level_before(state, errors.rule)),)
        if events <= WHOLE_NUMBERS
    }
    return dict(zip(tests, shared_out(list(tests.values())), strict=True))


def _conclude(state: ReleaseState, rule: Rule, allowed: float) -> None:
    chance = min(_chance(state, rule) * _unease(state, rule), 1.0)
    final_look = FinalLook(chance, allowed, state.look_minute)
    state.final_looks[rule.id] = final_look
    if rule.blocking:
        reached = allowed * state.threshold / chance
        state.peak = max(state.peak, reached)
        if _is_worth_telling(state, reached) and would_fail(state, rule, final_look):
            state.failing = reached
    if final_look.fails:
        fail(state, rule, final_look)


def _chance(state: ReleaseState, rule: Rule) -> float:
    """The probability of what the rule has seen, or of worse, while everything is as usual."""
    if rule.kind == "volume":
        return state.volumes[rule.id].chance
    errors = state.errors[rule.id]
    if errors.tests is not None and errors.tests.number is not None:
        return chance_of_number(state, errors)
    found = errors.own if errors.trouble is not None else errors.all_own
    bad = lasting((bad for _, bad in found.values()), of_a_burst(state.expected(rule)))
    chance = _chance_of(errors, bad, level_before(state, rule))
    if errors.doubt is None or errors.trouble is not None:
        return chance
    return max(chance, errors.doubt.likely * _chance_of(errors, bad, errors.doubt.level))


def _chance_of(errors: ErrorState, bad: int, otherwise: KnownShare) -> float:
    """The probability of that many errors or more; ``otherwise`` is the usual share in minutes without a share of their
    own."""
    events, level = level_of_all(errors, otherwise)
    return chance_of_errors(bad, events, level.share, level.weight)


def _families(state: ReleaseState) -> Iterable[tuple[Sequence[Rule], float]]:
    """The rules that may fail a release, and those that may only warn, each with the sum of their weights."""
    for blocking in (True, False):
        rules = [rule for rule in state.rules if rule.blocking is blocking]
        if rules:
            yield rules, sum(weight(state, rule) for rule in rules)


def weight(state: ReleaseState, rule: Rule, volume_say: Sequence[tuple[float, float]] = VOLUME_SAY) -> float:
    """A rule's weight in the average, determined by the baseline alone.

    It is lower where hardly any event is expected in the window. With few events a silence counts as much as errors;
    with even fewer only errors count; with many events small rises of errors are worth finding.
    """
    expected = state.expected(rule)
    volume = next(say for below, say in volume_say if expected < below)
    share = volume if rule.kind == "volume" else 1.0 - volume
    return share * min(max(expected / ENOUGH, 0.05), 1.0)


def kept(state: ReleaseState, rule: Rule) -> float:
    """The part of a rule's weight that is reserved for the end of the window, determined by the baseline alone."""
    return 0.0 if state.timeline.final_look is None else kept_for_the_end(state.expected(rule))


def value_of(state: ReleaseState, rule: Rule) -> float:
    """The rule's e-value at the newest look.

    Where something was wrong before the deployment, though not enough to be an incident, correspondingly more evidence
    is required.
    """
    value = state.errors[rule.id].value if rule.kind == "signal" else state.volumes[rule.id].value
    return value / _unease(state, rule)


def _unease(state: ReleaseState, rule: Rule) -> float:
    """The factor by which more evidence is required because something was wrong before; 1 where the earlier level
    itself is what new rows are compared with."""
    errors = state.errors.get(rule.id)
    if errors is not None and (errors.prior is not None or errors.doubt is not None):
        return 1.0
    if rule.id in state.known.volume_levels:
        return 1.0
    return max(state.known.trouble.get(rule.id, 0.0) / UNEASE, 1.0)
