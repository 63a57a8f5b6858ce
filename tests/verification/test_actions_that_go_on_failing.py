"""An action that fails for minutes is one trial: the counts by the minute hold one of each, the single rows tell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from releaseguard.model import Event
from tests.support.verifying import judge, mark, row, steady, stored, verdicts


def retried(ids: int, *, every: float = 0.2, since: float = 4, until: float = 24, **more: object) -> Sequence[Event]:
    """So many actions, each tried again and again from then on, none with success."""
    number = round((until - since) / every)
    return [
        row(since + step * every + 0.01 * one, "sendgrid_error", ok=False, correlation_id=f"job-{one}", **more)
        for one in range(ids)
        for step in range(number)
    ]


def verdict(path: Path, errors: Sequence[Event]) -> str:
    events = [*steady(), mark(-5000, "r0"), mark(), *errors]
    with stored(path / "log.db", events) as log:
        return verdicts(judge(log))["sendgrid.errors"]


@pytest.mark.parametrize("ids", [1, 2])
def test_a_few_actions_that_are_tried_for_twenty_minutes_fail_no_release(tmp_path: Path, ids: int) -> None:
    assert verdict(tmp_path, retried(ids)) != "fail"


def test_rows_of_one_action_with_the_tag_and_without_are_one_trial(tmp_path: Path) -> None:
    bare = retried(1, since=4.1, release=None)
    assert verdict(tmp_path, [*retried(1), *bare]) != "fail"


def test_as_many_actions_that_fail_once_each_fail_it(tmp_path: Path) -> None:
    once = [row(4 + 0.2 * one, "sendgrid_error", ok=False, correlation_id=f"user-{one}") for one in range(60)]
    assert verdict(tmp_path, once) == "fail"


def test_rows_without_an_id_are_each_an_action(tmp_path: Path) -> None:
    nameless = [row(4 + 0.2 * one, "sendgrid_error", ok=False) for one in range(60)]
    assert verdict(tmp_path, nameless) == "fail"
