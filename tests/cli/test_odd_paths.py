"""Paths that cannot be used: links in a circle, names that no file system takes, a folder that is gone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from releaseguard.cli import entrypoint
from releaseguard.errors import ExitCode
from releaseguard.safemode import build_policy, guarding
from releaseguard_events import configuration

LOG = '[project]\nname = "lovendo"\n[events]\nurl = "sqlite:///log.db"\n'


@pytest.fixture(autouse=True)
def _guard_of_its_own() -> Iterator[None]:
    """The rules that a command puts in force do not outlive its test."""
    with guarding(build_policy({}, {})):
        yield


@pytest.fixture
def gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the test runs has been deleted, as a deployment does that removes older releases."""
    folder = tmp_path / "releases" / "41"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    folder.rmdir()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "releaseguard.toml").write_text(LOG)
    (tmp_path / "circle").symlink_to("circle")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def error_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = entrypoint.run([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)["error"]["what"]


@pytest.mark.usefixtures("gone")
def test_a_command_in_a_folder_that_is_gone_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert error_of(capsys, "coverage", ".") == (ExitCode.USAGE, "the directory that this was run in is gone")


@pytest.mark.usefixtures("gone")
def test_a_configuration_that_is_named_is_read_from_a_folder_that_is_gone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "releaseguard.toml").write_text(LOG)
    named = ["--json", "--config", str(tmp_path / "releaseguard.toml")]
    assert entrypoint.run(["events", "migrate", *named]) == ExitCode.OK
    assert entrypoint.run(["events", "list", *named]) == ExitCode.OK
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("gone")
def test_an_app_whose_folder_was_deleted_still_knows_where_its_events_go() -> None:
    url = "sqlite:////var/log/events.db"
    assert configuration.read({configuration.VARIABLE: url}).url == url


def test_links_in_a_circle_are_told_of(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, what = error_of(capsys, "health", "--config", "circle")
    assert (code, what) == (ExitCode.USAGE, "there is no such file")


def test_a_folder_of_cards_that_leads_nowhere_is_not_passed_over(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "checks").symlink_to("cards-of-a-submodule")
    code, what = error_of(capsys, "health")
    assert (code, what) == (
        ExitCode.USAGE,
        "this link leads to no folder, so the project's own cards cannot be read",
    )


@pytest.mark.usefixtures("project")
def test_a_name_that_is_too_long_is_no_bug(capsys: pytest.CaptureFixture[str]) -> None:
    code, what = error_of(capsys, "verify", "-o", "x" * 300)
    assert (code, what) == (ExitCode.USAGE, "the file cannot be used: File name too long")


@pytest.mark.parametrize("command", ["verify", "health", "incident twilio", "events export", "audit report"])
@pytest.mark.parametrize("name", ["log.db", "releaseguard.toml", "-"])
def test_no_result_is_written_over_the_log_or_the_configuration(
    project: Path, capsys: pytest.CaptureFixture[str], command: str, name: str
) -> None:
    (project / "log.db").write_bytes(b"SQLite format 3\0" + bytes(84))
    before = {path.name: path.read_bytes() for path in project.iterdir() if path.is_file()}
    assert error_of(capsys, *command.split(), "-o", name)[0] == ExitCode.USAGE
    assert {path.name: path.read_bytes() for path in project.iterdir() if path.is_file()} == before
