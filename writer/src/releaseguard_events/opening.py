"""The store at an address, and what may be sent there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Final

from releaseguard_events.configuration import Configuration, here
from releaseguard_events.errors import ConfigError
from releaseguard_events.places.hosts import Place, place_of
from releaseguard_events.places.supabase import EVENTS, SERVICE_KEYS, VOUCHING
from releaseguard_events.places.trust import TrustRules
from releaseguard_events.places.urls import scheme_of
from releaseguard_events.stores.interface import Store
from releaseguard_events.stores.table import EventTable

WITHIN: Final = 5.0
"""Seconds for one request to the store. There are no repeats: what does not arrive waits on disk."""
FILE_WAITS: Final = 2.0
"""Seconds for other writers to SQLite; a fork may have to wait for as long."""
RULES: Final = TrustRules((EVENTS,), (VOUCHING,))
"""Where a credential may go: the file alone does not say, since it can come from anybody."""

Open = Callable[[str, EventTable, Configuration, Mapping[str, str]], Store]


def open_store(configured: Configuration, environ: Mapping[str, str]) -> Store:
    """The store at ``configured.url``. Raises ``ConfigError`` for a scheme that none has, or without a key, and
    ``SafeModeRefusal`` where the key may not go there."""
    url = configured.url or ""
    opens = _STORES.get(scheme_of(url))
    if opens is None:
        raise ConfigError(
            "the address of the event log is none of a store's",
            where=EVENTS.setting,
            next_step="Write sqlite:///file.db, postgresql://USER@HOST/DATABASE or https://REF.supabase.co.",
        )
    return opens(url, configured.table, configured, environ)


def is_embedded(url: str) -> bool:
    """Whether the store is a file that this process itself opens."""
    return scheme_of(url) == "sqlite"


def load(url: str) -> None:
    """Import what writing to ``url`` needs, for a process that must not import later. Raises ``ImportError``."""
    for module in _MODULES.get(scheme_of(url), ()):
        import_module(module)


def _sqlite(url: str, table: EventTable, _configured: Configuration, _environ: Mapping[str, str]) -> Store:
    from releaseguard_events.stores.sqlite import SqliteStore, sqlite_path

    return SqliteStore(sqlite_path(url, here()), table, FILE_WAITS)


def _postgres(url: str, table: EventTable, _configured: Configuration, environ: Mapping[str, str]) -> Store:
    from releaseguard_events.places import libpq
    from releaseguard_events.stores.postgres import PostgresStore

    def vouch(place: Place) -> None:
        _vouch("the database's password", place, url, environ)

    def pin(address: str) -> str:
        return libpq.pinned(address, environ, setting=EVENTS.setting, admit=vouch).conninfo

    return PostgresStore(url, table, pin, WITHIN)


def _rest(url: str, table: EventTable, configured: Configuration, environ: Mapping[str, str]) -> Store:
    from releaseguard_events.stores.http import HttpLink
    from releaseguard_events.stores.rest import RestStore

    link = HttpLink(url, timeout=min(configured.timeout or WITHIN, WITHIN), proxy=configured.proxy)
    keys = [environ[name] for name in SERVICE_KEYS if environ.get(name)]
    if not environ.get(SERVICE_KEYS[0]):
        raise ConfigError(
            f"{SERVICE_KEYS[0]} is not set, which the event log at Supabase needs",
            where=EVENTS.setting,
            next_step=f"Set {SERVICE_KEYS[0]} to the service role's key of this project.",
        )
    _vouch(SERVICE_KEYS[0], place_of(url), url, environ)
    return RestStore(link, keys, table)


def _vouch(credential: str, place: Place, url: str, environ: Mapping[str, str]) -> None:
    refused = RULES.trust_of(environ).refusal(credential, EVENTS.setting, place, address=url)
    if refused is not None:
        raise refused


_STORES: Final[Mapping[str, Open]] = {
    "sqlite": _sqlite,
    "postgresql": _postgres,
    "postgres": _postgres,
    "https": _rest,
    "http": _rest,
}
_POSTGRES: Final = (
    "releaseguard_events.stores.postgres",
    "releaseguard_events.places.libpq",
    "psycopg.conninfo",
    "psycopg.errors",
    "encodings.idna",
)
_REST: Final = ("releaseguard_events.stores.rest", "releaseguard_events.stores.http", "encodings.idna")
_MODULES: Final[Mapping[str, Sequence[str]]] = {
    "sqlite": ("releaseguard_events.stores.sqlite",),
    "postgresql": _POSTGRES,
    "postgres": _POSTGRES,
    "https": _REST,
    "http": _REST,
}
"""What each kind of store imports in the course of its work."""
