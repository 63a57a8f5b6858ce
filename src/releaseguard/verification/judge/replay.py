"""The judge: rows in, verdicts out. No clock, no file, no network.

A :class:`Replay` looks at a release at the end of every minute, with only what the log had learned by then. The
verdict as of a moment is always reached by replaying all looks up to it, so that one look (``verify``), a watch
and a backtest over the same rows agree, and a FAIL at any look is final.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import accumulate

from releaseguard.model import Verdict
from releaseguard.stats.baseline import ErrorBaseline
from releaseguard.stats.bounds import beta_cdf, clean_trials_needed, likelihood_ratio
from releaseguard.stats.completeness import ENOUGH, dead_minutes
from releaseguard.stats.cusum import ErrorCusum
from releaseguard.stats.evidence import (
    DROP,
    DROP_OF_FEW,
    FEW_EXPECTED,
    ONSET_EVERY,
    ErrorProcess,
    Others,
    VolumeChange,
    VolumeEvidence,
    rise,
    volume_evidence,
)
from releaseguard.stats.final_look import chance_of_errors, chance_of_volume, kept_for_the_end, last_look, lasting
from releaseguard.stats.series import AFTERMATH, LOOKBACK, Cell, Ledger, minute_of
from releaseguard.stats.silence import STILL_SERVING, Quiet, SilenceCause, silence_cause
from releaseguard.verification.interface import LEAST_TAGGED, Deployment, Promise, Rule, overall_of
from releaseguard.verification.judge.pre_deployment import PreDeployment, pre_deployment_of

SKEW = 15
"""Minutes by which a writer's clock may lag and its rows of the new release still be taken for that."""
OFTEN, SELDOM = 120, 10
"""Volume is judged every minute for two hours, then every ten minutes: it moves slowly, and is costly to judge."""
SETTLED = 2
"""Complete minutes that a change of volume must have lasted."""
UNREMARKABLE = 2.0
"""Events of all providers that may be missing after the newest row: nothing at all has a probability of 14% then."""
VOLUME_SAY = {True: 0.88, False: 0.35}
"""Volume's say in the average, and errors' the rest, where fewer than so many events are expected, and where more."""
VOLUME_LAST_SAY = {True: 0.5, False: 0.35}
"""The same at the last look, where a few errors tell as much as a silence does."""
SUSPICION = 1.0
"""The e-value above which the rows lean towards harm, so that nothing passes."""
PASS_PRIOR = 60.0
"""How many events at the usual share of errors the baseline counts for in a PASS, at most as many as were seen."""
PASS_RATIO = 0.9
"""How likely the card's harm may make the new events in a PASS, over how likely the usual share makes them."""
LEAST_CONFIDENCE = 0.8
"""At which the new release's events alone, were they all clean, must exclude the harm."""
VOLUME_DEVIATIONS = 1.0
"""Of the bound on the volume of a PASS: one-sided 84%."""
LEAST_EXPECTED = 10.0
"""Events that must have been expected for a volume to pass: half of fewer shows the usual number too often."""
MOST_NEEDED = 1_000_000
"""Events beyond which one no longer counts how many more a PASS would take."""
UNEASE = 3.0
"""The evidence of trouble before the deployment from which on more evidence is asked for after it."""
RECOVERED = 3.0
"""The evidence of trouble below which an incident from before the deployment is over."""


@dataclass(slots=True)
class ErrorState:
    """What the rows of the new release say about one signal rule so far."""

    rule: Rule
    events: int = 0
    errors: int = 0
    minutes: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Events and errors of each minute."""
    tagged: int = 0
    """Of ``events``, those that carry the release; the others merely came after the deployment."""
    old_events: int = 0
    old_errors: int = 0
    process: ErrorProcess | None = None
    trouble: ErrorCusum | None = None
    """Set while an incident from before the deployment goes on."""
    excused: tuple[int, int] = (0, 0)
    """Events and errors that came while it went on: shown, and not held against the release."""
    value: float = 1.0
    strays: Counter[str] = field(default_factory=Counter)
    """Errors of the new release by events that no check names."""

    def add_stray(self, cell: Cell) -> None:
        """Count the name of an error that no check names."""
        if self.rule.reading.is_stray(cell.event, cell.ok):
            self.strays[cell.event] += cell.total


@dataclass(slots=True)
class VolumeState:
    """What all rows since the deployment say about one volume rule so far."""

    rule: Rule
    seen: list[int] = field(default_factory=list)
    fresh: int = 0
    """Events of the new release."""
    tagged: int = 0
    old: int = 0
    value: float = 1.0
    drop: VolumeEvidence | None = None
    rise: VolumeEvidence | None = None
    complete: int = 0
    """The minute after the deployment up to which the rule's events are there."""
    judged: int = 0
    expected: float = 0.0
    """Events in the judged minutes, and how many were to be expected."""
    chance: float = 1.0
    """The probability of a volume so far off as that of the judged minutes, while all is as usual."""


