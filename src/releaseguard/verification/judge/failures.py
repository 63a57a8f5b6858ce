"""What a rule had seen when it failed. A failure is final, so it is written down at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from releaseguard.stats.bounds import chance_of_so_few
from releaseguard.stats.evidence.laws import KnownShare
from releaseguard.stats.evidence.volumes import VolumeEvidence
from releaseguard.stats.final_look import of_all
from releaseguard.stats.onset import most_telling
from releaseguard.stats.silence import SilenceCause
from releaseguard.verification.judge.log import silence_of
from releaseguard.verification.judge.state import ErrorState, Failure, FinalLook, ReleaseState, VolumeState
from releaseguard.verification.judge.weighing.numbers import number_seen
from releaseguard.verification.judge.weighing.others import (
    NEWEST,
    NEWEST_ROWS,
    STILL_SERVES,
    Compared,
    compared,
    is_worse,
    sums,
    worsened_alike,
)
from releaseguard.verification.judge.weighing.shares import is_fewer
from releaseguard.verification.values import Rule


def fail(state: ReleaseState, rule: Rule, final_look: FinalLook | None = None) -> None:
    """The rule fails, unless it did already or the release serves nobody: what it did not do is not its fault."""
    if rule.id not in state.failures and (found := _failure(state, rule, final_look)) is not None:
        state.failures[rule.id] = found


def would_fail(state: ReleaseState, rule: Rule, final_look: FinalLook | None = None) -> bool:
    """Whether the rule fails where the evidence is taken to be enough. Nothing is written down."""
    alike = dict(state.alike)
    failed = rule.id in state.failures or _failure(state, rule, final_look) is not None
    state.alike = alike
    return failed


def _failure(state: ReleaseState, rule: Rule, final_look: FinalLook | None) -> Failure | None:
    if not state.traffic.is_live:
        return None
    seen = _errors_seen if rule.kind == "signal" else _change_seen
    found = seen(state, rule, final_look)
    return None if found is None or _is_everybodys(state, rule, found) else found


def _is_everybodys(state: ReleaseState, rule: Rule, found: Failure) -> bool:
    """Whether the new release is not surely worse than the old one, which still serves: then it may be the provider, or
    something that both share. Where the old one worsened too a warning is due; else more has to be seen."""
    state.alike.pop(rule.id, None)
    if not still_serves(state, rule):
        return False
    return _errors_alike(state, rule, found) if rule.kind == "signal" else _loss_alike(state, rule, found)


def _errors_alike(state: ReleaseState, rule: Rule, found: Failure) -> bool:
    errors, level = state.errors[rule.id], level_before(state, rule)
    both = compared(errors.all_own, errors.old, found.since)
    if is_worse(both):
        return False
    if worsened_alike(both, errors.old, level.share, level.weight):
        state.alike[rule.id] = both
    return True


def _loss_alike(state: ReleaseState, rule: Rule, found: Failure) -> bool:
    """Whether events are lost, and the new release makes its share of what is left."""
    volume = state.volumes[rule.id]
    if not found.is_loss or is_fewer(volume.split):
        return False
    own, others = state.rows_beside(rule, 0, state.length)
    if lost_too(state, rule, found):
        state.alike[rule.id] = Compared(found.since, own, 0, others, 0)
    return True


LOST_TOO = 0.7
"""The part of its share of what was expected up to which the old release has lost events as well."""


def lost_too(state: ReleaseState, rule: Rule, found: Failure) -> bool:
    """Whether the old release made fewer than its share of the events, too."""
    first = max(found.since - state.deployed, 0)
    _, others = state.rows_beside(rule, first, state.length)
    share = state.traffic.share(first, state.length)
    return share is not None and others <= LOST_TOO * (1.0 - share) * found.expected


def still_serves(state: ReleaseState, rule: Rule) -> bool:
    """Whether the release that wrote the rule's events before still serves beside the new one. Where another part of
    the app is deployed by itself its releases are no control; a provider that was never used before has none."""
    if not state.known.is_used(rule):
        return False
    complete = state.look_minute - state.known.lags.usual.complete
    share = state.traffic.old_share(complete, NEWEST, NEWEST_ROWS, state.known.tags.get(rule.provider))
    return share >= STILL_SERVES


def level_before(state: ReleaseState, rule: Rule) -> KnownShare:
    """The share of errors that a release answers for what is above: the usual one; an incident's that began before and
    goes on; or, with no history, the ceiling."""
    errors, base = state.errors[rule.id], state.known.errors[rule.id]
    if errors.trouble is not None:
        return errors.trouble.level
    if not base.events and rule.ceiling is not None:
        return KnownShare(rule.ceiling, CERTAIN)
    return KnownShare(base.share, base.weight)


def level_of_all(errors: ErrorState, otherwise: KnownShare) -> tuple[int, KnownShare]:
    """All events of the release that are held against a share, and that share: of the minutes that have none of their
    own it is ``otherwise``."""
    events = Counter({otherwise: errors.counted[0]})
    if errors.trouble is None:
        events += _events_at_times(errors)
    return events.total(), of_all(events or {otherwise: 0})


def level_at_times(errors: ErrorState) -> tuple[int, KnownShare]:
    """The same of the minutes that have a share of their own alone."""
    events = _events_at_times(errors)
    return events.total(), of_all(events or {KnownShare(1.0, 1.0): 0})


def _events_at_times(errors: ErrorState) -> Counter[KnownShare]:
    events: Counter[KnownShare] = Counter()
    for minute, (total, _) in errors.at_times.items():
        events[errors.times[minute].average] += total
    return events


CERTAIN = 1e7
"""The weight of a share that is not an estimate."""


def _errors_seen(state: ReleaseState, rule: Rule, final_look: FinalLook | None) -> Failure | None:
    """The errors that speak most against the release; ``None`` where their share is not above the usual."""
    errors, cause = state.errors[rule.id], silence_of(state, rule)
    if errors.tests is not None and errors.tests.number is not None:
        return _number_seen(state, errors, final_look)
    level = level_before(state, rule)
    found = errors.own if errors.trouble is not None else errors.all_own
    since = state.timeline.live
    if final_look is None:
        stretch = most_telling(found, lambda minute: errors.usual_in(minute, level).share)
        if stretch is None:
            return None
        since = stretch[0]
    held = {minute: counts for minute, counts in found.items() if minute >= since}
    events, bad = sums(held.values())
    usual = sum(held[minute][0] * errors.usual_in(minute, level).share for minute in held)
    if bad <= usual:
        return None
    return Failure(
        minute=state.look_minute,
        events=events,
        errors=bad,
        since=since,
        usual=usual / events if held.keys() & errors.at_times.keys() else None,
        # Errors come from somewhere: where there are any, the release is live.
        cause=None if cause is SilenceCause.RELEASE_NOT_LIVE else cause,
        final_look=final_look,
    )


def _number_seen(state: ReleaseState, errors: ErrorState, final_look: FinalLook | None) -> Failure | None:
    """More errors than are usual, where nothing but errors is logged."""
    found = number_seen(state, errors)
    if found is None:
        return None
    since, came, expected = found
    return Failure(
        minute=state.look_minute,
        events=came,
        errors=came,
        expected=expected,
        since=state.deployed + since,
        cause=None,
        final_look=final_look,
    )


def _change_seen(state: ReleaseState, rule: Rule, final_look: FinalLook | None) -> Failure | None:
    """The change of volume that is the strongest evidence; ``None`` where it is not this release's, or none."""
    volume, cause = state.volumes[rule.id], silence_of(state, rule)
    if lost := _lost_share(state, volume, final_look):
        return None if is_no_loss(state, rule, lost.events, lost.expected) else lost
    if cause is SilenceCause.RELEASE_NOT_LIVE:
        return None
    found = _strongest(volume) if final_look is None else VolumeEvidence(0.0, 0, volume.judged, volume.expected)
    if found is None or not _is_harm(rule, found.seen, found.expected):
        return None
    if is_no_loss(state, rule, found.seen, found.expected):
        return None
    return Failure(
        minute=state.look_minute,
        events=found.seen,
        expected=found.expected,
        since=state.deployed + found.onset,
        # A silence explains too few events, and no spike; what fails the release is not that users are away.
        cause=cause if found.seen < found.expected and cause is not SilenceCause.IDLE else None,
        final_look=final_look,
    )


