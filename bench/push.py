"""How long pushing one secret to 50 repositories takes at 50 ms a request, against the shortest possible schedule.

    python bench/push.py [--quick]

``--quick`` leaves out PyGithub with its own pacing, which alone takes more than a minute.

The services run in a process of their own, behind a server that costs little (``serving.py``), so that they do not
take this one's processor time: they stand for remote ones. The secret is
Mapbox's, which has no companion: 50 writes stay inside the 80 a minute that GitHub publishes, so nobody's limits
are changed; each attempt stands for a minute of its own. "Ideal" is the shortest chain of requests at the
concurrency that GitHub allows (all 50 side by side), each request taking its 50 ms and everything else no time at
all; its waves are named in the output. Over REST, which needs PostgreSQL's binaries, every request to the log takes
50 ms too, and the chain is longer by the two appends around the push. "Bare sockets" is what is left of the ideal on
this machine for anybody: fifty threads that send three ready-made requests each to the same services.
"""

from __future__ import annotations

import importlib
import multiprocessing
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from releaseguard.cards.load import load_cards
from releaseguard.clocks import REAL
from releaseguard.compose.known import configuration
from releaseguard.compose.safety import Safety
from releaseguard.eventlog.interface import Query
from releaseguard.rotation.commands import rotate
from releaseguard.rotation.context import RotationContext
from releaseguard.rotation.values import RotateRequest
from releaseguard.safemode import build_policy
from releaseguard.sandbox.world import World
from releaseguard.secret import Secret
from releaseguard.wiring import Wiring
from serving import serving

CHECKOUT = Path(__file__).parents[1]
PLACES = 50
LATENCY = 0.05
SECRET = "MAPBOX_ACCESS_TOKEN"
ATTEMPTS = 5
"""Each figure is the median of so many."""

PUSH = ("what is there", "PUT", "read back")
"""What each destination needs, one after the other and all destinations side by side, once the plan (which fetches
the public keys) is made."""
WHOLE = ("log in", "newest version", "version before it", "public key and what is there", "PUT", "read back")
"""The same, from a command that knows nothing yet."""
APPENDS = ("what will be pushed", "what was pushed")
"""What a log at the other end of the network adds to a push."""


@dataclass(frozen=True)
class Served:
    """The services as this process sees them. ``database`` is the Postgres that the REST log stands on."""

    toml: str
    environ: Mapping[str, str]
    github: str
    token: str


def serve(pipe: Connection, database: str | None) -> None:
    """The stand-ins, until the pipe says stop."""
    with World() as world, ExitStack() as stack:
        world.destinations = {"mapbox": [f"github:lovendo/bench-{number}" for number in range(PLACES)]}
        for number in range(PLACES):
            world.github.add_repository(f"lovendo/bench-{number}")
            world.github.put(f"lovendo/bench-{number}", SECRET, "old")
        environ, events = dict(world.environ()), "sqlite:///events.db"
        if database:
            project = stack.enter_context(_rest(database))
            environ["SUPABASE_SERVICE_ROLE_KEY"], events = project.key, project.url
        world.new_key(SECRET)
        stack.enter_context(serving(world.stand_ins, LATENCY))
        pipe.send(Served(world.toml(events), environ, world.github.url, world.github.token))
        while pipe.recv() == "again":
            pipe.send(world.new_key(SECRET))


def _rest(database: str) -> Any:
    sys.path.insert(0, str(CHECKOUT))
    postgrest = importlib.import_module("tests.support.postgrest")
    return postgrest.serving(postgrest.PostgRest(database, latency=LATENCY))


@contextmanager
def services(database: str | None = None) -> Iterator[tuple[Served, Callable[[], int]]]:
    """The services, and a way to have a new version made in the vault."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(there, database))
    process.start()

    def again() -> int:
        here.send("again")
        return int(here.recv())

    try:
        yield here.recv(), again
    finally:
        here.send("stop")
        process.join()


@dataclass(frozen=True)
class Timed:
    """One rotation: all of it, and from before the append that precedes the push to after the one that follows."""

    whole: float
    push: float


def timed(served: Served, folder: Path) -> Timed:
    """One rotation, as a new process would do it."""
    chosen = configuration.load(folder / "releaseguard.toml", environment=None, environ=served.environ)
    policy = build_policy({}, {}, {})
    with Wiring(load_cards(folder), Safety(chosen, served.environ, policy), REAL) as wiring:
        world = wiring.rotation.context(wiring.cards.get("mapbox"), None)
        began = time.perf_counter()
        result = rotate(RotateRequest(), world, lambda _: None)
        whole = time.perf_counter() - began
        written = [one for one in result.destinations if one.status == "pushed"]
        if len(written) != PLACES or result.rotation_id is None:
            raise SystemExit(f"not everything was pushed: {result.problem or result.state}")
        return Timed(whole, _push_of(world, result.rotation_id))


def _push_of(world: RotationContext, rotation_id: str) -> float:
    """Each event carries the time just before its append."""
    query = Query(providers=("releaseguard",), detail={"rotation_id": rotation_id})
    at = {event.event: event.occurred_at for event in world.log.select(query)}
    return (at["rotation_deployed"] - at["destination_push_started"]).total_seconds()


def ours(served: Served, again: Callable[[], int], folder: Path) -> Timed:
    """The median of several rotations, after one that loads the libraries."""
    (folder / "releaseguard.toml").write_text(served.toml, encoding="utf-8")
    attempts = [timed(served, folder)]
    for _ in range(ATTEMPTS):
        again()
        attempts.append(timed(served, folder))
    middle = ATTEMPTS // 2
    return Timed(sorted(one.whole for one in attempts[1:])[middle], sorted(one.push for one in attempts[1:])[middle])


def pygithub(served: Served, pacing: Mapping[str, Any]) -> float:
    """PyGithub's own ``create_secret``, one repository after the other."""
    from github import Auth, Github

    client = Github(auth=Auth.Token(served.token), base_url=served.github, retry=None, lazy=True, **pacing)
    began = time.perf_counter()
    for number in range(PLACES):
        client.get_repo(f"lovendo/bench-{number}").create_secret(SECRET, "a value")
    took = time.perf_counter() - began
    client.close()
    return took


