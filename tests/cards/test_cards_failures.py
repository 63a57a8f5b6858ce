"""Every check that ships earns its place: it has a failure that it alone sees, among the checks of all cards."""

from __future__ import annotations

import pytest

from releaseguard.cards.load import load_cards
from tests.cards.failures import FAILURES
from tests.cards.world import harmed, healthy

CARDS = load_cards()


@pytest.fixture(scope="module")
def usual():
    return healthy(CARDS)


def test_a_healthy_world_harms_nothing(usual):
    assert harmed(usual, CARDS) == set()


@pytest.mark.parametrize("check", [check.id for card in CARDS for check in card.checks])
def test_a_seeded_failure_is_seen_by_its_check_alone(usual, check):
    assert harmed(FAILURES[check](usual), CARDS) == {check}


def test_no_failure_is_left_over():
    assert set(FAILURES) == {check.id for card in CARDS for check in card.checks}
