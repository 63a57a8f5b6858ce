"""The bench's families of releases: the same number is the same world, and the command line can judge it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "bench"))

from families import FAMILIES, world_of  # type: ignore[import-not-found]
from situations import judge  # type: ignore[import-not-found]
from worlds import Mark  # type: ignore[import-not-found]


@pytest.mark.parametrize("name", ["late_mark", "batch_fails", "rollback_that_worked", "two_mails_and_failing"])
def test_the_same_number_is_the_same_world_and_another_is_another(name):
    family = next(one for one in FAMILIES if one.name == name)
    first, same, other = (world_of(family, 10, number) for number in (3, 3, 4))
    assert first.rows() == same.rows()
    assert first.marks == same.marks
    assert first.mark != other.mark


@pytest.mark.parametrize("family", FAMILIES, ids=lambda one: one.name)
def test_every_family_says_what_is_right_of_it(family):
    assert family.right <= {"pass", "warn", "fail", "inconclusive"}
    assert ("fail" in family.right) is family.bad
    world = world_of(family, 10, 0)
    assert Mark(world.asked) in world.marks


def test_a_world_is_judged_through_the_command_line():
    result = judge(("plain_failing", 10, 1))
    assert result.verdict in {"pass", "warn", "fail", "inconclusive"}
    assert result.others.keys() >= {"argo", "kayenta"}
