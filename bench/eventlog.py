"""How quickly the embedded log is read: a million rows, each way of reading against a bare cursor over the same file.

    python bench/eventlog.py [ROWS]

Prints rows a second and, since machines differ, each time as a multiple of the bare cursor's in the same run.
"""

from __future__ import annotations

import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from releaseguard.eventlog.counts import count_minutes
from releaseguard.eventlog.interface import Query
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import Event, Outcome

START = datetime(2026, 11, 1, tzinfo=UTC)
SPAN = timedelta(days=28)
PROVIDERS = ("sendgrid", "twilio", "mapbox", "paytr")


def rows(number: int) -> Iterator[Event]:
    """Four weeks of four providers: 3% errors, 70% with a correlation id, one in fifty of those twice."""
    chance = random.Random(20261124)
    correlation = ""
    for index in range(number):
        at = START + SPAN * index / number
        provider, failed = chance.choice(PROVIDERS), chance.random() < 0.03
        if chance.random() > 0.02 or not correlation:
            correlation = str(UUID(int=chance.getrandbits(128)))
        yield Event(
            id=UUID(int=int(at.timestamp() * 1000) << 80 | 7 << 76 | chance.getrandbits(76)),
            occurred_at=at,
            recorded_at=at + timedelta(seconds=chance.expovariate(1.0)),
            provider=provider,
            event=f"{provider}_error" if failed else f"{provider}_sent",
            outcome=Outcome.ERROR if failed else Outcome.SUCCESS,
            environment="production",
            latency_ms=chance.randrange(900),
            release=f"r{index * 50 // number}",
            source="web",
            correlation_id=correlation if chance.random() < 0.7 else None,
            detail={"secret_version": 3} if chance.random() < 0.5 else {},
        )


def bare(path: Path) -> int:
    """The floor: Python's own cursor over the same rows in the same order."""
    with closing(sqlite3.connect(path)) as connection:
        statement = "SELECT * FROM integration_events ORDER BY occurred_at, id"
        return sum(1 for _ in connection.execute(statement))


def measure(work: Callable[[], int]) -> tuple[float, int]:
    began = time.perf_counter()
    read = work()
    return time.perf_counter() - began, read


def main() -> None:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.db"
        with closing(SqliteEventLog(path)) as log:
            began = time.perf_counter()
            log.restore(rows(number))
            print(f"{number:,} rows written in {time.perf_counter() - began:.1f} s, {path.stat().st_size / 1e6:.0f} MB")
            report(number, path, log)


def report(number: int, path: Path, log: SqliteEventLog) -> None:
    ways: dict[str, Callable[[], int]] = {
        "bare cursor": lambda: bare(path),
        "select": lambda: sum(1 for _ in log.select(Query())),
        "minute_counts": lambda: sum(one.count + one.repeats for one in log.minute_counts(Query())),
        "count_minutes(select)": lambda: sum(one.count + one.repeats for one in count_minutes(log.select(Query()))),
    }
    floor = measure(ways["bare cursor"])[0]  # the first reading also warms the file's cache
    floor = min(floor, measure(ways["bare cursor"])[0])
    print(f"{'way':24}{'rows':>12}{'s':>8}{'rows/s':>12}{'x bare':>8}")
    for name, way in ways.items():
        seconds, read = measure(way)
        assert read == number, f"{name} saw {read} of {number} rows"
        print(f"{name:24}{read:12,}{seconds:8.2f}{read / seconds:12,.0f}{seconds / floor:8.2f}")


if __name__ == "__main__":
    main()
