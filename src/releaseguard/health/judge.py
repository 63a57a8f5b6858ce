"""How each provider is, from counts per minute: pure, one look, the same statistics that judge a release.

What is usual comes from the week before the window (:mod:`releaseguard.stats.baseline`). Errors are judged
by a CUSUM, which forgets good times and so says how things are *now*; the volume by the Bayes factor of a drop
against as usual, with the other providers telling absent users from a broken provider.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate, pairwise
from typing import TypeVar

from releaseguard import readable
from releaseguard.health.values import Grounds, HealthCondition, HealthState, Why
from releaseguard.stats.baseline import (
    BaselineSpan,
    ErrorBaseline,
    VolumeBaseline,
    error_baseline,
    shared_variance,
    volume_baseline,
)
from releaseguard.stats.bounds import lower_share
from releaseguard.stats.completeness import ENOUGH, dead_minutes, lags_of
from releaseguard.stats.cusum import ErrorCusum
from releaseguard.stats.evidence import (
    DROP,
    DROP_OF_FEW,
    FEW_EXPECTED,
    ONSET_EVERY,
    Others,
    VolumeChange,
    VolumeEvidence,
    rise,
    volume_evidence,
)
from releaseguard.stats.series import Cell, KnownSeries, Ledger
from releaseguard.stats.silence import IDLE_BELOW
from releaseguard.traces import Traces, no_trace, problem

T = TypeVar("T")
TELLING = 300.0
"""The evidence of errors, or of a drop, from which on a provider is called troubled."""
SURE = 0.999
"""Confidence at which the share of errors in the newer half of the window is above the usual."""
FAILING = 0.5
"""The share of errors since trouble began from which on a provider is down."""
UNKNOWN_SHARE = 0.05
"""Errors up to this share are taken for usual where there is no history."""
SETTLED = 2
"""Whole minutes without anything of anybody, at least, for the log to be called down."""
SILENT_FROM = 7.0
"""Events that must have been expected for their absence to be called silence: P(none | 7) = 0.1%."""


@dataclass(frozen=True, slots=True)
class Usual:
    """What the time before the window lets one expect of one provider in it."""

    errors: ErrorBaseline
    volume: VolumeBaseline
    rates: Sequence[float]
    """Events a minute, at the level of previous days or today's, whichever is higher: after hours of an outage
    today's level would call it usual."""
    shared: float

    @property
    def known(self) -> bool:
        return self.errors.events > 0


