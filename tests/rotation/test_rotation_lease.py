"""One run at a time: lease, fence, take-over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from releaseguard.audit.integrity import verify_chain
from releaseguard.clocks import Clocks
from releaseguard.errors import ExitCode, LeaseHeld, Unreachable
from releaseguard.rotation.commands import rotate
from releaseguard.rotation.history.events import LeaseTaken, Planned, Pushed, Staged
from releaseguard.rotation.history.journal import Journal, LeaseLost
from releaseguard.rotation.history.reading import fold
from releaseguard.rotation.values import RotateAction, RotateRequest, RotationState
from tests.rotation.rotation_fakes import CHAIN_KEY, NAME, FakeLog, Killed, Killer, Time, World

LEASE = timedelta(seconds=30)


class Store:
    """One log and one time; every journal is another machine's."""

    def __init__(self, offset: float = 0.0) -> None:
        self.time = Time()
        self.log = FakeLog(self.time, Killer(), offset)

    def journal(self, holder: str) -> Journal:
        journal = Journal(
            self.log, CHAIN_KEY, holder, LEASE, Clocks(self.time.elapsed, self.time.sleep, self.time.wall)
        )
        journal.load()
        return journal


def begun(rotation: str = "r1") -> Planned:
    return Planned(rotation_id=rotation, unit=NAME)


def quiet(_text: str) -> None:
    """Nobody listens."""


def test_a_second_run_is_told_who_holds_the_lease_and_since_when() -> None:
    store = Store()
    store.journal("ada").append(begun())
    with pytest.raises(LeaseHeld, match=r"held by ada since 2026-11-24T10:00:00") as caught:
        store.journal("bob").refuse_if_held()
    assert caught.value.exit_code is ExitCode.REFUSED
    assert "10:00:30" in str(caught.value.next_step)


def test_of_fifty_runs_that_saw_a_free_lease_one_proceeds_and_the_others_name_it() -> None:
    store = Store()
    journals = [store.journal(f"run {number}") for number in range(50)]
    won, lost = [], []
    for journal in journals:
        try:
            journal.append(begun(journal.holder))
            won.append(journal)
        except LeaseHeld as refusal:
            lost.append(refusal)
    assert (len(won), len(lost)) == (1, 49)
    assert all("run 0" in str(refusal) for refusal in lost)


@pytest.mark.parametrize(("seconds", "free"), [(29.9, False), (30.1, True)])
def test_a_dead_holders_lease_runs_out_on_the_stores_clock(seconds: float, free: bool) -> None:
    store = Store(offset=-7200.0)
    store.journal("ada").append(begun())
    store.time.now += seconds
    assert (store.journal("bob").held_by_another() is None) is free


def test_every_event_of_the_holder_renews_and_a_release_frees_at_once() -> None:
    store = Store()
    ada = store.journal("ada")
    ada.append(begun())
    store.time.now += 29
    ada.append(Staged(rotation_id="r1"))
    store.time.now += 29
    assert store.journal("bob").held_by_another() is not None
    ada.release()
    assert store.journal("bob").held_by_another() is None


def test_a_holder_that_slept_through_its_lease_sends_nothing_once_another_has_taken_over() -> None:
    store = Store()
    ada = store.journal("ada")
    ada.append(begun())
    store.time.now += 31
    bob = store.journal("bob")
    bob.append(LeaseTaken(rotation_id="r1"))
    with pytest.raises(LeaseLost, match="held by bob"):
        ada.ensure_held()
    with pytest.raises(LeaseLost):
        ada.append(Pushed(rotation_id="r1"))
    assert [event.event for event in bob.events] == ["rotation_planned", "rotation_lease_taken"]


def test_a_holder_whose_lease_ran_out_renews_before_its_next_request_where_nobody_came() -> None:
    store = Store()
    ada = store.journal("ada")
    ada.append(begun())
    store.time.now += 29.9
    ada.ensure_held()
    assert len(ada.events) == 1
    store.time.now += 0.2
    ada.ensure_held()
    assert [event.event for event in ada.events] == ["rotation_planned", "rotation_lease_renewed"]


