"""Sentences are written for many; of one they are said in the singular. Turkish has one form."""

from __future__ import annotations

import pytest

from releaseguard.messages import spoken


@pytest.mark.parametrize(
    ("composed", "said"),
    [
        ("observed 1 events in 20 min", "observed 1 event in 20 min"),
        ("observed 1 errors of 1 events", "observed 1 error of 1 event"),
        ("1 successes, 11 successes, 0.1 seconds", "1 success, 11 successes, 0.1 seconds"),
        ("observed all 1 copies in step", "observed the one copy in step"),
        ("1 checks are well; 1 rows were left out", "1 check is well; 1 row was left out"),
        ("All 1 checks passed.", "The one check passed."),
        ("a1 events", "a1 events"),
        ("release 1.1 events", "release 1.1 events"),
        ("1 eventsource", "1 eventsource"),
        ("1 rows  mapbox", "1 row   mapbox"),
    ],
)
def test_a_number_and_its_noun_agree(composed: str, said: str) -> None:
    assert spoken.sentence(composed) == said
    assert spoken.lines(f"- {composed}\n") == f"- {said}\n"
