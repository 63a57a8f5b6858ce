"""An action that fails for minutes is one trial: the counts by the minute hold one of each, the single rows tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from releaseguard.eventlog.interface import EventLog
from releaseguard.model import Event
from releaseguard.verification.backtesting.replays import BacktestRequest, backtest_of
from tests.support.verifying import PROMISE, SHIPPED, judge, mark, row, steady, stored, verdicts


def retried(ids: int, *, every: float = 0.2, since: float = 4, until: float = 24, **more: object) -> Sequence[Event]:
    """So many actions, each tried again and again from then on, none with success."""
    number = round((until - since) / every)
    return [
        row(since + step * every + 0.01 * one, "sendgrid_error", ok=False, correlation_id=f"job-{one}", **more)
        for one in range(ids)
        for step in range(number)
    ]


def verdict(path: Path, errors: Sequence[Event]) -> str:
    """What is said at the window's end, and when the release is replayed."""
    events = [*steady(), mark(-5000, "r0"), mark(), *errors]
    with stored(path / "log.db", events) as log:
        replayed = replayed_verdict(log)
        judged = judge(log)
    assert replayed == (verdicts(judged)["sendgrid.errors"], judged.verdict == "fail")
    return replayed[0]


def replayed_verdict(log: EventLog) -> tuple[str, bool]:
    request = BacktestRequest(environment=None, promise=PROMISE, every=timedelta(minutes=1), outcomes={})
    of_release = next(one for one in backtest_of(log, SHIPPED, request).replayed if one.deployment.release == "r1")
    found = {one.id: one.verdict.value for one in of_release.findings}
    return found["sendgrid.errors"], of_release.failed_after_s is not None


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


def test_so_are_they_where_rows_name_the_provider_in_their_own_way_or_a_clock_is_ahead(tmp_path: Path) -> None:
    assert verdict(tmp_path, retried(1, provider="SendGrid")) != "fail"
    (ahead := tmp_path / "ahead").mkdir()
    shifted = [replace(one, occurred_at=one.occurred_at + timedelta(hours=3)) for one in retried(1)]
    assert verdict(ahead, shifted) != "fail"
