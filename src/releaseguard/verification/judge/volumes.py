"""Weighs the volume of all releases together since the deployment against the usual volume."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from msgspec import structs

from releaseguard.stats.baseline import VolumeBaseline
from releaseguard.stats.batches import HAS_COME, DailyBatch
from releaseguard.stats.completeness import dead_minutes
from releaseguard.stats.evidence.volumes import (
    DROP,
    ONSET_EVERY,
    CountedVolume,
    Onsets,
    Others,
    VolumeChange,
    VolumeEvidence,
    drop_of,
    rise,
    volume_evidence,
)
from releaseguard.stats.final_look import chance_of_volume
from releaseguard.verification.judge.arrivals import Arrived
from releaseguard.verification.judge.log import due, thinned
from releaseguard.verification.judge.state import ReleaseState, VolumeState
from releaseguard.verification.judge.traffic import SETTLED
from releaseguard.verification.judge.weighing.shares import (
    SPLIT_LAST_PART,
    SPLIT_PART,
    chance_of_split,
    judge_split,
    shares_a_tag,
)
from releaseguard.verification.values import Rule

OFTEN, SELDOM = 120, 10
"""Volume is judged every minute for two hours, then every ten minutes: it moves slowly, and is costly to judge."""


@dataclass(frozen=True, slots=True)
class _Everybody:
    """All providers' minutes at one look, with which each volume is compared."""

    due: dict[str, list[float]]
    """Provider -> the events that each minute should have brought by this look."""
    own: dict[str, Sequence[float]]
    """Provider -> its events by minute, divided by its dispersion; 0 in the minutes of its batches."""
    seen: Sequence[float]
    hoped: Sequence[float]
    """The events of all providers by minute, seen and expected, each divided by its dispersion."""
    dead: Sequence[bool]
    """The minutes in which the log cannot be shown to have worked."""
    live_from: int
    """The minute from which the volume is the release's."""


@dataclass(frozen=True, slots=True)
class _Minutes:
    """The judged minutes of one rule, in order: events seen, events due, and the others' events."""

    alive: Sequence[int]
    seen: Sequence[int]
    due: Sequence[float]
    others: Others
    base: VolumeBaseline


def count_volumes(state: ReleaseState, events: Iterable[Arrived]) -> None:
    """Count what arrived since the last look."""
    for event in events:
        if event.occurred < state.deployed:
            continue
        for volume in state.readers_of(event.cell).volumes:
            volume.count(event, event.occurred - state.deployed)


def judge_volumes(state: ReleaseState) -> None:
    """Weigh every volume at this look."""
    offset = state.look_minute - state.deployed
    if OFTEN < offset < state.length and offset % SELDOM and not state.is_final_look:
        return
    everybody = _everybody(state)
    for volume in state.volumes.values():
        _judge(state, volume, everybody)


def _everybody(state: ReleaseState) -> _Everybody:
    usual, counts = state.known.traffic, state.traffic.events
    now = {name: thinned(state, name, base.rates) for name, base in usual.items()}
    elapsed = state.elapsed
    own = {name: _scaled(counts[name], base) for name, base in usual.items()}
    return _Everybody(
        due=now,
        own=own,
        seen=_sums(list(own.values()), state.length),
        hoped=_sums([_scaled(now[name], base) for name, base in usual.items()], state.length),
        dead=dead_minutes(state.traffic.rows[:elapsed], state.hoped[:elapsed], state.known.clump),
        live_from=state.traffic.live_from(state.hoped),
    )


def _scaled(column: Sequence[float], base: VolumeBaseline) -> Sequence[float]:
    """Events by minute, divided by the dispersion; 0 in the minutes of a batch, which is one event and says nothing
    about users."""
    return [0.0 if minute in base.batch else count / base.dispersion for minute, count in enumerate(column)]


def _sums(columns: Sequence[Sequence[float]], length: int) -> Sequence[float]:
    """The sum of the columns by minute; each column has at least ``length`` minutes."""
    return [sum(row) for row in zip(*columns, strict=False)][:length] if columns else [0.0] * length


