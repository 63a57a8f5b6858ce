"""Which table a row belongs to, and tables that do not fit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from releaseguard.errors import ConfigError
from releaseguard.eventlog.interface import EventTable

MIGRATE = "Run: releaseguard events migrate"


def split(table: EventTable) -> tuple[EventTable, EventTable]:
    """The table of the app's traffic and the table of our own rows: the same one without ``results_table``."""
    traffic = replace(table, results_table=None)
    return traffic, EventTable(table=table.results_table) if table.results_table else traffic


def lacking_for_ours(place: EventTable) -> str | None:
    """A column that a rotation's history stands on and the table has not."""
    return next((column for column in ("recorded_at", "detail") if not place.theirs(column)), None)


def must_hold_our_rows(place: EventTable) -> None:
    """Raise ``ConfigError`` where the table lacks a column that a rotation's history stands on."""
    if (lacking := lacking_for_ours(place)) is not None:
        raise ConfigError(
            f"the table {place.table} cannot hold releaseguard's own rows: it has no column {lacking}",
            where="[events]",
            next_step='Set results_table = "releaseguard_events", then run: releaseguard events migrate',
        )


class NoColumn(ConfigError):
    """The table lacks a column."""


def no_column(place: EventTable, column: str, found: Iterable[str], label: str) -> NoColumn:
    """The table lacks a column that is neither mapped nor mapped away."""
    return NoColumn(
        f"the table {place.table} has no column {place.theirs(column)} (it has {', '.join(found)})",
        where=label,
        next_step=f'{MIGRATE}; or, where the table is the app\'s own: [events.columns] {column} = "..."',
    )


def wrong_type(place: EventTable, column: str, found: str, wanted: str, label: str) -> ConfigError:
    """A column cannot hold what we would put there."""
    return ConfigError(
        f"column {place.theirs(column)} of the table {place.table} is {found}, where {column} has to be {wanted}",
        where=label,
        next_step=f'Change its type, or map another column: [events.columns] {column} = "..."',
    )


def cannot_be_given(table: str, column: str) -> ConfigError:
    """A migration would have to invent values for the rows that are there."""
    return ConfigError(
        f"the table {table} exists and has no column {column}, which its rows could not be given",
        where="[events]",
        next_step=f'Map it ([events.columns] {column} = "...") or choose another table.',
    )


def left_alone(place: EventTable) -> str:
    """What a migration does to the app's own table, in words."""
    return f"left the table {place.table} as it is: its columns are mapped, so it is the app's own"
