"""The event log goes away: nothing is begun without it, and what is not recorded is not claimed."""

from __future__ import annotations

import pytest

from releaseguard.errors import ExitCode, Unreachable
from releaseguard.rotation.telling import text_of
from releaseguard.rotation.values import RotateAction, RotationState
from tests.rotation.rotation_fakes import World
from tests.rotation.test_rotation_states import do, go, ready

STEPS = (
    "append destination_push_started",
    "append destination_push_finished,rotation_pushed",
    "append deployment_requested",
    "append deployment_created",
    "append deployment_ready",
    "append rotation_deployed",
    "append rotation_proven",
)


def losing(world: World, step: str) -> World:
    gone = Unreachable("the log does not answer", where="the log")
    world.killer.on = {step: gone, "append rotation_lease_released": gone}
    return world


@pytest.mark.parametrize("step", STEPS)
def test_wherever_it_goes_away_the_rotation_is_gone_on_with_and_claims_nothing(step: str) -> None:
    world = losing(ready("old", "new"), step)
    result = go(world)
    assert result.exit_code is ExitCode.SERVICE
    assert str(result.next_step).endswith("`releaseguard rotate sendgrid --resume`.")
    assert "PROVEN" not in text_of(result) + " ".join(world.told)
    world.killer.on = {}
    world.time.now += 100
    assert do(world, RotateAction.RESUME).state is RotationState.PROVEN
    assert len([made for made in world.deployer.made if made.meta]) == 1


def test_what_was_written_and_not_recorded_is_named() -> None:
    world = losing(ready("old", "new"), STEPS[1])
    go(world)
    assert any(
        text.startswith("Written but not recorded") and "github:lovendo/app1" in text and world.vercel.uri in text
        for text in world.told
    )


def test_nothing_is_begun_without_it_and_the_way_by_hand_is_named() -> None:
    world = losing(ready("old", "new"), "append rotation_planned,rotation_staged")
    with pytest.raises(Unreachable) as caught:
        go(world)
    assert str(caught.value.next_step).endswith("releaseguard rotate sendgrid --by-hand")
    assert not any(place.writes for place in world.destinations)
