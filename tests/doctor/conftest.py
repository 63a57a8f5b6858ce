from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.sandbox.world import World
from tests.support.commands import Commands

QUICK = '\n[network]\ntimeout = "2s"\npatience = "2s"\n'


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A world in which nothing is wrong."""
    with World() as world:
        world.write(tmp_path, extra=QUICK)
        yield world
    assert world.crashes == []


@pytest.fixture
def migrated(tmp_path: Path) -> Path:
    path = tmp_path / "releaseguard.db"
    with SqliteEventLog(path) as log:
        log.migrate()
    return path


@pytest.fixture
def cli(world: World, tmp_path: Path) -> Commands:
    return Commands(tmp_path, {**world.environ(), "RELEASEGUARD_SIGNING_KEY": "3f9a1c0b7d2e4856" * 4})
