"""Delivery: nothing is lost while the store is away, nothing is written twice, and what is lost is counted."""

from __future__ import annotations

import logging
import os
import resource
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from releaseguard.model import OURSELVES, Event
from releaseguard_events.pipeline import jsonl
from releaseguard_events.pipeline.drops import Drops
from releaseguard_events.pipeline.exporter import BatchExporter, Pace
from releaseguard_events.pipeline.spool import Spool

Make = Callable[..., Event]


def test_events_reach_the_store(exporter: BatchExporter, store: Any, make_event: Make) -> None:
    assert exporter.export([make_event("a"), make_event("b")])
    assert sorted(store.events()) == ["a", "b"]


def test_events_wait_on_disk_while_the_store_is_away_and_come_back_with_their_ids(
    exporter: BatchExporter, store: Any, clock: Any, spool: Spool, make_event: Make
) -> None:
    store.away = True
    events = [make_event(f"e{number}") for number in range(5)]
    assert not exporter.export(events)
    assert [path.suffix for path in spool.folder.iterdir()] == [".jsonl"]
    store.away = False
    clock.seconds += 60
    assert exporter.export([make_event("later")])
    assert {event.id for event in events} < set(store.rows)
    assert list(spool.folder.iterdir()) == []


def test_a_store_that_is_away_is_asked_at_growing_intervals_only(
    exporter: BatchExporter, store: Any, clock: Any, make_event: Make
) -> None:
    store.away = True
    asked = []
    for _ in range(200):
        before = store.writes
        exporter.export([make_event()])
        if store.writes > before:
            asked.append(clock.seconds)
        clock.seconds += 1
    gaps = [later - earlier for earlier, later in pairwise(asked)]
    assert gaps == sorted(gaps)
    assert gaps[-1] == Pace().last_retry


def test_flush_asks_at_once(exporter: BatchExporter, store: Any, make_event: Make) -> None:
    store.away = True
    exporter.export([make_event()])
    store.away = False
    assert exporter.export([], at_once=True)
    assert len(store.rows) == 1


def test_a_lost_answer_makes_no_doubles(exporter: BatchExporter, store: Any, clock: Any, make_event: Make) -> None:
    store.loses_the_answer = True
    events = [make_event() for _ in range(3)]
    assert not exporter.export(events)
    store.loses_the_answer = False
    clock.seconds += 60
    assert exporter.export([])
    assert set(store.rows) == {event.id for event in events}


def test_a_replay_that_is_cut_short_is_repeated_without_doubles(
    store: Any, clock: Any, tmp_path: Path, drops: Drops, make_event: Make
) -> None:
    left_behind = Spool(tmp_path / "spool", 1_000_000)
    events = [make_event() for _ in range(10)]
    left_behind.add(events)
    left_behind.close()
    exporter = BatchExporter(
        lambda: store,
        Spool(tmp_path / "spool", 1_000_000),
        drops,
        environment="production",
        clock=clock,
        pace=Pace(batch=4),
    )
    original, calls = store.append, []

    def second_write_fails(rows: Any) -> None:
        calls.append(rows)
        store.away = len(calls) == 2
        original(rows)

    store.append = second_write_fails
    assert not exporter.export([])
    assert len(store.rows) == 4
    clock.seconds += 60
    assert exporter.export([])
    assert set(store.rows) == {event.id for event in events}


def test_a_row_that_the_table_refuses_does_not_hold_up_the_others(
    exporter: BatchExporter, store: Any, drops: Drops, make_event: Make
) -> None:
    store.refused = {"poison"}
    assert exporter.export([make_event("a"), make_event("poison"), make_event("b")])
    assert {"a", "b"} <= set(store.events())
    report = next(event for event in store.rows.values() if event.event == "events_dropped")
    assert report.provider == OURSELVES
    assert report.detail == {"dropped": 1, "reasons": {"the table refused the row": 1}}


def test_a_table_that_refuses_everything_keeps_everything(
    exporter: BatchExporter, store: Any, clock: Any, make_event: Make
) -> None:
    store.refused = {"a", "b"}
    assert not exporter.export([make_event("a"), make_event("b")])
    store.refused = set()
    clock.seconds += 60
    assert exporter.export([])
    assert sorted(store.events()) == ["a", "b"]