@dataclass(frozen=True, slots=True)
class FinalLook:
    """What the one test at the end of the window says of a rule."""

    chance: float
    """The probability of what came, or worse, while all is as usual."""
    allowed: float
    """The chance that fails the rule."""
    minute: int
    """The look."""

    @property
    def fails(self) -> bool:
        return self.chance <= self.allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What a rule had seen when it failed. Nothing that comes later undoes it, nor is it what failed the release."""

    minute: int
    """The look."""
    events: int
    """Since the minute ``since``, from which on they speak most against the release."""
    errors: int = 0
    expected: float = 0.0
    """The events that were to be expected of a volume rule."""
    since: int
    cause: SilenceCause | None
    ending: FinalLook | None = None
    """The test that failed it, where that was the one at the end of the window."""

    @property
    def is_loss(self) -> bool:
        """Whether a volume rule failed for too few events, and not for too many."""
        return self.events < self.expected


@dataclass(slots=True)
class LogState:
    """The log as of a look."""

    newest: int | None = None
    """The newest minute of which any row had arrived."""
    silent_expected: float = 0.0
    """Events of any provider that should have arrived since then."""
    fresh: int = 0
    tagged: int = 0
    old: int = 0
    repeats: int = 0
    events: int = 0
    """Traffic since the deployment: of the new release, tagged so, of other releases, repeated, all."""

    @property
    def down(self) -> bool:
        return self.silent_expected >= ENOUGH


@dataclass(frozen=True, slots=True)
class Look:
    """The outcome of one look."""

    minute: int
    verdict: Verdict
    verdicts: tuple[Verdict, ...]
    """By rule, in the order of the rules."""


class Replay:
    """One release, looked at minute by minute."""

    def __init__(self, ledger: Ledger, rules: Sequence[Rule], deployment: Deployment, promise: Promise) -> None:
        self.rules = rules
        self.deployment = deployment
        self.promise = promise
        self._ledger = ledger
        self.deployed = minute_of(deployment.deployed_at)
        end = self.deployed + promise.window_minutes
        if deployment.followed_at is not None:
            end = max(min(end, minute_of(deployment.followed_at)), self.deployed + 1)
        self.end = end
        self.length = end - self.deployed
        # A following deployment may be the answer to what was seen: an end that depends on that is no fixed one.
        self._last_look = self.deployed + last_look(self.length) if self.length == promise.window_minutes else None
        self.look_minute = self.deployed
        self._cells_before: list[Cell] = []
        self._arrivals: dict[int, list[tuple[int, bool, Cell]]] = defaultdict(list)
        self._sort_cells()
        self.log = LogState()
        self.errors = {r.id: ErrorState(r) for r in rules if r.kind == "signal"}
        self.volumes = {r.id: VolumeState(r, seen=[0] * self.length) for r in rules if r.kind == "volume"}
        self._by_kind: dict[tuple[str, str, bool], tuple[list[tuple[ErrorState, bool]], list[VolumeState]]] = {}
        """By provider, event and outcome: the states that such a row counts for, and whether it is an error there."""
        self.traffic: dict[str, list[int]] = defaultdict(lambda: [0] * self.length)
        self._rows = [0] * self.length
        self._hoped: Sequence[float] = ()
        """Events of all providers that each minute should bring."""
        self._scaled: Sequence[float] = ()
        self._scaled_hope: Sequence[float] = ()
        """Events seen and hoped for of all providers by minute, each divided by its dispersion."""
        self._due_now: dict[str, list[float]] = {}
        """By provider: the events that each minute should have brought by this look."""
        self._last_event: dict[str, int] = {}
        """By provider: the minute of the newest event of the new release."""
        self._own: dict[str, list[int]] = {}
        """By provider: events that carry the release, that merely came after it, and of other releases."""
        self.before: PreDeployment | None = None
        self.endings: dict[str, FinalLook] = {}
        """By rule, once the last look has been taken."""
        self.failures: dict[str, Failure] = {}
        """What failed a rule, by id."""
        self._old_rows = [0] * self.length
        """Traffic of other releases by minute."""
        self._first_tagged: int | None = None
        """The minute after the deployment in which the release was first seen to serve anybody."""
        self.evidence = 1.0
        self.peak = 1.0
        """The checklist's one number: the average e-value of its blocking rules, now and at its highest; at the
        last look also how many times rarer than it may be the rarest thing was, in units of that number."""

    # -- sorting the cells ---------------------------------------------------------------------------

    def _sort_cells(self) -> None:
        deployed, release = self.deployed, self.deployment.release
        near = self._ledger.near(deployed - LOOKBACK, self.end + AFTERMATH)
        running = any(c.release == release and c.recorded < deployed - 1 for c in near)
        for cell in near:
            occurred = min(cell.occurred, cell.recorded)
            ours = cell.release == release
            if ours and not running and deployed - SKEW <= occurred < deployed <= cell.recorded:
                occurred = deployed
            if occurred < deployed:
                self._cells_before.append(cell)
            else:
                untagged = cell.release is None and cell.occurred > deployed
                self._arrivals[cell.recorded].append((occurred, ours or untagged, cell))

    # -- looking -------------------------------------------------------------------------------------

    def look(self, minute: int) -> Look:
        """Look at every minute's end up to ``minute``; returns what the last of them said.

        Long after the window only minutes in which something arrived are looked at: nothing else can change.
        """
        settled = self.end + AFTERMATH
        while self.look_minute < min(minute, settled):
            self.look_minute += 1
            self._look_once()
        for arrival in sorted(m for m in self._arrivals if self.look_minute <= m < minute):
            self.look_minute = arrival + 1
            self._look_once()
        return self.current()

    def current(self) -> Look:
        """What the newest look says."""
        verdicts = tuple(self.verdict_of(rule) for rule in self.rules)
        return Look(self.look_minute, _overall(self.rules, verdicts), verdicts)

    def _look_once(self) -> None:
        self._learn_before()
        arrived = self._arrivals.get(self.look_minute - 1, [])
        self._count(arrived)
        self._judge_log()
        self._judge_errors(arrived)
        self._judge_volumes()
        self._weigh()
        if self.look_minute == self._last_look:
            self._conclude()

    def _learn_before(self) -> None:
        known = sum(c.total for c in self._cells_before if c.recorded < self.look_minute)
        if self.before is not None and known < 1.1 * self.before.learned + 10:
            return
        rules = self.rules
        before = pre_deployment_of(
            self._ledger, rules, self._cells_before, self.deployed, self.look_minute, self.promise
        )
        if self.before is None and before.newest is not None:
            self.log.newest = before.newest
        self.before = before
        self._hoped = [sum(base.rates[m] for base in before.traffic.values()) for m in range(self.length)]
        for state in self.errors.values():
            base = before.errors[state.rule.id]
            if state.process is None:
                state.process = self._process(state.rule, base)
            if before.in_incident(state.rule) and state.events == 0 and state.trouble is None:
                state.trouble = ErrorCusum(base, before.trouble[state.rule.id])

    def _process(self, rule: Rule, base: ErrorBaseline) -> ErrorProcess:
        alike = [self.weight(other) for other in self.rules if other.blocking is rule.blocking]
        return ErrorProcess(
            base.share,
            base.weight,
            self.length,
            expected=self.known.expected_events(rule, self.length),
            needed=self.threshold * sum(alike) / (self.weight(rule) * (1.0 - self.kept(rule))),
        )

    @property
    def known(self) -> PreDeployment:
        """What is known of the time before; available after the first look."""
        if self.before is None:
            raise LookupError("nothing has been looked at yet")
        return self.before

    def _count(self, arrived: Iterable[tuple[int, bool, Cell]]) -> None:
        log = self.log
        for occurred, ours, cell in arrived:
            if log.newest is None or occurred > log.newest:
                log.newest = occurred
            offset = occurred - self.deployed
            if offset >= self.length:
                continue
            self._rows[offset] += cell.total + cell.repeats
            log.repeats += cell.repeats
            if cell.synthetic or not cell.total:
                continue
            log.events += cell.total
            log.fresh += cell.total if ours else 0
            log.tagged += cell.total if ours and cell.release is not None else 0
            if _of_another(cell, ours):
                log.old += cell.total
                self._old_rows[offset] += cell.total
            elif ours and cell.release is not None:
                self._first_tagged = min(offset, offset if self._first_tagged is None else self._first_tagged)
            self.traffic[cell.provider][offset] += cell.total
            if ours or _of_another(cell, ours):
                self._own.setdefault(cell.provider, [0, 0, 0])[_part(cell, ours)] += cell.total
            if ours:
                self._last_event[cell.provider] = max(self._last_event.get(cell.provider, 0), occurred)
            for state in self._states(cell)[1]:
                state.seen[offset] += cell.total
                state.fresh += cell.total if ours else 0
                state.tagged += cell.total if ours and cell.release is not None else 0
                state.old += 0 if ours else cell.total

    def _states(self, cell: Cell) -> tuple[list[tuple[ErrorState, bool]], list[VolumeState]]:
        key = cell.provider, cell.event, cell.ok
        if key not in self._by_kind:
            self._by_kind[key] = (
                [(s, bad) for s in self.errors.values() if (bad := _reads(s.rule, cell)) is not None],
                [s for s in self.volumes.values() if _reads(s.rule, cell) is not None],
            )
        return self._by_kind[key]

    def _judge_log(self) -> None:
        """How much should have arrived since the newest row that did, at the level shown up to then.

        What comes after the window, or no longer comes, says nothing about it.
        """
        newest = self.log.newest
        start = self.deployed - LOOKBACK if newest is None else newest + 1
        until = min(self.look_minute, self.end)
        missing = sum(
            rates.expected_between(start - self.deployed, until - self.known.lags.of(name).complete - self.deployed)
            for name, rates in self.known.traffic.items()
        )
        self.log.silent_expected = missing * self._shown_level(start - self.deployed)

    @property
    def complete_until(self) -> datetime:
        """Until when rows are there, as far as can be told: less what is usually under way, and than a silence."""
        minute = self.look_minute - self.known.lags.usual.complete
        if self.log.newest is not None and self.log.silent_expected > UNREMARKABLE:
            minute = min(minute, self.log.newest + 1)
        return datetime.fromtimestamp(minute * 60, UTC)

    def _shown_level(self, until: int) -> float:
        """The share of the usual traffic seen in the half hour before ``until``, at most 1: idle users write little."""
        until = min(until, self.length)
        start = max(until - 30, 0)
        seen, expected = sum(self._rows[start:until]), sum(self._hoped[start:until])
        return min((seen + ENOUGH) / (expected + ENOUGH), 1.0) if until > start else 1.0

    def _judge_errors(self, arrived: Iterable[tuple[int, bool, Cell]]) -> None:
        minutes: dict[str, dict[int, list[int]]] = {}
        for occurred, ours, cell in arrived:
            if cell.synthetic or not cell.total or occurred >= self.end:
                continue
            for state, is_error in self._states(cell)[0]:
                bad = cell.total if is_error else 0
                if ours and occurred >= self.deployed + state.rule.grace_minutes:
                    held = minutes.setdefault(state.rule.id, {}).setdefault(occurred, [0, 0])
                    held[0] += cell.total
                    held[1] += bad
                    state.tagged += cell.total if cell.release is not None else 0
                    state.add_stray(cell)
                elif not ours:
                    state.old_events += cell.total
                    state.old_errors += bad
        for name, state in self.errors.items():
            batches = [(minute, n, k) for minute, (n, k) in sorted(minutes.get(name, {}).items())]
            self._step(state, batches)

    def _step(self, state: ErrorState, batches: Sequence[tuple[int, int, int]]) -> None:
        if state.trouble is not None:
            for _, total, bad in batches:
                state.trouble.minute(total, bad)
                state.excused = state.excused[0] + total, state.excused[1] + bad
            if state.trouble.value < RECOVERED:
                state.trouble = None
            return
        for minute, total, bad in batches:
            state.events += total
            state.errors += bad
            held = state.minutes.get(minute, (0, 0))
            state.minutes[minute] = held[0] + total, held[1] + bad
        if state.process is not None:
            state.value = state.process.look(batches)

    def _judge_volumes(self) -> None:
        offset = self.look_minute - self.deployed
        if OFTEN < offset < self.length and offset % SELDOM and self.look_minute != self._last_look:
            return
        traffic = self.known.traffic
        scaled = [(self.traffic[name], 1.0 / base.dispersion) for name, base in traffic.items()]
        self._scaled = [sum(counts[m] * scale for counts, scale in scaled) for m in range(self.length)]
        self._due_now = {name: self._thinned(name, base.rates) for name, base in traffic.items()}
        hopes = [(self._due_now[name], 1.0 / base.dispersion) for name, base in traffic.items()]
        self._scaled_hope = [sum(due[m] * scale for due, scale in hopes) for m in range(self.length)]
        upto = max(min(self.look_minute, self.end) - self.deployed, 0)
        dead = dead_minutes(self._rows[:upto], self._hoped[:upto])
        for state in self.volumes.values():
            self._judge_volume(state, dead)

    def _judge_volume(self, state: VolumeState, dead: Sequence[bool]) -> None:
        rule, base = state.rule, self.known.volumes[state.rule.id]
        if self.log.newest is None:
            return
        rates = self._due(rule.provider, base.rates)
        state.complete = len(rates)
        alive = [m for m in range(max(rule.grace_minutes, self._live_from()), len(rates)) if not dead[m]]
        state.judged = sum(state.seen[m] for m in alive)
        state.expected = sum(rates[m] for m in alive)
        state.value, state.drop, state.rise, state.chance = 1.0, None, None, 1.0
        if len(alive) < SETTLED:
            return
        others = self._others(rule, alive)
        if self._may_drop(rule):
            few = base.expected(0, self.length) < FEW_EXPECTED
            state.drop = self._changed(state, alive, rates, others, DROP_OF_FEW if few else DROP)
        if (limit := self._limit_of_rise(rule)) is not None:
            state.rise = self._changed(state, alive, rates, others, rise(limit))
        values = [found.value for found in (state.drop, state.rise) if found is not None]
        if values:
            state.value = sum(values) / len(values)
        if self.look_minute == self._last_look:
            state.chance = self._chance_of(state, alive, rates, others)

    def _live_from(self) -> int:
        """The minute after the deployment from which on the volume is the release's: not while others served it."""
        first = self._first_tagged or 0
        hoped, old = sum(self._hoped[:first]), sum(self._old_rows[:first])
        return first if first > SETTLED and old >= STILL_SERVING * hoped else 0

    def _may_drop(self, rule: Rule) -> bool:
        """Whether fewer events may be held against the release."""
        return rule.max_drop is not None and rule.id not in self.known.volume_incidents

    def _limit_of_rise(self, rule: Rule) -> float | None:
        """How many times the usual volume is harm; ``None`` where nothing is usual yet: what has never been logged
        before is new, in a young log or by a new release, and no multiple of anything."""
        return rule.max_rise if self.known.volumes[rule.id].events else None

    def _chance_of(self, state: VolumeState, alive: Sequence[int], rates: Sequence[float], others: Others) -> float:
        rule, base = state.rule, self.known.volumes[state.rule.id]
        changes = [DROP] if self._may_drop(rule) else []
        changes += [rise(limit)] if (limit := self._limit_of_rise(rule)) is not None else []
        seen, expected = [state.seen[m] for m in alive], [rates[m] for m in alive]
        chances = [
            chance_of_volume(
                seen, expected, change=change, variance=base.variance, dispersion=base.dispersion, others=others
            )
            for change in changes
        ]
        return min([1.0, *(chance * len(chances) for chance in chances)])

    def _due(self, provider: str, rates: Sequence[float]) -> list[float]:
        """What each minute that counts should have brought by now: ``rates``, less what is usually still on its way."""
        until = min(self.look_minute - self.known.lags.of(provider).counts, self.end, self._lives_until())
        return self._thinned(provider, rates[: max(until - self.deployed, 0)])

    def _lives_until(self) -> int:
        """The minute up to which the log is taken to live: that of the newest row of anybody, which is still under
        way, and as many more as would be quiet by chance."""
        newest = self.deployed if self.log.newest is None else self.log.newest
        until, hoped = newest + (newest + 1 == self.look_minute), 0.0
        for minute in range(max(newest, self.deployed), min(self.look_minute, self.end)):
            hoped += self._hoped[minute - self.deployed]
            if hoped > UNREMARKABLE:
                break
            until = minute + 1
        return until

    def _thinned(self, provider: str, rates: Sequence[float]) -> list[float]:
        """``rates`` since the deployment, less what is usually still on its way at this look."""
        arrival, age = self.known.lags.of(provider), self.look_minute - 1 - self.deployed
        return [rate * arrival.share(age - minute) for minute, rate in enumerate(rates)]

    def _others(self, rule: Rule, alive: Sequence[int]) -> Others:
        """The other providers' events in the judged minutes: a running sum each."""
        own = self.known.traffic.get(rule.provider)
        scale = 1.0 / own.dispersion if own else 0.0
        mine = self.traffic[rule.provider]
        rates = self._due_now[rule.provider] if own else self._hoped
        seen = accumulate((self._scaled[m] - mine[m] * scale for m in alive), initial=0.0)
        expected = accumulate((self._scaled_hope[m] - rates[m] * scale for m in alive), initial=0.0)
        # Differences of sums can fall a rounding error below zero.
        return Others([max(x, 0.0) for x in seen], [max(x, 0.0) for x in expected], self.known.shared[rule.id])

    def _changed(
        self,
        state: VolumeState,
        alive: Sequence[int],
        rates: Sequence[float],
        others: Others,
        change: VolumeChange,
    ) -> VolumeEvidence:
        base = self.known.volumes[state.rule.id]
        found = volume_evidence(
            list(accumulate((state.seen[m] for m in alive), initial=0)),
            list(accumulate((rates[m] for m in alive), initial=0.0)),
            change=change,
            variance=base.variance,
            dispersion=base.dispersion,
            others=others,
            onsets=range(0, len(alive) - SETTLED + 1, ONSET_EVERY),
            slots=max(self.length // ONSET_EVERY, 1),
        )
        return replace(found, onset=alive[min(found.onset, len(alive) - 1)])

    # -- the checklist's one number --------------------------------------------------------------------

    def weight(self, rule: Rule, volume_say: Mapping[bool, float] = VOLUME_SAY) -> float:
        """A rule's say in the average, fixed by the baseline alone.

        Less where hardly an event is expected in the window. With few events only silence can be told from
        the usual, so volume has the larger say there; with many, small rises of errors are worth it.
        """
        expected = self._expected(rule)
        volume = volume_say[expected < FEW_EXPECTED]
        share = volume if rule.kind == "volume" else 1.0 - volume
        return share * min(max(expected / ENOUGH, 0.05), 1.0)

    def value_of(self, rule: Rule) -> float:
        """The rule's e-value at the newest look.

        Where things were amiss before the deployment already, though not enough to be called an incident,
        that much more evidence is asked for.
        """
        value = self.errors[rule.id].value if rule.kind == "signal" else self.volumes[rule.id].value
        return value / self._unease(rule)

    def _unease(self, rule: Rule) -> float:
        return max(self.known.trouble.get(rule.id, 0.0) / UNEASE, 1.0)

    def kept(self, rule: Rule) -> float:
        """The part of a rule's say that is kept for the end of the window, fixed by the baseline alone."""
        if self._last_look is None:
            return 0.0
        return kept_for_the_end(self._expected(rule))

    def _expected(self, rule: Rule) -> float:
        """Events that a rule should see in the window."""
        if rule.kind == "volume":
            return self.known.volumes[rule.id].expected(0, self.length)
        return self.known.expected_events(rule, self.length)

    @property
    def threshold(self) -> float:
        """What the average must reach for a FAIL (Ville's inequality)."""
        return 1.0 / self.promise.false_alarm

    def _weigh(self) -> None:
        for rules, whole in self._families():
            parts = [self.weight(r) * (1.0 - self.kept(r)) * self.value_of(r) / whole for r in rules]
            average = sum(parts)
            if rules[0].blocking:
                self.evidence = average
                self.peak = max(self.peak, average)
            if average >= self.threshold:
                for rule, part in zip(rules, parts, strict=True):
                    if part >= min(self.threshold, 0.5 * max(parts)):
                        self._fail(rule)

    def _conclude(self) -> None:
        """The last look: what is too rare to be chance, given what is kept for this look, fails its rule."""
        for rules, whole in self._families():
            kept = sum(self.weight(rule) * self.kept(rule) for rule in rules) / whole
            says = [self.weight(rule, VOLUME_LAST_SAY) for rule in rules]
            for rule, say in zip(rules, says, strict=True):
                share = kept * say / sum(says)
                chance = min(self._chance(rule) * self._unease(rule), 1.0)
                ending = FinalLook(chance, share / self.threshold, self.look_minute)
                self.endings[rule.id] = ending
                if rule.blocking:
                    self.peak = max(self.peak, share / chance)
                if ending.fails:
                    self._fail(rule, ending)

    @property
    def failed(self) -> Mapping[str, int]:
        """The look at which a rule failed, by id."""
        return {name: failure.minute for name, failure in self.failures.items()}

    @property
    def is_live(self) -> bool:
        """Whether the release serves anybody, as far as the tags tell; where none are written, time does."""
        return self.log.tagged > 0 or self.log.old <= self.log.fresh

    def _fail(self, rule: Rule, ending: FinalLook | None = None) -> None:
        """The rule fails, unless it did already or the release serves nobody: what it did not do is not its fault."""
        if rule.id in self.failures or not self.is_live:
            return
        found = self._errors_seen(rule, ending) if rule.kind == "signal" else self._change_seen(rule, ending)
        if found is not None:
            self.failures[rule.id] = found

    def _errors_seen(self, rule: Rule, ending: FinalLook | None) -> Failure | None:
        """The errors that speak most against the release; ``None`` where their share is not above the usual."""
        state, cause = self.errors[rule.id], self.silence_of(rule)
        share = self.known.errors[rule.id].share
        stretch = _most_telling(state.minutes, share) if ending is None else (self.deployed, state.events, state.errors)
        if stretch is None or stretch[2] <= share * stretch[1]:
            return None
        return Failure(
            minute=self.look_minute,
            events=stretch[1],
            errors=stretch[2],
            since=stretch[0],
            # Errors come from somewhere: where there are any, the release is live.
            cause=None if cause is SilenceCause.RELEASE_NOT_LIVE else cause,
            ending=ending,
        )

    def _change_seen(self, rule: Rule, ending: FinalLook | None) -> Failure | None:
        """The change of volume that is the strongest evidence; ``None`` where it is not this release's, or none."""
        state, cause = self.volumes[rule.id], self.silence_of(rule)
        if cause is SilenceCause.RELEASE_NOT_LIVE:
            return None
        found = _strongest(state) if ending is None else VolumeEvidence(0.0, 0, state.judged, state.expected)
        if found is None or not _is_harm(rule, found.seen, found.expected):
            return None
        return Failure(
            minute=self.look_minute,
            events=found.seen,
            expected=found.expected,
            since=self.deployed + found.onset,
            # A silence explains too few events, and no spike.
            cause=cause if found.seen < found.expected else None,
            ending=ending,
        )

    def _families(self) -> Iterable[tuple[Sequence[Rule], float]]:
        """The rules that may fail a release, and those that may warn, each with the sum of their weights."""
        for blocking in (True, False):
            rules = [r for r in self.rules if r.blocking is blocking]
            if rules:
                yield rules, sum(self.weight(r) for r in rules)

    def _chance(self, rule: Rule) -> float:
        if rule.kind == "volume":
            return self.volumes[rule.id].chance
        state, base = self.errors[rule.id], self.known.errors[rule.id]
        if state.trouble is not None:
            return 1.0
        return chance_of_errors(
            lasting(bad for _, bad in state.minutes.values()), state.events, base.share, base.weight
        )

    # -- verdicts ----------------------------------------------------------------------------------------

    def verdict_of(self, rule: Rule) -> Verdict:
        """What a rule says at the newest look."""
        if rule.id in self.failures:
            return Verdict.FAIL if rule.blocking else Verdict.WARN
        passed = self._errors_pass(rule) if rule.kind == "signal" else self._volume_passes(rule)
        return Verdict.PASS if passed else Verdict.INCONCLUSIVE

    def limit(self, rule: Rule) -> float:
        """The share of errors from which on the card speaks of harm; at most 1, whatever the card says."""
        share = self.known.errors[rule.id].share
        limit = min(share + rule.max_error_increase, 1.0)
        return min(limit, max(rule.max_error_rate, share)) if rule.max_error_rate is not None else limit

    def has_room(self, rule: Rule) -> bool:
        """Whether the harm that the card names is one that can come: not where so many errors are usual that there
        is no room for it."""
        return self.limit(rule) < 1.0

    def _errors_pass(self, rule: Rule) -> bool:
        state = self.errors[rule.id]
        if self.log.down or state.trouble is not None or not self._is_tagged(state.tagged, state.events):
            return False
        return state.value <= SUSPICION and self.excludes(rule, state.events, state.errors)

    def excludes(self, rule: Rule, events: float, errors: float) -> bool:
        """Whether so many errors of so many events of the new release exclude the card's harm.

        The baseline's word counts for some events at the usual share. By themselves the new events must not fit
        the harm much better than the usual, and, were they all clean, must exclude it, with less confidence.
        """
        base, limit = self.known.errors[rule.id], self.limit(rule)
        needed = clean_trials_needed(limit, LEAST_CONFIDENCE) if self.has_room(rule) else None
        if not base.events or needed is None or events < needed or errors >= limit * events:
            return False
        ratio = likelihood_ratio(errors, events, base.share, limit)
        if ratio > math.log(PASS_RATIO):
            return False
        prior = min(PASS_PRIOR, events)
        good = events - errors + prior * (1 - base.share)
        return beta_cdf(limit, errors + prior * base.share, good) >= self.promise.confidence

    def events_needed(self, rule: Rule) -> int | None:
        """How many more events, with errors at the usual share, a PASS of a signal rule would take, at least 1;
        ``None`` where no number that can be waited for would do."""
        state, share = self.errors[rule.id], self.known.errors[rule.id].share
        more = 1
        while not self.excludes(rule, state.events + more, state.errors + share * more):
            more += max(more // 20, 1)
            if more > MOST_NEEDED:
                return None
        return more

    def _is_tagged(self, tagged: int, events: int) -> bool:
        return events > 0 and tagged >= LEAST_TAGGED * events

    def _volume_passes(self, rule: Rule) -> bool:
        state, base = self.volumes[rule.id], self.known.volumes[rule.id]
        if self.log.down or base.days < 1 or state.expected < LEAST_EXPECTED:
            return False
        if not self._is_tagged(state.tagged, state.fresh) or state.value > SUSPICION or not state.judged:
            return False
        spread = VOLUME_DEVIATIONS * math.sqrt(base.dispersion / state.judged + base.variance)
        # After a drop from before the deployment, today's level is no measure: it has to be as on other days.
        level = min(base.level, 1.0) if rule.id in self.known.volume_incidents else 1.0
        ratio = math.log(state.judged * level / state.expected)
        low = rule.max_drop is None or ratio - spread > math.log1p(-min(rule.max_drop, 0.999))
        high = rule.max_rise is None or ratio + spread < math.log(rule.max_rise)
        return low and high

    # -- silence -----------------------------------------------------------------------------------------

    def silence_of(self, rule: Rule) -> SilenceCause | None:
        """Why the rule's provider is silent at the newest look, or ``None`` where it is not."""
        return silence_cause(self.quiet(rule))

    def last_event(self, rule: Rule) -> int | None:
        """The minute of the newest event of the new release by the rule's provider."""
        return self._last_event.get(rule.provider)

    def quiet(self, rule: Rule) -> Quiet:
        """What surrounds the silence of the rule's provider."""
        provider, known = rule.provider, self.known
        last = self._last_event.get(provider, self.deployed - 1)
        start = max(last + 1 - self.deployed, 0)
        until = max(min(self.look_minute, self.end) - self.deployed, 0)
        due = {name: sum(self._thinned(name, base.rates[:until])[start:]) for name, base in known.traffic.items()}
        others = [name for name in known.traffic if name != provider]
        tagged, untagged, old = self._own.get(provider, (0, 0, 0))
        return Quiet(
            expected=due.get(provider, 0.0),
            log_down=self.log.down,
            fresh=tagged + untagged,
            tagged=tagged,
            old=old,
            all_fresh=self.log.fresh,
            all_tagged=self.log.tagged,
            all_old=self.log.old,
            others_seen=sum(sum(self.traffic[name][start:until]) for name in others),
            others_expected=sum(due[name] for name in others),
        )


def _strongest(state: VolumeState) -> VolumeEvidence | None:
    found = [one for one in (state.drop, state.rise) if one is not None]
    return max(found, key=lambda one: one.value, default=None)


def _is_harm(rule: Rule, seen: int, expected: float) -> bool:
    """Whether a volume lies on a side that the card calls harm."""
    return (rule.max_drop is not None and seen < expected) or (rule.max_rise is not None and seen > expected)


def _most_telling(minutes: Mapping[int, tuple[int, int]], usual: float) -> tuple[int, int, int] | None:
    """The last stretch of minutes whose share of errors is farthest above the usual one, by its likelihood ratio:
    its first minute, events and errors; ``None`` where none is above it."""
    found, most, events, errors = None, 0.0, 0, 0
    for minute in sorted(minutes, reverse=True):
        total, bad = minutes[minute]
        events, errors = events + total, errors + bad
        ratio = likelihood_ratio(errors, events, usual, errors / events) if errors > usual * events else 0.0
        if ratio > most:
            found, most = (minute, events, errors), ratio
    return found


def _reads(rule: Rule, cell: Cell) -> bool | None:
    """Whether a cell is an error to the rule; ``None`` where it does not count for it."""
    return rule.reading.of(cell.event, cell.ok) if rule.provider == cell.provider else None


def _of_another(cell: Cell, ours: bool) -> bool:
    """Whether another release wrote it; without a tag, in the very minute of the deployment, either may have."""
    return not ours and cell.release is not None


def _part(cell: Cell, ours: bool) -> int:
    return 2 if not ours else 0 if cell.release is not None else 1


def _overall(rules: Sequence[Rule], verdicts: Sequence[Verdict]) -> Verdict:
    return overall_of([(v, r.blocking, r.undecided) for r, v in zip(rules, verdicts, strict=True)])
