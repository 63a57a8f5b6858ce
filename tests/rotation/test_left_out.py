"""Destinations that cannot be written, or are left out by a person: told at once, on record, and never forgotten."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from releaseguard.cli.rotating import rotate as command
from releaseguard.compose.known.configuration import ADDRESSES
from releaseguard.destinations.interface import CostEstimate, NotOurs
from releaseguard.errors import AccessDenied, ExitCode, ReleaseguardError, Unreachable, UsageError
from releaseguard.rotation.left_out.choosing import chosen
from releaseguard.rotation.values import RotateAction, RotateRequest, RotationState
from tests.rotation.rotation_fakes import NAME, FakeDestination
from tests.rotation.test_rotation_states import LEAKED, PLAIN, assert_out, do, go, ready
from tests.rotation.test_ways_out import run_exactly

GITHUB = "github:lovendo/app1"
SUPABASE = "supabase:abcdefghijklmnopqrst"


def unwritable(place: FakeDestination, error: ReleaseguardError) -> Callable[[], None]:
    """Reading shows that ``place`` cannot be written, until the result is called."""

    def estimate(_: object) -> CostEstimate:
        raise error

    def push(_: object) -> None:
        raise error

    place.estimate = estimate  # type: ignore[method-assign,assignment]
    place.push = push  # type: ignore[method-assign,assignment]
    return lambda: (place.__dict__.pop("estimate"), place.__dict__.pop("push"), None)[2]


def archived() -> AccessDenied:
    return AccessDenied("403: the repository is archived", next_step="Unarchive it.")


def test_all_that_reading_shows_is_told_at_once_and_nothing_is_written() -> None:
    world = ready("old", "new")
    unwritable(world.github[0], archived())
    unwritable(world.supabase, NotOurs("kept by an integration"))
    with pytest.raises(ReleaseguardError) as caught:
        go(world)
    text = str(caught.value)
    assert "2 of 3 destinations" in text
    assert "archived" in text
    assert "kept by an integration" in text
    assert f"--skip {GITHUB}" in str(caught.value.next_step)
    assert not world.log.chain()
    assert_out(world, "old")
    with pytest.raises(ReleaseguardError, match="2 of 3"):
        go(world, RotateRequest(dry_run=True))


def test_a_single_problem_keeps_its_own_words_and_may_be_skipped() -> None:
    world = ready("old", "new")
    unwritable(world.github[0], archived())
    with pytest.raises(AccessDenied, match="the repository is archived") as caught:
        go(world)
    assert str(caught.value.next_step).startswith("Unarchive it. Or leave it out")


def test_a_leak_goes_on_with_what_production_runs_on() -> None:
    world = ready("old", "new")
    put_right = unwritable(world.github[0], archived())
    result = go(world, LEAKED)
    assert (result.state, result.exit_code) == (RotationState.PROVEN, ExitCode.OK)
    assert world.github[0].values()[NAME] == "old"
    assert [one.status for one in result.destinations if one.uri == GITHUB] == ["skipped"] * 2
    assert any(GITHUB in remark and "archived" in remark for remark in result.remarks)
    assert GITHUB in str(result.next_step)
    put_right()
    after = do(world, RotateAction.RESUME)
    assert (after.state, after.rotation_id) == (RotationState.PROVEN, result.rotation_id)
    assert_out(world, "new")
    assert not any("left out" in remark for remark in after.remarks)


def test_a_leak_with_one_runtime_on_the_old_value_is_unproven_and_never_says_revoke() -> None:
    world = ready("old", "new")
    put_right = unwritable(world.supabase, archived())
    result = go(world, LEAKED)
    assert (result.state, result.exit_code) == (RotationState.UNPROVEN, ExitCode.UNDECIDED)
    assert "evoke" not in str(result.next_step)
    assert SUPABASE in " ".join(result.proof.missing)
    put_right()
    after = run_exactly(world, result)
    assert (after.state, after.rotation_id) == (RotationState.PROVEN, result.rotation_id)
    assert_out(world, "new")


def test_a_leak_whose_production_cannot_be_written_at_all_is_told_and_not_begun() -> None:
    world = ready("old", "new")
    unwritable(world.supabase, archived())
    unwritable(world.vercel, archived())
    with pytest.raises(ReleaseguardError, match="2 of 3"):
        go(world, LEAKED)
    assert [event.event for event in world.log.chain()] == ["leak_reported"]


@pytest.mark.parametrize("error", [AccessDenied("403"), Unreachable("no answer")])
def test_what_a_leak_finds_unwritable_while_writing_is_gone_on_without(error: ReleaseguardError) -> None:
    world = ready("old", "new")
    world.killer.on = {f"write {GITHUB} {NAME}": error}
    result = go(world, LEAKED)
    assert result.state is RotationState.PROVEN
    assert {one.status for one in result.destinations if one.uri == GITHUB} == {"failed"}
    assert GITHUB in " ".join(result.remarks)
    world.killer.on = {}
    assert do(world, RotateAction.RESUME).state is RotationState.PROVEN
    assert_out(world, "new")


def test_without_a_leak_a_destination_that_is_not_written_stops_before_the_deployment() -> None:
    world = ready("old", "new")
    world.killer.on = {f"write {GITHUB} {NAME}": AccessDenied("403")}
    assert go(world).state is RotationState.STAGED


def skipping(*places: str, **more: object) -> RotateRequest:
    return replace(PLAIN, skip=places, reason="the project moves", **more)  # type: ignore[arg-type]


def test_a_skipped_destination_is_neither_looked_at_nor_written_and_that_is_on_record() -> None:
    world = ready("old", "new")
    unwritable(world.github[0], archived())
    result = go(world, skipping(GITHUB))
    assert result.state is RotationState.PROVEN
    assert "the project moves" in " ".join(result.remarks)
    (step,) = [event for event in world.log.chain() if event.event == "rotation_destinations_skipped"]
    assert [one["reason"] for one in step.detail["destinations"]] == ["the project moves"]


def test_a_skipped_runtime_leaves_it_unproven_until_it_is_written() -> None:
    world = ready("old", "new")
    result = go(world, skipping("vercel:prj_1"))
    assert (result.state, world.vercel.values()[NAME]) == (RotationState.UNPROVEN, "old")
    assert len(world.deployer.made) == 1, "what holds the old value is not deployed again"
    assert "evoke" not in str(result.next_step)
    after = run_exactly(world, result)
    assert (after.state, after.rotation_id) == (RotationState.PROVEN, result.rotation_id)
    assert_out(world, "new")


def test_a_skip_holds_for_the_rest_of_a_rotation_that_was_broken_off() -> None:
    world = ready("old", "new")
    world.killer.on = {f"write {SUPABASE} {NAME}": AccessDenied("403")}
    assert go(world, skipping(GITHUB)).state is RotationState.STAGED
    world.killer.on = {}
    assert do(world, RotateAction.RESUME).state is RotationState.PROVEN
    assert world.github[0].values()[NAME] == "old"


def test_one_that_stands_in_the_way_of_a_resume_may_be_skipped_then() -> None:
    world = ready("old", "new")
    world.killer.on = {f"write {GITHUB} {NAME}": AccessDenied("403")}
    go(world)
    assert go(world, skipping(GITHUB, action=RotateAction.RESUME)).state is RotationState.PROVEN


def test_a_plain_call_writes_what_was_left_out_in_the_same_rotation() -> None:
    world = ready("old", "new")
    first = go(world, skipping(GITHUB))
    again = go(world)
    assert (again.rotation_id, again.state) == (first.rotation_id, RotationState.PROVEN)
    assert_out(world, "new")


def test_rolling_back_leaves_alone_what_was_never_written() -> None:
    world = ready("old", "new")
    go(world, skipping(GITHUB))
    writes = dict(world.github[0].writes)
    assert do(world, RotateAction.ROLLBACK).state is RotationState.ROLLED_BACK
    assert world.github[0].writes == writes


def test_a_dry_run_says_what_would_be_left_out() -> None:
    world = ready("old", "new")
    plan = go(world, skipping(GITHUB, dry_run=True)).plan
    assert plan is not None
    assert [(one.uri, one.reason) for one in plan.left_out] == [(GITHUB, "the project moves")]
    assert GITHUB not in [one.uri for one in plan.destinations]
    assert plan.to_json()["left_out"] == [{"uri": GITHUB, "reason": "the project moves"}]


def test_a_place_is_meant_with_or_without_its_targets() -> None:
    world = ready("old", "new")
    for text in ("vercel:prj_1", world.vercel.uri):
        found = chosen(world.bindings(), [text], "x", ADDRESSES.parse)
        assert [one.uri for one in found.values()] == [world.vercel.uri]


@pytest.mark.parametrize(
    ("skip", "said"),
    [
        (("github:lovendo/other",), "is not a destination"),
        (("vercel:prj_1/development",), "is not a destination"),
        ((GITHUB, "vercel:prj_1", SUPABASE), "leaves every destination out"),
    ],
)
def test_what_cannot_be_skipped_is_said(skip: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        go(ready("old", "new"), skipping(*skip))


@pytest.mark.parametrize(
    "words",
    [("--skip", GITHUB), ("--skip", GITHUB, "--reason", "x", "--abort"), ("--reason", "x")],
)
def test_flags_that_make_no_sense_with_a_skip(words: tuple[str, ...]) -> None:
    parsed = command.rotate.make_context("rotate", ["sendgrid", *words]).params
    flags = command.RotateFlags(**{name: parsed[name] for name in command.RotateFlags.__dataclass_fields__})
    with pytest.raises(UsageError):
        command.check_flags("sendgrid", False, flags)


def test_confirming_a_revocation_lists_what_it_breaks() -> None:
    world = ready("old", "new")
    go(world, skipping(GITHUB))
    result = do(world, RotateAction.CONFIRM_REVOKED)
    assert any(GITHUB in remark and "breaks" in remark for remark in result.remarks)
