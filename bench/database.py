"""The writer into Postgres: a row against ``executemany`` of the same rows into the same table;
and what the writer takes of a core while an app logs.

Needs PostgreSQL's binaries, and measures on a private cluster whose commits do not wait for the disk, so that what
both wait for hides nothing.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from releaseguard.eventlog.schema import postgres as schema
from releaseguard_events.note import Resource
from releaseguard_events.pipeline.delivery import Pipeline
from releaseguard_events.pipeline.drops import Drops
from releaseguard_events.pipeline.null import NullExporter
from releaseguard_events.scrub.scrubber import Scrubber
from releaseguard_events.stores.postgres import PostgresStore
from releaseguard_events.stores.table import COLUMNS, EventTable

CHECKOUT = Path(__file__).parents[1]
BATCH = 200
"""Rows of one write, as the writer does."""
ATTEMPTS = 3


def clusters() -> Any:
    """What makes a private cluster; ``None`` without the server's binaries."""
    sys.path.insert(0, str(CHECKOUT))
    support = importlib.import_module("tests.support.postgres")
    return support if support.binaries() else None


def writing(url: str, calls: Sequence[Any]) -> tuple[float, float]:
    """Seconds a row, by the clock: the writer's thread, and ``executemany``; the best of some attempts, in turns."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        for statement in schema.create("integration_events"):
            connection.execute(statement.encode())
        _ours(url, calls[:BATCH])
        both = []
        for _ in range(ATTEMPTS):
            connection.execute("TRUNCATE integration_events")
            ours = _timed(lambda: _ours(url, calls))
            rows = connection.execute("SELECT * FROM integration_events").fetchall()
            connection.execute("TRUNCATE integration_events")
            both.append((ours, _timed(lambda rows=rows: _bare(url, rows))))  # type: ignore[misc]
    return min(one for one, _ in both) / len(calls), min(other for _, other in both) / len(calls)


def _timed(act: Callable[[], None]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _ours(url: str, calls: Sequence[Any]) -> None:
    pipeline = Pipeline(NullExporter(Drops()), Resource("production", "r1"), Scrubber())
    store = PostgresStore(url, EventTable(), lambda address: address, 60)
    for some in _batches(calls):
        store.append(pipeline.events(some, print))
    store.close()


def _bare(url: str, rows: Sequence[Sequence[Any]]) -> None:
    import psycopg
    from psycopg.types.json import Jsonb

    given = [column for column in COLUMNS if column != "recorded_at"]
    marks = ", ".join(["%s"] * len(given))
    statement = f"INSERT INTO integration_events ({', '.join(given)}) VALUES ({marks})".encode()
    values = [(*row[:2], *row[3:-1], Jsonb(row[-1])) for row in rows]
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        for some in _batches(values):
            cursor.executemany(statement, some)
            connection.commit()


def _batches(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (rows[start : start + BATCH] for start in range(0, len(rows), BATCH))


def steady(url: str) -> float:
    """The share of a core that the writer's threads take at 500 events a second."""
    command = [sys.executable, str(CHECKOUT / "bench" / "steady.py"), url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])
