"""Every state a rotation can stop in, and how it is taken on from there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec
import pytest

from releaseguard.audit.chain import ChainKey
from releaseguard.audit.integrity import verify_chain
from releaseguard.cards.spec import SecretSpec
from releaseguard.compose.known.configuration import ADDRESSES
from releaseguard.errors import (
    AccessDenied,
    ConfigError,
    ExitCode,
    NotFound,
    Refused,
    ServiceError,
    Undecided,
    Unreachable,
    UsageError,
)
from releaseguard.eventlog.interface import Query
from releaseguard.model import Event, Outcome, new_id
from releaseguard.rotation.commands import rotate
from releaseguard.rotation.context import Claim, OwnAccess
from releaseguard.rotation.drift.revocation import StillUsed, still_used
from releaseguard.rotation.history.leaks import open_leaks
from releaseguard.rotation.history.reading import fold
from releaseguard.rotation.result import RotationResult
from releaseguard.rotation.values import RotateAction, RotateRequest, RotationState
from releaseguard.secret import Secret
from releaseguard.vault.interface import ApprovalPending, SecretVersion
from releaseguard.vault.source import ValueSource
from tests.rotation.rotation_fakes import CHAIN_KEY, NAME, SENDGRID, FakeDestination, World

PLAIN = RotateRequest()
LEAKED = RotateRequest(leak=True, reason="key in a public gist")
WEBHOOK = "SENDGRID_WEBHOOK_KEY"


def ready(*versions: str) -> World:
    """``versions`` in the vault; the one before the last is out."""
    world = World()
    world.live_with(*versions[:-1])
    world.vault.put(NAME, versions[-1])
    return world


def go(world: World, request: RotateRequest = PLAIN) -> RotationResult:
    return rotate(request, world.process(), world.tell)


def do(world: World, action: RotateAction) -> RotationResult:
    """``action``; whoever confirms knows that the old value was in use until a moment ago."""
    return go(world, RotateRequest(action=action, despite_use=action is RotateAction.CONFIRM_REVOKED))


def assert_out(world: World, value: str) -> None:
    assert {destination.values()[NAME] for destination in world.destinations} == {value}


def test_a_version_that_is_out_and_proven_is_not_pushed_again() -> None:
    world = ready("old", "new")
    first = go(world)
    appended = len(world.log.chain())
    second = go(world)
    assert (second.state, second.exit_code, second.rotation_id) == (
        RotationState.PROVEN,
        ExitCode.OK,
        first.rotation_id,
    )
    assert "Nothing to do" in second.remarks[0]
    assert len(world.log.chain()) == appended


def test_resuming_what_is_finished_is_no_error_and_resuming_nothing_begins() -> None:
    world = ready("old", "new")
    assert do(world, RotateAction.RESUME).state is RotationState.PROVEN
    assert do(world, RotateAction.RESUME).exit_code is ExitCode.OK


def test_a_drifted_destination_is_written_again_on_request() -> None:
    world = ready("old", "new")
    go(world)
    world.github[0].cells[NAME].value = "changed by someone"
    result = go(world, RotateRequest(push_again=True))
    assert result.state is RotationState.PROVEN
    assert_out(world, "new")


def test_a_newer_version_supersedes_an_unfinished_rotation() -> None:
    world = ready("old", "broken")
    world.app.silent = True
    first = go(world)
    assert first.state is RotationState.UNPROVEN
    world.vault.put(NAME, "newer")
    world.app.silent = False
    second = go(world)
    assert second.state is RotationState.PROVEN
    assert second.rotation_id != first.rotation_id
    assert [(pin.from_version, pin.to_version) for pin in second.secrets] == [(2, 3)]
    aborted = [event for event in world.log.chain() if event.event == "rotation_aborted"]
    assert [event.detail["rotation_id"] for event in aborted] == [first.rotation_id]


def test_an_unproven_rotation_to_the_same_version_goes_on_at_the_proof() -> None:
    world = ready("old", "new")
    world.app.silent = True
    first = go(world)
    assert (first.state, first.exit_code) == (RotationState.UNPROVEN, ExitCode.UNDECIDED)
    assert "--resume" in str(first.next_step)
    writes = dict(world.github[0].writes)
    world.app.silent = False
    second = go(world)
    assert (second.state, second.rotation_id) == (RotationState.PROVEN, first.rotation_id)
    assert world.github[0].writes == writes


def test_no_time_for_the_proof_means_one_look_and_no_waiting() -> None:
    world = ready("old", "new")
    world.app.silent = True
    pushed = go(world, RotateRequest(deploy=False))
    assert pushed.state is RotationState.PUSHED
    before = world.time.now
    result = go(world, RotateRequest(action=RotateAction.RESUME, prove_within=timedelta(0)))
    assert result.state is RotationState.UNPROVEN
    assert world.time.now - before < 30, "only the deployment was waited for"


def test_an_older_version_never_overwrites_a_newer_one() -> None:
    world = ready("old", "new")
    go(world)
    del world.vault.kept[NAME][-1]
    with pytest.raises(Refused, match="version 2 was written"):
        go(world)
    assert_out(world, "new")


def test_a_secret_that_was_created_anew_is_another_one_and_may_start_at_one() -> None:
    world = ready("old", "new")
    go(world)
    world.vault.create_anew(NAME, "reborn")
    result = go(world)
    assert result.state is RotationState.PROVEN
    assert_out(world, "reborn")


def test_a_version_read_while_planning_is_read_again_by_a_resume_only() -> None:
    world = ready("old", "new")
    read, asked = world.vault.read, []

    def reading(name: str, version: int | None = None) -> SecretVersion:
        asked.append(version)
        return read(name, version)

    world.vault.read = reading  # type: ignore[method-assign]
    world.killer.on = {"write supabase:abcdefghijklmnopqrst SENDGRID_API_KEY": Unreachable("no answer")}
    go(world)
    assert asked == [None, 1], "the newest, and the one before it, which may be out"
    world.killer.on = {}
    world.time.now += 100
    assert do(world, RotateAction.RESUME).state is RotationState.PROVEN
    assert asked[2:] == [2, None], "the pinned one, and once it is proven whether there is a newer one"


def test_a_pinned_version_that_was_created_anew_meanwhile_is_not_pushed() -> None:
    world = ready("old", "new")
    world.app.silent = True
    world.killer.on = {"write supabase:abcdefghijklmnopqrst SENDGRID_API_KEY": Unreachable("no answer")}
    assert go(world).exit_code is ExitCode.SERVICE
    world.killer.on = {}
    world.vault.create_anew(NAME, "x")
    world.vault.put(NAME, "y")
    world.time.now += 100
    result = do(world, RotateAction.RESUME)
    assert isinstance(result.problem, NotFound)
    assert "created anew" in str(result.problem)
    assert world.supabase.values()[NAME] == "old"


def test_a_partial_push_says_what_is_right_and_what_is_not_and_is_never_success() -> None:
    world = ready("old", "new")
    world.killer.on = {f"write {world.supabase.uri} {NAME}": AccessDenied("403: no permission")}
    result = go(world)
    assert (result.state, result.exit_code) == (RotationState.STAGED, ExitCode.SERVICE)
    assert world.supabase.uri in str(result.problem)
    assert "github:lovendo/app1" in str(result.next_step)
    assert {(w.uri, w.status) for w in result.destinations} == {
        ("github:lovendo/app1", "pushed"),
        (world.vercel.uri, "pushed"),
        (world.supabase.uri, "failed"),
    }
    assert not [made for made in world.deployer.made if made.meta]
    world.killer.on = {}
    assert do(world, RotateAction.RESUME).state is RotationState.PROVEN
    assert world.github[0].writes[NAME] == 1


def test_after_a_request_without_an_answer_the_lease_is_left_to_run_out() -> None:
    world = ready("old", "new")
    world.killer.on = {"redeploy vercel:prj_1": Unreachable("no answer")}
    assert go(world).exit_code is ExitCode.SERVICE
    world.killer.on = {}
    began = world.time.now
    assert do(world, RotateAction.RESUME).state is RotationState.PROVEN
    assert world.time.now - began >= 30
    assert len([made for made in world.deployer.made if made.meta]) == 1


def test_a_deployment_whose_answer_was_lost_is_found_and_not_requested_again() -> None:
    world = ready("old", "new")
    redeploy = world.deployer.redeploy

    def unanswered(*args: object) -> object:
        redeploy(*args)  # type: ignore[arg-type]
        raise Unreachable("no answer")

    world.deployer.redeploy = unanswered  # type: ignore[method-assign,assignment]
    assert go(world).state is RotationState.PROVEN
    assert len([made for made in world.deployer.made if made.meta]) == 1


def test_a_deployment_that_never_ends_is_undecided() -> None:
    world = ready("old", "new")
    world.deployer.builds_for = 1e9
    result = go(world)
    assert isinstance(result.problem, Undecided)
    assert (result.state, result.exit_code) == (RotationState.PUSHED, ExitCode.UNDECIDED)


def test_a_missing_secret_is_a_clear_error_and_nothing_is_begun() -> None:
    world = World()
    with pytest.raises(NotFound):
        go(world)
    assert not world.log.chain()


def test_a_failed_deployment_rolls_back_with_a_redeploy_and_its_own_proof() -> None:
    world = ready("old", "new")
    world.deployer.fails = "build error"
    serving = world.deployer.serving

    def only_the_first_fails() -> None:
        if len([made for made in world.deployer.made if made.meta]) > 1:
            world.deployer.fails = None

    world.time.passing.insert(0, only_the_first_fails)
    result = go(world)
    assert (result.state, result.exit_code) == (RotationState.ROLLED_BACK, ExitCode.BAD)
    assert_out(world, "old")
    assert world.deployer.serving is not serving
    assert result.proof.grade == "A"
    assert {written.status for written in result.destinations} == {"rolled_back"}
    assert "build error" in " ".join(result.remarks)
    assert not verify_chain(CHAIN_KEY, world.log.chain(), result.head)


def test_authentication_errors_with_the_new_version_roll_back() -> None:
    world = ready("old", "typo")
    world.app.refused = {"typo"}
    result = go(world)
    assert (result.state, result.exit_code) == (RotationState.ROLLED_BACK, ExitCode.BAD)
    assert_out(world, "old")
    assert world.time.now < 300


def test_a_leaked_version_is_never_rolled_back_to() -> None:
    world = ready("old", "typo")
    world.app.refused = {"typo"}
    result = go(world, LEAKED)
    assert (result.state, result.exit_code) == (RotationState.FAILED, ExitCode.BAD)
    assert "leaked" in " ".join(result.remarks)
    assert_out(world, "typo")
    with pytest.raises(Refused, match="leaked"):
        do(world, RotateAction.ROLLBACK)


def test_where_an_older_version_leaked_the_one_that_was_out_may_come_back() -> None:
    world = ready("leaked", "fine", "typo")
    world.app.refused = {"typo"}
    result = go(world, RotateRequest(leak=True, reason="gist", leaked_version=1))
    assert result.state is RotationState.ROLLED_BACK
    assert_out(world, "fine")


def test_a_failed_leak_rotation_goes_forward_once_the_cause_is_gone() -> None:
    world = ready("old", "new")
    world.deployer.fails = "out of minutes"
    assert go(world, LEAKED).state is RotationState.FAILED
    world.deployer.fails = None
    result = go(world, LEAKED)
    assert result.state is RotationState.PROVEN
    assert_out(world, "new")


def test_after_a_recorded_revocation_there_is_no_way_back() -> None:
    world = ready("old", "new")
    go(world)
    do(world, RotateAction.CONFIRM_REVOKED)
    with pytest.raises(Refused, match="revoked"):
        do(world, RotateAction.ROLLBACK)
    assert_out(world, "new")


def test_an_unknown_previous_version_cannot_be_rolled_back_to() -> None:
    world = World()
    world.live_with("only")
    world.app.refused = {"only"}
    result = go(world)
    assert result.state is RotationState.FAILED
    assert "no previous version" in " ".join(result.remarks)


def test_a_previous_version_that_the_vault_has_lost_cannot_be_rolled_back_to() -> None:
    world = ready("old", "typo")
    world.app.silent = True
    go(world)
    world.app.silent, world.app.refused = False, {"typo"}
    world.vault.kept[NAME][0] = replace(world.vault.kept[NAME][0], secret_id="another")
    result = go(world)
    assert result.state is RotationState.FAILED
    assert_out(world, "typo")


def test_a_person_can_roll_back_and_it_is_proven_too() -> None:
    world = ready("old", "new")
    go(world)
    result = do(world, RotateAction.ROLLBACK)
    assert (result.state, result.proof.grade) == (RotationState.ROLLED_BACK, "A")
    assert_out(world, "old")
    assert go(world).state is RotationState.PROVEN, "the vault's newest is rotated to again"


def test_a_leak_without_a_newer_version_writes_nothing_and_is_open_all_the_same() -> None:
    world = World()
    world.live_with("leaked")
    with pytest.raises(Refused, match="so it is the one that leaked") as caught:
        go(world, replace(LEAKED, dry_run=True))
    assert not world.log.chain(), "a plan is for reading"
    for _ in range(2):
        with pytest.raises(Refused, match="leaked") as caught:
            go(world, LEAKED)
    assert caught.value.exit_code is ExitCode.REFUSED
    assert "--leaked-version" not in str(caught.value.next_step), "that takes nothing back that is on record"
    steps = [event.event for event in world.log.chain()]
    assert steps == ["leak_reported"], "once"
    assert [leak.leak.versions for leak in open_leaks(fold(CHAIN_KEY, world.log.chain()))] == [{NAME: 1}]
    world.vault.put(NAME, "fresh")
    assert go(world, LEAKED).revokes == [f"version 1 of {NAME}"]
    do(world, RotateAction.CONFIRM_REVOKED)
    assert not open_leaks(fold(CHAIN_KEY, world.log.chain()))


@pytest.mark.parametrize("action", [RotateAction.ROTATE, RotateAction.RESUME])
def test_the_value_that_leaked_is_not_brought_out_as_its_own_replacement(action: RotateAction) -> None:
    """It would be proven, and the leak told as contained: then somebody revokes the key that production uses."""
    world = ready("old", "new")
    go(world)
    with pytest.raises(Refused, match="that one leaked"):
        go(world, LEAKED)
    with pytest.raises(Refused, match="version 2, which leaked"):
        do(world, action)
    assert [leak.contained_at for leak in open_leaks(fold(CHAIN_KEY, world.log.chain()))] == [None]


def test_a_version_that_does_not_exist_is_no_leak() -> None:
    world = ready("old", "new")
    with pytest.raises(Refused, match="there is no version 99"):
        go(world, replace(LEAKED, leaked_version=99))
    assert not world.log.chain()


def test_the_version_that_was_pushed_last_is_the_one_that_leaked() -> None:
    world = ready("old", "new")
    go(world)
    with pytest.raises(Refused, match="that one leaked"):
        go(world, LEAKED)
    world.vault.put(NAME, "fresh")
    result = go(world, LEAKED)
    assert result.state is RotationState.PROVEN
    planned = [event for event in world.log.chain() if event.event == "rotation_planned"][-1]
    assert planned.detail["leak"] == {"reason": "key in a public gist", "versions": {NAME: 2}}


@pytest.mark.parametrize(
    "versions", [("leaked", "leaked"), ("earlier", "leaked", "earlier"), ("a", "b", "leaked", "a")]
)
def test_a_value_that_was_there_before_is_no_replacement(versions: tuple[str, ...]) -> None:
    world = ready(*versions)
    with pytest.raises(Refused, match="has the value of"):
        go(world, LEAKED)
    assert not any(event.event == "destination_push_started" for event in world.log.chain())


def test_what_a_readable_destination_holds_already_is_what_leaked() -> None:
    world = World()
    world.live_with("earlier", "leaked")
    with pytest.raises(Refused, match="holds already"):
        go(world, LEAKED)
    world.vault.put(NAME, "fresh")
    assert go(world, LEAKED).state is RotationState.PROVEN


def test_a_leak_stays_open_until_somebody_confirms_the_revocation() -> None:
    world = ready("old", "new")
    go(world, LEAKED)
    assert [leak.leak.versions for leak in open_leaks(fold(CHAIN_KEY, world.log.chain()))] == [{NAME: 1}]
    do(world, RotateAction.CONFIRM_REVOKED)
    assert not open_leaks(fold(CHAIN_KEY, world.log.chain()))


@pytest.mark.parametrize("origin", [ValueSource.VAULT, ValueSource.STDIN])
def test_a_leaked_value_does_not_come_back_as_a_new_version(origin: ValueSource) -> None:
    """Long after the leak was closed somebody stores the old key again, and nobody says --leak."""
    world = ready("leaked", "fresh")
    go(world, LEAKED)
    do(world, RotateAction.CONFIRM_REVOKED)
    values = {NAME: Secret("leaked")} if origin is ValueSource.STDIN else {}
    if origin is ValueSource.VAULT:
        world.vault.put(NAME, "leaked")
    steps, kept = len(world.log.chain()), len(world.vault.kept[NAME])
    with pytest.raises(Refused, match="version 1, which leaked"):
        go(world, RotateRequest(origin=origin, values=values))
    assert (len(world.log.chain()), len(world.vault.kept[NAME])) == (steps, kept)


def test_a_leak_found_while_its_replacement_is_on_the_way_joins_that_rotation() -> None:
    world = ready("old", "new")
    world.killer.on = {f"write {world.supabase.uri} {NAME}": AccessDenied("403")}
    first = go(world)
    world.killer.on = {}
    result = go(world, RotateRequest(leak=True, reason="gist", leaked_version=1))
    assert (result.state, result.rotation_id) == (RotationState.PROVEN, first.rotation_id)
    with pytest.raises(Refused, match="leaked"):
        do(world, RotateAction.ROLLBACK)


def _success(
    world: World, occurred: float, version: str = "1", event: str = "sendgrid_email_sent", **detail: str
) -> None:
    """The app used the provider ``occurred`` seconds from now, and the log learns of it now."""
    row = Event(
        id=new_id(),
        occurred_at=world.time.wall() + timedelta(seconds=occurred),
        provider="sendgrid",
        event=event,
        outcome=Outcome.SUCCESS,
        environment="production",
        source="cron",
        detail=detail or {"secret_version": version},
    )
    world.log.append([row])


def confirmed(*versions: str) -> World:
    """The newest version is out everywhere, and somebody has just said that the one before is revoked."""
    world = ready(*versions)
    go(world, LEAKED)
    assert do(world, RotateAction.CONFIRM_REVOKED).exit_code is ExitCode.OK
    world.app.silent = True
    return world


def look(world: World, others_events: Collection[str] = ()) -> list[StillUsed]:
    chain = fold(CHAIN_KEY, world.log.chain())
    return list(still_used(world.log, chain, {NAME: [NAME]}, {NAME: others_events}))


def test_the_version_of_another_secret_of_the_provider_is_no_use_of_this_one() -> None:
    """A webhook's key has versions of its own, and what it receives says nothing of the key that sends."""
    world = confirmed("old", "new")
    world.time.now += 10
    _success(world, -5, event="sendgrid_webhook_received")
    assert [one.successes for one in look(world)] == [1]
    assert look(world, {"sendgrid_webhook_received"}) == []
    assert look(world, {"sendgrid-webhook-received"}) == [], "in any spelling"
    assert do(world, RotateAction.CONFIRM_REVOKED).exit_code is ExitCode.OK
    _success(world, -4)
    assert [one.successes for one in look(world, {"sendgrid_webhook_received"})] == [1]


