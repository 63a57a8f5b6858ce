"""The cells of a history, compressed by the hour and unpacked for the release that is being judged."""

from __future__ import annotations

import zlib
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from releaseguard.eventlog.counts import MinuteCount
from releaseguard.stats.series import Cell, cell_of, order_of
from releaseguard.verification.rules import what_is_logged

HOUR: Final = 60
MOST_OPEN: Final = 20_000
"""The most cells that are held uncompressed."""
MOST_UNPACKED: Final = 16
"""The most hours that are held unpacked: those around one release, and some more."""
FIGURES: Final = 7


class CellKind(NamedTuple):
    """What cells have in common apart from minute and figures."""

    provider: str
    event: str
    ok: bool
    release: str | None
    synthetic: bool
    client: bool
    source: str | None
    deployment_id: str | None


@dataclass(slots=True)
class HeldCells:
    """The cells of one environment in the order in which they were added."""

    _kinds: dict[CellKind, int] = field(default_factory=dict)
    _open: dict[int, list[tuple[int, ...]]] = field(default_factory=lambda: defaultdict(list))
    _packed: dict[int, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    _waiting: int = 0

    def add(self, cell: Cell) -> None:
        """Hold a cell of any time."""
        named = cell.provider, cell.event, cell.ok, cell.release, cell.synthetic, cell.client
        kind = CellKind(*named, cell.source, cell.deployment_id)
        number = self._kinds.setdefault(kind, len(self._kinds))
        figures = cell.total, cell.repeats, cell.tried, cell.total if cell.squares is None else cell.squares
        self._open[cell.occurred // HOUR].append((cell.occurred, cell.recorded, number, *figures))
        self._waiting += 1
        if self._waiting >= MOST_OPEN:
            self._pack()

    def _pack(self) -> None:
        for hour, figures in self._open.items():
            columns = array("q", (figure for column in zip(*figures, strict=True) for figure in column))
            self._packed[hour].append(zlib.compress(columns.tobytes(), 1))
        self._open.clear()
        self._waiting = 0

    def each(self) -> Iterator[Cell]:
        """All cells, hour by hour."""
        self._pack()
        kinds = list(self._kinds)
        for hour in sorted(self._packed):
            yield from self._unpacked(hour, kinds)

    def hour(self, hour: int) -> Sequence[Cell]:
        """The cells in one hour, counted from 1970."""
        self._pack()
        return list(self._unpacked(hour, list(self._kinds)))

    def _unpacked(self, hour: int, kinds: Sequence[CellKind]) -> Iterator[Cell]:
        for packed in self._packed.get(hour, ()):
            figures = array("q")
            figures.frombytes(zlib.decompress(packed))
            rows = len(figures) // FIGURES
            columns = (figures[at * rows : (at + 1) * rows] for at in range(FIGURES))
            for occurred, recorded, number, total, repeats, trials, squares in zip(*columns, strict=True):
                kind = kinds[number]
                named = kind.provider, kind.event, kind.ok, kind.release, kind.synthetic, kind.client
                counted = total, repeats, trials, squares
                yield Cell(occurred, recorded, *named, *counted, kind.source, kind.deployment_id)


@dataclass(slots=True)
class HeldNearby:
    """The cells around one release after the other, for one part of the app."""

    held: HeldCells
    is_elsewhere: Callable[[str | None], bool]
    _hours: dict[int, dict[int, list[Cell]]] = field(default_factory=dict)

    def each(self) -> Iterator[Cell]:
        """All cells of the history."""
        return (self._of_part(cell) for cell in self.held.each())

    def between(self, start: int, end: int) -> list[Cell]:
        """The cells of the minutes ``[start, end)``, in order."""
        return [cell for minute in range(start, end) for cell in self._hour(minute // HOUR).get(minute, ())]

    def _hour(self, hour: int) -> dict[int, list[Cell]]:
        minutes = self._hours.get(hour)
        if minutes is None:
            minutes = self._hours[hour] = defaultdict(list)
            for cell in sorted(self.held.hour(hour), key=order_of):
                minutes[cell.occurred].append(self._of_part(cell))
            if len(self._hours) > MOST_UNPACKED:
                del self._hours[next(iter(self._hours))]
        return minutes

    def _of_part(self, cell: Cell) -> Cell:
        return cell._replace(elsewhere=True) if self.is_elsewhere(cell.source) else cell


@dataclass(frozen=True, slots=True)
class HeldPast:
    """The contents of an environment's rows after all were read."""

    held: HeldCells
    first: Mapping[tuple[tuple[str, str, bool, bool], str | None], datetime]
    """The first minute of each thing that is logged, by source; rows of test users are left out."""

    def first_seen(self, is_elsewhere: Callable[[str | None], bool]) -> Mapping[tuple[str, str, bool, bool], datetime]:
        """When each thing was first logged by a source of this part of the app."""
        first: dict[tuple[str, str, bool, bool], datetime] = {}
        for (logged, source), minute in self.first.items():
            if not is_elsewhere(source):
                first[logged] = min(first.get(logged, minute), minute)
        return first


def past_of(rows: Iterable[MinuteCount]) -> HeldPast:
    """Read the rows to their end."""
    held, first = HeldCells(), dict[tuple[tuple[str, str, bool, bool], str | None], datetime]()
    for row in rows:
        held.add(cell_of(row))
        if not row.synthetic:
            key = what_is_logged(row), row.source
            first[key] = min(first.get(key, row.occurred_minute), row.occurred_minute)
    return HeldPast(held, first)
