"""What an app's own table would need to have every column: a migration for its owner, who alone may run it. Pure.

It only adds columns with defaults, which the app's writers need not know, and indexes. Row-level security, policies and
grants stay as they are.
"""

# ruff: noqa: S608 - names and constants are quoted, and there are no values

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from releaseguard.eventlog.interface import COSTS
from releaseguard.eventlog.mapping.view import environment_of
from releaseguard_events.stores.names import bare, literal, qualified, quoted
from releaseguard_events.stores.table import EventTable

ADDED: Final = {
    "recorded_at": "timestamptz",
    "environment": "text NOT NULL DEFAULT {environment}",
    "release": "text",
    "source": "text",
    "correlation_id": "text",
    "synthetic": "boolean NOT NULL DEFAULT false",
}
"""Our columns that such a table often lacks, with their types."""


def additions(place: EventTable) -> str:
    """The migration; empty where nothing is missing, or where the table is ours."""
    missing = [column for column in ADDED if place.is_the_apps and not place.theirs(column)]
    return "".join(f"{line}\n" for line in _script(place, missing)) if missing else ""


def _script(place: EventTable, missing: list[str]) -> Iterator[str]:
    yield f"-- For the owner of {place.table}: adds what releaseguard does without today, and changes nothing else."
    yield "BEGIN;"
    yield "SET LOCAL lock_timeout = '5s';"
    for column in missing:
        without = f": without it, {COSTS[column]}" if column in COSTS else ""
        yield f"-- {column}{without}"
        yield f"ALTER TABLE {qualified(place.table)} ADD COLUMN IF NOT EXISTS {quoted(column)} {_type(place, column)};"
    if "recorded_at" in missing:
        yield from _recorded(place)
    yield from _indexes(place, missing)
    yield "COMMIT;"
    yield "-- Then, in releaseguard.toml under [events.columns]:"
    yield from (f'-- {column} = "{column}"' for column in missing)


def _type(place: EventTable, column: str) -> str:
    return ADDED[column].format(environment=literal(environment_of(place)))


def _recorded(place: EventTable) -> Iterator[str]:
    """Add ``recorded_at``: for existing rows the time of their occurrence, the best known; for new rows that of their
    insertion."""
    table, column = qualified(place.table), quoted("recorded_at")
    occurred = place.theirs("occurred_at")
    known = f"coalesce({quoted(occurred)}, now())" if occurred else "now()"
    yield f"UPDATE {table} SET {column} = {known} WHERE {column} IS NULL;"
    yield f"ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT now();"
    yield f"ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL;"


def _indexes(place: EventTable, missing: list[str]) -> Iterator[str]:
    for column in ("recorded_at", "release", "correlation_id"):
        if column in missing:
            name = quoted(f"{bare(place.table)}_{column}")
            where = "" if column == "recorded_at" else f" WHERE {quoted(column)} IS NOT NULL"
            yield f"CREATE INDEX IF NOT EXISTS {name} ON {qualified(place.table)} ({quoted(column)}){where};"