def test_confirming_a_revocation_says_when_the_old_value_still_works() -> None:
    world = confirmed("old", "new")
    world.time.now += 10
    _success(world, -60)
    assert do(world, RotateAction.CONFIRM_REVOKED).exit_code is ExitCode.OK, (
        "it occurred before and was only recorded later"
    )
    _success(world, -5)
    result = do(world, RotateAction.CONFIRM_REVOKED)
    assert (result.state, result.exit_code) == (RotationState.RETIRED, ExitCode.BAD)
    assert "cron" in " ".join(result.remarks)
    retired = [event for event in world.log.chain() if event.event == "rotation_retired"]
    assert len(retired) == 3, "always recorded"


def test_an_old_success_counts_however_long_ago_it_was_and_however_often_one_asks() -> None:
    world = confirmed("old", "new")
    world.time.now += 3 * 86400
    _success(world, -2 * 86400)
    for _ in range(2):
        result = do(world, RotateAction.CONFIRM_REVOKED)
        assert result.exit_code is ExitCode.BAD
        assert "1 success " in " ".join(result.remarks)
    assert [one.successes for one in look(world)] == [1]


def test_a_key_that_was_revoked_in_the_end_is_not_held_against_for_ever() -> None:
    world = confirmed("old", "new")
    world.time.now += 600
    _success(world, -60)
    assert do(world, RotateAction.CONFIRM_REVOKED).exit_code is ExitCode.BAD
    world.time.now += 59 * 60
    assert do(world, RotateAction.CONFIRM_REVOKED).exit_code is ExitCode.BAD
    world.time.now += 2 * 60
    assert do(world, RotateAction.CONFIRM_REVOKED).exit_code is ExitCode.OK, "quiet since it was confirmed anew"
    assert look(world) == []
    _success(world, -1800)
    assert do(world, RotateAction.CONFIRM_REVOKED).exit_code is ExitCode.BAD, "it occurred after it was confirmed anew"
    assert [one.successes for one in look(world)] == [1]


