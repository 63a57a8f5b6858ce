"""A deployment keeps the variables of its day: where production goes back to an older one, the old value is in use."""

from __future__ import annotations

from datetime import timedelta

import pytest

from releaseguard.compose.known.configuration import ADDRESSES
from releaseguard.errors import NotFound, ServiceError
from releaseguard.rotation.drift.compare import DriftStatus
from releaseguard.rotation.drift.served import older_served
from releaseguard.rotation.drift.survey import Managed, survey
from releaseguard.rotation.history.reading import chain_view
from releaseguard.rotation.telling import text_of
from releaseguard.rotation.values import Grade, RotateAction, RotateRequest, RotationState
from tests.rotation.rotation_fakes import CHAIN_KEY, NAME, START, World
from tests.rotation.test_rotation_states import go
from tests.rotation.test_wrong_proofs import LABEL, ready, used


def back_by_hand(world: World) -> None:
    """Somebody has production serve the first deployment again: it holds the value of its day."""
    world.deployer.made.append(world.deployer.made.pop(0))


def proven() -> World:
    world = ready("old-value", "new-value")
    assert go(world).state is RotationState.PROVEN
    return world


def statuses(world: World) -> dict[str, tuple[DriftStatus, str]]:
    managed = Managed(
        card=world.card,
        chain_key=CHAIN_KEY,
        bindings=world.bindings(),
        configured=[one.address for one in world.destinations],
        read=ADDRESSES.parse,
        deployers={"vercel:prj_1": world.deployer},
    )
    found = survey([managed], world.vault, world.log, copies=False).findings
    return {one.uri: (one.status, one.reason) for one in found if one.secret == NAME}


@pytest.mark.parametrize("action", [RotateAction.ROTATE, RotateAction.RESUME])
def test_what_was_rolled_back_by_hand_is_brought_out_again_and_not_said_to_be_done(action: RotateAction) -> None:
    world = proven()
    back_by_hand(world)
    result = go(world, RotateRequest(action=action))
    assert "production serves dpl_1, which is older than dpl_2" in " ".join(world.told)
    assert "Nothing to do" not in " ".join(result.remarks)
    assert result.state is RotationState.PROVEN, result.proof
    serving = world.deployer.serving
    assert serving is not None
    assert serving.environment[NAME] == "new-value"
    assert "Nothing to do" in " ".join(go(world).remarks)


def test_after_the_revocation_too() -> None:
    world = proven()
    assert go(world, RotateRequest(action=RotateAction.CONFIRM_REVOKED, despite_use=True)).exit_code == 0
    back_by_hand(world)
    go(world)
    serving = world.deployer.serving
    assert serving is not None
    assert serving.environment[NAME] == "new-value"


def test_drift_shows_what_production_serves_and_not_only_what_is_stored() -> None:
    world = proven()
    assert {status for status, _ in statuses(world).values()} == {DriftStatus.IN_STEP}
    back_by_hand(world)
    seen = statuses(world)
    status, reason = seen.pop(world.vercel.uri)
    assert status is DriftStatus.BEHIND
    assert "production serves dpl_1, which is older than dpl_2" in reason
    assert {status for status, _ in seen.values()} == {DriftStatus.IN_STEP}


def test_drift_shows_what_was_written_and_never_deployed() -> None:
    world = ready("old-value", "new-value")
    assert go(world, RotateRequest(deploy=False)).state is RotationState.PUSHED
    go(world, RotateRequest(action=RotateAction.ABORT))
    status, reason = statuses(world)[world.vercel.uri]
    assert (status, "dpl_1, which was deployed before that was written" in reason) == (DriftStatus.BEHIND, True)
    world.time.now += 60
    world.deployer.deploy("r2")
    world.time.now += 60
    assert statuses(world)[world.vercel.uri][0] is DriftStatus.IN_STEP


def test_a_younger_deployment_is_no_roll_back() -> None:
    world = proven()
    world.time.now += 60
    world.deployer.deploy("r2")
    world.time.now += timedelta(minutes=5).total_seconds()
    assert statuses(world)[world.vercel.uri][0] is DriftStatus.IN_STEP
    assert "Nothing to do" in " ".join(go(world).remarks)


