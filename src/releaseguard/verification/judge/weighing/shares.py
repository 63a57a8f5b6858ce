"""Judges the volume of a release that serves next to an older one by its share of the traffic of the same minutes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import accumulate

from releaseguard.stats.evidence.split import NOTHING, STEP, Expected, Split, deviations, expected_of, split_evidence
from releaseguard.stats.final_look import chance_of_errors
from releaseguard.verification.judge.state import ReleaseState, VolumeState
from releaseguard.verification.judge.traffic import Sides

SPLIT_PART = 0.2
"""The weight of the split's test in a volume rule. It is kept even where the release serves alone."""
SPLIT_LAST_PART = 0.5
"""Its weight at the last look where both releases served, as the others' rows show; where one served alone it has
none."""
LEAST_OTHERS = 15.0
"""The fewest events of the other providers in a stretch of minutes; fewer say too little about the split."""
FEWER = 2.3
"""The standard deviations below its share from which the release, and not the provider, makes fewer events: one-sided
1%."""


def steps_of(state: ReleaseState, volume: VolumeState, until: int) -> Sequence[Split]:
    """The judged minutes up to ``until`` after the deployment, in stretches in which both releases served steadily.
    While a roll-out moves, one provider's rows divide differently from the others' within the same minutes."""
    others = [sides for name, sides in state.traffic.sides.items() if name != volume.rule.provider and any(sides.new)]
    if not any(any(sides.old) for sides in others):
        return ()  # one release serves alone, as in most minutes of most windows
    minutes = _minutes(state, volume, others, until)
    return _stretches([split for split, steady in zip(minutes, _steady(minutes), strict=True) if steady])


def _stretches(steady: Sequence[Split]) -> Sequence[Split]:
    """The minutes joined until they show how the others' events divide. Only the others' rows decide where a stretch
    ends; the rest waits for the next look."""
    steps: list[Split] = []
    step, minutes = NOTHING, 0
    for split in steady:
        step, minutes = step + split, minutes + 1
        if minutes >= STEP and step.others_every >= LEAST_OTHERS and 0 < step.others_own < step.others_every:
            steps.append(step)
            step, minutes = NOTHING, 0
    return steps


def _steady(minutes: Sequence[Split]) -> Iterator[bool]:
    """For each minute, whether the release's share of the others' rows equals that of the minutes around it, as far as
    they show it. Rows are whole numbers, so differences of their running sums are exact."""
    own = [0.0, *accumulate(split.others_own for split in minutes)]
    every = [0.0, *accumulate(split.others_every for split in minutes)]
    for minute in range(len(minutes)):
        start, end = max(minute - NEAR, 0), min(minute + NEAR + 1, len(minutes))
        early, late = every[minute + 1] - every[start], every[end] - every[minute]
        if end - start <= NEAR or not early or not late:
            yield False
            continue
        moved = abs((own[minute + 1] - own[start]) / early - (own[end] - own[minute]) / late)
        yield moved <= MOVES + 2.0 * 0.5 / math.sqrt(min(early, late))


NEAR = 4
"""Minutes before and after a minute that show whether the roll-out moves."""
MOVES = 0.1
"""The change of the share up to which it is steady."""


def _minutes(state: ReleaseState, volume: VolumeState, others: Sequence[Sides], until: int) -> Sequence[Split]:
    """The minutes after the rule's grace, up to ``until`` after the deployment."""
    span = slice(volume.rule.grace_minutes, until)
    new, old = _summed([sides.new[span] for sides in others]), _summed([sides.old[span] for sides in others])
    scale = 1.0 / state.known.volumes[volume.rule.id].dispersion
    beside = state.beside_by_minute(volume.rule, span.start, until)
    return [
        Split(one.own_rows * scale, (one.own_rows + one.others_rows) * scale, float(own), float(own + others))
        for one, own, others in zip(beside, new, old, strict=True)
    ]


def _summed(columns: Sequence[Sequence[int]]) -> Sequence[int]:
    return [sum(row) for row in zip(*columns, strict=True)]


def judge_split(state: ReleaseState, volume: VolumeState, until: int) -> None:
    """Weigh the release's part of the rule's events against its part of the others'."""
    steps = steps_of(state, volume, until)
    volume.split = expected_of(steps) if steps else None
    volume.split_value = 1.0
    if steps and shares_a_tag(state, volume):
        volume.split_value = split_evidence(steps, state.length // STEP)


def shares_a_tag(state: ReleaseState, volume: VolumeState) -> bool:
    """Whether the deployed code makes the provider's events: they carried the same tag as the others' before, or some
    carry the new one. Nobody loses what another component writes."""
    return state.rows_beside(volume.rule, 0, state.length)[0] > 0 or volume.rule.provider in state.known.same_tag


def is_fewer(split: Expected | None) -> bool:
    """Whether the release certainly makes fewer of the events than its share."""
    return split is not None and deviations(split) >= FEWER


def chance_of_split(split: Expected | None) -> float:
    """The probability of so few of the events, or fewer, where the release makes its share (beta-binomial
    distribution); 1 where nothing is known."""
    if split is None or not split.weight:
        return 1.0
    every, lost = round(split.every), round(split.every - split.own)
    return chance_of_errors(lost, every, 1.0 - split.share, split.weight)
