"""Whether a release's share of the traffic is itself odd, so that verdicts based on it have to be read with care."""

from __future__ import annotations

from dataclasses import dataclass

from releaseguard.stats.evidence.control import chance_alike
from releaseguard.verification.judge.state import ReleaseState
from releaseguard.verification.judge.weighing.others import STILL_SERVES

LEAST_HOPED = 30.0
"""The expected events of all providers below which their sum is never odd."""
MISSING = 0.7
"""The fraction of the expected events, made by both releases together, up to which their sum is odd."""
FELL = 0.6
"""The fraction of its earlier share up to which a release's share has fallen."""
BY_CHANCE = 0.001
"""The probability, if the share were constant, up to which it has fallen."""


@dataclass(frozen=True, slots=True)
class TrafficShare:
    """A release's share of the traffic next to an older one that still serves."""

    share: float
    earlier: float
    later: float
    """The share in the first (``earlier``) and second half of the minutes since the release is live."""
    made: float
    """The events of all releases together over those expected of all providers."""
    is_missing: bool
    """Whether that is certainly less than usual."""
    has_fallen: bool
    """Whether the later share is certainly smaller than the earlier one."""


def share_of_traffic(state: ReleaseState) -> TrafficShare | None:
    """The release's share at this look; ``None`` where it serves alone or not at all.

    A release that loses part of whatever it is given makes fewer of every provider's events. No provider's part of its
    own traffic shows that, but the sum of both releases does, as absent users would; and its share falls where a load
    balancer sends users elsewhere.
    """
    end = min(max(state.look_minute - state.known.lags.usual.complete - state.deployed, 0), state.length)
    traffic = state.traffic
    first = next((minute for minute in range(end) if traffic.own_rows[minute]), end)
    middle = (first + end) // 2
    (own, every), (late_own, late) = _rows(state, first, middle), _rows(state, middle, end)
    whole, total = own + late_own, every + late
    if not every or not late or not whole or 1.0 - whole / total < STILL_SERVES:
        return None
    hoped = sum(state.hoped[first:end])
    seen = sum(sum(minutes[first:end]) for minutes in traffic.events.values())
    earlier, later = own / every, late_own / late
    return TrafficShare(
        share=whole / total,
        earlier=earlier,
        later=later,
        made=seen / hoped if hoped else 1.0,
        is_missing=hoped >= LEAST_HOPED and seen <= MISSING * hoped,
        has_fallen=later <= FELL * earlier and chance_alike((late, late_own), (every, own)) <= BY_CHANCE,
    )


def _rows(state: ReleaseState, start: int, end: int) -> tuple[int, int]:
    """The release's rows, and all tagged rows, in the minutes ``[start, end)`` after the mark."""
    own, others = sum(state.traffic.own_rows[start:end]), sum(state.traffic.others_rows[start:end])
    return own, own + others
