"""What no store, or not every store, can hold is made into what all can; everything else is given back as it is."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from releaseguard.model import Event, Outcome, new_id, utc_now
from releaseguard_events.stores.storable import CUT, DEEPEST, INTEGER, storable

USUAL = Event(
    id=new_id(),
    occurred_at=utc_now(),
    provider="sendgrid",
    event="sendgrid_email_sent",
    outcome=Outcome.SUCCESS,
    environment="production",
    error_code="42",
    latency_ms=120,
    release="r1",
    source="web",
    correlation_id="c1",
    detail={"secret_version": "7"},
)
TEXTS = ("provider", "event", "environment", "error_code", "release", "source", "correlation_id")


@pytest.mark.parametrize(
    "more",
    [{}, {"latency_ms": None, "release": None, "source": None}, {"detail": {}}, {"latency_ms": INTEGER}],
    ids=["usual", "sparse", "no detail", "slowest"],
)
def test_what_every_store_can_hold_is_left_as_it_is(more: dict[str, Any]) -> None:
    event = replace(USUAL, **more)
    assert storable(event) is event


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("character", ["\0", chr(0xD800), chr(0xDFFF)], ids=["nul", "first", "last"])
def test_a_character_that_a_store_refuses_becomes_one_that_says_so(name: str, character: str) -> None:
    assert storable(replace(USUAL, **{name: f"a{character}b"})) == replace(USUAL, **{name: "a\ufffdb"})


@pytest.mark.parametrize(("given", "kept"), [(2**31, INTEGER), (2**63, INTEGER), (-(2**40), -INTEGER)])
def test_a_latency_beyond_an_integer_is_cut_off(given: int, kept: int) -> None:
    assert storable(replace(USUAL, latency_ms=given)).latency_ms == kept


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"a": math.nan, "b": -math.inf}, {"a": None, "b": None}),
        ({"a\0": "x\ud800"}, {"a\ufffd": "x\ufffd"}),
        ({1: "one", None: "none"}, {"1": "one", "None": "none"}),
        ({"a": ("b", {"c"})}, {"a": ["b", ["c"]]}),
        ({"a": Outcome.ERROR}, {"a": "error"}),
        ({"a": USUAL.id}, {"a": str(USUAL.id)}),
        ({"a": True, "b": 1, "c": 1.5}, {"a": True, "b": 1, "c": 1.5}),
    ],
)
def test_a_detail_is_what_json_can_say(given: Any, kept: Any) -> None:
    assert storable(replace(USUAL, detail=given)).detail == kept


def test_a_detail_is_no_deeper_than_its_readers_go() -> None:
    deep: Any = "bottom"
    for _ in range(2 * DEEPEST):
        deep = {"a": deep}
    text = str(storable(replace(USUAL, detail=deep)).detail)
    assert CUT in text
    assert "bottom" not in text
