"""What each rule says at a look: FAIL where it failed, PASS where the harm that its card names is excluded."""

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
from releaseguard.verification.judge.weighing.others import sums
from releaseguard.verification.values import LEAST_TAGGED, Rule

SUSPICION = 1.0
"""The e-value above which the rows lean towards harm, so that nothing passes."""
PASS_PRIOR = 60.0
"""How many events at the usual share of errors the baseline counts for in a PASS, at most as many as were seen."""
PASS_RATIO = 0.5
"""How likely the card's harm may make the new events in a PASS, over how likely the usual share makes them."""
LEAST_CONFIDENCE = 0.8
"""At which the new release's events alone, were they all clean, must exclude the harm."""
VOLUME_DEVIATIONS = 1.0
"""Of the bound on the volume of a PASS: one-sided 84%."""
LEAST_EXPECTED = 10.0
"""Events that must have been expected for a volume to pass: half of fewer shows the usual number too often."""
CHANGED = 1.3
"""By how many times the rows of an action must have changed to be told, or, where they are fewer, to pass nothing; and
the calls of a provider to be more than one release makes."""
MOST_NEEDED = 1_000_000
"""Events beyond which one no longer counts how many more a PASS would take."""


def verdict_of(state: ReleaseState, rule: Rule) -> Verdict:
    """What a rule says at the newest look."""
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
    """What it means for the release that a rule is undecided: what the card says of it, but for a roll-back or a
    hotfix, which is judged for recovery: where the trouble that it was to end has not likely ended, nothing
    passes. Nor where more fails or less comes than may, though not surely: that is not too quiet to judge; nor where
    errors may be the release's, named after another."""
    if not rule.blocking:
        return rule.undecided
    if rule.kind == "volume":
        return "block" if falls_short(state, rule) or seems_replaced(state, rule) else rule.undecided
    held = state.errors[rule.id]
    goes_on = held.trouble is not None and held.trouble.counted[0] > 0 and not held.trouble.has_likely_ended
    too_many = exceeds(state, held) or outgrows(state, held) or outnumbers(state, held) or exceeds_its_times(held)
    too_many = too_many or failed_batch(state, held) is not None
    is_to_end_it = state.rolls_back or _began_under_the_one_before(state, rule)
    blocks = (is_to_end_it and goes_on) or too_many or are_of_nobody(state, rule)
    return "block" if blocks else rule.undecided


def _began_under_the_one_before(state: ReleaseState, rule: Rule) -> bool:
    """Whether the errors from before began with the release whose window this one ended: it is a hotfix, told or not,
    or one more release that does the same harm."""
    began, deployed = state.known.errors_before[rule.id].began, state.timeline.cut_short
    return began is not None and deployed is not None and state.timeline.live - began >= deployed


def falls_short(state: ReleaseState, rule: Rule) -> bool:
    """Whether a part of the volume, or of the release's share of it, is missing that its card calls harm, and what came
    leans that way; not where it came under another name, or is of actions that write fewer rows."""
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


def seems_replaced(state: ReleaseState, rule: Rule) -> bool:
    """Whether so little came that its card calls it harm, and others took that over."""
    volume = state.volumes[rule.id]
    if rule.max_drop is None or volume.expected < LEAST_MISSED or is_meant(state, rule):
        return False
    missing = volume.expected - volume.judged
    return missing > rule.max_drop * volume.expected and is_taken_over(state, rule, missing)


LEAST_MISSED = 5.0
"""Events that must have been expected for the lack of half of them to be no chance of every other hour."""


LEAST_ERRORS = 3
"""Errors, those of a burst counted as one, below which a larger share than may be is as good as chance."""


def exceeds(state: ReleaseState, errors: ErrorState) -> bool:
    """Whether more of what counts against the release fails than its card, or with no history its ceiling, allows, and
    not by chance alone: also where an incident that is over may have come back."""
    rule, has_history = errors.rule, state.known.errors[errors.rule.id].events > 0
    most = limit_of(state, rule) if has_history else rule.ceiling
    if most is None or errors.trouble is not None or (has_history and errors.leaning <= SUSPICION):
        return False
    return lasting(bad for _, bad in errors.minutes.values()) >= LEAST_ERRORS and errors.errors > most * errors.events


def exceeds_its_times(errors: ErrorState) -> bool:
    """Whether more fails in minutes that have their own usual share than their card allows, and than chance brings."""
    events, level = level_at_times(errors)
    bad = sum(bad for _, bad in errors.at_times.values())
    if bad < max(LEAST_ERRORS, (level.share + errors.rule.max_error_increase) * events):
        return False
    return chance_of_errors(bad, events, level.share, level.weight) <= BY_CHANCE


def failed_batch(state: ReleaseState, errors: ErrorState) -> tuple[DailyBatch, int, int] | None:
    """A daily batch of which more fails than its card, or an incident from before, allows, and than chance brings, with
    its events and errors. It is one event, which decides nothing by itself, and yet no burst of any two minutes."""
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
"""The probability of so many errors of a batch or more from which on they are no chance of every other day."""


