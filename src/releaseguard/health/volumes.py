"""Whether a provider's volume changed: the Bayes factor of a drop or rise against the usual volume, where the other
providers tell absent users from a broken provider."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import accumulate

from releaseguard.health.errors import TELLING
from releaseguard.health.values import Grounds, HealthCondition, HealthState, Why
from releaseguard.health.window import Window
from releaseguard.stats.completeness import ENOUGH
from releaseguard.stats.evidence.volumes import (
    ONSET_EVERY,
    CountedVolume,
    Onsets,
    Others,
    VolumeChange,
    VolumeEvidence,
    drop_of,
    rise,
    volume_evidence,
)
from releaseguard.stats.onset import change_since

SILENT_FROM = 7.0
"""The number of expected events from which their absence counts as silence: P(none | 7) = 0.1%."""


def fewer(window: Window, provider: str) -> HealthCondition | None:
    """A drop of the volume, or silence, since some moment in the window; ``None`` where there is none."""
    found = _drop(window, provider)
    if found is None or found.value < TELLING:
        return None
    newest = window.newest_event(provider)
    missing = sum(window.due(provider)[max(newest + 1, 0) :])
    return silent(window, newest, missing) if missing >= SILENT_FROM else _changed_condition(window, found)


def spike_of(window: Window, provider: str, harm: float) -> HealthCondition | None:
    """A rise of the volume to about ``harm`` times the usual or more; ``None`` where there is none."""
    if provider not in window.usual or window.log_down or not window.usual[provider].volume.days:
        return None
    found = _changed(window, provider, rise(harm))
    return None if found is None or found.value < TELLING else _changed_condition(window, found)


def surely_due(expected: float, known: int) -> float:
    """The number of events that would make their absence, under a Poisson distribution, as improbable as it is for
    ``expected`` events whose rate is Gamma distributed with shape ``known``, the number of events from which it was
    estimated."""
    return known * math.log1p(expected / known) if known else 0.0


def silent(window: Window, newest: int, missing: float) -> HealthCondition:
    """Nothing since ``newest`` (negative: since before the window), where ``missing`` events were expected."""
    since = f"since {window.clock(newest)}" if newest >= 0 else "in the window"
    reason = f"no event {since}, where {missing:.0f} were expected; others go on"
    grounds = Grounds(Why.SILENT, expected=missing)
    return HealthCondition(HealthState.SILENT, reason, grounds, window.moment(newest))


def _changed_condition(window: Window, found: VolumeEvidence) -> HealthCondition:
    since = window.clock(found.onset)
    reason = f"{found.seen} events since {since}, where {found.expected:.0f} were expected"
    grounds = Grounds(Why.VOLUME, found.seen, expected=found.expected)
    return HealthCondition(HealthState.DEGRADED, reason, grounds, window.moment(found.onset))


def _drop(window: Window, provider: str) -> VolumeEvidence | None:
    expected = sum(window.due(provider))
    if expected < ENOUGH:
        return None
    return _changed(window, provider, drop_of(expected))


def _changed(window: Window, provider: str, change: VolumeChange) -> VolumeEvidence | None:
    """The evidence of a change of volume since some moment in the window.

    The evidence is capped, so where there is no doubt it cannot date the change: the most likely onset is used.
    """
    usual, rising = window.usual[provider], change.tolerated > 1
    # A spike that has gone on for hours has raised today's level, which must not call it usual.
    lowered = 1.0 / max(usual.volume.level, 1.0) if rising else 1.0
    due = [lowered * rate for rate in window.due(provider, at_most=rising)]
    alive = [m for m in range(window.length - max(window.lags.of(provider).counts, 1)) if not window.dead[m]]
    if not alive:
        return None
    seen = _running(window.counts(provider, m, m + 1)[0] for m in alive)
    hoped = _running(due[m] for m in alive)
    volume = CountedVolume(
        seen=[round(number) for number in seen],
        expected=hoped,
        variance=usual.volume.variance,
        dispersion=usual.volume.dispersion,
        others=_others(window, provider, alive),
    )
    onsets = Onsets(range(0, len(alive), ONSET_EVERY), max(window.length // ONSET_EVERY, 1))
    found = volume_evidence(volume, change, onsets)
    onset = change_since(seen, hoped, rising=rising)
    return VolumeEvidence(found.value, alive[onset], round(seen[-1] - seen[onset]), hoped[-1] - hoped[onset])


def _running(numbers: Iterable[float]) -> list[float]:
    return list(accumulate(numbers, initial=0.0))


def _others(window: Window, provider: str, alive: Sequence[int]) -> Others:
    """The other providers' events in the same minutes, which show whether users are there."""
    names = [name for name in window.providers if name != provider]
    dispersion = {name: window.usual[name].volume.dispersion for name in names}
    due = {name: window.due(name) for name in names}
    return Others(
        _running(sum(window.counts(name, m, m + 1)[0] / dispersion[name] for name in names) for m in alive),
        _running(sum(due[name][m] / dispersion[name] for name in names) for m in alive),
        window.usual[provider].shared,
    )
