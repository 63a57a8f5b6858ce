"""What `backtest --json` takes: releases over a log of some weeks in SQLite, in a process of its own.

    python bench/backtests.py                       # 20 releases over 200,000 rows
    python bench/backtests.py 3000000 300           # more of both
    python bench/backtests.py 3000000 300 FOLDER    # the log is kept there, and read again

Prints rows, releases, processor time in seconds, and the most memory that was held, in MB.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from releaseguard.cards.load import load_cards
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import Event, Outcome

START = datetime(2026, 11, 1, tzinfo=UTC)
EVERY = timedelta(weeks=1) / 1_000_000
"""Between two rows."""
SOURCES = ("web", "worker", "client")
ERRORS = 0.02
LATE = 0.02
"""Of the rows, those that come minutes late."""


def log_of(rows: int, releases: int) -> Iterator[Event]:
    """Every provider that a card is there for, three sources, and a mark for each release."""
    chance = random.Random(20261129)
    cards = [card for card in load_cards(None) if card.events.success and card.events.error]
    live = -1
    for number in range(rows):
        at = START + EVERY * number
        release = number * releases // rows
        if release != live:
            live = release
            yield _row(chance, at, at, "releaseguard", "release_deployed", release=f"r{live}")
        card, failed = chance.choice(cards), chance.random() < ERRORS
        late = timedelta(minutes=chance.expovariate(0.2)) if chance.random() < LATE else timedelta(seconds=1)
        name = chance.choice(card.events.error if failed else card.events.success)
        outcome = Outcome.ERROR if failed else Outcome.SUCCESS
        yield _row(chance, at, at + late, card.id, name, outcome, source=chance.choice(SOURCES), release=f"r{live}")


def _row(
    chance: random.Random,
    at: datetime,
    recorded: datetime,
    provider: str,
    event: str,
    outcome: Outcome = Outcome.SUCCESS,
    source: str | None = None,
    release: str | None = None,
) -> Event:
    return Event(
        id=UUID(int=int(at.timestamp() * 1000) << 80 | 7 << 76 | chance.getrandbits(76)),
        occurred_at=at,
        recorded_at=recorded,
        provider=provider,
        event=event,
        outcome=outcome,
        environment="production",
        source=source,
        release=release,
        correlation_id=str(UUID(int=chance.getrandbits(128))) if chance.random() < 0.5 else None,
    )


def made(folder: Path, rows: int, releases: int) -> Path:
    """The settings of a project whose log is there."""
    config, path = folder / "releaseguard.toml", folder / f"{rows}-{releases}.db"
    if not path.exists():
        with closing(SqliteEventLog(path)) as log:
            log.restore(log_of(rows, releases))
    config.write_text(f'[project]\nname = "shop"\n\n[events]\nurl = "sqlite:///{path}"\n', encoding="utf-8")
    return config


def spent(config: Path) -> tuple[float, float]:
    """Seconds of processor time, and the most memory in MB."""
    command = [sys.executable, "-m", "releaseguard", "backtest", "--json", "--config", str(config)]
    before = os.times()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"backtest: exit code {process.returncode}")
    after = os.times()
    taken = after.children_user + after.children_system - before.children_user - before.children_system
    return taken, usage.ru_maxrss / 1024


def main() -> None:
    rows, releases = (int(number) for number in (sys.argv[1:3] or (200_000, 20)))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(sys.argv[3] if len(sys.argv) > 3 else scratch)
        config = made(folder, rows, releases)
        seconds, memory = spent(config)
        print(f"{rows:,} rows, {releases} releases: {seconds:.1f} s, {memory:.0f} MB", flush=True)


if __name__ == "__main__":
    main()
