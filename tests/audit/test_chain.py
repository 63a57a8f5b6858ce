"""The audit chain: whatever is done to a row afterwards is found, and nothing that was not done."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import rfc8785
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from releaseguard.audit.chain import (
    ChainKey,
    Draft,
    Head,
    event_hash,
    head_of,
    in_order,
    parse_chain_key,
    parse_head,
    seal,
    step_id,
)
from releaseguard.audit.histories import ChainFinding, histories
from releaseguard.audit.integrity import verify_chain
from releaseguard.errors import UsageError
from releaseguard.eventlog.signing.canonical import canonical
from releaseguard.model import Event, Outcome
from tests.support.extent import examples

CHAIN_KEY = ChainKey("sendgrid", "production")
OTHER = ChainKey("sendgrid", "staging")
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",)), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcğ", max_size=4), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
drafts = st.builds(
    Draft,
    event=st.sampled_from(["rotation_planned", "rotation_pushed", "rotation_deployed"]),
    detail=st.dictionaries(st.text("abcdef", min_size=1, max_size=4), values, max_size=4),
    outcome=st.sampled_from(Outcome),
    error_code=st.none() | st.just("401"),
)


def chain_of(chain_key: ChainKey, written: Sequence[Draft], batches: Sequence[int] = ()) -> list[Event]:
    """The chain that these drafts make, appended in batches of the given sizes."""
    chain: list[Event] = []
    left = list(written)
    for size in [*batches, len(left)]:
        batch, left = left[:size], left[size:]
        chain += seal(chain_key, head_of(chain), batch, occurred_at=NOON + timedelta(seconds=len(chain)), source="test")
    return chain


chains = st.builds(
    chain_of, st.just(CHAIN_KEY), st.lists(drafts, min_size=1, max_size=8), st.lists(st.integers(0, 3), max_size=4)
)

EDITS: dict[str, Callable[[Any], Any]] = {
    "id": lambda value: UUID(int=value.int ^ 1),
    "occurred_at": lambda value: value + timedelta(microseconds=1),
    "provider": lambda value: value + "x",
    "event": lambda value: value + "x",
    "outcome": lambda value: Outcome.ERROR if value is Outcome.SUCCESS else Outcome.SUCCESS,
    "error_code": lambda value: (value or "") + "x",
    "latency_ms": lambda value: (value or 0) + 1,
    "environment": lambda value: value + "x",
    "release": lambda value: (value or "") + "x",
    "source": lambda value: (value or "") + "x",
    "correlation_id": lambda value: (value or "") + "x",
    "synthetic": lambda value: not value,
}


def findings(chain: Sequence[Event], head: Head | None = None) -> Sequence[ChainFinding]:
    return verify_chain(CHAIN_KEY, chain, head)


@settings(max_examples=examples(60))
@given(chains, st.randoms())
def test_a_chain_that_nobody_touched_is_intact_in_whatever_order_it_is_read(chain: list[Event], random: Any) -> None:
    head = head_of(chain)
    random.shuffle(chain)
    assert findings(chain, head) == []


@settings(max_examples=examples(60))
@given(chains, st.data())
def test_an_earlier_head_is_still_right_when_the_chain_has_grown(chain: list[Event], data: st.DataObject) -> None:
    length = data.draw(st.integers(1, len(chain)))
    assert findings(chain, head_of(chain[:length])) == []


@settings(max_examples=examples(60))
@given(chains, st.sampled_from(sorted(EDITS)), st.data())
def test_an_edited_column_is_found(chain: list[Event], column: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(chain) - 1))
    chain[place] = replace(chain[place], **{column: EDITS[column](getattr(chain[place], column))})
    assert place + 1 in [finding.step for finding in findings(chain)]


@settings(max_examples=examples(150))
@given(chains, st.data())
def test_an_edited_detail_is_found(chain: list[Event], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(chain) - 1))
    detail = dict(chain[place].detail)
    key = data.draw(st.sampled_from([*detail, "new"]))
    value = data.draw(values | st.just(2**60) | st.just(math.nan) | st.just("0" * 64))
    assume(key not in detail or detail[key] != value or type(detail[key]) is not type(value))
    chain[place] = replace(chain[place], detail={**detail, key: value})
    assume(chain[place] != replace(chain[place], detail=detail))
    assert findings(chain)


@settings(max_examples=examples(150))
@given(chains, st.data())
def test_a_key_taken_out_of_a_detail_is_found(chain: list[Event], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(chain) - 1))
    detail = dict(chain[place].detail)
    del detail[data.draw(st.sampled_from(sorted(detail)))]
    chain[place] = replace(chain[place], detail=detail)
    assert findings(chain)


@settings(max_examples=examples(60))
@given(chains, st.data())
def test_deleted_steps_are_found(chain: list[Event], data: st.DataObject) -> None:
    gone = data.draw(st.sets(st.integers(0, len(chain) - 1), min_size=1))
    left = [event for place, event in enumerate(chain) if place not in gone]
    assert findings(left, head_of(chain))
    if gone != set(range(min(gone), len(chain))):
        assert findings(left), "a gap inside shows without a head"


@settings(max_examples=examples(150))
@given(chains, st.data())
def test_reordered_steps_are_found(chain: list[Event], data: st.DataObject) -> None:
    assume(len(chain) > 1)
    first, second = data.draw(st.lists(st.integers(0, len(chain) - 1), min_size=2, max_size=2, unique=True))
    a, b = chain[first], chain[second]
    swapped = data.draw(st.sampled_from(["ids", "numbers", "numbers and ids", "everything but numbers and ids"]))
    if swapped == "ids":
        changed = replace(a, id=b.id), replace(b, id=a.id)
    elif swapped == "numbers":
        changed = _numbered(a, b), _numbered(b, a)
    elif swapped == "numbers and ids":
        changed = replace(_numbered(a, b), id=b.id), replace(_numbered(b, a), id=a.id)
    else:
        changed = replace(_numbered(b, a), id=a.id), replace(_numbered(a, b), id=b.id)
    chain[first], chain[second] = changed
    assert findings(chain)


def _numbered(event: Event, other: Event) -> Event:
    return replace(event, detail={**event.detail, "step": other.detail["step"]})


@settings(max_examples=examples(60))
@given(chains, st.lists(drafts, min_size=1, max_size=8), st.data())
def test_a_step_moved_from_another_chain_is_found(chain: list[Event], others: list[Draft], data: st.DataObject) -> None:
    moved = data.draw(st.sampled_from(chain_of(OTHER, others)))
    renamed = replace(moved, environment="production", detail={**moved.detail, "lane": str(CHAIN_KEY)})
    place = data.draw(st.integers(0, len(chain) - 1))
    assert findings([*chain, renamed])
    assert findings([*chain[:place], renamed, *chain[place + 1 :]])


@settings(max_examples=examples(60))
@given(chains, st.data())
def test_a_step_that_stands_twice_is_found(chain: list[Event], data: st.DataObject) -> None:
    copied = data.draw(st.sampled_from(chain))
    assert findings([*chain, replace(copied, id=UUID(int=7))])


@settings(max_examples=examples(60))
@given(chains, drafts, st.data())
def test_a_chain_rewritten_from_some_step_on_is_found_against_its_head(
    chain: list[Event], draft: Draft, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(chain) - 1))
    before = chain[:place]
    forged = list(before)
    for _ in range(len(chain) - place):
        forged += seal(CHAIN_KEY, head_of(forged), [draft], occurred_at=NOON + timedelta(days=1), source="forger")
    assert findings(forged) == [], "in itself a rewritten chain is sound"
    assert findings(forged, head_of(chain))


def test_a_whole_chain_that_is_gone_is_found_against_its_head() -> None:
    head = head_of(chain_of(CHAIN_KEY, [Draft("a", {}), Draft("b", {})]))
    assert [finding.problem for finding in findings([], head)] == [
        "the whole chain is missing: its head counted 2 steps"
    ]


def test_a_gap_is_told_in_its_own_number() -> None:
    chain = chain_of(CHAIN_KEY, [Draft(name, {}) for name in "abcd"])
    assert "step 2 is missing" in [finding.problem for finding in findings([chain[0], *chain[2:]])]
    assert "steps 2 to 3 are missing" in [finding.problem for finding in findings([chain[0], chain[3]])]


def test_a_finding_names_lane_and_step() -> None:
    chain = chain_of(CHAIN_KEY, [Draft("a", {}), Draft("b", {}), Draft("c", {})])
    chain[1] = replace(chain[1], event="x")
    assert findings(chain) == [ChainFinding(CHAIN_KEY, 2, "was edited after it was written")]


def test_a_value_without_a_canonical_form_is_never_written() -> None:
    with pytest.raises(ValueError):
        chain_of(CHAIN_KEY, [Draft("a", {"n": 2**60})])


def test_the_hash_is_of_what_the_store_gives_back() -> None:
    chain = chain_of(CHAIN_KEY, [Draft("a", {"n": math.nan, "text": "a\0b", "names": ("x",)})])
    assert {key: chain[0].detail[key] for key in ("n", "text", "names")} == {
        "n": None,
        "text": "a\ufffdb",
        "names": ["x"],
    }
    assert findings(chain) == []


def test_the_hash_leaves_out_the_stores_time_and_itself() -> None:
    (event,) = chain_of(CHAIN_KEY, [Draft("a", {"n": 1})])
    assert event_hash(replace(event, recorded_at=NOON)) == event.detail["hash"]


def test_the_hash_is_the_documented_one() -> None:
    """Fixed here so that no change of code makes yesterday's chains look forged."""
    (event,) = chain_of(CHAIN_KEY, [Draft("rotation_planned", {"reason": "ğ"})])
    assert str(event.id) == "79fd65cb-e224-51be-ba0d-62e7255d3a9d"
    assert event.detail["hash"] == "c63c2d687c637b01ec39c2fa1ab1c3d3c42f807f7e64e2dd7a4a3ee4cc17c5c6"


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(max_codepoint=127)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(max_codepoint=127)), inner),
)


