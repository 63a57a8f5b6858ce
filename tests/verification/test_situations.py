"""Releases as they come outside a simulator, each judged by the command line: what is right is said at every rate.

The worlds are the bench's; each number is one in which the rows can tell. ``--full`` judges all of them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support import extent

sys.path.append(str(Path(__file__).parents[2] / "bench"))

from situations import judge  # type: ignore[import-not-found]

SOON = [
    ("late_mark", 10),
    ("errors_of_an_unknown_event", 60),
    ("batch_after_the_clocks_changed", 10),
    ("other_environment", 10),
]
"""What a plain run judges: where the rows of the command line decide, and no other test goes through it."""
SITUATIONS = (
    "late_mark",
    "gate_run_again",
    "incident_then_worse",
    "provider_first_used_failing",
    "provider_first_used_fine",
    "canary_loses_mails",
    "migration_harms_the_old",
    "errors_of_an_unknown_event",
    "two_mails_for_one_action",
    "two_mails_and_failing",
    "campaign_ends_after_the_mark",
    "batch_after_the_clocks_changed",
    "rollback_that_worked",
    "other_tags_fine",
    "other_tags_failing",
    "other_environment",
    "success_event_renamed",
    "providers_slower",
    "clock_behind",
    "backfill",
    "batch_not_yet_due",
)
TOO_FEW = {
    ("canary_loses_mails", 10),
    ("canary_loses_mails", 60),
    ("migration_harms_the_old", 10),
    ("migration_harms_the_old", 60),
    ("providers_slower", 10),
    ("two_mails_and_failing", 10),
    ("errors_of_an_unknown_event", 10),
    ("other_tags_failing", 10),
}
"""Where an hour need not hold the evidence of all checks: undecided is right, and going on is not."""


EVERY = [(name, rate) for name in SITUATIONS for rate in (10, 60, 600)]


@pytest.mark.parametrize(("name", "rate"), EVERY if extent.is_whole() else SOON)
def test_what_is_said_of_a_release_is_right(name: str, rate: int) -> None:
    (result,) = judge((rate, 0, [name]))
    undecided = (name, rate) in TOO_FEW and result.verdict == "inconclusive"
    assert result.right or undecided, result
    assert not (result.bad and result.exit_0), result
