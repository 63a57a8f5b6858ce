"""A rotation from beginning to end, and every other way it can end, against a world in memory."""

from __future__ import annotations

from releaseguard.audit.integrity import verify_chain
from releaseguard.errors import ExitCode
from releaseguard.rotation.commands import rotate
from releaseguard.rotation.values import RotateRequest, RotationState
from tests.rotation.rotation_fakes import CHAIN_KEY, NAME, World


def test_a_new_version_goes_everywhere_and_is_proven_by_the_apps_own_events() -> None:
    world = World(github=2)
    world.live_with("old")
    world.vault.put(NAME, "new")
    result = rotate(RotateRequest(), world.process(), world.tell)
    assert (result.state, result.exit_code, result.problem) == (RotationState.PROVEN, ExitCode.OK, None)
    assert result.proof.grade == "A"
    assert len(result.proof.events) >= 6
    assert [(pin.from_version, pin.to_version) for pin in result.secrets] == [(1, 2)]
    for destination in world.destinations:
        assert destination.values() == {NAME: "new", NAME + "_VERSION": "2"}
        assert destination.writes == {NAME: 1, NAME + "_VERSION": 1}
    assert not verify_chain(CHAIN_KEY, world.log.chain(), result.head)
