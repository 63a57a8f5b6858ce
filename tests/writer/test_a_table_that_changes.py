"""What happens to a SQLite log while an app writes into it: nothing is lost, and it goes on once that is mended."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import Event
from releaseguard_events.pipeline.drops import Drops
from releaseguard_events.pipeline.exporter import BatchExporter
from releaseguard_events.pipeline.spool import Spool
from releaseguard_events.stores.sqlite import SqliteStore
from releaseguard_events.stores.table import EventTable

Make = Callable[..., Event]
Mend = Callable[[], object]
LOST_COLUMN = """
DROP VIEW integration_events_by_minute; DROP INDEX integration_events_release;
ALTER TABLE integration_events DROP COLUMN release;
"""


def migrated(file: Path) -> None:
    with closing(SqliteEventLog(file)) as log:
        log.migrate()


def sql(file: Path, script: str) -> Mend:
    with closing(sqlite3.connect(file)) as other:
        other.executescript(script)
    return lambda: migrated(file)


def held(file: Path) -> Mend:
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    return other.close


def replaced(file: Path) -> Mend:
    for one in file.parent.glob(f"{file.name}-*"):
        one.unlink()
    file.write_text("this is no database, and long enough to be seen as none" * 20)
    return file.unlink


def moved(file: Path) -> Mend:
    elsewhere = file.parent.rename(file.parent.with_name("elsewhere"))
    return lambda: elsewhere.rename(file.parent)


CHANGES = {
    "the table dropped": lambda file: sql(file, "DROP TABLE integration_events"),
    "a column dropped": lambda file: sql(file, LOST_COLUMN),
    "the table under another name": lambda file: sql(file, "ALTER TABLE integration_events RENAME TO old_events"),
    "the file held by somebody": held,
    "another file in its place": replaced,
    "the folder moved away": moved,
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "log").mkdir()
    return tmp_path / "log" / "events.db"


@pytest.fixture
def exporter(file: Path, spool: Spool, drops: Drops, clock: Any) -> Iterator[BatchExporter]:
    open_store = partial(SqliteStore, file, EventTable(), 0.01)
    made = BatchExporter(open_store, spool, drops, environment="production", clock=clock)
    yield made
    made.shutdown([], to_store=False)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_a_changed_log_does_not_take_waits_and_arrives_once(
    exporter: BatchExporter, file: Path, drops: Drops, make_event: Make, change: Callable[[Path], Mend]
) -> None:
    assert exporter.export([make_event("before")])
    exporter.let_go()
    mend = change(file)
    assert not exporter.export([make_event("first"), make_event("second")], at_once=True)
    assert not exporter.export([make_event("third")], at_once=True)
    assert drops.take_unreported() == {}
    mend()
    assert exporter.export([make_event("after")], at_once=True)
    with closing(sqlite3.connect(file)) as read:
        found = sorted(name for (name,) in read.execute("SELECT event FROM integration_events"))
    assert found[-3:] == ["first", "second", "third"]
    assert [name for name in found if name in ("before", "after")] in (["after", "before"], ["after"])


def test_a_file_that_was_put_in_place_of_an_open_one_is_found(
    exporter: BatchExporter, file: Path, make_event: Make
) -> None:
    """A backup that is put back, or a log that is moved aside each night: the open file has no name any more."""
    assert exporter.export([make_event("before")])
    for one in file.parent.glob("events.db*"):
        one.rename(one.with_name(f"old-{one.name}"))
    assert exporter.export([make_event("after")], at_once=True)
    with closing(sqlite3.connect(file)) as read:
        assert read.execute("SELECT event FROM integration_events").fetchall() == [("after",)]