def test_a_holder_that_is_fenced_off_before_its_lease_ends_loses_its_next_append() -> None:
    store = Store()
    ada, bob = store.journal("ada"), store.journal("bob")
    ada.append(begun())
    bob.load()
    bob.append(LeaseTaken(rotation_id="r1"))
    with pytest.raises(LeaseLost):
        ada.append(Pushed(rotation_id="r1"))


def test_an_append_without_an_answer_is_looked_up_before_the_next_one() -> None:
    store = Store()
    ada = store.journal("ada")
    ada.append(begun())
    write = store.log.append_exclusively

    def unanswered(events: object) -> object:
        write(events)  # type: ignore[arg-type]
        raise Unreachable("no answer")

    store.log.append_exclusively = unanswered  # type: ignore[method-assign,assignment]
    with pytest.raises(Unreachable):
        ada.append(Staged(rotation_id="r1"))
    store.log.append_exclusively = write  # type: ignore[method-assign]
    ada.append(Pushed(rotation_id="r1"))
    assert [event.event for event in ada.events] == ["rotation_planned", "rotation_staged", "rotation_pushed"]
    assert not verify_chain(CHAIN_KEY, store.log.chain())


def test_waiting_keeps_the_lease() -> None:
    store = Store()
    ada = store.journal("ada")
    ada.append(begun())
    ada.pause(200)
    assert store.journal("bob").held_by_another() is not None
    renewals = [event for event in ada.events if event.event == "rotation_lease_renewed"]
    assert 8 <= len(renewals) <= 12


def test_a_resume_waits_for_a_silent_holder_and_then_finds_the_lease_free() -> None:
    store = Store()
    store.journal("ada").append(begun())
    told: list[str] = []
    bob = store.journal("bob")
    bob.wait_until_free(told.append)
    assert bob.held_by_another() is None
    assert 30 <= store.time.now < 32
    assert "ada" in told[0]


def test_a_resume_gives_up_where_the_holder_turns_out_to_be_alive() -> None:
    store = Store()
    ada = store.journal("ada")
    ada.append(begun())

    def renews_at(second: float) -> Callable[[], None]:
        def passing() -> None:
            if store.time.now >= second and len(ada.events) == 1:
                ada.renew()

        return passing

    store.time.passing.append(renews_at(20))
    with pytest.raises(LeaseHeld, match="ada"):
        store.journal("bob").wait_until_free(quiet)


def test_a_successor_waits_until_the_predecessors_last_request_must_be_over() -> None:
    store = Store()
    store.journal("ada").append(begun())
    store.time.now += 30
    bob = store.journal("bob")
    bob.append(LeaseTaken(rotation_id="r1"))
    bob.wait_for_stragglers(timedelta(seconds=25), quiet)
    assert 55 <= store.time.now < 57
    assert store.journal("eve").held_by_another() is not None


def test_nobody_waits_for_a_predecessor_that_gave_its_lease_back() -> None:
    store = Store()
    ada = store.journal("ada")
    ada.append(begun())
    ada.release()
    bob = store.journal("bob")
    bob.append(LeaseTaken(rotation_id="r1"))
    bob.wait_for_stragglers(timedelta(seconds=25), quiet)
    assert store.time.now == 0


def test_the_fold_of_a_chain_is_the_same_whether_done_at_once_or_event_by_event() -> None:
    world = World()
    world.live_with("old")
    world.vault.put(NAME, "new")
    rotate(RotateRequest(), world.process(), world.tell)
    journal = Journal(world.log, CHAIN_KEY, "x", LEASE, Clocks())
    assert fold(CHAIN_KEY, reversed(world.log.chain())) == journal.load()


