"""In GitHub Actions, what needs a credential refuses runs for what anybody may have written; the rest goes on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from tests.support.commands import Commands

Variables = Callable[..., dict[str, str]]
STRANGERS = {
    "pull request": ("pull_request", "refs/pull/7/merge"),
    "its target": ("pull_request_target", "refs/heads/main"),
    "branch": ("push", "refs/heads/feature"),
    "after a pull request": ("workflow_run", "refs/heads/main"),
}
NEEDING = [
    ("rotate", "sendgrid", "--dry-run"),
    ("rotate", "--all-drifted", "--yes"),
    ("drift",),
    ("leaks",),
    ("verify", "--release", "r1"),
    ("incident", "sendgrid"),
    ("doctor",),
]
FREE = [
    ("--help",),
    ("rotate", "--help"),
    ("health",),
    ("events", "list"),
    ("events", "deployed", "--release", "r1"),
    ("events", "migrate", "--sql"),
    ("audit", "verify"),
    ("coverage", "."),
    ("backtest",),
]


@pytest.fixture
def stranger(run_of: Variables, cli: Commands) -> Callable[[str], dict[str, str]]:
    (cli.folder / "mail.py").write_text("import json\n")
    with SqliteEventLog(cli.folder / "releaseguard.db") as log:
        log.migrate()

    def variables(kind: str) -> dict[str, str]:
        event, ref = STRANGERS[kind]
        return run_of(event, ref, workflow_run={"event": "pull_request", "head_branch": "main"})

    return variables


@pytest.mark.parametrize("kind", STRANGERS)
@pytest.mark.parametrize("arguments", NEEDING, ids=" ".join)
def test_what_needs_a_credential_refuses(
    cli: Commands, stranger: Callable[[str], dict[str, str]], asked: list[str], arguments: tuple[str, ...], kind: str
) -> None:
    done = cli.run(*arguments, **stranger(kind))
    assert done.code == 4, done.everything
    assert "GitHub Actions" in done.everything
    assert asked == []


@pytest.mark.parametrize("arguments", FREE, ids=" ".join)
def test_what_needs_none_goes_on(
    cli: Commands, stranger: Callable[[str], dict[str, str]], arguments: tuple[str, ...]
) -> None:
    done = cli.run(*arguments, **stranger("pull request"))
    assert done.code in {0, 1, 3}, done.everything
    assert "GitHub Actions" not in done.err


@pytest.mark.parametrize(
    "arguments", [("drift",), ("leaks",), ("leaks", "--repo", "."), ("rotate", "sendgrid")], ids=" ".join
)
def test_a_run_without_secrets_is_not_told_to_be_given_some(
    cli: Commands, stranger: Callable[[str], dict[str, str]], arguments: tuple[str, ...]
) -> None:
    done = Commands(cli.folder, {}).run(*arguments, **stranger("pull request"))
    assert done.code == 4, done.everything
    assert "once the change is merged" in done.err
    assert "is not set" not in done.err


def test_without_any_credential_a_verdict_from_a_file_goes_on(
    cli: Commands, stranger: Callable[[str], dict[str, str]]
) -> None:
    bare = Commands(cli.folder, {})
    assert bare.run("events", "deployed", "--release", "r1", **stranger("pull request")).code == 0
    assert bare.run("verify", "--release", "r1", "--no-flows", **stranger("pull request")).code in {0, 3}
    assert bare.run("doctor", **stranger("pull request")).code == 1


@pytest.mark.parametrize(
    "given",
    [
        {"RELEASEGUARD_EVENTS_URL": "postgresql://u:p@127.0.0.1:9/log"},
        {"RELEASEGUARD_EVENTS_URL": "http://127.0.0.1:9", "SUPABASE_SERVICE_ROLE_KEY": "sb_secret_x"},
    ],
)
def test_a_log_that_needs_a_credential_is_not_read(
    cli: Commands, stranger: Callable[[str], dict[str, str]], given: dict[str, str]
) -> None:
    for arguments in (("health",), ("events", "list"), ("events", "deployed", "--release", "r"), ("audit", "verify")):
        done = cli.run(*arguments, **stranger("branch"), **given)
        assert done.code == 4, done.everything
        assert "RELEASEGUARD_TRUSTED_REFS=feature" in done.err


def test_the_apps_database_is_not_read_either(cli: Commands, stranger: Callable[[str], dict[str, str]]) -> None:
    bare = Commands(cli.folder, {"APP_DATABASE_URL": "postgresql://u:p@127.0.0.1:9/app"})
    assert bare.run("verify", "--release", "r1", "--no-flows", **stranger("branch")).code == 4


@pytest.mark.parametrize(
    ("event", "ref", "more"),
    [
        ("push", "refs/heads/main", {}),
        ("push", "refs/heads/feature", {"RELEASEGUARD_TRUSTED_REFS": "feature"}),
        ("schedule", "refs/heads/main", {}),
    ],
)
def test_runs_of_what_was_merged_go_on_to_the_services(
    cli: Commands, run_of: Variables, asked: list[str], event: str, ref: str, more: dict[str, str]
) -> None:
    done = cli.run("drift", **run_of(event, ref), **more)
    assert done.code == 5, done.everything
    assert asked


def test_the_doctor_says_what_is_missing_and_asks_nothing(
    cli: Commands, stranger: Callable[[str], dict[str, str]], asked: list[str]
) -> None:
    done = cli.run("doctor", "--json", **stranger("branch"))
    found = {row["id"]: row for row in done.json["checks"]}
    assert "RELEASEGUARD_TRUSTED_REFS=feature" in found["configuration.run"]["fix"]
    assert {found[name]["status"] for name in ("github.reach", "infisical.reach", "events.log")} == {"skipped"}
    assert asked == []
