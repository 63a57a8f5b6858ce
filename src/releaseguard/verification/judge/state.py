"""What the judge holds of a release at the newest look."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from releaseguard.stats.batches import DailyBatch
from releaseguard.stats.evidence.errors import ShareProcess
from releaseguard.stats.evidence.laws import KnownShare, Times
from releaseguard.stats.evidence.split import Expected
from releaseguard.stats.evidence.volumes import VolumeEvidence
from releaseguard.stats.series import Cell
from releaseguard.stats.silence import SilenceCause
from releaseguard.verification.judge.arrivals import Arrivals, Arrived, Timeline
from releaseguard.verification.judge.pre_deployment import PreDeployment
from releaseguard.verification.judge.traffic import Beside, ReleaseTraffic
from releaseguard.verification.judge.weighing.errors import ErrorTests
from releaseguard.verification.judge.weighing.others import Compared
from releaseguard.verification.judge.weighing.trouble import RETURNS, Doubt, PriorTrouble
from releaseguard.verification.values import Promise, Rule
from releaseguard.verification.whose.strayed import NOWHERE


@dataclass(slots=True)
class ErrorState:
    """What the new release's rows say about one signal rule so far."""

    rule: Rule
    events: int = 0
    errors: int = 0
    minutes: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Events and errors of each minute."""
    tagged: int = 0
    """Those of ``events`` that carry the release; the others merely came after the deployment."""
    old_events: int = 0
    old_errors: int = 0
    old: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Events and errors of other releases in each minute since the deployment, phones left out: the control."""
    tests: ErrorTests | None = None
    prior: PriorTrouble | None = None
    """Set where an incident from before the deployment was in progress at the first look."""
    doubt: Doubt | None = None
    """Set where lesser trouble from before the deployment may still be in progress, or an ended incident may return."""
    others: ShareProcess | None = None
    """The evidence that other releases fail more often since this one came."""
    times: Times = field(default_factory=dict)
    """The minutes with a usual error share of their own."""
    at_times: dict[int, tuple[int, int]] = field(default_factory=dict)
    """The release's events and errors in these minutes, which are not part of ``events`` and ``errors``."""
    strays: Counter[str] = field(default_factory=Counter)
    """Errors of the new release by events that no check names."""

    @property
    def trouble(self) -> PriorTrouble | None:
        """The incident from before the deployment, while it goes on."""
        return None if self.prior is None or self.prior.over else self.prior

    @property
    def own(self) -> Mapping[int, tuple[int, int]]:
        """Events and errors of the release in each minute: those that count, or, while an incident from before goes
        on, those that are held against its level."""
        return self.minutes if self.trouble is None else self.trouble.minutes

    @property
    def counted(self) -> tuple[int, int]:
        """The sums of these minutes' events and errors."""
        return (self.events, self.errors) if self.trouble is None else self.trouble.counted

    @property
    def all_own(self) -> Mapping[int, tuple[int, int]]:
        """The same with the minutes that have their own usual share."""
        return {**self.own, **self.at_times} if self.at_times else self.own

    @property
    def old_otherwise(self) -> Mapping[int, tuple[int, int]]:
        """Those of other releases in the minutes that have none."""
        return {minute: held for minute, held in self.old.items() if minute not in self.times}

    def usual_in(self, minute: int, otherwise: KnownShare) -> KnownShare:
        """The usual share of a minute of :attr:`at_times`; that of all others is ``otherwise``."""
        return self.times[minute].average if minute in self.at_times else otherwise

    @property
    def value(self) -> float:
        """The rule's e-value: the average of its tests."""
        value = 1.0 if self.tests is None else self.tests.value
        if self.doubt is not None:
            value = self.doubt.of_both(value)
        return value if self.prior is None else 0.5 * (value + self.prior.process.value)

    @property
    def leaning(self) -> float:
        """The evidence against "as usual", ignoring that an ended incident may return."""
        is_over = self.doubt is not None and self.doubt.likely <= RETURNS
        return self.tests.value if is_over and self.tests is not None else self.value

    def add_stray(self, cell: Cell) -> None:
        """Count the name of an error that no check names."""
        if self.rule.reading.is_stray(cell.event, cell.ok):
            self.strays[cell.event] += cell.tried


