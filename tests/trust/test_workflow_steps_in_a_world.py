"""Every script of every shipped workflow, run as a runner does, against the stand-ins: however it ends."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.sandbox.world import World
from tests.trust.test_workflow_steps import COMMIT, FOLDER, Runner, steps

QUICK = '\n[rotation]\nlease = "1s"\nprove_within = "8s"\n[network]\ntimeout = "1s"\npatience = "3s"\n'
EVENT = {"repository": {"full_name": "lovendo/app", "default_branch": "main"}}
EXPRESSION = re.compile(r"\$\{\{.*?\}\}")


class JobRunner:
    """A runner for the repository of a world."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.runner = world, Runner(folder)
        event = folder / "event.json"
        event.write_text(json.dumps(EVENT))
        self.name, self.repo = next(iter(world.github.repositories.items()))
        given = world.environ()
        self.environ = {
            **given,
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": "schedule",
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_REPOSITORY": self.name,
            "GITHUB_RUN_ID": "55",
        }

    def run(self, workflow: str, name: str, **given: str) -> int:
        done = self.runner.run(steps(f"workflows/{workflow}.yml")[name], **{**self.environ, **given})
        self.said = done.stdout + done.stderr
        annotations = [line for line in done.stderr.splitlines() if line.startswith("::")]
        assert len(annotations) <= 10
        if done.returncode:
            assert annotations, self.said
        assert self.summary.strip(), self.said
        return done.returncode

    @property
    def summary(self) -> str:
        return self.runner.summary.read_text() if self.runner.summary.exists() else ""


@pytest.fixture
def job(tmp_path: Path) -> Iterator[JobRunner]:
    with World() as world, SqliteEventLog(tmp_path / "releaseguard.db") as log:
        log.migrate()
        world.app.log = log.append
        world.write(tmp_path, extra=QUICK)
        yield JobRunner(world, tmp_path)
    assert world.crashes == []


ABOUT = {"RELEASE": COMMIT, "ENVIRONMENT": "production"}


def judged(job: JobRunner, **given: str) -> int:
    """The steps of verify.yml after one another; the exit code is the judging step's."""
    assert job.run("verify", "Mark the deployment", **ABOUT, **given) == 0
    code = job.run("verify", "Judge it", **ABOUT, WITHIN="1s", **given)
    if (job.runner.folder / "verdict.json").exists():
        assert job.run("verify", "The same in the formats of other programs") == 0
    token = {"GITHUB_TOKEN": job.environ["RELEASEGUARD_GITHUB_TOKEN"]}
    assert job.run("verify", "Say it where people look", **ABOUT, **token, DEPLOYMENT="99") == 0, job.said
    return code


def test_a_release_that_is_not_decided_is_no_success_anywhere(job: JobRunner) -> None:
    job.repo.pulls[COMMIT] = [7]
    assert judged(job) == 3
    assert job.runner.outputs["verdict"] == "inconclusive"
    assert job.repo.statuses["99"][-1]["state"] == "pending"
    assert "INCONCLUSIVE" in job.repo.comments["7"][0]["body"]
    assert judged(job) == 3
    assert len(job.repo.comments["7"]) == 1
    written = {path.suffix for path in job.runner.folder.glob("verdict.*")}
    assert written == {".json", ".junit", ".sarif", ".html", ".in-toto"}


def test_a_crash_leaves_an_error_where_the_verdict_would_stand(job: JobRunner) -> None:
    job.repo.pulls[COMMIT] = [7]
    assert job.run("verify", "Mark the deployment", **ABOUT) == 0
    (job.runner.folder / "checks").mkdir()
    (job.runner.folder / "checks" / "sendgrid.toml").write_text("[[\n")
    assert job.run("verify", "Judge it", **ABOUT, WITHIN="1s") == 2
    (job.runner.folder / "checks" / "sendgrid.toml").unlink()
    token = {"GITHUB_TOKEN": job.environ["RELEASEGUARD_GITHUB_TOKEN"]}
    assert job.run("verify", "Say it where people look", **ABOUT, **token, DEPLOYMENT="99") == 0
    assert job.repo.statuses["99"][-1]["state"] == "error"
    assert "no verdict" in job.repo.comments["7"][0]["body"]


@pytest.mark.full("a rotation in processes of its own; the same commands run in other tests in this one")
def test_a_leak_is_rotated_told_and_documented_and_an_approval_waited_for(job: JobRunner) -> None:
    job.world.new_key("SENDGRID_API_KEY")
    about = {"PROVIDER": "sendgrid", "REASON": "in a gist", "NEW_DESTINATION": ""}
    with job.world.traffic(0.05):
        assert job.run("rotate", "Rotate", **about) == 0, job.said
    outputs = job.runner.outputs
    assert outputs["state"] == "PROVEN"
    assert outputs["head"].startswith("sendgrid@production#")
    assert job.run("rotate", "The post-mortem", ROTATION=outputs["rotation_id"]) == 0
    statement = json.loads((job.runner.folder / "rotation.in-toto").read_text())
    assert statement["predicate"]["result"] == "PASSED"
    assert job.run("drift", "Compare") == 1
    assert json.loads((job.runner.folder / "drift.sarif").read_text())["runs"][0]["results"]


def test_what_was_found_at_night_is_in_code_scanning(job: JobRunner) -> None:
    job.world.github.add_alert(job.name, "sendgrid_api_key", "SG.x")
    assert job.run("leaks", "Open alerts") == 1
    [result] = json.loads((job.runner.folder / "alerts.sarif").read_text())["runs"][0]["results"]
    assert result["level"] == "error"
    (job.runner.folder / "src").mkdir()
    (job.runner.folder / "src" / "mail.ts").write_text(
        'import sgMail from "@sendgrid/mail";\nexport async function send() {\n  await sgMail.send({ to: "a" });\n}\n'
    )
    assert job.run("coverage", "Read the code", FOLDER="src") == 1
    results = json.loads((job.runner.folder / "coverage.sarif").read_text())["runs"][0]["results"]
    assert {one["ruleId"] for one in results} >= {"not-logged"}
    assert job.run("health", "Look") in (0, 3)


def scripts() -> Mapping[str, str]:
    """Every script of every workflow and action."""
    found = {}
    for path in [*FOLDER.glob("*.yml"), FOLDER / "action" / "action.yml", FOLDER.parent / "action.yml"]:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        for job in document["jobs"].values() if "jobs" in document else [document["runs"]]:
            found |= {f"{path.name}:{one['name']}": one["run"] for one in job.get("steps", ()) if "run" in one}
    return found


def test_no_script_holds_an_expression_that_somebody_else_may_fill() -> None:
    assert len(scripts()) > 12
    assert {name for name, script in scripts().items() if EXPRESSION.search(script)} == set()


def test_every_secret_that_a_called_workflow_uses_is_declared_and_passed_on() -> None:
    verify = (FOLDER / "verify.yml").read_text(encoding="utf-8")
    after = yaml.safe_load((FOLDER / "after-deploy.yml").read_text(encoding="utf-8"))
    declared = yaml.safe_load(verify)[True]["workflow_call"]["secrets"]
    used = set(re.findall(r"secrets\.([A-Z_]+)", verify))
    assert used == set(declared) == set(after["jobs"]["verify"]["secrets"])


def test_a_log_in_a_file_is_refused_on_a_runner_that_is_lent_for_one_job(job: JobRunner) -> None:
    lent = {"RUNNER_ENVIRONMENT": "github-hosted"}
    assert job.run("verify", "Mark the deployment", **ABOUT, **lent) == 2
    assert "RELEASEGUARD_EVENTS_URL" in job.summary
