"""A provider with several units, all rotated by one call: none waits for another, and each is finished alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from releaseguard.cards.spec import SecretSpec
from releaseguard.errors import ExitCode, Refused
from releaseguard.rotation.history.leaks import open_leaks
from releaseguard.rotation.history.reading import fold
from releaseguard.rotation.result import RotationResult
from releaseguard.rotation.values import RotateAction, RotateRequest, RotationState
from tests.rotation.rotation_fakes import CHAIN_KEY, NAME, Cell, World
from tests.rotation.test_rotation_states import LEAKED, go
from tests.rotation.test_ways_out import run_exactly

OTHER = "SENDGRID_MARKETING_KEY"
ALL = replace(LEAKED, beside=True)


def two_units() -> World:
    from msgspec import structs

    world = World()
    first = world.card.secrets[0]
    other = SecretSpec(name=OTHER, companion=True, proven_by=("sendgrid_email_sent",))
    world.card = structs.replace(world.card, secrets=(first, other))
    world.live_with("old")
    world.vault.put(OTHER, "other-old", "other-new")
    for place in world.destinations:
        place.cells[OTHER] = Cell("other-old", 1)
    world.vault.put(NAME, "new")
    return world


def of(world: World, name: str, request: RotateRequest = ALL) -> RotationResult:
    return go(world, replace(request, secret=name))


def test_a_unit_that_is_not_proven_holds_up_no_other_one_of_the_same_call() -> None:
    world = two_units()
    world.app.silent = True
    first, second = of(world, NAME), of(world, OTHER)
    assert (first.state, second.state) == (RotationState.UNPROVEN, RotationState.UNPROVEN)
    assert {place.values()[OTHER] for place in world.destinations} == {"other-new"}
    assert [view.state for view in fold(CHAIN_KEY, world.log.chain()).rotations] == [RotationState.UNPROVEN] * 2
    assert {leak.unfinished for leak in open_leaks(fold(CHAIN_KEY, world.log.chain()))} == {True}


def test_each_is_finished_by_the_command_that_its_result_names() -> None:
    world = two_units()
    world.app.silent = True
    first, second = of(world, NAME), of(world, OTHER)
    world.app.silent = False
    after = run_exactly(world, first)
    assert (after.rotation_id, after.state) == (first.rotation_id, RotationState.PROVEN)
    assert str(second.next_step).endswith(f"--secret {OTHER} --resume")
    assert run_exactly(world, second).rotation_id == second.rotation_id


def test_the_same_call_again_goes_on_with_both() -> None:
    world = two_units()
    world.app.silent = True
    ids = [of(world, name).rotation_id for name in (NAME, OTHER)]
    world.app.silent = False
    again = [of(world, name) for name in (NAME, OTHER)]
    assert [one.rotation_id for one in again] == ids
    assert again[0].state is RotationState.PROVEN


def test_without_a_name_the_cards_first_is_resumed_and_then_the_other() -> None:
    world = two_units()
    world.app.silent = True
    first, second = of(world, NAME), of(world, OTHER)
    world.app.silent = False
    resume = RotateRequest(action=RotateAction.RESUME)
    assert go(world, resume).rotation_id == first.rotation_id
    assert go(world, resume).rotation_id == second.rotation_id


def test_a_newer_version_of_one_gives_up_that_one_alone() -> None:
    world = two_units()
    world.app.silent = True
    first, second = of(world, NAME), of(world, OTHER)
    world.vault.put(NAME, "newer")
    of(world, NAME)
    states = {view.id: view.state for view in fold(CHAIN_KEY, world.log.chain()).rotations}
    assert (states[str(first.rotation_id)], states[str(second.rotation_id)]) == (
        RotationState.ABORTED,
        RotationState.UNPROVEN,
    )


def test_one_that_cannot_be_written_is_gone_on_with_after_the_other() -> None:
    world = two_units()
    from releaseguard.errors import Unreachable

    world.killer.on = {f"write {world.supabase.uri} {NAME}": Unreachable("cut", where="supabase")}
    first = of(world, NAME)
    world.killer.on = {}
    world.time.now += 100
    second = of(world, OTHER)
    assert first.exit_code is ExitCode.OK or first.state is not RotationState.PROVEN
    assert second.rotation_id != first.rotation_id
    assert {place.values()[OTHER] for place in world.destinations} == {"other-new"}
    assert run_exactly(world, first).rotation_id == first.rotation_id


def waiting(state: RotationState) -> World:
    """The other unit waits for somebody: for a proof, or for a deployment by hand."""
    world = two_units()
    world.app.silent = True
    deployed = state is not RotationState.PUSHED
    result = of(world, OTHER, RotateRequest(deploy=deployed))
    assert result.state is state
    world.app.silent = False
    return world


@pytest.mark.parametrize("state", [RotationState.UNPROVEN, RotationState.PUSHED])
@pytest.mark.parametrize("request_", [RotateRequest(), LEAKED], ids=["plain", "leak"])
def test_a_unit_alone_does_not_wait_for_one_that_waits_for_somebody(
    state: RotationState, request_: RotateRequest
) -> None:
    world = waiting(state)
    result = go(world, request_)
    assert result.state is RotationState.PROVEN
    resume = f"releaseguard rotate sendgrid --secret {OTHER} --resume"
    assert f"The rotation of {OTHER} is unfinished too ({state}): {resume}" in world.told
    views = {view.unit: view.state for view in fold(CHAIN_KEY, world.log.chain()).rotations}
    assert views == {OTHER: state, NAME: RotationState.PROVEN}


def half_written() -> World:
    from releaseguard.errors import Unreachable

    world = two_units()
    world.killer.on = {f"write {world.supabase.uri} {OTHER}": Unreachable("cut", where="supabase")}
    assert of(world, OTHER, RotateRequest()).state is RotationState.STAGED
    world.killer.on = {}
    world.time.now += 100
    return world


def test_one_that_is_written_in_part_is_finished_first_by_the_command_that_is_named() -> None:
    world = half_written()
    with pytest.raises(Refused) as caught:
        go(world)
    assert f"rotate sendgrid --secret {OTHER} --resume" in str(caught.value.next_step)
    assert of(world, OTHER, RotateRequest(action=RotateAction.RESUME)).state is RotationState.UNPROVEN
    assert go(world).state is RotationState.PROVEN


def test_a_leak_waits_for_no_other_secret_of_the_provider() -> None:
    assert go(half_written(), LEAKED).state is RotationState.PROVEN


def test_resuming_a_unit_by_its_name_takes_up_no_other_one() -> None:
    world = waiting(RotationState.UNPROVEN)
    result = of(world, NAME, RotateRequest(action=RotateAction.RESUME))
    views = {view.unit: view.id for view in fold(CHAIN_KEY, world.log.chain()).rotations}
    assert result.rotation_id == views[NAME]


def test_giving_up_one_gives_up_no_other() -> None:
    world = two_units()
    world.app.silent = True
    of(world, OTHER)
    abort = RotateRequest(action=RotateAction.ABORT)
    with pytest.raises(Refused, match="nothing to abort"):
        go(world, replace(abort, secret=NAME))
    result = go(world, replace(abort, secret=OTHER))
    assert result.state is RotationState.ABORTED
    assert f"--secret {OTHER}" in str(result.next_step)


def test_the_same_call_again_replaces_nothing_twice() -> None:
    """Some keys are made later than others: what was replaced for this breach is no key that leaked in it."""
    world = two_units()
    first = of(world, NAME)
    assert first.state is RotationState.PROVEN
    steps = len(world.log.chain())
    again = of(world, NAME)
    assert (again.rotation_id, again.exit_code) == (first.rotation_id, ExitCode.OK)
    assert again.remarks[0].startswith("Nothing to do")
    assert len(world.log.chain()) == steps
    with pytest.raises(Refused, match="that one leaked"):
        of(world, NAME, replace(ALL, reason="another breach"))
