"""How long writing one secret to 50 places takes, against the ideal schedule and against PyGithub in a loop.

    python bench/rotation.py [--places 50] [--latency 0.05]

The ideal schedule is the longest chain of requests and appends that wait for each other in a rotation to one place,
at the latency of a request each: with as many requests at once as GitHub allows, 50 places need no longer. The
stand-in runs in a process of its own; every request takes ``--latency`` seconds there.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

NAME = "MAPBOX_ACCESS_TOKEN"


def serve(pipe: Connection, places: int, latency: float) -> None:
    """The stand-ins; answers ``journal`` with the times of all requests, in seconds."""
    from releaseguard.sandbox.world import OWNER, World

    with World() as world:
        repositories = [f"{OWNER}/place{number}" for number in range(places)]
        for repository in repositories:
            world.github.add_repository(repository)
        world.destinations = {"mapbox": [f"github:{repository}" for repository in repositories]}
        world.new_key(NAME)
        for stand_in in world.stand_ins:
            stand_in.latency = latency
        pipe.send((world.toml(), world.environ(), world.github.url, world.github.token, repositories))
        while pipe.recv() == "journal":
            requests = [one for stand_in in world.stand_ins for one in stand_in.requests]
            pipe.send([(one.at, one.ended) for one in requests])
            for stand_in in world.stand_ins:
                stand_in.requests.clear()


class Served:
    """Stand-ins in another process."""

    def __init__(self, places: int, latency: float) -> None:
        self._pipe, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, places, latency))
        self._process.start()
        self.toml, self.environ, self.url, self.token, self.repositories = self._pipe.recv()

    def journal(self) -> list[tuple[float, float]]:
        self._pipe.send("journal")
        times: list[tuple[float, float]] = self._pipe.recv()
        return times

    def stop(self) -> None:
        self._pipe.send("stop")
        self._process.join()


def rotate_once(served: Served) -> float:
    """Seconds that one whole rotation takes, planning included; in a process of its own, where SAFE MODE stays."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=rotate, args=(theirs, served.toml, served.environ))
    process.start()
    took: float = ours.recv()
    process.join()
    return took


def rotate(pipe: Connection, toml: str, environ: dict[str, str]) -> None:
    from releaseguard.cards.load import load_cards
    from releaseguard.rotation.run import rotate as run_rotation
    from releaseguard.rotation.values import RotateRequest
    from releaseguard.settings import load
    from releaseguard.wiring import open_up

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "releaseguard.toml"
        path.write_text(toml, encoding="utf-8")
        settings = load(path, environment=None, environ={})
        card = load_cards(None).get("mapbox")
        with open_up(settings, environ) as wiring:
            wiring.event_log.migrate()
            world = wiring.rotation_world(card, None)
            began = time.perf_counter()
            result = run_rotation(RotateRequest(), world, lambda _text: None)
            took = time.perf_counter() - began
    assert result.problem is None, result.problem
    assert {written.status for written in result.destinations} == {"pushed"}
    pipe.send(took)


def chain_of(times: list[tuple[float, float]]) -> int:
    """The most requests that wait for each other: the largest set of intervals of which no two overlap."""
    length, free = 0, float("-inf")
    for began, ended in sorted(times, key=lambda one: one[1]):
        if began >= free:
            length, free = length + 1, ended
    return length


def pygithub_loop(served: Served) -> float:
    """Seconds that PyGithub's own ``create_secret`` takes, one place after the other, with its default pacing."""
    from github import Auth, Github

    client = Github(auth=Auth.Token(served.token), base_url=served.url)
    began = time.perf_counter()
    for repository in served.repositories:
        client.get_repo(repository, lazy=True).create_secret(NAME, "value")
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--places", type=int, default=50)
    parser.add_argument("--latency", type=float, default=0.05)
    options: Any = parser.parse_args()
    one = Served(1, options.latency)
    rotate_once(one)
    chain = chain_of(one.journal())
    one.stop()
    many = Served(options.places, options.latency)
    took = rotate_once(many)
    requests = len(many.journal())
    loop = pygithub_loop(many)
    many.stop()
    ideal = chain * options.latency
    print(
        f"places {options.places}, requests {requests}, latency {options.latency * 1000:.0f} ms, cpus {os.cpu_count()}"
    )
    print(f"ideal schedule  {ideal:6.2f} s  (a chain of {chain} requests)")
    print(f"rotation        {took:6.2f} s  ({took / ideal:.2f} of the ideal)")
    print(f"PyGithub loop   {loop:6.2f} s  ({loop / took:.1f} times as long, {2 * options.places} requests)")


if __name__ == "__main__":
    main()