def test_a_confirmation_is_recorded_where_the_log_cannot_be_searched() -> None:
    world = ready("old", "new")
    go(world)
    select = world.log.select

    def failing(query: Query) -> Iterator[Event]:
        if query.outcome is Outcome.SUCCESS:
            raise Unreachable("silence")
        return select(query)

    world.log.select = failing  # type: ignore[method-assign]
    with pytest.raises(Unreachable):
        do(world, RotateAction.CONFIRM_REVOKED)
    (rotation,) = fold(CHAIN_KEY, world.log.chain()).rotations
    assert rotation.state is RotationState.RETIRED
    assert [one.old_successes for one in rotation.confirmations] == [None]


def test_what_is_confirmed_is_the_old_value_of_the_rotation_that_was_not_given_up() -> None:
    world = ready("old", "new")
    done = go(world)
    world.vault.put(NAME, "newer")
    world.killer.on = {f"write {place.uri} {NAME}": AccessDenied("403") for place in world.destinations}
    go(world)
    world.killer.on = {}
    do(world, RotateAction.ABORT)
    result = do(world, RotateAction.CONFIRM_REVOKED)
    assert (result.rotation_id, result.exit_code) == (done.rotation_id, ExitCode.OK)
    world.time.sleep(30)  # the app goes on with version 2, which the given-up rotation would have replaced
    assert do(world, RotateAction.CONFIRM_REVOKED).exit_code is ExitCode.OK
    assert look(world) == []