def test_where_our_deployment_is_there_no_more_nobody_can_tell() -> None:
    world = proven()
    back_by_hand(world)
    world.killer.on["get vercel:prj_1"] = NotFound("gone", where="vercel")
    rotation = chain_view(world.log, CHAIN_KEY).rotations[-1]
    assert list(older_served(rotation, {"vercel:prj_1": world.deployer})) == []


def test_the_certificate_is_made_anew_where_nothing_is_to_do() -> None:
    world = proven()
    first = go(world)
    world.time.now += 7200
    later = go(world)
    assert first.certificate is not None
    assert later.certificate is not None
    assert later.certificate.as_of > first.certificate.as_of
    assert "Wait until" in str(first.next_step)
    assert "Wait until" not in str(later.next_step)


def test_the_next_step_names_who_runs_on_the_old_value_and_who_was_not_seen() -> None:
    world = ready("old-value", "new-value")
    used(world, "1", source="nightly", occurred_at=START - timedelta(days=6))
    assert go(world).state is RotationState.PROVEN
    world.app.silent = True
    world.time.now += 60
    used(world, "1", source="web")
    after = str(go(world).next_step)
    assert "Last seen with the old value: nightly, web (vercel:prj_1/production,preview)." in after
    assert "Deploy or restart that first." in after
    assert "Wait until" in after


def test_in_a_leak_nobody_waits_and_a_stranger_holds_nobody_up() -> None:
    world = ready("old-value", "new-value")
    leak = RotateRequest(leak=True, reason="gist")
    result = go(world, leak)
    assert result.state is RotationState.PROVEN
    assert "Wait until" not in str(result.next_step)
    stolen = ready("old-value", "new-value")
    stolen.time.passing.append(lambda: used(stolen, "1", source="stranger"))
    result = go(stolen, leak)
    assert result.state is RotationState.UNPROVEN
    assert "stranger uses the value that leaked, and no sources name it" in str(result.next_step)
    assert "revoke that value at the provider now" in str(result.next_step)
    assert "--confirm-revoked --despite-use" in str(result.next_step)


def test_the_certificate_names_the_version_that_is_to_be_revoked_and_the_day_of_a_use() -> None:
    world = ready("old-value", "new-value")
    used(world, "1", source="weekly", occurred_at=START - timedelta(days=6))
    text = text_of(go(world))
    assert f"certificate of revocation of version 1 of {NAME}, as of 2026-11-24 10:" in text
    assert "old one last used 2026-11-18 10:00:00Z" in text
    back = go(world, RotateRequest(action=RotateAction.ROLLBACK))
    assert back.state is RotationState.ROLLED_BACK
    again = text_of(go(world, RotateRequest(action=RotateAction.CONFIRM_REVOKED)))
    assert f"certificate of revocation of version 2 of {NAME}" in again


def test_what_was_out_before_a_secret_was_created_anew_is_not_called_nothing() -> None:
    world = ready("old-value", "new-value")
    world.killer.on[f"write {world.github[0].uri} {NAME}"] = ServiceError("refused", where="github")
    go(world)
    world.killer.on.clear()
    world.vault.create_anew(NAME, "newest-value")
    world.time.now += 60
    result = go(world)
    assert result.state is RotationState.PROVEN, result.proof
    assert "Revoke the old value" in str(result.next_step)


@pytest.mark.parametrize("leak", [False, True])
def test_a_redeployment_that_a_release_has_overtaken_is_no_failure(leak: bool) -> None:
    world = ready("old-value", "new-value")
    shipped: list[str] = []

    def ships() -> None:
        if len(world.deployer.made) == 2 and world.time.now > 75:
            world.deployer.fails = "CANCELED"
            world.deployer.made[-1].ready_at += 60
            shipped.append(world.deployer.deploy("r2").id)

    world.time.passing.append(ships)
    world.deployer.builds_for = 30
    result = go(world, RotateRequest(leak=leak, reason="gist" if leak else None))
    assert shipped == ["dpl_3"]
    assert result.state is RotationState.PROVEN, result
    assert "dpl_3 was deployed after the push: that one counts" in " ".join(world.told)
    assert world.supabase.cells[NAME].value == "new-value"


