"""The event log, wherever it is stored, and the app's own database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from releaseguard.compose.clients import Clients
from releaseguard.compose.known.configuration import events_table
from releaseguard.errors import ConfigError
from releaseguard.safemode.checkout import is_lent
from releaseguard.secret import Secret
from releaseguard.services import SERVICES
from releaseguard.services.interface import LogStore, Service
from releaseguard_events.places.urls import scheme_of

if TYPE_CHECKING:
    from releaseguard.appdb import AppDatabase
    from releaseguard.eventlog.interface import EventLog
    from releaseguard.model import Remark
    from releaseguard_events.stores.table import EventTable


class Stores:
    """Opens stores, and closes them with the run."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._settings = clients.settings

    @cached_property
    def log(self) -> EventLog:
        """The event log at ``[events] url``, of whichever kind; of our own rows it returns only those that are
        believed. Raises ``UsageError`` for a signing key that could be guessed."""
        from releaseguard.eventlog.signing.keys import keyring_in
        from releaseguard.eventlog.signing.log import SignedLog

        return SignedLog(self.every_row, keyring_in(self._clients.environ), self._clients.say)

    @cached_property
    def every_row(self) -> EventLog:
        """The same log without that check, for readers that examine the rows themselves."""
        return self.log_at(self._settings.events.url)

    @cached_property
    def bare_log(self) -> EventLog:
        """The event log without a first look at its table, for creating the table."""
        return self._opened(self._settings.events.url, events_table(self._settings))

    def log_at(self, url: str) -> EventLog:
        """A log at another address. Raises ``ConfigError`` for an unknown scheme."""
        table = events_table(self._settings)
        log = self._opened(url, table)
        lacking = log.lacking()
        if not lacking:
            return log
        self._clients.tell(_what_lacks(table.table, lacking))
        return self._opened(url, replace(table, columns={**table.columns, **dict.fromkeys(lacking, False)}))

    def _opened(self, url: str, table: EventTable) -> EventLog:
        return self._clients.opened.enter_context(self._open(url, table))

    def _open(self, url: str, table: EventTable) -> EventLog:
        scheme = scheme_of(url)
        if scheme in STORES:
            return STORES[scheme](self._clients, url, table)
        if found := _hosted_at(url):
            service, store = found
            return store.open(self._clients.context(service), url, table)
        raise ConfigError(
            f"events.url: no event log is known for {scheme or 'an address without a scheme'}",
            where=self._settings.where("events", "url"),
            next_step=f"Write sqlite:///file.db, postgresql://... or {_hosted()}.",
        )

    def schema_sql(self) -> str:
        """The SQL that creates the event log's tables, made without contacting a store, so without credential and
        driver."""
        url = self._settings.events.url
        if STORES.get(scheme_of(url)) is _postgres:
            from releaseguard.eventlog.schema.postgres import script
            from releaseguard_events.stores.fitting import Tables

            return script(Tables.of(events_table(self._settings)).each)
        if found := _hosted_at(url):
            service, store = found
            return store.schema(self._clients.context(service), url, events_table(self._settings))
        return self.log.schema_sql()

    def additions_sql(self) -> str:
        """SQL that the owner of the app's own table could run to add what is missing; empty where nothing is."""
        from releaseguard.eventlog.mapping.additions import additions

        return additions(events_table(self._settings))

    @property
    def exposed(self) -> Callable[[EventLog], Remark] | None:
        """A function that reports whether the app's public key can read the log; ``None`` where that cannot be
        asked."""
        found = _hosted_at(self._settings.events.url)
        if found is None or not self._clients.environ.get(found[1].public_key):
            return None
        store = found[1]
        key = Secret(self._clients.environ[store.public_key])
        return lambda log: store.exposed(log, key)

    @cached_property
    def app_database(self) -> AppDatabase:
        """The app's own database, at the address in the variable that ``[app] database_url_env`` names."""
        from releaseguard.appdb import AppDatabase
        from releaseguard.safemode.libpq import need_psycopg

        need_psycopg()
        setting = self._settings.app.database_url_env
        return AppDatabase(Secret(self._clients.environ[setting]), setting, pin=self._clients.safety.pinned_database)


def _hosted_at(url: str) -> tuple[Service[Any], LogStore[Any]] | None:
    """The service that keeps a log at ``url``; ``None`` for a log of our own."""
    scheme = scheme_of(url)
    stores = ((service, service.log) for service in SERVICES if service.log is not None)
    return next(((service, log) for service, log in stores if scheme in log.schemes), None)


def _hosted() -> str:
    """The form of the addresses of logs that a service keeps."""
    return " or ".join(service.log.example for service in SERVICES if service.log is not None)


def _what_lacks(table: str, columns: Sequence[str]) -> str:
    from releaseguard.eventlog.interface import COSTS

    words = [f"{column} ({COSTS[column]})" for column in columns]
    return f"The app's table {table} does without: {', '.join(words)}."


def _sqlite(clients: Clients, url: str, table: EventTable) -> EventLog:
    from releaseguard.eventlog.stores.sqlite import SqliteEventLog
    from releaseguard_events.stores.sqlite import sqlite_path

    if is_lent(clients.environ):
        raise ConfigError(
            "the event log is a file on a runner that is gone with its job: marks, verdicts and histories would be too",
            where=clients.settings.where("events", "url"),
            next_step="Give the app's own log: a secret RELEASEGUARD_EVENTS_URL with postgresql://... or "
            f"{_hosted()}, and no other [events] url in the configuration.",
        )
    return SqliteEventLog(sqlite_path(url, clients.settings.root), table, tell=clients.say)


def _postgres(clients: Clients, url: str, table: EventTable) -> EventLog:
    from releaseguard.safemode.libpq import need_psycopg

    need_psycopg()
    from releaseguard.eventlog.stores.postgres import PostgresEventLog

    return PostgresEventLog(Secret(url), table, pin=clients.safety.pinned_log)


STORES: Mapping[str, Callable[[Clients, str, EventTable], EventLog]] = {
    "sqlite": _sqlite,
    "postgresql": _postgres,
    "postgres": _postgres,
}
"""The stores that belong to no service, by the scheme of their address."""
