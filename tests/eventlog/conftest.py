"""The three stores, each fresh for every test."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from releaseguard.eventlog.interface import EventLog
from releaseguard.eventlog.stores.postgres import PostgresEventLog
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.secret import Secret
from releaseguard.services.supabase.event_log import SupabaseEventLog, connect
from releaseguard_events.stores.table import EventTable
from tests.support import postgres, postgrest
from tests.support.hasty import hasty


class Store(ABC):
    """A place for event logs: opens them, and lets a test do to the database what an app or an attacker would."""

    kind: str
    opener: str
    """Python that opens the log in another process, under the name ``log``."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._kept: EventLog | None = None

    def kept(self) -> EventLog:
        """One log with its table for all examples of a property."""
        self._kept = self._kept or self.log()
        return self._kept

    def empty(self, table: EventTable | None = None) -> EventLog:
        """A log whose table nobody has made."""
        log = self._opened(table)
        self._stack.callback(log.close)
        return log

    def log(self, table: EventTable | None = None) -> EventLog:
        """A log with its table."""
        log = self.empty(table)
        self.migrate(log)
        return log

    @abstractmethod
    def _opened(self, table: EventTable | None) -> EventLog: ...

    def migrate(self, log: EventLog) -> None:
        log.migrate()

    @abstractmethod
    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """Run it on the database itself, past the log."""

    def unguarded(self, statement: str) -> None:
        """The same past what the database enforces, as before there was any of it, or as its owner can."""
        self.sql(statement)


class SqliteStore(Store):
    kind = "sqlite"

    def __init__(self, stack: ExitStack, path: Path) -> None:
        super().__init__(stack)
        self.path = path
        self.opener = (
            "from pathlib import Path\nfrom releaseguard.eventlog.stores.sqlite import SqliteEventLog\n"
            f"log = SqliteEventLog(Path({str(path)!r}))"
        )

    def _opened(self, table: EventTable | None) -> SqliteEventLog:
        return SqliteEventLog(self.path, table)

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            return connection.execute(statement).fetchall()


class PostgresStore(Store):
    kind = "postgres"

    def __init__(self, stack: ExitStack, url: str) -> None:
        super().__init__(stack)
        self.url = url
        self.opener = (
            "from releaseguard.secret import Secret\n"
            "from releaseguard.eventlog.stores.postgres import PostgresEventLog\n"
            f"log = PostgresEventLog(Secret({url!r}))"
        )

    def _opened(self, table: EventTable | None) -> EventLog:
        return PostgresEventLog(Secret(self.url), table)

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def unguarded(self, statement: str) -> None:
        on = "ALTER TABLE integration_events"
        self.sql(f"{on} DISABLE TRIGGER USER, DROP CONSTRAINT IF EXISTS integration_events_detail_object; {statement}")


class RestStore(PostgresStore):
    """Over the labelled stand-in for PostgREST."""

    kind = "rest"

    def __init__(self, stack: ExitStack, url: str) -> None:
        super().__init__(stack, url)
        self.project = stack.enter_context(postgrest.serving(postgrest.PostgRest(url)))
        self.opener = (
            "from releaseguard.secret import Secret\n"
            "from releaseguard.services.supabase.event_log import SupabaseEventLog\n"
            f"log = SupabaseEventLog({self.project.url!r}, Secret({self.project.key!r}))"
        )

    def _opened(self, table: EventTable | None) -> EventLog:
        hurried = partial(connect, clocks=hasty())
        return SupabaseEventLog(self.project.url, Secret(self.project.key), table, connect=hurried)

    def migrate(self, log: EventLog) -> None:
        if statements := log.schema_sql():
            self.sql(statements)


@pytest.fixture(scope="session")
def cluster() -> Iterator[postgres.Cluster]:
    with postgres.cluster() as running:
        yield running


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.fixture(params=["sqlite", "postgres", "rest"])
def store(request: pytest.FixtureRequest, stack: ExitStack, tmp_path: Path) -> Store:
    """The contract's three implementations."""
    if request.param == "sqlite":
        return SqliteStore(stack, tmp_path / "events.db")
    cluster: postgres.Cluster = request.getfixturevalue("cluster")
    kinds = {"postgres": PostgresStore, "rest": RestStore}
    return kinds[request.param](stack, stack.enter_context(cluster.lent_database()))


@pytest.fixture
def sqlite_store(stack: ExitStack, tmp_path: Path) -> SqliteStore:
    return SqliteStore(stack, tmp_path / "events.db")


@pytest.fixture
def postgres_store(stack: ExitStack, cluster: postgres.Cluster) -> PostgresStore:
    return PostgresStore(stack, stack.enter_context(cluster.lent_database()))


@pytest.fixture
def rest_store(stack: ExitStack, cluster: postgres.Cluster) -> RestStore:
    return RestStore(stack, stack.enter_context(cluster.lent_database()))
