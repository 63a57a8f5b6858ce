"""One of several processes that still runs on the old value is heard later than three successes are there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from releaseguard.model import Event, Outcome, new_id
from releaseguard.rotation.certificate.making import clocks_behind
from releaseguard.rotation.proof.values import Proof, RuntimeProof
from releaseguard.rotation.steps.settling import ENOUGH, LONGEST, settling_words
from releaseguard.rotation.values import Grade, RotateAction, RotateRequest, RotationState
from tests.rotation.rotation_fakes import NAME, START, World
from tests.rotation.test_wrong_proofs import LABEL, go, ready, used

WITHIN = timedelta(minutes=15)


def is_out(world: World) -> bool:
    return world.supabase.cells[LABEL].value == "2"


def often(world: World, times: int) -> None:
    """So many uses at each look, with what each place holds."""

    def comes() -> None:
        if is_out(world):
            for source in ("web", "edge"):
                for _ in range(times):
                    used(world, "2", source=source, correlation_id=str(new_id()))

    world.time.passing.append(comes)


def one_of_ten(world: World, after: float) -> None:
    """One process of the web stays on the old value; the first look that hears it comes ``after`` so many seconds."""
    began: list[float] = []

    def comes() -> None:
        if is_out(world):
            began.append(world.time.now)
            if world.time.now - began[0] >= after:
                used(world, "1", source="web", correlation_id=str(new_id()))

    world.time.passing.append(comes)


def test_a_process_on_the_old_value_that_is_heard_seconds_later_is_waited_for() -> None:
    world = ready("old-value", "new-value")
    one_of_ten(world, after=4)
    result = go(world, RotateRequest(prove_within=WITHIN))
    assert result.state is RotationState.UNPROVEN, result.proof
    assert "still runs with another version" in str(result.next_step)


def test_what_is_waited_for_is_said() -> None:
    settled = RuntimeProof(
        uri="supabase:a",
        grade=Grade.A,
        successes=5,
        needed=3,
        synthetic=0,
        events=(),
        missing=None,
        refused=False,
        refused_at_least_once=False,
    )
    proof = Proof(proven=True, grade=Grade.A, runtimes=[settled], missing=())
    assert settling_words(proof) == "3 of 3 proofs; looking on for a process that still runs on the old value"


def test_so_many_successes_that_it_would_have_been_heard_are_not_waited_on() -> None:
    taken = []
    for times in (1, ENOUGH):
        world = ready("old-value", "new-value")
        often(world, times)
        before = world.time.now
        assert go(world, RotateRequest(prove_within=WITHIN)).state is RotationState.PROVEN
        taken.append(world.time.now - before)
    assert taken[0] - taken[1] >= LONGEST / 2


def test_what_has_served_for_long_is_not_waited_on() -> None:
    world = ready("old-value", "new-value")
    assert go(world, RotateRequest(prove_within=timedelta())).state is RotationState.UNPROVEN
    world.time.sleep(WITHIN.total_seconds())
    for number in range(3):
        for source in ("web", "edge"):
            used(world, "2", source=source, correlation_id=f"{source}-{number}")
    before = world.time.now
    assert go(world, RotateRequest(action=RotateAction.RESUME, prove_within=WITHIN)).state is RotationState.PROVEN
    assert world.time.now - before < LONGEST


def test_when_the_time_is_over_what_is_there_counts() -> None:
    world = ready("old-value", "new-value")
    assert go(world, RotateRequest(prove_within=timedelta(seconds=20))).state is RotationState.PROVEN


def late(source: str, *, behind: timedelta, at_once: bool) -> list[Event]:
    row = Event(
        id=new_id(),
        occurred_at=START,
        provider="sendgrid",
        event="sendgrid_email_sent",
        outcome=Outcome.SUCCESS,
        environment="production",
        source=source,
    )
    moments = [START + timedelta(minutes=number) for number in range(5)]
    recorded = [(moments[-1] if at_once else one) + behind for one in moments]
    return [replace(row, occurred_at=one, recorded_at=two) for one, two in zip(moments, recorded, strict=True)]


def test_rows_that_came_one_by_one_show_a_clock_and_those_sent_at_once_do_not() -> None:
    hours = timedelta(hours=3)
    rows = [*late("slow", behind=hours, at_once=False), *late("kept", behind=hours, at_once=True)]
    assert clocks_behind([*rows, *late("right", behind=timedelta(), at_once=False)]) == {"slow": hours}


def test_a_worker_on_the_old_value_is_asked_about_however_far_its_clock_is_behind() -> None:
    world = ready("old-value", "new-value")

    def comes() -> None:
        if is_out(world):
            used(world, "1", source="worker", occurred_at=world.time.wall() - timedelta(hours=3))

    world.time.passing.append(comes)
    go(world)
    for _ in range(70):
        world.time.sleep(60)
    result = go(world, RotateRequest(action=RotateAction.CONFIRM_REVOKED))
    assert "worker used the old value 0 s ago" in str(result.problem)


def test_a_clock_that_is_behind_is_what_is_put_right_and_not_the_traffic() -> None:
    world = ready("old-value", "new-value")
    world.app.silent = True

    def comes() -> None:
        if is_out(world):
            for source in ("web", "edge"):
                used(world, "2", source=source, occurred_at=world.time.wall() - timedelta(hours=3))

    world.time.passing.append(comes)
    result = go(world, RotateRequest(prove_within=WITHIN))
    assert result.state is RotationState.UNPROVEN
    assert NAME in str(result.secrets)
    assert str(result.next_step).startswith("Set the clock of edge"), result.next_step
