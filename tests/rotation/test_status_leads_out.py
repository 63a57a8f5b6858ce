"""Wherever a rotation stands, what ``status`` names for it, or for its leak, leads out, without what a result told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from releaseguard.errors import Refused
from releaseguard.rotation.history.account import leak_row, unfinished_rows
from releaseguard.rotation.overview import overview_of
from releaseguard.rotation.values import RotateAction, RotateRequest, RotationState
from releaseguard.secret import Secret
from releaseguard.vault.interface import ApprovalPending
from releaseguard.vault.source import ValueSource
from tests.rotation.rotation_fakes import CHAIN_KEY, NAME, World
from tests.rotation.test_rotation_states import LEAKED, PLAIN, WEBHOOK, do, go, ready
from tests.rotation.test_ways_out import deploy_by_hand, refused_in_a_leak, run_named

KINDS: Mapping[str, RotateRequest] = {"planned": PLAIN, "leak": LEAKED}


def said(world: World) -> str:
    """What ``status`` names for the rotation that is unfinished."""
    (row,) = unfinished_rows(overview_of(world.log, [world.card], None, None).account, world.card.id)
    return row["next_step"]


def silent(request: RotateRequest) -> World:
    world = ready("old", "new")
    world.app.silent = True
    assert go(world, request).state is RotationState.UNPROVEN
    return world


def refused(request: RotateRequest) -> World:
    """Nothing is there to go back to: of a planned one the version before is gone."""
    world = refused_in_a_leak()
    if not request.leak:
        world.app.silent, world.app.refused = True, set()
        go(world)
        world.app.silent, world.app.refused = False, {"typo"}
        world.vault.kept[NAME][0] = replace(world.vault.kept[NAME][0], secret_id="another")
    assert go(world, request).state is RotationState.FAILED
    return world


def not_deployed(request: RotateRequest) -> World:
    world = ready("old", "new")
    world.deployer.fails = "cancelled"
    assert go(world, request).state is RotationState.FAILED
    return world


def leaked_meanwhile(_request: RotateRequest) -> World:
    world = silent(PLAIN)
    with pytest.raises(Refused):
        go(world, LEAKED)
    return world


def waits_for_approval(request: RotateRequest) -> World:
    world = World()
    world.live_with("old")
    world.vault.write_raises = ApprovalPending("proposed")
    asked = replace(request, origin=ValueSource.STDIN, values={NAME: Secret("typed-in-by-hand")})
    assert go(world, asked).state is RotationState.WAITING_APPROVAL
    world.vault.write_raises = None
    return world


def waits_for_a_person(request: RotateRequest) -> World:
    world = World()
    world.live_with("old")
    world.vault.put(WEBHOOK, "w1")
    asked = replace(request, secret=WEBHOOK, origin=ValueSource.GENERATE)
    assert go(world, asked).state is RotationState.WAITING_CONSOLE
    return world


def speaks(world: World) -> None:
    world.app.silent = False


def stores(value: str) -> Callable[[World], None]:
    return lambda world: world.vault.put(NAME, value)


def nothing(_world: World) -> None:
    pass


TABLE: Mapping[str, tuple[Callable[[RotateRequest], World], Callable[[World], None], str, RotationState]] = {
    "UNPROVEN": (silent, nothing, "releaseguard rotate", RotationState.PROVEN),
    "UNPROVEN, and leaked": (leaked_meanwhile, stores("good"), "Make a new key", RotationState.PROVEN),
    "FAILED, refused": (refused, stores("good"), "Make another value", RotationState.PROVEN),
    "FAILED, not deployed": (not_deployed, deploy_by_hand, "Deploy it", RotationState.PROVEN),
    "WAITING_APPROVAL": (waits_for_approval, stores("typed-in-by-hand"), "Approve the change", RotationState.PROVEN),
    "WAITING_CONSOLE": (waits_for_a_person, nothing, "Set the new value at the provider", RotationState.UNPROVEN),
}


ROLLED_BACK = ("FAILED, not deployed", "planned")
"""Nothing of that is unfinished."""


@pytest.mark.parametrize(
    ("stands", "kind"), [(stands, kind) for stands in TABLE for kind in KINDS if (stands, kind) != ROLLED_BACK]
)
def test_what_status_names_leads_out(stands: str, kind: str) -> None:
    stop, act, first, ends = TABLE[stands]
    world = stop(KINDS[kind])
    step = said(world)
    assert step.startswith(first)
    world.time.sleep(60)
    speaks(world)
    act(world)
    assert run_named(world, step).state is ends


@pytest.mark.parametrize("kind", KINDS)
def test_a_rejected_approval_is_given_up_as_status_says(kind: str) -> None:
    world = waits_for_approval(KINDS[kind])
    abort = said(world).partition("closed: ")[2].partition(")")[0]
    assert run_named(world, abort).state is RotationState.ABORTED
    assert not [*unfinished_rows(overview_of(world.log, [world.card], None, None).account, world.card.id)]


def test_the_line_of_a_leak_whose_new_value_was_refused_names_another_value_too() -> None:
    world = refused(LEAKED)
    ((_, leak),) = overview_of(world.log, [world.card], None, None).account.open_leaks
    step = leak_row(CHAIN_KEY, leak)["next_step"]
    assert step.startswith("Rotate to a new value: releaseguard rotate sendgrid")
    assert "--resume" not in step


def test_what_is_confirmed_as_revoked_is_not_asked_for_once_more_by_the_rotation_that_comes_after() -> None:
    world = World()
    world.live_with("old")
    world.vault.put(NAME, " ")
    with pytest.raises(Refused):
        go(world, LEAKED)
    confirmed = go(world, RotateRequest(action=RotateAction.CONFIRM_REVOKED, despite_use=True))
    assert f"Recorded as revoked: version 1 of {NAME}." in confirmed.remarks
    world.vault.put(NAME, "new")
    result = go(world)
    assert (result.state, result.next_step) == (
        RotationState.PROVEN,
        "Nothing to revoke: the old value leaked before, and is confirmed as revoked.",
    )
    world.vault.put(NAME, "newer")
    assert "--confirm-revoked" in str(go(world).next_step), "that value nobody has revoked"
    assert do(world, RotateAction.CONFIRM_REVOKED).revokes == [f"version 3 of {NAME}"]
