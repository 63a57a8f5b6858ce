"""What arrived since a deployment, counted by minute and by which release wrote it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import timedelta

from releaseguard import readable
from releaseguard.eventlog.counts import MinuteCount
from releaseguard.stats.completeness import ENOUGH
from releaseguard.stats.series import Cell, minute_of
from releaseguard.stats.silence import STILL_SERVING
from releaseguard.verification.judge.arrivals import Arrived, Timeline
from releaseguard.verification.whose.behind import NEVER_SET

SETTLED = 2
"""The complete minutes that a change of volume must have lasted."""


@dataclass(slots=True)
class LogState:
    """The state of the log at a look."""

    newest: int | None = None
    """The newest minute of which any row had arrived."""
    arrived: int | None = None
    """The newest minute in which a row arrived that was not old then: the log worked, whatever time the row claims."""
    silent_expected: float = 0.0
    """The events of all providers that should have arrived since then."""
    clump: float = 1.0
    """How many events come at once, by the dispersion of all providers' events together."""
    fresh: int = 0
    tagged: int = 0
    old: int = 0
    repeats: int = 0
    events: int = 0
    """Traffic since the deployment: of the new release, of those with its tag, of other releases, repeats, all."""
    elsewhere: int = 0
    """Rows of other components since the deployment, which only show that the log works."""

    @property
    def down(self) -> bool:
        return self.silent_expected >= ENOUGH * self.clump

    def count(self, arrived: Arrived) -> None:
        """Count real events of the window."""
        total = arrived.cell.total
        self.events += total
        self.fresh += total if arrived.ours else 0
        self.tagged += total if arrived.is_tagged else 0
        self.old += total if arrived.is_of_another else 0


def tag_of(cell: Cell) -> str:
    """What identifies the release that wrote a row; empty where nothing does."""
    return cell.release or cell.deployment_id or ""


@dataclass(slots=True)
class Writers:
    """A provider's events by tag: of the new release, without a tag but after the release came, of another release."""

    tagged: int = 0
    untagged: int = 0
    old: int = 0

    def count(self, arrived: Arrived) -> None:
        """Count events; those without a tag that may belong to either release are not counted."""
        total = arrived.cell.total
        if arrived.is_tagged:
            self.tagged += total
        elif arrived.ours:
            self.untagged += total
        elif arrived.is_of_another:
            self.old += total


@dataclass(frozen=True, slots=True)
class LateRows:
    """Rows that arrived in the minutes before a look and claim to be much older."""

    rows: int
    minutes: int
    """The median age in minutes."""
    is_clock: bool
    """Whether all have the same age, as with a clock that is behind; otherwise a queue is being worked off or old rows
    imported."""
    never_set: bool = False
    """Whether they claim times before the app existed: from a clock that nobody set, or in another unit than
    expected."""

    @property
    def words(self) -> str:
        """What they are, as the beginning of a sentence."""
        by = readable.exactly(timedelta(minutes=self.minutes))
        if self.never_set:
            return (
                f"rows reach the log with times before {NEVER_SET.year}: a writer's clock was never set, or its "
                "milliseconds are read as seconds"
            )
        if self.is_clock:
            return f"rows reach the log with times {by} older than that: a writer's clock is behind"
        return f"rows reach the log that are about {by} old: a queue is being worked off, or history is being imported"


ARRIVING = 15
"""Minutes before a look whose arrivals show whether the log's rows are current."""
OLD = 20
"""The age in minutes from which rows are neither on their way nor in the next batch."""
SAME_CLOCK = 4
"""The range in minutes within which the ages from one wrong clock lie."""


@dataclass(slots=True)
class Beside:
    """One minute of a rule: what the release and other releases did at the same time. Only tagged rows count."""

    own: int = 0
    own_bad: int = 0
    others: int = 0
    others_bad: int = 0
    """Actions, and the actions among them that the rule counts as errors."""
    own_rows: int = 0
    others_rows: int = 0

    def count(self, arrived: Arrived, *, bad: bool) -> None:
        """Count a cell that names a release."""
        tried, rows = arrived.cell.tried, arrived.cell.total
        if arrived.is_tagged:
            self.own += tried
            self.own_bad += tried if bad else 0
            self.own_rows += rows
        elif arrived.is_of_another:
            self.others += tried
            self.others_bad += tried if bad else 0
            self.others_rows += rows


@dataclass(frozen=True, slots=True)
class Sides:
    """Rows by minute since the deployment: those with the new release's tag, and those of other releases."""

    new: list[int]
    old: list[int]


