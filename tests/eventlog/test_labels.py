"""Details that are taken for labels alone hold nothing that the scrubber would find, whatever they are made of."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from releaseguard.eventlog.rows import labels
from releaseguard.eventlog.rows.detail import detail_of
from releaseguard.eventlog.rows.labels import deployment_in
from releaseguard_events.scrub import keys
from releaseguard_events.scrub.scrubber import kinds_by_key
from releaseguard_events.scrub.services import SERVICES
from tests.support.extent import examples
from tests.writer.test_scrub import MASKED

VERCEL = "dpl_9xYzAbCdEfGhIjKlMnOpQrStUv"

pieces = st.one_of(
    st.sampled_from([text for text, _ in MASKED]),
    st.sampled_from([word for hint, _ in SERVICES for word in (*hint.split(), *hint.upper().split())]),
    st.sampled_from(["dpl_", "fp:", "AKIA", "eyJ", "plaka", "TR33", "GB82WEST", "Mr ", "Dear ", "sayin ", "pin-", "."]),
    st.from_regex(r"[A-Za-z0-9_. -]{1,12}", fullmatch=True),
    st.from_regex(r"[0-9]{1,12}|[0-9a-f]{8,33}|[a-z2-7]{8}|[A-Z0-9]{16}", fullmatch=True),
)
texts = st.lists(pieces, max_size=3).map("".join)
known = st.sampled_from(labels.KEYS)
words = st.sampled_from(sorted({*keys.PEOPLE, "secret", "password", "tax", "e", "mail", "phone", "sb_secret"}))
ends = st.sampled_from(labels.SPEAKS.split("|"))
named = st.one_of(
    known,
    words,
    st.tuples(words, ends).map("_".join),
    st.tuples(words, ends).map(lambda two: two[0] + two[1].capitalize()),
    texts,
)
values = st.recursive(
    st.one_of(texts, st.integers(-(10**12), 10**12), st.floats(), st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(named, inner, max_size=2)),
    max_leaves=3,
)
details = st.one_of(st.dictionaries(named, values, max_size=3), st.dictionaries(known, texts, min_size=1, max_size=2))


def written(detail: Any, *, compact: bool, ascii_alone: bool, twice: bool) -> str:
    separators = (",", ":") if compact else None
    text = json.dumps(detail, ensure_ascii=ascii_alone, separators=separators)
    return json.dumps(text) if twice else text


@settings(max_examples=examples(3000))
@given(st.builds(written, details, compact=st.booleans(), ascii_alone=st.booleans(), twice=st.booleans()))
def test_whatever_the_scrubber_finds_is_in_no_detail_of_labels_alone(text: str) -> None:
    assert deployment_in(text) is None or kinds_by_key(detail_of(text)) == {}


@settings(max_examples=examples(1000))
@given(known, st.text("aAcCeEjJkKsSyY0123456789_-.", max_size=40))
def test_nor_is_it_where_a_value_is_nearly_one(key: str, value: str) -> None:
    text = json.dumps({key: value})
    assert deployment_in(text) is None or kinds_by_key(detail_of(text)) == {}


@pytest.mark.parametrize(("text", "_"), MASKED)
@pytest.mark.parametrize("key", ["error", "secret_version", "deployment_id", "template"])
def test_what_is_masked_is_no_label(text: str, _: str, key: str) -> None:
    found = kinds_by_key({key: text})
    assert not found or deployment_in(json.dumps({key: text}, ensure_ascii=False)) is None


@pytest.mark.parametrize("key", labels.KEYS)
def test_the_name_of_a_label_makes_nothing_of_its_value(key: str) -> None:
    assert keys.kind_of_key(key) is None


@pytest.mark.parametrize("end", labels.SPEAKS.split("|"))
def test_what_a_key_may_end_in_makes_it_nothing_private(end: str) -> None:
    ends_so = [phrase for phrase in keys._SUFFIXES if phrase[-1] == end]
    assert ends_so == []
    assert end in keys._ABOUT
    assert end not in {*keys.PEOPLE, *keys._SINGLE, *(one for one, _ in keys._ENDINGS), "name", "names", "adi"}


@pytest.mark.parametrize(
    ("detail", "deployment"),
    [
        ({}, ""),
        ({"secret_version": "7"}, ""),
        ({"secret_version": "fp:abcd2345", "attempt": 2}, ""),
        ({"template": "otp", "cached": True}, None),
        ({"templateId": "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "status": "RATE_LIMITED"}, ""),
        ({"error": "Request timed out", "duration_ms": 3012}, ""),
        ({"deployment_id": VERCEL, "secret_version": "7"}, VERCEL),
        ({"deployment_id": 7}, None),
        ({"secret_version": {"of": "7"}}, None),
        ({"to": "7"}, None),
    ],
)
def test_usual_details_are_labels_and_name_their_deployment(detail: Any, deployment: str | None) -> None:
    for compact in (True, False):
        assert deployment_in(written(detail, compact=compact, ascii_alone=True, twice=False)) == deployment


def test_a_detail_that_names_two_deployments_names_none() -> None:
    assert deployment_in('{"deployment_id": "a", "deployment_id": "b"}') is None
