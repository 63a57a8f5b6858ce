"""Some rows of the fault table through the real command: exit code, words, and what reached the services."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.sandbox.serving import faults
from releaseguard.sandbox.world import World
from tests.support.commands import Commands

ROTATE = ("rotate", "sendgrid")
QUICK = '[rotation]\nlease = "1s"\nprove_within = "20s"\n[network]\ntimeout = "2s"\npatience = "6s"\n'


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World() as world, SqliteEventLog(tmp_path / "releaseguard.db") as log:
        log.migrate()
        world.app.log = log.append
        world.write(tmp_path, extra=QUICK)
        world.new_key("SENDGRID_API_KEY")
        yield world
    assert world.crashes == []


@pytest.fixture
def cli(world: World, tmp_path: Path) -> Commands:
    return Commands(tmp_path, world.environ())


def sent(stand_in, method: str, path: str) -> int:
    return sum(one.method == method and one.path.endswith(path) for one in stand_in.requests)


def test_a_limit_on_the_way_is_waited_for_and_the_rotation_is_proven(world, cli):
    world.github.fail_next("PUT", "/actions/secrets/", faults.github_secondary_limit(1))
    with world.traffic(0.05):
        done = cli.run(*ROTATE, "--yes", "--json")
    assert (done.code, done.json["state"]) == (0, "PROVEN"), done.everything
    assert sent(world.github, "PUT", "/actions/secrets/SENDGRID_API_KEY") == 2


def test_a_deployment_whose_answer_breaks_off_is_not_asked_for_twice(world, cli):
    world.vercel.fail_next("POST", "/deployments$", faults.half_answer())
    with world.traffic(0.05):
        done = cli.run(*ROTATE, "--yes", "--json")
    assert (done.code, done.json["state"]) == (0, "PROVEN"), done.everything
    assert sent(world.vercel, "POST", "/deployments") == 1
    assert len(world.web.deployments) == 2


def test_a_vault_that_is_down_is_named_and_nothing_is_begun(world, cli):
    world.infisical.fail_next("GET", "/secrets/", faults.answer(503), times=99)
    done = cli.run(*ROTATE, "--yes")
    assert done.code == 5
    assert world.infisical.url.partition("//")[2] in done.err
    assert "next:" in done.err
    assert not [one for service in (world.github, world.vercel) for one in service.requests if one.writes]


def test_a_destination_that_stays_silent_is_written_by_resume(world, cli, tmp_path):
    config = tmp_path / "releaseguard.toml"
    config.write_text(config.read_text().replace('timeout = "2s"', 'timeout = "0.8s"'))  # silence is really waited for
    world.vercel.fail_next("PATCH", "/env/", faults.silence(), times=99)
    with world.traffic(0.05):
        broken = cli.run(*ROTATE, "--yes", "--json")
        assert (broken.code, broken.json["state"]) == (5, "STAGED"), broken.everything
        assert "--resume" in broken.json["next_step"]
        world.heal()
        done = cli.run(*ROTATE, "--resume", "--json")
    assert (done.code, done.json["state"]) == (0, "PROVEN"), done.everything
    assert sent(world.github, "PUT", "/actions/secrets/SENDGRID_API_KEY") == 1
