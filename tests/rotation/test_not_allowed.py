"""A 403 that came with the value before just as often is no refused key, and no success either."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from releaseguard.cards.load import load_cards
from releaseguard.errors import ExitCode
from releaseguard.model import Event, Outcome, new_id
from releaseguard.rotation.proof.denials import Denials, successes_needed
from releaseguard.rotation.values import RotateAction, RotateRequest, RotationState
from tests.rotation.rotation_fakes import NAME, START, World
from tests.rotation.test_rotation_states import go
from tests.rotation.test_wrong_proofs import LABEL, ready, used

DENIED = {"event": "sendgrid_error", "outcome": Outcome.ERROR, "error_code": "403"}


def before(world: World, source: str, *, denied: int, succeeded: int, code: str = "403") -> None:
    """How the uses of the day before ended, a minute apart."""
    used_before = [
        Event(
            id=new_id(),
            occurred_at=START - timedelta(minutes=number + 5),
            provider="sendgrid",
            event="sendgrid_email_sent",
            outcome=Outcome.SUCCESS,
            environment="production",
            source=source,
            detail={"secret_version": "1"},
        )
        for number in range(denied + succeeded)
    ]
    refused = DENIED | {"error_code": code}
    world.log.append([replace(row, **refused) for row in used_before[:denied]] + used_before[denied:])  # type: ignore[arg-type]


def each_look(world: World, source: str, **row: object) -> None:
    """Besides what works, this comes with the new value as long as it is waited for."""

    def comes() -> None:
        if world.supabase.cells[LABEL].value != "1":
            used(world, world.supabase.cells[LABEL].value, source=source, **row)

    world.time.passing.append(comes)


def test_what_was_not_allowed_before_either_does_not_hold_up_a_proof() -> None:
    world = ready("old-value", "new-value")
    before(world, "edge", denied=20, succeeded=20)
    each_look(world, "edge", **DENIED)
    assert go(world).state is RotationState.PROVEN
    (told,) = [one for one in world.told if "not allowed" in one]
    assert "no more than in the day before (20 of 40)" in told


def now_and_then(world: World, source: str, every: int) -> None:
    """Of so many looks at one a use is not allowed."""
    looks: list[int] = []

    def comes() -> None:
        if world.supabase.cells[LABEL].value != "1":
            looks.append(1)
            if len(looks) % every == 1:
                used(world, world.supabase.cells[LABEL].value, source=source, **DENIED)

    world.time.passing.append(comes)


def test_a_proof_then_takes_as_many_successes_as_tell_it_from_a_key_that_lacks_something() -> None:
    world = ready("old-value", "new-value")
    before(world, "edge", denied=4, succeeded=76)
    now_and_then(world, "edge", every=40)
    result = go(world)
    assert result.state is RotationState.PROVEN, result.proof
    assert result.certificate is not None
    (edge,) = [one for one in result.certificate.consumers if one.source == "edge"]
    assert edge.new >= 25


@pytest.mark.parametrize("every", [2, 3])
def test_a_key_that_lacks_a_permission_for_a_part_of_the_uses_is_not_proven(every: int) -> None:
    world = ready("old-value", "new-value")
    before(world, "edge", denied=4, succeeded=76)
    now_and_then(world, "edge", every)
    assert go(world).state is RotationState.UNPROVEN


@pytest.mark.parametrize(
    ("denied", "usual", "needed"), [(1, (4, 76), 29), (2, (4, 76), 38), (1, (10, 30), 7), (3, (20, 20), 0)]
)
def test_how_many_successes_that_takes(denied: int, usual: tuple[int, int], needed: int) -> None:
    now = Denials({*range(denied)}, set())
    assert successes_needed(now, Denials({*range(usual[0])}, {*range(usual[1])})) == needed


def test_nor_is_it_rolled_back_where_nothing_else_has_come_yet() -> None:
    world = ready("old-value", "new-value")
    before(world, "edge", denied=20, succeeded=5)
    world.app.silent = True
    each_look(world, "edge", **DENIED)
    result = go(world, RotateRequest(prove_within=timedelta(seconds=8)))
    assert result.state is RotationState.UNPROVEN, "and it proves nothing"
    assert world.supabase.cells[NAME].value == "new-value"


CASES: dict[str, Callable[[World], None]] = {
    "none before": lambda world: before(world, "edge", denied=0, succeeded=40),
    "far fewer before": lambda world: before(world, "edge", denied=1, succeeded=80),
    "of another source before": lambda world: before(world, "web", denied=20, succeeded=20),
    "another code before": lambda world: before(world, "edge", denied=20, succeeded=20, code="500"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_new_key_that_lacks_a_permission_is_not_proven(name: str) -> None:
    world = ready("old-value", "new-value")
    CASES[name](world)
    each_look(world, "edge", **DENIED)
    result = go(world)
    assert result.state is RotationState.UNPROVEN, result.proof
    assert "edge" in str(result.next_step)
    assert "refuses" in str(result.next_step)


def test_a_401_is_a_refused_key_however_often_it_came_before() -> None:
    world = ready("old-value", "new-value")
    before(world, "edge", denied=20, succeeded=20, code="401")
    each_look(world, "edge", **(DENIED | {"error_code": "401"}))
    assert go(world).state is not RotationState.PROVEN


@pytest.mark.parametrize("code", ["403", "HTTP 403", "500", "http_502", "429"])
def test_a_success_that_carries_the_code_of_a_failure_proves_nothing(code: str) -> None:
    world = ready("old-value", "new-value")
    before(world, "edge", denied=39, succeeded=1)
    world.sources, world.app.silent = False, True
    each_look(world, "edge", error_code=code)
    result = go(world)
    assert result.state is RotationState.UNPROVEN, result.proof
    assert "the code of a failure" in " ".join(result.proof.missing)
    certificate = go(world, RotateRequest(action=RotateAction.CONFIRM_REVOKED)).certificate
    assert certificate is not None
    assert [one.new for one in certificate.consumers if one.source == "edge"] == [0]


@pytest.mark.parametrize("code", ["0", "200", "2024", "ok"])
def test_a_code_of_no_failure_takes_nothing_from_a_success(code: str) -> None:
    world = ready("old-value", "new-value")
    world.sources, world.app.silent = False, True
    each_look(world, "edge", error_code=code)
    assert go(world).state is RotationState.PROVEN


def test_what_is_denied_is_no_doubt_before_a_person_revokes() -> None:
    world = ready("old-value", "new-value")
    before(world, "edge", denied=20, succeeded=20)
    each_look(world, "edge", **DENIED)
    assert go(world).state is RotationState.PROVEN
    world.time.now += 7200
    assert go(world, RotateRequest(action=RotateAction.CONFIRM_REVOKED)).exit_code is ExitCode.OK


def test_where_403_is_what_a_dead_key_is_told_it_is_a_refusal() -> None:
    cards = load_cards()
    assert [cards.get(one).events.denied_codes for one in ("apple_push", "cloudflare", "sentry", "vercel")] == [[]] * 4
    assert "SENDER_ID_MISMATCH" in cards.get("google_push").events.denied_codes
    assert all("401" not in card.events.denied_codes for card in cards)
