"""A report of a leak is never lost: whatever stands in the way of a rotation, it is on record, is open, and can be
taken back on record alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from releaseguard.errors import ExitCode, LeaseHeld, ReleaseguardError, Unreachable
from releaseguard.rotation.history import events as said
from releaseguard.rotation.history.journal import Journal
from releaseguard.rotation.history.leaks import OpenLeak, open_leaks
from releaseguard.rotation.history.parts import LeakReport
from releaseguard.rotation.history.reading import fold
from releaseguard.rotation.history.views import ChainView
from releaseguard.rotation.overview import document_of, overview_of, text_of
from releaseguard.rotation.result import RotationResult
from releaseguard.rotation.values import RotateAction, RotateRequest, RotationState
from tests.rotation.rotation_fakes import CHAIN_KEY, NAME, World
from tests.rotation.test_rotation_states import LEAKED, do, go, ready


def chain(world: World) -> ChainView:
    return fold(CHAIN_KEY, world.log.chain())


def still_open(world: World) -> list[OpenLeak]:
    return list(open_leaks(chain(world)))


def withdraw(world: World, version: int | None = None) -> RotationResult:
    asked = RotateRequest(action=RotateAction.WITHDRAW_LEAK, reason="a test key", leaked_version=version)
    return go(world, asked)


def unproven() -> World:
    """Version 2 is out everywhere, and nobody uses it."""
    world = ready("old", "new")
    world.app.silent = True
    assert go(world).state is RotationState.UNPROVEN
    world.app.silent = False
    return world


def test_what_leaks_while_its_own_rotation_is_unproven_is_on_record_and_is_not_carried_on() -> None:
    world = unproven()
    with pytest.raises(ReleaseguardError, match="that one leaked"):
        go(world, LEAKED)
    assert [(one.leak.versions, one.unfinished) for one in still_open(world)] == [({NAME: 2}, False)]
    for action in (RotateAction.ROTATE, RotateAction.RESUME):
        with pytest.raises(ReleaseguardError, match=r"version 2 .* leaked"):
            do(world, action)
    world.vault.put(NAME, "fresh")
    assert go(world).state is RotationState.PROVEN
    assert [one.contained_at is not None for one in still_open(world)] == [True]
    assert do(world, RotateAction.CONFIRM_REVOKED).revokes == [f"version 2 of {NAME}"]
    assert not still_open(world)


def made_now(world: World) -> None:
    newest = world.vault.kept[NAME][-1]
    world.vault.kept[NAME][-1] = replace(newest, updated_at=world.time.wall())


def cannot_be_a_key(world: World) -> None:
    world.vault.put(NAME, "${ELSEWHERE}")


def vault_is_away(world: World) -> None:
    world.killer.on = {f"read {NAME}": Unreachable("no answer")}


def was_revoked_before(world: World) -> None:
    world.vault.put(NAME, "old")


def is_held(world: World) -> None:
    other = world.process("other")
    journal = Journal(world.log, CHAIN_KEY, "other pid 1 (x)", other.rules.lease, other.clocks)
    journal.load()
    journal.append(said.LeaseTaken())


@pytest.mark.parametrize("in_the_way", [cannot_be_a_key, vault_is_away, was_revoked_before, is_held])
def test_a_leak_is_on_record_whatever_keeps_it_from_being_rotated(in_the_way: Callable[[World], None]) -> None:
    world = ready("old", "new")
    go(world)
    in_the_way(world)
    for _ in range(2):
        with pytest.raises(ReleaseguardError):
            go(world, LEAKED)
    assert [one.leak.versions for one in still_open(world)] == [{NAME: 2}], "once"


def test_a_report_takes_no_lease_and_the_run_that_holds_it_goes_on() -> None:
    world = World()
    process = world.process()
    runs = Journal(world.log, CHAIN_KEY, "run pid 1 (x)", process.rules.lease, process.clocks)
    runs.append(said.LeaseTaken())
    reports = Journal(world.log, CHAIN_KEY, "other pid 2 (x)", process.rules.lease, process.clocks)
    reports.load()
    leaked = LeakReport(reason="gist", versions={NAME: 1})
    reports.note(said.LeakReported(rotation_id="r1", unit=NAME, leak=leaked))
    with pytest.raises(LeaseHeld):
        reports.refuse_if_held()
    assert [one.id for one in runs.append(said.LeaseRenewed()).reports] == ["r1"]
    assert not fold(CHAIN_KEY, world.log.chain()).foreign


def test_where_nobody_knew_the_version_what_was_there_is_refused_and_what_comes_after_is_not() -> None:
    world = ready("old", "new")
    made_now(world)
    vault_is_away(world)
    with pytest.raises(Unreachable):
        go(world, LEAKED)
    world.killer.on = {}
    assert [one.leak.versions for one in still_open(world)] == [{NAME: None}]
    with pytest.raises(ReleaseguardError, match="leaked"):
        go(world)
    world.time.now += 60
    world.vault.put(NAME, "fresh")
    made_now(world)
    assert go(world, LEAKED).state is RotationState.PROVEN
    do(world, RotateAction.CONFIRM_REVOKED)
    assert not still_open(world)


def test_a_report_is_taken_back_on_record_and_the_value_is_one_like_any_other() -> None:
    world = World()
    world.live_with("old")
    with pytest.raises(ReleaseguardError):
        go(world, LEAKED)
    assert withdraw(world).exit_code is ExitCode.OK
    assert not still_open(world)
    overview = overview_of(world.log, [world.card], None, None)
    assert "LEAK WITHDRAWN" in text_of(overview, 200)
    assert document_of(overview)["rotations"][0]["withdrawn"]["reason"] == "a test key"
    assert go(world).state is RotationState.PROVEN
    with pytest.raises(ReleaseguardError, match="no leak of"):
        withdraw(world)


def test_a_rotations_leak_is_taken_back_and_its_old_value_may_come_back() -> None:
    world = ready("old", "new")
    go(world, LEAKED)
    with pytest.raises(ReleaseguardError, match=r"version 1 of .* leaked"):
        do(world, RotateAction.ROLLBACK)
    withdraw(world, 1)
    assert do(world, RotateAction.ROLLBACK).state is RotationState.ROLLED_BACK


def test_of_several_leaks_the_one_that_is_none_has_to_be_named() -> None:
    world = ready("old", "new")
    go(world, LEAKED)
    with pytest.raises(ReleaseguardError):
        go(world, LEAKED)
    assert len(still_open(world)) == 2
    with pytest.raises(ReleaseguardError, match="several leaks"):
        withdraw(world)
    withdraw(world, 2)
    assert [one.leak.versions for one in still_open(world)] == [{NAME: 1}]


def test_confirming_means_what_was_reported_and_not_an_older_revocation() -> None:
    world = ready("old", "new")
    go(world)
    confirm = RotateRequest(action=RotateAction.CONFIRM_REVOKED, despite_use=True)
    go(world, confirm)
    with pytest.raises(ReleaseguardError):
        go(world, LEAKED)
    result = go(world, confirm)
    assert f"Recorded as revoked: version 2 of {NAME}." in result.remarks
    assert not still_open(world)
    world.time.sleep(60)
    assert [one.rotation_id for one in overview_of(world.log, [world.card], None, None).still_used] == [
        result.rotation_id
    ], "the app goes on with what is said to be revoked"


def test_a_rotation_whose_new_value_leaks_meanwhile_goes_on_and_says_so() -> None:
    world = ready("old", "new")
    other = world.process("other")

    def reported() -> None:
        if len(world.deployer.made) > 1 and not chain(world).reports:
            journal = Journal(world.log, CHAIN_KEY, "other pid 2 (x)", other.rules.lease, other.clocks)
            journal.load()
            leaked = LeakReport(reason="gist", versions={NAME: 2})
            journal.note(said.LeakReported(rotation_id="r1", unit=NAME, leak=leaked))

    world.time.passing.append(reported)
    result = go(world)
    assert result.state is RotationState.PROVEN
    assert str(result.next_step).startswith(f"Version 2 of {NAME} leaked. Make a new key")
