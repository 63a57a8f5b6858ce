"""What people take upon themselves: recorded, shown from then on, never a PASS, and over with the deployment."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from releaseguard.model import Verdict
from releaseguard.verification.context import VerifyRequest
from releaseguard.verification.rows.accepted import Accepting, acceptances_in, accepting_rows
from releaseguard.verification.run import Verifier
from releaseguard.verification.telling.document import document_of
from releaseguard.verification.values import Deployment, Judged
from releaseguard.verification.watch import Watching, verify
from tests.support.commands import Commands
from tests.support.verifying import NOON, mark, row, steady, stored, world_of

ERRORS = "sendgrid.errors"
WANTED = Accepting(checks={ERRORS: "sendgrid"}, reason="SendGrid is being replaced", by="ada")


@pytest.fixture
def log(tmp_path):
    """A release whose mails all fail."""
    failing = [row(minute / 4, "sendgrid_error", ok=False) for minute in range(100)]
    return stored(tmp_path / "log.db", [mark(), *steady(until=0), *failing])


def look(log, *, now: float = 30, accepting: Accepting | None = None, release: str | None = None) -> Judged:
    watching = Watching(tell=str, warn=str, accepting=accepting)
    return verify(world_of(log, now=now), VerifyRequest(release=release, checks=frozenset({ERRORS})), watching)


def test_an_accepted_failure_warns_and_says_what_it_would_be(log):
    assert look(log).verdict is Verdict.FAIL
    judged = look(log, accepting=WANTED)
    (found,) = judged.findings
    assert (judged.verdict, found.verdict) == (Verdict.WARN, Verdict.WARN)
    assert found.evidence.accepted.verdict == "fail"
    assert found.reason.startswith("accepted by ada at 2026-11-20T12:30:00.000000Z: “SendGrid is being replaced”")


def test_it_is_in_every_later_report_of_the_deployment(log):
    look(log, accepting=WANTED)
    document = document_of(look(log, now=50))
    assert document["verdict"] == "warn"
    assert [one["check"] for one in document["decisions"]["accepted"]] == [ERRORS]
    assert document["summary"].startswith(f"accepted by a person: {ERRORS}")
    others = VerifyRequest(checks=frozenset({"sendgrid.volume"}))
    assert Verifier(others, world_of(log, now=50)).look().accepted[0].check == ERRORS, "shown where its check is not"


def test_a_check_that_passes_by_itself_is_no_pass_once_it_was_accepted(tmp_path):
    log = stored(tmp_path / "good.db", [mark(), *steady(every=0.2)])
    assert look(log).verdict is Verdict.PASS
    assert look(log, accepting=WANTED).verdict is Verdict.WARN


@pytest.mark.parametrize("release", ["r1", "r2"])
def test_it_ends_with_the_deployment(log, release):
    look(log, accepting=WANTED)
    log.restore([mark(120, release)])
    later = look(log, now=150, release=release)
    assert list(later.accepted) == []
    assert "accepted" not in later.findings[0].reason


def test_a_past_moment_does_not_know_it(log):
    look(log, accepting=WANTED)
    log.append([replace(mark(5, "elsewhere"), environment="staging")])
    asked = VerifyRequest(checks=frozenset({ERRORS}), as_of=NOON + timedelta(minutes=29))
    judged = Verifier(asked, world_of(log)).look()
    assert (judged.verdict, list(judged.accepted)) == (Verdict.FAIL, [])


@pytest.mark.parametrize(
    "other",
    [
        {"deployed_at": NOON - timedelta(days=1)},
        {"release": "r2"},
        {"environment": "staging"},
        {"component": "web"},
    ],
    ids=str,
)
def test_a_row_that_speaks_of_another_deployment_accepts_nothing(other):
    mine = Deployment(release="r1", environment="production", deployed_at=NOON)
    (written,) = accepting_rows(WANTED, replace(mine, **other), NOON)
    assert acceptances_in([written], mine) == {}
    assert acceptances_in(accepting_rows(WANTED, mine, NOON), mine)[ERRORS].reason == WANTED.reason


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--accept", ERRORS], "--accept CHECK and --reason TEXT go together"),
        (["--reason", "known"], "--accept CHECK and --reason TEXT go together"),
        (["--accept", ERRORS, "--reason", " "], "--reason is empty"),
        (["--release", " "], "--release is empty"),
        (["--component", ""], "--component is empty"),
        (["--environment", ""], "--environment is empty"),
        (["--provider", "sendgrid", "--provider", " "], "--provider is empty"),
        (["--accept", "sendgrid.error", "--reason", "known"], "sendgrid.errors"),
        (["--accept", ERRORS, "--reason", "known", "--as-of", "2026-11-20T12:00:00Z"], "--as-of judges the past"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(tmp_path, flags, said):
    stored(tmp_path / "log.db", [mark()]).close()
    (tmp_path / "releaseguard.toml").write_text('[events]\nurl = "sqlite:///log.db"\n')
    done = Commands(tmp_path, {}).run("verify", *flags)
    assert (done.code, said in done.err) == (2, True), done.everything


def test_the_command_says_who_accepted_and_what_the_mark_said(tmp_path):
    rows = [mark(said={"removes": ["mapbox"], "expect_traffic": 2.0}), *steady(every=0.2)]
    stored(tmp_path / "log.db", rows).close()
    (tmp_path / "releaseguard.toml").write_text('[events]\nurl = "sqlite:///log.db"\n')
    done = Commands(tmp_path, {"GITHUB_ACTOR": "ada"}).run("verify", "--accept", ERRORS, "--reason", "it is known")
    text = " ".join(done.out.split())
    assert (done.code, text.split(maxsplit=1)[0]) == (0, "WARN"), done.everything
    assert f"accepted: {ERRORS} by ada at " in text
    assert "it no longer uses mapbox" in text
    assert "2 times the usual traffic is expected" in text
