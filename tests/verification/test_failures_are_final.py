"""A FAIL is final: no later mark, no second run and no row that does not fit takes it back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from releaseguard.cards.spec import Card
from releaseguard.eventlog.interface import Query
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import Event, Outcome, Verdict, new_id
from releaseguard.verification.checks.live_checks import LiveChecks
from releaseguard.verification.context import VerifyRequest
from releaseguard.verification.evidence import SecretState
from releaseguard.verification.rows.releases import deployments_of
from releaseguard.verification.values import Judged
from releaseguard.verification.write_back import written_back
from tests.support.verifying import NOON, SHIPPED, judge, mark, row, steady, stored

HALF = timedelta(minutes=30)


def made(*marks: Event) -> list[tuple[str, float, float | None]]:
    """Release, minute of the deployment, and the minute at which another ended its window."""

    def minute(at: Any) -> float | None:
        return None if at is None else (at - NOON) / timedelta(minutes=1)

    return [
        (one.release, minute(one.deployed_at) or 0.0, minute(one.followed_at)) for one in deployments_of(marks, HALF)
    ]


MARKS = {
    "one after the other": ([mark(0), mark(20, "r2")], [("r1", 0, 20), ("r2", 20, None)]),
    "a job that is run again": ([mark(0), mark(10)], [("r1", 0, None)]),
    "and again": ([mark(0), mark(10), mark(29)], [("r1", 0, None)]),
    "the same, later": ([mark(0), mark(30)], [("r1", 0, 30), ("r1", 30, None)]),
    "the same, meant": ([mark(0), mark(10, again=True)], [("r1", 0, 10), ("r1", 10, None)]),
    "run again after one that was meant": (
        [mark(0), mark(10, again=True), mark(15)],
        [("r1", 0, 10), ("r1", 10, None)],
    ),
    "the same by another deployment id": (
        [mark(0, deployment_id="dpl_1"), mark(10, deployment_id="dpl_2")],
        [("r1", 0, 10), ("r1", 10, None)],
    ),
    "the same, which learns its id": (
        [mark(0), mark(5, deployment_id="dpl_1"), mark(10, deployment_id="dpl_1"), mark(12, deployment_id="dpl_2")],
        [("r1", 0, 12), ("r1", 12, None)],
    ),
    "back to it after another": (
        [mark(0), mark(10, "r2"), mark(20)],
        [("r1", 0, 10), ("r2", 10, 20), ("r1", 20, None)],
    ),
    "another, dated back": ([mark(0), mark(1, "r2", recorded=25)], [("r1", 0, 25), ("r2", 1, None)]),
    "another, dated back beyond it": ([mark(0), mark(-9, "r2", recorded=25)], [("r2", -9, 0), ("r1", 0, None)]),
    "the same, dated back": ([mark(0), mark(-29, recorded=25)], [("r1", -29, 0), ("r1", 0, None)]),
    "another provider's row": ([mark(0), replace(mark(5, "r2"), provider="sendgrid")], [("r1", 0, None)]),
}


@pytest.mark.parametrize("case", MARKS)
def test_marks_of_one_deployment_and_of_several(case):
    marks, expected = MARKS[case]
    assert made(*marks) == expected
    assert made(*reversed(marks)) == expected


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("failing") / "log.db"
    bad = [row(2 + m / 4, "sendgrid_error", ok=False) for m in range(60)]
    stored(path, [mark(), *steady(until=20), *bad]).close()
    return path


@pytest.fixture
def log(tmp_path: Path, failing: Path) -> Iterator[SqliteEventLog]:
    shutil.copy(failing, tmp_path / "log.db")
    with SqliteEventLog(tmp_path / "log.db") as opened:
        yield opened


def verdict(log: SqliteEventLog, **more: Any) -> Verdict:
    return judge(log, **more).verdict


FORGED = {
    "another release, dated back to the minute after": mark(1, "r9", recorded=25),
    "another release, dated to now": mark(25, "r9", recorded=25),
    "the same, by a job that is run again": mark(25, recorded=25),
    "the same, dated back": mark(-29, recorded=25),
    "an acceptance": Event(
        id=new_id(),
        occurred_at=NOON,
        recorded_at=NOON,
        provider="releaseguard",
        event="check_accepted",
        outcome=Outcome.SUCCESS,
        environment="production",
        release="r1",
        detail={"check": "sendgrid.errors", "release": "r1"},
    ),
}


@pytest.mark.parametrize("row_of", FORGED)
def test_no_row_that_is_inserted_afterwards_takes_a_failure_back(log, row_of):
    assert verdict(log) is Verdict.FAIL
    log.restore([FORGED[row_of]])
    assert verdict(log) is Verdict.FAIL
    assert verdict(log, now=300) is Verdict.FAIL


def test_a_mark_that_ends_the_window_in_time_does_so(log):
    log.restore([mark(2, "r2")])
    assert verdict(log) is not Verdict.FAIL


def test_with_as_of_what_was_recorded_later_is_not_known(log):
    log.restore([mark(3, "r9", recorded=25)])
    at = NOON + timedelta(minutes=24)
    judged = judge(log, request=VerifyRequest(release="r1", as_of=at))
    assert judged.deployment.followed_at is None


def present(in_step: bool) -> LiveChecks:
    state = SecretState("SENDGRID_API_KEY", "github:lovendo/app", in_step, "is older" if not in_step else "")
    return LiveChecks(
        secret_states=lambda _provider, _names: [state],
        providers_with_destinations=frozenset({"sendgrid"}),
        count_rows=lambda _sql: 0 if in_step else 3,
    )


@pytest.fixture
def calm(tmp_path: Path) -> Iterator[SqliteEventLog]:
    with stored(tmp_path / "calm.db", [mark(), row(1, "sendgrid_email_sent")]) as opened:
        yield opened


def only(judged: Judged, name: str) -> Any:
    return next(one for one in judged.findings if one.id == name)


def test_a_failure_of_the_present_stays_when_all_is_well_again(calm):
    first = judge(calm, now=5, live_checks=present(in_step=False), write=True)
    assert only(first, "sendgrid.secrets").verdict is Verdict.FAIL
    again = judge(calm, now=9, live_checks=present(in_step=True), write=True)
    found = only(again, "sendgrid.secrets")
    assert (again.verdict, found.verdict) == (Verdict.FAIL, Verdict.FAIL)
    assert "failed at 2026-11-20T12:05" in found.reason
    assert "is older" in found.reason
    assert "now: observed all 1 copies in step" in found.reason
    assert only(judge(calm, now=20, live_checks=present(in_step=True)), "sendgrid.secrets") == found


def test_it_stays_where_the_check_is_left_out_the_second_time(calm):
    judge(calm, now=5, live_checks=present(in_step=False), write=True)
    again = judge(calm, now=9)
    assert (again.verdict, only(again, "paytr.wallets").verdict) == (Verdict.FAIL, Verdict.FAIL)
    assert "not looked at in this run" in only(again, "paytr.wallets").reason
    assert "paytr.wallets" not in {one.check.id for one in again.skipped}


def test_it_stays_where_the_card_makes_it_a_warning_afterwards(calm):
    judge(calm, now=5, live_checks=present(in_step=False), write=True)
    assert judge(calm, now=9, cards=[_soft(card) for card in SHIPPED]).verdict is Verdict.FAIL


def _soft(card: Card) -> Card:
    import msgspec

    return msgspec.structs.replace(
        card, checks=[msgspec.structs.replace(check, blocking=False) for check in card.checks]
    )


def test_a_new_deployment_begins_anew_and_so_does_another_release(calm):
    judge(calm, now=5, live_checks=present(in_step=False), write=True)
    calm.restore([mark(10, again=True), mark(11, "r2")])
    for release in ("r1", "r2"):
        judged = judge(calm, now=15, live_checks=present(in_step=True), request=VerifyRequest(release=release))
        assert judged.verdict is not Verdict.FAIL


CHANGES: dict[str, dict[str, Any]] = {
    "another release": {"release": "r0"},
    "another environment": {"environment": "staging"},
    "another deployment": {"detail": {"deployed_at": "2026-11-20T11:00:00.000000Z"}},
    "no deployment": {"detail": {"deployed_at": None}},
    "another verdict": {"detail": {"verdict": "warn"}},
    "no check": {"detail": {"check": 5}},
    "no reason": {"detail": {"reason": None}},
    "a success": {"outcome": Outcome.SUCCESS},
    "another provider": {"provider": "sendgrid"},
    "before the deployment": {"occurred_at": NOON - timedelta(minutes=1)},
    "an unknown check": {"detail": {"check": "sendgrid.nothing"}},
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_recorded_failure_that_does_not_fit_is_not_believed(calm, tmp_path, change):
    judge(calm, now=5, live_checks=present(in_step=False), write=True)
    [written] = [
        one for one in calm.select(Query(events=["release_check"])) if one.detail["check"] == "sendgrid.secrets"
    ]
    changes = dict(CHANGES[change])
    detail = {**written.detail, **changes.pop("detail", {})}
    forged = replace(written, **changes, id=new_id(), detail=detail)
    with stored(tmp_path / "other.db", [mark(), row(1, "sendgrid_email_sent"), forged]) as other:
        assert verdict(other, live_checks=present(in_step=True)) is not Verdict.FAIL


def test_as_of_ignores_what_was_recorded_as_failed_later(calm):
    failed = judge(calm, now=5, live_checks=present(in_step=False))
    calm.restore(replace(one, recorded_at=NOON + timedelta(minutes=10)) for one in written_back(failed))
    for minute, expected in ((9, False), (11, True)):
        request = VerifyRequest(release="r1", as_of=NOON + timedelta(minutes=minute))
        assert (judge(calm, request=request).verdict is Verdict.FAIL) is expected
