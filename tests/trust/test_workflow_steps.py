"""The shipped workflows' own scripts, run as a runner does: what they hand to the command and leave behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from releaseguard.eventlog.interface import Query
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from tests.support.commands import Commands

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "workflows"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def steps(name: str) -> Mapping[str, Any]:
    """The scripts of the only job of a workflow, or of the action, by their names."""
    document = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    [job] = document["jobs"].values() if "jobs" in document else [document["runs"]]
    return {step["name"]: step for step in job["steps"] if "run" in step}


class Runner:
    """A folder with a log in it, and a runner's files."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.summary, self.output = folder, folder / "summary.md", folder / "output"
        binaries = folder / "releaseguard" / "bin"
        binaries.mkdir(parents=True)
        (binaries / "releaseguard").symlink_to(Path(sys.executable).parent / "releaseguard")
        (binaries / "python").symlink_to(sys.executable)

    def run(self, step: Mapping[str, Any], **given: str) -> subprocess.CompletedProcess[str]:
        """Run the script with the variables that the step names: ``given``, and empty ones."""
        environ = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "RUNNER_TEMP": str(self.folder),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_OUTPUT": str(self.output),
            **dict.fromkeys(step.get("env", {}), ""),
            **given,
        }
        command = ["bash", "-e", "-o", "pipefail", "-c", step["run"]]
        return subprocess.run(
            command, cwd=self.folder, env=environ, capture_output=True, text=True, check=False, timeout=120
        )

    @property
    def outputs(self) -> Mapping[str, str]:
        lines = self.output.read_text().splitlines() if self.output.exists() else []
        return dict(line.split("=", 1) for line in lines)


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    with SqliteEventLog(tmp_path / "releaseguard.db") as log:
        log.migrate()
    return Runner(tmp_path)


@pytest.mark.parametrize("name", ["verify.yml", "rotate.yml", "drift.yml"])
@pytest.mark.parametrize("ref", ["", "main", "v1.0", COMMIT[:12], f"{COMMIT}0", f"{COMMIT}\nmain", COMMIT.upper()])
def test_a_tool_that_is_not_pinned_is_not_run(runner: Runner, name: str, ref: str) -> None:
    pin = steps(f"workflows/{name}")["The tool is pinned"]
    assert runner.run(pin, REF=COMMIT).returncode == 0
    done = runner.run(pin, REF=ref)
    if ref != f"{COMMIT}\nmain":  # a variable of GitHub's has no line break
        assert (done.returncode, "RELEASEGUARD_REF" in done.stderr) == (2, True)


def test_every_checkout_of_the_tool_is_of_that_commit() -> None:
    for path in FOLDER.glob("*.yml"):
        for job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values():
            foreign = [step["with"] for step in job.get("steps", ()) if "repository" in step.get("with", {})]
            assert all(one["ref"] == "${{ vars.RELEASEGUARD_REF }}" for one in foreign), path.name


def test_a_deployment_is_marked_at_its_own_time_and_judged(runner: Runner) -> None:
    verify = steps("workflows/verify.yml")
    about = {"RELEASE": COMMIT, "ENVIRONMENT": "production"}
    at = "2026-11-24T10:15:00Z"
    assert runner.run(verify["Mark the deployment"], **about, DEPLOYED_AT=at).returncode == 0
    done = runner.run(verify["Judge it"], **about, WITHIN="1s")
    assert done.returncode == 3, done.stderr
    assert runner.outputs == {"verdict": "inconclusive", "release": COMMIT}
    assert "INCONCLUSIVE" in runner.summary.read_text()
    with SqliteEventLog(runner.folder / "releaseguard.db") as log:
        [mark] = log.select(Query(events=["release_deployed"]))
    assert f"{mark.occurred_at:%Y-%m-%dT%H:%M:%SZ}" == at


def test_what_ends_a_command_is_in_the_summary(runner: Runner) -> None:
    (runner.folder / "releaseguard.toml").write_text("[projct]\n")
    done = runner.run(steps("workflows/drift.yml")["Compare"])
    assert done.returncode == 2
    assert "projct" in runner.summary.read_text()


@pytest.mark.parametrize(("name", "step"), [("coverage.yml", "Read the code"), ("drift.yml", "Compare")])
def test_a_configuration_that_is_not_at_the_root_is_read(runner: Runner, name: str, step: str) -> None:
    """It is known by the mistake in it; an empty variable names none."""
    place = runner.folder / "apps" / "web" / "releaseguard.toml"
    place.parent.mkdir(parents=True)
    place.write_text("[projct]\n")
    [job] = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))["jobs"].values()
    told = job.get("env", {}) | next(one for one in job["steps"] if one.get("name") == step).get("env", {})
    assert "vars.RELEASEGUARD_CONFIG" in told["RELEASEGUARD_CONFIG"]
    script = steps(f"workflows/{name}")[step]
    found = runner.run(script, RELEASEGUARD_CONFIG="apps/web/releaseguard.toml", FOLDER=".")
    assert (found.returncode, "apps/web/releaseguard.toml:1" in found.stderr) == (2, True)
    assert "projct" not in runner.run(script, RELEASEGUARD_CONFIG="", FOLDER=".").stderr


@pytest.mark.parametrize("name", ["action.yml", "workflows/action/action.yml"])
def test_no_module_of_the_checkout_takes_the_place_of_pythons(name: str) -> None:
    """Without ``-I`` the working directory comes first: a pull request's ``venv.py`` would run beside every secret."""
    calls = [call for step in steps(name).values() for call in re.findall(r"(?<![\w/])python3? (\S+)", step["run"])]
    assert calls
    assert {*calls} == {"-I"}


def test_the_action_runs_the_words_that_it_is_given_and_expands_none(runner: Runner) -> None:
    run = steps("action.yml")["Run"]
    command = "events log sendgrid sendgrid_email_sent success --source '$(touch hacked); \"two words\"'"
    done = runner.run(run, COMMAND=command)
    assert done.returncode == 0, done.stderr
    assert not (runner.folder / "hacked").exists()
    with SqliteEventLog(runner.folder / "releaseguard.db") as log:
        [row] = log.select(Query())
    assert row.source == '$(touch hacked); "two words"'


def test_an_output_cannot_set_another(tmp_path: Path) -> None:
    output = tmp_path / "output"
    with SqliteEventLog(tmp_path / "releaseguard.db") as log:
        log.migrate()
    cli = Commands(tmp_path, {"GITHUB_OUTPUT": str(output)})
    assert cli.run("events", "deployed", "--release", "r1").code == 0
    cli.run("verify", "--release", "r1\nverdict=pass", "--deployed-at", "1h", "--no-flows")
    lines = output.read_text().splitlines() if output.exists() else []
    assert [line for line in lines if line.startswith("verdict=")] in ([], ["verdict=inconclusive"])
