"""A group whose first member is public in itself and stays: what is said of a group rests on what is secret in it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from releaseguard.cards.spec import SecretSpec
from releaseguard.errors import Refused, ServiceError
from releaseguard.rotation.commands import rotate
from releaseguard.rotation.result import RotationResult
from releaseguard.rotation.values import RotateAction, RotateRequest, RotationState
from releaseguard.secret import Secret
from releaseguard.vault.source import ValueSource
from tests.rotation.rotation_fakes import NAME, SENDGRID, Cell, World

SID, TOKEN = "MAIL_SID", NAME
OLD, NEW, NEWER = (f"canary-{name}-0123456789" for name in ("old", "new", "newer"))


def a_world(*tokens: str, identifier: bool = True) -> World:
    """The group lives on the first of these tokens; the account's number has one version for good."""
    world = World()
    members = tuple(
        SecretSpec(
            name=name,
            group="pair",
            companion=name == TOKEN,
            identifier=identifier and name == SID,
            proven_by=("sendgrid_email_sent",),
        )
        for name in (SID, TOKEN)
    )
    world.card = type(SENDGRID)(
        id="sendgrid", name="x", hosts=(), events=SENDGRID.events, playbook=SENDGRID.playbook, secrets=members
    )
    world.vault.put(SID, "AC0123456789")
    world.live_with(tokens[0])
    world.vault.put(TOKEN, *tokens[1:])
    for destination in world.destinations:
        destination.cells[SID] = Cell("AC0123456789", 1)
    return world


def go(world: World, **asked: object) -> RotationResult:
    return rotate(replace(RotateRequest(), **asked), world.process(), world.tell)  # type: ignore[arg-type]


def leaked(world: World, **more: object) -> RotationResult:
    return go(world, leak=True, reason="gist", **more)


@pytest.mark.parametrize("identifier", [True, False])
def test_the_same_token_under_another_number_is_nothing_new_beside_a_number_that_stays(identifier: bool) -> None:
    world = a_world(OLD, NEW, identifier=identifier)
    assert go(world).state is RotationState.PROVEN
    world.vault.put(TOKEN, NEW)
    result = go(world)
    assert result.rotation_id is None, result
    assert f"Nothing new: version 3 of {TOKEN} has the value of version 2" in " ".join(result.remarks)


def test_before_any_rotation_too() -> None:
    result = go(a_world(OLD, OLD))
    assert result.rotation_id is None
    assert "Nothing new" in " ".join(result.remarks)


def test_a_new_token_beside_a_number_that_stays_is_new() -> None:
    world = a_world(OLD, NEW)
    assert go(world).state is RotationState.PROVEN
    world.vault.put(TOKEN, NEWER)
    assert go(world).state is RotationState.PROVEN


def test_a_new_account_with_the_same_token_is_new() -> None:
    world = a_world(OLD, NEW)
    assert go(world).state is RotationState.PROVEN
    world.vault.put(SID, "AC9876543210")
    world.vault.put(TOKEN, NEW)
    assert go(world).rotation_id is not None


@pytest.mark.parametrize("from_stdin", [False, True])
def test_a_token_that_leaked_does_not_come_back_beside_a_number_that_nothing_was_known_of(from_stdin: bool) -> None:
    world = a_world(OLD, NEW)
    assert leaked(world).state is RotationState.PROVEN
    go(world, action=RotateAction.CONFIRM_REVOKED, despite_use=True)
    given = {}
    if from_stdin:
        given = {"origin": ValueSource.STDIN, "values": {SID: Secret("AC0123456789"), TOKEN: Secret(OLD)}}
    else:
        world.vault.put(TOKEN, OLD)
    with pytest.raises(Refused, match=TOKEN):
        go(world, **given)


def test_after_a_breach_a_group_whose_first_member_stays_is_rotated_with_the_others() -> None:
    world = a_world(OLD, NEW)
    result = leaked(world, secret=SID, beside=True)
    assert result.state is RotationState.PROVEN, result.problem
    assert not [line for line in result.remarks if "keeps its value" in line]


def test_a_leak_without_a_new_token_is_refused_whatever_the_number() -> None:
    world = a_world(OLD)
    world.vault.put(SID, "AC9876543210")
    with pytest.raises(Refused, match=TOKEN):
        leaked(world)


def test_a_pair_of_which_one_could_not_be_stored_does_not_go_out_half_new() -> None:
    world = a_world(OLD, identifier=False)
    given = {"origin": ValueSource.STDIN, "values": {SID: Secret("AC9876543210"), TOKEN: Secret(NEW)}}
    world.vault.killer.on[f"write {TOKEN}"] = ServiceError("500")
    assert go(world, **given).state is RotationState.PLANNED
    world.vault.killer.on.clear()
    half = go(world, action=RotateAction.RESUME)
    assert f"no new version of {TOKEN} has been made yet" in str(half.problem)
    assert {place.values()[SID] for place in world.destinations} == {"AC0123456789"}
    result = go(world, action=RotateAction.RESUME, **given)
    assert result.state is RotationState.PROVEN
    held = [(place.values()[SID], place.values()[TOKEN]) for place in world.destinations]
    assert set(held) == {("AC9876543210", NEW)}
