from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from releaseguard.cards.spec import NonBlockingCheck, PrivacyCheck, ReleaseTagCheck
from releaseguard.model import Event, Outcome, Verdict, new_id
from releaseguard.verification.checks import row_checks
from releaseguard.verification.values import Deployment
from releaseguard.verification.whose.members import Members
from releaseguard.verification.whose.tags import Tags

T0 = datetime(2026, 11, 24, 10, tzinfo=UTC)
NOW = T0 + timedelta(minutes=40)
NEW = Members(Deployment(release="new", environment="production", deployed_at=T0), Tags())
TITLE = {"en": "t", "tr": "t"}


def row(event="sent", minute=10.0, release="new", **more) -> Event:
    given = {"outcome": Outcome.SUCCESS, "provider": "p", "environment": "production", **more}
    return Event(id=new_id(), occurred_at=T0 + timedelta(minutes=minute), event=event, release=release, **given)


def tag(rows, **more):
    check = ReleaseTagCheck(id="p.release_tag", title=TITLE, events=["sent"], **more)
    since = row_checks.tagged_since(check, NEW.deployment)
    untagged = [one for one in rows if one.release is None and not one.synthetic and one.occurred_at >= since]
    return row_checks.release_tag("p", check, each(rows), NEW, NOW, lambda _: untagged)


def each(rows):
    return [(one, 1) for one in rows]


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        ([row() for _ in range(80)], Verdict.PASS),
        ([row() for _ in range(30)], Verdict.INCONCLUSIVE),
        ([row(release=None) for _ in range(30)], Verdict.FAIL),
        ([row(release="old") for _ in range(80)], Verdict.INCONCLUSIVE),
        ([row(release=None, source="client") for _ in range(80)], Verdict.INCONCLUSIVE),
        ([row(release=None, minute=1) for _ in range(80)], Verdict.INCONCLUSIVE),
        ([row(synthetic=True) for _ in range(80)], Verdict.INCONCLUSIVE),
        ([row(release=None, synthetic=True) for _ in range(30)] + [row() for _ in range(80)], Verdict.PASS),
        ([], Verdict.INCONCLUSIVE),
    ],
)
def test_release_tags(rows, verdict):
    assert tag(rows).verdict is verdict


def test_events_of_other_releases_only_mean_that_the_release_is_not_live():
    found = tag([row(release="old")])
    assert found.evidence.silence_cause == "release_not_live"


def test_too_few_tagged_events_say_how_many_more():
    assert tag([row() for _ in range(30)]).evidence.needed_events == 59 - 30


def test_a_check_that_cannot_block_can_only_warn():
    assert tag([row(release=None) for _ in range(30)], blocking=False).verdict is Verdict.WARN


def kinds(detail):
    return {key: "email" for key, value in detail.items() if "@" in str(value)}


def privacy(rows):
    return row_checks.privacy("p", PrivacyCheck(id="p.privacy", title=TITLE), each(rows), NEW, NOW, kinds)


def test_personal_data_is_named_by_key_and_kind_and_never_repeated():
    found = privacy([row(), row(detail={"to": "someone@example.org"})])
    assert found.verdict is Verdict.FAIL
    assert "to: email" in found.reason
    assert "someone@" not in f"{found.reason} {found.evidence}"


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        ([row(detail={"template": "otp"})], Verdict.PASS),
        ([], Verdict.INCONCLUSIVE),
        ([row(minute=-5, detail={"to": "a@b.example"})], Verdict.INCONCLUSIVE),
        ([row(release="old", detail={"to": "a@b.example"})], Verdict.INCONCLUSIVE),
        ([row(release=None, detail={"to": "a@b.example"})], Verdict.FAIL),
        ([row(synthetic=True, detail={"to": "a@b.example"})], Verdict.FAIL),
        ([row(release=None)], Verdict.INCONCLUSIVE),
        ([row(), row(release=None), row(release=None)], Verdict.INCONCLUSIVE),
        ([row(synthetic=True)], Verdict.INCONCLUSIVE),
    ],
)
def test_only_rows_of_the_new_release_count_for_privacy(rows, verdict):
    assert privacy(rows).verdict is verdict


def scan(rows, complete=NOW):
    check = NonBlockingCheck(
        id="ai.soft_fail", title=TITLE, error=["ai_error"], user_actions=["moment_published"], within="10m"
    )
    return row_checks.non_blocking("ai", check, rows, NEW, NOW, complete)


def failure(cid, minute=5.0):
    return row("ai_error", minute, outcome=Outcome.ERROR, correlation_id=cid)


def action(cid, minute=5.1, outcome=Outcome.SUCCESS):
    return row("moment_published", minute, outcome=outcome, correlation_id=cid)


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        ([failure("a"), action("a")], Verdict.PASS),
        ([failure("a"), action("b")], Verdict.FAIL),
        ([failure("a"), action("a", outcome=Outcome.ERROR)], Verdict.FAIL),
        ([failure("a", minute=35), action("b")], Verdict.INCONCLUSIVE),
        ([failure(None), action("b")], Verdict.INCONCLUSIVE),
        ([action("b")], Verdict.PASS),
        ([replace(action("b"), release=None)], Verdict.INCONCLUSIVE),
        ([replace(failure("a"), release=None), replace(action("a"), release=None)], Verdict.INCONCLUSIVE),
        ([replace(failure("a"), release=None), action("b")], Verdict.FAIL),
        ([], Verdict.INCONCLUSIVE),
    ],
)
def test_a_failed_scan_must_leave_the_users_action_alone(rows, verdict):
    assert scan(rows).verdict is verdict


def test_an_action_that_may_still_be_on_its_way_is_not_missing():
    rows = [failure("a"), action("b", minute=20)]
    assert scan(rows, complete=T0 + timedelta(minutes=14)).verdict is Verdict.INCONCLUSIVE
    assert scan(rows, complete=T0 + timedelta(minutes=15)).verdict is Verdict.FAIL
