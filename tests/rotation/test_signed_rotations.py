"""With a signing key: who reads the log, computes every hash rightly and inserts, still forges nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from releaseguard.audit.chain import Head, seal
from releaseguard.audit.histories import read_chain
from releaseguard.audit.integrity import verify_chain
from releaseguard.errors import ExitCode, Refused
from releaseguard.eventlog.interface import EventLog, Query
from releaseguard.eventlog.signing.keys import VARIABLE, Key, Keyring
from releaseguard.eventlog.signing.log import SignedLog
from releaseguard.model import OURSELVES, Event
from releaseguard.rotation.commands import rotate
from releaseguard.rotation.history import events as said
from releaseguard.rotation.history.leaks import open_leaks
from releaseguard.rotation.history.parts import LeakReport
from releaseguard.rotation.history.reading import chain_query, chain_view, read
from releaseguard.rotation.history.rows import draft_of
from releaseguard.rotation.history.views import ChainView
from releaseguard.rotation.result import RotationResult
from releaseguard.rotation.values import RotateAction, RotateRequest, RotationState
from releaseguard.secret import Secret
from releaseguard_events.ours import OUR_EVENTS, RESULTS, STEPS
from tests.rotation.rotation_fakes import CHAIN_KEY, NAME, World

LEAKED = RotateRequest(leak=True, reason="key in a public gist")
KEYS = Keyring([Key.of(Secret("a" * 64))])
OTHERS = Keyring([Key.of(Secret("b" * 64))])


def through(world: World, keys: Keyring | None) -> EventLog:
    return SignedLog(world.log, keys)


def go(world: World, request: RotateRequest, keys: Keyring | None) -> RotationResult:
    return rotate(request, replace(world.process(), log=through(world, keys)), world.tell)


def leaking(keys: Keyring | None) -> World:
    """A world whose leaked value is replaced, and not confirmed to be revoked yet."""
    world = World()
    world.live_with("old")
    world.vault.put(NAME, "new")
    assert go(world, LEAKED, keys).state is RotationState.PROVEN
    return world


def appended(world: World, *steps: said.ChainStep) -> Sequence[Event]:
    """What whoever has read the chain can append to it, everything right but what takes the key."""
    chain = read(CHAIN_KEY, world.log.judged(chain_query(CHAIN_KEY)))
    drafts = [draft_of(step, "mallory") for step in steps]
    return seal(CHAIN_KEY, chain.head, drafts, occurred_at=world.time.wall(), source="releaseguard", root=chain.root)


def view(world: World, keys: Keyring | None) -> ChainView:
    return chain_view(through(world, keys), CHAIN_KEY)


Forgery = Callable[[str], said.ChainStep]
FORGERIES: dict[str, Forgery] = {
    "closes the leak": lambda id_: said.Retired(rotation_id=id_),
    "opens another": lambda _: said.Planned(rotation_id="r9", unit=NAME, leak=LeakReport(reason="x")),
    "claims a proof": lambda id_: said.Proven(rotation_id=id_, grade=said.Grade.A),
    "holds the lease": lambda id_: said.LeaseTaken(rotation_id=id_),
    "gives it up": lambda id_: said.Aborted(rotation_id=id_),
    "disowns rows": lambda _: said.RowsDisowned(ids=("x",), reason="x"),
}


@pytest.mark.parametrize("kind", FORGERIES)
def test_without_a_key_whoever_reads_and_inserts_can_append(kind: str) -> None:
    """The documented limit of a hash: it shows edits, not an author."""
    world = leaking(None)
    before = view(world, None)
    world.log.append(appended(world, FORGERIES[kind](before.rotations[0].id)))
    after = view(world, None)
    assert (after.foreign, after.lease) != ([], before.lease)
    assert after != before


@pytest.mark.parametrize("signature", [None, "copied", "another's"])
@pytest.mark.parametrize("kind", FORGERIES)
def test_with_a_key_he_can_not(kind: str, signature: str | None) -> None:
    world = leaking(KEYS)
    before = view(world, KEYS)
    (forged,) = appended(world, FORGERIES[kind](before.rotations[0].id))
    if signature == "copied":
        last = before.head and world.log.chain()[-1]
        assert isinstance(last, Event)
        forged = replace(forged, detail={**forged.detail, "signature": last.detail["signature"]})
    elif signature:
        forged = OTHERS.signed(forged)
    world.log.append([forged])
    after = view(world, KEYS)
    assert replace(after, foreign=()) == replace(before, foreign=())
    assert [one.event.id for one in after.foreign] == [forged.id]
    assert "sign" in after.foreign[0].problem
    done = go(world, RotateRequest(action=RotateAction.CONFIRM_REVOKED, despite_use=True), KEYS)
    assert (done.state, done.exit_code) == (RotationState.RETIRED, ExitCode.OK)


def test_a_forged_step_that_is_dated_back_before_the_first_signed_row_follows_on_nothing() -> None:
    world = leaking(KEYS)
    before = view(world, KEYS)
    (forged,) = appended(world, said.Retired(rotation_id=before.rotations[0].id))
    world.log.append([replace(forged, recorded_at=world.log.now() - timedelta(days=365))])
    assert open_leaks(view(world, KEYS)) == open_leaks(before)


def test_a_chain_that_was_begun_without_a_key_goes_on_with_one() -> None:
    world = leaking(None)
    world.time.now += 1
    done = go(world, RotateRequest(action=RotateAction.CONFIRM_REVOKED, despite_use=True), KEYS)
    assert done.state is RotationState.RETIRED
    after = view(world, KEYS)
    assert (after.foreign, after.breach, open_leaks(after)) == ([], None, ())
    assert isinstance(after.head, Head)
    assert not verify_chain(CHAIN_KEY, [row for row in world.log.chain() if "lane" in row.detail], after.head)


@pytest.mark.parametrize("keys", [None, OTHERS], ids=["no key", "another key"])
def test_a_run_without_the_key_of_a_signed_chain_writes_nothing(keys: Keyring | None) -> None:
    world = leaking(KEYS)
    world.vault.put(NAME, "newer")
    rows = dict(world.log.rows)
    if keys is OTHERS:  # its own rows may have begun elsewhere
        rows = {id_: row for id_, row in rows.items() if row.event != "signing_began"}
        world.log.rows = dict(rows)
    for action in (RotateAction.ROTATE, RotateAction.CONFIRM_REVOKED):
        with pytest.raises(Refused) as refusal:
            go(world, RotateRequest(action=action, despite_use=action is not RotateAction.ROTATE), keys)
        assert VARIABLE in str(refusal.value)
        assert refusal.value.exit_code is ExitCode.REFUSED
    assert world.log.rows == rows
    assert open_leaks(view(world, keys)), "reading goes on"


def test_an_edit_of_a_signed_chain_is_a_break_and_a_forged_continuation_is_none() -> None:
    world = leaking(KEYS)
    forged = list(appended(world, *(said.LeaseTaken() for _ in range(3))))
    world.log.append(forged[1:])
    assert view(world, KEYS).breach is None
    (third,) = [row for row in world.log.chain() if row.detail.get("step") == 3]
    del world.log.rows[third.id]
    assert view(world, KEYS).breach is not None


def test_on_a_signed_step_no_unsigned_one_follows_for_whoever_has_no_key_either() -> None:
    world = leaking(KEYS)
    length = len(read(CHAIN_KEY, world.log.judged(chain_query(CHAIN_KEY))).steps)
    world.log.append(appended(world, said.LeaseTaken()))
    assert len(read_chain(CHAIN_KEY, world.log.judged(chain_query(CHAIN_KEY))).steps) == length


def test_the_names_of_our_events_are_those_that_are_written() -> None:
    from releaseguard.eventlog.entries import DEPLOYED
    from releaseguard.rotation.exposure.report import EVENT
    from releaseguard.verification.backtesting.replays import OUTCOME
    from releaseguard.verification.flows import rows as flow_rows
    from releaseguard.verification.rows.first_look import VERIFIED
    from releaseguard.verification.rows.recorded import WRITTEN_CHECK

    assert {*said.TYPES} == STEPS
    assert EVENT in STEPS, "what a leak exposed is a step of its chain"
    assert {DEPLOYED, OUTCOME, VERIFIED, WRITTEN_CHECK, *flow_rows.EVENTS} <= RESULTS
    world = leaking(KEYS)
    written = {row.event for row in world.log.select(Query(providers=(OURSELVES,)))}
    assert written <= OUR_EVENTS
