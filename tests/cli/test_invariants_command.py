"""Invariants from the command line: off until the project names them, and refused where they reach out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from releaseguard.cards.load import shipped_folder
from tests.support import postgres
from tests.support.commands import Commands

TABLES = """
CREATE TABLE users (id text PRIMARY KEY, coins_balance int);
CREATE TABLE wallets (user_id text, currency text, balance numeric, coins_balance int, pending_balance numeric);
INSERT INTO users VALUES ('u1', 1);
INSERT INTO wallets VALUES ('u1', 'TRY', 0, 1, 0);
CREATE FUNCTION http_get(text) RETURNS text LANGUAGE sql AS 'SELECT $1';
"""
BAD = "SELECT user_id FROM wallets WHERE coins_balance > 0"
GOOD = "SELECT user_id FROM wallets WHERE coins_balance < 0"


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with postgres.cluster() as running:
        url = running.new_database()
        with psycopg.connect(url) as connection:
            connection.execute(TABLES)
        yield url


@pytest.fixture
def app(cli: Commands, database: str) -> Commands:
    assert cli.run("events", "deployed", "--release", "r1").code == 0
    return Commands(cli.folder, {"APP_DATABASE_URL": database})


def name(folder: Path, text: str) -> None:
    with (folder / "releaseguard.toml").open("a") as file:
        file.write(f"\n{text}\n")


def verify(app: Commands, *more: str) -> dict[str, Any]:
    done = app.run("verify", "--no-flows", "--check", "paytr.wallets", "--json", *more)
    assert done.code in (0, 1, 3), done.everything
    found: dict[str, Any] = json.loads(done.out)
    return found


def test_an_invariant_that_nobody_has_named_is_off(app: Commands) -> None:
    found = verify(app)
    assert found["checks"] == []
    (skipped,) = found["skipped"]
    assert '[app.invariants] "paytr.wallets"' in json.dumps(skipped).replace('\\"', '"')


@pytest.mark.parametrize(
    ("sql", "verdict"), [(f'"{GOOD}"', "pass"), (f'"{BAD}"', "fail"), ("true", "pass"), (f'"""\n{BAD}"""', "fail")]
)
def test_an_invariant_that_is_named_is_run_with_the_projects_sql_or_the_cards(app, sql, verdict) -> None:
    name(app.folder, f'[app.invariants]\n"paytr.wallets" = {sql}')
    (check,) = verify(app)["checks"]
    assert check["verdict"] == verdict


def test_an_invariant_can_be_named_for_one_environment(app: Commands) -> None:
    name(app.folder, f'[environments.staging.app.invariants]\n"paytr.wallets" = "{BAD}"')
    assert app.run("events", "deployed", "--release", "r1", "--environment", "staging").code == 0
    assert verify(app)["checks"] == []
    assert verify(app, "--environment", "staging")["checks"][0]["verdict"] == "fail"


def test_a_card_of_the_projects_own_names_its_invariants(app: Commands) -> None:
    own = app.folder / "checks"
    own.mkdir()
    (own / "paytr.toml").write_text((shipped_folder() / "paytr.toml").read_text())
    assert verify(app)["checks"][0]["verdict"] == "pass"
    name(app.folder, '[app.invariants]\n"paytr.wallets" = false')
    assert verify(app)["checks"] == []


def test_an_invariant_that_reaches_out_is_not_run_and_says_what_to_write_instead(app: Commands) -> None:
    name(app.folder, '[app.invariants]\n"paytr.wallets" = "select http_get(user_id) from wallets"')
    (check,) = verify(app)["checks"]
    assert check["verdict"] != "pass"
    assert "http_get(text) reaches the network" in check["reason"]
    found = json.loads(app.run("doctor", "--json").out)
    (told,) = [row for row in found["checks"] if row["id"] == "app.paytr.wallets"]
    assert told["status"] == "fail"
    assert "condition" in told["fix"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('"paytr.walets" = true', "paytr.wallets"),
        ('"sendgrid.errors" = "select 1"', "no card has an invariant"),
        ('"paytr.wallets" = "delete from wallets"', "select or with"),
        ('"paytr.wallets" = ""', "select or with"),
        ('"paytr.wallets" = 1', "paytr.wallets"),
    ],
)
def test_a_mistake_is_told_with_its_line(app: Commands, line: str, message: str) -> None:
    name(app.folder, f"[app.invariants]\n{line}")
    number = len((app.folder / "releaseguard.toml").read_text().splitlines())
    done = app.run("verify", "--no-flows")
    assert done.code == 2
    assert f"releaseguard.toml:{number}" in done.err
    assert message in done.err
