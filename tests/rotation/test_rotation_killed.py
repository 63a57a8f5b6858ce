"""A run that dies before or after any request and any append is finished by --resume from a fresh process."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from releaseguard.audit.integrity import verify_chain
from releaseguard.errors import ExitCode
from releaseguard.rotation.commands import rotate
from releaseguard.rotation.result import RotationResult
from releaseguard.rotation.values import RotateAction, RotateRequest, RotationState
from tests.rotation.rotation_fakes import CHAIN_KEY, NAME, Killed, World

RESUME = RotateRequest(action=RotateAction.RESUME)
FURTHER = pytest.mark.full("further chains of kills, drawn like those of a plain run")
BETWEEN = pytest.mark.full("a step between two that a plain run is killed at twice; killed at once it is in every run")


def world_with_a_new_version() -> World:
    world = World(github=3)
    world.live_with("old")
    world.vault.put(NAME, "new")
    return world


def finish(world: World, request: RotateRequest, kills: list[tuple[int, str]]) -> RotationResult:
    """Run, dying at each of ``kills`` in turn (counted from the start of that process), resuming after each."""
    for number, when in kills:
        world.killer.at = {world.killer.count + number: when}
        try:
            result = rotate(request, world.process(), world.tell)
        except Killed:
            request = RESUME
            continue
        world.killer.at = {}
        return result
    world.killer.at = {}
    return rotate(request, world.process(), world.tell)


def assert_right(world: World, result: RotationResult, kills: int) -> None:
    assert (result.state, result.exit_code, result.problem) == (RotationState.PROVEN, ExitCode.OK, None)
    for destination in world.destinations:
        assert destination.values() == {NAME: "new", NAME + "_VERSION": "2"}
        assert all(writes <= 1 + kills for writes in destination.writes.values())
    requested = Counter(str(made.meta) for made in world.deployer.made if made.meta)
    assert len(requested) == 1
    assert set(requested.values()) == {1}, "a deployment was requested twice"
    assert not verify_chain(CHAIN_KEY, world.log.chain(), result.head)


def steps_of_a_whole_run() -> int:
    world = world_with_a_new_version()
    rotate(RotateRequest(), world.process(), world.tell)
    return world.killer.count


STEPS = steps_of_a_whole_run()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, STEPS + 1))
def test_killed_once_anywhere_and_resumed_it_is_proven_with_no_write_too_many(number: int, when: str) -> None:
    world = world_with_a_new_version()
    result = finish(world, RotateRequest(), [(number, when)])
    assert_right(world, result, kills=1)


@pytest.mark.parametrize("seed", [*range(60), *(pytest.param(seed, marks=FURTHER) for seed in range(60, 300))])
def test_chains_of_three_kills_converge(seed: int) -> None:
    random_ = random.Random(seed)
    kills = [(random_.randint(1, STEPS), random_.choice(["before", "after"])) for _ in range(3)]
    world = world_with_a_new_version()
    result = finish(world, RotateRequest(), kills)
    assert_right(world, result, kills=3)


@pytest.mark.parametrize(
    "number", [pytest.param(step, marks=() if step % 4 == 1 else BETWEEN) for step in range(1, STEPS + 1)]
)
def test_a_second_kill_during_the_resume_is_no_worse(number: int) -> None:
    for second in range(1, 12):
        world = world_with_a_new_version()
        assert_right(world, finish(world, RotateRequest(), [(number, "after"), (second, "after")]), kills=2)
