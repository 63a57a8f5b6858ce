"""Many real processes that want the same rotation; and one that sleeps through its lease."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from releaseguard.audit.chain import ChainKey
from releaseguard.audit.integrity import verify_chain
from releaseguard.eventlog.interface import EventLog, Query
from releaseguard.eventlog.stores.postgres import PostgresEventLog
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.sandbox.world import World
from releaseguard.secret import Secret
from releaseguard.services.supabase.event_log import SupabaseEventLog
from tests.killing.mortals import Mortals
from tests.support import extent, postgres, postgrest

SLOW_MACHINE = '\n[rotation]\nlease = "120s"\nprove_within = "30s"\n[network]\ntimeout = "60s"\npatience = "120s"\n'
QUICK = '\n[rotation]\nlease = "1s"\nprove_within = "15s"\n[network]\ntimeout = "1s"\npatience = "3s"\n'
NAME = "SENDGRID_API_KEY"
CHAIN_KEY = ChainKey("sendgrid", "production")
BEGIN = ["rotate", "sendgrid", "--yes", "--json"]
RESUME = ["rotate", "sendgrid", "--resume", "--json"]
NEVER = 1_000_000
MORE_OF_THE_SAME = pytest.mark.full("the same at another request of the run")
CROWD = 50 if extent.is_whole() else 5


@pytest.fixture
def mortals() -> Iterator[Mortals]:
    made = Mortals()
    yield made
    made.close()


@pytest.fixture(scope="module")
def cluster() -> Iterator[postgres.Cluster]:
    with postgres.cluster() as running:
        yield running


def _store(
    kind: str, folder: Path, request: pytest.FixtureRequest, stack: ExitStack
) -> tuple[str, EventLog, Mapping[str, str]]:
    """Address, log and credentials of a fresh store."""
    if kind == "sqlite":
        log: EventLog = stack.enter_context(SqliteEventLog(folder / "releaseguard.db"))
        log.migrate()
        return "sqlite:///releaseguard.db", log, {}
    cluster: postgres.Cluster = request.getfixturevalue("cluster")
    url = cluster.new_database()
    database = stack.enter_context(PostgresEventLog(Secret(url)))
    database.migrate()
    if kind == "postgres":
        return url, database, {}
    project = stack.enter_context(postgrest.serving(postgrest.PostgRest(url)))
    log = stack.enter_context(SupabaseEventLog(project.url, Secret(project.key)))
    return project.url, log, {"SUPABASE_SERVICE_ROLE_KEY": project.key}


@pytest.mark.parametrize("kind", ["sqlite", "postgres", "rest"])
def test_of_many_processes_one_proceeds_and_the_others_name_it(
    kind: str, tmp_path: Path, mortals: Mortals, request: pytest.FixtureRequest
) -> None:
    with ExitStack() as stack:
        url, log, credentials = _store(kind, tmp_path, request, stack)
        world = stack.enter_context(World())
        world.app.log = log.append
        world.write(tmp_path, url, SLOW_MACHINE)
        version = world.new_key(NAME)
        environ = {**world.environ(), **credentials, "HOME": str(tmp_path), "USER": "crowd", "PATH": os.environ["PATH"]}
        ending = mortals.each(
            copies=CROWD, arguments=BEGIN, at=NEVER, when="before", folder=str(tmp_path), environ=environ, out="out"
        )
        refused = [next(ending) for _ in range(CROWD - 1)]
        with world.traffic(0.05):
            winner, code = next(ending)
        said = {number: (tmp_path / f"out-{number}").read_text() for number in range(CROWD)}
        assert code == 0, said[winner]
        assert [exit_code for _, exit_code in refused] == [4] * (CROWD - 1), said
        pid = (tmp_path / f"out-{winner}.pid").read_text()
        assert all(f"pid {pid} " in said[number] and "since" in said[number] for number, _ in refused)
        assert world.holders(NAME, version) >= set(world.destinations["sendgrid"])
        chain = list(log.select(Query(detail={"lane": str(CHAIN_KEY)})))
        assert sum(event.event == "rotation_planned" for event in chain) == 1
        assert not verify_chain(CHAIN_KEY, chain)


def _sleeping(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def _until(condition: threading.Event, asleep: Path) -> int:
    """Waits until the child has stopped itself; returns its process id."""
    while not condition.wait(0.02):
        if asleep.exists() and (text := asleep.read_text()) and _sleeping(int(text)):
            return int(text)
    raise AssertionError("the run ended before it fell asleep")


def _not_inside_a_transaction(sleeper: int, database: Path, ended: threading.Event) -> None:
    """Lets the sleeper go on while it sleeps inside SQLite's write lock, which would keep everybody out for good."""
    while True:
        with closing(sqlite3.connect(database, timeout=0.2, isolation_level=None)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("ROLLBACK")
                return
            except sqlite3.OperationalError:
                os.kill(sleeper, signal.SIGCONT)
                assert not ended.wait(0.005), "the run ended before it fell asleep"
                os.kill(sleeper, signal.SIGSTOP)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc to see that a process is stopped")
@pytest.mark.parametrize("place", [45, *(pytest.param(place, marks=MORE_OF_THE_SAME) for place in (30, 60))])
def test_a_process_that_slept_through_its_lease_sends_no_more_than_it_had_under_way(
    place: int, tmp_path: Path, mortals: Mortals
) -> None:
    others = Mortals()
    with World(wide=True) as world, SqliteEventLog(tmp_path / "releaseguard.db") as log:
        log.migrate()
        world.app.log = log.append
        world.write(tmp_path, extra=QUICK)
        version = world.new_key(NAME)
        environ = {**world.environ(), "HOME": str(tmp_path), "PATH": os.environ["PATH"]}
        common = {"folder": str(tmp_path), "when": "before", "environ": environ}
        codes: list[int] = []
        ended = threading.Event()

        def dream() -> None:
            codes.append(mortals.run(arguments=BEGIN, at=place, signal=int(signal.SIGSTOP), out="sleeper", **common))
            ended.set()

        thread = threading.Thread(target=dream)
        thread.start()
        sleeper = _until(ended, tmp_path / "sleeper.pid")
        _not_inside_a_transaction(sleeper, tmp_path / "releaseguard.db", ended)
        try:
            with world.traffic(0.05):
                code = others.run(arguments=RESUME, at=NEVER, out="successor", **common)
            assert code == 0, (tmp_path / "successor").read_text()
            before = sum(len(stand_in.requests) for stand_in in world.stand_ins)
        finally:
            os.kill(sleeper, signal.SIGCONT)
            thread.join()
            others.close()
        late = sum(len(stand_in.requests) for stand_in in world.stand_ins) - before
        assert codes == [4], (tmp_path / "sleeper").read_text()
        assert "taken over" in (tmp_path / "sleeper").read_text()
        assert late <= 1, f"{late} requests after waking up"
        assert world.holders(NAME, version) >= set(world.destinations["sendgrid"])
        assert not verify_chain(CHAIN_KEY, list(log.select(Query(detail={"lane": str(CHAIN_KEY)}))))
        assert world.crashes == []
