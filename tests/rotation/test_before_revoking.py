"""What is known to run on the old value: a revocation is not recorded without a question, whatever the rows say."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from releaseguard.errors import AccessDenied, ExitCode, NotFound, Unreachable
from releaseguard.rotation.history.parts import ConsumerRecord
from releaseguard.rotation.result import RotationResult
from releaseguard.rotation.values import RotateAction, RotateRequest, RotationState
from releaseguard.vault.interface import SecretVersion
from tests.rotation.rotation_fakes import NAME, World, failed_call
from tests.rotation.test_certificate import ASKED, DESPITE, HOUR, use
from tests.rotation.test_left_out import GITHUB, SUPABASE, archived, skipping, unwritable
from tests.rotation.test_rotation_states import LEAKED, do, go, ready
from tests.rotation.test_vault_later import NEW, RESUME, away, later
from tests.rotation.test_ways_out import pinned, run_exactly


def quiet(world: World, request: RotateRequest) -> RotationResult:
    """The rotation, and an hour later without a row."""
    world.app.silent = True
    result = go(world, request)
    world.time.now += HOUR
    return result


def refused(world: World, *words: str) -> RotationResult:
    steps = len(world.log.chain())
    result = go(world, ASKED)
    assert result.exit_code is ExitCode.REFUSED, result
    assert all(word in str(result.problem) for word in words), result.problem
    assert len(world.log.chain()) == steps, "nothing is recorded"
    assert str(result.next_step).endswith("--confirm-revoked --despite-use")
    assert go(world, DESPITE).state is RotationState.RETIRED
    return result


def test_a_runtime_that_was_left_out() -> None:
    world = ready("old", "new")
    quiet(world, skipping(SUPABASE))
    assert "--resume" in str(refused(world, SUPABASE, "runs on the old value").next_step)


def test_one_that_could_not_be_written_in_a_leak() -> None:
    world = ready("old", "new")
    unwritable(world.supabase, archived())
    quiet(world, LEAKED)
    refused(world, SUPABASE, "runs on the old value")


def test_a_key_that_somebody_put_back_beside_the_new_label() -> None:
    world = ready("old", "new")
    quiet(world, RotateRequest())
    cell = world.supabase.cells[NAME]
    world.supabase.cells[NAME] = replace(cell, value="old", marker=cell.marker + 1)
    again = refused(world, SUPABASE, f"{NAME} was written by somebody else since")
    assert "Write it once more" in str(again.next_step)


def test_where_nobody_can_look_a_person_is_told_and_not_held_up() -> None:
    world = ready("old", "new")
    quiet(world, RotateRequest())
    world.killer.on[f"observe {SUPABASE}"] = Unreachable("no answer", where=SUPABASE)
    assert go(world, ASKED).state is RotationState.RETIRED
    assert "Nobody could check whether the new value is still where it was written" in " ".join(world.told)


def test_what_was_written_and_not_deployed() -> None:
    world = ready("old", "new")
    quiet(world, RotateRequest(deploy=False))
    assert "Deploy it" in str(refused(world, world.vercel.uri, "has not been deployed").next_step)


def test_what_has_not_been_written_yet() -> None:
    world = ready("old", "new")
    world.killer.on = {f"write {SUPABASE} {NAME}": AccessDenied("403")}
    quiet(world, RotateRequest())
    refused(world, SUPABASE, "has not been written yet")


def test_a_production_that_somebody_has_rolled_back_since_the_proof() -> None:
    world, promote = pinned()
    promote()
    assert go(world).state is RotationState.PROVEN
    world.time.now += HOUR
    first = world.deployer.made[0]
    world.deployer.__class__ = type("Back", (type(world.deployer),), {"serving": property(lambda _: first)})
    assert "Promote" in str(refused(world, "production serves dpl_1").next_step)


def test_a_place_that_nothing_runs_on_is_listed_and_not_asked_about() -> None:
    world = ready("old", "new")
    quiet(world, skipping(GITHUB))
    result = go(world, ASKED)
    assert result.state is RotationState.RETIRED
    assert any(GITHUB in remark and "breaks" in remark for remark in result.remarks)


def test_a_service_that_does_not_answer_is_no_use() -> None:
    world = ready("old", "new")
    quiet(world, RotateRequest())
    world.killer.on = {f"current {world.deployer.place}": Unreachable("away")}
    assert go(world, ASKED).state is RotationState.RETIRED


def test_what_was_left_out_is_written_in_the_same_rotation_after_the_revocation_too() -> None:
    world = ready("old", "new")
    writable = unwritable(world.github[0], archived())
    assert go(world, LEAKED).state is RotationState.PROVEN
    retired = do(world, RotateAction.CONFIRM_REVOKED)
    assert retired.state is RotationState.RETIRED
    writable()
    after = do(world, RotateAction.RESUME)
    assert (after.rotation_id, after.state, after.next_step) == (retired.rotation_id, RotationState.PROVEN, None)
    assert world.github[0].values()[NAME] == "new"
    assert do(world, RotateAction.CONFIRM_REVOKED).rotation_id == retired.rotation_id


def test_as_long_as_it_cannot_be_written_the_next_step_says_so() -> None:
    world = ready("old", "new")
    writable = unwritable(world.github[0], archived())
    go(world, LEAKED)
    do(world, RotateAction.CONFIRM_REVOKED)
    world.killer.on = {f"write {GITHUB} {NAME}": archived()}
    stuck = do(world, RotateAction.RESUME)
    assert GITHUB in str(stuck.next_step)
    world.killer.on = {}
    writable()
    assert run_exactly(world, stuck).next_step is None


def test_a_leaked_value_that_nothing_is_known_of_any_more_is_to_be_revoked_all_the_same() -> None:
    world = ready("old", "new")
    read = world.vault._read

    def newest_alone(name: str, version: int | None) -> SecretVersion:
        if version == 1:
            raise NotFound("version 1 is not kept any more")
        return read(name, version)

    world.vault._read = newest_alone  # type: ignore[method-assign]
    result = go(world, LEAKED)
    assert result.state is RotationState.PROVEN
    assert "Revoke the value that leaked" in str(result.next_step)


def test_what_was_out_while_the_vault_was_away_is_to_be_revoked() -> None:
    world, vault = away()
    go(world, later())
    vault.away = False
    vault.put(NAME, NEW)
    after = go(world, RESUME)
    assert after.state is RotationState.PROVEN
    assert "Revoke the old value" in str(after.next_step)


@pytest.mark.parametrize("hours", [2, 20])
def test_who_used_the_old_value_hours_before_is_on_the_certificate(hours: int) -> None:
    world = ready("old", "new")
    world.time.now += 3 * HOUR
    use(world, "nightly", "1", ago=hours * 3600)
    result = go(world)
    assert result.certificate is not None
    (nightly,) = [one for one in result.certificate.consumers if one.source == "nightly"]
    assert isinstance(nightly, ConsumerRecord)
    assert nightly.old == 1
    used = world.time.wall() - timedelta(hours=hours)
    assert str(nightly.old_last)[:13] <= used.isoformat()[:13]


def test_what_was_given_up_after_it_was_written_and_is_brought_out_later_leaves_the_first_value_to_be_revoked() -> None:
    world = ready("old", "new")
    assert go(world, RotateRequest(deploy=False)).state is RotationState.PUSHED
    do(world, RotateAction.ABORT)
    after = go(world)
    assert after.state is RotationState.PROVEN
    assert "Revoke version 1" in str(after.next_step)
    world.time.now += HOUR
    world.app.silent = True
    assert go(world, ASKED).state is RotationState.RETIRED


def test_a_consumer_whose_credential_is_refused_is_named_and_not_asked_for_traffic() -> None:
    world = ready("old", "new")
    world.time.passing.append(lambda: world.log.append([failed_call(world, "cron")]))
    result = go(world)
    assert result.state is RotationState.UNPROVEN
    assert "which value cron holds" in str(result.next_step)
    world.time.passing.pop()
    world.time.now += 60
    assert run_exactly(world, result).state is RotationState.PROVEN
