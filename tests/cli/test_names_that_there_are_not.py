"""An environment or a provider that there is not is refused by every command alike, before anything is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from releaseguard.eventlog.interface import Query
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from tests.support.commands import Commands

FILE = '[environments.staging]\ninfisical.environment = "staging"\n[infisical]\nproject_id = "p"\n'
WITH_ENVIRONMENT = [
    "events deployed --release a",
    "events log sendgrid sendgrid_email_sent success",
    "events list",
    "events export",
    "events prune --older-than 90d --yes",
    "verify --release a --deployed-at 1h --no-flows",
    "health",
    "status",
    "incident sendgrid",
    "backtest",
    "drift",
    "leaks",
    "rotate sendgrid --dry-run",
    "audit show",
    "audit verify",
    "audit report",
    "doctor",
]
WITH_PROVIDER = [
    "events log NAME sendgrid_email_sent success",
    "events list --provider NAME",
    "events export --provider NAME",
    "events deployed --release a --removes NAME",
    "verify --provider NAME",
    "health --provider NAME",
    "incident NAME",
    "drift --provider NAME",
    "rotate NAME",
    "audit show NAME",
    "doctor --provider NAME",
]


@pytest.fixture
def cli(tmp_path: Path) -> Commands:
    (tmp_path / "releaseguard.toml").write_text(FILE)
    with SqliteEventLog(tmp_path / "releaseguard.db") as log:
        log.migrate()
    return Commands(tmp_path, {})


def written(cli: Commands) -> int:
    with SqliteEventLog(cli.folder / "releaseguard.db") as log:
        return len(list(log.select(Query())))


@pytest.mark.parametrize("command", WITH_ENVIRONMENT)
def test_an_environment_that_the_file_does_not_name_is_refused(cli: Commands, command: str) -> None:
    done = cli.run(*command.split(), "--environment", "prodction")
    assert done.code == 2, done.everything
    assert "no environment is called prodction" in done.err
    assert "Did you mean 'production'?" in done.err
    assert written(cli) == 0


@pytest.mark.parametrize(
    ("command", "nearest"), [("sandbox brake mapbox", "break"), ("schema events-lst", "events-list")]
)
def test_of_many_words_the_nearest_is_named_and_not_all_of_them(cli: Commands, command: str, nearest: str) -> None:
    done = cli.run(*command.split())
    assert (done.code, f"Did you mean '{nearest}'?" in done.err, "|" in done.err) == (2, True, False)


@pytest.mark.parametrize("command", ["events deployed --release a", "health", "status", "audit show", "events list"])
def test_one_that_the_file_names_is_taken(cli: Commands, command: str) -> None:
    assert cli.run(*command.split(), "--environment", "staging").code in (0, 3)


@pytest.mark.parametrize(("environment", "code"), [("prodction", 2), ("production", 0), ("review-7", 0)])
def test_without_a_file_only_what_looks_like_a_slip_is_refused(cli: Commands, environment: str, code: int) -> None:
    (cli.folder / "releaseguard.toml").unlink()
    assert cli.run("events", "deployed", "--release", "a", "--environment", environment).code == code


@pytest.mark.parametrize("command", WITH_PROVIDER)
def test_a_provider_that_no_card_describes_is_refused(cli: Commands, command: str) -> None:
    done = cli.run(*command.replace("NAME", "sendgrdi").split())
    assert done.code == 2, done.everything
    assert "sendgrdi" in done.err
    assert "sendgrid" in done.err
    assert written(cli) == 0


def test_our_own_rows_can_be_listed(cli: Commands) -> None:
    assert cli.run("events", "list", "--provider", "releaseguard").code == 0
