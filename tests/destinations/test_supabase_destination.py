"""What only Supabase does: one request for a whole push, digests instead of values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from releaseguard.destinations.interface import SyncStatus
from releaseguard.errors import ConfigError, Failed, NotFound, Refused
from releaseguard.sandbox.serving import faults
from releaseguard.sandbox.supabase import SupabaseStandIn
from releaseguard.secret import Secret
from tests.support.adapters import companion_item, secret_item

if TYPE_CHECKING:
    from tests.destinations.conftest import Place

VALUE = "the new value"


def _stand_in(place: Place) -> SupabaseStandIn:
    assert isinstance(place.stand_in, SupabaseStandIn)
    return place.stand_in


def test_secrets_and_companions_travel_in_one_request_secrets_first(supabase: Place) -> None:
    items = [companion_item("B_VERSION"), secret_item("B", VALUE), secret_item("A", VALUE)]
    receipts = supabase.destination.push(items)
    posted = [json.loads(sent.body) for sent in supabase.stand_in.requests if sent.method == "POST"]
    assert [[entry["name"] for entry in body] for body in posted] == [["B", "A", "B_VERSION"]]
    assert [receipt.name for receipt in receipts] == ["B", "A", "B_VERSION"]


def test_the_digest_tells_whether_the_value_is_there(supabase: Place) -> None:
    supabase.put("KEY", VALUE)
    assert supabase.destination.observe([secret_item("KEY", VALUE)])["KEY"].sync is SyncStatus.YES
    assert supabase.destination.observe([secret_item("KEY", "other")])["KEY"].sync is SyncStatus.NO


def test_a_marker_does_not_hold_the_digest(supabase: Place) -> None:
    supabase.put("KEY", VALUE)
    marker = supabase.destination.observe([secret_item("KEY", VALUE)])["KEY"].marker or ""
    assert len(marker.partition("@")[0]) == 8


def test_without_digests_the_time_tells(supabase: Place) -> None:
    _stand_in(supabase).shows_digest = False
    supabase.put("KEY", "old")
    receipt = supabase.destination.push([secret_item("KEY", VALUE)])[0]
    assert receipt.observed.sync is SyncStatus.UNKNOWN
    supabase.stand_in.fail_next("POST", "secrets", faults.answer(201))
    with pytest.raises(Failed):
        supabase.destination.push([secret_item("KEY", VALUE)])


def test_without_digests_and_times_presence_is_all_and_is_said_to_be(supabase: Place) -> None:
    _stand_in(supabase).shows_digest = _stand_in(supabase).shows_updated_at = False
    receipt = supabase.destination.push([secret_item("KEY", VALUE)])[0]
    assert receipt.observed.remarks == ("the listing shows neither a digest nor a time",)


@pytest.mark.parametrize("value", ["a" * 64, "0123456789abcdef" * 4])
def test_a_value_that_looks_like_a_digest_is_compared_like_any_other(supabase: Place, value: str) -> None:
    supabase.destination.push([secret_item("KEY", value)])
    assert supabase.destination.observe([secret_item("KEY", value)])["KEY"].sync is SyncStatus.YES
    assert supabase.destination.observe([secret_item("KEY", "b" * 64)])["KEY"].sync is SyncStatus.NO


@pytest.mark.parametrize("name", ["SUPABASE_KEY", "A" * 257, "1A", ""])
def test_a_name_that_supabase_refuses_is_refused_before_anything_is_sent(supabase: Place, name: str) -> None:
    with pytest.raises(ConfigError):
        supabase.destination.push([secret_item(name, VALUE)])
    assert list(supabase.stand_in.requests) == []


def test_a_value_beyond_the_limit_is_refused_before_anything_is_sent(supabase: Place) -> None:
    supabase.destination.push([secret_item("KEY", "x" * 24_576)])
    sent = len(supabase.stand_in.requests)
    with pytest.raises(Refused):
        supabase.destination.push([secret_item("KEY", "x" * 24_577)])
    assert len(supabase.stand_in.requests) == sent


def test_a_full_project_still_takes_names_it_has_and_refuses_new_ones(supabase: Place) -> None:
    for number in range(100):
        supabase.put(f"KEY_{number}", "old")
    supabase.destination.push([secret_item("KEY_7", VALUE)])
    for verb in (supabase.destination.estimate, supabase.destination.push):
        with pytest.raises(Refused, match="100"):
            verb([secret_item("NEW", VALUE)])
    assert supabase.value("NEW") is None


def test_an_unknown_project_is_named(supabase: Place) -> None:
    with pytest.raises(NotFound, match="aaaaaaaaaaaaaaaaaaaa") as raised:
        supabase.reopen("supabase:aaaaaaaaaaaaaaaaaaaa").observe([secret_item("KEY", VALUE)])
    assert "SUPABASE_ACCESS_TOKEN" in (raised.value.next_step or "")


def test_projects_that_cannot_be_read_are_listed_as_unread(supabase: Place) -> None:
    other = supabase.elsewhere.partition(":")[2]
    supabase.stand_in.fail_next("GET", f"{other}/secrets", faults.answer(403, {"message": "Forbidden"}))
    assert supabase.destination.search(["COPIED"]).unread == [f"supabase:{other} (403)"]


def test_a_value_is_found_by_its_digest_under_whatever_name(supabase: Place) -> None:
    stand_in = _stand_in(supabase)
    other = stand_in.add_project("other")
    supabase.put("KEY", VALUE)
    supabase.put("MAIL_KEY", VALUE)
    stand_in.put(other.ref, "SMTP", VALUE)
    stand_in.put(other.ref, "KEY", "another value")
    found = supabase.destination.holding({"KEY": Secret(VALUE)})
    assert {(one.secret, one.name, one.uri) for one in found.found} == {
        ("KEY", "KEY", supabase.destination.uri),
        ("KEY", "MAIL_KEY", supabase.destination.uri),
        ("KEY", "SMTP", f"supabase:{other.ref}"),
    }
