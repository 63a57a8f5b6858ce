"""What every destination promises, tried on every kind of place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from releaseguard.destinations.interface import SyncStatus
from releaseguard.errors import AccessDenied, Failed, NotFound, ReleaseguardError, ServiceError
from releaseguard.sandbox.serving import faults
from tests.support.adapters import companion_item, everything_said, secret_item

if TYPE_CHECKING:
    from collections.abc import Sequence

    from releaseguard.destinations.interface import Item
    from tests.destinations.conftest import Place

CANARY = "c4n4ry-Qw9zXk27LmPv"
WRITES = ("PUT", "POST", "PATCH")


def _plan(place: Place, value: str = CANARY) -> Sequence[Item]:
    secret = secret_item("SENDGRID_API_KEY", value, note="rotation 1")
    return [secret, companion_item("SENDGRID_API_KEY_VERSION")] if place.destination.holds_companions else [secret]


def test_a_push_creates_what_is_missing_with_exactly_the_value(place: Place) -> None:
    value = 'a\n"quoted" ü → value'
    receipts = place.destination.push(_plan(place, value))
    assert place.value("SENDGRID_API_KEY") == value
    assert [receipt.name for receipt in receipts] == [item.name for item in _plan(place)]
    assert all(receipt.observed.present and receipt.writes == 1 for receipt in receipts)


def test_a_push_replaces_what_is_there_and_shows_another_marker(place: Place) -> None:
    place.put("SENDGRID_API_KEY", "old")
    items = _plan(place)
    before = place.destination.observe(items)["SENDGRID_API_KEY"]
    receipt = place.destination.push(items)[0]
    assert place.value("SENDGRID_API_KEY") == CANARY
    assert before.present
    assert receipt.observed.marker not in {before.marker, None}
    assert receipt.observed.sync is not SyncStatus.NO


def test_the_companion_tells_the_version(place: Place) -> None:
    if not place.destination.holds_companions:
        pytest.skip("Dependabot's store has no variables")
    for version in (2, 3):
        items = [secret_item("KEY", f"value {version}"), companion_item("KEY_VERSION", version)]
        place.destination.push(items)
        assert place.value("KEY_VERSION") == str(version)
        assert place.destination.observe(items)["KEY_VERSION"].sync is SyncStatus.YES


def test_pushing_again_is_harmless(place: Place) -> None:
    for _ in range(3):
        place.destination.push(_plan(place))
    assert place.value("SENDGRID_API_KEY") == CANARY


def test_a_group_is_pushed_whole(place: Place) -> None:
    group = [secret_item(f"PART_{number}", f"value {number}") for number in range(3)]
    assert [receipt.name for receipt in place.destination.push(group)] == ["PART_0", "PART_1", "PART_2"]
    assert [place.value(f"PART_{number}") for number in range(3)] == ["value 0", "value 1", "value 2"]


@pytest.mark.parametrize("exists", [False, True])
def test_the_forecast_only_reads_and_predicts_every_request(place: Place, exists: bool) -> None:
    items = _plan(place)
    if exists:
        place.destination.push(items)
    place = _fresh(place)
    sent = len(place.stand_in.requests)
    estimate = place.reopen().estimate(items)
    assert all(sent.method == "GET" for sent in list(place.stand_in.requests)[sent:])
    assert list(estimate.update if exists else estimate.create) == [item.name for item in items]
    before = len(place.stand_in.requests)
    place.destination.push(items)
    pushed = list(place.stand_in.requests)[before:]
    assert sum(sent.writes for sent in pushed) == estimate.writes
    assert len(pushed) == estimate.reads + estimate.writes


def _fresh(place: Place) -> Place:
    place.destination = place.reopen()
    return place


def test_what_is_absent_is_observed_as_absent(place: Place) -> None:
    seen = place.destination.observe(_plan(place))["SENDGRID_API_KEY"]
    assert (seen.present, seen.sync, seen.changed_at) == (False, SyncStatus.NO, None)


def test_another_value_is_never_in_step(place: Place) -> None:
    place.put("SENDGRID_API_KEY", "old")
    assert place.destination.observe(_plan(place))["SENDGRID_API_KEY"].sync is not SyncStatus.YES


def test_a_write_that_took_no_effect_is_a_failure(place: Place) -> None:
    place.put("SENDGRID_API_KEY", "old")
    for method in WRITES:
        place.stand_in.fail_next(method, "secrets|env", faults.answer(200, {}))
    with pytest.raises(Failed) as raised:
        place.destination.push(_plan(place))
    assert "SENDGRID_API_KEY" in str(raised.value)
    assert raised.value.where == place.destination.uri
    assert place.value("SENDGRID_API_KEY") == "old"


def test_a_companion_never_calls_an_old_key_new(place: Place) -> None:
    place.put("SENDGRID_API_KEY", "old")
    for method in WRITES:
        place.stand_in.fail_next(method, "secrets|env", faults.answer(200, {}))
    with pytest.raises(Failed):
        place.destination.push(_plan(place))
    assert place.value("SENDGRID_API_KEY_VERSION") is None


@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize("lost", [faults.reset(takes_effect=True), faults.half_answer()], ids=["reset", "half"])
def test_a_write_whose_answer_is_lost_is_repeated_once_and_stands_once(
    place: Place, lost: faults.Fault, exists: bool
) -> None:
    if exists:
        place.put("SENDGRID_API_KEY", "old")
    update, replace = ("PATCH", "PUT") if exists else ("POST", "POST")
    method = {"github": "PUT", "vercel": update, "supabase": "POST", "netlify": replace}[place.destination.service]
    place.stand_in.fail_next(method, "secrets|env", lost)
    place.destination.push(_plan(place)[:1])
    assert place.value("SENDGRID_API_KEY") == CANARY
    assert len(place.writes) <= 2  # half a 204 is a whole one


ONCE = {
    "429": faults.answer(429, {}, {"retry-after": "1"}),
    "500": faults.answer(500, {"message": "oops"}),
    "reset": faults.reset(takes_effect=True),
    "half": faults.half_answer(),
}


@pytest.mark.parametrize("fault", ONCE)
def test_every_write_that_arrived_is_counted_repeats_included(place: Place, fault: str) -> None:
    place.put("SENDGRID_API_KEY", "old")  # an existing one: a POST that makes a new one is not repeated
    for method in WRITES:
        place.stand_in.fail_next(method, "secrets|env", ONCE[fault])
    receipt = place.destination.push(_plan(place)[:1])[0]
    assert receipt.writes == len(place.writes) >= 1
    assert place.destination.written() == {"SENDGRID_API_KEY": receipt.writes}
    assert place.destination.push(_plan(place)[:1])[0].writes == 1, "each push counts its own"


@pytest.mark.parametrize("status", [403, 500])
def test_the_writes_of_a_push_that_failed_are_known(place: Place, status: int) -> None:
    for method in WRITES:
        place.stand_in.fail_next(method, "secrets|env", faults.answer(status, {"message": "no"}), times=99)
    with pytest.raises(ReleaseguardError):
        place.destination.push(_plan(place)[:1])
    assert place.destination.written() == {"SENDGRID_API_KEY": len(place.writes)}


@pytest.mark.parametrize(
    "fault",
    [
        faults.answer(400, {"message": f"bad value {CANARY}", "error": {"code": "x", "message": f"bad {CANARY}"}}),
        faults.answer(403, {"message": "no"}),
        faults.answer(422, {"message": f"{CANARY} is not acceptable"}),
        faults.answer(500, b"<html>oops</html>"),
        faults.answer(200, b"not json"),
        faults.reset(),
    ],
    ids=["400", "403", "422", "500", "no json", "reset"],
)
def test_no_failure_shows_the_value(place: Place, fault: faults.Fault) -> None:
    for method in WRITES:
        place.stand_in.fail_next(method, "secrets|env", fault, times=9)
    with pytest.raises(ReleaseguardError) as raised:
        place.destination.push(_plan(place))
    assert CANARY not in everything_said(raised.value)
    assert place.value("SENDGRID_API_KEY") is None


@pytest.mark.parametrize("verb", ["estimate", "push", "observe"])
def test_a_wrong_token_is_access_denied_and_nothing_is_written(place: Place, verb: str) -> None:
    with pytest.raises(AccessDenied) as raised:
        getattr(place.reopen(token="wrong"), verb)(_plan(place))
    assert raised.value.next_step
    assert place.writes == []


@pytest.mark.parametrize("verb", ["estimate", "push", "observe"])
def test_a_place_that_does_not_exist_is_named(place: Place, verb: str) -> None:
    scheme, _, rest = place.destination.uri.partition(":")
    missing = {
        "github": f"github:{rest}@nowhere" if "/" in rest and "@" not in rest else "github:lovendo/nowhere",
        "github-dependabot": "github-dependabot:lovendo/nowhere",
        "vercel": "vercel:prj_nowhere/production",
        "supabase": "supabase:aaaaaaaaaaaaaaaaaaaa",
        "netlify": "netlify:nowhere",
    }[scheme]
    with pytest.raises((NotFound, ServiceError)) as raised:
        getattr(place.reopen(missing), verb)(_plan(place))
    assert isinstance(raised.value, NotFound)
    assert raised.value.next_step
    assert place.writes == []


def test_copies_elsewhere_are_found_and_the_place_itself_is_not(place: Place) -> None:
    place.put("COPIED", "x")
    found = place.destination.search(["COPIED", "NOT_THERE"])
    assert found.found == [place.elsewhere]
    assert found.unread == []
    assert place.destination.copies(["NOT_THERE"]) == []


def test_every_copy_is_an_address_that_can_be_compared(place: Place) -> None:
    for uri in place.destination.copies(["COPIED"]):
        assert place.read(uri).uri == uri


def test_waiting_for_a_read_back_is_bounded(place: Place) -> None:
    place.put("SENDGRID_API_KEY", "old")
    for method in WRITES:
        place.stand_in.fail_next(method, "secrets|env", faults.answer(200, {}))
    with pytest.raises(Failed):
        place.destination.push(_plan(place))
    assert place.time.now == 2.0
