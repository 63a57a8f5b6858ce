"""``schema NAME``: what is printed is a schema, and what the commands print and read is valid by it."""

from __future__ import annotations

import json
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import jsonschema
import pytest

from releaseguard.cards.load import load_cards
from releaseguard.cli.main import releaseguard as whole
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
    "rotate-by-hand": ("rotate", "sendgrid", "--by-hand"),
    "rotate-all": ("rotate", "--all-drifted", "--yes"),
    "leaks": ("leaks",),
    "events-log": ("events", "log", "sendgrid", "sendgrid_email_sent", "success"),
    "events-list": ("events", "list"),
    "events-deployed": ("events", "deployed", "--release", "r9"),
    "events-migrate": ("events", "migrate"),
    "events-export": ("events", "export", "-o", "events.jsonl"),
    "events-import": ("events", "import", "events.jsonl"),
    "events-prune": ("events", "prune", "--older-than", "90d", "--yes"),
    "completion": ("completion", "bash"),
    "init": ("init", "--yes", "--config", "new.toml"),
    "error": ("audit", "report", "--rotation", "none"),
}
LINES = {"events-export": ("events", "export", "--since", "1m")}
"""What prints one document a line."""
OTHERWISE = {
    "rotate-all": ("rotate", "--all", "--dry-run"),
    "leaks": ("leaks", "--repo", "code"),
    "events-migrate": ("events", "migrate", "--sql"),
}
"""The same commands, asked for another of their documents."""


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


def test_every_command_has_a_schema() -> None:
    def names(group: click.Group, before: str = "") -> Iterator[str]:
        for name in group.list_commands(click.Context(group)):
            one = group.get_command(click.Context(group), name)
            if isinstance(one, click.Group):
                yield from names(one, f"{before}{name}-")
            elif one is not None:
                yield f"{before}{name}"

    assert set(names(whole)) - {"schema"} <= set(NAMES)


def test_no_schema_takes_what_another_command_prints() -> None:
    """A schema that is one of several is still one of them."""
    with pytest.raises(jsonschema.ValidationError):
        validate({"error": {"what": "x", "where": None, "next_step": None, "exit_code": 2}}, "leaks")


def test_an_unknown_name_is_answered_with_the_known_ones(cli) -> None:
    done = cli.run("schema", "confg")
    assert done.code == 2
    assert "config" in done.err


def test_what_every_command_prints_is_valid(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "mail.py").write_text('import httpx\nhttpx.post("https://api.sendgrid.com/v3/mail/send")\n')
    subprocess.run(["git", "init", "-q", str(tmp_path / "code")], check=True)
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
        for name, words in OTHERWISE.items():
            validate(cli.run(*words, "--json").json, name)
        for name, words in LINES.items():
            for line in cli.run(*words, "--json").out.splitlines():
                validate(json.loads(line), name)
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
