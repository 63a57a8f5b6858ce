"""The hours before a deployment, by the minute and by what identifies the release that wrote each row."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from releaseguard.stats.episodes import Minute
from releaseguard.stats.reading import SettledCells
from releaseguard.stats.series import LOOKBACK, Cell
from releaseguard.verification.judge.traffic import tag_of
from releaseguard.verification.values import Rule

RIGHT_BEFORE = 120
"""The minutes before the deployment in which errors point to an incident in progress."""
ONE_TAG = 0.8
"""The share of a provider's rows carrying the main tag from which one deployment counts as making both."""


def last_minutes(
    rules: Sequence[Rule], cells: Sequence[Cell], settled: Sequence[SettledCells], live: int
) -> Mapping[str, Sequence[Minute]]:
    """The minutes of each signal rule before the deployment, as far as they are kept."""
    hours: dict[str, list[SettledCells]] = defaultdict(list)
    for one in settled:
        if one.is_traffic:
            hours[one.provider].append(one)
    by_provider: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        if cell.is_traffic and cell.occurred >= live - LOOKBACK:
            by_provider[cell.provider].append(cell)
    signals = (rule for rule in rules if rule.kind == "signal")
    return {rule.id: _per_minute(rule, by_provider[rule.provider], hours[rule.provider]) for rule in signals}


def _per_minute(rule: Rule, cells: Sequence[Cell], settled: Sequence[SettledCells] = ()) -> list[Minute]:
    """The minutes of a signal rule, in order."""
    minutes: dict[int, list[int]] = {}
    reading = rule.reading
    for cell in cells:
        bad = cell.read_by(reading)
        if bad is not None:
            held = minutes.setdefault(cell.occurred, [0, 0])
            held[0] += cell.tried
            held[1] += cell.tried if bad else 0
    for one in settled:
        bad = one.read_by(reading)
        for minute, tried in () if bad is None else one.minutes():
            held = minutes.setdefault(minute, [0, 0])
            held[0] += tried
            held[1] += tried if bad else 0
    return [Minute(minute, *minutes[minute]) for minute in sorted(minutes)]


def tags_before(cells: Sequence[Cell], settled: Sequence[SettledCells], live: int) -> Mapping[str, Counter[str]]:
    """By provider: servers' rows right before the deployment, by what identifies their release."""
    tags: dict[str, Counter[str]] = defaultdict(Counter)
    for cell in cells:
        if cell.is_traffic and tag_of(cell) and not cell.client and cell.occurred >= live - RIGHT_BEFORE:
            tags[cell.provider][tag_of(cell)] += cell.total
    for one in settled:
        rows = one.since(live - RIGHT_BEFORE) if one.is_traffic and one.release and not one.client else 0
        if one.release and rows:
            tags[one.provider][one.release] += rows
    return tags


def with_the_same_tag(tags: Mapping[str, Counter[str]]) -> frozenset[str]:
    """The providers of whose rows at least :data:`ONE_TAG` carry the most frequent tag of all traffic."""
    every = sum(tags.values(), Counter())
    newest = max(every, key=lambda tag: (every[tag], tag), default=None)
    return frozenset(name for name, seen in tags.items() if newest and seen[newest] >= ONE_TAG * seen.total())
