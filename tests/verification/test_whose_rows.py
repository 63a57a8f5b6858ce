"""What carries a release's tag is the release's, whenever its mark came; what came before it is not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from releaseguard.eventlog.counts import count_minutes
from releaseguard.model import Event, Outcome, Verdict
from releaseguard.stats.series import Cell
from releaseguard.verification.context import VerifyRequest
from releaseguard.verification.evidence import SignalEvidence
from releaseguard.verification.judge.replay import Replay
from releaseguard.verification.rows.traffic import gathered
from releaseguard.verification.rules import rules_of
from releaseguard.verification.telling.document import document_of
from releaseguard.verification.values import Deployment
from releaseguard.verification.whose.live import live_before
from releaseguard.verification.whose.members import Members, Owner
from releaseguard.verification.whose.population import Population
from releaseguard.verification.whose.tags import Tags, tags_of
from tests.support.verifying import NOON, PROMISE, SHIPPED, judge, mark, row, steady, stored, verdicts

MARK = int(NOON.timestamp() // 60)
SECOND = timedelta(seconds=1)
SHA = "3f2a9c1b7d5e4f60a1b2c3d4e5f60718293a4b5c"
NEW = Members(Deployment(release="new", environment="production", deployed_at=NOON), Tags())

Stretch = tuple[float, float, dict[str, int]]
"""From minute, to minute after the mark, and the rows of each release in each minute; ``None`` is written "-"."""


def _cells(stretches: Iterable[Stretch]) -> list[Cell]:
    return [
        Cell(MARK + minute, MARK + minute, "mail", "sent", True, None if name == "-" else name, False, False, rows, 0)
        for start, end, releases in stretches
        for minute in range(round(start), round(end))
        for name, rows in releases.items()
        if rows
    ]


def _every(start: int, end: int, step: int, name: str, other: str = "old") -> list[Stretch]:
    """One row of ``name`` every so many minutes, and one of the other release in each of the rest."""
    return [(m, m + 1, {name: 1} if (m - start) % step == 0 else {other: 1}) for m in range(start, end)]


LIVE = {
    "at its mark": ([(-60, 0, {"old": 3})], None),
    "two minutes before it": ([(-60, -2, {"old": 3}), (-2, 0, {"new": 3})], -2),
    "beside the old one, which serves on": ([(-60, -20, {"old": 5}), (-20, 0, {"old": 3, "new": 2})], -20),
    "a canary of one in ten": ([(-60, -30, {"old": 1}), *_every(-30, 0, 10, "new")], -30),
    "hours before, as far as the lead reaches": ([(-300, 0, {"new": 1})], -120),
    "after a look at it before it was switched on": (
        [(-90, -89, {"new": 1}), (-89, -2, {"old": 1}), (-2, 0, {"new": 1})],
        -2,
    ),
    "not, after a look at it": ([(-90, -89, {"new": 2}), (-89, 0, {"old": 1})], None),
    "again, after another": ([(-90, -60, {"new": 2}), (-60, -3, {"old": 2}), (-3, 0, {"new": 2})], -3),
    "again, while another's rows trail off": (
        [(-90, -60, {"new": 2}), (-60, -3, {"old": 2}), (-3, 0, {"new": 2, "old": 1})],
        -3,
    ),
    "a night without users is no other release": ([(-100, -90, {"new": 1}), (-10, 0, {"new": 1})], -100),
    "rows without a release say nothing": ([(-60, -5, {"-": 4}), (-5, 0, {"new": 1, "-": 3})], -5),
}


@pytest.mark.parametrize(("stretches", "live"), LIVE.values(), ids=LIVE)
def test_a_release_is_live(stretches: Sequence[Stretch], live: int | None) -> None:
    found = live_before(_cells(stretches), NEW, MARK, MARK - 120)
    assert (None if found is None else found - MARK) == live


def test_errors_choose_no_time() -> None:
    cells = _cells([(-60, -20, {"old": 5}), (-20, 0, {"old": 3, "new": 2})])
    failing = [cell._replace(ok=cell.release == "old") for cell in cells]
    assert live_before(cells, NEW, MARK, MARK - 120) == live_before(failing, NEW, MARK, MARK - 120)


def test_what_carries_a_deployments_id_is_that_deployments() -> None:
    members = Members(replace(NEW.deployment, deployment_id="dpl_2"), tags_of(None))
    (cell,) = _cells([(0, 1, {"new": 1})])
    said = [("dpl_2", "new"), ("dpl_2", None), ("dpl_1", "new"), (None, "new"), (None, None)]
    assert [members.of(cell._replace(deployment_id=named, release=release)) for named, release in said] == [
        Owner.OURS,
        Owner.OURS,
        Owner.ANOTHER,
        Owner.OURS,
        Owner.UNTAGGED,
    ]


def _late(minutes: float = 30, **more: object) -> list[Event]:
    """A release that is marked two minutes after it went live, each of whose mails fails."""
    failing = steady(("sendgrid_error",), every=0.25, since=-2, until=minutes, ok=False, release="r1")
    return [*steady(every=0.25, since=-2880, until=-2), *(replace(one, **more) for one in failing)]


def test_a_release_that_fails_before_its_mark_is_not_excused_by_itself(tmp_path: Path) -> None:
    with stored(tmp_path / "log.db", [*_late(), mark()]) as log:
        judged = judge(log, now=20)
    assert (judged.verdict, verdicts(judged)["sendgrid.errors"]) == (Verdict.FAIL, "fail")
    document = document_of(judged)
    assert (document["deployed_at"], document["live_since"]) == (
        "2026-11-20T12:00:00.000000Z",
        "2026-11-20T11:58:00.000000Z",
    )


def test_a_job_that_is_run_again_after_the_window_fails_again(tmp_path: Path) -> None:
    with stored(tmp_path / "log.db", [*_late(50), mark(), mark(35)]) as log:
        judged = judge(log, now=45)
    assert (judged.deployment.deployed_at, judged.verdict) == (NOON + timedelta(minutes=35), Verdict.FAIL)
    assert judged.deployment.live_since == NOON - timedelta(minutes=2)


@pytest.mark.parametrize("tag", [SHA[:7], f"shop@{SHA}", f"eu/{SHA[:12]}"])
def test_a_release_fails_under_any_of_its_names(tmp_path: Path, tag: str) -> None:
    with stored(tmp_path / "log.db", [*_late(release=tag), mark(0, SHA)]) as log:
        population = Population(tags=tags_of("^eu/(.+)$"))
        judged = judge(log, request=VerifyRequest(release=SHA[:9]), now=20, population=population)
    assert (judged.deployment.release, judged.verdict) == (SHA, Verdict.FAIL)


def test_a_clock_that_is_hours_behind_hides_no_release(tmp_path: Path) -> None:
    hours = timedelta(hours=3)
    rows = [one if one.release == "r0" else replace(one, occurred_at=one.occurred_at - hours) for one in _late()]
    with stored(tmp_path / "log.db", [*rows, mark()]) as log:
        judged = judge(log, now=25)
    assert judged.verdict is Verdict.FAIL


def test_a_release_that_nobody_has_seen_has_no_such_time(tmp_path: Path) -> None:
    with stored(tmp_path / "log.db", [*steady(until=10, release="r0"), mark()]) as log:
        assert document_of(judge(log, now=10))["live_since"] is None


def test_rows_of_a_release_before_it_was_marked_are_judged_one_by_one_too(tmp_path: Path) -> None:
    rows = [*steady(until=-5), *steady(since=-5, release="r1"), mark()]
    rows.append(row(-4, "sendgrid_email_sent", release="r1", detail={"to": "ayse@example.com"}))
    rows.append(row(-4, "sendgrid_email_sent", detail={"to": "ayse@example.com"}))

    def kinds(detail: dict[str, str]) -> dict[str, str]:
        return dict.fromkeys(detail, "e-mail")

    with stored(tmp_path / "log.db", rows) as log:
        (found,) = [one for one in judge(log, now=10, kinds=kinds).findings if one.id == "sendgrid.privacy"]
    assert (found.verdict, "1 of" in found.reason) == (Verdict.FAIL, True)


def test_the_moment_is_that_of_the_first_row_to_arrive(tmp_path: Path) -> None:
    first = NOON - timedelta(seconds=95)
    rows = [*steady(until=-2), *steady(since=-1, release="r1"), mark()]
    rows.append(row(-3, "sendgrid_email_sent", release="r1", recorded_at=first))
    with stored(tmp_path / "log.db", rows) as log:
        assert judge(log, now=10).deployment.live_since == first


def test_other_releases_are_counted_beside_it_in_the_same_minutes(tmp_path: Path) -> None:
    rows = [
        *steady(every=1, until=-2),
        *steady(every=0.5, since=-2, release="r1", correlation_id=None),
        *steady(every=1, since=-2, release="r0"),
        *steady(("sendgrid_error",), every=2, since=0, ok=False, release="r0"),
        *steady(every=5, since=-2, release=None),
    ]
    deployment = Deployment(release="r1", environment="production", deployed_at=NOON)
    rules = [rule for rule in rules_of(SHIPPED) if rule.id in ("sendgrid.errors", "sendgrid.volume")]
    replay = Replay(gathered(rules, [deployment], PROMISE, count_minutes(rows)), rules, deployment, PROMISE)
    replay.look(MARK + 10)
    beside = replay.state.beside["sendgrid.errors"]
    assert min(beside) == MARK - 2
    assert [(one.own, one.own_bad, one.others, one.others_bad) for one in (beside[MARK - 1], beside[MARK + 4])] == [
        (2, 0, 1, 0),
        (2, 0, 2, 1),
    ]
    assert replay.state.traffic.share(0, 10) == pytest.approx(20 / 35)
    assert replay.state.traffic.share(10, 20) is None


def mails(since: float, until: float, *, twice: bool, release: str, every: float = 0.5) -> list[Event]:
    """One mail for each action, or two."""
    first = steady(every=every, since=since, until=until, release=release)
    named = [replace(one, correlation_id=f"order {one.id.int}") for one in first]
    again = [replace(one, id=UUID(int=one.id.int << 64), occurred_at=one.occurred_at + SECOND) for one in named]
    return [*named, *(again if twice else [])]


def test_two_rows_of_one_action_are_as_intended_and_told(tmp_path: Path) -> None:
    rows = [*mails(-2880, 0, twice=False, release="r0"), *mails(0, 30, twice=True, release="r1")]
    with stored(tmp_path / "log.db", [*rows, mark()]) as log:
        found = {one.id: one for one in judge(log, now=30).findings}
    assert found["sendgrid.errors"].verdict is Verdict.PASS
    assert found["sendgrid.volume"].verdict is not Verdict.FAIL
    assert "an action writes 2.0 rows with this release, where it wrote 1.0" in found["sendgrid.volume"].reason


@pytest.mark.parametrize(
    ("every", "verdict"), [(0.3, Verdict.INCONCLUSIVE), (0.5, Verdict.INCONCLUSIVE), (3.0, Verdict.FAIL)]
)
def test_one_row_where_an_action_wrote_two_is_told_and_no_loss_of_actions(
    tmp_path: Path, every: float, verdict: Verdict
) -> None:
    """Whether the second mail was meant to go, no row tells; that five of six actions are gone as well, they do."""
    rows = [*mails(-2880, 0, twice=True, release="r0"), *mails(0, 60, twice=False, release="r1", every=every)]
    texts = steady(["twilio_sms_sent"], provider="twilio", every=0.5, since=-2880, until=60)
    hour = replace(PROMISE, window_minutes=60)
    with stored(tmp_path / "log.db", [*rows, *texts, mark()]) as log:
        found = {one.id: one for one in judge(log, now=60, promise=hour).findings}
    assert found["sendgrid.volume"].verdict is verdict
    assert "an action writes 1.0 rows with this release, where it wrote 2.0" in found["sendgrid.volume"].reason


def test_an_action_that_turns_out_bad_late_is_one_failure(tmp_path: Path) -> None:
    """Each call is logged as a success at once, and its refusal a minute and a half later, under the same id."""
    sent = [
        replace(one, correlation_id=f"mail {one.id.int}") for one in steady(every=0.25, since=0, until=20, release="r1")
    ]
    refused = [
        replace(
            one,
            id=UUID(int=one.id.int << 64),
            event="sendgrid_error",
            outcome=Outcome.ERROR,
            recorded_at=one.occurred_at + 90 * SECOND,
        )
        for one in sent
    ]
    other = steady(every=0.5, since=0, until=20, release="r0")
    with stored(tmp_path / "log.db", [*steady(every=0.25, since=-2880), *sent, *refused, *other, mark()]) as log:
        (found,) = [one for one in judge(log, now=20).findings if one.id == "sendgrid.errors"]
    assert found.verdict is Verdict.FAIL


def test_the_same_release_deployed_anew_is_told_from_itself_by_its_id(tmp_path: Path) -> None:
    def written(since: float, until: float, name: str, **more: object) -> list[Event]:
        return steady(every=0.25, since=since, until=until, release="r1", detail={"deployment_id": name}, **more)

    old = written(-2880, 30, "dpl_1")
    failing = steady(
        ("sendgrid_error",), every=0.25, since=0, until=30, ok=False, release=None, detail={"deployment_id": "dpl_2"}
    )
    marks = [mark(-1500, deployment_id="dpl_1"), mark(0, deployment_id="dpl_2")]
    with stored(tmp_path / "log.db", [*old, *failing, *marks]) as log:
        judged = judge(log, now=20)
    assert (judged.deployment.deployment_id, verdicts(judged)["sendgrid.errors"]) == ("dpl_2", "fail")
    (found,) = [one for one in judged.findings if one.id == "sendgrid.errors"]
    assert isinstance(found.evidence, SignalEvidence)
    assert found.evidence.errors == found.evidence.events > 50


@pytest.mark.parametrize(("failing", "verdict"), [(True, Verdict.FAIL), (False, Verdict.INCONCLUSIVE)])
def test_rows_whose_tags_name_no_release_count_by_their_time(tmp_path: Path, failing: bool, verdict: Verdict) -> None:
    events, ok = (("sendgrid_error",), False) if failing else (("sendgrid_email_sent",), True)
    rows = [*steady(every=0.5, since=-2880, until=0, release="unknown")]
    rows += steady(events, every=0.5, since=0, ok=ok, release="unknown")
    with stored(tmp_path / "log.db", [*rows, mark(0, SHA)]) as log:
        judged = judge(log, request=VerifyRequest(release=SHA))
        (found,) = [one for one in judged.findings if one.id == "sendgrid.errors"]
    assert found.verdict is verdict, found.reason
    assert "serves nobody" not in found.reason
    assert any('tags that name no release: "unknown" (60)' in one for one in document_of(judged)["remarks"])
