"""Which table a row belongs to, and errors for tables that do not fit."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple, Self

from releaseguard_events.errors import ConfigError
from releaseguard_events.event import OURSELVES, Event
from releaseguard_events.mapping.rules import TheirColumn
from releaseguard_events.stores.storable import EventRow, Writable, row_of, storable
from releaseguard_events.stores.table import COLUMNS, NEEDED, EventTable

MIGRATE = "Run: releaseguard events migrate"
OF_A_TRIGGER = (
    "A trigger that stands on the table says so: see why with whoever made it, or give our own rows a table of theirs:"
    ' [events] results_table = "releaseguard_events".'
)
"""What to do where a trigger refuses a row: neither a migration of the table nor a second try helps."""


Batch = tuple[EventTable, Sequence[Event]]
"""Events and the one table to which they go."""


class Tables(NamedTuple):
    """The tables of the app's traffic and of our own rows; the same table without ``results_table``."""

    traffic: EventTable
    ours: EventTable

    @classmethod
    def of(cls, table: EventTable) -> Self:
        """The tables that a configuration names."""
        traffic = replace(table, results_table=None)
        return cls(
            traffic, EventTable(table=table.results_table, titles=table.titles) if table.results_table else traffic
        )

    @property
    def each(self) -> list[EventTable]:
        """Each table once."""
        return [self.traffic] if self.ours == self.traffic else [self.traffic, self.ours]

    @property
    def ours_to_make(self) -> list[EventTable]:
        """Those that the app has not made."""
        return [place for place in self.each if not place.is_the_apps]

    def batches(self, events: Sequence[Event]) -> list[Batch]:
        """The events by table, sorted by id, so that two writers of the same ids cannot wait for each other."""
        ordered = sorted((storable(event) for event in events), key=lambda event: event.id.int)
        ours = [event for event in ordered if event.provider == OURSELVES]
        if ours:
            must_hold_our_rows(self.ours)
        if self.ours == self.traffic:
            return [(self.traffic, ordered)]
        traffic = [event for event in ordered if event.provider != OURSELVES]
        return [batch for batch in ((self.traffic, traffic), (self.ours, ours)) if batch[1]]

    def rows(self, events: Sequence[Writable]) -> list[tuple[EventTable, Sequence[EventRow]]]:
        """The same, as rows."""
        ordered = sorted(map(row_of, events))
        ours = [row for row in ordered if row.provider == OURSELVES]
        if ours:
            must_hold_our_rows(self.ours)
        if self.ours == self.traffic:
            return [(self.traffic, ordered)]
        traffic = [row for row in ordered if row.provider != OURSELVES]
        return [batch for batch in ((self.traffic, traffic), (self.ours, ours)) if batch[1]]


def assumed(place: EventTable) -> list[str]:
    """The columns that the app's own table is assumed to have under our names, since no setting says otherwise."""
    if not place.is_the_apps:
        return []
    return [column for column in COLUMNS if column not in NEEDED and column not in place.columns]


def without(table: EventTable, absent: Iterable[str]) -> EventTable:
    """The table without columns that it turned out to lack."""
    return replace(table, columns={**table.columns, **dict.fromkeys(absent, False)})


def lacking_for_ours(place: EventTable) -> str | None:
    """Why the table cannot hold a rotation's history; ``None`` where it can."""
    if place.is_mapped:
        return "its columns are translated"
    gone = next((column for column in ("recorded_at", "detail") if not place.has(column)), None)
    return None if gone is None else f"it has no column {gone}"


def must_hold_our_rows(place: EventTable) -> None:
    """Raise ``ConfigError`` where the table cannot hold a rotation's history."""
    if (lacking := lacking_for_ours(place)) is not None:
        raise cannot_hold_ours(place, lacking)


def cannot_hold_ours(place: EventTable, why: str) -> ConfigError:
    """The error of a table that cannot hold our rows, whose ids only one writer can have given."""
    return ConfigError(
        f"the table {place.table} cannot hold releaseguard's own rows: {why}",
        where="[events]",
        next_step='Set results_table = "releaseguard_events", then run: releaseguard events migrate',
    )


class NoColumn(ConfigError):
    """The table lacks a column."""


def no_column(place: EventTable, column: str, theirs: str, found: Iterable[str], label: str) -> NoColumn:
    """The error of a table without a column that is neither mapped nor mapped away."""
    return NoColumn(
        f"the table {place.table} has no column {theirs} (it has {', '.join(found)})",
        where=label,
        next_step=f'{MIGRATE}; or, where the table is the app\'s own: [events.columns] {column} = "..."',
    )


def lacks(place: EventTable, column: str, found: Collection[str], label: str) -> NoColumn | None:
    """The error for the first column of theirs that our ``column`` needs and the table lacks; ``None`` where it lacks
    none."""
    read = [*(rule.columns if (rule := place.rule(column)) else ()), *(_named(place) if column == "event" else ())]
    gone = next((one.name for one in read if one.name not in found), None)
    return None if gone is None else no_column(place, column, gone, found, label)


def _named(place: EventTable) -> Iterator[TheirColumn]:
    return (condition.column for rule in place.names for condition in rule.when)


def wrong_type(place: EventTable, column: str, found: str, wanted: str, label: str) -> ConfigError:
    """The error of a column that cannot hold what would be written there."""
    return ConfigError(
        f"column {place.theirs(column)} of the table {place.table} is {found}, where {column} has to be {wanted}",
        where=label,
        next_step=f'Change its type, or map another column: [events.columns] {column} = "..."',
    )


def cannot_be_given(table: str, column: str) -> ConfigError:
    """The error of a migration that would have to invent values for existing rows."""
    return ConfigError(
        f"the table {table} exists and has no column {column}, which its rows could not be given",
        where="[events]",
        next_step=f'Map it ([events.columns] {column} = "...") or choose another table.',
    )


def left_alone(place: EventTable) -> str:
    """What a migration does to the app's own table, in words."""
    return f"left the table {place.table} as it is: its columns are mapped, so it is the app's own"
