"""What does not depend on each other is asked for at once: as many rounds for many places as for one.

Every request waits until all places have come to the same one: whatever is asked one after the other never ends there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from releaseguard.deployments.interface import HostingDeployment
from releaseguard.errors import ServiceError
from releaseguard.rotation.commands import rotate
from releaseguard.rotation.context import Binding, RotationContext
from releaseguard.rotation.planning.gather import earlier_versions, newest_versions
from releaseguard.rotation.result import RotationResult
from releaseguard.rotation.values import RotateRequest, RotationState
from releaseguard.rotation.workers import Workers
from releaseguard.vault.source import ValueSource
from tests.rotation.rotation_fakes import NAME, Cell, FakeDeployer, FakeDestination, FakeVault, Killer, World

PATIENCE = 20
"""Seconds after which a round that not everybody has come to is a failure."""


class Rounds:
    """Lets requests through when all ``parties`` have come to the same one, and keeps their names."""

    def __init__(self, parties: int) -> None:
        self.made: list[str] = []
        self._parties = parties
        self._lock = threading.Lock()
        self._barriers: dict[str, threading.Barrier] = {}

    def come(self, what: str) -> None:
        with self._lock:
            known = self._barriers.get(what) or threading.Barrier(self._parties, lambda: self.made.append(what))
            self._barriers[what] = known
        known.wait(timeout=PATIENCE)


class MetDeployer(FakeDeployer):
    """One of several projects, each request of which waits for the others'."""

    rounds: Rounds
    refuses = False

    def current(self, target: str) -> HostingDeployment | None:
        self.rounds.come("current")
        return super().current(target)

    def redeploy(self, source: HostingDeployment, meta: Mapping[str, str]) -> HostingDeployment:
        self.rounds.come("redeploy")
        if self.refuses:
            raise ServiceError("this build cannot be deployed again", where=self.place, status=400)
        return super().redeploy(source, meta)

    def get(self, deployment_id: str) -> HostingDeployment:
        self.rounds.come("get")
        return super().get(deployment_id)


class Projects(World):
    """``count`` projects, each with its own variables, deployments and source of events."""

    def __init__(self, count: int) -> None:
        super().__init__(github=0)
        self.rules = replace(self.rules, side_by_side=50)
        self.rounds = Rounds(count)
        self.places = [
            FakeDestination(f"vercel:prj_{number}/production", self.killer, runtime=True, needs_deployment=True)
            for number in range(count)
        ]
        self.deployers = [
            MetDeployer(f"vercel:prj_{number}", place, self.time, self.killer)
            for number, place in enumerate(self.places)
        ]
        for place, deployer in zip(self.places, self.deployers, strict=True):
            deployer.rounds = self.rounds
            place.cells[NAME], place.cells[f"{NAME}_VERSION"] = Cell("old", 1), Cell("1", 1)
            deployer.deploy()
        self.vault.put(NAME, "old", "new")
        self.time.now += 60
        self.time.passing[:] = [self._live]

    def _live(self) -> None:
        for number, one in enumerate(self.deployers):
            serving = one.serving
            if serving:
                self.app._use(f"web-{number}", serving.environment, serving.deployment.id)

    def bindings(self) -> Sequence[Binding]:
        return [Binding(place, sources=(f"web-{number}",)) for number, place in enumerate(self.places)]

    def process(self, name: str | None = None) -> RotationContext:
        by_base = {f"vercel:prj_{number}": one for number, one in enumerate(self.deployers)}
        return replace(super().process(name), deployers=by_base)


def go(world: World) -> RotationResult:
    return rotate(RotateRequest(), world.process(), world.tell)


def test_many_projects_take_the_rounds_of_one() -> None:
    worlds = {count: Projects(count) for count in (1, 5)}
    for world in worlds.values():
        assert go(world).state is RotationState.PROVEN
    assert worlds[5].rounds.made == worlds[1].rounds.made


def test_the_history_knows_of_every_deployment_before_the_first_is_asked_for() -> None:
    world = Projects(3)
    go(world)
    kinds = [event.event for event in world.log.chain() if "deployment_" in event.event]
    assert kinds[:6] == ["deployment_requested"] * 3 + ["deployment_created"] * 3


def test_what_was_deployed_beside_one_that_is_refused_is_recorded_and_not_asked_for_again() -> None:
    world = Projects(3)
    world.deployers[1].refuses = True
    result = go(world)
    assert result.problem is not None
    chain = [event for event in world.log.chain() if event.event == "deployment_created"]
    assert {event.detail["place"] for event in chain} == {"vercel:prj_0", "vercel:prj_2"}


def in_rounds(vault: FakeVault, parties: int) -> Rounds:
    rounds, read = Rounds(parties), vault.read

    def met(name: str, version: int | None = None) -> Any:
        rounds.come("read")
        return read(name, version)

    vault.read = met  # type: ignore[method-assign]
    return rounds


READS: Mapping[str, Callable[[FakeVault, Workers], object]] = {
    "a group's newest versions": lambda vault, workers: newest_versions(
        SimpleNamespace(  # type: ignore[arg-type]
            vault=vault,
            workers=workers,
            group=SimpleNamespace(names=("A", "B", "C")),
            request=SimpleNamespace(origin=ValueSource.VAULT),
        )
    ),
    "what came before a leaked version": lambda vault, workers: earlier_versions(vault, vault.kept["A"][-1], workers),
}


@pytest.mark.parametrize("name", READS)
def test_the_vault_is_read_in_one_round(name: str) -> None:
    vault = FakeVault(Killer())
    for one in ("A", "B", "C"):
        vault.put(one, "1", "2", "3", "4")
    rounds = in_rounds(vault, 3)
    with Workers(50) as workers:
        found = READS[name](vault, workers)
    assert rounds.made == ["read"]
    assert len(found) == 3  # type: ignore[arg-type]
