"""The verdict of each rule at a look: FAIL where it has failed, PASS where the harm that its card names is excluded."""

from __future__ import annotations

import math
from typing import Literal

from releaseguard.model import Verdict
from releaseguard.stats.batches import DailyBatch
from releaseguard.stats.bounds import beta_cdf, clean_trials_needed, likelihood_ratio
from releaseguard.stats.evidence.split import excludes_loss
from releaseguard.stats.final_look import chance_of_errors, lasting
from releaseguard.verification.judge.failures import (
    is_no_loss,
    is_taken_over,
    level_at_times,
    level_before,
    still_serves,
)
from releaseguard.verification.judge.state import ErrorState, ReleaseState
from releaseguard.verification.judge.weighing.dropped import SINCE
from releaseguard.verification.judge.weighing.others import sums
from releaseguard.verification.values import LEAST_TAGGED, Rule

SUSPICION = 1.0
"""The e-value above which the rows lean towards harm, so that nothing passes."""
PASS_PRIOR = 60.0
"""The number of events at the usual error share for which the baseline counts in a PASS, at most as many as were
seen."""
PASS_RATIO = 0.5
"""The largest ratio, in a PASS, of the new events' likelihood under the card's harm to that under the usual share."""
LEAST_CONFIDENCE = 0.8
"""The confidence with which the new release's events alone, if all were clean, must exclude the harm."""
VOLUME_DEVIATIONS = 1.0
"""The standard deviations in the bound on a passing volume: one-sided 84%."""
LEAST_EXPECTED = 10.0
"""The events that must have been expected for a volume to pass: with fewer, half of them still shows the usual number
too often."""
CHANGED = 1.3
"""The factor by which the rows of an action must have changed to be reported or, where they are fewer, to prevent a
PASS; also by which the calls of a provider must exceed the usual to be more than one release makes."""
MOST_NEEDED = 1_000_000
"""The number of events above which the events still needed for a PASS are no longer counted."""


def verdict_of(state: ReleaseState, rule: Rule) -> Verdict:
    """The verdict of a rule at the newest look."""
    if rule.id in state.failures:
        return Verdict.FAIL if rule.blocking else Verdict.WARN
    if are_of_nobody(state, rule):
        return Verdict.INCONCLUSIVE
    if rule.id in state.alike or rule.id in state.harmed or is_meant(state, rule):
        return Verdict.WARN
    if rule.kind == "signal":
        return Verdict.PASS if _errors_pass(state, rule) else Verdict.INCONCLUSIVE
    if not _volume_passes(state, rule):
        return Verdict.INCONCLUSIVE
    return Verdict.PASS if state.volumes[rule.id].missed is None else Verdict.WARN


def undecided_of(state: ReleaseState, rule: Rule) -> Literal["warn", "block"]:
    """What an undecided rule means for the release: ``warn`` or ``block``.

    It is what the card says, with these exceptions, which block. For a roll-back or hotfix, judged for recovery: the
    trouble that it should end has not likely ended. More errors or fewer events than allowed, though not certainly:
    that is not "too quiet to judge". Errors that may be the release's under another release's name.
    """
    if not rule.blocking:
        return rule.undecided
    if rule.kind == "volume":
        blocks = falls_short(state, rule) or falls_from_its_rise(state, rule) or seems_replaced(state, rule)
        blocks = blocks or is_still_lost(state, rule)
        return "block" if blocks else rule.undecided
    held = state.errors[rule.id]
    goes_on = held.trouble is not None and held.trouble.counted[0] > 0 and not held.trouble.has_likely_ended
    too_many = exceeds(state, held) or outgrows(state, held) or outnumbers(state, held) or exceeds_its_times(held)
    too_many = too_many or failed_batch(state, held) is not None
    is_to_end_it = state.rolls_back or _began_under_the_one_before(state, rule)
    blocks = (is_to_end_it and goes_on) or too_many or are_of_nobody(state, rule)
    return "block" if blocks else rule.undecided


def _began_under_the_one_before(state: ReleaseState, rule: Rule) -> bool:
    """Whether the errors from before began with the release whose window this one ended. It is then a hotfix, announced
    or not, or one more release that does the same harm."""
    began, deployed = state.known.errors_before[rule.id].began, state.timeline.cut_short
    return began is not None and deployed is not None and state.timeline.live - began >= deployed


