"""A monitor that uses a provider in place of users carries no PASS, and neither does any source that is new with the
release and writes most of its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from releaseguard.model import Event, Verdict
from releaseguard.verification.checks.sources import newcomers_in
from tests.support.verifying import judge, mark, row, steady, stored

SENT = "sendgrid_email_sent"


def said(path: Path, since: Sequence[Event], before: Sequence[Event] = ()) -> dict[str, tuple[Verdict, str]]:
    usual = [replace(one, source="sendgrid-email") for one in steady(every=0.5, until=0)]
    judged = judge(stored(path, [*usual, *before, mark(), *since]))
    return {one.id: (one.verdict, one.reason) for one in judged.findings if one.id.startswith("sendgrid.")}


def written(source: str, *, every: float = 0.5, release: str = "r1") -> list[Event]:
    """A success each so many minutes since the deployment."""
    return [row(n * every, SENT, source=source, release=release) for n in range(round(60 / every))]


def test_a_monitor_that_stands_in_for_users_passes_nothing(tmp_path):
    found = said(tmp_path / "log.db", written("uptime-check"))
    assert {found[name][0] for name in ("sendgrid.errors", "sendgrid.volume")} == {Verdict.INCONCLUSIVE}
    assert "are by uptime-check, where sendgrid email wrote them before" in found["sendgrid.errors"][1]


def test_nor_does_one_that_hardly_counted_before(tmp_path):
    seldom = [row(-30 * n, SENT, source="uptime-check", release=None) for n in range(1, 40)]
    found = said(tmp_path / "log.db", written("uptime-check"), seldom)
    assert found["sendgrid.errors"][0] is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("beside", [[], written("uptime-check", every=5)])
def test_the_usual_source_passes_also_beside_a_new_one(beside, tmp_path):
    found = said(tmp_path / "log.db", [*written("sendgrid-email"), *beside])
    assert found["sendgrid.errors"][0] is Verdict.PASS


@pytest.mark.parametrize(
    ("old", "new", "is_new"),
    [
        ("web-7f9c4d-xkzvq", "web-5b8d6c-wqrtn", False),
        ("SendGrid-Email", "sendgrid_email", False),
        ("ip-10-0-0-1", "ip-10-0-0-9", False),
        ("3f9a8b1c22d0", "aa91c07be112", False),
        (None, None, False),
        (None, "mailer", False),
        ("mailer", None, False),
        ("sendgrid-email", "sendgrid-probe", True),
    ],
)
def test_what_changes_with_each_deployment_makes_no_other_source(old, new, is_new):
    now, before = ([row(0, SENT, source=source)] * 9 for source in (new, old))
    assert (newcomers_in(now, [before]) is not None) is is_new


def test_a_batch_right_before_the_release_does_not_make_the_usual_source_new():
    mails, batch = ([row(0, SENT, source=source)] * 9 for source in ("sendgrid-email", "nightly"))
    assert newcomers_in(mails, [batch, mails]) is None
    assert newcomers_in(mails, [batch]) is not None
    assert newcomers_in(mails, [[], []]) is None
