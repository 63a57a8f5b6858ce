"""Judges the number of errors of a provider of which only errors are logged, since their share is always 1."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from releaseguard.stats.baseline import HOUR, ErrorBaseline
from releaseguard.stats.evidence.volumes import ONSET_EVERY, CountedVolume, Onsets, Others, rise, volume_evidence
from releaseguard.stats.final_look import chance_of_volume
from releaseguard.verification.judge.state import ErrorState, ReleaseState
from releaseguard.verification.judge.traffic import SETTLED

HARM = 4.0
"""The multiple of the highest usual number from which errors are harm."""
VARIANCE = 0.1
"""The variance of an hour's level over that of the worst of a hundred hours: a deviation of a third."""
_CHANGE = rise(HARM)


def errors_alone(usual: ErrorBaseline) -> bool:
    """Whether the history holds errors and not one success."""
    return 0 < usual.events == usual.errors


def weigh_number(state: ReleaseState, errors: ErrorState) -> None:
    """Weigh the number of the release's errors against the highest usual one, where only the number says anything."""
    tests = errors.tests
    if tests is None or not errors_alone(state.known.errors[errors.rule.id]):
        return
    seen, expected = _minutes(state, errors)
    volume = CountedVolume(
        seen=list(accumulate(seen, initial=0)),
        expected=list(accumulate(expected, initial=0.0)),
        variance=VARIANCE,
        dispersion=1.0,
        others=_nobody(len(seen)),
    )
    onsets = range(0, max(len(seen) - SETTLED, 0) + 1, ONSET_EVERY)
    tests.number = volume_evidence(volume, _CHANGE, Onsets(onsets, max(state.length // ONSET_EVERY, 1)))


def number_seen(state: ReleaseState, errors: ErrorState) -> tuple[int, int, float] | None:
    """The minute of the window from which the errors speak most against the release, the number since then, and the
    usual number; ``None`` where there are no more than usual, or where the release writes successes, so that the number
    is not all there is."""
    found = None if errors.tests is None else errors.tests.number
    if found is None or errors.errors < errors.events:
        return None
    since = _first(state, errors) + found.onset
    came = sum(bad for minute, (_, bad) in errors.minutes.items() if minute >= state.deployed + since)
    return (since, came, found.expected) if came > found.expected else None


def chance_of_number(state: ReleaseState, errors: ErrorState) -> float:
    """The probability of that many errors or more at the highest usual level."""
    seen, expected = _minutes(state, errors)
    return chance_of_volume(
        seen, expected, change=_CHANGE, variance=VARIANCE, dispersion=1.0, others=_nobody(len(seen))
    )


def _minutes(state: ReleaseState, errors: ErrorState) -> tuple[Sequence[int], Sequence[float]]:
    """The errors of the minutes so far, each limited to a few, and the number that may be usual in each: the largest of
    this hour's, that of the worst of a hundred hours, and that right before the release."""
    known, name, length = state.known, errors.rule.id, state.elapsed
    usual = known.expected_events(errors.rule, length) / max(length, 1)
    usual = max(usual, known.errors[name].worst_hour / HOUR, known.lately[name])
    most = max(MOST_OF_A_MINUTE, round(MOST_OF_A_MINUTE * HARM * usual))
    minutes = range(state.deployed + _first(state, errors), state.deployed + length)
    return [min(errors.minutes.get(minute, (0, 0))[1], most) for minute in minutes], [usual] * len(minutes)


def _first(state: ReleaseState, errors: ErrorState) -> int:
    """The first minute of the window that counts."""
    return max(state.timeline.live + errors.rule.grace_minutes - state.deployed, 0)


MOST_OF_A_MINUTE = 3
"""The most errors that one minute counts for, or that many times the harm, so that a burst of a minute or two decides
nothing."""


def _nobody(minutes: int) -> Others:
    return Others([0.0] * (minutes + 1), [0.0] * (minutes + 1), 0.0)