def test_a_later_version_is_not_an_old_one() -> None:
    world = confirmed("old", "new")
    world.app.silent = False
    world.vault.put(NAME, "newer")
    assert go(world).state is RotationState.PROVEN
    assert look(world) == [], "version 3 carries on, and version 2 is not said to be revoked"
    _success(world, 0)
    (still,) = look(world)
    assert (still.successes, still.source) == (1, "cron")
    assert still.next_step.endswith(f"--environment production --secret {NAME} --confirm-revoked")


def test_the_deployment_that_held_the_old_value_speaks_without_a_version_too() -> None:
    world = confirmed("old", "new")
    world.time.now += 10
    _success(world, -5, deployment_id="dpl_1")
    assert [one.successes for one in look(world)] == [1]
    _success(world, -5, deployment_id="dpl_2")
    assert [one.successes for one in look(world)] == [1]
    assert do(world, RotateAction.CONFIRM_REVOKED).exit_code is ExitCode.BAD


def test_nothing_is_looked_for_before_anybody_confirmed() -> None:
    world = ready("old", "new")
    go(world)
    _success(world, 0)
    assert look(world) == []


def test_a_value_from_standard_input_becomes_a_version_first() -> None:
    world = World()
    world.live_with("old")
    result = go(world, RotateRequest(origin=ValueSource.STDIN, values={NAME: Secret("typed")}))
    assert result.state is RotationState.PROVEN
    assert [(pin.from_version, pin.to_version) for pin in result.secrets] == [(1, 2)]
    assert_out(world, "typed")


def test_a_version_that_a_killed_run_made_is_not_made_again() -> None:
    world = World()
    world.live_with("old")
    request = RotateRequest(origin=ValueSource.STDIN, values={NAME: Secret("typed")})
    write = world.vault.write
    world.vault.write = lambda name, value: (write(name, value), _raise(Unreachable("no answer")))[0]  # type: ignore[method-assign]
    assert go(world, request).exit_code is ExitCode.SERVICE
    world.vault.write = write  # type: ignore[method-assign]
    world.time.now += 100
    result = do(world, RotateAction.RESUME)
    assert (result.state, len(world.vault.kept[NAME])) == (RotationState.PROVEN, 2)
    assert_out(world, "typed")


def _raise(error: Exception) -> None:
    raise error


def test_an_infisical_rotation_is_triggered_once() -> None:
    world = World()
    world.live_with("old")
    assert go(world, RotateRequest(origin=ValueSource.VAULT_ROTATION)).state is RotationState.PROVEN
    assert_out(world, "rotated-2")


def test_a_pending_approval_is_waited_for_and_not_asked_for_again() -> None:
    world = World()
    world.live_with("old")
    world.vault.write_raises = ApprovalPending("proposed")
    request = RotateRequest(origin=ValueSource.STDIN, values={NAME: Secret("typed")})
    result = go(world, request)
    assert (result.state, result.exit_code) == (RotationState.WAITING_APPROVAL, ExitCode.UNDECIDED)
    assert go(world, request).state is RotationState.WAITING_APPROVAL
    assert world.killer.trace.count(f"write {NAME}") == 1
    world.vault.put(NAME, "typed")
    assert do(world, RotateAction.RESUME).state is RotationState.PROVEN


def test_only_what_the_app_itself_issues_is_generated() -> None:
    world = World()
    world.live_with("old")
    with pytest.raises(UsageError):
        go(world, RotateRequest(origin=ValueSource.GENERATE))
    assert len(world.vault.kept[NAME]) == 1


