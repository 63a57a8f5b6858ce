"""What a rule had seen when it failed. A failure is final, so it is recorded at once."""

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
    """Let the rule fail, unless it has already, or the release serves nobody and so cannot be the cause."""
    if rule.id not in state.failures and (found := _failure(state, rule, final_look)) is not None:
        state.failures[rule.id] = found


def would_fail(state: ReleaseState, rule: Rule, final_look: FinalLook | None = None) -> bool:
    """Whether the rule would fail if the evidence sufficed. Records nothing."""
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
    """Whether the new release is not certainly worse than the old one, which still serves: the cause may then be the
    provider or something shared. Where the old one worsened too, a warning is due; otherwise more must be seen."""
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
    """Whether events are lost and the new release makes its share of the rest."""
    volume = state.volumes[rule.id]
    if not found.is_loss or is_fewer(volume.split):
        return False
    own, others = state.rows_beside(rule, 0, state.length)
    if lost_too(state, rule, found):
        state.alike[rule.id] = Compared(found.since, own, 0, others, 0)
    return True


LOST_TOO = 0.7
"""The fraction of its expected share up to which the old release counts as having lost events too."""


def lost_too(state: ReleaseState, rule: Rule, found: Failure) -> bool:
    """Whether the old release made less than its share of the events, too."""
    first = max(found.since - state.deployed, 0)
    _, others = state.rows_beside(rule, first, state.length)
    share = state.traffic.share(first, state.length)
    return share is not None and others <= LOST_TOO * (1.0 - share) * found.expected


def still_serves(state: ReleaseState, rule: Rule) -> bool:
    """Whether the release that wrote the rule's events before still serves next to the new one. Releases of another
    component are no control, and a provider that was never used before has none."""
    if not state.known.is_used(rule):
        return False
    complete = state.look_minute - state.known.lags.usual.complete
    share = state.traffic.old_share(complete, NEWEST, NEWEST_ROWS, state.known.tags.get(rule.provider))
    return share >= STILL_SERVES


def level_before(state: ReleaseState, rule: Rule) -> KnownShare:
    """The share of errors above which a release is responsible: the usual one; that of an incident that began before
    and lasts; or, without a history, the ceiling."""
    errors, base = state.errors[rule.id], state.known.errors[rule.id]
    if errors.trouble is not None:
        return errors.trouble.level
    if not base.events and rule.ceiling is not None:
        return KnownShare(rule.ceiling, CERTAIN)
    return KnownShare(base.share, base.weight)


def level_of_all(errors: ErrorState, otherwise: KnownShare) -> tuple[int, KnownShare]:
    """All events that count against a share, and that share; ``otherwise`` applies to minutes without a share of their
    own."""
    events = Counter({otherwise: errors.counted[0]})
    if errors.trouble is None:
        events += _events_at_times(errors)
    return events.total(), of_all(events or {otherwise: 0})


def level_at_times(errors: ErrorState) -> tuple[int, KnownShare]:
    """The same for only the minutes with a share of their own."""
    events = _events_at_times(errors)
    return events.total(), of_all(events or {KnownShare(1.0, 1.0): 0})


def _events_at_times(errors: ErrorState) -> Counter[KnownShare]:
    events: Counter[KnownShare] = Counter()
    for minute, (total, _) in errors.at_times.items():
        events[errors.times[minute].average] += total
    return events


CERTAIN = 1e7
"""The weight of a share that is no estimate."""


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
    """More errors than usual, where nothing but errors is logged."""
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
    """The change of volume with the strongest evidence; ``None`` where there is none, or it is not this release's."""
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
    """The release's part of its share of the events, where that speaks most against it."""
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
"""The fraction of the missing events that, arriving under other names, make it a renaming and not a silence."""
TOO_FEW = 0.01
"""The probability up to which too few events arrived under other names for all missing ones to have been renamed."""


def is_no_loss(state: ReleaseState, rule: Rule, seen: int, expected: float) -> bool:
    """Whether the missing events arrived under another name, or belong to actions that write fewer rows than before."""
    return came_otherwise(state, rule, expected - seen) or _are_as_many_actions(state, rule, seen, expected)


def _are_as_many_actions(state: ReleaseState, rule: Rule, seen: int, expected: float) -> bool:
    """Whether at least half of the missing events would be there with as many rows per action as before. One mail
    instead of two may be intended, or be the loss of every second one, so this is reported and decides nothing."""
    found = state.rows_per_action(rule)
    if found is None or seen >= expected:
        return False
    usual, now = found
    return seen * (usual / now - 1.0) >= INSTEAD * (expected - seen)


def came_otherwise(state: ReleaseState, rule: Rule, missing: float) -> bool:
    """Whether something makes up for the missing events: successes under names that are new with the release (an event
    was renamed), rows under another environment's name (a writer's setting changed), or other providers."""
    came = sum(state.renamed(rule).values()) + state.strayed.providers.get(rule.provider, 0)
    return is_in_place(came, missing) or is_taken_over(state, rule, missing)


LEAST_TAKEN_OVER = 5
"""The number of successes above the usual below which another provider's rise may be chance."""
ALONE = 0.9
"""The share of the traffic from which a release counts as serving alone."""
RISEN = 0.5
"""The fraction of its usual successes by which a provider must have risen to replace another; users vary by less."""


def is_taken_over(state: ReleaseState, rule: Rule, missing: float) -> bool:
    """Whether other providers took over: a switch was flipped, or the app falls back to them. Rows do not say whether
    this was intended."""
    return 0 < missing <= sum(taken_over(state, rule).values()) / INSTEAD


def taken_over(state: ReleaseState, rule: Rule) -> Mapping[str, int]:
    """By provider, the release's successes above the usual, for those that have risen since it is live; empty where
    other releases serve next to it, whose share a loss would change."""
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
    """Whether that many rows may replace the missing ones: a good part of them, or as few as chance allows."""
    return min(came, missing) > 0 and (came >= INSTEAD * missing or chance_of_so_few(came, missing) > TOO_FEW)


def _strongest(volume: VolumeState) -> VolumeEvidence | None:
    return max(volume.changes, key=lambda found: found.value, default=None)


def _is_harm(rule: Rule, seen: int, expected: float) -> bool:
    """Whether a volume lies on a side that the card calls harm."""
    return (rule.max_drop is not None and seen < expected) or (rule.max_rise is not None and seen > expected)