def test_a_zombie_that_wakes_up_in_the_middle_of_a_push_stops_and_the_successor_puts_it_right() -> None:
    world = World(github=2)
    world.live_with("old")
    world.vault.put(NAME, "new")

    def falls_asleep() -> None:
        world.github[0].on_write = lambda: None
        world.time.now += 100
        zombie_guard = world.killer.guard
        successor = world.process("successor")
        result = rotate(RotateRequest(action=RotateAction.RESUME), successor, world.tell)
        assert result.state is RotationState.PROVEN
        world.killer.guard = zombie_guard

    world.github[0].on_write = falls_asleep
    result = rotate(RotateRequest(), world.process("zombie"), world.tell)
    assert isinstance(result.problem, LeaseLost)
    assert result.exit_code is ExitCode.REFUSED
    assert "successor" in str(result.problem)
    assert all(destination.values()[NAME] == "new" for destination in world.destinations)
    assert not verify_chain(CHAIN_KEY, world.log.chain())


def test_a_late_write_of_a_dead_predecessor_is_found_by_reading_back_and_put_right() -> None:
    world = World(github=2)
    world.live_with("old")
    world.vault.put(NAME, "new")
    step = next(i for i, what in enumerate(_trace(), 1) if what.startswith("append deployment_requested"))
    world.killer.at = {step: "before"}
    with pytest.raises(Killed):
        rotate(RotateRequest(), world.process(), world.tell)
    world.killer.at = {}
    world.github[1].cells[NAME].value = "stale"
    world.github[1].cells[NAME].marker += 1
    result = rotate(RotateRequest(action=RotateAction.RESUME), world.process(), world.tell)
    assert result.state is RotationState.PROVEN
    assert world.github[1].values()[NAME] == "new"
    assert world.github[0].writes[NAME] == 1


def _trace() -> list[str]:
    world = World(github=2)
    world.live_with("old")
    world.vault.put(NAME, "new")
    rotate(RotateRequest(), world.process(), world.tell)
    return world.killer.trace


def test_variables_that_had_to_be_written_again_are_deployed_again() -> None:
    world = World()
    world.live_with("old")
    world.vault.put(NAME, "new")
    world.app.silent = True
    assert rotate(RotateRequest(), world.process(), world.tell).state is RotationState.UNPROVEN
    world.vercel.cells[NAME].value = "stale"
    world.vercel.cells[NAME].marker += 1
    world.app.silent = False
    result = rotate(RotateRequest(), world.process(), world.tell)
    assert result.state is RotationState.PROVEN
    serving = world.deployer.serving
    assert serving is not None
    assert serving.environment[NAME] == "new"
    assert len([made for made in world.deployer.made if made.meta]) == 2


def test_a_plain_second_run_while_the_first_works_sends_nothing_at_all() -> None:
    world = World()
    world.live_with("old")
    world.vault.put(NAME, "new")
    world.killer.at = {8: "before"}
    with pytest.raises(Killed):
        rotate(RotateRequest(), world.process("first"), world.tell)
    sent = world.killer.count
    with pytest.raises(LeaseHeld, match="first"):
        rotate(RotateRequest(), world.process("second"), world.tell)
    assert world.killer.count == sent


@pytest.mark.parametrize("write", [Journal.ensure_held, lambda ada: ada.append(begun("r2"))], ids=["renewal", "step"])
def test_a_log_that_is_reached_by_guarded_requests_is_written_once(
    monkeypatch: pytest.MonkeyPatch, write: Callable[[Journal], object]
) -> None:
    store = Store()
    ada, written = store.journal("ada"), store.log.append_exclusively
    ada.append(begun())

    def guarded(steps):
        ada.ensure_held()
        return written(steps)

    monkeypatch.setattr(store.log, "append_exclusively", guarded)
    before = len(store.log.rows)
    store.time.sleep(60)
    write(ada)
    assert len(store.log.rows) == before + 1