def test_a_generated_value_waits_until_a_person_has_set_it_at_the_provider() -> None:
    world = World()
    world.live_with("old")
    world.vault.put(WEBHOOK, "w1")
    request = RotateRequest(secret=WEBHOOK, origin=ValueSource.GENERATE)
    result = go(world, request)
    assert (result.state, result.exit_code) == (RotationState.WAITING_CONSOLE, ExitCode.UNDECIDED)
    assert "Set it there." in str(result.next_step)
    assert WEBHOOK not in world.github[0].cells
    assert go(world, request).state is RotationState.WAITING_CONSOLE
    assert len(world.vault.kept[WEBHOOK]) == 2
    assert do(world, RotateAction.RESUME).state is RotationState.UNPROVEN
    assert world.github[0].values()[WEBHOOK] == world.vault.kept[WEBHOOK][1].value.reveal()


def test_a_leaked_value_typed_in_again_is_refused_before_anything_is_written() -> None:
    world = ready("earlier", "old")
    go(world)
    request = RotateRequest(origin=ValueSource.STDIN, values={NAME: Secret("earlier")}, leak=True, reason="gist")
    with pytest.raises(Refused, match="that of version 1"):
        go(world, request)
    assert len(world.vault.kept[NAME]) == 2
    assert_out(world, "old")


def unproven(origin: ValueSource, secret: str | None = None) -> World:
    """A world in which a value that was just made or typed in is out, and nothing proves it."""
    world = World()
    world.live_with("old")
    world.vault.put(WEBHOOK, "w1")
    world.app.silent = True
    values = {NAME: Secret("typed")} if origin is ValueSource.STDIN else {}
    go(world, RotateRequest(secret=secret, origin=origin, values=values))
    assert do(world, RotateAction.RESUME).state is RotationState.UNPROVEN
    return world


def test_a_generated_value_that_leaks_before_it_is_proven_is_replaced() -> None:
    world = unproven(ValueSource.GENERATE, WEBHOOK)
    result = go(world, replace(LEAKED, secret=WEBHOOK, origin=ValueSource.GENERATE))
    assert (result.state, result.secrets[0].to_version) == (RotationState.WAITING_CONSOLE, 3)
    assert go(world, replace(LEAKED, secret=WEBHOOK, origin=ValueSource.GENERATE)).secrets[0].to_version == 3


def test_a_value_of_infisicals_rotation_that_leaks_before_it_is_proven_is_replaced() -> None:
    world = unproven(ValueSource.VAULT_ROTATION)
    assert go(world, replace(LEAKED, origin=ValueSource.VAULT_ROTATION)).secrets[0].to_version == 3
    assert_out(world, "rotated-3")


def test_a_leaked_value_typed_in_again_is_refused_although_its_rotation_is_unfinished() -> None:
    world = unproven(ValueSource.STDIN)
    request = replace(LEAKED, origin=ValueSource.STDIN, values={NAME: Secret("typed")})
    with pytest.raises(Refused, match="that of version 2"):
        go(world, request)


def test_a_value_of_the_provider_is_not_made_up_while_a_rotation_is_unfinished() -> None:
    world = unproven(ValueSource.STDIN)
    with pytest.raises(UsageError, match="issued by the provider"):
        go(world, RotateRequest(origin=ValueSource.GENERATE))


def in_a_leak() -> World:
    """A world in which version 1 leaked and version 3, which came after version 2, is out and not proven."""
    world = World()
    world.live_with("first", "second")
    world.app.silent = True
    go(world)
    world.vault.put(NAME, "third")
    assert go(world, replace(LEAKED, leaked_version=1)).state is RotationState.UNPROVEN
    return world


def test_a_second_leaked_version_is_not_forgotten_while_the_rotation_of_the_first_is_unfinished() -> None:
    world = in_a_leak()
    go(world, replace(LEAKED, leaked_version=2))
    view = fold(CHAIN_KEY, world.log.chain())
    assert view.leaked(NAME) == {1, 2}
    assert sorted(leak.leak.versions[NAME] or 0 for leak in open_leaks(view)) == [1, 2]
    with pytest.raises(Refused):
        do(world, RotateAction.ROLLBACK)
    assert_out(world, "third")


def test_a_leak_of_the_version_that_is_being_brought_out_is_refused() -> None:
    world = in_a_leak()
    with pytest.raises(Refused, match="the newest version is 3, and that one leaked"):
        go(world, replace(LEAKED, leaked_version=3))
    assert fold(CHAIN_KEY, world.log.chain()).rotations[-1].state is RotationState.UNPROVEN, (
        "nothing was given up for it"
    )


def test_a_secret_kept_at_the_provider_has_steps_and_no_destination() -> None:
    world = World()
    world.live_with("old")
    manual = SecretSpec(name="EXPO_PUSH_KEY", from_="manual", steps={"en": "Upload it at Expo."})
    world.card = type(SENDGRID)(
        id="sendgrid",
        name="x",
        hosts=(),
        events=SENDGRID.events,
        playbook=SENDGRID.playbook,
        secrets=(manual,),
    )
    result = go(world)
    assert result.state is RotationState.WAITING_CONSOLE
    assert "Upload it at Expo." in str(result.next_step)
    assert do(world, RotateAction.RESUME).state is RotationState.UNPROVEN
    asked = go(world, RotateRequest(action=RotateAction.CONFIRM_REVOKED))
    assert asked.exit_code is ExitCode.REFUSED, "no success says which it used"
    confirmed = RotateRequest(action=RotateAction.CONFIRM_REVOKED, despite_use=True)
    assert go(world, confirmed).state is RotationState.RETIRED


def taken_back() -> World:
    """A world in which version 2 was rolled back to version 1."""
    world = ready("old", "new")
    go(world)
    assert do(world, RotateAction.ROLLBACK).state is RotationState.ROLLED_BACK
    return world


def test_resuming_what_was_rolled_back_does_not_bring_it_out_again() -> None:
    world = taken_back()
    result = do(world, RotateAction.RESUME)
    assert (result.state, result.exit_code) == (RotationState.ROLLED_BACK, ExitCode.BAD)
    assert_out(world, "old")


def test_what_was_rolled_back_is_behind_the_vault_and_not_pushed_again_for_that() -> None:
    """The nightly repair would take the provider down every night."""
    world = taken_back()
    result = go(world, replace(PLAIN, push_again=True))
    assert (result.state, result.exit_code) == (RotationState.ROLLED_BACK, ExitCode.BAD)
    assert "Nothing newer is in the vault." in result.remarks
    assert_out(world, "old")