@settings(max_examples=examples(200))
@given(plain | values)
def test_the_quick_way_to_a_hash_is_the_long_one(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


def test_what_has_no_quick_way_has_the_long_one() -> None:
    """Names in UTF-16's order, fractions as ECMAScript writes them, and no integer that a reader would round."""
    for value in ({"\U00010000": 1, "\uffff": 2}, [1.0, 1e21, -0.0], {"b": ["ğ"], "a": (True, None)}):
        assert canonical(value) == rfc8785.dumps(value)
    for refused in (2**53, [-(2**53)], {"a": {"b": 2**60}}, "\ud800", {"\ud800": 1}):
        with pytest.raises(ValueError):
            canonical(refused)


def test_heads_are_read_back_as_they_are_printed() -> None:
    head = head_of(chain_of(CHAIN_KEY, [Draft("a", {})]))
    assert head is not None
    assert parse_head(str(head)) == head
    assert parse_head(f" {head}\n") == head


@pytest.mark.parametrize(
    "text", ["", "sendgrid", "sendgrid@production#2", "sendgrid@production#2:abc", "@p#1:" + "0" * 64]
)
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_head(text)


@pytest.mark.parametrize("text", [None, 3, "", "a", "@", "a@", "@b", ["a@b"]])
def test_what_is_no_lane_is_none(text: object) -> None:
    assert parse_chain_key(text) is None


def test_steps_are_sorted_by_number_and_kept_apart_by_lane() -> None:
    ours, theirs = chain_of(CHAIN_KEY, [Draft("a", {})] * 12), chain_of(OTHER, [Draft("a", {})] * 2)
    plain = replace(ours[0], id=UUID(int=1), event="release_deployed", detail={"release": "r1"})
    read = histories((row, None) for row in [*reversed(ours), plain, *theirs])
    assert {chain_key: chain.steps for chain_key, chain in read.chains.items()} == {CHAIN_KEY: ours, OTHER: theirs}
    assert read.foreign == []
    assert in_order(reversed(ours)) == ours


def test_an_id_belongs_to_one_lane_and_step() -> None:
    ids = {
        step_id(ChainKey(provider, environment), step) for provider in "ab" for environment in "cd" for step in (1, 11)
    }
    assert len(ids) == 8
