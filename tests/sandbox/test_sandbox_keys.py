from __future__ import annotations

import re

import pytest

from releaseguard.cards.load import load_cards
from releaseguard.sandbox.keys import new_value

DOCUMENTED = [(secret.name, secret.pattern) for card in load_cards() for secret in card.secrets if secret.pattern]


@pytest.mark.parametrize(("name", "pattern"), DOCUMENTED)
def test_a_key_that_the_sandbox_makes_has_the_form_that_its_provider_documents(name, pattern):
    assert re.fullmatch(pattern, new_value(name))


def test_two_keys_are_never_the_same():
    assert len({new_value(name) for name, _ in DOCUMENTED for _ in range(50)}) == 50 * len(DOCUMENTED)
