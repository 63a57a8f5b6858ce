"""Whether a provider's calls fail: at present (CUSUM), or slowly, over half of the window."""

from __future__ import annotations

from releaseguard import readable
from releaseguard.health.values import Grounds, HealthCondition, HealthState, Why
from releaseguard.health.window import Usual, Window
from releaseguard.stats.bounds import lower_share
from releaseguard.stats.cusum import ErrorCusum
from releaseguard.stats.onset import errors_since

TELLING = 300.0
"""The evidence of errors, or of a drop, from which a provider counts as troubled."""
SURE = 0.999
"""The confidence with which the error share of the window's newer half is above the usual."""
LOOKED_BACK = 2 * 1440
"""Minutes before the window in which the beginning of trouble is searched for."""
NEAR = 0.05
"""The fraction of a time, at its beginning, in which trouble that seems to begin may have begun earlier."""
FAILING = 0.5
"""The error share since trouble began from which a provider is down."""


def failing(window: Window, provider: str) -> HealthCondition | None:
    """More errors than chance explains, and since when; ``None`` where there are none."""
    if not _fails_now(window, provider) and not _fails_slowly(window, provider):
        return None
    usual, since = window.usual[provider], _since(window, provider)
    events, errors = window.counts(provider, since, window.length)
    calls = readable.count(events, "call")
    reason = f"{errors} of {calls} failed since {window.clock(since)}{_usually(usual)}"
    state = HealthState.DOWN if errors >= FAILING * events else HealthState.DEGRADED
    grounds = Grounds(Why.FAILED, events, errors, usual=usual.errors.share if usual.known else None)
    return HealthCondition(state, reason, grounds, window.moment(since))


def _fails_now(window: Window, provider: str) -> bool:
    cusum = ErrorCusum(window.usual[provider].assumed_errors)
    for events, errors in window.minutes(provider):
        cusum.minute(events, errors)
    return cusum.value >= TELLING


def _fails_slowly(window: Window, provider: str) -> bool:
    events, errors = window.counts(provider, window.length // 2, window.length)
    return lower_share(errors, events, SURE) > window.usual[provider].assumed_errors.bound


def _since(window: Window, provider: str) -> int:
    """The most likely minute from which the newer half's error share holds, after the usual one before; negative where
    it lies before the window."""
    usual = window.usual[provider].assumed_errors.share
    events, errors = window.counts(provider, window.length // 2, window.length)
    raised = min(max((errors + 0.5) / (events + 1.0), 2 * usual), 0.99)
    before, farthest = 0, min(LOOKED_BACK, window.start - window.first)
    while True:
        since = errors_since(window.minutes(provider, before), usual, raised) - before
        if since > NEAR * (window.length + before) - before or before >= farthest:
            return since
        before = min(window.length + 2 * before, farthest)


def _usually(usual: Usual) -> str:
    return f"; usually {readable.share(usual.errors.share)}" if usual.known else "; there is no history to compare with"