def bare(served: Served) -> float:
    """As many requests in as many waves, without a client, without checks, without a log."""
    place = urlsplit(served.github)
    lines = [socket.create_connection((str(place.hostname), int(place.port or 80))) for _ in range(PLACES)]

    def look(number: int) -> None:
        path = f"/repos/lovendo/bench-{number}/actions/secrets/{SECRET}"
        request = f"GET {path} HTTP/1.1\r\nHost: github\r\nAuthorization: Bearer {served.token}\r\n\r\n".encode()
        for _ in PUSH:
            lines[number].sendall(request)
            lines[number].recv(65536)

    all_there = threading.Barrier(PLACES)
    with ThreadPoolExecutor(PLACES) as pool:
        list(pool.map(lambda _: all_there.wait(), range(PLACES)))  # the push finds its threads there too
        began = time.perf_counter()
        list(pool.map(look, range(PLACES)))
        took = time.perf_counter() - began
    for line in lines:
        line.close()
    return took


def say(what: str, took: float, waves: tuple[str, ...], goal: float | None = None) -> None:
    ideal = LATENCY * len(waves)
    wanted = f" (goal: at most {goal})" if goal else ""
    print(f"{what}: {took:.3f} s, ideal {ideal:.3f} s, ratio {took / ideal:.2f}{wanted}")
    print(f"  the chain: {', '.join(waves)}")


def embedded(quick: bool) -> None:
    with services() as (served, again), tempfile.TemporaryDirectory() as folder:
        took = ours(served, again, Path(folder))
        say("push, embedded log", took.push, PUSH, 1.25)
        floor = sorted(bare(served) for _ in range(ATTEMPTS))[ATTEMPTS // 2]
        print(f"  bare sockets take {floor:.3f} s for the chain, ratio {floor / (LATENCY * len(PUSH)):.2f}")
        say("whole rotation, embedded log", took.whole, WHOLE)
        loop = pygithub(served, {"seconds_between_requests": None, "seconds_between_writes": None})
        print(f"PyGithub in a loop, no pacing: {loop:.2f} s, {loop / took.push:.1f} times the push (goal: at least 5),")
        print(f"  {loop / took.whole:.1f} times the whole rotation")
        if not quick:
            paced = pygithub(served, {})
            print(f"PyGithub in a loop, its own pacing: {paced:.2f} s, {paced / took.push:.1f} times the push")


def timed_over_rest() -> Timed | None:
    """The same with the log over REST; ``None`` without PostgreSQL's binaries."""
    sys.path.insert(0, str(CHECKOUT))
    postgres = importlib.import_module("tests.support.postgres")
    if postgres.binaries() is None:
        return None
    from releaseguard.eventlog.stores.postgres import PostgresEventLog

    with postgres.cluster() as cluster, tempfile.TemporaryDirectory() as folder:
        database = cluster.new_database()
        log = PostgresEventLog(Secret(database))
        log.migrate()
        log.close()
        with services(database) as (served, again):
            return ours(served, again, Path(folder))


def over_rest() -> None:
    """Say what it took."""
    took = timed_over_rest()
    if took is None:
        print("over REST: not measured, there are no PostgreSQL server binaries here")
        return
    say("push, log over REST (a stand-in)", took.push, (APPENDS[0], *PUSH, APPENDS[1]), 1.5)
    print(f"whole rotation, log over REST: {took.whole:.3f} s")


def figures() -> Iterator[tuple[str, float, float, str]]:
    """The push by each kind of log, and bare sockets: what it is, seconds, those of the ideal schedule, the goal."""
    with services() as (served, again), tempfile.TemporaryDirectory() as folder:
        took = ours(served, again, Path(folder))
        floor = sorted(bare(served) for _ in range(ATTEMPTS))[ATTEMPTS // 2]
    ideal = LATENCY * len(PUSH)
    yield "push to 50 places, bare sockets", floor, ideal, ""
    yield "push to 50 places, embedded log", took.push, ideal, "1.25"
    if (rest := timed_over_rest()) is not None:
        yield "push to 50 places, log over REST", rest.push, ideal + 2 * LATENCY, "1.5"


def main() -> None:
    print(f"{PLACES} repositories, {LATENCY * 1000:.0f} ms a request, median of {ATTEMPTS}")
    over_rest()
    embedded("--quick" in sys.argv)


if __name__ == "__main__":
    main()
