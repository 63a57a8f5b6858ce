"""One word for one value: what the app reports of a secret is never another value's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from releaseguard.audit.chain import ChainKey
from releaseguard.cards.spec import FlowSpec, ProofSpec
from releaseguard.model import Event, Outcome, new_id
from releaseguard.rotation.commands import rotate
from releaseguard.rotation.history.views import ChainView, RotationView, Written
from releaseguard.rotation.identity.labelling import label_for
from releaseguard.rotation.proof.labels import Labels
from releaseguard.rotation.result import RotationResult
from releaseguard.rotation.values import Basis, Direction, Pin, RotateRequest, RotationState
from releaseguard_events.scrub.fingerprints import fingerprint_of
from tests.rotation.rotation_fakes import NAME, START, World

KEY = ChainKey("sendgrid", "production")


def chain(*pins: Pin) -> ChainView:
    return ChainView(KEY, rotations=[_rotation(f"r{at}", one) for at, one in enumerate(pins)])


def _rotation(identity: str, carried: Pin) -> RotationView:
    state = RotationState.PROVEN
    return RotationView(id=identity, unit=NAME, state=state, began_at=START, changed_at=START, pins=(carried,))


def pin(before: int | None, after: int, was: str | None = "a", now: str | None = "a", **more: Any) -> Pin:
    return Pin(NAME, before, after, secret_id=now, from_secret_id=was, **more)


PLAIN: Mapping[str, tuple[ChainView, Written, set[str], str]] = {
    "nothing is known": (chain(), Written(2, "a"), set(), "2"),
    "an earlier version is known": (chain(pin(1, 2)), Written(3, "a"), set(), "3"),
    "the same value again": (chain(pin(1, 2)), Written(2, "a"), {"2"}, "2"),
    "the same value under its own label": (chain(pin(1, 2, label="2-abcd")), Written(2, "a"), {"2"}, "2-abcd"),
}
MARKED: Mapping[str, tuple[ChainView, Written, set[str]]] = {
    "created anew at the number that is out": (chain(pin(None, 1)), Written(1, "b"), set()),
    "created anew and brought to a number that was out": (chain(pin(1, 2)), Written(2, "b"), set()),
    "reported by the app before": (chain(), Written(1, "a"), {"1"}),
    "two values of one number in a history without labels": (chain(pin(1, 1, "a", "b")), Written(1, "b"), set()),
    "of a secret whose id nobody wrote down": (chain(pin(None, 2, None, None)), Written(2, "b"), set()),
    "the service gives every namesake one id": (
        chain(pin(None, 1, fingerprint="fp:aaaaaaaa")),
        Written(1, "a", fingerprint="fp:bbbbbbbb"),
        set(),
    ),
}


@pytest.mark.parametrize("name", PLAIN)
def test_a_number_that_nothing_else_has_is_the_label(name: str) -> None:
    view, value, seen, label = PLAIN[name]
    assert label_for(NAME, value, view, seen) == label


@pytest.mark.parametrize("name", MARKED)
def test_a_number_that_something_else_has_gets_a_mark(name: str) -> None:
    view, value, seen = MARKED[name]
    label = label_for(NAME, value, view, seen)
    assert label.startswith(f"{value.version}-")
    assert label == label_for(NAME, value, view, seen)
    assert label != label_for(NAME, value, view, {*seen, label})


VALUE, OTHER = "SG.k3yThatIsLongEnough_0001", "SG.k3yThatIsLongEnough_0002"
NEW, OLD = fingerprint_of(VALUE, "lovendo"), fingerprint_of(OTHER, "lovendo")


def test_a_fingerprint_has_forty_bits_and_hangs_on_value_and_salt() -> None:
    assert NEW is not None
    assert len(NEW.removeprefix("fp:")) * 5 == 40
    assert NEW not in {OLD, fingerprint_of(VALUE, "another"), None}
    assert fingerprint_of("12345678", "lovendo") is None
    assert fingerprint_of("1212121212121212", "lovendo") is None


SINGLE = Labels.of([pin(1, 2, fingerprint=NEW, from_fingerprint=OLD)], Direction.FORWARD, [NAME])
PAIR = Labels.of(
    [
        Pin("SID", 3, 4, fingerprint="fp:samesame", from_fingerprint="fp:samesame"),
        Pin("TOKEN", 3, 4, fingerprint=NEW, from_fingerprint=OLD),
    ],
    Direction.FORWARD,
)
SAID: Mapping[str, tuple[Labels, Any, Basis | None]] = {
    "the new label": (SINGLE, "2", Basis.LABEL),
    "the new fingerprint": (SINGLE, NEW, Basis.FINGERPRINT),
    "the old fingerprint": (SINGLE, OLD, None),
    "a fingerprint of nothing known": (SINGLE, "fp:zzzzzzzz", None),
    "the new label beside the old value": (SINGLE, {NAME: OLD}, None),
    "both by fingerprint": (PAIR, {"SID": "fp:samesame", "TOKEN": NEW}, Basis.FINGERPRINT),
    "what changed by fingerprint, the other by label": (PAIR, {"SID": "4", "TOKEN": NEW}, Basis.FINGERPRINT),
    "what changed by label": (PAIR, {"SID": "fp:samesame", "TOKEN": "4"}, Basis.LABEL),
    "a member that has not changed": (PAIR, "fp:samesame", None),
    "the member that has changed": (PAIR, NEW, Basis.FINGERPRINT),
    "the member that has changed is not there": (PAIR, {"SID": "fp:samesame"}, None),
}


@pytest.mark.parametrize("name", SAID)
def test_what_a_row_says_of_the_new_value(name: str) -> None:
    labels, carried, basis = SAID[name]
    assert labels.basis(carried) is basis


def go(world: World, request: RotateRequest | None = None) -> RotationResult:
    return rotate(request or RotateRequest(), world.process(), world.tell)


def anew(value: str) -> World:
    """The secret is out at version 1 by our own hand, and was created anew at version 1."""
    world = World()
    world.live_with("first-value")
    assert go(world).state is RotationState.PROVEN
    world.vault.create_anew(NAME, value)
    return world


def test_a_secret_created_anew_at_the_same_number_is_proven_by_a_label_of_its_own() -> None:
    world = anew("second-value")
    result = go(world)
    assert (result.state, result.proof.grade) == (RotationState.PROVEN, "A")
    label = world.github[0].values()[f"{NAME}_VERSION"]
    assert label.startswith("1-")
    assert {one.values()[f"{NAME}_VERSION"] for one in world.destinations} == {label}


def test_successes_with_the_equal_number_of_the_old_value_prove_nothing() -> None:
    world = anew("second-value")
    world.deployer.inherits = True  # production goes on with the value of before, which has the same number
    result = go(world)
    assert result.state is RotationState.UNPROVEN, result.proof


@pytest.mark.parametrize("shows", [True, False])
def test_a_bad_value_of_equal_number_is_taken_back_where_any_place_still_shows_the_old_one(shows: bool) -> None:
    world = anew("bad-value")
    world.supabase.shows = shows
    world.app.refused.add("bad-value")
    result = go(world)
    assert "authentication errors" in " ".join(result.remarks)
    if shows:
        assert result.state is RotationState.ROLLED_BACK, result.proof
        assert {one.values()[NAME] for one in world.destinations} == {"first-value"}
        assert {one.values()[f"{NAME}_VERSION"] for one in world.destinations} == {"1"}
    else:
        assert result.state is RotationState.FAILED
        assert "deleted and created anew" in " ".join(result.remarks)


def test_a_number_that_the_app_reports_already_is_not_taken_for_the_new_value() -> None:
    world = World()
    world.live_with("only-value")
    world.log.append([reported("1")])
    result = go(world)
    assert world.github[0].values()[f"{NAME}_VERSION"].startswith("1-")
    assert result.state is RotationState.PROVEN
    world = World()
    world.live_with("only-value")
    world.log.append([reported({NAME: "1"})])
    go(world)
    assert world.github[0].values()[f"{NAME}_VERSION"].startswith("1-")


def reported(version: Any) -> Event:
    return Event(
        id=new_id(),
        occurred_at=START,
        provider="sendgrid",
        event="sendgrid_email_sent",
        outcome=Outcome.SUCCESS,
        environment="production",
        detail={"secret_version": version},
    )


def test_a_place_that_holds_only_what_is_public_asks_for_no_proof() -> None:
    world = World()
    world.live_with("old-value")
    spec = msgspec.structs.replace(world.card.secrets[0], identifier=True)
    world.card = msgspec.structs.replace(world.card, secrets=(spec, *world.card.secrets[1:]))
    world.vault.put(NAME, "new-value")
    result = go(world, RotateRequest())
    assert result.state is RotationState.UNPROVEN
    assert "No runtime destination" in " ".join(result.proof.missing)


def test_a_proof_by_fingerprint_says_so_and_a_companion_left_behind_proves_nothing() -> None:
    world = World()
    world.live_with(OTHER)
    world.vault.put(NAME, VALUE)
    world.app.fingerprints = "project"
    result = go(world)
    assert (result.state, result.proof.grade, result.proof.basis) == (RotationState.PROVEN, "A", "fingerprint")
    assert "fingerprint" in " ".join(world.told)
    stale = World()
    stale.live_with(OTHER)
    stale.vault.put(NAME, VALUE)
    stale.app.fingerprints = "project"
    stale.app.holds = OTHER
    assert go(stale).state is RotationState.UNPROVEN


def test_where_no_proof_can_come_the_plan_says_so_and_no_flow_is_run() -> None:
    world = World()
    world.live_with("old-value")
    world.vault.put(NAME, "new-value")
    spec = msgspec.structs.replace(world.card.secrets[0], companion=False, entropy="low")
    flow = FlowSpec(id="mail", title={}, steps=(), event="sendgrid_email_sent")
    world.card = msgspec.structs.replace(
        world.card, secrets=(spec, *world.card.secrets[1:]), flows=(flow,), proof=ProofSpec(flow="mail")
    )
    ran: list[str] = []
    world.run_flow = ran.append
    world.app.silent = True
    planned = go(world, RotateRequest(dry_run=True))
    assert "it will be UNPROVEN" in " ".join(planned.remarks)
    assert world.supabase.uri in " ".join(planned.remarks)
    assert go(world).state is RotationState.UNPROVEN
    assert ran == []


def test_a_flow_whose_event_says_nothing_of_the_version_is_run_once() -> None:
    world = World()
    world.live_with("old-value")
    world.vault.put(NAME, "new-value")
    flow = FlowSpec(id="mail", title={}, steps=(), event="sendgrid_email_sent")
    world.card = msgspec.structs.replace(world.card, flows=(flow,), proof=ProofSpec(flow="mail"))
    world.app.silent = True
    ran: list[str] = []

    def run(name: str) -> None:
        ran.append(name)
        world.log.append([replace(reported(None), occurred_at=world.time.wall(), detail={}, source=None)])

    world.run_flow = run
    world.sources = False
    assert go(world).state is RotationState.UNPROVEN
    assert ran == ["mail"]
