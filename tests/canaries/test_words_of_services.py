"""What is left of a service's own words: a value it repeats is not, what helps is."""

from __future__ import annotations

import random
import string

import pytest

from releaseguard.secret import Secret, without_keys
from tests.support.canaries import Canaries

VALUE = "SG.k3-Qz_81hwPbx0Tn5LrYvE7uJm2sCdAfGi4oWq9R"


@pytest.mark.parametrize(
    "words",
    [
        "Secret with name 'S3_KEY_PROD_1' not found",
        "E2E_TEST_USER_1, SENDGRID_API_KEY_2: neither is there",
        "there is no SENDGRID_API_KEY_2.",
        "Resource not accessible by integration",
        "The rate limit of 120 exceeded",
        "You are not allowed to read on secrets",
        "Lovendo/MobileApp is archived",
        "internationalisation of SENDGRID_API_KEY",
    ],
)
def test_words_that_hold_no_key_stay_as_they_are(words: str) -> None:
    assert without_keys(words) == words


@pytest.mark.parametrize(
    "key",
    [
        VALUE,
        VALUE[10:22],
        "mLIUQvyTrEbn",
        "aBcdefghKlmn",
        "AKIAIOSFODNN7EXAMPLE",
        "_XRT4-Pf1eVR",
        "0_VBH8IFOWB9",
        VALUE.encode().hex(),
    ],
)
def test_what_looks_like_a_key_is_left_out(key: str) -> None:
    assert without_keys(f"bad value '{key}': no") == "bad value '...': no"


def test_a_value_shows_in_every_form_that_the_search_finds() -> None:
    canaries, secret = Canaries([VALUE]), Secret(VALUE)
    pieces = [piece for sized in canaries._pieces.values() for piece in sized]
    assert len(pieces) > 200
    assert [piece for piece in pieces if not secret.shows_in(f"in {piece} here")] == []
    assert not secret.shows_in("nothing of it is in here")


def test_hardly_a_piece_of_twelve_random_characters_passes_for_a_word() -> None:
    dice = random.Random(12)
    letters = string.ascii_letters + string.digits
    pieces = ["".join(dice.choices(letters, k=12)) for _ in range(5_000)]
    assert sum(without_keys(f"bad: {piece}") != "bad: ..." for piece in pieces) <= 10
