"""What reading takes as a week's log grows: the same week with more rows in it, made without the writer.

    python bench/weeks.py FOLDER 100000 1000000 10000000          # SQLite
    python bench/weeks.py --postgres FOLDER 100000 1000000        # a private cluster, which goes afterwards

Every provider that a card is there for, three sources, a release a day and one forty minutes ago. Prints, for each size
and command, processor time in seconds, of a first and of a second run, and peak memory in MB: of the command, not of a
server. The files stay in FOLDER.
"""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import database
from releaseguard.cards.load import load_cards
from releaseguard.cards.spec import Card
from releaseguard.eventlog.stores.postgres import PostgresEventLog
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import to_text
from releaseguard.secret import Secret
from releaseguard_events.stores.sqlite_schema import create, indexes
from releaseguard_events.stores.table import COLUMNS

WEEK, DAY = timedelta(weeks=1), timedelta(days=1)
LIVE = timedelta(minutes=40)
"""How long ago the last release was."""
SOURCES = ("web", "worker", "functions")
ERRORS, LATE, TIED, TIMED = 0.02, 0.02, 0.6, 0.9
"""Of the rows: errors, those minutes late, with a correlation id, with a latency."""
MAKING = timedelta(microseconds=65)
"""What a row takes to be made, about: the week ends when its log is there."""
COMMANDS = (("verify", "--no-flows"), ("health",), ("incident", "sendgrid"))
TABLE = "integration_events"
Row = tuple[object, ...]


@dataclass(frozen=True)
class Taken:
    """What one run of a command took."""

    seconds: float
    memory: float
    """At its peak, in MB."""


def rows_of(number: int, end: datetime) -> Iterator[Row]:
    """A week of so many rows, in order, as the columns stand; and the marks of its releases."""
    chance = random.Random(20261129)
    cards = [card for card in load_cards(None) if card.events.success and card.events.error]
    marks = [*(end - DAY * days for days in range(7, 0, -1)), end - LIVE]
    for count, at in enumerate(marks):
        yield _row(chance, at, at, ("releaseguard", "release_deployed", "success", None, None), f"r{count}", None)
    began, span = end - WEEK, WEEK.total_seconds()
    for index in range(number):
        at = began + timedelta(seconds=span * index / number)
        late = chance.expovariate(1 / 300) if chance.random() < LATE else 1.5
        live = sum(mark <= at for mark in marks) - 1
        yield _row(
            chance, at, at + timedelta(seconds=late), _use(chance, cards), f"r{live}", SOURCES[chance.randrange(3)]
        )


def _use(chance: random.Random, cards: Sequence[Card]) -> Row:
    card, failed = cards[chance.randrange(len(cards))], chance.random() < ERRORS
    names = card.events.error if failed else card.events.success
    took = int(chance.lognormvariate(5, 0.5)) if chance.random() < TIMED else None
    how = ("error", "500") if failed else ("success", None)
    return card.id, names[chance.randrange(len(names))], *how, took


def _row(chance: random.Random, at: datetime, recorded: datetime, use: Row, release: str, source: str | None) -> Row:
    bits = f"{chance.getrandbits(74):019x}"
    moment = f"{int(at.timestamp() * 1000):012x}"
    identity = f"{moment[:8]}-{moment[8:]}-7{bits[:3]}-8{bits[4:7]}-{bits[7:19]}"
    tied = identity[:8] + identity[::-1][:12] if chance.random() < TIED else None
    provider, event, outcome, code, took = use
    named = release, source, tied, 0, '{"secret_version": "7"}'
    return identity, to_text(at), to_text(recorded), provider, event, outcome, code, took, "production", *named


def in_sqlite(folder: Path, number: int, end: datetime) -> str:
    """The log in a file: rows first, indexes after them. Returns its address."""
    path = folder / f"{number}.db"
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")
        for statement in create(TABLE, with_indexes=False):
            connection.execute(statement)
        marks = ", ".join("?" * len(COLUMNS))
        columns = ", ".join(COLUMNS)
        connection.executemany(f"INSERT INTO {TABLE} ({columns}) VALUES ({marks})", rows_of(number, end))
        for statement in indexes(TABLE).values():
            connection.execute(statement)
        connection.commit()
    with closing(SqliteEventLog(path)) as log:
        log.migrate()
    return f"sqlite:///{path}"


def in_postgres(url: str, number: int, end: datetime) -> str:
    """The log in a database, by COPY. Returns its address."""
    import psycopg

    with closing(PostgresEventLog(Secret(url))) as log:
        log.migrate()
    with psycopg.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        with cursor.copy(f"COPY {TABLE} ({', '.join(COLUMNS)}) FROM STDIN".encode()) as copy:
            synthetic = COLUMNS.index("synthetic")
            for row in rows_of(number, end):
                copy.write_row([*row[:synthetic], bool(row[synthetic]), *row[synthetic + 1 :]])
        cursor.execute(f"ANALYZE {TABLE}".encode())
    with closing(PostgresEventLog(Secret(url))) as log:
        log.migrate()
    return url


def taken(config: Path, command: Sequence[str]) -> Taken:
    """One run, by processor time."""
    process = subprocess.Popen(
        [sys.executable, "-m", "releaseguard", *command, "--config", str(config)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    return Taken(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def configured(folder: Path, name: str, url: str) -> Path:
    config = folder / f"{name}.toml"
    config.write_text(f'[project]\nname = "week"\n[events]\nurl = "{url}"\n', encoding="utf-8")
    return config


def report(config: Path, number: int) -> None:
    for command in COMMANDS:
        first, again = taken(config, command), taken(config, command)
        seconds = f"{first.seconds:7.2f} s, then {again.seconds:5.2f} s"
        print(f"{number:>12,} {command[0]:9} {seconds}, {again.memory:.0f} MB", flush=True)


def week(folder: Path, number: int, make: Callable[[int, datetime], str]) -> None:
    """Makes a log, which ends when it is there, and reads it."""
    began = time.monotonic()
    url = make(number, datetime.now(UTC) + MAKING * number)
    print(f"{number:,} rows made in {time.monotonic() - began:.0f} s", flush=True)
    report(configured(folder, str(number), url), number)


def main() -> None:
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    is_postgres = "--postgres" in sys.argv
    named, *sizes = [one for one in sys.argv[1:] if one != "--postgres"]
    folder, numbers = Path(named), [int(size) for size in sizes]
    if not is_postgres:
        for number in numbers:
            week(folder, number, partial(in_sqlite, folder))
    elif (support := database.clusters()) is not None:
        with support.cluster() as cluster:
            for number in numbers:
                week(folder, number, partial(in_postgres, cluster.new_database()))


if __name__ == "__main__":
    main()