def falls_short(state: ReleaseState, rule: Rule) -> bool:
    """Whether a part of the volume, or of the release's share of it, is missing that its card calls harm, and the
    evidence leans that way. Not where the events arrived under another name, or belong to actions that write fewer
    rows."""
    volume = state.volumes[rule.id]
    if rule.max_drop is None:
        return False
    left, split = 1.0 - rule.max_drop, volume.split
    parts = [(float(volume.judged), volume.expected)] if volume.value > SUSPICION else []
    if split is not None and split.weight and volume.split_value > SUSPICION:
        # Of what came, and of what was to come: where the old release has lost some by chance the part of it is small.
        scale = state.known.volumes[rule.id].dispersion
        parts += [(split.own, split.share * split.every), (split.own * scale, split.share * volume.expected)]
    return any(
        hoped >= LEAST_MISSED and came < left * hoped and not is_no_loss(state, rule, round(came), hoped)
        for came, hoped in parts
    )


def is_still_lost(state: ReleaseState, rule: Rule) -> bool:
    """Whether a drop that this release was to end goes on: a roll-back, a hotfix, or one more release that loses the
    same."""
    since, deployed = state.known.dropped_since.get(rule.id), state.timeline.cut_short
    if since is None or rule.max_drop is None or is_meant(state, rule):
        return False
    began_under_it = deployed is not None and since > deployed - min(SINCE)
    volume = state.volumes[rule.id]
    left = (1.0 - rule.max_drop) * volume.expected
    return (state.rolls_back or began_under_it) and volume.expected >= LEAST_MISSED and volume.judged < left


def falls_from_its_rise(state: ReleaseState, rule: Rule) -> bool:
    """Whether a volume that had risen before has lost a part that its card calls harm: a campaign that is over, or a
    release that loses what is left to look as usual."""
    volume, risen = state.volumes[rule.id], state.known.volume_rises.get(rule.id)
    if risen is None or rule.max_drop is None:
        return False
    hoped = risen * volume.expected
    return hoped >= LEAST_MISSED and volume.judged < (1.0 - rule.max_drop) * hoped


def seems_replaced(state: ReleaseState, rule: Rule) -> bool:
    """Whether so few events came that the card calls it harm, and other providers took over."""
    volume = state.volumes[rule.id]
    if rule.max_drop is None or volume.expected < LEAST_MISSED or is_meant(state, rule):
        return False
    missing = volume.expected - volume.judged
    return missing > rule.max_drop * volume.expected and is_taken_over(state, rule, missing)


LEAST_MISSED = 5.0
"""The number of expected events from which a lack of half of them does not occur by chance every other hour."""


LEAST_ERRORS = 3
"""The number of errors, with a burst counted as one, below which a share above the limit may be chance."""


def exceeds(state: ReleaseState, errors: ErrorState) -> bool:
    """Whether the error share of what counts against the release exceeds what its card allows (without a history, the
    ceiling), and not by chance alone; also where an ended incident may have returned."""
    rule, has_history = errors.rule, state.known.errors[errors.rule.id].events > 0
    most = limit_of(state, rule) if has_history else rule.ceiling
    if most is None or errors.trouble is not None or (has_history and errors.leaning <= SUSPICION):
        return False
    return lasting(bad for _, bad in errors.minutes.values()) >= LEAST_ERRORS and errors.errors > most * errors.events


def exceeds_its_times(errors: ErrorState) -> bool:
    """Whether more errors than the card and chance allow occur in minutes with a usual share of their own."""
    events, level = level_at_times(errors)
    bad = sum(bad for _, bad in errors.at_times.values())
    if bad < max(LEAST_ERRORS, (level.share + errors.rule.max_error_increase) * events):
        return False
    return chance_of_errors(bad, events, level.share, level.weight) <= BY_CHANCE


