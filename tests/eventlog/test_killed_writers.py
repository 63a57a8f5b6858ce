"""Writers that are killed at any moment, mid-statement too: what is rolled up equals a count of what they left."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.eventlog.test_roll_ups import Marked, PostgresBase, SqliteBase, check
from tests.support import postgres
from tests.support.extent import examples

WRITER = """
import random, sys, time
from datetime import datetime, timedelta, timezone
from uuid import uuid4
kind, where, number = sys.argv[1:]
chance, noon = random.Random(), datetime(2024, 11, 24, 11, 58, tzinfo=timezone.utc)
if kind == "sqlite":
    import sqlite3
    connection, mark = sqlite3.connect(where, timeout=60, isolation_level=None), "?"
else:
    import psycopg
    connection, mark = psycopg.connect(where, autocommit=True, application_name="writer"), "%s"
columns = "id, occurred_at, recorded_at, provider, event, outcome, environment, correlation_id, latency_ms, source"
insert = f"INSERT INTO integration_events ({columns}) VALUES ({', '.join([mark] * 10)})"
def at(seconds):
    return (noon + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
while True:
    connection.execute("BEGIN")
    for _ in range(chance.randrange(1, 30)):
        second = chance.randrange(14400)
        ok = "success" if chance.random() < 0.8 else "error"
        row = (str(uuid4()), at(second), at(14400 + chance.randrange(60)), "twilio", "sent", ok, "production")
        connection.execute(insert, (*row, chance.choice([None, "a", "b"]), chance.randrange(90), number))
    if chance.random() < 0.3:
        of_the_killed = f"DELETE FROM integration_events WHERE source = {mark} AND occurred_at < {mark}"
        connection.execute(of_the_killed, [str(int(number) - 2), at(chance.randrange(14400))])
    connection.execute("COMMIT" if chance.random() < 0.9 else "ROLLBACK")
    print("done", flush=True)
    time.sleep(0.002)  # a file in memory takes so many rows that counting them would be all the work
"""


@pytest.fixture(params=["sqlite", "postgres"])
def base(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Marked, str, str]]:
    if request.param == "sqlite":
        path = tmp_path / "log.db"
        file = SqliteBase(path)
        with closing(file.log):
            yield file, "sqlite", str(path)
        return
    with postgres.cluster() as running:
        url = running.new_database()
        server = PostgresBase(url)
        with closing(server.log):
            yield server, "postgres", url


def test_writers_that_are_killed_leave_exact_counts(base: tuple[Marked, str, str]) -> None:
    log, kind, where = base
    chance = random.Random()
    for number in range(0, 2 * examples(30, least=3), 2):
        writers = [_begun(kind, where, number + each) for each in range(2)]
        for writer in writers:
            assert writer.stdout is not None
            for _ in range(chance.randrange(1, 6)):
                assert writer.stdout.readline() == b"done\n"
        if chance.random() < 0.5:
            log.roll_up()
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
            writer.wait()
            assert writer.stdout is not None
            writer.stdout.close()
        _settled(log, kind)
        check(log.log)
        log.roll_up()
        check(log.log)


def _begun(kind: str, where: str, number: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WRITER, kind, where, str(number)], stdout=subprocess.PIPE)


def _settled(base: Marked, kind: str) -> None:
    """The server ends the sessions of the killed: until then a statement of theirs may still be carried out."""
    if kind == "postgres":
        with closing(base.begin()) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'writer'"
            )
