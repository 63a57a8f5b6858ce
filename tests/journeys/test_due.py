"""Secrets that are older than they are to become: said by health as well as by drift, and rotated by nobody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.sandbox.serving import faults
from releaseguard.sandbox.world import World
from tests.journeys.conftest import QUICK
from tests.support.commands import Commands

DUE = re.compile(r"DUE\s+SENDGRID_API_KEY")
LIMIT = '\n[providers.sendgrid.secrets.SENDGRID_API_KEY]\nmax_age = "90d"\n'


@pytest.fixture
def aged(tmp_path: Path) -> Iterator[World]:
    """Every key was made a hundred days ago."""
    with World(age=timedelta(days=100)) as world, SqliteEventLog(tmp_path / "releaseguard.db") as log:
        log.migrate()
        world.write(tmp_path, extra=QUICK + LIMIT)
        yield world


@pytest.fixture
def at(aged: World, tmp_path: Path) -> Commands:
    return Commands(tmp_path, aged.environ())


@pytest.mark.parametrize("words", [("health",), ("health", "--format", "html"), ("drift", "--provider", "sendgrid")])
def test_what_is_due_is_said_with_the_command_that_rotates_it(at: Commands, words: tuple[str, ...]) -> None:
    done = at.run(*words)
    assert DUE.search(done.out), done.everything
    told = " ".join(re.sub(r"</?span[^>]*>", "", done.out).split())  # a page keeps each option on one line by a span
    assert "rotate sendgrid --environment production --secret SENDGRID_API_KEY" in told


def test_health_says_it_in_json_and_of_no_secret_without_a_limit(at: Commands) -> None:
    rows = {row["provider"]: row["due"] for row in at.run("health", "--json").json["providers"]}
    assert [one["secret"] for one in rows.pop("sendgrid")] == ["SENDGRID_API_KEY"]
    assert not any(rows.values())


def test_health_is_the_logs_and_goes_on_where_the_vault_is_away(aged: World, at: Commands) -> None:
    aged.infisical.fail_next("POST", "/login", faults.answer(403, {"message": "no"}), times=9)
    done = at.run("health")
    assert done.code == 3
    assert "Which secrets are due is not known" in done.err