def test_lost_events_are_reported_once_an_interval(
    exporter: BatchExporter, store: Any, clock: Any, drops: Drops, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="releaseguard"):
        for _ in range(10):
            drops.add("the queue was full", 2)
            exporter.export([])
            clock.seconds += 1
    assert [record.getMessage() for record in caplog.records] == ["2 integration events were lost: the queue was full"]
    clock.seconds += 60
    exporter.export([])
    reports = [event.detail["dropped"] for event in store.rows.values()]
    assert reports == [2, 18]
    assert caplog.records[-1].getMessage() == "18 integration events were lost: the queue was full"


def test_the_end_of_the_process_tells_of_all_losses_whoever_counted_them(
    exporter: BatchExporter, store: Any, clock: Any, spool: Spool, drops: Drops, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="releaseguard"):
        for _ in range(3):
            drops.add("the queue was full", 5)
            exporter.export([])
        last = BatchExporter(lambda: store, spool, drops, environment="production", clock=clock)
        last.shutdown([], to_store=False)
    words = [record.getMessage() for record in caplog.records]
    assert words == [f"{number} integration events were lost: the queue was full" for number in (5, 10)]


def test_the_report_of_lost_events_survives_a_store_that_is_away(
    exporter: BatchExporter, store: Any, clock: Any, drops: Drops, make_event: Make
) -> None:
    store.away = True
    drops.add("the queue was full", 7)
    exporter.export([make_event()])
    exporter.shutdown([], to_store=False)
    store.away = False
    clock.seconds += 60
    assert exporter.export([])
    assert {event.event: event.detail for event in store.rows.values()}["events_dropped"]["dropped"] == 7


def test_next_look_waits_for_the_retry_and_not_at_all_without_need(
    exporter: BatchExporter, store: Any, clock: Any, make_event: Make
) -> None:
    assert exporter.next_look() == 0, "at the start: what others left behind"
    exporter.export([])
    assert exporter.next_look() is None
    store.away = True
    exporter.export([make_event()])
    assert exporter.next_look() == Pace().first_retry


def test_a_full_spool_drops_the_newest_and_counts_them(
    store: Any, clock: Any, tmp_path: Path, drops: Drops, make_event: Make
) -> None:
    room = len(jsonl.line(make_event()).encode())
    spool = Spool(tmp_path / "spool", room * 3)
    exporter = BatchExporter(lambda: store, spool, drops, environment="production", clock=clock)
    store.away = True
    exporter.export([make_event() for _ in range(5)])
    assert drops.take_unreported() == {"the spool is full": 2}
    assert sum(path.stat().st_size for path in spool.folder.iterdir()) <= room * 3
    exporter.shutdown([], to_store=True)


def test_a_spool_that_cannot_be_written_loses_events_and_says_so(
    store: Any, clock: Any, tmp_path: Path, drops: Drops, make_event: Make
) -> None:
    (tmp_path / "file").write_text("in the way")
    exporter = BatchExporter(
        lambda: store, Spool(tmp_path / "file" / "spool", 1000), drops, environment="production", clock=clock
    )
    store.away = True
    assert not exporter.export([make_event()])
    assert drops.take_unreported() == {"the spool cannot be written (NotADirectoryError)": 1}