def outgrows(state: ReleaseState, errors: ErrorState) -> bool:
    """Whether more fails than an incident from before had, and than the card allows, and what came leans that way: the
    incident excuses its own level."""
    trouble = errors.trouble
    if trouble is None or trouble.process.value <= SUSPICION:
        return False
    events, bad = trouble.counted
    most = max(trouble.level.share, limit_of(state, errors.rule))
    return lasting(bad for _, bad in trouble.minutes.values()) >= LEAST_ERRORS and bad > most * events


def are_of_nobody(state: ReleaseState, rule: Rule) -> bool:
    """Whether the errors that others made since the release came are all that others made, of any provider, while the
    release uses more than this one: then no other release serves, and what writes an error names the one before. Not
    where the release makes the usual calls without them."""
    if rule.id not in state.harmed:
        return False
    since = state.harmed[rule.id].since
    held = [pair for errors in state.errors.values() for minute, pair in errors.old.items() if minute >= since]
    events, bad = (sum(column) for column in zip(*held, strict=True)) if held else (0, 0)
    served = {errors.rule.provider for errors in state.errors.values() if errors.events > errors.errors}
    calls = state.errors[rule.id].events + state.errors[rule.id].old_errors
    is_its_part = calls <= CHANGED * state.known.expected_events(rule, state.elapsed)
    return bad >= LEAST_ERRORS and bad == events and bool(served - {rule.provider}) and is_its_part


def outnumbers(state: ReleaseState, errors: ErrorState) -> bool:
    """Whether more than twice the usual number of errors came where their share tells nothing, since nearly all that is
    logged of the provider are errors."""
    if errors.trouble is not None or not errors.events or has_room(state, errors.rule):
        return False
    usual = state.known.expected_events(errors.rule, state.elapsed)
    return errors.errors - usual > max(usual, LEAST_ERRORS)


def is_meant(state: ReleaseState, rule: Rule) -> bool:
    """Whether nothing comes of a provider that the release was said to use no longer."""
    writers = state.traffic.writers.get(rule.provider)
    return rule.provider in state.removed and (writers is None or not writers.tagged)


def limit_of(state: ReleaseState, rule: Rule) -> float:
    """The share of errors from which on the card speaks of harm; at most 1, whatever the card says."""
    share = state.known.errors[rule.id].share
    limit = min(share + rule.max_error_increase, 1.0)
    return min(limit, max(rule.max_error_rate, share)) if rule.max_error_rate is not None else limit


def has_room(state: ReleaseState, rule: Rule) -> bool:
    """Whether the harm that the card names is one that can come: not where so many errors are usual that there
    is no room for it."""
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
    """Whether so many errors of so many events of the new release exclude the card's harm.

    The baseline's word counts for some events at the usual share. By themselves the new events must not fit
    the harm much better than the usual, and, were they all clean, must exclude it, with less confidence.
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
    """How many more events, with errors at the usual share, a PASS of a signal rule would take, at least 1;
    ``None`` where no number that can be waited for would do."""
    errors, share = state.errors[rule.id], state.known.errors[rule.id].share
    more = 1
    while not _excludes(state, rule, errors.events + more, errors.errors + share * more):
        more += max(more // 20, 1)
        if more > MOST_NEEDED:
            return None
    return more


def clean_events_needed(rule: Rule, confidence: float) -> int | None:
    """How many events of a release, none an error, pass a signal rule where the history holds none either; ``None``
    where no number would do."""
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
    """Whether an action writes fewer rows than before: that may be meant, or a loss by which each action is struck."""
    found = state.rows_per_action(rule)
    return found is not None and found[0] >= CHANGED * found[1]


def _makes_its_share(state: ReleaseState, rule: Rule) -> bool:
    """Whether the release, where it serves beside another, surely loses no such part of its own events."""
    volume = state.volumes[rule.id]
    if rule.max_drop is None or not still_serves(state, rule):
        return True
    return volume.split is not None and excludes_loss(volume.split, rule.max_drop)


def _excludes_change(state: ReleaseState, rule: Rule) -> bool:
    """Whether the volume lies inside both of the card's limits, with what it may be off by."""
    volume, base = state.volumes[rule.id], state.known.volumes[rule.id]
    spread = VOLUME_DEVIATIONS * math.sqrt(base.dispersion / volume.judged + base.variance)
    # After a drop from before the deployment, today's level is not a measure: it has to be as on other days.
    level = min(base.level, 1.0) if rule.id in state.known.volume_levels else 1.0
    ratio = math.log(volume.judged * level / volume.expected)
    low = rule.max_drop is None or ratio - spread > math.log1p(-min(rule.max_drop, 0.999))
    high = rule.max_rise is None or ratio + spread < math.log(rule.max_rise)
    return low and high
