"""The steps of the shipped workflow where a verdict is reached: exit codes, outputs, summary, statuses, statements."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import Event, Outcome, new_id
from releaseguard.sandbox.world import World
from tests.support.commands import Commands
from tests.trust.test_workflow_steps import COMMIT
from tests.trust.test_workflow_steps_in_a_world import ABOUT, JobRunner, judged

BEHIND, WINDOW = timedelta(days=2), timedelta(minutes=35)
EVERY = timedelta(seconds=30)


def mails(now: datetime, deployed: datetime, *, failing: bool) -> Iterator[Event]:
    """What an app that sends a mail every half minute wrote before a deployment and since."""
    at = deployed - BEHIND
    while at < now:
        new = at >= deployed
        bad = failing and new
        yield Event(
            id=new_id(),
            occurred_at=at,
            recorded_at=at,
            provider="sendgrid",
            event="sendgrid_error" if bad else "sendgrid_email_sent",
            outcome=Outcome.ERROR if bad else Outcome.SUCCESS,
            error_code="500" if bad else None,
            environment="production",
            release=COMMIT if new else "0ld",
            source="web",
        )
        at += EVERY


@pytest.fixture
def job(tmp_path: Path) -> Iterator[JobRunner]:
    with World() as world:
        world.write(tmp_path)
        [github] = [line for line in (tmp_path / "releaseguard.toml").read_text().split("\n[") if "github]" in line]
        (tmp_path / "releaseguard.toml").write_text(
            f'[project]\nname = "lovendo"\nenvironment = "production"\n'
            f'[events]\nurl = "sqlite:///releaseguard.db"\n[{github}\n'
        )
        yield JobRunner(world, tmp_path)
    assert world.crashes == []


@pytest.mark.parametrize(
    ("failing", "code", "verdict", "state", "result"),
    [(False, 0, "pass", "success", "PASSED"), (True, 1, "fail", "failure", "FAILED")],
    ids=["pass", "fail"],
)
def test_a_verdict_is_the_same_wherever_a_job_leaves_it(
    job: JobRunner, failing: bool, code: int, verdict: str, state: str, result: str
) -> None:
    now = datetime.now(UTC)
    deployed = (now - WINDOW).replace(microsecond=0)
    with SqliteEventLog(job.runner.folder / "releaseguard.db") as log:
        log.migrate()
        log.restore(mails(now, deployed, failing=failing))
    job.repo.pulls[COMMIT] = [7]
    at = {"DEPLOYED_AT": f"{deployed:%Y-%m-%dT%H:%M:%SZ}"}
    assert judged(job, **at) == code, job.said
    assert (job.runner.outputs["verdict"], job.runner.outputs["release"]) == (verdict, COMMIT)
    assert verdict.upper() in job.summary
    assert job.repo.statuses["99"][-1]["state"] == state
    assert verdict.upper() in job.repo.comments["7"][0]["body"]
    statement = json.loads((job.runner.folder / "verdict.in-toto").read_text())
    assert statement["predicate"]["result"] == result
    assert ("<failure" in (job.runner.folder / "verdict.junit").read_text()) is failing
    assert bool(json.loads((job.runner.folder / "verdict.sarif").read_text())["runs"][0]["results"]) is failing
    assert job.run("verify", "Judge it", **ABOUT, WITHIN="1s") == code, "a job that is run again"


def test_a_job_that_meets_an_approval_says_so_and_is_no_success(tmp_path: Path) -> None:
    with World() as world, SqliteEventLog(tmp_path / "releaseguard.db") as log:
        log.migrate()
        world.write(tmp_path)
        world.infisical.requires_approval = True
        asked = Commands(tmp_path, world.environ()).run(
            "rotate", "sendgrid", "--from", "stdin", "--yes", stdin="SG.new-value-of-a-key-0123456789abcdef\n"
        )
        assert asked.code == 3, asked.everything
        job = JobRunner(world, tmp_path)
        world.infisical.requires_approval = True
        assert job.run("rotate", "Rotate", PROVIDER="sendgrid") == 3, job.said
        assert job.runner.outputs["state"] == "WAITING_APPROVAL"
        assert "WAITING_APPROVAL" in job.summary
        assert job.run("rotate", "The post-mortem", ROTATION=job.runner.outputs["rotation_id"]) == 0
        statement = json.loads((tmp_path / "rotation.in-toto").read_text())
        assert statement["predicate"]["result"] == "FAILED"
