"""``schema NAME``: what is printed is a schema, and what the commands print and read is valid by it."""

from __future__ import annotations

import json
import tomllib
from functools import cache
from pathlib import Path

import jsonschema
import pytest

from releaseguard.cards.load import load_cards
from releaseguard.compose.known.schemas import NAMES, schema_of
from releaseguard.sandbox.world import World
from tests.support.commands import Commands
from tests.support.hasty import hasty

COMMANDS = {
    "status": ("status",),
    "health": ("health",),
    "verify": ("verify", "--no-flows"),
    "backtest": ("backtest",),
    "doctor": ("doctor",),
    "drift": ("drift",),
    "incident": ("incident", "sendgrid"),
    "coverage": ("coverage", "code"),
    "audit-show": ("audit", "show"),
    "audit-verify": ("audit", "verify"),
    "audit-report": ("audit", "report"),
}


@cache
def validator(name):
    schema = schema_of(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def validate(value, name) -> None:
    validator(name).validate(value)


@pytest.mark.parametrize("name", NAMES)
def test_each_schema_says_what_every_part_is_called(cli, name) -> None:
    done = cli.run("schema", name)
    assert (done.code, done.json) == (0, json.loads(json.dumps(schema_of(name))))
    jsonschema.Draft202012Validator.check_schema(done.json)


def test_an_unknown_name_is_answered_with_the_known_ones(cli) -> None:
    done = cli.run("schema", "confg")
    assert done.code == 2
    assert "config" in done.err


def test_what_every_command_prints_is_valid(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "mail.py").write_text('import httpx\nhttpx.post("https://api.sendgrid.com/v3/mail/send")\n')
    with World() as world:
        world.write(tmp_path)
        cli = Commands(tmp_path, world.environ(), clocks=hasty(0.002))  # whether it is proven is not asked here
        assert cli.run("events", "migrate").code == 0
        assert cli.run("events", "deployed", "--release", world.release).code == 0
        world.new_key("SENDGRID_API_KEY")
        with world.traffic(0.05):
            done = cli.run("rotate", "sendgrid", "--leak", "--reason", "in a gist", "--yes", "--json")
        validate(done.json, "rotate")
        for name, words in COMMANDS.items():
            done = cli.run(*words, "--json")
            assert done.out, f"{words}: {done.everything}"
            validate(done.json, name)
        validate(tomllib.loads((tmp_path / "releaseguard.toml").read_text()), "config")


def test_every_shipped_card_is_valid() -> None:
    cards = [tomllib.loads(Path(card.path).read_text()) for card in load_cards()]
    assert cards
    for card in cards:
        validate(card, "card")
    with pytest.raises(jsonschema.ValidationError):
        validate({**cards[0], "hosst": []}, "card")


@pytest.mark.parametrize(
    "written",
    ["[project]\nnmae = 'x'", "[project]\nlanguage = 'de'", "[verify]\nwindow = 'soon'", "[githb]\nurl = 'x'"],
    ids=["an unknown key", "another value", "no duration", "an unknown section"],
)
def test_what_the_tool_refuses_the_schema_refuses_too(written) -> None:
    with pytest.raises(jsonschema.ValidationError):
        validate(tomllib.loads(written), "config")