@pytest.mark.parametrize(("sources", "source"), [(False, "our-own-worker"), (True, None)])
def test_where_it_is_not_said_who_it_is_nobody_is_a_stranger(sources: bool, source: str | None) -> None:
    world = ready("old-value", "new-value")
    world.sources = sources
    world.time.passing.append(lambda: used(world, "1", source=source))
    result = go(world, RotateRequest(leak=True, reason="gist"))
    assert result.state is RotationState.UNPROVEN
    assert "none of yours" not in str(result.next_step)
    assert "evoke" not in str(result.next_step)


def test_what_cannot_be_deployed_is_not_written_either() -> None:
    world = ready("old-value", "new-value")

    gone = NotFound("the workflow is not there", where="vercel:prj_1", next_step="Put it there.")
    world.deployer.why_not = lambda: gone  # type: ignore[method-assign]
    with pytest.raises(NotFound, match="the workflow is not there"):
        go(world)
    assert {one.values()[NAME] for one in world.destinations} == {"old-value"}
    assert go(world, RotateRequest(deploy=False)).state is RotationState.PUSHED


def test_a_version_that_was_stored_meanwhile_is_told_so_that_nobody_revokes_the_one_in_use() -> None:
    world = ready("old-value", "new-value")
    stored: list[int] = []

    def stores() -> None:
        if not stored and world.supabase.cells[NAME].value == "new-value":
            world.vault.put(NAME, "still-newer")
            stored.append(3)

    world.time.passing.append(stores)
    result = go(world)
    assert result.state is RotationState.PROVEN
    told = " ".join(world.told)
    assert f"The vault has version 3 of {NAME} by now, and the app runs on version 2: do not revoke that one." in told
    assert f"Revoke the old value (version 1 of {NAME})" in str(result.next_step)


def test_in_a_leak_what_leaked_is_named_beside_what_was_tried_in_between() -> None:
    world = ready("old-value", "typo")
    world.app.refused = {"typo"}
    leak = RotateRequest(leak=True, reason="gist")
    assert go(world, leak).state is RotationState.FAILED
    world.vault.put(NAME, "good")
    result = go(world, leak)
    assert result.state is RotationState.PROVEN, result
    assert f"version 1 of {NAME} and version 2 of {NAME}" in str(result.next_step)


def test_what_lacks_of_a_proof_on_the_way_back_is_not_called_new() -> None:
    world = ready("old-value", "new-value")
    assert go(world).state is RotationState.PROVEN
    world.app.silent = True
    result = go(world, RotateRequest(action=RotateAction.ROLLBACK))
    assert result.state is RotationState.ROLLED_BACK
    missing = " ".join(result.proof.missing)
    assert "with the version that was put back" in missing
    assert "with the new version" not in missing


def test_a_proof_by_the_deployment_alone_says_what_it_does_not_show() -> None:
    """Where rows name no value, a redeployment that keeps the variables of the one before looks like any other."""
    world = ready("old-value", "new-value")
    world.app.says_version = False
    world.supabase.runtime = False
    world.deployer.inherits = True
    result = go(world)
    assert (result.state, result.proof.grade) == (RotationState.PROVEN, Grade.B)
    assert "Grade B shows the new deployment, and not the value in it" in str(result.next_step)
    labelled = ready("old-value", "new-value")
    assert "Grade B" not in str(go(labelled).next_step)


def test_what_is_brought_out_once_more_was_in_use_before_and_is_no_use_of_the_old_value() -> None:
    world = proven()
    for _ in range(2):
        world.time.now += timedelta(hours=2).total_seconds()
        used(world, world.supabase.cells[LABEL].value, source="edge")
    back_by_hand(world)
    certificate = go(world).certificate
    assert certificate is not None
    (edge,) = [one for one in certificate.consumers if one.source == "edge"]
    assert (edge.old, edge.old_last) == (0, None), "its first process ran on the new value"
