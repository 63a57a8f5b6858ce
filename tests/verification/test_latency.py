"""Successes that are slower than usual: a warning, by the same evidence, and never a failure."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from releaseguard.model import Verdict
from tests.support.verifying import NOON, SHIPPED, judge, mark, row, stored
from tests.support.verifying import verdicts as said


def rows(times: float, *, every: float = 1.0, latency: bool = True, cold: float = 1.0):
    """E-mails that take about a fifth of a second, and so many times that with the release."""
    rng, made = random.Random(7), []
    minute = -1600.0
    while minute < 30:
        slower = 1.0 if minute < 0 else cold if minute < 4 else times
        took = round(200 * slower * rng.lognormvariate(0, 0.4)) if latency else None
        made.append(row(minute, "sendgrid_email_sent", latency_ms=took))
        minute += every * rng.uniform(0.5, 1.5)
    return made


BUSY = pytest.mark.full("the same with thrice the traffic")


@pytest.mark.parametrize("every", [1.0, 0.3, pytest.param(0.1, marks=BUSY)])
@pytest.mark.parametrize(("times", "verdict"), [(20.0, Verdict.WARN), (4.0, Verdict.WARN), (1.0, Verdict.PASS)])
def test_slower_successes_warn(tmp_path: Path, every: float, times: float, verdict: Verdict) -> None:
    judged = judge(stored(tmp_path / "log.db", [*rows(times, every=every), mark()]))
    found = next(one for one in judged.findings if one.id == "sendgrid.latency")
    assert found.verdict is verdict, found.reason
    assert judged.verdict is not Verdict.FAIL


def test_a_cold_start_is_no_slower_release(tmp_path: Path) -> None:
    judged = judge(stored(tmp_path / "log.db", [*rows(1.0, every=0.3, cold=20.0), mark()]))
    assert said(judged)["sendgrid.latency"] == "pass"


def test_an_app_that_logs_no_latency_is_told_so_and_not_warned(tmp_path: Path) -> None:
    judged = judge(stored(tmp_path / "log.db", [*rows(1.0, latency=False), mark()]))
    assert "sendgrid.latency" not in said(judged)
    assert any("latency_ms" in one.reason for one in judged.skipped if one.check.id == "sendgrid.latency")


def test_every_shipped_card_has_one_and_none_can_fail_a_release() -> None:
    kinds = {card.id: [check for check in card.checks if check.id == f"{card.id}.latency"] for card in SHIPPED}
    assert all(len(checks) == 1 and not checks[0].blocking for checks in kinds.values())


@pytest.mark.parametrize(
    ("times", "now", "says"),
    [
        (1.0, 4, "every deployment starts cold: judged from 12:05Z on"),
        (None, 20, "no success that tells how long it took has come since 12:05Z"),
        (1.0, 8, "needed about"),
    ],
)
def test_what_is_not_decided_says_what_it_takes(tmp_path: Path, times: float | None, now: float, says: str) -> None:
    made = [one for one in rows(times or 1.0) if times or one.occurred_at < NOON]
    judged = judge(stored(tmp_path / "log.db", [*made, mark()]), now=now)
    (found,) = [one for one in judged.findings if one.id == "sendgrid.latency"]
    assert found.verdict is Verdict.INCONCLUSIVE
    assert says in found.reason