class ReleaseTraffic:
    """What all providers' rows since the deployment say, for all checks."""

    def __init__(self, timeline: Timeline) -> None:
        length = timeline.length
        self._timeline = timeline
        self.log = LogState()
        self.events: dict[str, list[int]] = defaultdict(lambda: [0] * length)
        """By provider: real events of each minute."""
        self.sides: dict[str, Sides] = defaultdict(lambda: Sides([0] * length, [0] * length))
        """By provider: who wrote its rows, in the same minutes."""
        self.rows = [0] * length
        """Rows of anybody by minute, repeats and the test user's included: each is a sign of life."""
        self.writers: dict[str, Writers] = defaultdict(Writers)
        """By provider."""
        self.last_event: dict[str, int] = {}
        """By provider: the minute of the newest event of the new release."""
        self.own_rows = [0] * length
        """Traffic that carries the release by minute since the mark."""
        self.others_rows = [0] * length
        """Traffic of other releases by minute since the mark."""
        self.tags: Counter[str] = Counter()
        """Rows of other releases since the mark, by what they carry."""
        self.others: dict[str, list[int]] = defaultdict(lambda: [0] * length)
        """The same, by minute."""
        self.lags: Mapping[int, Counter[int]] = {}
        """By the minute in which the log learned of rows: how many minutes late so many of them were."""
        self._first_tagged: int | None = None
        """The minute after the deployment in which the release was first seen to serve anybody."""

    def count(self, arrivals: Sequence[Arrived]) -> Sequence[Arrived]:
        """Count what arrived; returns the real events of the window among it."""
        for arrived in arrivals:
            self._see(arrived)
        events = [arrived for arrived in arrivals if arrived.is_event and arrived.occurred < self._timeline.end]
        for event in events:
            self._count(event)
        return events

    def _see(self, arrived: Arrived) -> None:
        """Take a row as a sign that the log works."""
        log, cell = self.log, arrived.cell
        if log.newest is None or arrived.occurred > log.newest:
            log.newest = arrived.occurred
        lived = arrived.occurred if cell.recorded - arrived.occurred >= OLD else max(cell.recorded, arrived.occurred)
        log.arrived = lived if log.arrived is None else max(log.arrived, lived)
        if self._timeline.deployed <= arrived.occurred < self._timeline.end:
            self.rows[arrived.occurred - self._timeline.deployed] += cell.total + cell.repeats
            log.repeats += cell.repeats
            log.elsewhere += cell.total if cell.elsewhere else 0

    def _count(self, event: Arrived) -> None:
        cell, offset = event.cell, event.occurred - self._timeline.deployed
        if offset < 0 and not event.is_tagged:
            return
        if cell.client is self._timeline.of_phones:
            self.log.count(event)
            self._count_share(event, offset)
        self.writers[cell.provider].count(event)
        if offset >= 0:
            self.events[cell.provider][offset] += cell.total
        if event.ours:
            self.last_event[cell.provider] = max(self.last_event.get(cell.provider, 0), event.occurred)

    def _count_share(self, event: Arrived, offset: int) -> None:
        sides, rows = self.sides[event.cell.provider], event.cell.total
        if event.is_of_another:
            self.others_rows[offset] += rows
            sides.old[offset] += rows
            tag = tag_of(event.cell)
            self.tags[tag] += rows
            self.others[tag][offset] += rows
        elif event.is_tagged:
            self._count_own(offset, rows, sides)

    def _count_own(self, offset: int, rows: int, sides: Sides) -> None:
        if offset >= 0:
            self.own_rows[offset] += rows
            sides.new[offset] += rows
        if self._first_tagged is None or offset < self._first_tagged:
            self._first_tagged = max(offset, 0)

    def share(self, start: int, end: int) -> float | None:
        """The release's fraction of all tagged rows in the minutes ``[start, end)`` after the mark; ``None`` where
        there are none."""
        own, others = sum(self.own_rows[start:end]), sum(self.others_rows[start:end])
        return own / (own + others) if own + others else None

    @property
    def is_deserted(self) -> bool:
        """Whether nothing of the component has arrived although the log works, as other components' rows show."""
        return not self.writers and self.log.elsewhere >= ENOUGH

    @property
    def is_live(self) -> bool:
        """Whether the release serves anybody, by the tags; where no tags are written, by time."""
        return self.log.tagged > 0 or self.log.old <= self.log.fresh

    def old_share(self, until: int, minutes: int, rows: int, tags: Set[str] | None) -> float:
        """The fraction of the traffic that other releases (those with one of ``tags``, where these are known) served
        right before minute ``until``. It is taken over ``minutes`` minutes, or as many more as have ``rows`` rows;
        where there are fewer rows in all, it is the fraction of ``rows``."""
        end = min(max(until - self._timeline.deployed, 0), self._timeline.length)
        old = [one for tag, one in self.others.items() if not tags or tag in tags]
        own = others = 0
        for minute in range(end - 1, -1, -1):
            if own + others >= rows and minute < end - minutes:
                break
            own += self.own_rows[minute]
            others += sum(one[minute] for one in old)
        return others / max(own + others, rows)

    def note_late(self, rows: Iterable[MinuteCount]) -> None:
        """Note rows from hours before the deployment that the log learned of since. They count for their own time, and
        show that the log is being written to."""
        lags = defaultdict(Counter, {minute: Counter(held) for minute, held in self.lags.items()})
        for row in rows:
            if row.recorded_minute is not None and row.count > 0:
                lag = (row.recorded_minute - row.occurred_minute) // timedelta(minutes=1)
                lags[minute_of(row.recorded_minute)][lag] += row.count
        self.lags = lags

    def live_from(self, hoped: Sequence[float]) -> int:
        """The minute after the deployment from which the volume is the release's, and no longer that of others."""
        first = self._first_tagged or 0
        expected, old = sum(hoped[:first]), sum(self.others_rows[:first])
        return first if first > SETTLED and old >= STILL_SERVING * expected else 0


def late_rows(arrived: Mapping[int, Counter[int]], look: int) -> LateRows | None:
    """The old rows among those that arrived right before a look; ``None`` where most of them are current.

    ``arrived`` is as in :attr:`ReleaseTraffic.lags`.
    """
    lags: Counter[int] = Counter()
    for minute in range(look - ARRIVING, look):
        lags.update(arrived.get(minute, Counter()))
    old = sorted(lag for lag, rows in lags.items() if lag >= OLD for _ in range(rows))
    if 2 * len(old) <= lags.total() or not old:
        return None
    low, high = old[len(old) // 10], old[len(old) - 1 - len(old) // 10]
    never_set = look - low < minute_of(NEVER_SET)
    return LateRows(len(old), old[len(old) // 2], never_set or high - low <= SAME_CLOCK, never_set)