def _lost_share(state: ReleaseState, volume: VolumeState, final_look: FinalLook | None) -> Failure | None:
    """What the release made of its share of the events, where that is what speaks most against it."""
    found, split = _strongest(volume), volume.split
    if split is None or not is_fewer(split) or (found is not None and found.value > volume.split_value):
        return None
    scale = state.known.volumes[volume.rule.id].dispersion
    return Failure(
        minute=state.look_minute,
        events=round(split.own * scale),
        expected=split.share * split.every * scale,
        since=state.deployed,
        cause=None,
        share=split.share,
        final_look=final_look,
    )


INSTEAD = 0.5
"""The part of what is missing that, come under other names, makes it a renaming and no silence."""
TOO_FEW = 0.01
"""The probability, had all that is missing come under other names, of so few, up to which it did not."""


def is_no_loss(state: ReleaseState, rule: Rule, seen: int, expected: float) -> bool:
    """Whether what is missing came under another name, or is of actions that write fewer rows than before."""
    return came_otherwise(state, rule, expected - seen) or _are_as_many_actions(state, rule, seen, expected)


def _are_as_many_actions(state: ReleaseState, rule: Rule, seen: int, expected: float) -> bool:
    """Whether with as many rows to an action as before there would be half of what is missing: one mail where it was
    two may be meant, or be the loss of every second one, so that it is told and decides nothing."""
    found = state.rows_per_action(rule)
    if found is None or seen >= expected:
        return False
    usual, now = found
    return seen * (usual / now - 1.0) >= INSTEAD * (expected - seen)