class Window:
    """The traffic of an environment: a window ``[start, end)`` in minutes since 1970, and the time before it."""

    def __init__(
        self, cells: Iterable[Cell], start: int, end: int, baseline: int, traces: Traces | None = None
    ) -> None:
        self.traces = traces or Traces(no_trace)
        self.broken: dict[str, Exception] = {}
        """What broke the reading of a provider's past, by its name; the others are judged without it."""
        self.start, self.end, self.length = start, end, end - start
        self._ledger = Ledger((), (start,), self.length)
        self._ledger.add(cells)
        self.providers: Sequence[str] = tuple(self._ledger.providers)
        """Those with any traffic in the window or before it that can be judged; ``known``: all of them."""
        first = self._ledger.first
        self._span = BaselineSpan(min(max(start - baseline, first if first is not None else start), start), start)
        inside = [cell for cell in self._ledger.near(start, end) if not cell.synthetic]
        self.lags = lags_of(cell for cell in inside if cell.occurred < end - 1)
        self.newest = max((cell.occurred for cell in self._ledger.near(start, end)), default=None)
        self.usual = self._usual()
        self.known = self.providers
        self.providers = tuple(self.usual)
        self.dead = self._dead()

    def counts(self, provider: str, start: int, end: int) -> tuple[int, int]:
        """Events and errors of the minutes ``[start, end)`` after the window's beginning."""
        return self._ledger.series(provider).counts(self.start + start, self.start + min(end, self.length))

    def course(self, provider: str, parts: int) -> Sequence[tuple[int, int]]:
        """Successes and errors of equal parts of the window."""
        edges = [round(i * self.length / parts) for i in range(parts + 1)]
        found = [self.counts(provider, a, b) for a, b in pairwise(edges)]
        return [(events - errors, errors) for events, errors in found]

    def newest_minute(self, provider: str, *, errors: bool) -> int | None:
        """The minute of the provider's newest success or error, also before the window."""
        series = self._ledger.series(provider)
        low, high = self._span.start, self.end
        if not _of(series.counts(low, high), errors):
            return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _of(series.counts(middle, high), errors) else (low, middle)
        return low

    @property
    def log_down(self) -> bool:
        """Whether nothing of anybody has come for so long that events must be missing."""
        start = 0 if self.newest is None else self.newest + 1 - self.start
        due = (self.due(provider)[start:] for provider in self.providers)
        return self.length - 1 - start >= SETTLED and sum(sum(rates) for rates in due) >= ENOUGH

    def due(self, provider: str) -> Sequence[float]:
        """Events that each minute should have brought by now: nothing yet of the one under way, and with what is
        usually still on its way taken off."""
        arrival, rates = self.lags.of(provider), self.usual[provider].rates
        return [*(rate * arrival.share(self.length - 1 - m) for m, rate in enumerate(rates[:-1])), 0.0]

    def _usual(self) -> Mapping[str, Usual]:
        volumes = self._each(self.providers, self._volume)

        def usual(name: str) -> Usual:
            others = [volume for other, volume in volumes.items() if other != name]
            return Usual(
                errors=error_baseline(self._series(name), self._span, minutes=self.length),
                volume=volumes[name],
                rates=_at_least_as_before(volumes[name]),
                shared=shared_variance(volumes[name], others),
            )

        return self._each(volumes, usual)

    def _series(self, provider: str) -> KnownSeries:
        return KnownSeries(self._ledger.series(provider), ())

    def _volume(self, provider: str) -> VolumeBaseline:
        return volume_baseline(self._series(provider), self._span, complete=self.start, minutes=self.length)

    def _each(self, providers: Iterable[str], work: Callable[[str], T]) -> dict[str, T]:
        """What the work gives of each provider, but for those that break it."""
        found: dict[str, T] = {}
        for name in providers:
            try:
                found[name] = work(name)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is this provider's and nobody else's
                self.broken[name] = error
        return found

    def _dead(self) -> Sequence[bool]:
        totals = [sum(self.counts(name, m, m + 1)[0] for name in self.providers) for m in range(self.length)]
        hoped = [sum(self.usual[name].rates[m] for name in self.providers) for m in range(self.length)]
        return dead_minutes(totals, hoped)


def _of(counts: tuple[int, int], errors: bool) -> int:
    return counts[1] if errors else counts[0] - counts[1]


def _at_least_as_before(volume: VolumeBaseline) -> Sequence[float]:
    raised = 1.0 / volume.level if 0 < volume.level < 1 else 1.0
    return [rate * raised for rate in volume.rates]


# --- one provider ----------------------------------------------------------------------------------------------


def condition_of(window: Window, provider: str) -> HealthCondition:
    """How the provider is at the window's end; where that breaks, that, and no other provider with it."""
    try:
        return _condition_of(window, provider)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this provider's and nobody else's
        return not_judged(provider, error, window.traces)


def not_judged(provider: str, error: Exception, traces: Traces) -> HealthCondition:
    """The condition of a provider that could not be judged."""
    trace = traces.of(provider, error)
    grounds = Grounds(Why.BROKEN, problem=type(error).__name__, trace=trace)
    return HealthCondition(HealthState.UNKNOWN, f"not judged: {problem(error, trace)}", grounds)


def _condition_of(window: Window, provider: str) -> HealthCondition:
    if provider in window.broken:
        raise window.broken[provider]
    if provider not in window.usual:
        return HealthCondition(HealthState.UNKNOWN, "no event in the log", Grounds(Why.NO_HISTORY))
    if window.log_down:
        reason = "nothing of any provider arrives: the log has stopped, or nobody writes to it"
        return HealthCondition(HealthState.UNKNOWN, reason, Grounds(Why.LOG_STOPPED))
    events, errors = window.counts(provider, 0, window.length)
    return (
        _failing(window, provider)
        or _fewer(window, provider)
        or (_some(window, provider, events, errors) if events else _none(window, provider))
    )


def _failing(window: Window, provider: str) -> HealthCondition | None:
    """Errors: now by the CUSUM, or slowly by the newer half of the window."""
    if not _fails_now(window, provider) and not _fails_slowly(window, provider):
        return None
    since = _failing_since(window, provider)
    events, errors = window.counts(provider, since, window.length)
    calls, usually = readable.count(events, "call"), _usually(window.usual[provider])
    reason = f"{errors} of {calls} failed since {_clock(window, since)}{usually}"
    state = HealthState.DOWN if errors >= FAILING * events else HealthState.DEGRADED
    usual = window.usual[provider]
    grounds = Grounds(Why.FAILED, events, errors, usual=usual.errors.share if usual.known else None)
    return HealthCondition(state, reason, grounds, _moment(window, since))


