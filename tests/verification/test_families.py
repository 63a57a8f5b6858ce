"""The bench's families of releases: the same number is the same world, and the command line can judge it."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "bench"))

from families import FAMILIES, world_of  # type: ignore[import-not-found]
from situations import judge, verified  # type: ignore[import-not-found]
from worlds import Mark, past_of, write  # type: ignore[import-not-found]


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
    (result,) = judge((10, 1, ["plain_failing"]))
    assert result.verdict in {"pass", "warn", "fail", "inconclusive"}
    assert result.others.keys() >= {"argo", "kayenta"}


@functools.cache
def the_apps_own():
    """Of every tenth app's second release: the app, and its far history."""
    world = world_of(FAMILIES[0], 10, 2)
    return world.app, world.far()


@pytest.mark.parametrize("family", FAMILIES, ids=lambda one: one.name)
def test_releases_of_one_app_have_the_same_far_history_unless_they_say_otherwise(family):
    world, (app, past) = world_of(family, 10, 2), the_apps_own()
    assert world.app == app
    if world.has_the_apps_past:
        far = world.far()
        assert far == past
        assert list(world.changed(far)) == list(far)


@pytest.mark.full("of the bench alone: a short cut that it takes over thousands of worlds")
def test_a_past_that_is_written_once_changes_nothing_that_is_said(tmp_path):
    world = world_of(next(one for one in FAMILIES if one.name == "canary_fails"), 10, 5)
    far, near = world.far(), world.near()
    (tmp_path / "whole").mkdir()
    write(world, tmp_path / "whole", [*far, *near])
    (tmp_path / "copied").mkdir()
    past_of(far, tmp_path).write(world, tmp_path / "copied", near)
    assert verified(world, tmp_path / "whole") == verified(world, tmp_path / "copied")
