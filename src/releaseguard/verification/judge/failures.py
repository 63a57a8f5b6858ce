"""What a rule had seen when it failed. A failure is final, so it is written down at once."""

from __future__ import annotations

from collections.abc import Mapping

from releaseguard.stats.bounds import likelihood_ratio
from releaseguard.stats.evidence.volumes import VolumeEvidence
from releaseguard.stats.silence import SilenceCause
from releaseguard.verification.judge.log import silence_of
from releaseguard.verification.judge.state import Failure, FinalLook, ReleaseState, VolumeState
from releaseguard.verification.values import Rule


def fail(state: ReleaseState, rule: Rule, final_look: FinalLook | None = None) -> None:
    """The rule fails, unless it did already or the release serves nobody: what it did not do is not its fault."""
    if rule.id in state.failures or not state.traffic.is_live:
        return
    seen = _errors_seen if rule.kind == "signal" else _change_seen
    found = seen(state, rule, final_look)
    if found is not None:
        state.failures[rule.id] = found


def _errors_seen(state: ReleaseState, rule: Rule, final_look: FinalLook | None) -> Failure | None:
    """The errors that speak most against the release; ``None`` where their share is not above the usual."""
    errors, cause = state.errors[rule.id], silence_of(state, rule)
    share = state.known.errors[rule.id].share
    whole = state.timeline.live, errors.events, errors.errors
    stretch = _most_telling(errors.minutes, share) if final_look is None else whole
    if stretch is None or stretch[2] <= share * stretch[1]:
        return None
    return Failure(
        minute=state.look_minute,
        events=stretch[1],
        errors=stretch[2],
        since=stretch[0],
        # Errors come from somewhere: where there are any, the release is live.
        cause=None if cause is SilenceCause.RELEASE_NOT_LIVE else cause,
        final_look=final_look,
    )


def _most_telling(minutes: Mapping[int, tuple[int, int]], usual: float) -> tuple[int, int, int] | None:
    """The last stretch of minutes whose share of errors is farthest above the usual one, by its likelihood ratio:
    its first minute, events and errors; ``None`` where none is above it."""
    found, most, events, errors = None, 0.0, 0, 0
    for minute in sorted(minutes, reverse=True):
        total, bad = minutes[minute]
        events, errors = events + total, errors + bad
        ratio = likelihood_ratio(errors, events, usual, errors / events) if errors > usual * events else 0.0
        if ratio > most:
            found, most = (minute, events, errors), ratio
    return found


def _change_seen(state: ReleaseState, rule: Rule, final_look: FinalLook | None) -> Failure | None:
    """The change of volume that is the strongest evidence; ``None`` where it is not this release's, or none."""
    volume, cause = state.volumes[rule.id], silence_of(state, rule)
    if cause is SilenceCause.RELEASE_NOT_LIVE:
        return None
    found = _strongest(volume) if final_look is None else VolumeEvidence(0.0, 0, volume.judged, volume.expected)
    if found is None or not _is_harm(rule, found.seen, found.expected):
        return None
    return Failure(
        minute=state.look_minute,
        events=found.seen,
        expected=found.expected,
        since=state.deployed + found.onset,
        # A silence explains too few events, and no spike.
        cause=cause if found.seen < found.expected else None,
        final_look=final_look,
    )


def _strongest(volume: VolumeState) -> VolumeEvidence | None:
    return max(volume.changes, key=lambda found: found.value, default=None)


def _is_harm(rule: Rule, seen: int, expected: float) -> bool:
    """Whether a volume lies on a side that the card calls harm."""
    return (rule.max_drop is not None and seen < expected) or (rule.max_rise is not None and seen > expected)
