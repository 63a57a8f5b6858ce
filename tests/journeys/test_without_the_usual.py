"""From the command line: a place that a person writes, and a vault that is away."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.sandbox.serving import faults
from releaseguard.sandbox.world import World
from tests.journeys.conftest import QUICK
from tests.support.commands import Commands

EAS = "manual:eas"


@pytest.fixture
def hands(tmp_path: Path) -> Iterator[World]:
    """A world with a place that a person writes, and whose deployment a person makes."""
    with World() as world, SqliteEventLog(tmp_path / "releaseguard.db") as log:
        log.migrate()
        world.app.log = log.append
        world.destinations["sendgrid"].append(EAS)
        world.write(tmp_path, extra=f'{QUICK}\n[deployments]\n"{EAS}" = "manual:restart"\n')
        yield world
    assert world.crashes == []


def test_a_person_writes_and_deploys_one_place_and_every_command_knows_it(hands: World, tmp_path: Path) -> None:
    cli = Commands(tmp_path, hands.environ())
    hands.new_key("SENDGRID_API_KEY")
    with hands.traffic(0.05):
        first = cli.run("rotate", "sendgrid", "--yes", "--json")
        assert (first.code, first.json["state"]) == (3, "WAITING_CONSOLE"), first.everything
        second = cli.run("rotate", "sendgrid", "--resume", "--json")
        assert f"{EAS}: deploy it (manual:restart)" in second.json["next_step"]
        third = cli.run("rotate", "sendgrid", "--resume", "--json")
    assert third.json["state"] == "UNPROVEN"
    assert EAS in " ".join(third.json["proof"]["missing"]), "no source of the app runs there"
    assert f"{EAS} unchanged since our push" in cli.run("drift", "--provider", "sendgrid").out
    for command in (("doctor",), ("incident", "sendgrid"), ("audit", "show"), ("rotate", "sendgrid", "--by-hand")):
        assert cli.run(*command).code != 70


def test_a_way_to_deploy_of_no_destination_is_a_mistake(hands: World, tmp_path: Path) -> None:
    file = tmp_path / "releaseguard.toml"
    file.write_text(file.read_text("utf-8").replace(f'"{EAS}" = ', '"manual:esa" = '), encoding="utf-8")
    done = Commands(tmp_path, hands.environ()).run("rotate", "sendgrid", "--dry-run")
    assert done.code == 2
    assert f"Did you mean '{EAS}'" in done.err


def test_a_value_is_out_while_the_vault_is_away_and_done_when_it_holds_the_same(world, cli) -> None:
    leaked = "SG." + secrets.token_urlsafe(30)
    world.infisical.fail_next("GET", "", faults.answer(503), times=10**6)
    world.infisical.fail_next("POST", "", faults.answer(503), times=10**6)
    away = cli.run("rotate", "sendgrid", "--yes")
    assert (away.code, "--from stdin --vault-later" in away.err) == (5, True)
    later = ("rotate", "sendgrid", "--from", "stdin", "--vault-later", "--prove-within", "1s", "--yes", "--json")
    done = cli.run(*later, stdin=leaked)
    assert (done.code, done.json["state"]) == (3, "WAITING_CONSOLE"), done.everything
    assert leaked not in done.everything
    world.heal()
    assert "is not what was rolled out" in cli.run("rotate", "sendgrid", "--resume", "--prove-within", "1s").err
    given = ("rotate", "sendgrid", "--resume", "--from", "stdin", "--prove-within", "1s", "--json")
    stored = cli.run(*given, stdin=leaked)
    assert (stored.json["state"], stored.json["secrets"][0]["to_version"]) == ("UNPROVEN", 2), stored.everything
