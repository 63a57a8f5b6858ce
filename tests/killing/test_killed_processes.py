"""SIGKILL before and after every request and every append of a real rotation, then --resume on another machine.

Three GitHub, two Vercel and one Supabase destinations, real HTTP, the real command line. A plain run kills at
three places, ``--full`` at eight; ``RELEASEGUARD_KILL=all`` at every one of them, ``RELEASEGUARD_KILL=all/chains`` adds
200 chains of three kills.
"""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from releaseguard.audit.chain import ChainKey, parse_head
from releaseguard.audit.integrity import verify_chain
from releaseguard.eventlog.interface import Query
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.sandbox.world import World
from tests.killing.mortals import Mortals
from tests.support import extent

SETTINGS = '\n[rotation]\nlease = "0.6s"\nprove_within = "15s"\n[network]\ntimeout = "1s"\npatience = "3s"\n'
NAME = "SENDGRID_API_KEY"
CHAIN_KEY = ChainKey("sendgrid", "production")
BEGIN = ("rotate", "sendgrid", "--leak", "--reason", "key in a gist", "--yes", "--json")
RESUME = ("rotate", "sendgrid", "--resume", "--json")
NEVER = 1_000_000
AT_ONCE = 4
KILLED = -9
EXTENT = os.environ.get("RELEASEGUARD_KILL", "")


@dataclass
class Life:
    """One rotation with its deaths."""

    world: World
    folder: Path
    mortals: Mortals
    codes: list[int] = field(default_factory=list)

    def process(self, arguments: Sequence[str], at: int = NEVER, when: str = "before") -> int:
        """Run the command line as another machine: an empty home, another user, the same log."""
        number = len(self.codes)
        home = self.folder / f"home{number}"
        home.mkdir()
        environ = {**self.world.environ(), "HOME": str(home), "USER": f"machine{number}", "PATH": os.environ["PATH"]}
        code = self.mortals.run(
            arguments=list(arguments),
            at=at,
            when=when,
            folder=str(self.folder),
            environ=environ,
            out=f"out{number}",
        )
        self.codes.append(code)
        return code

    @property
    def said(self) -> str:
        return (self.folder / f"out{len(self.codes) - 1}").read_text()

    def die_and_resume(self, kills: Sequence[tuple[int, str]]) -> int:
        """Returns how many of the kills came before the end."""
        arguments: Sequence[str] = BEGIN
        for deaths, (at, when) in enumerate(kills):
            if self.process(arguments, at, when) != KILLED:
                return deaths
            arguments = RESUME
        self.process(arguments)
        return len(kills)

    def check(self, version: int, deaths: int) -> None:
        about = f"codes {self.codes}: {self.said}"
        assert self.codes[-1] == 0, about
        assert '"PROVEN"' in self.said, about
        assert self.world.holders(NAME, version) >= set(self.world.destinations["sendgrid"]), about
        writes = Counter(self._writes())
        assert all(count <= 1 + deaths for count in writes.values()), f"{writes} {about}"
        for project in (self.world.web, self.world.admin):
            ours = [made for made in project.deployments if "releaseguardRotation" in made.meta]
            assert len(ours) == 1, f"{len(ours)} deployments of {project.name}; {about}"
        self._check_chain(about)

    def _writes(self) -> Iterator[tuple[str, str]]:
        """Every writing request to a destination, by what it writes."""
        for stand_in in (self.world.github, self.world.vercel, self.world.supabase):
            for request in stand_in.requests:
                if request.writes and "/deployments" not in request.path:
                    names = ",".join(sorted(_keys(request.body))) if stand_in is not self.world.github else ""
                    yield f"{request.method} {stand_in.name}{request.path}", names

    def _check_chain(self, about: str) -> None:
        said: dict[str, Any] = json.loads(self.said[self.said.index("{\n") : self.said.rindex("}") + 1])
        with SqliteEventLog(self.folder / "releaseguard.db") as log:
            chain = list(log.select(Query(detail={"lane": str(CHAIN_KEY)})))
        assert not verify_chain(CHAIN_KEY, chain, parse_head(said["head"])), about


def _keys(body: bytes) -> Iterator[str]:
    found = json.loads(body) if body else []
    for one in found if isinstance(found, list) else [found]:
        yield str(one.get("key") or one.get("name") or "")


@pytest.fixture(scope="module")
def mortals() -> Iterator[SimpleQueue[Mortals]]:
    pool: SimpleQueue[Mortals] = SimpleQueue()
    all_ = [Mortals() for _ in range(AT_ONCE)]
    for one in all_:
        pool.put(one)
    yield pool
    for one in all_:
        one.close()


def live(folder: Path, pool: SimpleQueue[Mortals], kills: Sequence[tuple[int, str]]) -> tuple[Life, int]:
    """One whole life in a world of its own."""
    folder.mkdir()
    mortal = pool.get()
    try:
        with World(wide=True) as world, SqliteEventLog(folder / "releaseguard.db") as log:
            log.migrate()
            world.app.log = log.append
            world.vercel.polls_until_ready = 1
            world.write(folder, extra=SETTINGS)
            version = world.new_key(NAME)
            life = Life(world, folder, mortal)
            with world.traffic(0.05):
                deaths = life.die_and_resume(kills)
            life.check(version, deaths)
            assert world.crashes == []
            return life, deaths
    finally:
        pool.put(mortal)


def test_the_number_of_places_to_die_at_is_known(tmp_path: Path, mortals: SimpleQueue[Mortals]) -> None:
    """A kill at the last place that the other tests use comes near the end of a run, or after it."""
    _, deaths = live(tmp_path / "last", mortals, [(PLACES, "after")])
    assert deaths <= 1


PLACES = 120
"""Requests and appends of a whole run with six destinations, with some to spare."""


def _single_kills() -> Sequence[tuple[int, str]]:
    every = [(number, when) for number in range(1, PLACES + 1) for when in ("before", "after")]
    return every if EXTENT else random.Random(4711).sample(every, 8 if extent.is_whole() else 3)


def _chains(count: int) -> Sequence[Sequence[tuple[int, str]]]:
    dice = random.Random(4712)
    return [
        [(dice.randint(1, PLACES // (1, 2, 3)[number]), dice.choice(["before", "after"])) for number in range(3)]
        for _ in range(count)
    ]


def test_killed_once_it_is_finished_by_resume_on_another_machine(tmp_path: Path, mortals: SimpleQueue[Mortals]) -> None:
    kills = _single_kills()

    def one(kill: tuple[int, str]) -> int:
        return live(tmp_path / f"{kill[0]}-{kill[1]}", mortals, [kill])[1]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        deaths = sum(pool.map(one, kills))
    assert deaths >= len(kills) / 2
    print(f"{deaths} of {len(kills)} runs were killed; all converged")  # noqa: T201


def test_killed_three_times_in_a_row_it_still_converges(tmp_path: Path, mortals: SimpleQueue[Mortals]) -> None:
    chains = _chains(200 if "chains" in EXTENT else 4 if extent.is_whole() else 1)

    def one(chain: tuple[int, Sequence[tuple[int, str]]]) -> int:
        return live(tmp_path / f"chain{chain[0]}", mortals, chain[1])[1]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        deaths = sum(pool.map(one, enumerate(chains)))
    assert deaths >= len(chains)
    print(f"{deaths} kills in {len(chains)} chains; all converged")  # noqa: T201