def test_resuming_after_a_roll_back_goes_on_with_a_version_made_since() -> None:
    world = taken_back()
    world.vault.put(NAME, "newest")
    assert do(world, RotateAction.RESUME).state is RotationState.PROVEN
    assert_out(world, "newest")


def test_resuming_what_was_given_up_is_refused() -> None:
    world = ready("old", "new")
    world.app.silent = True
    go(world)
    do(world, RotateAction.ABORT)
    with pytest.raises(Refused, match="was given up"):
        do(world, RotateAction.RESUME)
    world.app.silent = False
    assert go(world).state is RotationState.PROVEN


def test_a_version_that_was_taken_back_and_revoked_is_neither_called_out_nor_brought_out() -> None:
    world = taken_back()
    assert do(world, RotateAction.CONFIRM_REVOKED).state is RotationState.RETIRED
    with pytest.raises(Refused, match="that of version 2, which is confirmed as revoked"):
        go(world)
    assert_out(world, "old")


def test_what_a_service_broke_off_is_to_be_resumed() -> None:
    world = ready("old", "new")
    broken = Unreachable("no answer", next_step="Look at Vercel.")
    world.deployer.redeploy = lambda source, meta: _raise(broken)  # type: ignore[method-assign,return-value,assignment]
    result = go(world)
    assert result.exit_code is ExitCode.SERVICE
    assert result.next_step == "Look at Vercel. Continue with `releaseguard rotate sendgrid --resume`."


@pytest.mark.parametrize("broken", ["github", "deployment"])
def test_what_was_not_brought_out_is_brought_out_after_a_confirmed_revocation(broken: str) -> None:
    world = ready("old", "new")
    if broken == "github":
        world.github[0].push = lambda items: _raise(AccessDenied("403"))  # type: ignore[method-assign,return-value,assignment]
        go(world)
        del world.github[0].push
    else:
        go(world, RotateRequest(deploy=False))
    assert do(world, RotateAction.CONFIRM_REVOKED).state is RotationState.RETIRED
    assert go(world).state is RotationState.PROVEN
    assert_out(world, "new")
    assert len(world.deployer.made) == 2


def test_a_dry_run_shows_the_plan_and_writes_nothing() -> None:
    world = ready("old", "new")
    result = go(world, RotateRequest(dry_run=True))
    assert result.plan is not None
    assert result.plan.deployments == (("vercel:prj_1", "production"),)
    assert {cost.service: cost.writes for cost in result.plan.costs} == {
        "infisical": 0,
        "github": 2,
        "vercel": 3,
        "supabase": 2,
    }
    assert not world.log.chain()
    assert_out(world, "old")


def test_pushing_without_deploying_stops_there_and_a_resume_deploys() -> None:
    world = ready("old", "new")
    result = go(world, RotateRequest(deploy=False))
    assert (result.state, result.exit_code) == (RotationState.PUSHED, ExitCode.UNDECIDED)
    assert len(world.deployer.made) == 1
    assert do(world, RotateAction.RESUME).state is RotationState.PROVEN


def test_whoever_deployed_himself_has_it_proven_without_another_deployment() -> None:
    world = ready("old", "new")
    go(world, RotateRequest(deploy=False))
    world.deployer.deploy()
    result = go(world, RotateRequest(action=RotateAction.RESUME, deploy=False))
    assert (result.state, result.proof.grade) == (RotationState.PROVEN, "A")
    assert len(world.deployer.made) == 2


def test_a_release_that_is_deployed_meanwhile_has_taken_the_new_version_over() -> None:
    world = ready("old", "new")
    world.app.says_version = False
    world.app.silent = True
    process = replace(world.process(), bindings=world.bindings()[:-1])

    def somebody_releases() -> None:
        if world.time.now > 100 and len(world.deployer.made) == 2:
            world.deployer.deploy("r2")
            world.app.silent = False

    world.time.passing.insert(0, somebody_releases)
    result = rotate(RotateRequest(), process, world.tell)
    assert (result.state, result.proof.grade) == (RotationState.PROVEN, "B")


def test_going_back_to_an_older_deployment_is_no_proof() -> None:
    world = ready("old", "new")
    world.app.says_version = False
    process = replace(world.process(), bindings=world.bindings()[:-1])

    def somebody_goes_back() -> None:
        if len(world.deployer.made) == 2 and world.deployer.serving is world.deployer.made[1]:
            world.deployer.made.append(world.deployer.made[0])

    world.time.passing.insert(0, somebody_goes_back)
    assert rotate(RotateRequest(), process, world.tell).state is RotationState.UNPROVEN


def test_giving_up_says_what_is_left() -> None:
    world = ready("old", "new")
    world.killer.on = {f"write {world.supabase.uri} {NAME}": AccessDenied("403")}
    go(world)
    result = do(world, RotateAction.ABORT)
    assert (result.state, result.exit_code) == (RotationState.ABORTED, ExitCode.OK)
    assert "github:lovendo/app1" in " ".join(result.remarks)
    with pytest.raises(Refused, match="nothing to abort"):
        do(world, RotateAction.ABORT)


STAGING = ChainKey("sendgrid", "staging")
MAPBOX = ChainKey("mapbox", "production")
OURS = "vercel:prj_1/production,preview"


def claimed(uri: str, name: str, owner: ChainKey, *, shared: bool = False) -> Claim:
    return Claim(ADDRESSES.parse(uri), name, owner, shared)


def test_two_owners_of_one_name_at_one_place_are_a_configuration_error() -> None:
    world = ready("old", "new")
    claims = (claimed(OURS, NAME, CHAIN_KEY), claimed("vercel:prj_1/preview", NAME, STAGING))
    with pytest.raises(ConfigError, match="both claim"):
        rotate(RotateRequest(), replace(world.process(), claims=claims), world.tell)
    shared = tuple(replace(claim, shared=True) for claim in claims)
    assert rotate(RotateRequest(), replace(world.process(), claims=shared), world.tell).state is RotationState.PROVEN


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (claimed("github:lovendo/app1", NAME, CHAIN_KEY), claimed("github:Lovendo/App1", NAME, MAPBOX)),
        (claimed("github:o/r@production", NAME, CHAIN_KEY), claimed("github:o/r@Production", NAME, STAGING)),
        (claimed("github:o/r", NAME, CHAIN_KEY), claimed("github:o/r", NAME.lower(), MAPBOX)),
        (claimed("github-dependabot:o/r", "a_key", CHAIN_KEY), claimed("github-dependabot:O/R", "A_KEY", MAPBOX)),
        (claimed(OURS, NAME, CHAIN_KEY), claimed("vercel:web/preview", NAME, STAGING)),
        (claimed(OURS, NAME, CHAIN_KEY), claimed("vercel:web/preview", NAME, CHAIN_KEY)),
        (claimed("github:o/r", NAME, CHAIN_KEY, shared=True), claimed("github:O/r", NAME, CHAIN_KEY, shared=True)),
    ],
)
@pytest.mark.parametrize("action", [RotateAction.ROTATE, RotateAction.RESUME, RotateAction.ROLLBACK])
def test_one_place_is_one_place_however_it_is_spelled(mine: Claim, theirs: Claim, action: RotateAction) -> None:
    world = ready("old", "new")
    world.vercel.spellings = [ADDRESSES.parse("vercel:web/production,preview"), ADDRESSES.parse(OURS)]
    for claims in ((mine, theirs), (theirs, mine)):
        with pytest.raises(ConfigError, match=r"both claim|twice"):
            rotate(RotateRequest(action=action), replace(world.process(), claims=claims), world.tell)
    assert not world.log.chain()
    assert not any(destination.writes for destination in world.destinations)