@dataclass(slots=True)
class VolumeState:
    """What all rows since the deployment say about one volume rule."""

    rule: Rule
    seen: list[int] = field(default_factory=list)
    fresh: int = 0
    """Events of the new release."""
    tagged: int = 0
    split: Expected | None = None
    """The release's part of the events where it serves beside another, and what it should be."""
    split_value: float = 1.0
    """The evidence that it is less."""
    value: float = 1.0
    drop: VolumeEvidence | None = None
    rise: VolumeEvidence | None = None
    complete: int = 0
    """The minute after the deployment up to which the rule's events have arrived."""
    judged: int = 0
    expected: float = 0.0
    """Events in the judged minutes, and how many were expected."""
    chance: float = 1.0
    """The probability of a volume so unusual in the judged minutes, while everything is as usual."""
    missed: DailyBatch | None = None
    """A batch of its events that has not come by the time at which it always had."""

    @property
    def changes(self) -> Sequence[VolumeEvidence]:
        """The changes that were looked for."""
        return [found for found in (self.drop, self.rise) if found is not None]

    def count(self, event: Arrived, offset: int) -> None:
        """Count an event of the rule in a minute after the deployment."""
        total = event.cell.total
        self.seen[offset] += total
        self.fresh += total if event.ours else 0
        self.tagged += total if event.is_tagged else 0


@dataclass(frozen=True, slots=True)
class FinalLook:
    """What the test at the window's end says about a rule."""

    chance: float
    """The probability of what came, or of worse, while everything is as usual."""
    allowed: float
    """The probability at or below which the rule fails."""
    minute: int
    """The look."""

    @property
    def fails(self) -> bool:
        return self.chance <= self.allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What a rule had seen when it failed; later rows do not change it."""

    minute: int
    """The look."""
    events: int
    """Since the minute ``since``, from which on they speak most against the release."""
    errors: int = 0
    expected: float = 0.0
    """The expected events of a volume rule."""
    since: int
    cause: SilenceCause | None
    usual: float | None = None
    """The usual share of errors in these minutes, where it is that of this time of day."""
    share: float | None = None
    """The release's share of the traffic, where it lost part of it next to an older release."""
    final_look: FinalLook | None = None
    """The test that failed it, where that was the one at the end of the window."""

    @property
    def is_loss(self) -> bool:
        """Whether a volume rule failed for too few events rather than too many."""
        return self.events < self.expected


@dataclass(frozen=True, slots=True)
class Readers:
    """The rules that count one kind of row."""

    errors: Sequence[tuple[ErrorState, bool]]
    """Each with whether such a row is an error to it."""
    volumes: Sequence[VolumeState]
    if_renamed: Sequence[ErrorState]
    """Those to which it is a success where an event was renamed: its name came with the release."""


RENAMED = 0.1
"""The ratio of successes under known names to those under new ones below which an event counts as renamed."""
OWN_STEPS = 30
"""Minutes before a release is live in which its own steps (a migration) may have begun to harm the old one."""
MOST_STRAYED = 0.1
"""The part of a provider's rows that may stand in another environment where the rest still passes it."""
LEAST_ACTIONS = 20
"""Actions from which on one tells how many rows each writes."""


NOBODY = Beside()
"""A minute in which neither the release nor another wrote anything."""


