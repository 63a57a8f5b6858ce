"""A world with a past, seeded once and copied for every test.

A plain run has an hour behind it, ``--full`` its whole week.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from releaseguard.compose import stores
from releaseguard.compose.clients import Clients
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.sandbox.hands import Hands
from releaseguard.sandbox.life import Life
from releaseguard.sandbox.story import furnished
from releaseguard_events.stores.sqlite import sqlite_path
from releaseguard_events.stores.table import EventTable
from tests.support import extent
from tests.support.commands import Commands
from tests.support.playground import NOW, RELEASE, Clock, Playground, week_at
from tests.support.seeding import once

BEHIND = timedelta(days=7) if extent.is_whole() else timedelta(hours=1)


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return once(tmp_path_factory, "playground.db", _past)


def _past(path: Path) -> None:
    with SqliteEventLog(path) as log:
        log.migrate()
    week_at(path).write(NOW, RELEASE, since=NOW - BEHIND)


@pytest.fixture
def playground(tmp_path: Path, seeded: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Playground]:
    """The sandbox as it is when it starts, at :data:`NOW`."""
    database, clock = tmp_path / "releaseguard.db", Clock(NOW)
    shutil.copy(seeded, database)

    def opened(clients: Clients, url: str, table: EventTable) -> SqliteEventLog:
        return SqliteEventLog(sqlite_path(url, clients.settings.root), table, clock=clock)

    monkeypatch.setitem(stores.STORES, "sqlite", opened)  # type: ignore[arg-type]
    world, week = furnished(clock, release=RELEASE), week_at(database)
    with world, SqliteEventLog(database, clock=clock) as log:
        world.app.log = log.append
        world.write(tmp_path)
        life = Life(world.app, week.course, log, NOW)
        hands = Hands(world, week.course, log)
        yield Playground(world, tmp_path, clock, life, hands, Commands(tmp_path, world.environ()))
    assert world.crashes == []