def _judge(state: ReleaseState, volume: VolumeState, everybody: _Everybody) -> None:
    if state.traffic.log.newest is None:
        return
    rule = volume.rule
    minutes = _minutes(state, volume, everybody)
    volume.judged, volume.expected = sum(minutes.seen), sum(minutes.due)
    volume.missed = _missed_batch(state, volume, everybody)
    volume.value, volume.drop, volume.rise, volume.chance = 1.0, None, None, 1.0
    if len(minutes.alive) < SETTLED:
        return
    if may_drop(state, rule):
        volume.drop = _changed(state, rule, minutes, drop_of(minutes.base.expected(0, state.length)))
    if (limit := limit_of_rise(state, rule)) is not None:
        volume.rise = _changed(state, rule, minutes, rise(limit))
    if volume.changes:
        volume.value = sum(found.value for found in volume.changes) / len(volume.changes)
    if rule.max_drop is not None:
        judge_split(state, volume, volume.complete)
        volume.value += SPLIT_PART * (volume.split_value - volume.value)
    if state.is_final_look:
        volume.chance = _last_chance(state, volume, minutes)


def _minutes(state: ReleaseState, volume: VolumeState, everybody: _Everybody) -> _Minutes:
    """The minutes that count for a rule: after its grace, complete, and in which the log worked."""
    rule, base = volume.rule, state.known.volumes[volume.rule.id]
    rates = due(state, rule.provider, base.rates)
    volume.complete = len(rates)
    first = max(rule.grace_minutes, everybody.live_from)
    counted = (minute for minute in range(first, len(rates)) if minute not in base.batch)
    alive = [minute for minute in counted if not everybody.dead[minute]]
    return _Minutes(
        alive=alive,
        seen=[volume.seen[minute] for minute in alive],
        due=[rates[minute] for minute in alive],
        others=_others(state, rule, alive, everybody),
        base=base,
    )


def _missed_batch(state: ReleaseState, volume: VolumeState, everybody: _Everybody) -> DailyBatch | None:
    """The batch of the rule's events that should have come under the release and did not, not even later; ``None``
    without one. Rows of any kind of its provider count as the batch, whichever release made them and whether or not
    they failed."""
    rule, usual = volume.rule, state.known.traffic.get(volume.rule.provider)
    if usual is None or not may_drop(state, rule):
        return None
    for batch in usual.daily:
        is_its_own = batch.at in state.known.volumes[rule.id].batch and batch.first >= everybody.live_from
        is_over = batch.end <= volume.complete and not any(everybody.dead[batch.first : volume.complete])
        if is_its_own and is_over and not _has_come(state, rule, batch, volume.complete):
            return batch
    return None


def _has_come(state: ReleaseState, rule: Rule, batch: DailyBatch, complete: int) -> bool:
    """Whether a good part of a batch came at its time, or later, within as many minutes as it may take."""
    came, usual = state.traffic.events[rule.provider], state.known.traffic[rule.provider]
    length = batch.end - batch.first
    return any(
        sum(came[first : first + length]) - usual.expected(first, first + length) >= HAS_COME * batch.rows
        for first in range(batch.first, complete - length + 1)
    )


def may_drop(state: ReleaseState, rule: Rule) -> bool:
    """Whether fewer events may count against the release."""
    meant = rule.provider in state.removed
    return rule.max_drop is not None and not meant and state.known.volume_levels.get(rule.id, 1.0) > NOTHING_LEFT


NOTHING_LEFT = 0.02
"""The level of an incident from before below which nothing is left for a release to lose."""


def limit_of_rise(state: ReleaseState, rule: Rule) -> float | None:
    """The multiple of the usual volume that is harm; ``None`` where nothing is usual yet: something never logged before
    is new, in a young log or by a new release, and no multiple of anything."""
    base = state.known.volumes[rule.id]
    return rule.max_rise if base.events and base.expected(0, state.length) >= LEAST_USUAL else None