class ReleaseState:
    """One release at the newest look: what is known of the time before it, and what came since."""

    def __init__(self, rules: Sequence[Rule], timeline: Timeline, promise: Promise) -> None:
        self.rules, self.timeline, self.promise = rules, timeline, promise
        self.look_minute = timeline.deployed
        self.traffic = ReleaseTraffic(timeline)
        self.errors = {rule.id: ErrorState(rule) for rule in rules if rule.kind == "signal"}
        self.volumes = {rule.id: VolumeState(rule, [0] * timeline.length) for rule in rules if rule.kind == "volume"}
        self._readers: dict[tuple[str, str, bool, bool], Readers] = {}
        self.beside: dict[str, dict[int, Beside]] = {rule.id: {} for rule in rules}
        """By rule and minute: the release beside the others that serve at the same time, since it is live."""
        self.known_names: Set[tuple[str, str]] = frozenset()
        """Provider and event of what was written before the release was live."""
        self.written_before: Mapping[str, tuple[int, int]] = {}
        """By volume rule: rows, and the actions that they stand for, in the hours before the release was live."""
        self.read_names: dict[str, Counter[str]] = {}
        """By provider: successes of the release that some rule reads, by event."""
        self.unread: dict[str, Counter[str]] = {}
        """By provider: successes of the release that no rule reads, by event."""
        self.removed: frozenset[str] = frozenset()
        """Providers that the release no longer uses, as its mark says."""
        self.strayed = NOWHERE
        """What it wrote under another environment's name."""
        self.expect_traffic: float | None = None
        """Times the usual traffic that its mark says to expect."""
        self.rolls_back = False
        """Whether the mark, or what was deployed before, says that this goes back."""
        self.before: PreDeployment | None = None
        self.live_since: int | None = None
        """The minute in which the log first saw the release serve; ``None``: it has not."""
        self.hoped: Sequence[float] = ()
        """Events of all providers that each minute should bring."""
        self.final_looks: dict[str, FinalLook] = {}
        """By rule, once the last look has been taken."""
        self.failures: dict[str, Failure] = {}
        """What failed a rule, by id."""
        self.alike: dict[str, Compared] = {}
        """Rules that would fail, where the old release in the same minutes worsened alike, by id."""
        self.harmed: dict[str, Compared] = {}
        """Rules by which other releases fail more often since this one came, by id."""
        self.evidence = self.peak = self.failing = 1.0
        """The checklist's one number: the average e-value of its blocking rules, now, at its highest, and at its
        highest where a rule that brought it there would have failed, had it been enough; at the last look also how
        many times rarer than it may be the rarest thing was, in units of that number."""

    @property
    def known(self) -> PreDeployment:
        """What is known of the time before; available after the first look."""
        if self.before is None:
            raise LookupError("nothing has been looked at yet")
        return self.before

    @property
    def deployed(self) -> int:
        return self.timeline.deployed

    @property
    def length(self) -> int:
        return self.timeline.length

    @property
    def judged_until(self) -> int:
        """The minute up to which this look judges: its own, or the window's end."""
        return min(self.look_minute, self.timeline.end)

    @property
    def elapsed(self) -> int:
        """Minutes of the window that are over."""
        return max(self.judged_until - self.deployed, 0)

    @property
    def is_final_look(self) -> bool:
        """Whether this is the look at which the one test at the window's end is held."""
        return self.look_minute == self.timeline.final_look

    @property
    def threshold(self) -> float:
        """What the average must reach for a FAIL (Ville's inequality)."""
        return 1.0 / self.promise.false_alarm

    @property
    def failed(self) -> Mapping[str, int]:
        """Rule id -> the look at which it failed."""
        return {name: failure.minute for name, failure in self.failures.items()}

    def readers_of(self, cell: Cell) -> Readers:
        """The rules that count such a row."""
        key = cell.provider, cell.event, cell.ok, cell.client
        if key not in self._readers:
            self._readers[key] = Readers(
                [(one, bad) for one in self.errors.values() if (bad := _reads(one.rule, cell)) is not None],
                [one for one in self.volumes.values() if _reads(one.rule, cell) is not None],
                [one for one in self.errors.values() if self._is_new_success(one.rule, cell)],
            )
        return self._readers[key]

    def _is_new_success(self, rule: Rule, cell: Cell) -> bool:
        """Whether a cell is a success of the rule's provider by a name that came with the release."""
        is_his = rule.provider == cell.provider and rule.reading.takes(client=cell.client)
        is_new = (cell.provider, cell.event) not in self.known_names
        return is_his and is_new and rule.reading.is_new_success(cell.event, cell.ok)

    def seems_renamed(self, rule: Rule) -> bool:
        """Whether the release writes successes of the provider by new names in place of those that are read: else an
        event that was renamed would leave the errors alone with each other."""
        new, read = sum(self.renamed(rule).values()), self.read_names.get(rule.provider, Counter()).total()
        usual = self.known.expected_events(rule, self.elapsed) * (self.traffic.share(0, self.elapsed) or 1.0)
        return RENAMED * (min(new, usual) if self.known.errors[rule.id].events else new) > read

    def count_beside(self, events: Iterable[Arrived]) -> None:
        """Count what carries a release for each rule that reads it."""
        for event in events:
            readers = self.readers_of(event.cell)
            if event.ours and event.cell.ok:
                is_read = readers.errors or readers.volumes
                names = (self.read_names if is_read else self.unread).setdefault(event.cell.provider, Counter())
                names[event.cell.event] += event.cell.total
            if event.cell.client is not self.timeline.of_phones:
                continue
            read = [(errors.rule, bad) for errors, bad in readers.errors]
            for rule, bad in (*read, *((volume.rule, not event.cell.ok) for volume in readers.volumes)):
                self.beside[rule.id].setdefault(event.occurred, Beside()).count(event, bad=bad)

    def rows_beside(self, rule: Rule, start: int, end: int) -> tuple[int, int]:
        """Rows that the rule counts, of the release and of others, in the minutes ``[start, end)`` after the mark."""
        minutes = self.beside_by_minute(rule, start, end)
        return sum(minute.own_rows for minute in minutes), sum(minute.others_rows for minute in minutes)

    def beside_by_minute(self, rule: Rule, start: int, end: int) -> Sequence[Beside]:
        """The release beside the others in each of the minutes ``[start, end)`` after the mark."""
        held = self.beside[rule.id]
        return [held.get(self.deployed + offset, NOBODY) for offset in range(start, end)]

    def rows_per_action(self, rule: Rule) -> tuple[float, float] | None:
        """Rows per action of a volume rule, before the release was live and with it; ``None`` where few are known."""
        beside = self.beside[rule.id].values()
        rows, actions = sum(one.own_rows for one in beside), sum(one.own for one in beside)
        usual_rows, usual_actions = self.written_before.get(rule.id, (0, 0))
        if min(actions, usual_actions) < LEAST_ACTIONS:
            return None
        return usual_rows / usual_actions, rows / actions

    def may_be_of_its_steps(self, rule: Rule) -> bool:
        """Whether errors from before the release may come of a step of it that ran before it was live, so that they do
        not excuse what becomes of the old one."""
        return 0 < (self.known.errors_before[rule.id].began or 0) <= OWN_STEPS and not self.rolls_back

    def is_partly_elsewhere(self, rule: Rule) -> bool:
        """Whether so many of the provider's rows stand under another spelling of the environment that those here are a
        chosen part."""
        there = self.strayed.alike.get(rule.provider, 0)
        return there > MOST_STRAYED * (there + self.errors[rule.id].events)

    def renamed(self, rule: Rule) -> Mapping[str, int]:
        """Successes of the rule's provider under names that are new with the release and that no rule reads."""
        unread = self.unread.get(rule.provider, Counter())
        return {name: count for name, count in unread.items() if (rule.provider, name) not in self.known_names}

    def expected(self, rule: Rule) -> float:
        """The events that a rule should see in the window."""
        if rule.kind == "volume":
            return self.known.volumes[rule.id].expected(0, self.length)
        return self.known.expected_events(rule, self.length)


def _reads(rule: Rule, cell: Cell) -> bool | None:
    """Whether the rule counts a cell as an error; ``None`` where it does not count it."""
    return cell.read_by(rule.reading) if rule.provider == cell.provider else None


def written_in(arrivals: Arrivals, rules: Sequence[Rule]) -> Mapping[str, tuple[int, int]]:
    """By volume rule: the rows of before the release was live that it counts, and the actions that they stand for."""
    volumes: defaultdict[str, list[Rule]] = defaultdict(list)
    for rule in rules:
        if rule.kind == "volume":
            volumes[rule.provider].append(rule)
    written = {rule.id: (0, 0) for some in volumes.values() for rule in some}
    for some in (arrivals.before, arrivals.settled):
        for one in some:
            for rule in volumes.get(one.provider, ()) if one.is_traffic else ():
                if one.read_by(rule.reading) is not None:
                    rows, actions = written[rule.id]
                    written[rule.id] = rows + one.total, actions + one.tried
    return written