def came_otherwise(state: ReleaseState, rule: Rule, missing: float) -> bool:
    """Whether successes under names that came with the release, or rows under another environment's name, make up for
    what is missing: an event was renamed, or a writer's setting is another; or whether other providers do."""
    came = sum(state.renamed(rule).values()) + state.strayed.providers.get(rule.provider, 0)
    return is_in_place(came, missing) or is_taken_over(state, rule, missing)


LEAST_TAKEN_OVER = 5
"""Successes beyond the usual below which another provider's rise is as good as chance."""
ALONE = 0.9
"""The share of the traffic from which on a release is taken to serve alone."""
RISEN = 0.5
"""By what part of its usual successes a provider must have risen to stand for another: users come and go by less."""


def is_taken_over(state: ReleaseState, rule: Rule, missing: float) -> bool:
    """Whether others took over what is missing of a provider: a switch was thrown, or the app falls back to them. The
    rows do not tell whether that was meant."""
    return 0 < missing <= sum(taken_over(state, rule).values()) / INSTEAD


def taken_over(state: ReleaseState, rule: Rule) -> Mapping[str, int]:
    """By provider, the release's successes beyond the usual, of those that have risen since it is live; nothing where
    others serve beside it, whose share a loss would move."""
    share = state.traffic.share(0, state.elapsed) or 0.0
    found: dict[str, int] = {}
    if share < ALONE:
        return found
    for name in (state.read_names.keys() | state.unread.keys()) - {rule.provider}:
        came = sum(names.get(name, Counter()).total() for names in (state.read_names, state.unread))
        known = state.known.traffic.get(name)
        usual = known.expected(0, state.elapsed) if known is not None else 0.0
        if came - usual > max(RISEN * usual, LEAST_TAKEN_OVER):
            found[name] = round(came - usual)
    return found


def is_in_place(came: int, missing: float) -> bool:
    """Whether so many rows may stand for what is missing: a good part of it, or as few of it as chance brings."""
    return min(came, missing) > 0 and (came >= INSTEAD * missing or chance_of_so_few(came, missing) > TOO_FEW)


def _strongest(volume: VolumeState) -> VolumeEvidence | None:
    return max(volume.changes, key=lambda found: found.value, default=None)


def _is_harm(rule: Rule, seen: int, expected: float) -> bool:
    """Whether a volume lies on a side that the card calls harm."""
    return (rule.max_drop is not None and seen < expected) or (rule.max_rise is not None and seen > expected)