@pytest.mark.parametrize(
    "theirs",
    [
        claimed("vercel:admin/preview", NAME, STAGING),
        claimed("vercel:web/development", NAME, STAGING),
        claimed("vercel:web/preview", NAME.lower(), STAGING),
        claimed("github:o/r@staging", NAME, STAGING),
        claimed("vercel:web/preview", NAME, STAGING, shared=True),
    ],
)
def test_different_places_and_names_are_told_apart(theirs: Claim) -> None:
    world = ready("old", "new")
    world.vercel.spellings = [ADDRESSES.parse("vercel:web/production,preview"), ADDRESSES.parse(OURS)]
    mine = [claimed(OURS, NAME, CHAIN_KEY, shared=theirs.shared), claimed("github:o/r", NAME, CHAIN_KEY)]
    assert (
        rotate(RotateRequest(), replace(world.process(), claims=[*mine, theirs]), world.tell).state
        is RotationState.PROVEN
    )


def test_a_service_is_asked_for_its_names_only_where_they_decide() -> None:
    world = ready("old", "new")
    world.killer.on = {f"names {world.vercel.uri}": Unreachable("silence")}
    plain = [claimed(OURS, NAME, CHAIN_KEY), claimed("vercel:prj_2/preview", NAME, STAGING)]
    assert rotate(RotateRequest(dry_run=True), replace(world.process(), claims=plain), world.tell).plan
    doubtful = [claimed(OURS, NAME, CHAIN_KEY), claimed("vercel:web/preview", NAME, STAGING)]
    with pytest.raises(Unreachable):
        rotate(RotateRequest(), replace(world.process(), claims=doubtful), world.tell)
    assert not world.log.chain()


def standing_on(*accesses: OwnAccess) -> World:
    """A world whose card is that of the service we stand on."""
    world = ready("old", "new")
    world.card = type(SENDGRID)(
        id="sendgrid",
        name="Vercel",
        hosts=(),
        infrastructure="vercel",
        events=SENDGRID.events,
        playbook=SENDGRID.playbook,
        secrets=SENDGRID.secrets,
    )
    world.own_accesses = accesses
    return world


def own_access(old: str | None, new: str | None, try_new: Callable[[], None] = lambda: None) -> OwnAccess:
    return OwnAccess(
        variable="VERCEL_TOKEN",
        old=Secret(old) if old else None,
        new_variable="VERCEL_TOKEN_NEW",
        new=Secret(new) if new else None,
        try_new=try_new,
    )


@pytest.mark.parametrize(
    ("accesses", "said"),
    [
        ([], "stands on"),
        ([own_access("old", None)], "not set: VERCEL_TOKEN_NEW$"),
        ([own_access(None, "new")], "not set: VERCEL_TOKEN$"),
        ([own_access(None, None)], "not set: VERCEL_TOKEN, VERCEL_TOKEN_NEW$"),
        ([own_access("old", "new"), own_access("old", None)], "not set: VERCEL_TOKEN_NEW$"),
        ([own_access("same", "same")], "are the same$"),
    ],
)
@pytest.mark.parametrize("action", [RotateAction.ROTATE, RotateAction.ROLLBACK])
def test_our_own_access_is_not_rotated_from_under_us(
    accesses: list[OwnAccess], said: str, action: RotateAction
) -> None:
    world = standing_on(*accesses)
    with pytest.raises(Refused, match=said) as refused:
        do(world, action)
    if accesses:
        assert "VERCEL_TOKEN (the old one, in use) and VERCEL_TOKEN_NEW (the new one)" in str(refused.value.next_step)
    assert world.killer.trace == []


def test_with_both_accesses_our_own_key_is_rotated_and_the_variables_are_named_in_the_end() -> None:
    asked: list[int] = []
    world = standing_on(own_access("old", "new", lambda: asked.append(len(world.log.chain()))))
    result = go(world)
    assert result.state is RotationState.PROVEN
    assert asked == [0], "once, and before anything was written"
    assert "Give VERCEL_TOKEN the value of VERCEL_TOKEN_NEW and unset that." in str(result.next_step)
    assert "VERCEL_TOKEN_NEW is accepted." in world.told


def test_a_new_access_that_is_not_accepted_stops_it_before_anything_is_written() -> None:
    def refuse() -> None:
        raise AccessDenied("403")

    world = standing_on(own_access("old", "new", refuse))
    with pytest.raises(AccessDenied):
        go(world)
    assert not world.log.chain()
    assert not any(destination.writes for destination in world.destinations)


def test_an_unfinished_rotation_of_our_own_key_can_be_ended_with_the_new_access_alone() -> None:
    world = standing_on(own_access("old", "new"))
    world.app.silent = True
    assert go(world).state is RotationState.UNPROVEN
    world.app.silent = False
    world.own_accesses = (own_access("new", None),)
    with pytest.raises(Refused, match="not set"):
        do(world, RotateAction.RESUME)
    world.own_accesses = (own_access("new", "new"),)
    assert do(world, RotateAction.RESUME).state is RotationState.PROVEN


def test_what_writes_nothing_asks_for_no_access() -> None:
    world = standing_on(own_access("old", "new"))
    go(world)
    world.own_accesses = (own_access("new", None),)
    assert do(world, RotateAction.CONFIRM_REVOKED).state is RotationState.RETIRED


def test_a_value_in_installed_apps_is_never_proven_by_a_redeploy() -> None:
    world = ready("old", "new")
    world.card = type(SENDGRID)(
        id="sendgrid",
        name="x",
        hosts=(),
        events=SENDGRID.events,
        playbook=SENDGRID.playbook,
        secrets=(SecretSpec(name=NAME, reach="client", proven_by=("sendgrid_email_sent",)),),
    )
    result = go(world)
    assert (result.state, result.exit_code) == (RotationState.UNPROVEN, ExitCode.UNDECIDED)
    assert "installed apps" in result.proof.missing[0]
    assert str(result.next_step).startswith("When few events still come from releases")
    assert "--resume" not in str(result.next_step), "looking again would change nothing"


