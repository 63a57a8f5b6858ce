from __future__ import annotations

import copy
import json
import pickle

import pytest

from releaseguard.secret import MASK, Secret, masked

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
