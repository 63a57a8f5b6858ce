"""Places and deployments that a person does and confirms: recorded like any other, and part of what is proven."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from releaseguard.compose.known.configuration import ADDRESSES
from releaseguard.destinations.by_hand import ManualDestination
from releaseguard.errors import ExitCode
from releaseguard.model import Event, Outcome, new_id
from releaseguard.rotation.commands import rotate
from releaseguard.rotation.context import Binding, RotationContext
from releaseguard.rotation.history.reading import fold
from releaseguard.rotation.result import RotationResult
from releaseguard.rotation.telling import text_of
from releaseguard.rotation.values import Direction, RotateAction, RotateRequest, RotationState
from tests.rotation.rotation_fakes import CHAIN_KEY, NAME, World
from tests.rotation.test_rotation_states import LEAKED, PLAIN
from tests.rotation.test_ways_out import named

EAS = "manual:eas"
RESUME = RotateRequest(action=RotateAction.RESUME)


class HandWorld(World):
    """A worker on a server, too, whose variables a person writes."""

    def __init__(self, deployed_by: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.worker = {NAME: "old", NAME + "_VERSION": "1"}
        self.works = True
        self.rules = replace(self.rules, deployed_by=deployed_by or {})
        self.time.passing.append(self._work)
        self.hands = True
        self.runs: Sequence[str] | None = ("worker",)

    def _work(self) -> None:
        if not self.works:
            return
        refused = self.worker[NAME] in self.app.refused
        self.log.append(
            [
                Event(
                    id=new_id(),
                    occurred_at=self.time.wall(),
                    provider="sendgrid",
                    event="sendgrid_error" if refused else "sendgrid_email_sent",
                    outcome=Outcome.ERROR if refused else Outcome.SUCCESS,
                    error_code="401" if refused else None,
                    environment="production",
                    source="worker",
                    detail={"secret_version": self.worker[NAME + "_VERSION"]},
                )
            ]
        )

    def bindings(self) -> Sequence[Binding]:
        there = ManualDestination(ADDRESSES.parse(EAS))
        return [*super().bindings(), *([Binding(there, sources=self.runs)] if self.hands else [])]

    def process(self, name: str | None = None) -> RotationContext:
        made = super().process(name)
        by = self.rules.deployed_by
        for one in made.bindings:
            if one.destination.address.base in by:
                one.destination.runtime = one.destination.needs_deployment = True
        return replace(made, deployers={base: one for base, one in made.deployers.items() if base not in by})

    def write_by_hand(self, value: str = "new", version: str = "2") -> None:
        self.worker = {NAME: value, NAME + "_VERSION": version}


def begun(deployed_by: Mapping[str, str] | None = None) -> HandWorld:
    world = HandWorld(deployed_by)
    world.live_with("old")
    world.vault.put(NAME, "new")
    return world


def go(world: World, request: RotateRequest = PLAIN) -> RotationResult:
    return rotate(request, world.process(), world.tell)


def statuses(result: RotationResult) -> Mapping[str, str]:
    return {one.uri: one.status for one in result.destinations}


def names(world: World) -> list[str]:
    return [event.event for event in world.log.chain()]


@pytest.mark.parametrize("request_", [PLAIN, LEAKED], ids=["planned", "leak"])
def test_production_is_written_and_deployed_first_and_then_a_person_is_waited_for(request_: RotateRequest) -> None:
    world = begun()
    result = go(world, request_)
    assert (result.state, result.exit_code) == (RotationState.WAITING_CONSOLE, ExitCode.UNDECIDED)
    assert statuses(result) == {
        "github:lovendo/app1": "pushed",
        world.vercel.uri: "pushed",
        world.supabase.uri: "pushed",
        EAS: "pending",
    }
    assert {made.environment[NAME] for made in world.deployer.made[1:]} == {"new"}
    asked = f"{EAS}: write {NAME} (version 2 in the vault), and 2 as {NAME}_VERSION."
    assert str(result.next_step) == f"{asked} Then confirm it: releaseguard rotate sendgrid --resume"
    assert "rotation_proven" not in names(world)


def test_what_a_person_confirms_is_recorded_as_a_push_and_proven_by_who_runs_there() -> None:
    world = begun()
    first = go(world)
    world.write_by_hand()
    after = go(world, RESUME)
    assert (after.state, after.rotation_id) == (RotationState.PROVEN, first.rotation_id)
    assert statuses(after)[EAS] == "pushed"
    pushed = [event.detail["destinations"] for event in world.log.chain() if event.event == "destination_push_finished"]
    assert [one["uri"] for one in pushed[-1]] == [EAS]
    assert fold(CHAIN_KEY, world.log.chain()).written[EAS][NAME].version == 2


def test_a_confirmation_alone_proves_nothing_where_the_old_value_is_still_in_use() -> None:
    world = begun()
    go(world)
    after = go(world, RESUME)  # and nobody has written anything
    assert after.state is RotationState.UNPROVEN
    assert EAS in " ".join(after.proof.missing)
    assert f"another version at {EAS}" in str(after.next_step)


def test_a_plain_call_is_no_confirmation() -> None:
    world = begun()
    first = go(world)
    world.write_by_hand()
    again = go(world)
    assert (again.state, again.rotation_id) == (RotationState.WAITING_CONSOLE, first.rotation_id)
    assert names(world).count("rotation_waiting_console") == 1


def test_a_place_that_a_workflow_deploys_is_written_by_a_person_first() -> None:
    world = begun({"vercel:prj_1": "manual:vercel.dashboard"})
    result = go(world)
    assert result.state is RotationState.WAITING_CONSOLE
    assert "vercel:prj_1: deploy it (manual:vercel.dashboard)." in str(result.next_step)
    assert len(world.deployer.made) == 1, "no deployment of ours"
    world.write_by_hand()
    world.deployer.deploy("r2")
    world.time.sleep(30)
    assert go(world, RESUME).state is RotationState.PROVEN


def test_a_written_place_is_deployed_afterwards_also_where_a_person_does_both() -> None:
    world = begun({EAS: "manual:restart"})
    first = go(world)
    assert "restart" not in str(first.next_step)
    world.write_by_hand()
    second = go(world, RESUME)
    assert second.state is RotationState.WAITING_CONSOLE
    assert f"{EAS}: deploy it (manual:restart)" in str(second.next_step)
    assert go(world, RESUME).state is RotationState.PROVEN


def test_a_skipped_one_leaves_its_runtime_on_the_old_value() -> None:
    world = begun()
    result = go(world, replace(PLAIN, skip=(EAS,), reason="nobody is at the server"))
    assert result.state is RotationState.UNPROVEN
    assert "Revoke" not in str(result.next_step)
    world.write_by_hand()
    assert go(world, RESUME).state is RotationState.WAITING_CONSOLE
    assert go(world, RESUME).state is RotationState.PROVEN


def test_a_refused_value_is_taken_back_by_hand_too_and_only_where_somebody_was_asked() -> None:
    world = begun()
    world.app.refused = {"new"}
    first = go(world)
    world.write_by_hand()
    assert first.state is RotationState.WAITING_CONSOLE
    back = go(world, RESUME)
    assert back.state is RotationState.WAITING_CONSOLE
    assert f"{EAS}: write {NAME} (version 1 in the vault), and 1 as {NAME}_VERSION." in str(back.next_step)
    world.write_by_hand("old", "1")
    assert go(world, RESUME).state is RotationState.ROLLED_BACK


def test_what_fails_before_anybody_was_asked_goes_back_by_itself() -> None:
    world = begun()
    world.deployer.fails = "out of minutes"
    result = go(world)
    assert result.state is RotationState.ROLLED_BACK
    assert "rotation_waiting_console" not in names(world)


def test_a_person_can_take_it_back_while_it_waits_for_another() -> None:
    world = begun()
    go(world)
    back = go(world, RotateRequest(action=RotateAction.ROLLBACK))
    assert back.state is RotationState.WAITING_CONSOLE
    assert "version 1" in str(back.next_step)
    after = go(world, RESUME)
    assert after.state is RotationState.ROLLED_BACK
    assert (
        fold(CHAIN_KEY, world.log.chain()).rotations[-1].progress(Direction.BACK).destinations[EAS].status == "pushed"
    )


def test_a_place_that_holds_the_version_by_a_persons_word_is_not_asked_for_again() -> None:
    world = begun()
    go(world)
    world.write_by_hand()
    go(world, RESUME)
    world.github[0].cells[NAME].value = "changed by someone"
    again = go(world, RotateRequest(push_again=True))
    assert again.state is RotationState.PROVEN
    assert statuses(again)[EAS] == "pushed"


def test_a_rotation_that_only_a_person_writes_is_proven_like_any_other() -> None:
    world = begun()
    world.app.silent = True
    only = replace(world.process(), bindings=[one for one in world.bindings() if one.destination.uri == EAS])
    result = rotate(PLAIN, only, world.tell)
    assert result.state is RotationState.WAITING_CONSOLE
    world.write_by_hand()
    assert rotate(RESUME, replace(only, holder="b"), world.tell).state is RotationState.PROVEN


def test_the_plan_says_what_a_person_does() -> None:
    world = begun({"vercel:prj_1": "manual:vercel.dashboard"})
    text = text_of(go(world, replace(PLAIN, dry_run=True)))
    assert f"{EAS}: a person writes {NAME}, {NAME}_VERSION and confirms that" in text
    assert "vercel:prj_1: a person deploys it (manual:vercel.dashboard) and confirms that" in text


def test_a_killed_confirmation_is_confirmed_once() -> None:
    world = begun()
    result = go(world)
    world.write_by_hand()
    world.killer.on = {"append rotation_console_confirmed,destination_push_finished": KeyboardInterrupt()}
    with pytest.raises(KeyboardInterrupt):
        go(world, RESUME)
    world.killer.on = {}
    world.time.now += 100
    assert named(result.next_step) == ["sendgrid", "--resume"]
    assert go(world, RESUME).state is RotationState.PROVEN
    assert names(world).count("rotation_console_confirmed") == 1


@pytest.mark.parametrize("text", ["manual:", "manual:a/b", "manual:a b", "manual:-x"])
def test_what_names_no_place_of_a_persons(text: str) -> None:
    from releaseguard.errors import ConfigError

    with pytest.raises(ConfigError, match="manual"):
        ADDRESSES.parse(text)


def confirmed(runs: Sequence[str] | None) -> tuple[HandWorld, RotationResult]:
    """A place by hand of which that is said to run there, written and confirmed; nothing of it is ever heard."""
    world = begun()
    world.runs, world.works = runs, False
    go(world)
    world.write_by_hand()
    return world, go(world, RESUME)


def test_a_place_of_which_nobody_has_said_what_runs_there_says_so_and_how_to_say_it() -> None:
    world, result = confirmed(None)
    assert result.state is RotationState.UNPROVEN
    told = f"{EAS}: 0 of 3 successes with the new version; no source is said to run there, so nothing proves it"
    assert told in " ".join(result.proof.missing)
    assert str(result.next_step).startswith(f'Say what runs there: [providers.sendgrid.sources] "{EAS}" = ["..."]')
    world.runs, world.works = ("worker",), True
    assert go(world, RESUME).state is RotationState.PROVEN


def test_a_place_that_phones_alone_run_on_is_not_waited_for_with_traffic() -> None:
    _, result = confirmed(("client",))
    assert f"{EAS}: 0 of 3 successes with the new version; only phones are said to run there" in result.proof.missing[0]
    assert "traffic" not in str(result.next_step)
    assert str(result.next_step).endswith("--confirm-revoked")


@pytest.mark.parametrize(
    ("runs", "told"),
    [
        (None, f"{EAS}: no source is said to run there"),
        ((), f"{EAS}: no source is said to run there"),
        (("client",), f"{EAS}: only phones are said to run there"),
    ],
)
def test_that_is_said_before_anything_is_written(runs: Sequence[str] | None, told: str) -> None:
    world = begun()
    world.runs = runs
    assert any(told in remark for remark in go(world, replace(PLAIN, dry_run=True)).remarks)
    world.runs = ("worker",)
    assert not any(EAS in remark for remark in go(world, replace(PLAIN, dry_run=True)).remarks)


def test_where_nothing_is_said_of_any_place_every_source_speaks_for_it() -> None:
    world = begun()
    world.runs, world.sources = None, False
    assert not any("no source" in remark for remark in go(world, replace(PLAIN, dry_run=True)).remarks)
