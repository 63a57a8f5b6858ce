"""How far long work is, and what is left of it where it breaks off."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from releaseguard.cli.log.whole_file import writing
from releaseguard.cli.shared import progress
from releaseguard.clocks import Clocks
from releaseguard.errors import Unreachable, UsageError
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.eventlog.watching import Progress
from releaseguard.model import Event, Outcome, utc_now
from tests.support.commands import Commands


@pytest.fixture
def old(tmp_path: Path) -> None:
    """Three events of a hundred days ago."""
    with closing(SqliteEventLog(tmp_path / "releaseguard.db")) as log:
        at = utc_now() - timedelta(days=100)
        log.append([event(at, number) for number in range(3)])


def event(at: datetime, number: int) -> Event:
    return Event(
        id=UUID(int=number + 1),
        occurred_at=at,
        provider="sendgrid",
        event="sendgrid_email_sent",
        outcome=Outcome.SUCCESS,
        environment="production",
    )


@pytest.mark.parametrize(
    ("share", "elapsed", "shown"),
    [
        (None, 9, "4 rows"),
        (0.0, 9, "[........................]   0%  4 rows"),
        (0.5, 30, "[############............]  50%, 30 s left  4 rows"),
        (0.25, 100, "[######..................]  25%, 5 min left  4 rows"),
        (1.0, 9, "[########################] 100%, 0 s left  4 rows"),
        (1.7, 9, "[########################] 100%, 0 s left  4 rows"),
        (-0.2, 9, "[........................]   0%  4 rows"),
    ],
)
def test_a_bar_says_what_is_done_and_how_long_the_rest_takes(share: float | None, elapsed: float, shown: str) -> None:
    assert progress.drawn(Progress("4 rows", share), elapsed) == shown


@dataclass
class Waiting:
    """A run, as far as it is told how far it is."""

    on_terminal: bool
    times: Iterator[float]
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clocks = Clocks(elapsed=lambda: next(self.times))
        self.tell = self.told.append


@pytest.mark.parametrize(
    ("on_terminal", "times", "shown"),
    [
        (True, (0, 0.5, 0.9), []),
        (True, (0, 0.5, 1.1, 1.2, 1.5), [2, 4, ""]),
        (False, (0, 1.1, 59), []),
        (False, (0, 61, 70, 125), [1, 3]),
    ],
)
def test_quick_work_says_nothing_and_long_work_now_and_then(
    monkeypatch: pytest.MonkeyPatch, on_terminal: bool, times: tuple[float, ...], shown: list[int | str]
) -> None:
    run: Any = Waiting(on_terminal, iter(times))
    monkeypatch.setattr(progress, "_draw", run.told.append)
    monkeypatch.setattr(progress, "drawn", lambda one, _elapsed: one.what)
    with progress.shown(run) as watch:
        for number in range(1, len(times)):
            watch(Progress(f"{number} rows"))
    assert run.told == [f"{one} rows" if one else "" for one in shown]


def test_an_export_that_breaks_off_leaves_what_was_there(
    cli: Commands, old: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "events.jsonl"
    assert cli.run("events", "export", "-o", str(there)).code == 0
    whole = there.read_text()
    read = SqliteEventLog._read

    def cut(*arguments: Any) -> Iterator[Any]:
        yield next(read(*arguments))
        raise Unreachable("the connection to the database was lost", where="x", next_step="Run the command again.")

    monkeypatch.setattr(SqliteEventLog, "_read", cut)
    for file in (there, tmp_path / "new.jsonl"):
        assert cli.run("events", "export", "-o", str(file)).code == 5
    assert there.read_text() == whole
    assert [path.name for path in tmp_path.glob("*.jsonl*")] == ["events.jsonl"]


def test_two_exports_into_one_file_do_not_mix(cli: Commands, old: None, tmp_path: Path) -> None:
    there = tmp_path / "events.jsonl"
    with writing(there) as first:
        first.write("the first run's\n")
        refused = cli.run("events", "export", "-o", str(there))
        assert (refused.code, f"another run is writing {there}" in refused.err) == (4, True)
        first.write("all of it\n")
    assert there.read_text() == "the first run's\nall of it\n"
    assert cli.run("events", "export", "-o", str(there)).code == 0
    assert len(there.read_text().splitlines()) == 3
    assert [path.name for path in tmp_path.glob("*.jsonl*")] == ["events.jsonl"]


def test_what_a_killed_export_left_is_written_over_and_a_link_in_its_place_is_not_followed(
    cli: Commands, old: None, tmp_path: Path
) -> None:
    part, there, other = tmp_path / "events.jsonl.part", tmp_path / "events.jsonl", tmp_path / "other"
    part.write_text("half a line, and " * 1_000)
    assert cli.run("events", "export", "-o", str(there)).code == 0
    assert (len(there.read_text().splitlines()), part.exists()) == (3, False)
    other.write_text("somebody's")
    part.symlink_to(other)
    assert cli.run("events", "export", "-o", str(there)).code == 2
    assert other.read_text() == "somebody's"


@pytest.mark.parametrize(("number", "step"), [(errno.ENOSPC, "Make room"), (errno.EACCES, "Name a file you may write")])
def test_a_file_that_cannot_be_written_says_what_helps(tmp_path: Path, number: int, step: str) -> None:
    with pytest.raises(UsageError) as caught, writing(tmp_path / "events.jsonl"):
        raise OSError(number, os.strerror(number))
    assert step in str(caught.value.next_step)
    assert list(tmp_path.iterdir()) == []


def test_a_prune_asks_without_counting(cli: Commands, old: None, monkeypatch: pytest.MonkeyPatch) -> None:

    def counted(*_: Any) -> Any:
        raise AssertionError("it counted")

    monkeypatch.setattr(SqliteEventLog, "minute_counts", counted)
    refused = cli.run("events", "prune", "--older-than", "90d")
    assert (refused.code, "the oldest of" in refused.err) == (4, True)
    assert cli.run("events", "prune", "--older-than", "90d", "--yes", "--json").json["deleted"] == 3
    assert cli.run("events", "prune", "--older-than", "90d", "--json").json["deleted"] == 0
