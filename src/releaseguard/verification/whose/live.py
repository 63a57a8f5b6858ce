"""Since when a release serves, which is seldom the time of its mark: a pipeline marks it after it has gone live.
Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from releaseguard.stats.series import Cell
from releaseguard.verification.whose.members import Members, Owner

NOT_CHANCE: Final = math.log(1e-6)
"""The logarithm of the probability from which a gap in a serving release's rows is not chance."""


def live_before(cells: Iterable[Cell], members: Members, deployed: int, earliest: int) -> int | None:
    """The first minute in ``[earliest, deployed)`` since which the log has been learning of the release's own rows;
    ``None`` where it was not live at its mark.

    It is searched for backwards from the mark, until a stretch shows that the release did not serve: so many rows of
    other releases between two of its own that its later share of the traffic makes that impossible (it was only tried
    before it was switched on, or had a life before another release). What happened in the rows plays no part, so that
    it cannot influence the time.
    """
    ours, others = _recorded(cells, members, earliest, deployed)
    live, mine, around, between = None, 0, 0, 0
    for minute in range(deployed - 1, earliest - 1, -1):
        if not ours[minute]:
            between += others[minute]
            continue
        if between * _missed(mine, around) < NOT_CHANCE:
            break
        live, mine, around, between = minute, mine + ours[minute], around + between + others[minute], 0
    return live


def _missed(ours: int, others: int) -> float:
    """The logarithm of the others' share, from the rows since the release's first; that one of its own does not count,
    since it was chosen."""
    ours = max(ours - 1, 0)
    return math.log((others + 0.5) / (ours + others + 1.0))


def _recorded(
    cells: Iterable[Cell], members: Members, start: int, end: int
) -> tuple[Mapping[int, int], Mapping[int, int]]:
    """The traffic of the release and that of others, by the minute in which the log learned of it."""
    ours: Counter[int] = Counter()
    others: Counter[int] = Counter()
    for cell in cells:
        if not start <= cell.recorded < end or not cell.is_traffic or cell.client is not members.are_phones:
            continue
        member = members.of(cell)
        if member is Owner.OURS:
            ours[cell.recorded] += cell.total
        elif member is Owner.ANOTHER:
            others[cell.recorded] += cell.total
    return ours, others