def failed_batch(state: ReleaseState, errors: ErrorState) -> tuple[DailyBatch, int, int] | None:
    """A daily batch with more errors than its card, or an incident from before, allows and than chance explains, with
    its events and errors; ``None`` without one. It is a single event, which decides nothing by itself, and yet more
    than a burst of any two minutes."""
    rule, usual = errors.rule, state.known.traffic.get(errors.rule.provider)
    if usual is None or not usual.daily or not state.known.errors[rule.id].events:
        return None
    level, own = level_before(state, rule), errors.own
    if (prior := errors.prior) is not None:
        # Also once it is over: what failed with it is excused up to its level and no more.
        level, own = prior.level, {**prior.minutes, **errors.minutes}
    most = max(limit_of(state, rule), level.share)
    for batch in usual.daily:
        minutes = range(state.deployed + batch.first, state.deployed + batch.end)
        events, bad = sums(own[minute] for minute in minutes if minute in own)
        is_harm = events >= batch.rows and bad >= max(LEAST_ERRORS, most * events)
        if is_harm and chance_of_errors(bad, events, level.share, level.weight) <= BY_CHANCE:
            return batch, events, bad
    return None


BY_CHANCE = 0.05
"""The probability up to which a batch's errors do not occur by chance every other day."""


def outgrows(state: ReleaseState, errors: ErrorState) -> bool:
    """Whether there are more errors than an incident from before had and than the card allows, and the evidence leans
    that way: the incident excuses its own level only."""
    trouble = errors.trouble
    if trouble is None or trouble.process.value <= SUSPICION:
        return False
    events, bad = trouble.counted
    most = max(trouble.level.share, limit_of(state, errors.rule))
    return lasting(bad for _, bad in trouble.minutes.values()) >= LEAST_ERRORS and bad > most * events


def are_of_nobody(state: ReleaseState, rule: Rule) -> bool:
    """Whether the errors that others made since the release came may be this release's, under the name of the one
    before.

    That is so where those errors are everything that others wrote, of any provider, while the release uses further
    providers: then no other release serves. It is not so where the release passes by its own rows, makes its usual
    number of calls without those errors, and they carry releases that wrote before it came.
    """
    if rule.id not in state.harmed:
        return False
    since = state.harmed[rule.id].since
    held = [pair for errors in state.errors.values() for minute, pair in errors.old.items() if minute >= since]
    events, bad = (sum(column) for column in zip(*held, strict=True)) if held else (0, 0)
    served = {errors.rule.provider for errors in state.errors.values() if errors.events > errors.errors}
    if bad < LEAST_ERRORS or bad != events or not served - {rule.provider}:
        return False
    calls = state.errors[rule.id].events + state.errors[rule.id].old_errors
    is_its_part = calls <= CHANGED * state.known.expected_events(rule, state.elapsed)
    return is_its_part or not _errors_pass(state, rule) or not _wrote_before(state, since)


def _wrote_before(state: ReleaseState, since: int) -> bool:
    """Whether another release that wrote before this one came has written since that minute, too."""
    before = frozenset[str]().union(*state.known.tags.values())
    start = max(since - state.timeline.deployed, 0)
    return any(any(rows[start:]) for tag, rows in state.traffic.others.items() if tag in before)


def outnumbers(state: ReleaseState, errors: ErrorState) -> bool:
    """Whether there are more than twice the usual errors of a provider whose error share says nothing, since nearly
    everything logged of it is an error."""
    if errors.trouble is not None or not errors.events or has_room(state, errors.rule):
        return False
    usual = state.known.expected_events(errors.rule, state.elapsed)
    return errors.errors - usual > max(usual, LEAST_ERRORS)


def is_meant(state: ReleaseState, rule: Rule) -> bool:
    """Whether a provider has no events that the release was announced to stop using."""
    writers = state.traffic.writers.get(rule.provider)
    return rule.provider in state.removed and (writers is None or not writers.tagged)


def limit_of(state: ReleaseState, rule: Rule) -> float:
    """The error share from which the card speaks of harm; at most 1, whatever the card says."""
    share = state.known.errors[rule.id].share
    limit = min(share + rule.max_error_increase, 1.0)
    return min(limit, max(rule.max_error_rate, share)) if rule.max_error_rate is not None else limit


def has_room(state: ReleaseState, rule: Rule) -> bool:
    """Whether the harm that the card names is possible at all: not where so many errors are usual that there is no room
    for it."""
    return limit_of(state, rule) < 1.0


def _errors_pass(state: ReleaseState, rule: Rule) -> bool:
    errors = state.errors[rule.id]
    if state.traffic.log.down or errors.trouble is not None or not _is_tagged(errors.tagged, errors.events):
        return False
    if state.seems_renamed(rule) or state.is_partly_elsewhere(rule) or exceeds_its_times(errors):
        return False
    if failed_batch(state, errors) is not None:
        return False
    return errors.value <= SUSPICION and _excludes(state, rule, errors.events, errors.errors)


