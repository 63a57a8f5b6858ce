"""A folder without a configuration and without an event log: who reads makes nothing, and is told."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from releaseguard.eventlog.interface import Query
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import Event, Outcome, new_id, utc_now
from tests.support.commands import Commands

READING = (
    ("health",),
    ("status",),
    ("verify",),
    ("backtest",),
    ("incident", "sendgrid"),
    ("events", "list"),
    ("events", "export"),
    ("events", "prune", "--older-than", "60d", "--dry-run"),
    ("audit", "show"),
    ("audit", "verify"),
    ("audit", "report"),
)


@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_reading_makes_no_file_and_says_that_there_is_no_log(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = Commands(tmp_path, {}).run(*arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["home"], done.everything
    assert done.err.count("There is no event log yet at sqlite:///") == 1, done.everything
    assert "releaseguard init" in done.err


def test_that_is_said_in_turkish_too(tmp_path: Path) -> None:
    done = Commands(tmp_path, {}).run("events", "list", "--lang", "tr")
    assert "henüz event log yok" in done.err
    assert "releaseguard init yazar" in done.err
    assert "The first event" not in done.err


def test_the_first_event_makes_the_file_and_nothing_is_missed(tmp_path: Path) -> None:
    cli = Commands(tmp_path, {})
    done = cli.run("events", "deployed", "--release", "4f2c91a")
    assert (done.code, "no event log" in done.err) == (0, False), done.everything
    assert "4f2c91a" in cli.run("events", "list").out
    with closing(sqlite3.connect(tmp_path / "releaseguard.db")) as connection:
        assert connection.execute("SELECT count(*) FROM integration_events").fetchone() == (1,)


def test_a_log_that_comes_while_it_is_read_is_seen(tmp_path: Path) -> None:
    told: list[str] = []
    row = Event(
        id=new_id(),
        occurred_at=utc_now(),
        provider="sendgrid",
        event="sendgrid_email_sent",
        outcome=Outcome.SUCCESS,
        environment="production",
    )
    with SqliteEventLog(tmp_path / "log.db", tell=told.append) as reader:
        assert list(reader.select(Query())) == []
        with SqliteEventLog(tmp_path / "log.db") as writer:
            writer.append([row])
        assert [one.id for one in reader.select(Query())] == [row.id]
    assert told == []
