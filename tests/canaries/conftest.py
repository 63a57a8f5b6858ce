from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.sandbox.world import World
from tests.support.canaries import Observed
from tests.support.commands import Commands

QUICK = '\n[rotation]\nlease = "1s"\nprove_within = "8s"\n[network]\ntimeout = "1s"\npatience = "3s"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where commands work; what the test itself plants lies beside it."""
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.fixture
def world(folder: Path) -> Iterator[World]:
    with World() as world, SqliteEventLog(folder / "releaseguard.db") as log:
        log.migrate()
        world.app.log = log.append
        world.write(folder, extra=QUICK)
        yield world
    assert world.crashes == []


@pytest.fixture
def observed(world: World, folder: Path) -> Observed:
    (folder / "tmp").mkdir()
    return Observed(Commands(folder, {**world.environ(), "TMPDIR": str(folder / "tmp")}))
