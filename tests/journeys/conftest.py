from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.sandbox.world import World
from tests.support.commands import Commands

QUICK = '\n[rotation]\nlease = "1s"\nprove_within = "20s"\n[network]\ntimeout = "2s"\npatience = "4s"\n'


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Loopback stand-ins; the app logs into ``tmp_path``'s event log."""
    with World() as world, SqliteEventLog(tmp_path / "releaseguard.db") as log:
        log.migrate()
        world.app.log = log.append
        world.write(tmp_path, extra=QUICK)
        yield world
    assert world.crashes == []


@pytest.fixture
def log(tmp_path: Path, world: World) -> Iterator[SqliteEventLog]:
    with SqliteEventLog(tmp_path / "releaseguard.db") as log:
        yield log


@pytest.fixture
def cli(world: World, tmp_path: Path) -> Commands:
    return Commands(tmp_path, world.environ())
