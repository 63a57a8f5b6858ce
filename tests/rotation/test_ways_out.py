"""Every state that a rotation can end in names the command that leads out of it, and that very command does."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from releaseguard.cli.rotating import rotate as command
from releaseguard.deployments.interface import HostingDeployment, Phase
from releaseguard.errors import ExitCode, Refused, ServiceError, Unreachable, UsageError
from releaseguard.eventlog.interface import Query
from releaseguard.model import Event
from releaseguard.rotation.commands import rotate
from releaseguard.rotation.history.reading import fold
from releaseguard.rotation.result import RotationResult
from releaseguard.rotation.telling import text_of
from releaseguard.rotation.values import Cause, Leak, RotateAction, RotateRequest, RotationState
from releaseguard.secret import Secret
from releaseguard.vault.interface import ApprovalPending
from releaseguard.vault.source import ValueSource
from tests.rotation.rotation_fakes import CHAIN_KEY, NAME, Deployed, FakeDeployer, FakeDestination, World
from tests.rotation.test_rotation_states import LEAKED, PLAIN, WEBHOOK, assert_out, do, go, ready

LINE = re.compile(r"releaseguard rotate (?:(?!releaseguard)[^`;])*")


def named(text: str | None) -> list[str]:
    """The words of the last command that a next step names."""
    found = LINE.findall(text or "")
    assert found, f"no command is named in {text!r}"
    return shlex.split(found[-1])[2:]


def run_exactly(world: World, result: RotationResult, given: str | None = None) -> RotationResult:
    """What ``rotate`` does with exactly the words of the next step; ``given`` is on standard input."""
    return run_named(world, result.next_step, given)


def run_named(world: World, step: str | None, given: str | None = None) -> RotationResult:
    """What ``rotate`` does with exactly the words of the last command in ``step``."""
    parsed = command.rotate.make_context("rotate", named(step)).params
    flags = command.RotateFlags(**{name: parsed[name] for name in command.RotateFlags.__dataclass_fields__})
    command.check_flags(parsed["provider"], parsed["all_drifted"], flags)
    assert parsed["provider"] == world.card.id
    origin = ValueSource(flags.origin)
    values = {NAME: Secret(given)} if origin is ValueSource.STDIN and given else {}
    return rotate(command.request_of(flags, values), world.process(), world.tell)


def refused_in_a_leak() -> World:
    world = ready("old", "typo")
    world.app.refused = {"typo"}
    return world


def test_a_refused_value_is_not_carried_on_for_ever() -> None:
    world = refused_in_a_leak()
    result = go(world, LEAKED)
    assert result.state is RotationState.FAILED
    world.vault.put(NAME, "good")
    after = run_exactly(world, result)
    assert after.state is RotationState.PROVEN
    assert_out(world, "good")
    assert [pin.to_version for pin in after.secrets] == [3]


def test_resuming_after_a_refusal_goes_on_with_what_was_made_since_and_stays_a_leak() -> None:
    world = refused_in_a_leak()
    go(world, LEAKED)
    world.vault.put(NAME, "good")
    assert do(world, RotateAction.RESUME).state is RotationState.PROVEN
    assert_out(world, "good")
    assert fold(CHAIN_KEY, world.log.chain()).rotations[-1].leak == Leak("key in a public gist", {NAME: 1})
    with pytest.raises(Refused, match="version 2 of SENDGRID_API_KEY was refused by the provider"):
        do(world, RotateAction.ROLLBACK)


def test_resuming_a_refused_value_says_once_more_what_is_needed() -> None:
    world = refused_in_a_leak()
    first = go(world, LEAKED)
    again = do(world, RotateAction.RESUME)
    assert (again.state, again.next_step) == (RotationState.FAILED, first.next_step)


def test_a_refusal_that_has_ended_is_proven_by_the_same_value() -> None:
    world = refused_in_a_leak()
    go(world, LEAKED)
    world.app.refused = set()
    world.time.sleep(600)
    assert do(world, RotateAction.RESUME).state is RotationState.PROVEN
    assert_out(world, "typo")


def test_a_refused_value_from_standard_input_is_replaced_by_another_one() -> None:
    world = World()
    world.live_with("old")
    world.app.refused = {"typo"}
    result = go(world, replace(LEAKED, origin=ValueSource.STDIN, values={NAME: Secret("typo")}))
    assert result.state is RotationState.FAILED
    assert run_exactly(world, result, "good").state is RotationState.PROVEN
    assert_out(world, "good")


def test_a_refused_value_that_was_rolled_back_is_followed_by_another_one() -> None:
    world = ready("old", "typo")
    world.app.refused = {"typo"}
    result = go(world)
    assert result.state is RotationState.ROLLED_BACK
    world.vault.put(NAME, "good")
    assert run_exactly(world, result).state is RotationState.PROVEN


def deploy_by_hand(world: World) -> None:
    """Somebody deploys, some time after the push."""
    world.time.sleep(30)
    world.deployer.deploy("r2")
    world.time.sleep(30)


def _refusing(world: World, status: int) -> None:
    def refuse(*_: object) -> None:
        raise ServiceError("this deployment cannot be redeployed", status=status)

    world.deployer.redeploy = refuse  # type: ignore[method-assign,assignment]


@pytest.mark.parametrize("request_", [PLAIN, LEAKED], ids=["planned", "leak"])
@pytest.mark.parametrize("status", [400, 402, 409, 410, 422])
def test_what_is_deployed_by_hand_counts_where_the_service_will_not_deploy_again(
    request_: RotateRequest, status: int
) -> None:
    world = ready("old", "new")
    _refusing(world, status)
    result = go(world, request_)
    assert result.state is RotationState.PUSHED
    assert "Deploy it as you usually do" in str(result.next_step)
    deploy_by_hand(world)
    after = run_exactly(world, result)
    assert (after.state, after.rotation_id) == (RotationState.PROVEN, result.rotation_id)


@pytest.mark.parametrize(("later", "made"), [(8, 2), (30, 1)])
def test_a_deployment_of_somebody_elses_counts_where_it_is_younger_by_more_than_clocks_differ(
    later: float, made: int
) -> None:
    """Else one from before the push, dated by a clock that is ahead, would prove the new value by its id."""
    world = ready("old", "new")
    go(world, RotateRequest(deploy=False))
    world.time.now += later
    world.deployer.deploy("r2")
    world.time.now += 60
    do(world, RotateAction.RESUME)
    assert len(world.deployer.made) - 1 == made


def test_a_leaks_deployment_that_is_cancelled_is_made_by_hand() -> None:
    world = ready("old", "new")
    world.deployer.fails = "cancelled by the ignored build step"
    result = go(world, LEAKED)
    assert result.state is RotationState.FAILED
    deploy_by_hand(world)
    assert run_exactly(world, result).state is RotationState.PROVEN
    assert_out(world, "new")


def test_a_deployment_that_fails_both_ways_leaves_production_where_it_was() -> None:
    """It never left the deployment that holds the old value: putting that back everywhere else is enough."""
    world = ready("old", "new")
    world.deployer.fails = "cancelled"
    result = go(world)
    assert (result.state, result.proof.grade) == (RotationState.ROLLED_BACK, "A")
    assert_out(world, "old")
    pushed = run_exactly(world, result)
    assert pushed.state is RotationState.PUSHED
    deploy_by_hand(world)
    assert run_exactly(world, pushed).state is RotationState.PROVEN
    assert_out(world, "new")


def test_a_way_back_that_is_not_deployed_goes_on_backwards() -> None:
    world = ready("old", "typo")
    world.app.refused = {"typo"}

    class FailsOnTheWayBack(type(world.deployer)):  # type: ignore[misc]
        def _state(self, made: Deployed) -> HostingDeployment:
            failed = replace(made.deployment, phase=Phase.FAILED, state="ERROR", reason="out of minutes")
            return failed if made in self.made[2:] and made.meta else super()._state(made)

    world.deployer.__class__ = FailsOnTheWayBack
    result = go(world)
    assert (result.state, result.exit_code) == (RotationState.FAILED, 1)
    deploy_by_hand(world)
    after = run_exactly(world, result)
    assert after.state is RotationState.ROLLED_BACK
    assert_out(world, "old")


def pinned() -> tuple[World, Callable[[], None]]:
    """Production stays with what an instant rollback has pinned, until somebody promotes."""
    world = ready("old", "new")
    first = world.deployer.made[0]
    kept = {"pinned": True}
    serving = type(world.deployer).serving

    class Pinned(type(world.deployer)):  # type: ignore[misc]
        @property
        def serving(self) -> object:
            return first if kept["pinned"] else serving.fget(self)  # type: ignore[misc]

    world.deployer.__class__ = Pinned
    return world, lambda: kept.update(pinned=False)


@pytest.mark.parametrize("request_", [PLAIN, LEAKED], ids=["planned", "leak"])
def test_domains_that_are_pinned_are_said_to_be_and_not_waited_for_with_traffic(request_: RotateRequest) -> None:
    world, promote = pinned()
    result = go(world, request_)
    assert result.state is RotationState.UNPROVEN
    assert "production serves dpl_1 and not dpl_2" in " ".join(result.proof.missing)
    assert "Promote dpl_2" in str(result.next_step)
    assert "traffic" not in str(result.next_step)
    assert world.time.now < 300, "nothing that could come would prove it"
    promote()
    world.time.sleep(30)
    after = run_exactly(world, result)
    assert (after.state, after.rotation_id) == (RotationState.PROVEN, result.rotation_id)
    assert len([made for made in world.deployer.made if made.meta]) == 1


def test_domains_that_were_pinned_after_the_deployment_are_named_too() -> None:
    world = ready("old", "new")
    deployer = world.deployer

    def somebody_goes_back() -> None:
        if len(deployer.made) == 2 and deployer.serving is deployer.made[1] and world.time.now > 75:
            deployer.made.append(deployer.made[0])

    world.time.passing.insert(0, somebody_goes_back)
    world.app.says_version = False
    result = go(world)
    assert result.state is RotationState.UNPROVEN
    assert "in place of dpl_1" in str(result.next_step)


def test_a_consumer_that_stays_on_the_old_version_is_named_and_not_asked_for_traffic() -> None:
    world = ready("old", "new")
    kept = dict(world.supabase.values())
    world.supabase.values = lambda: kept  # type: ignore[method-assign]
    result = go(world)
    assert result.state is RotationState.UNPROVEN
    assert f"another version at {world.supabase.uri}" in str(result.next_step)
    world.supabase.values = FakeDestination.values.__get__(world.supabase)  # type: ignore[method-assign]
    world.time.sleep(60)
    assert run_exactly(world, result).state is RotationState.PROVEN


def test_missing_traffic_is_made_and_looked_at_again() -> None:
    world = ready("old", "new")
    world.app.silent = True
    result = go(world, RotateRequest(prove_within=timedelta(seconds=30)))
    assert (result.state, "traffic" in str(result.next_step)) == (RotationState.UNPROVEN, True)
    world.app.silent = False
    assert run_exactly(world, result).state is RotationState.PROVEN


def test_what_was_pushed_only_is_deployed_by_the_command_that_is_named() -> None:
    world = ready("old", "new")
    assert run_exactly(world, go(world, RotateRequest(deploy=False))).state is RotationState.PROVEN


def test_what_was_given_up_is_begun_again() -> None:
    world = ready("old", "new")
    world.app.silent = True
    go(world)
    result = do(world, RotateAction.ABORT)
    world.app.silent = False
    assert run_exactly(world, result).state is RotationState.PROVEN


def test_an_approval_that_was_given_is_gone_on_with() -> None:
    world = World()
    world.live_with("old")
    world.vault.write_raises = ApprovalPending("proposed")
    result = go(world, RotateRequest(origin=ValueSource.STDIN, values={NAME: Secret("typed")}))
    assert result.state is RotationState.WAITING_APPROVAL
    world.vault.put(NAME, "typed")
    assert run_exactly(world, result).state is RotationState.PROVEN


def test_what_somebody_else_stores_while_a_value_waits_for_approval_is_not_brought_out_as_that_value() -> None:
    world = World()
    world.live_with("old")
    world.vault.write_raises = ApprovalPending("proposed")
    go(world, RotateRequest(origin=ValueSource.STDIN, values={NAME: Secret("SG.ours-4d7a9b2c1e6f")}))
    world.vault.put(NAME, "SG.theirs-8a3f5c7d9b")
    result = do(world, RotateAction.RESUME)
    assert "version 2 is not the value that waits for an approval" in str(result.problem)
    assert (result.state, result.exit_code) == (RotationState.WAITING_APPROVAL, ExitCode.REFUSED)
    assert not any(event.event == "destination_push_started" for event in world.log.chain())
    world.vault.put(NAME, "SG.ours-4d7a9b2c1e6f")
    assert do(world, RotateAction.RESUME).state is RotationState.PROVEN


@pytest.mark.parametrize("step", ["destination_push_started", "deployment_requested", "rotation_rolled_back"])
def test_a_way_back_from_what_was_proven_is_unfinished_until_it_is_through(step: str) -> None:
    """A run that is killed on it leaves places on either value: that is no proof of the new one."""
    world = World()
    world.live_with("old")
    world.vault.put(NAME, "new")
    assert go(world).state is RotationState.PROVEN
    append = world.log.append_exclusively

    def killed(events: Sequence[Event]) -> Sequence[Event]:
        if events[0].event == step:
            raise Unreachable("the log is away")
        return append(events)

    world.log.append_exclusively = killed  # type: ignore[method-assign]
    assert do(world, RotateAction.ROLLBACK).exit_code is ExitCode.SERVICE
    world.log.append_exclusively = append  # type: ignore[method-assign]
    (unfinished,) = fold(CHAIN_KEY, world.log.chain()).unfinished
    assert unfinished.rolling_back
    world.time.now += 1000
    assert do(world, RotateAction.RESUME).state is RotationState.ROLLED_BACK
    assert {place.values()[NAME] for place in world.destinations} == {"old"}


def test_a_console_that_a_person_has_seen_to_is_gone_on_with() -> None:
    world = World()
    world.live_with("old")
    world.vault.put(WEBHOOK, "w1")
    result = go(world, RotateRequest(secret=WEBHOOK, origin=ValueSource.GENERATE))
    assert result.state is RotationState.WAITING_CONSOLE
    assert run_exactly(world, result).state is RotationState.UNPROVEN


def test_a_lost_previous_version_is_followed_by_another_value() -> None:
    world = ready("old", "typo")
    world.app.silent = True
    go(world)
    world.app.silent, world.app.refused = False, {"typo"}
    world.vault.kept[NAME][0] = replace(world.vault.kept[NAME][0], secret_id="another")
    result = go(world)
    assert result.state is RotationState.FAILED
    world.vault.put(NAME, "good")
    assert run_exactly(world, result).state is RotationState.PROVEN


def test_causes_are_kept_in_the_history() -> None:
    world = refused_in_a_leak()
    go(world, LEAKED)
    failed = [event for event in world.log.select(Query()) if event.event == "rotation_failed"]
    assert [event.detail["cause"] for event in failed] == [Cause.REFUSED.value]


def test_a_next_step_of_nothing_names_no_command() -> None:
    with pytest.raises((AssertionError, UsageError)):
        named(None)


def test_a_place_that_a_workflow_deploys_is_deployed_by_it_and_proven_after_its_end() -> None:
    """Edge functions that bake the value in: what runs has it once the workflow has run."""
    world = ready("old", "new")
    world.supabase.needs_deployment = True
    workflow = FakeDeployer(world.supabase.uri, world.supabase, world.time, world.killer)
    workflow.deploy("r1")
    workflow.serving_id = lambda target: None  # type: ignore[method-assign,assignment]
    world.time.sleep(60)
    process = world.process()
    context = replace(process, deployers={**process.deployers, world.supabase.uri: workflow})
    result = rotate(PLAIN, context, world.tell)
    assert result.state is RotationState.PROVEN
    assert [made.meta["releaseguardAttempt"] for made in workflow.made if made.meta] == ["forward-1"]
    done = {event.detail["place"] for event in world.log.chain() if event.event == "deployment_ready"}
    assert done == {"vercel:prj_1", world.supabase.uri}


def test_a_plan_of_what_is_out_says_first_that_nothing_changes() -> None:
    world = ready("old", "new")
    go(world)
    steps = len(world.log.chain())
    text = text_of(go(world, RotateRequest(dry_run=True)))
    assert text.startswith("No changes.")
    assert "version 2 is in use everywhere" in text
    assert "releaseguard rotate" not in text
    assert len(world.log.chain()) == steps


def test_a_plan_reads_like_a_plan() -> None:
    text = text_of(go(ready("old", "new"), RotateRequest(dry_run=True)))
    assert text.startswith("PLAN  sendgrid in production")
    assert "in all: 3 destinations, " in text
    assert "proof to expect: grade A" in text
    assert "PROVEN" not in text


def test_a_plan_expects_no_proof_where_none_can_come() -> None:
    from msgspec import structs

    world = ready("old", "new")
    world.card = structs.replace(world.card, secrets=(structs.replace(world.card.secrets[0], reach="client"),))
    text = text_of(go(world, RotateRequest(dry_run=True)))
    assert "proof: none is possible, for the reason below" in text
    assert "proof to expect" not in text
    assert "Installed apps hold this value" in text


def test_a_wait_says_how_many_proofs_are_there_who_is_on_the_old_version_and_until_when() -> None:
    world = ready("old", "new")
    kept = dict(world.supabase.values())
    world.supabase.values = lambda: kept  # type: ignore[method-assign]
    go(world)
    waits = [text for text in world.told if " proofs" in text]
    assert re.search(r"^\d+ of \d+ proofs, \d+ still from the old version, until \d\d:\d\d", waits[-1])
    assert len(waits) <= 17, "a line a minute"


def test_whoever_interrupts_is_told_what_was_written_and_how_to_go_on() -> None:
    world = ready("old", "new")
    world.killer.on = {"redeploy vercel:prj_1": KeyboardInterrupt()}
    with pytest.raises(KeyboardInterrupt):
        go(world)
    told = "\n".join(world.told)
    assert "Interrupted: rotation" in told
    assert f"Written: github:lovendo/app1, supabase:abcdefghijklmnopqrst, {world.vercel.uri}" in told
    assert told.endswith("releaseguard rotate sendgrid --resume")
    world.killer.on = {}
    world.time.now += 100
    assert do(world, RotateAction.RESUME).state is RotationState.PROVEN


def test_whoever_watches_sees_how_far_each_wait_is_and_is_told_nothing_beside_it() -> None:
    from releaseguard.eventlog.watching import Progress

    world = ready("old", "new")
    world.deployer.builds_for = 120
    kept = dict(world.supabase.values())
    world.supabase.values = lambda: kept  # type: ignore[method-assign]
    seen: list[Progress] = []
    rotate(PLAIN, replace(world.process(), watch=seen.append), world.tell)
    builds = [one for one in seen if "dpl_2 (vercel:prj_1) is BUILDING, until " in one.what]
    proofs = [one for one in seen if " of 6 proofs" in one.what]
    assert builds
    assert all(one.share is None for one in builds)
    assert {one.share for one in proofs} >= {0.5}
    assert not any(" proofs" in text or "BUILDING" in text for text in world.told)


def test_a_long_deployment_is_told_once_a_minute_where_nobody_watches() -> None:
    world = ready("old", "new")
    world.deployer.builds_for = 200
    go(world)
    lines = [text for text in world.told if "is BUILDING, until 10:2" in text]
    assert 2 <= len(lines) <= 4


def test_what_was_given_up_after_it_was_written_is_not_said_to_be_written_nowhere() -> None:
    world = World()
    world.live_with("old")
    world.vault.put(NAME, "new")
    go(world, RotateRequest(deploy=False))
    go(world, RotateRequest(action=RotateAction.ABORT))
    with pytest.raises(Refused, match=r"is over \(ABORTED\)"):
        go(world, RotateRequest(action=RotateAction.ROLLBACK))


def test_where_no_sources_are_said_the_proof_says_that_one_place_stood_for_all() -> None:
    world = ready("old", "new")
    world.sources = False
    step = str(go(world).next_step)
    assert f"The same events prove {world.vercel.uri}, {world.supabase.uri}" in step
    said = ready("old", "new")
    assert "The same events" not in str(go(said).next_step)
