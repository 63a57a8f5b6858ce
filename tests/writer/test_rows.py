"""The short way from a call to a row: the same row as the long one makes, whatever the call holds."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from releaseguard_events.note import Resource
from releaseguard_events.pipeline.rows import RowMaker
from releaseguard_events.plain import held, held_text
from releaseguard_events.scrub.scrubber import Scrubber
from tests.support.extent import examples
from tests.writer.test_scrub import KEPT, MASKED

SECRET = "0d9f5b1e-7a35-4c1c-9d0e-52b1f6a7c3de"
NANOSECONDS = 1_795_860_900_123_456_789


def call_of(detail: Any = None, correlation: Any = None, *, number: int = 7, **names: Any) -> tuple[Any, ...]:
    given_names = {"provider": "sendgrid", "event": "sendgrid_email_sent", "outcome": "success"} | names
    order = ("provider", "event", "outcome", "error_code", "release", "source")
    texts = [held_text(given_names.get(name)) for name in order]
    return (NANOSECONDS, number, *texts, names.get("latency_ms"), held_text(correlation), False, held(detail))


@pytest.fixture(params=[None, "dpl_1"])
def maker(request: Any) -> RowMaker:
    return RowMaker(Resource("production", "r1", request.param), Scrubber([SECRET]))


def agrees(maker: RowMaker, call: tuple[Any, ...]) -> None:
    long = maker.long_way(call)
    assert maker.row(call) == long
    assert maker.row(call) == long  # and from what it remembers
    assert json.loads(long.detail) is not None


@pytest.mark.parametrize("place", ["value", "key", "name", "correlation", "head", "nested"])
def test_each_case_of_the_scrubber_leaves_both_ways_the_same(maker: RowMaker, place: str) -> None:
    calls: Mapping[str, Callable[[str], tuple[Any, ...]]] = {
        "value": lambda text: call_of({"why": text, "step": 1}),
        "key": lambda text: call_of({text: "x", text[:60]: 5, "step": "2"}),
        "name": lambda text: call_of({"name": text, "otp": text, "token": text, "deployment_id": text}),
        "correlation": lambda text: call_of(None, text),
        "head": lambda text: call_of(None, error_code=text, release=text, source=text),
        "nested": lambda text: call_of({"inner": {"why": [text]}, "why": text}),
    }
    for case in (*(text for text, _ in MASKED), *KEPT):
        agrees(maker, calls[place](case))


ODD_TEXTS = st.sampled_from([SECRET, "\0", "\ud800", "%0a"])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=80), ODD_TEXTS)
TELLING = st.sampled_from(["otp", "phone", "name", "latitude", "pin", "code", "id", "deployment_id", "card"])
KEYS = st.one_of(st.text(max_size=70), TELLING, ODD_TEXTS)


@given(st.dictionaries(KEYS, SCALARS, max_size=45), SCALARS, st.one_of(st.uuids().map(str), st.text(max_size=40)))
@settings(max_examples=examples(200))
def test_both_ways_agree_about_any_call(detail: dict[str, Any], error_code: Any, correlation: str) -> None:
    maker = RowMaker(Resource("production", "r1", "dpl_1"), Scrubber([SECRET]))
    agrees(maker, call_of(detail, correlation, error_code=error_code))


@pytest.mark.parametrize("key", ["\0", "step\0", "\ud800", SECRET])
@pytest.mark.parametrize("value", [None, True, 5, "ok"], ids=repr)
def test_a_key_that_no_store_takes_leaves_both_ways_the_same(maker: RowMaker, key: str, value: Any) -> None:
    agrees(maker, call_of({key: value, "\ufffd": 1}))
    agrees(maker, call_of({key: value}))


IBAN_LIKE = ["de89-3704-0044-0532-0130-00", "be685390-0754-7034-aaaa-bbbbccccdddd"]


@pytest.mark.parametrize("correlation", [SECRET, *IBAN_LIKE])
def test_an_id_that_is_a_secret_of_this_process_or_a_bank_account_goes(maker: RowMaker, correlation: str) -> None:
    agrees(maker, call_of(None, correlation))


def test_a_number_that_equals_a_flag_stays_a_number(maker: RowMaker) -> None:
    for value in (True, 1, 1.0, False, 0, 0.0, -0.0, None):
        agrees(maker, call_of({"attempt": value}))


@pytest.mark.parametrize("clock", [-1, -(10**18), 0, 2**63 - 1])
def test_a_clock_that_is_far_off_makes_an_id_all_the_same(maker: RowMaker, clock: int) -> None:
    row = maker.row((clock, *call_of()[1:]))
    assert (UUID(row.id).version, len(row.id)) == (7, 36)


def test_ids_of_a_process_are_of_version_7_and_all_different(maker: RowMaker) -> None:
    ids = {maker.row(call_of(number=number)).id for number in (*range(5000), 2**12, 2**30)}
    assert len(ids) == 5001
    assert {UUID(one).version for one in ids} == {7}
    assert {UUID(one).variant for one in ids} == {"specified in RFC 4122"}
    assert {UUID(one).int >> 80 for one in ids} == {NANOSECONDS // 1_000_000}
    other = RowMaker(Resource("production"), Scrubber())
    assert other.row(call_of()).id not in ids


class Odd(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "changed"


CHANGEABLE = [
    {"a": [1]}, [1, {"b": 2}], {"a": {"b": 1}}, {1: 2}, {"k": Odd("x")}, {Odd("k"): 1}, {"x": "y" * 5000}, {"n": 1},
    bytearray(b"x"),
]  # fmt: skip


@pytest.mark.parametrize("value", CHANGEABLE, ids=lambda value: repr(value)[:20])
def test_what_an_app_changes_after_the_call_is_not_changed_in_the_event(value: Any) -> None:
    before = json.dumps(held(value), default=str)
    kept = held(value)
    if isinstance(value, dict):
        for inner in value.values():
            if isinstance(inner, list | dict):
                inner.clear()
        value.clear()
    elif isinstance(value, list):
        value.clear()
    assert json.dumps(kept, default=str) == before


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="how CPython counts what it may have to collect")
def test_calls_that_wait_give_the_garbage_collector_nothing_to_look_through():
    detail = {"secret_version": "7", "template": "welcome", "attempt": 1, "region": "eu-west-1"}
    gc.collect()  # which lets go of what Python keeps for the next use
    gc.disable()
    try:
        waiting = [call_of(detail) for _ in range(1_500)]
        waiting.clear()
        before = gc.get_count()[0]
        waiting += [call_of(detail) for _ in range(1_000)]
        assert gc.get_count()[0] - before < 100  # one call in ten at most, where each once was looked through
    finally:
        gc.enable()


LABELLED = [json.loads(line) for line in (Path(__file__).parent / "data" / "scrub.jsonl").read_text().splitlines()]


def test_both_ways_agree_about_every_labelled_example(maker: RowMaker) -> None:
    for example in LABELLED:
        value = example["value"]
        agrees(maker, call_of(value if isinstance(value, dict) else {"why": value}))
