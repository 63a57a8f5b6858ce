from __future__ import annotations

import base64
import copy
import html
import json
import pickle
import random
import string
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from releaseguard.secret import MASK, Secret, masked, masker
from tests.support.extent import examples

VALUE = "SG.canary-value-5521"


@pytest.mark.parametrize(
    "render", [str, repr, "{}".format, "{:>40}".format, "%s".__mod__, lambda s: f"{[s]} {{'a': {s}}}"]
)
def test_no_rendering_shows_the_value(render):
    text = render(Secret(VALUE))
    assert VALUE not in text
    assert MASK in text


@pytest.mark.parametrize("leave", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, lambda s: {s: 1}, vars])
def test_a_secret_does_not_leave_by_the_side_door(leave):
    with pytest.raises(TypeError):
        leave(Secret(VALUE))


def test_equal_values_are_equal_and_the_digest_is_recognised():
    assert Secret(VALUE) == Secret(VALUE)
    assert Secret(VALUE) != Secret("other")
    assert Secret("abc").has_sha256("BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD")
    assert not Secret("abd").has_sha256("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")


def test_masking_covers_values_that_are_held_longest_first():
    longer, shorter = Secret("canary-abcdef-123"), Secret("canary-abcdef")
    assert masked(f"x {longer.reveal()} y {shorter.reveal()}") == f"x {MASK} y {MASK}"


def test_short_values_do_not_make_messages_unreadable():
    held = Secret("1")
    assert masked("step 1") == "step 1"
    assert held


@pytest.mark.parametrize(
    "shown",
    [
        "https://pw9lm-q7xw.example",
        "PW9LM-Q7XW",
        "postgresql://u:Pw9Lm-Q7xW@h",
        base64.b64encode(b"Pw9Lm-Q7xW").decode(),
        b"Pw9Lm-Q7xW".hex(),
        "Pw9Lm-Q7xW and again pW9lM-q7XW",
    ],
)
def test_a_value_is_masked_in_any_letter_case_and_form(shown: str) -> None:
    mask = masker([Secret("Pw9Lm-Q7xW")])
    assert MASK in mask(shown)
    assert not Secret("Pw9Lm-Q7xW").shows_in(mask(shown))
    assert mask("nothing of it") == "nothing of it"


FORMS: dict[str, Callable[[str], str]] = {
    "itself": str,
    "upper": str.upper,
    "lower": str.lower,
    "address": lambda value: quote(value, safe=""),
    "JSON": lambda value: json.dumps({"k": value}),
    "JSON in JSON": lambda value: json.dumps(json.dumps(value, ensure_ascii=False)),
    "repr": repr,
    "bytes": lambda value: repr(value.encode()),
    "hex": lambda value: value.encode().hex(),
    "HEX": lambda value: value.encode().hex().upper(),
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64 within": lambda value: base64.b64encode(f"user:{value}:x".encode()).decode(),
    "base64 later": lambda value: base64.b64encode(f"a{value}".encode()).decode(),
    "base64 for addresses": lambda value: base64.urlsafe_b64encode(f"ab{value}abc".encode()).decode(),
}
values = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x17F, exclude_categories=("Cc",), exclude_characters="*ßİŉ"),
    min_size=8,
    max_size=60,
)


@settings(max_examples=examples(200))
@example('{M<ă"åwood', "JSON in JSON", "")
@given(values, st.sampled_from(sorted(FORMS)), st.text(" .:\n", max_size=4))
def test_a_value_is_masked_in_every_form_and_wherever_it_stands(value: str, form: str, around: str) -> None:
    secret = Secret(value)
    shown = masked(f"read {around}{FORMS[form](value)}{around} end")  # beside hexadecimal "d" would be a digit of it
    assert not secret.shows_in(shown)
    assert shown.startswith("read")


def test_pieces_of_a_value_are_masked() -> None:
    held = Secret("SG.k3-Qz_81hwPbx0Tn5LrYvE7uJm2sCdAfGi4oWq9R")
    shown = masked("begins with k3-Qz_81hwPb and ends with dAfGi4oWq9R, not sendgrid")
    assert shown == f"begins with {MASK} and ends with {MASK}, not sendgrid"
    assert held


def test_what_stands_in_every_address_and_every_sentence_is_not_masked() -> None:
    held = [
        Secret("postgresql://releaseguard:hunter2hunter2@database.example.com:5432/events"),
        Secret(
            '{"type": "service_account", "private_key": "k3Qz81hwPbx0Tn5LrYvE", "auth_uri": "https://accounts.example.com"}'
        ),
        Secret("correct-horse-battery"),
    ]
    words = (
        "postgresql://database.example.com:5432 does not answer; service_account; https://accounts.example.com; battery"
    )
    assert masked(words) == words
    assert masked("hunter2hunter2, k3Qz81hwPbx0Tn5LrYvE, CORRECT-horse-battery") == f"{MASK}, {MASK}, {MASK}"
    assert held


def test_the_user_of_a_database_is_a_name_and_of_a_web_address_may_be_a_token() -> None:
    held = Secret("postgresql://postgres@database.example.com/events"), Secret("https://tokenA1b2C3d4@example.com")
    assert masked("postgresql://database.example.com") == "postgresql://database.example.com"
    assert "tokenA1b2C3d4" not in masked("refused: tokenA1b2C3d4")
    assert all(held)


def test_short_values_hide_nothing_but_themselves() -> None:
    held = [Secret("ab1"), Secret("abcdef")]
    assert masked("ab1 abcdef abcdeg") == f"ab1 {MASK} abcdeg"
    assert held


def test_values_that_are_no_secrets_yet_are_masked_too() -> None:
    assert masked("x known-value-1 y", [Secret("known-value-1")]) == f"x {MASK} y"


def test_many_values_in_a_long_text_are_masked_by_searching_each_form_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pieces of all values are looked up, and no piece is searched for: that would be a million searches."""
    from releaseguard import secret as module

    dice = random.Random(5)
    held = [Secret("".join(dice.choices(string.ascii_letters + string.digits, k=200))) for _ in range(100)]
    searched = 0
    cover = module._Shown.cover

    def counted(self: module._Shown, form: str) -> None:
        nonlocal searched
        searched += 1
        cover(self, form)

    monkeypatch.setattr(module._Shown, "cover", counted)
    text = "".join(dice.choices(string.printable, k=20_000)) + held[7].reveal()
    assert not held[7].shows_in(masked(text))
    assert searched <= 20 * len(module._alive)


def test_escapes_of_markup_are_masked_as_far_as_the_value_goes_through() -> None:
    held = Secret("k3Qz81hw&Pbx0Tn5LrYvE")
    assert not any(held.reveal()[at : at + 8] in masked(html.escape(held.reveal())) for at in (0, 9))
