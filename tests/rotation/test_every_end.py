"""Whatever stops a rotation, at whichever request: the command that is printed leads on once the fault is over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import pytest

from releaseguard.destinations.interface import NotOurs
from releaseguard.errors import (
    AccessDenied,
    ExitCode,
    Failed,
    NotFound,
    RateLimited,
    ReleaseguardError,
    ServiceError,
    Unreachable,
)
from releaseguard.rotation.values import RotateAction, RotateRequest, RotationState
from tests.rotation.rotation_fakes import NAME, World
from tests.rotation.test_rotation_states import LEAKED, PLAIN, assert_out, do, go, ready
from tests.rotation.test_ways_out import run_exactly

FAULTS: Mapping[str, Callable[[], ReleaseguardError]] = {
    "does not answer": lambda: Unreachable("no answer", where="there"),
    "a fault of its own": lambda: ServiceError("answered 500", where="there", status=500),
    "archived": lambda: ServiceError("answered 403 (archived)", where="there", status=403),
    "token expired": lambda: AccessDenied("answered 401", where="there", status=401),
    "over the limit": lambda: RateLimited("over the limit for an hour", where="there", status=429),
    "deleted": lambda: NotFound("answered 404", where="there", status=404),
    "too large, or too many": lambda: ServiceError("answered 422", where="there", status=422),
    "not ours": lambda: NotOurs("another target of it would change", where="there"),
    "not taken": lambda: Failed("accepted, and does not show the new value", where="there"),
}
OF_THE_LOG = ("does not answer", "a fault of its own", "token expired", "over the limit")
REQUESTS: Mapping[str, RotateRequest] = {"planned": PLAIN, "leak": LEAKED}


@cache
def requests_of(kind: str) -> tuple[str, ...]:
    """Every request and append of a run that goes well."""
    world = ready("old", "new")
    world.killer.trace.clear()
    go(world, REQUESTS[kind])
    return tuple(dict.fromkeys(world.killer.trace))


@pytest.mark.parametrize("kind", REQUESTS)
@pytest.mark.parametrize("fault", FAULTS)
def test_the_command_that_is_printed_leads_on(kind: str, fault: str) -> None:
    for what in requests_of(kind):
        if what.startswith("append") and fault not in OF_THE_LOG:
            continue
        world = ready("old", "new")
        world.killer.on = {what: FAULTS[fault]()}
        _stopped_and_gone_on_with(world, REQUESTS[kind], what)


def _stopped_and_gone_on_with(world: World, request: RotateRequest, what: str) -> None:
    try:
        result = go(world, request)
    except ReleaseguardError:
        assert not any(place.writes for place in world.destinations), what
        world.killer.on = {}
        world.time.sleep(100)
        assert go(world, request).state is RotationState.PROVEN, what
        return
    world.killer.on = {}
    world.time.sleep(100)
    for _ in range(3):
        if result.state is RotationState.PROVEN and result.exit_code is ExitCode.OK:
            break
        assert result.next_step, f"{what}: {result.state}"
        result = run_exactly(world, result)
    assert result.state in (RotationState.PROVEN, RotationState.ROLLED_BACK), f"{what}: {result.state}"
    if result.state is RotationState.PROVEN and any(one.status in ("failed", "skipped") for one in result.destinations):
        assert "write it first (releaseguard rotate sendgrid --resume)" in str(result.next_step)
        result = do(world, RotateAction.RESUME)
    if result.state is RotationState.PROVEN:
        assert_out(world, "new")


def test_what_nobody_can_put_right_is_left_out_by_the_command_that_is_printed() -> None:
    world = ready("old", "new")
    place = world.github[0].uri
    world.killer.on = {f"write {place} {NAME}": ServiceError("answered 403 (archived)", status=403)}
    result = go(world)
    assert f'releaseguard rotate sendgrid --resume --skip {place} --reason "..."' in str(result.next_step)


def test_what_each_place_asks_for_is_said_where_several_fail() -> None:
    world = ready("old", "new")
    renamed = ServiceError("answered 301", status=301, next_step="Write its new name.")
    world.killer.on = {f"write {world.github[0].uri} {NAME}": renamed}
    assert "Write its new name." in str(go(world).next_step)
