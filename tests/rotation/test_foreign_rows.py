"""Rows that claim to be a rotation's: who can only insert changes nothing, who edits cannot hide or settle a leak."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from releaseguard.audit.chain import GENESIS, ChainKey, Draft, Head, event_hash, seal, step_id
from releaseguard.audit.histories import read_chain
from releaseguard.audit.integrity import verify_chain
from releaseguard.clocks import Clocks
from releaseguard.errors import ExitCode, LeaseHeld, Refused
from releaseguard.eventlog.interface import Query
from releaseguard.model import OURSELVES, Event, Outcome, new_id
from releaseguard.rotation.commands import rotate
from releaseguard.rotation.history import events as said
from releaseguard.rotation.history.disown import disown
from releaseguard.rotation.history.fold import view_of
from releaseguard.rotation.history.journal import Journal
from releaseguard.rotation.history.leaks import open_leaks
from releaseguard.rotation.history.reading import chain_query, chain_view, fold
from releaseguard.rotation.history.reading import read as read_lane
from releaseguard.rotation.history.rows import draft_of
from releaseguard.rotation.history.views import ChainView
from releaseguard.rotation.result import RotationResult
from releaseguard.rotation.values import RotateAction, RotateRequest, RotationState
from tests.rotation.rotation_fakes import CHAIN_KEY, NAME, FakeLog, Killer, Time, World

LEAKED = RotateRequest(leak=True, reason="key in a public gist")
LEASE = timedelta(seconds=30)


PLAIN = RotateRequest()


def go(world: World, request: RotateRequest = PLAIN) -> RotationResult:
    return rotate(request, world.process(), world.tell)


def do(world: World, action: RotateAction) -> RotationResult:
    return go(world, RotateRequest(action=action, despite_use=action is RotateAction.CONFIRM_REVOKED))


def leaking() -> World:
    """A world whose leaked value is replaced, and not confirmed to be revoked yet."""
    world = World()
    world.live_with("old")
    world.vault.put(NAME, "new")
    assert go(world, LEAKED).state is RotationState.PROVEN
    return world


def view(world: World) -> ChainView:
    return chain_view(world.log, CHAIN_KEY)


def row(event: str, *, step: int, id_: Any = None, **detail: Any) -> Event:
    """What somebody writes who knows names and keys, and has not read the log."""
    marks = {"provider": "sendgrid", "lane": str(CHAIN_KEY), "step": step, "previous": GENESIS, "hash": GENESIS}
    return Event(
        id=id_ or new_id(),
        occurred_at=Time().wall(),
        provider=OURSELVES,
        event=event,
        outcome=Outcome.SUCCESS,
        environment="production",
        detail={"holder": "mallory", "rotation_id": "r1", **marks, **detail},
    )


def own_ids(event: str, steps: Sequence[int], **detail: Any) -> list[Event]:
    """The same under the ids of those steps, with hashes that fit what they say and one another."""
    forged: list[Event] = []
    previous = GENESIS
    for step in steps:
        one = row(event, step=step, id_=step_id(CHAIN_KEY, step), previous=previous, **detail)
        previous = event_hash(one)
        forged.append(replace(one, detail={**one.detail, "hash": previous}))
    return forged


def forgeries(length: int, rotation: str) -> Mapping[str, list[Event]]:
    """``length``: of the chain. Whoever has not read the log does not know the rotation either, unless it was told."""
    after = range(length + 1, length + 60)
    return {
        "a retirement by name": [row("rotation_retired", step=length + 1, rotation_id=rotation)],
        "a proof by name": [row("rotation_proven", step=length + 1, rotation_id=rotation, grade="A")],
        "the lease": [row("rotation_lease_taken", step=length + 1, id_=step_id(CHAIN_KEY, length + 1))],
        "every id that comes": [row("rotation_lease_taken", step=n, id_=step_id(CHAIN_KEY, n)) for n in after],
        "every id that comes, as traffic": [
            replace(row("x", step=n, id_=step_id(CHAIN_KEY, n)), provider="sendgrid", detail={}) for n in after
        ],
        "a chain of its own": own_ids("rotation_retired", after),
        "a chain of its own from the start": own_ids("rotation_retired", range(1, length + 60)),
        "one step that names the rotation": own_ids("rotation_retired", [length + 1], rotation_id=rotation),
        "a leak": [row("rotation_planned", step=length + 1, unit=NAME, leak={"reason": "x", "versions": {NAME: 1}})],
        "steps of no number": [row("rotation_retired", step=step) for step in (2**53 - 1, -1, 0)],
    }


KINDS = sorted(forgeries(1, "r"))


@pytest.mark.parametrize("kind", KINDS)
def test_whoever_can_only_insert_changes_nothing_and_stops_nothing(kind: str) -> None:
    world = leaking()
    before = view(world)
    world.log.append(forgeries(len(world.log.chain()), before.rotations[0].id)[kind])
    after = view(world)
    assert replace(after, foreign=()) == replace(before, foreign=())
    assert [leak.leak.reason for leak in open_leaks(after)] == ["key in a public gist"]
    assert bool(after.foreign) is (kind != "every id that comes, as traffic")
    done = do(world, RotateAction.CONFIRM_REVOKED)
    assert (done.state, done.exit_code) == (RotationState.RETIRED, ExitCode.OK)
    assert not open_leaks(view(world))
    world.vault.put(NAME, "newer")
    assert go(world).state is RotationState.PROVEN
    assert [one.event for one in view(world).foreign] == [one.event for one in after.foreign]


@pytest.mark.parametrize("kind", KINDS)
def test_a_lane_that_was_never_rotated_can_be_rotated_all_the_same(kind: str) -> None:
    world = World()
    world.live_with("old")
    world.vault.put(NAME, "new")
    world.log.append([one for one in forgeries(0, "r1")[kind] if one.detail.get("step") != 1][:1])
    assert not view(world).rotations
    assert go(world).state is RotationState.PROVEN


def test_rows_of_ours_that_name_no_chain_are_foreign_too() -> None:
    from releaseguard.rotation.history.account import account_of
    from releaseguard.rotation.history.reading import read_log

    world = leaking()
    for name in said.TYPES:
        world.log.append([replace(row(name, step=1), detail={"provider": "sendgrid", "rotation_id": "r1"})])
    account = account_of(read_log(world.log, Query()))
    assert len(account.strangers) == len(said.TYPES)
    assert len(account.open_leaks) == 1


class Store:
    def __init__(self) -> None:
        self.time = Time()
        self.log = FakeLog(self.time, Killer())

    def journal(self, holder: str) -> Journal:
        journal = Journal(
            self.log, CHAIN_KEY, holder, LEASE, Clocks(self.time.elapsed, self.time.sleep, self.time.wall)
        )
        journal.load()
        return journal

    def forge(self, step: int) -> None:
        self.log.append([row("rotation_lease_taken", step=step, id_=step_id(CHAIN_KEY, step))])


@pytest.mark.parametrize("seen", ["both", "neither", "one"])
def test_two_runs_that_go_round_a_foreign_row_do_not_both_write_the_step(seen: str) -> None:
    store = Store()
    if seen == "both":
        store.forge(1)
    ada = store.journal("ada")
    if seen == "one":
        store.forge(1)
    bob = store.journal("bob")
    if seen == "neither":
        store.forge(1)
    ada.append(said.Planned(rotation_id="r1", unit=NAME))
    with pytest.raises(LeaseHeld, match="held by ada"):
        bob.append(said.Planned(rotation_id="r2", unit=NAME))
    assert [one.id for one in view_of(read_lane(CHAIN_KEY, store.log.judged(chain_query(CHAIN_KEY)))).rotations] == [
        "r1"
    ]


def test_in_any_order_of_reading_forging_and_writing_each_step_is_written_once() -> None:
    for seed in range(60):
        chance, store = random.Random(seed), Store()
        journals = [store.journal(f"run {number}") for number in range(3)]
        written = 0
        for _ in range(30):
            act = chance.randrange(3)
            if act == 0:
                store.forge(written + chance.randrange(1, 4))
            elif act == 1:
                chance.choice(journals).load()
            else:
                written += _tried(chance.choice(journals), chance.randrange(1, 3))
        chain = read_lane(CHAIN_KEY, store.log.judged(chain_query(CHAIN_KEY)))
        assert len(chain.steps) == written, seed
        assert not chain.breach(), seed


def _tried(journal: Journal, steps: int) -> int:
    try:
        journal.append(*(said.LeaseTaken() for _ in range(steps)))
    except LeaseHeld:
        journal._lost = None
        journal._held_since = None
        return 0
    return steps


def test_of_two_steps_that_fit_the_one_under_the_first_id_counts() -> None:
    (first,) = seal(CHAIN_KEY, None, [Draft("a", {})], occurred_at=Time().wall(), source="x")
    taken = {first.id}
    (second,) = seal(CHAIN_KEY, None, [Draft("b", {})], occurred_at=Time().wall(), source="x", taken=taken)
    chain = read_chain(CHAIN_KEY, [(second, None), (first, None)])
    assert [event.event for event in chain.steps] == ["a"]
    assert read_chain(CHAIN_KEY, [(second, None)]).steps == [second], (
        "whoever clears a foreign row away breaks no chain"
    )


def test_a_lease_that_was_recorded_far_ahead_of_the_stores_clock_is_not_believed() -> None:
    store = Store()
    ada = store.journal("ada")
    ada.append(said.Planned(rotation_id="r1", unit=NAME))
    (last,) = store.log.chain()
    store.log.rows[last.id] = replace(last, recorded_at=store.log.now() + timedelta(days=3650))
    assert store.journal("bob").held_by_another() is not None, "by its own clock it was written just now"
    store.time.now += 31
    assert store.journal("bob").held_by_another() is None
    bob = store.journal("bob")
    bob.wait_until_free(lambda _: None)
    bob.append(said.LeaseTaken(rotation_id="r1"))
    bob.wait_for_stragglers(timedelta(seconds=10), lambda _: None)
    assert store.time.now < 100


def test_a_lease_whose_every_time_lies_ahead_is_free() -> None:
    store = Store()
    ahead = store.time.wall() + timedelta(days=3650)
    (forged,) = seal(
        CHAIN_KEY, None, [draft_of(said.LeaseTaken(), "mallory")], occurred_at=ahead, source="releaseguard"
    )
    store.log.append([replace(forged, recorded_at=ahead)])
    assert store.journal("bob").held_by_another() is None


WRITING = (
    RotateAction.ROTATE,
    RotateAction.RESUME,
    RotateAction.ABORT,
    RotateAction.ROLLBACK,
    RotateAction.CONFIRM_REVOKED,
)


def edit(world: World, step: int, change: Callable[[Event], Event] | None) -> None:
    (found,) = [one for one in world.log.chain() if one.detail["step"] == step]
    del world.log.rows[found.id]
    if change:
        world.log.append([change(found)])


EDITS: Mapping[str, Callable[[Event], Event] | None] = {
    "deleted": None,
    "renamed": lambda one: replace(one, event="rotation_retired"),
    "emptied": lambda one: replace(one, detail={}),
    "of another lane": lambda one: replace(one, detail={**one.detail, "lane": "paytr@production"}),
    "of another number": lambda one: replace(one, detail={**one.detail, "step": 77}),
    "of another rotation": lambda one: replace(one, detail={**one.detail, "rotation_id": "r9"}),
}


@pytest.mark.parametrize("step", [1, 2, 3, 5])
@pytest.mark.parametrize("kind", EDITS)
def test_an_edited_step_settles_no_leak_and_nothing_is_done_on_top_of_it(kind: str, step: int) -> None:
    world = leaking()
    edit(world, step, EDITS[kind])
    broken = view(world)
    assert broken.breach is not None
    assert broken.breach.step == step
    # Step 1 reports the leak: where that is gone altogether, the break is what is left to be seen.
    gone = step == 1 and kind in ("deleted", "emptied", "renamed", "of another lane")
    assert len(open_leaks(broken)) == (0 if gone else 1)
    rows = dict(world.log.rows)
    for action in WRITING:
        with pytest.raises(Refused, match="is broken") as refusal:
            do(world, action)
        assert refusal.value.exit_code is ExitCode.REFUSED
        assert "audit verify" in str(refusal.value.next_step)
    assert world.log.rows == rows


def test_a_confirmed_revocation_behind_a_break_settles_nothing_and_a_forged_one_neither() -> None:
    world = leaking()
    do(world, RotateAction.CONFIRM_REVOKED)
    assert not open_leaks(view(world))
    edit(world, 3, None)
    assert len(open_leaks(view(world))) == 1


def test_a_second_leak_is_not_hidden_by_an_edit_of_the_step_that_reports_it() -> None:
    world = leaking()
    do(world, RotateAction.CONFIRM_REVOKED)
    world.vault.put(NAME, "newest")
    assert go(world, replace(LEAKED, reason="in a log")).state is RotationState.PROVEN
    (planned,) = [one for one in world.log.chain() if one.detail.get("reason") == "in a log"]
    edit(world, planned.detail["step"], lambda one: replace(one, outcome=Outcome.ERROR))
    broken = view(world)
    assert [(leak.leak.reason, leak.doubtful) for leak in open_leaks(broken)] == [("in a log", True)]
    assert broken.breach is not None
    assert broken.breach.step == planned.detail["step"]
    with pytest.raises(Refused):
        do(world, RotateAction.CONFIRM_REVOKED)


def test_a_person_who_has_looked_disowns_the_rows_and_rotations_go_on_from_there() -> None:
    world = leaking()
    edit(world, 5, None)
    world.time.now += 60
    process = world.process()
    journal = Journal(process.log, CHAIN_KEY, "ada", LEASE, process.clocks)
    journal.load()
    decided = disown(journal, "the backup is gone; looked at with Bob")
    assert decided.breach is None
    assert len(decided.foreign) == len(decided.disowned) > 3
    assert len(open_leaks(decided)) == 1, "the report is in a step that is believed"
    world.time.now += 60
    world.vault.put(NAME, "newer")
    assert go(world, replace(LEAKED, leaked_version=2)).state is RotationState.PROVEN
    assert view(world).breach is None
    with pytest.raises(Refused, match="believed or disowned"):
        disown(journal, "again")


def test_what_a_person_disowned_hides_nothing_that_is_broken_later() -> None:
    world = leaking()
    edit(world, 5, None)
    world.time.now += 60
    process = world.process()
    journal = Journal(process.log, CHAIN_KEY, "ada", LEASE, process.clocks)
    journal.load()
    disown(journal, "looked")
    world.time.now += 60
    world.vault.put(NAME, "newer")
    go(world)
    believed = read_lane(CHAIN_KEY, world.log.judged(chain_query(CHAIN_KEY))).steps
    del world.log.rows[believed[-5].id]
    assert view(world).breach is not None


def test_a_chain_is_verified_against_its_head_past_a_foreign_row() -> None:
    world = leaking()
    world.log.append([row("rotation_retired", step=3)])
    head = view(world).head
    assert isinstance(head, Head)
    problems = {finding.problem for finding in verify_chain(CHAIN_KEY, world.log.chain(), head)}
    assert not any("head" in problem for problem in problems)
    assert any("twice" in problem for problem in problems)


def test_a_lane_of_another_environment_is_another_chain() -> None:
    world = leaking()
    stolen = [replace(one, environment="staging") for one in world.log.chain()]
    assert fold(ChainKey("sendgrid", "staging"), stolen).rotations == ()
    assert fold(CHAIN_KEY, stolen).rotations == ()
