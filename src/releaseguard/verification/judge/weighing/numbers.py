"""The number of errors of a provider of which nothing but errors is logged: their share is always the whole."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from releaseguard.stats.baseline import HOUR, ErrorBaseline
from releaseguard.stats.evidence.volumes import ONSET_EVERY, Others, rise, volume_evidence
from releaseguard.stats.final_look import chance_of_volume
from releaseguard.verification.judge.state import ErrorState, ReleaseState
from releaseguard.verification.judge.traffic import SETTLED

HARM = 4.0
"""Times the most that is usual from which on so many errors are harm."""
VARIANCE = 0.1
"""Of the level of an hour over that of the worst of a hundred: a third of it."""
_CHANGE = rise(HARM)


def errors_alone(usual: ErrorBaseline) -> bool:
    """Whether the history holds errors and not one success."""
    return 0 < usual.events == usual.errors


def weigh_number(state: ReleaseState, errors: ErrorState) -> None:
    """Weigh the number of the release's errors against the most that is usual, where that is all that tells."""
    tests = errors.tests
    if tests is None or not errors_alone(state.known.errors[errors.rule.id]):
        return
    seen, expected = _minutes(state, errors)
    tests.number = volume_evidence(
        list(accumulate(seen, initial=0)),
        list(accumulate(expected, initial=0.0)),
        change=_CHANGE,
        variance=VARIANCE,
        dispersion=1.0,
        others=_nobody(len(seen)),
        onsets=range(0, max(len(seen) - SETTLED, 0) + 1, ONSET_EVERY),
        slots=max(state.length // ONSET_EVERY, 1),
    )


def number_seen(state: ReleaseState, errors: ErrorState) -> tuple[int, int, float] | None:
    """From which minute of the window on they speak most against the release, how many came since, and how many are
    usual; ``None`` where that is no more, or where the release writes successes, so that errors are not all there
    is."""
    found = None if errors.tests is None else errors.tests.number
    if found is None or errors.errors < errors.events:
        return None
    since = _first(state, errors) + found.onset
    came = sum(bad for minute, (_, bad) in errors.minutes.items() if minute >= state.deployed + since)
    return (since, came, found.expected) if came > found.expected else None


def chance_of_number(state: ReleaseState, errors: ErrorState) -> float:
    """The probability of so many errors or more, at the most that is usual."""
    seen, expected = _minutes(state, errors)
    return chance_of_volume(
        seen, expected, change=_CHANGE, variance=VARIANCE, dispersion=1.0, others=_nobody(len(seen))
    )


def _minutes(state: ReleaseState, errors: ErrorState) -> tuple[Sequence[int], Sequence[float]]:
    """Errors of the minutes so far, of which one counts for no more than a few, and how many may be usual in each: as
    many as in this hour, in the worst of a hundred, or right before the release, whichever is most."""
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
"""Errors that one minute counts for at most, or as many times the harm: a burst of a minute or two decides nothing."""


def _nobody(minutes: int) -> Others:
    return Others([0.0] * (minutes + 1), [0.0] * (minutes + 1), 0.0)
