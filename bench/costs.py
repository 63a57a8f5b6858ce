"""What it costs: start-up, a call of the app's, the writer's rate, reading; each as a ratio to a peer in the same run.

    python3 run.py bench            # a log of 20,000 and of 200,000 rows
    python3 run.py bench --full     # of 1 and of 10 million

Processor time, not the clock's, so that a busy machine changes little. Prints a table in Markdown.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import process_time, time_ns

import database
import push
import startup
from releaseguard.eventlog.stores.postgres import PostgresEventLog
from releaseguard.secret import Secret
from releaseguard_events.note import Resource
from releaseguard_events.pipeline.delivery import Pipeline
from releaseguard_events.pipeline.drops import Drops
from releaseguard_events.pipeline.null import NullExporter
from releaseguard_events.plain import held
from releaseguard_events.scrub.scrubber import Scrubber
from releaseguard_events.stores import fitting
from releaseguard_events.stores.sqlite import SqliteStore, connect, insert_sql
from releaseguard_events.stores.table import EventTable

SIZES = {False: (20_000, 200_000), True: (1_000_000, 10_000_000)}
WRITTEN = 20_000
POSTGRES = 10_000
"""Rows that are written into Postgres, which takes longer."""
BATCH = 1_000
CALLER = Path(__file__).with_name("caller.py")


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    what: str
    measured: str
    peer: str
    ratio: float
    limit: str


def starts(config: Path) -> Iterator[Figure]:
    """Start-up, against loading click."""
    startup.installed()
    click = startup.click()
    commands: list[tuple[list[str], dict[str, str], str]] = [
        (["--help"], {}, "1.5"),
        (["--version"], {}, "1.5"),
        ([], startup.TAB, "1.5"),
        (["verify", "--help"], {}, "2"),
        (["health", "--config", str(config)], {}, "4"),
    ]
    for arguments, environ, limit in commands:
        took = startup.of(arguments, environ)
        said = " ".join(arguments[:2]).removesuffix(" --config") or "Tab"
        yield Figure(f"`{said}`", f"{took:.0f} ms", f"import click, {click:.0f} ms", took / click, limit)


def importing() -> Figure:
    """What an app pays at its start, beyond Python's own."""
    bare = startup.spent([sys.executable, "-c", "pass"])
    took = startup.spent([sys.executable, "-c", "from releaseguard_events import log_integration_event"]) - bare
    return Figure("import of the writer", f"{took:.1f} ms", f"bare Python, {bare:.0f} ms", took / bare, "15 ms")


def calling() -> Iterator[Figure]:
    """A full record, store up, slow and down, against ``logging.handlers.QueueHandler``."""
    for store in ("up", "slow", "down"):
        done = subprocess.run([sys.executable, str(CALLER), store], capture_output=True, text=True, check=True)
        median, worst, peer = map(float, done.stdout.split()[-3:])
        measured = f"{median:.1f} us, p99.9 {worst:.0f}"
        yield Figure(f"a call, store {store}", measured, f"QueueHandler, {peer:.1f} us", median / peer, "5 us, 50")


def writing(folder: Path) -> Figure:
    """A row in the writer's thread, against ``executemany`` of the same rows into the same table."""
    pipeline = Pipeline(NullExporter(Drops()), Resource("production", "r1"), Scrubber())
    store = SqliteStore(folder / "ours.db", EventTable(), 2)
    calls = [*_calls()]
    store.append([])  # the file is there, as it is for the peer
    began = process_time()
    for start in range(0, WRITTEN, BATCH):
        store.append(pipeline.events(calls[start : start + BATCH], print))
    ours = process_time() - began
    store.close()
    bare = _bare_writing(folder)
    each, peer = (f"{1e6 * seconds / WRITTEN:.1f} us a row" for seconds in (ours, bare))
    return Figure("writing, SQLite", each, f"executemany, {peer}", ours / bare, "1.67")


def _calls() -> Iterator[tuple[object, ...]]:
    names = ("sendgrid", "sendgrid_email_sent", "success", None, "4f1c2d3e4f5a6b7c8d9e", "sendgrid-email")
    for number in range(WRITTEN):
        detail = held({"secret_version": "7", "template": "welcome", "attempt": 1, "region": "eu-west-1"})
        correlation = f"0190aaaa-bbbb-7ccc-8ddd-{number:012x}"
        yield (time_ns(), number, *names, 120 + number % 50, correlation, False, detail)


def _bare_writing(folder: Path) -> float:
    with closing(sqlite3.connect(folder / "ours.db")) as written:
        rows = written.execute("SELECT * FROM integration_events").fetchall()
    with closing(connect(folder / "bare.db", fitting.Tables.of(EventTable()), 2)) as connection:
        began = process_time()
        for start in range(0, WRITTEN, BATCH):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(insert_sql(EventTable(), ""), rows[start : start + BATCH])
            connection.execute("COMMIT")
        return process_time() - began


def into_postgres() -> Iterator[Figure]:
    """The same by the clock, into a server on this machine; nothing without its binaries."""
    support = database.clusters()
    if support is None:
        return
    with support.cluster() as cluster:
        ours, bare = database.writing(cluster.new_database(), [*_calls()][:POSTGRES])
        each, peer = (f"{1e6 * seconds:.0f} us a row" for seconds in (ours, bare))
        yield Figure("writing, Postgres", each, f"executemany, {peer}", ours / bare, "1.67")
        yield _steady("Postgres", cluster.new_database(), migrate=True)


def _steady(store: str, url: str, *, migrate: bool = False) -> Figure:
    if migrate:
        with closing(PostgresEventLog(Secret(url))) as log:
            log.migrate()
    share = database.steady(url)
    return Figure(f"500 events a second, {store}", f"{share:.1%} of a core", "a core", share, "0.05")


def pushing() -> Iterator[Figure]:
    """One secret to 50 places at 50 ms a request, against the shortest schedule."""
    for what, took, ideal, limit in push.figures():
        yield Figure(what, f"{1000 * took:.0f} ms", f"ideal, {1000 * ideal:.0f} ms", took / ideal, limit)


def reading(folder: Path, sizes: tuple[int, int]) -> Iterator[Figure]:
    """How the commands that read grow with the log."""
    small, large = (startup.configured(folder / f"read{number}", number) for number in sizes)
    for command in ([*startup.VERIFY], ["health"], ["incident", "sendgrid"]):
        few, many = (
            startup.spent([sys.executable, "-m", "releaseguard", *command, "--config", str(config)], 1)
            for config in (small, large)
        )
        said, peer = f"{many:.0f} ms at {sizes[1]:,} rows", f"{few:.0f} ms at {sizes[0]:,}"
        yield Figure(f"`{command[0]}`", said, peer, many / few, "1.2")


def table(figures: Iterator[Figure]) -> None:
    print("| | measured | peer | ratio | at most |\n|---|---|---|---|---|")
    for one in figures:
        print(f"| {one.what} | {one.measured} | {one.peer} | {one.ratio:.2f} | {one.limit} |", flush=True)


def main() -> None:
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        config = startup.configured(folder / "small", 100)
        parts: list[Callable[[], Iterator[Figure]]] = [
            lambda: starts(config),
            lambda: iter([importing()]),
            calling,
            lambda: iter([writing(folder), _steady("SQLite", f"sqlite:///{folder}/steady.db")]),
            into_postgres,
            pushing,
            lambda: reading(folder, SIZES["--full" in sys.argv]),
        ]
        table(figure for part in parts for figure in part())


if __name__ == "__main__":
    main()
