"""A destination that a chain has never written is told of in every plan, and refused where nobody reads the plan."""

from __future__ import annotations

from dataclasses import replace

import pytest

from releaseguard.compose.known.configuration import ADDRESSES
from releaseguard.errors import Refused, UsageError
from releaseguard.model import utc_now
from releaseguard.rotation.commands import rotate
from releaseguard.rotation.history.views import ChainView, RotationView, Written
from releaseguard.rotation.planning.new_destinations import check_named, never_written, refuse_new
from releaseguard.rotation.planning.telling import describe
from releaseguard.rotation.result import RotationResult
from releaseguard.rotation.values import RotateAction, RotateRequest, RotationState
from tests.rotation.rotation_fakes import CHAIN_KEY, NAME, FakeDestination, World

read = ADDRESSES.parse
EVIL = "github:stranger/app"


def view(*written: str, unfinished: tuple[str, ...] = (), state: RotationState = RotationState.STAGED) -> ChainView:
    now = utc_now()
    names = dict.fromkeys(unfinished, (NAME,))
    rotation = RotationView(id="r", unit=NAME, state=state, began_at=now, changed_at=now, names=names)
    rotations = (rotation,) if unfinished else ()
    return ChainView(CHAIN_KEY, written={key: {NAME: Written(1, None)} for key in written}, rotations=rotations)


@pytest.mark.parametrize(
    ("written", "uri", "new"),
    [
        ((), EVIL, False),
        (("github:lovendo/app",), "github:lovendo/app", False),
        (("github:lovendo/app",), "github:Lovendo/App", False),
        (("github:lovendo/app as OTHER",), "github:lovendo/app", False),
        (("github:lovendo/app",), "github:lovendo/app@production", True),
        (("github:lovendo/app",), "github-dependabot:lovendo/app", True),
        (("github:lovendo/app",), EVIL, True),
        (("vercel:p/production,preview",), "vercel:p/production", False),
        (("vercel:p/production", "vercel:p/preview"), "vercel:p/preview,production", False),
        (("vercel:p/production",), "vercel:p/production,preview", True),
        (("vercel:p/production",), "vercel:q/production", True),
        (("supabase:abc",), "supabase:abd", True),
        (("what no version can read", "supabase:abc"), "supabase:abc", False),
    ],
)
def test_what_is_new(written: tuple[str, ...], uri: str, new: bool) -> None:
    assert bool(never_written([read(uri)], view(*written), read)) is new


def test_what_an_unfinished_rotation_was_begun_with_is_not_asked_for_again() -> None:
    uris = ["github:lovendo/app1", "github:lovendo/app2"]
    both = [read(uri) for uri in uris]
    refuse_new(both, view(uris[0], unfinished=tuple(uris)), [], read)
    with pytest.raises(Refused):
        refuse_new(both, view(uris[0], unfinished=tuple(uris), state=RotationState.PROVEN), [], read)
    with pytest.raises(Refused, match="stranger"):
        refuse_new([*both, read(EVIL)], view(uris[0], unfinished=tuple(uris)), [], read)


def rotated(world: World, *named: str, watched: bool = False, **request: object) -> RotationResult:
    surroundings = replace(world.process(), asks_for_new=not watched)
    asked = replace(RotateRequest(new_destinations=named), **request)  # type: ignore[arg-type]
    return rotate(asked, surroundings, world.tell)


@pytest.fixture
def world() -> World:
    """A chain that has written everywhere, and one destination more in the configuration since."""
    world = World()
    world.live_with("old")
    world.vault.put(NAME, "new")
    assert rotated(world).state is RotationState.PROVEN
    world.vault.put(NAME, "newer")
    world.github.append(FakeDestination(EVIL, world.killer))
    return world


@pytest.mark.parametrize("action", [RotateAction.ROTATE, RotateAction.RESUME, RotateAction.ROLLBACK])
def test_nothing_goes_to_a_new_destination_that_nobody_has_named(world: World, action: RotateAction) -> None:
    with pytest.raises(Refused, match="has ever written") as raised:
        rotated(world, action=action)
    assert f"--new-destination {EVIL}" in str(raised.value.next_step)
    assert world.github[-1].values() == {}


def test_one_that_is_named_is_written(world: World) -> None:
    assert rotated(world, EVIL).state is RotationState.PROVEN
    assert world.github[-1].values()[NAME] == "newer"
    world.vault.put(NAME, "newest")
    assert rotated(world).state is RotationState.PROVEN


def test_every_plan_marks_it(world: World) -> None:
    plan = rotated(world, watched=True, dry_run=True).plan
    assert plan is not None
    assert {one["uri"]: one["new"] for one in plan.to_json()["destinations"]} == {
        place.destination.uri: place.destination.uri == EVIL for place in world.bindings()
    }
    assert next(line for line in describe(plan) if "NEW" in line).startswith(EVIL)


def test_what_is_named_has_to_be_configured() -> None:
    check_named(["github:LOVENDO/app"], [read("github:lovendo/app")], read)
    with pytest.raises(UsageError, match="not a destination of this rotation"):
        check_named([EVIL], [read("github:lovendo/app")], read)
