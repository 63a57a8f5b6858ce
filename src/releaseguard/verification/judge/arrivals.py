"""The rows around a deployment, sorted: those of before it, and those of its window by when the log learned of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from releaseguard.stats.final_look import last_look
from releaseguard.stats.series import AFTERMATH, LOOKBACK, Cell, Ledger, minute_of
from releaseguard.verification.values import Deployment, Promise

SKEW = 15
"""Minutes by which a writer's clock may lag and its rows of the new release still be taken for that."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """The minutes ``[deployed, end)`` in which a release is looked at."""

    deployed: int
    end: int
    final_look: int | None
    """The minute of the one test at the window's end; ``None`` where a following deployment ended the window."""

    @property
    def length(self) -> int:
        return self.end - self.deployed

    @property
    def settled(self) -> int:
        """The minute from which on only late rows change anything."""
        return self.end + AFTERMATH


def timeline_of(deployment: Deployment, promise: Promise) -> Timeline:
    """The window of a deployment, cut where another one follows."""
    deployed = minute_of(deployment.deployed_at)
    end = deployed + promise.window_minutes
    if deployment.followed_at is not None:
        end = max(min(end, minute_of(deployment.followed_at)), deployed + 1)
    length = end - deployed
    # A following deployment may be the answer to what was seen: an end that depends on that is no fixed one.
    return Timeline(deployed, end, deployed + last_look(length) if length == promise.window_minutes else None)


class Arrived(NamedTuple):
    """A cell as the log learned of it: the minute that it counts for, and whether it is the new release's."""

    occurred: int
    ours: bool
    cell: Cell

    @property
    def is_event(self) -> bool:
        """Whether it is real traffic: no test user's row, and no mere repeat."""
        return not self.cell.synthetic and self.cell.total > 0

    @property
    def is_tagged(self) -> bool:
        """Whether it carries the new release."""
        return self.ours and self.cell.release is not None

    @property
    def is_of_another(self) -> bool:
        """Whether another release wrote it; without a tag, in the very minute of the deployment, either may have."""
        return not self.ours and self.cell.release is not None


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The cells around one deployment."""

    before: Sequence[Cell]
    by_minute: Mapping[int, Sequence[Arrived]]
    """Those since the deployment, by the minute in which the log learned of them."""

    def after(self, start: int, end: int) -> Sequence[int]:
        """The minutes ``[start, end)`` in which anything arrived."""
        return sorted(minute for minute in self.by_minute if start <= minute < end)


def arrivals_of(ledger: Ledger, timeline: Timeline, release: str) -> Arrivals:
    """The cells of the ledger around the deployment of ``release``."""
    deployed = timeline.deployed
    near = ledger.near(deployed - LOOKBACK, timeline.settled)
    running = any(cell.release == release and cell.recorded < deployed - 1 for cell in near)
    before: list[Cell] = []
    by_minute: dict[int, list[Arrived]] = defaultdict(list)
    for cell in near:
        occurred = min(cell.occurred, cell.recorded)
        ours = cell.release == release
        if ours and not running and deployed - SKEW <= occurred < deployed <= cell.recorded:
            occurred = deployed
        if occurred < deployed:
            before.append(cell)
        else:
            untagged = cell.release is None and cell.occurred > deployed
            by_minute[cell.recorded].append(Arrived(occurred, ours or untagged, cell))
    return Arrivals(before, by_minute)
