"""Sorts the rows around a deployment: those before it, and those of its window by when the log learned of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import NamedTuple

from releaseguard.stats.final_look import last_look
from releaseguard.stats.reading import SettledCells
from releaseguard.stats.series import AFTERMATH, LOOKBACK, Cell, Ledger, minute_of
from releaseguard.verification.values import Deployment, Promise
from releaseguard.verification.whose.live import live_before
from releaseguard.verification.whose.members import Members, Owner
from releaseguard.verification.whose.population import Population
from releaseguard.verification.whose.tags import release_in

SKEW = 15
"""How many minutes a writer's clock may be behind for its rows still to be taken as the new release's."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """The minutes ``[deployed, end)`` in which a release is judged."""

    deployed: int
    end: int
    final_look: int | None
    """The minute of the test at the window's end; ``None`` where a later deployment ended the window."""
    of_phones: bool
    """Whether the judged component runs on phones; otherwise rows of phones, whose releases live for weeks, count in no
    share."""
    live: int
    """The minute from which rows with the release's tag are its own: its mark, or earlier where it served before
    that."""
    cut_short: int | None = None
    """The minute of the deployment whose window this one ended."""

    @property
    def length(self) -> int:
        return self.end - self.deployed

    @property
    def settled(self) -> int:
        """The minute after which only late rows can change anything."""
        return self.end + AFTERMATH


def timeline_of(deployment: Deployment, promise: Promise, live: int | None = None) -> Timeline:
    """The window of a deployment, ended by a later one; it is counted from the mark, whenever the release went live."""
    deployed = minute_of(deployment.deployed_at)
    end = deployed + promise.window_minutes
    if deployment.followed_at is not None:
        end = max(min(end, minute_of(deployment.followed_at)), deployed + 1)
    length = end - deployed
    # A following deployment may be the answer to what was seen: an end that depends on that is no fixed one.
    final_look = deployed + last_look(length) if length == promise.window_minutes else None
    cut_short = None if deployment.cut_short is None else minute_of(deployment.cut_short)
    return Timeline(deployed, end, final_look, deployment.is_of_phones, deployed if live is None else live, cut_short)


class Arrived(NamedTuple):
    """A cell as the log learned of it: the minute for which it counts, and whether it belongs to the new release."""

    occurred: int
    ours: bool
    cell: Cell

    @property
    def is_event(self) -> bool:
        """Whether it is real traffic: no row of a test user, no mere repeat, no other component's."""
        return self.cell.is_traffic

    @property
    def _says_whose(self) -> bool:
        """Whether it names any release or deployment."""
        return self.cell.deployment_id is not None or release_in(self.cell.release) is not None

    @property
    def is_tagged(self) -> bool:
        """Whether it names the new release or its deployment."""
        return self.ours and self._says_whose

    @property
    def is_of_another(self) -> bool:
        """Whether another release wrote it in the same minutes. A row without a tag from before the mark, or its very
        minute, may be of either."""
        return not self.ours and self._says_whose


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The cells around one deployment."""

    timeline: Timeline
    before: Sequence[Cell]
    """The cells from before the release was live."""
    settled: Sequence[SettledCells]
    """The same, as far as they come by the hour."""
    by_minute: Mapping[int, Sequence[Arrived]]
    """The cells since then, by the minute in which the log learned of them; what it knew at the mark counts as learned
    then."""

    lags: Mapping[int, Counter[int]]
    """Minute of recording -> how many minutes late how much of the traffic around the mark was."""
    behind: Sequence[Cell]
    """Rows of the release that claim to be older than it, because their writers' clocks are behind."""

    @property
    def names(self) -> Set[tuple[str, str]]:
        """Provider and event of everything before."""
        hours = {(one.hour.provider, one.hour.event) for one in self.settled}
        return hours | {(cell.provider, cell.event) for cell in self.before}

    def after(self, start: int, end: int) -> Sequence[int]:
        """The minutes in ``[start, end)`` in which anything arrived."""
        return sorted(minute for minute in self.by_minute if start <= minute < end)

    def live_since(self, look: int) -> int | None:
        """The minute in which the log learned of the first row with the release's tag, as of a look; the minute since
        which it is live, where that was before its mark; ``None`` where no such row is known."""
        if self.timeline.live < self.timeline.deployed:
            return self.timeline.live
        seen = (
            minute
            for minute, arrived in self.by_minute.items()
            if minute < look and any(one.is_tagged and one.is_event for one in arrived)
        )
        return min(seen, default=None)


def arrivals_of(ledger: Ledger, deployment: Deployment, promise: Promise, population: Population) -> Arrivals:
    """The ledger's cells around a deployment: its own, other releases', and those of the time before."""
    members = Members(deployment, population.tags)
    deployed = minute_of(deployment.deployed_at)
    earliest = deployed - population.lead_minutes
    if deployment.back_since is not None:
        earliest = max(earliest, minute_of(deployment.back_since) + 1)
    lead = ledger.near(deployed - population.lead_minutes - LOOKBACK, deployed)
    timeline = timeline_of(deployment, promise, live_before(lead, members, deployed, earliest))
    near = ledger.near(timeline.live - LOOKBACK, timeline.settled)
    sorter = _Sorter(timeline, members, _had_a_life_before(near, timeline, members))
    before: list[Cell] = []
    by_minute: dict[int, list[Arrived]] = defaultdict(list)
    for cell in near:
        arrived = sorter.arrived(cell)
        if arrived is None:
            before.append(cell)
        else:
            by_minute[max(cell.recorded, deployed)].append(arrived)
    behind = [one.cell for arrived in by_minute.values() for one in arrived if one.cell.occurred < timeline.live]
    return Arrivals(
        timeline, before, ledger.settled(timeline.live - LOOKBACK), by_minute, _lags(near, timeline), behind
    )


def _lags(near: Sequence[Cell], timeline: Timeline) -> Mapping[int, Counter[int]]:
    lags: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for cell in near:
        if cell.is_traffic and cell.recorded >= timeline.live - SKEW:
            lags[cell.recorded][max(cell.recorded - cell.occurred, 0)] += cell.total
    return lags


def _had_a_life_before(near: Sequence[Cell], timeline: Timeline, members: Members) -> bool:
    """Whether the log knew the release before it went live: late rows may then be from that time."""
    return any(cell.recorded < timeline.live and members.of(cell) is Owner.OURS for cell in near)


@dataclass(frozen=True, slots=True)
class _Sorter:
    """Separates what arrived since the release was live from what was before."""

    timeline: Timeline
    members: Members
    had_a_life_before: bool

    def arrived(self, cell: Cell) -> Arrived | None:
        """The cell as it counts; ``None`` where it belongs to the time before."""
        occurred, live = min(cell.occurred, cell.recorded), self.timeline.live
        member = self.members.of(cell)
        if member is Owner.OURS and occurred < live <= cell.recorded and not self.had_a_life_before:
            return Arrived(self._by_the_logs_clock(occurred, cell), True, cell)
        if occurred < live:
            return None
        untagged = member is Owner.UNTAGGED and cell.occurred > self.timeline.deployed
        return Arrived(occurred, member is Owner.OURS or untagged, cell)

    def _by_the_logs_clock(self, occurred: int, cell: Cell) -> int:
        """The minute for a row of the release that claims to be older than the release, since its writer's clock is
        behind.

        A row slightly too old counts for the first minute; for any other, the minute of its recording is the best
        estimate.
        """
        live = self.timeline.live
        return live if live - occurred <= SKEW else cell.recorded
