"""The event log's table for Postgres; ``guards.py`` has what it enforces, ``access.py`` who may see it."""

# ruff: noqa: S608 - names are quoted (names.py), and there are no values

from __future__ import annotations

from collections.abc import Mapping, Sequence

from releaseguard.eventlog.mapping import view
from releaseguard.eventlog.schema import access, clients, guards, panel, rollups
from releaseguard.eventlog.stores import postgres_sql
from releaseguard_events.stores.names import VERSION, bare, beside, qualified, quoted
from releaseguard_events.stores.postgres_shape import TYPES
from releaseguard_events.stores.table import NEEDED, EventTable

LOCK_TIMEOUT = "SET LOCAL lock_timeout = '1s'"
"""Whoever waits for a table's lock makes everybody behind him wait too."""

_RULES = {
    "id": "PRIMARY KEY",
    "occurred_at": "NOT NULL",
    "recorded_at": "NOT NULL DEFAULT now()",
    "provider": "NOT NULL",
    "event": "NOT NULL",
    "outcome": "NOT NULL CHECK (outcome IN ('success', 'error'))",
    "environment": "NOT NULL",
    "synthetic": "NOT NULL DEFAULT false",
    "detail": "NOT NULL DEFAULT '{}'",
}
COLUMNS = {name: f"{kind} {_RULES.get(name, '')}".rstrip() for name, kind in TYPES.items()}


def create(table: str, *, titles: Mapping[str, str] | None = None, with_indexes: bool = True) -> list[str]:
    """The statements that make what is not there yet; each may be run again. ``titles``: what providers are called."""
    return [
        access.refuse_half(),
        _table(table),
        *_columns(table),
        *(index(table, name) for name in INDEXES if with_indexes),
        *guards.create(table),
        _versions(table),
        access.by_minute(table),
        access.grants(table),
        clients.create(table),
        *panel.create(table, table, table, titles or {}),
        *rollups.create(table),
        _version(table),
    ]


def of_an_apps_own(places: Sequence[EventTable]) -> list[str]:
    """Over an app's own table, by the view of it: the panel, once the table of our own rows is there too, and how
    phones write, where the table can say that a row is a phone's."""
    theirs = next((place for place in places if place.is_mapped), None)
    ours = next((place for place in places if not place.is_the_apps), None)
    if theirs is None:
        return []
    seen = view.name_of(theirs)
    phones = [clients.create(seen, environment=view.environment_of(theirs), is_view=True)]
    shown = panel.create(theirs.table, seen, ours.table, theirs.titles()) if ours else []
    return [*(phones if view.keeps(theirs, "source") else ()), *shown]


def script(places: Sequence[EventTable]) -> str:
    """The SQL for the tables that are ours to make, and for the view of an app's own that has other words.

    For a migrations folder, in one transaction: a client that goes on after an error must not leave a table behind that
    nobody guards. Waits for the app's writers no longer than it may make them wait.
    """
    ours = [place for place in places if not place.is_the_apps]
    views = [statement for place in places if view.may_be_needed(place) for statement in view.postgres(place)]
    statements = [
        *(one for place in ours for one in create(place.table, titles=place.titles())),
        *views,
        *of_an_apps_own(places),
    ]
    return "".join(f"{statement};\n\n" for statement in ("BEGIN", LOCK_TIMEOUT, *statements, "COMMIT") if statements)


def _table(table: str) -> str:
    columns = ",\n".join(f"  {quoted(name)} {declared}" for name, declared in COLUMNS.items())
    return f"CREATE TABLE IF NOT EXISTS {qualified(table)} (\n{columns}\n)"


def _columns(table: str) -> list[str]:
    """For a table made by an older version. Columns that existing rows could not be given are left to its keeper."""
    return [
        f"ALTER TABLE {qualified(table)} ADD COLUMN IF NOT EXISTS {quoted(name)} {declared}"
        for name, declared in COLUMNS.items()
        if name not in NEEDED
    ]


INDEXES = {
    "time": "(occurred_at, id)",
    "provider_time": "(environment, provider, occurred_at)",
    "recorded": "(recorded_at)",
    "correlation": "(correlation_id) WHERE correlation_id IS NOT NULL",
    "release": "(release) WHERE release IS NOT NULL",
    "lane": "(environment, (detail ->> 'provider'), occurred_at) WHERE provider = 'releaseguard'",
    "unreadable": f"(id) WHERE {postgres_sql.unreadable()}",
}
"""What each is called behind the table's name, and of what it is made."""


def index(table: str, name: str, *, on: str | None = None, concurrently: bool = False) -> str:
    """The statement that makes an index of ``table``, or of its partition ``on``, where it is not there yet."""
    how = "CONCURRENTLY " if concurrently else ""
    named = quoted(f"{bare(on or table)}_{name}")
    return f"CREATE INDEX {how}IF NOT EXISTS {named} ON {qualified(on or table)} {INDEXES[name]}"


def _versions(table: str) -> str:
    return (
        f"CREATE TABLE IF NOT EXISTS {qualified(beside(table, 'schema'))} (\n"
        "  version integer PRIMARY KEY,\n  applied_at timestamptz NOT NULL DEFAULT now()\n)"
    )


def _version(table: str) -> str:
    versions = qualified(beside(table, "schema"))
    return f"INSERT INTO {versions} (version) VALUES ({VERSION}) ON CONFLICT (version) DO NOTHING"
