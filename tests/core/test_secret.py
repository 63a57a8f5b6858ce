from __future__ import annotations

import base64
import copy
import json
import pickle

import pytest

from releaseguard.secret import MASK, Secret, masked, masker

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
