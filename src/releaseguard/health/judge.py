"""The condition of each provider from counts per minute, by the same statistics that judge a release. Pure."""

from __future__ import annotations

from releaseguard import readable
from releaseguard.health.errors import FAILING, LOOKED_BACK, SURE, failing
from releaseguard.health.values import Grounds, HealthCondition, HealthState, Why
from releaseguard.health.volumes import SILENT_FROM, fewer, silent, surely_due
from releaseguard.health.window import Window
from releaseguard.stats.bounds import lower_share
from releaseguard.stats.silence import IDLE_BELOW
from releaseguard.traces import Traces, problem


def condition_of(window: Window, provider: str) -> HealthCondition:
    """The provider's condition at the window's end. A bug in judging it affects no other provider."""
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
        reason = "nothing arrives from any provider: the app is down, the log has stopped, or nobody writes to it"
        return HealthCondition(HealthState.UNKNOWN, reason, Grounds(Why.LOG_STOPPED))
    return failing(window, provider) or fewer(window, provider) or _as_usual(window, provider)


def _as_usual(window: Window, provider: str) -> HealthCondition:
    """Neither more errors nor fewer events than chance explains."""
    events, errors = window.counts(provider, 0, window.length)
    return _some(window, provider, events, errors) if events else _none(window, provider)


def _some(window: Window, provider: str, events: int, errors: int) -> HealthCondition:
    calls = readable.count(events, "call")
    if _has_failed_for_long(window, provider):
        grounds = Grounds(Why.FAILED, events, errors, usual=window.usual[provider].errors.share)
        reason = f"{errors} of {calls} failed, as before the window"
        return HealthCondition(HealthState.DOWN, reason, grounds, window.moment(0))
    if errors == events:
        reason = f"{calls}, failed: too few to tell trouble from chance"
        return HealthCondition(HealthState.UNKNOWN, reason, Grounds(Why.ALL_OF_FEW_FAILED, events, errors))
    usual = window.usual[provider].assumed_errors
    if lower_share(errors, events, SURE) > usual.bound:
        grounds = Grounds(Why.RECOVERED, events, errors, usual=usual.share)
        reason = f"{errors} of {calls} failed, and the newest are as usual again; usually {readable.share(usual.share)}"
        return HealthCondition(HealthState.HEALTHY, reason, grounds)
    reason = f"{errors} of {calls} failed" if errors else f"{calls}, none failed"
    return HealthCondition(HealthState.HEALTHY, reason, Grounds(Why.CALLS, events, errors))


def _has_failed_for_long(window: Window, provider: str) -> bool:
    """Whether at least half of the calls have failed for so long that this has become usual: in the window, or, where
    it holds too few calls, in the time before it."""
    before, farthest = 0, min(LOOKED_BACK, window.start - window.first)
    while True:
        events, errors = window.counts(provider, -before, window.length)
        if lower_share(errors, events, SURE) >= FAILING:
            return True
        if errors < FAILING * events or before >= farthest:
            return False
        before = min(window.length + 2 * before, farthest)


def _none(window: Window, provider: str) -> HealthCondition:
    """The condition without any event in the window. The fewer events other providers have, the fewer were expected:
    idle users call nobody."""
    expected, left = sum(window.due(provider)), _users_left(window, provider)
    if expected < IDLE_BELOW:
        grounds = Grounds(Why.NONE_EXPECTED, expected=expected)
        return HealthCondition(HealthState.IDLE, f"no event, and {_about(expected)} was expected", grounds)
    if expected * left < IDLE_BELOW:
        grounds = Grounds(Why.OTHERS_QUIET, expected=expected, usual=left)
        reason = f"no event; the other providers see {left:.0%} of their usual traffic too"
        return HealthCondition(HealthState.IDLE, reason, grounds)
    due = surely_due(expected * left, window.usual[provider].volume.events)
    if due < SILENT_FROM:
        reason = f"no event, where {due:.0f} were expected: that may be chance"
        return HealthCondition(HealthState.UNKNOWN, reason, Grounds(Why.BY_CHANCE, expected=due))
    return silent(window, window.newest_event(provider), expected)


def _users_left(window: Window, provider: str) -> float:
    """The fraction of their usual traffic that the other providers have, at most 1."""
    others = [name for name in window.providers if name != provider]
    seen = sum(window.counts(name, 0, window.length)[0] for name in others)
    hoped = sum(sum(window.due(name)) for name in others)
    return min((seen + 1.0) / (hoped + 1.0), 1.0)


def _about(expected: float) -> str:
    return "none" if expected < 0.5 else f"hardly any ({expected:.0f})"