def _excludes(state: ReleaseState, rule: Rule, events: float, errors: float) -> bool:
    """Whether that many errors in that many events of the new release exclude the card's harm.

    The baseline counts for some events at the usual share. By themselves, the new events must not fit the harm much
    better than the usual share and, if all were clean, must exclude the harm with a lower confidence.
    """
    base, limit = state.known.errors[rule.id], limit_of(state, rule)
    needed = clean_trials_needed(limit, LEAST_CONFIDENCE) if has_room(state, rule) else None
    if not base.events or needed is None or events < needed or errors >= limit * events:
        return False
    if likelihood_ratio(errors, events, base.share, limit) > math.log(PASS_RATIO):
        return False
    prior = min(PASS_PRIOR, events)
    good = events - errors + prior * (1 - base.share)
    return beta_cdf(limit, errors + prior * base.share, good) >= state.promise.confidence


def events_needed(state: ReleaseState, rule: Rule) -> int | None:
    """How many more events, with errors at the usual share, a PASS of a signal rule needs, at least 1; ``None`` where
    no number that can be waited for suffices."""
    errors, share = state.errors[rule.id], state.known.errors[rule.id].share
    more = 1
    while not _excludes(state, rule, errors.events + more, errors.errors + share * more):
        more += max(more // 20, 1)
        if more > MOST_NEEDED:
            return None
    return more


def clean_events_needed(rule: Rule, confidence: float) -> int | None:
    """How many events without an error pass a signal rule whose history has no errors either; ``None`` where no number
    suffices."""
    limit = (
        rule.max_error_increase if rule.max_error_rate is None else min(rule.max_error_increase, rule.max_error_rate)
    )
    alone, sure = clean_trials_needed(limit, LEAST_CONFIDENCE), clean_trials_needed(limit, confidence)
    if alone is None or sure is None:
        return None
    return max(alone, math.ceil(sure / 2), math.ceil(sure - PASS_PRIOR))


def _is_tagged(tagged: int, events: int) -> bool:
    return events > 0 and tagged >= LEAST_TAGGED * events


def _volume_passes(state: ReleaseState, rule: Rule) -> bool:
    volume, base = state.volumes[rule.id], state.known.volumes[rule.id]
    if state.traffic.log.down or base.days < 1 or volume.expected < LEAST_EXPECTED:
        return False
    if not _is_tagged(volume.tagged, volume.fresh) or volume.value > SUSPICION or not volume.judged:
        return False
    if writes_fewer_rows(state, rule):
        return False
    return _excludes_change(state, rule) and _makes_its_share(state, rule)


def writes_fewer_rows(state: ReleaseState, rule: Rule) -> bool:
    """Whether an action writes fewer rows than before, which may be intended, or a loss in every action."""
    found = state.rows_per_action(rule)
    return found is not None and found[0] >= CHANGED * found[1]


def _makes_its_share(state: ReleaseState, rule: Rule) -> bool:
    """Whether the release, where it serves next to another, has certainly not lost as much of its own events as the
    card calls harm."""
    volume = state.volumes[rule.id]
    if rule.max_drop is None or not still_serves(state, rule):
        return True
    return volume.split is not None and excludes_loss(volume.split, rule.max_drop)


def _excludes_change(state: ReleaseState, rule: Rule) -> bool:
    """Whether the volume lies within both of the card's limits, with its uncertainty."""
    volume, base = state.volumes[rule.id], state.known.volumes[rule.id]
    spread = VOLUME_DEVIATIONS * math.sqrt(base.dispersion / volume.judged + base.variance)
    # After a drop from before the deployment, today's level is not a measure: it has to be as on other days.
    level = min(base.level, 1.0) if rule.id in state.known.volume_levels else 1.0
    ratio = math.log(volume.judged * level / volume.expected)
    # Of a volume that had risen before, the loss of half leaves what is usual on other days.
    fallen = ratio - math.log(state.known.volume_rises.get(rule.id, 1.0))
    low = rule.max_drop is None or fallen - spread > math.log1p(-min(rule.max_drop, 0.999))
    high = rule.max_rise is None or ratio + spread < math.log(rule.max_rise)
    return low and high
