"""An invariant that had rows before the deployment began before; that excuses its own level and no more."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from releaseguard.model import Verdict
from releaseguard.verification.checks.live_checks import LiveChecks
from releaseguard.verification.context import VerifyRequest
from releaseguard.verification.run import Verifier
from releaseguard.verification.values import Finding
from releaseguard.verification.watch import Watching, verify
from tests.support.verifying import NOON, SHIPPED, mark, stored, world_of

CHECK = "paytr.wallets"


def looked(folder: Path, *counts: int, blocking: bool = True) -> Finding:
    """What the last of several deployments is told, each an hour after the one before and with so many rows."""
    marks = [mark(60 * number, f"r{number}") for number in range(len(counts))]
    log = stored(folder / "log.db", marks)
    found = None
    for number, rows in enumerate(counts):
        world = replace(
            world_of(log, cards=_cards(blocking), now=60 * number + 10),
            live_checks=LiveChecks(count_rows=lambda _sql, rows=rows: rows),
        )
        request = VerifyRequest(release=f"r{number}", checks=frozenset({CHECK}))
        (found,) = verify(world, request, Watching(tell=str, warn=str)).findings
    assert found is not None
    return found


def _cards(blocking: bool) -> list[Any]:
    return [
        msgspec.structs.replace(card, checks=[_named(check, blocking) for check in card.checks]) for card in SHIPPED
    ]


def _named(check: Any, blocking: bool) -> Any:
    return msgspec.structs.replace(check, sql="SELECT 1", blocking=blocking) if check.id == CHECK else check


@pytest.mark.parametrize(
    ("counts", "verdict"),
    [
        ((0,), Verdict.PASS),
        ((3,), Verdict.FAIL),
        ((0, 3), Verdict.FAIL),
        ((3, 3), Verdict.WARN),
        ((50, 52), Verdict.WARN),
        ((50, 40, 45), Verdict.WARN),
        ((3, 40), Verdict.FAIL),
        ((1000, 1000), Verdict.WARN),
        ((3, 0, 2), Verdict.FAIL),
    ],
)
def test_rows_of_before_excuse_as_many_and_no_more(tmp_path, counts, verdict):
    assert looked(tmp_path, *counts).verdict is verdict


def test_what_began_before_is_said_with_when_and_how_many(tmp_path):
    found = looked(tmp_path, 7, 7)
    assert "it began before the deployment: at 2026-11-20T12:10:00" in found.reason
    assert (found.evidence.before.rows, found.evidence.rows) == (7, 7)


def test_a_look_of_the_same_deployment_is_no_earlier_one(tmp_path):
    log = stored(tmp_path / "log.db", [mark()])
    world = replace(world_of(log, cards=_cards(True), now=10), live_checks=LiveChecks(count_rows=lambda _sql: 3))
    request = VerifyRequest(checks=frozenset({CHECK}))
    verify(world, request, Watching(tell=str, warn=str))
    again = replace(world, now=lambda: NOON + timedelta(minutes=20))
    assert Verifier(request, again).look().findings[0].verdict is Verdict.FAIL