@contextmanager
def a_disk_of(size: int) -> Iterator[None]:
    """No file of this process may grow beyond it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("room", [0, 1, 3])
def test_a_disk_that_fills_keeps_whole_events_and_each_other_is_counted_once(
    store: Any, clock: Any, spool: Spool, drops: Drops, make_event: Make, room: int
) -> None:
    exporter = BatchExporter(lambda: store, spool, drops, environment="production", clock=clock)
    store.away = True
    given = [make_event(f"event{number}") for number in range(10)]
    with a_disk_of(room * len(jsonl.line(given[0]).encode()) + 20):
        exporter.export(given[:5])
        for one in given[5:]:
            exporter.export([one])
    lost = drops.take_unreported().total()
    store.away = False
    assert exporter.export([], at_once=True)
    assert sorted(event.event for event in store.rows.values()) == [f"event{number}" for number in range(room)]
    assert (lost, drops.take_unreported()) == (10 - room, {})
    assert list(spool.folder.iterdir()) == []
    exporter.shutdown([], to_store=True)


def test_a_disk_that_stays_full_is_not_filled_with_files(
    store: Any, clock: Any, spool: Spool, drops: Drops, make_event: Make
) -> None:
    exporter = BatchExporter(lambda: store, spool, drops, environment="production", clock=clock)
    store.away = True
    with a_disk_of(20):
        for _ in range(20):
            exporter.export([make_event()])
    assert len([*spool.folder.iterdir()]) <= 1
    exporter.shutdown([], to_store=True)


def test_an_error_that_is_not_ours_is_not_quoted(
    spool: Spool, clock: Any, drops: Drops, make_event: Make, caplog: pytest.LogCaptureFixture
) -> None:
    def fails() -> Any:
        raise OSError("postgresql://user:hunter2@host")

    exporter = BatchExporter(fails, spool, drops, environment="production", clock=clock)
    exporter.export([make_event()])
    assert "hunter2" not in caplog.text
    assert "OSError" in caplog.text


def test_the_spool_is_readable_by_its_owner_only(spool: Spool, make_event: Make) -> None:
    spool.folder.mkdir(mode=0o755)
    spool.add([make_event()])
    (file,) = spool.folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(spool.folder.stat().st_mode) == 0o700


def test_the_spool_refuses_a_directory_that_a_link_points_to(tmp_path: Path, make_event: Make) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "spool").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PermissionError):
        Spool(tmp_path / "spool", 1000).add([make_event()])


def test_a_file_of_a_living_writer_is_left_alone(tmp_path: Path, make_event: Make) -> None:
    living, other = Spool(tmp_path, 100_000), Spool(tmp_path, 100_000)
    living.add([make_event("mine")])
    got: list[Event] = []
    other.replay(got.extend, 10)
    assert got == []
    living.close()
    other.replay(got.extend, 10)
    assert [event.event for event in got] == ["mine"]


def test_a_torn_line_is_counted_and_the_rest_is_replayed(tmp_path: Path, make_event: Make) -> None:
    spool = Spool(tmp_path, 100_000)
    spool.add([make_event("whole")])
    spool.close()
    (file,) = tmp_path.iterdir()
    with file.open("ab") as torn:
        torn.write(jsonl.line(make_event("torn")).encode()[:50])
    got: list[Event] = []
    assert spool.replay(got.extend, 10) == 1
    assert [event.event for event in got] == ["whole"]
    assert list(tmp_path.iterdir()) == []


def test_zeros_that_a_power_cut_leaves_take_no_event_with_them(tmp_path: Path, make_event: Make) -> None:
    spool = Spool(tmp_path, 100_000)
    spool.add([make_event("first")])
    spool.close()
    (file,) = tmp_path.iterdir()
    file.write_bytes(bytes(5_000) + file.read_bytes() + bytes(4_096))
    got: list[Event] = []
    assert spool.replay(got.extend, 10) == 1
    assert [event.event for event in got] == ["first"]


def test_a_child_that_closes_its_copy_leaves_the_parents_lock(tmp_path: Path, make_event: Make) -> None:
    spool, other = Spool(tmp_path, 100_000), Spool(tmp_path, 100_000)
    spool.add([make_event()])
    assert spool._own is not None
    os.close(os.dup(spool._own))
    got: list[Event] = []
    other.replay(got.extend, 10)
    assert got == []
    spool.close()


def test_lines_are_read_back_as_they_were(make_event: Make) -> None:
    event = make_event(latency_ms=3, synthetic=True, detail={"ğ": [1, None, {"x": True}]}, error_code="401")
    assert jsonl.parse(jsonl.line(event)) == event


@pytest.mark.parametrize("text", ["", "[]", "1", "{}", '{"id": 3}', '{"id": "x"}', "{"])
def test_what_is_no_event_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        jsonl.parse(text)