def _fails_now(window: Window, provider: str) -> bool:
    trouble = ErrorCusum(_or_unknown(window.usual[provider].errors))
    for minute in range(window.length):
        trouble.minute(*window.counts(provider, minute, minute + 1))
    return trouble.value >= TELLING


def _fails_slowly(window: Window, provider: str) -> bool:
    events, errors = window.counts(provider, window.length // 2, window.length)
    return lower_share(errors, events, SURE) > _or_unknown(window.usual[provider].errors).bound


def _failing_since(window: Window, provider: str) -> int:
    """The likeliest minute from which on the newer half's share of errors holds, where it was the usual one before."""
    usual = _or_unknown(window.usual[provider].errors).share
    events, errors = window.counts(provider, window.length // 2, window.length)
    raised = min(max((errors + 0.5) / (events + 1.0), 2 * usual), 0.99)
    bad, good = math.log(raised / usual), math.log((1 - raised) / (1 - usual))
    since, most, held = 0, -math.inf, 0.0
    for minute in reversed(range(window.length)):
        events, errors = window.counts(provider, minute, minute + 1)
        held += errors * bad + (events - errors) * good
        if held > most:
            since, most = minute, held
    return since


def _or_unknown(usual: ErrorBaseline) -> ErrorBaseline:
    return usual if usual.events else ErrorBaseline(0, 0, UNKNOWN_SHARE, 1.0 / UNKNOWN_SHARE, 0)


def _usually(usual: Usual) -> str:
    return f"; usually {readable.share(usual.errors.share)}" if usual.known else "; there is no history to compare with"


def _fewer(window: Window, provider: str) -> HealthCondition | None:
    """A drop of the volume, or silence, since some moment in the window."""
    found = _drop(window, provider)
    if found is None or found.value < TELLING:
        return None
    newest = _newest(window, provider)
    missing = sum(window.due(provider)[max(newest + 1, 0) :])
    if missing >= SILENT_FROM:
        return _silent(window, newest, missing)
    reason = f"{found.seen} events since {_clock(window, found.onset)}, where {found.expected:.0f} were to be expected"
    grounds = Grounds(Why.VOLUME, found.seen, expected=found.expected)
    return HealthCondition(HealthState.DEGRADED, reason, grounds, _moment(window, found.onset))


def _newest(window: Window, provider: str) -> int:
    """The minute of the newest event, from the window's beginning; negative before it."""
    return max(window.newest_minute(provider, errors=errors) or 0 for errors in (True, False)) - window.start


def _silent(window: Window, newest: int, missing: float) -> HealthCondition:
    since = f"since {_clock(window, newest)}" if newest >= 0 else "in the window"
    reason = f"no event {since}, where {missing:.0f} were to be expected; others go on"
    return HealthCondition(HealthState.SILENT, reason, Grounds(Why.SILENT, expected=missing), _moment(window, newest))


def _drop(window: Window, provider: str) -> VolumeEvidence | None:
    due = window.due(provider)
    if sum(due) < ENOUGH:
        return None
    return _changed(window, provider, DROP_OF_FEW if sum(due) < FEW_EXPECTED else DROP)


def _changed(window: Window, provider: str, change: VolumeChange) -> VolumeEvidence | None:
    """The evidence of a change of volume since some moment in the window."""
    usual, rising = window.usual[provider], change.tolerated > 1
    # A spike that has gone on for hours has raised today's level, which must not call it usual.
    lowered = 1.0 / max(usual.volume.level, 1.0) if rising else 1.0
    due = [lowered * rate for rate in window.due(provider)]
    alive = [m for m in range(window.length - max(window.lags.of(provider).counts, 1)) if not window.dead[m]]
    if not alive:
        return None
    seen = _running(window.counts(provider, m, m + 1)[0] for m in alive)
    hoped = _running(due[m] for m in alive)
    found = volume_evidence(
        [round(number) for number in seen],
        hoped,
        change=change,
        variance=usual.volume.variance,
        dispersion=usual.volume.dispersion,
        others=_others(window, provider, alive),
        onsets=range(0, len(alive), ONSET_EVERY),
        slots=max(window.length // ONSET_EVERY, 1),
    )
    onset = _changed_since(seen, hoped, rising=rising)
    return VolumeEvidence(found.value, alive[onset], round(seen[-1] - seen[onset]), hoped[-1] - hoped[onset])


def _changed_since(seen: Sequence[float], hoped: Sequence[float], *, rising: bool) -> int:
    """The likeliest minute from which on there are fewer (or, ``rising``, more) events than hoped for: the largest
    likelihood ratio of a Poisson rate. The evidence itself is capped, and dates nothing that is beyond doubt."""
    since, most = 0, -math.inf
    for minute in range(len(seen) - 1):
        came, usual = seen[-1] - seen[minute], hoped[-1] - hoped[minute]
        if usual <= 0 or (came > usual) is not rising:
            continue
        held = came * math.log(came / usual) - (came - usual) if came else usual
        if held > most:
            since, most = minute, held
    return since


def spike_of(window: Window, provider: str, harm: float) -> HealthCondition | None:
    """A rise of the volume to about ``harm`` times the usual one or more, if there is one."""
    if provider not in window.usual or window.log_down or not window.usual[provider].volume.days:
        return None
    found = _changed(window, provider, rise(harm))
    if found is None or found.value < TELLING:
        return None
    reason = f"{found.seen} events since {_clock(window, found.onset)}, where {found.expected:.0f} were to be expected"
    grounds = Grounds(Why.VOLUME, found.seen, expected=found.expected)
    return HealthCondition(HealthState.DEGRADED, reason, grounds, _moment(window, found.onset))


def _running(numbers: Iterable[float]) -> list[float]:
    return list(accumulate(numbers, initial=0.0))


def _others(window: Window, provider: str, alive: Sequence[int]) -> Others:
    """What the other providers show in the same minutes: whether the users are there."""
    names = [name for name in window.providers if name != provider]
    dispersion = {name: window.usual[name].volume.dispersion for name in names}
    due = {name: window.due(name) for name in names}
    return Others(
        _running(sum(window.counts(name, m, m + 1)[0] / dispersion[name] for name in names) for m in alive),
        _running(sum(due[name][m] / dispersion[name] for name in names) for m in alive),
        window.usual[provider].shared,
    )


def _some(window: Window, provider: str, events: int, errors: int) -> HealthCondition:
    if lower_share(errors, events, SURE) >= FAILING:
        # So it was for days, and has become what is usual.
        reason = f"{errors} of {readable.count(events, 'call')} failed, as before the window"
        usual = window.usual[provider].errors.share
        return HealthCondition(
            HealthState.DOWN, reason, Grounds(Why.FAILED, events, errors, usual=usual), _moment(window, 0)
        )
    if errors == events:
        reason = f"{readable.count(events, 'call')}, failed: too few to tell trouble from chance"
        return HealthCondition(HealthState.UNKNOWN, reason, Grounds(Why.ALL_OF_FEW_FAILED, events, errors))
    failed = (
        f"{errors} of {readable.count(events, 'call')} failed"
        if errors
        else f"{readable.count(events, 'call')}, none failed"
    )
    return HealthCondition(HealthState.HEALTHY, failed, Grounds(Why.CALLS, events, errors))


def _none(window: Window, provider: str) -> HealthCondition:
    """Nothing in the window. What was to be expected shrinks with what the others see: idle users call nobody."""
    expected = sum(window.due(provider))
    others = [name for name in window.providers if name != provider]
    seen = sum(window.counts(name, 0, window.length)[0] for name in others)
    hoped = sum(sum(window.due(name)) for name in others)
    left = min((seen + 1.0) / (hoped + 1.0), 1.0)
    if expected < IDLE_BELOW:
        grounds = Grounds(Why.NONE_EXPECTED, expected=expected)
        return HealthCondition(HealthState.IDLE, f"no event, and {_about(expected)} was to be expected", grounds)
    if expected * left < IDLE_BELOW:
        grounds = Grounds(Why.OTHERS_QUIET, expected=expected, usual=left)
        return HealthCondition(
            HealthState.IDLE, f"no event; the other providers see {left:.0%} of their usual traffic too", grounds
        )
    if expected * left < SILENT_FROM:
        reason = f"no event, where {expected:.0f} were to be expected: chance can do that"
        return HealthCondition(HealthState.UNKNOWN, reason, Grounds(Why.BY_CHANCE, expected=expected))
    return _silent(window, _newest(window, provider), expected)


def _about(expected: float) -> str:
    return "none" if expected < 0.5 else f"hardly any ({expected:.0f})"


def _moment(window: Window, minute: int) -> datetime:
    return datetime.fromtimestamp((window.start + minute) * 60, UTC)


def _clock(window: Window, minute: int) -> str:
    return readable.clock(_moment(window, minute))
