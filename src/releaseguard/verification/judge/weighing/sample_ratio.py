"""Whether a release's share of the traffic is itself odd, so that what is judged by it has to be read with care."""

from __future__ import annotations

from dataclasses import dataclass

from releaseguard.stats.evidence.control import chance_alike
from releaseguard.verification.judge.state import ReleaseState
from releaseguard.verification.judge.weighing.others import STILL_SERVES

LEAST_HOPED = 30.0
"""Events of all providers to be expected below which no sum of them is odd."""
MISSING = 0.7
"""The part of what was expected that both releases make together, below which their sum is odd."""
FELL = 0.6
"""The part of its earlier share at which a release's share has fallen."""
BY_CHANCE = 0.001
"""The probability, were the share the same all along, up to which it has."""


@dataclass(frozen=True, slots=True)
class TrafficShare:
    """A release's share of the traffic beside an older one that still serves."""

    share: float
    earlier: float
    later: float
    """The same in the first and in the second half of the minutes since it is live."""
    made: float
    """What all releases together made, over what was expected of all providers."""
    is_missing: bool
    """Whether that is surely less than usual."""
    has_fallen: bool
    """Whether the later share is surely smaller than the earlier one."""


def share_of_traffic(state: ReleaseState) -> TrafficShare | None:
    """The release's share as of this look; ``None`` where it serves alone or not at all.

    A release that loses whatever it is given makes less of every provider's events: no provider's part of its own
    traffic shows that, while the sum of both releases does, as absent users would; and its share falls where what is
    in front of it sends the users elsewhere.
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
    """Rows of the release, and of all that carry any, in the minutes ``[start, end)`` after the mark."""
    own, others = sum(state.traffic.own_rows[start:end]), sum(state.traffic.others_rows[start:end])
    return own, own + others