def test_revoking_a_value_in_installed_apps_says_first_whom_it_breaks() -> None:
    world = ready("old", "new")
    spec = SecretSpec(name=NAME, reach="client", proven_by=("sendgrid_email_sent",))
    world.card = msgspec.structs.replace(SENDGRID, secrets=(spec,))
    began = world.log.now()
    phones = [("v1", -3), ("v1", -2), ("v1", 1), ("v2", 5), ("v2", 6), ("v2", 7)]
    world.log.append([phone(release, began + timedelta(hours=hours)) for release, hours in phones])
    assert "100% of their events" in " ".join(go(world).remarks)
    world.time.sleep(8 * 3600)
    retired = do(world, RotateAction.CONFIRM_REVOKED)
    assert "50% of their events of the last day come from releases that hold the old value (v1)" in " ".join(
        retired.remarks
    )


def phone(release: str, at: datetime) -> Event:
    return Event(
        id=new_id(), occurred_at=at, provider="sendgrid", event="sendgrid_email_sent", outcome=Outcome.SUCCESS,
        environment="production", release=release, source="client",
    )  # fmt: skip


def test_without_a_runtime_destination_nothing_is_proven() -> None:
    world = ready("old", "new")
    process = world.process()
    process = replace(process, bindings=process.bindings[:1])
    result = rotate(RotateRequest(), process, world.tell)
    assert result.state is RotationState.UNPROVEN
    assert "No runtime destination" in result.proof.missing[0]
    assert str(result.next_step).endswith("rotate sendgrid --confirm-revoked"), "no traffic can prove it"


def test_thin_traffic_is_helped_by_the_cards_flow() -> None:
    world = ready("old", "new")
    world.app.silent = True
    world.card = _with_flow()
    runs = []

    def flow(identity: str) -> None:
        runs.append(identity)
        world.app.silent = False
        world.app.live()
        world.app.silent = True

    world.run_flow = flow
    result = go(world)
    assert result.state is RotationState.PROVEN
    assert runs == ["send"] * 3


def _with_flow() -> object:
    from releaseguard.cards.spec import FlowSpec, ProofSpec, StepSpec

    flow = FlowSpec(
        id="send",
        title={"en": "send"},
        steps=(StepSpec(name="send", path="/functions/v1/sendgrid-email"),),
        event="sendgrid_email_sent",
    )
    return type(SENDGRID)(
        id="sendgrid",
        name="x",
        hosts=(),
        events=SENDGRID.events,
        playbook=SENDGRID.playbook,
        secrets=SENDGRID.secrets,
        proof=ProofSpec(successes=3, flow="send"),
        flows=(flow,),
    )


def test_a_group_is_one_unit_with_one_deployment() -> None:
    world = World()
    members = tuple(
        SecretSpec(name=name, group="pair", companion=name.endswith("TOKEN"), proven_by=("sendgrid_email_sent",))
        for name in ("TWILIO_SID", "TWILIO_TOKEN")
    )
    world.card = type(SENDGRID)(
        id="sendgrid", name="x", hosts=(), events=SENDGRID.events, playbook=SENDGRID.playbook, secrets=members
    )
    world.live_with("unrelated")
    world.vault.put("TWILIO_SID", "sid")
    world.vault.put("TWILIO_TOKEN", "t1", "t2")
    world.app.silent = True
    result = go(world)
    assert [(pin.name, pin.from_version, pin.to_version) for pin in result.secrets] == [
        ("TWILIO_SID", None, 1),
        ("TWILIO_TOKEN", 1, 2),
    ]
    assert len([made for made in world.deployer.made if made.meta]) == 1
    serving = world.deployer.serving
    assert serving is not None
    assert {
        "TWILIO_SID": "sid",
        "TWILIO_TOKEN": "t2",
        "TWILIO_TOKEN_VERSION": "2",
    }.items() <= serving.environment.items()


def test_no_event_holds_a_value() -> None:
    world = ready("canary-old-4711", "canary-new-4712")
    go(world, LEAKED)
    do(world, RotateAction.CONFIRM_REVOKED)
    assert "canary" not in repr(world.log.chain())
    assert "canary" not in " ".join(world.told)


def test_a_destination_renames() -> None:
    world = ready("old", "new")
    process = world.process()
    renamed = replace(process.bindings[0], names={NAME: ("MAIL_KEY",)})
    result = rotate(RotateRequest(), replace(process, bindings=(renamed, *process.bindings[1:])), world.tell)
    assert result.state is RotationState.PROVEN
    assert world.github[0].values()["MAIL_KEY"] == "new"
    assert world.github[0].values()["MAIL_KEY_VERSION"] == "2"
    assert any(written.name == "MAIL_KEY" for written in result.destinations)


def test_dependabots_store_has_no_room_for_a_companion() -> None:
    world = ready("old", "new")
    extra = FakeDestination("github-dependabot:lovendo/app", world.killer)
    process = world.process()
    bindings = (*process.bindings, type(process.bindings[0])(extra))
    assert rotate(RotateRequest(), replace(process, bindings=bindings), world.tell).state is RotationState.PROVEN
    assert extra.values() == {NAME: "new"}


def test_service_errors_while_planning_begin_nothing() -> None:
    world = ready("old", "new")
    world.killer.on = {f"forecast {world.vercel.uri}": ServiceError("500")}
    with pytest.raises(ServiceError):
        go(world)
    assert not world.log.chain()


def test_a_next_step_means_the_environment_and_the_unit_that_it_speaks_of() -> None:
    world = World()
    world.live_with("old")
    world.vault.put(NAME, "new")
    elsewhere = replace(world.process(), usual_environment="staging")
    planned = rotate(RotateRequest(dry_run=True, leak=True, reason="in a gist"), elsewhere, world.tell)
    assert planned.next_step == (
        "releaseguard rotate sendgrid --environment production --leak --reason 'in a gist' --yes"
    )
    world.vault.put(WEBHOOK, "w1")
    waiting = rotate(RotateRequest(secret=WEBHOOK), elsewhere, world.tell)
    assert str(waiting.next_step).endswith(
        f"releaseguard rotate sendgrid --environment production --secret {WEBHOOK} --resume"
    )


def test_an_empty_value_in_the_vault_is_never_pushed() -> None:
    world = World()
    world.live_with("old")
    world.vault.put(NAME, "")
    with pytest.raises(Refused, match="version 2 is empty"):
        go(world)
    assert_out(world, "old")