LEAST_USUAL = 1.0
"""The events expected in the window below which no number of them is a multiple of the usual."""


def _changed(state: ReleaseState, rule: Rule, minutes: _Minutes, change: VolumeChange) -> VolumeEvidence:
    volume = CountedVolume(
        seen=list(accumulate(minutes.seen, initial=0)),
        expected=list(accumulate(minutes.due, initial=0.0)),
        variance=minutes.base.variance,
        dispersion=minutes.base.dispersion,
        others=minutes.others,
    )
    onsets = Onsets(range(0, len(minutes.alive) - SETTLED + 1, ONSET_EVERY), max(state.length // ONSET_EVERY, 1))
    found = volume_evidence(volume, change, onsets, usual_too(state, rule, minutes.base))
    return structs.replace(found, onset=minutes.alive[min(found.onset, len(minutes.alive) - 1)])


def _last_chance(state: ReleaseState, volume: VolumeState, minutes: _Minutes) -> float:
    """The probability of what was seen by the total and by the split, each with its part of the allowed false
    alarms."""
    total = _chance(state, volume.rule, minutes)
    if volume.split is None:
        return total
    return min(total / (1.0 - SPLIT_LAST_PART), _split_chance(state, volume) / SPLIT_LAST_PART, 1.0)


def _split_chance(state: ReleaseState, volume: VolumeState) -> float:
    counts = volume.rule.max_drop is not None and shares_a_tag(state, volume)
    return chance_of_split(volume.split) if counts else 1.0


def usual_too(state: ReleaseState, rule: Rule, base: VolumeBaseline) -> Sequence[float]:
    """Multiples of the expected volume that count as usual, too: the level of other days, to which a campaign or
    incident of today may return at any moment; that of a drop or a rise from before, which excuses that level only; and
    what was announced for this release."""
    levels = {1.0 / base.level} if base.days and base.level > 0.0 else set()
    levels |= {level for level in (state.known.volume_levels.get(rule.id, 0.0),) if level > NOTHING_LEFT}
    levels |= {state.known.volume_rises[rule.id]} if rule.id in state.known.volume_rises else set()
    told = state.expect_traffic
    return sorted({*levels, *({told} | {told * one for one in levels} if told else set())})


def _chance(state: ReleaseState, rule: Rule, minutes: _Minutes) -> float:
    """The probability of a volume so far off, over both directions that the card calls harm."""
    changes = [DROP] if may_drop(state, rule) else []
    changes += [rise(limit)] if (limit := limit_of_rise(state, rule)) is not None else []
    chances = [_largest_chance(state, rule, minutes, change) for change in changes]
    return min([1.0, *(chance * len(chances) for chance in chances)])


def _largest_chance(state: ReleaseState, rule: Rule, minutes: _Minutes, change: VolumeChange) -> float:
    """The probability of so high, or so low, a volume under the most likely of the volumes that count as usual."""
    return max(
        chance_of_volume(
            minutes.seen,
            [level * due for due in minutes.due],
            change=change,
            variance=minutes.base.variance,
            dispersion=minutes.base.dispersion,
            others=minutes.others,
        )
        for level in (1.0, *usual_too(state, rule, minutes.base))
    )


def _others(state: ReleaseState, rule: Rule, alive: Sequence[int], everybody: _Everybody) -> Others:
    """The other providers' events in the judged minutes, as running sums."""
    nothing = [0.0] * state.length
    own = state.known.traffic.get(rule.provider)
    mine, rates = everybody.own.get(rule.provider, nothing), nothing
    if own is not None:
        rates = list(_scaled(everybody.due[rule.provider], own))
    seen = accumulate((everybody.seen[m] - mine[m] for m in alive), initial=0.0)
    expected = accumulate((everybody.hoped[m] - rates[m] for m in alive), initial=0.0)
    # Differences of sums can fall a rounding error below zero.
    return Others([max(x, 0.0) for x in seen], [max(x, 0.0) for x in expected], state.known.shared[rule.id])
