"""Help, the version and every command's options, also where people type them first; colours, where they are wanted."""

from __future__ import annotations

import re

import pytest

from releaseguard.cli.shared.output import is_coloured
from tests.support.commands import Commands

CODES = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def cli(tmp_path):
    (tmp_path / "releaseguard.toml").write_text('[events]\nurl = "sqlite:///log.db"\n')
    return Commands(tmp_path, {})


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("help", "--help"),
        ("help help", "--help"),
        ("help verify", "verify --help"),
        ("help verify --help", "verify --help"),
        ("verify help", "verify --help"),
        ("help events", "events --help"),
        ("help events import", "events import --help"),
        ("events help", "events --help"),
        ("events help import", "events import --help"),
        ("help nope", "nope"),
        ("-v", "--version"),
        ("-V", "--version"),
        ("version", "--version"),
        ("--json health", "health --json"),
        ("--lang tr events list", "events list --lang tr"),
        ("--lang=tr -v status", "status --lang=tr -v"),
        ("--config nowhere.toml status", "status --config nowhere.toml"),
        ("-q nope", "nope"),
        ("-v verfy", "verfy"),
        ("--lang xx status", "status --lang xx"),
        ("events --lang tr list", "events list --lang tr"),
        ("audit -v show", "audit show -v"),
        ("--lang tr --help", "--help --lang tr"),
        ("--help --lang tr", "help --lang tr"),
        ("events --help --lang tr", "events --lang tr -h"),
        ("--lang=tr events -h", "events help --lang tr"),
        ("verify help --lang tr", "verify --lang tr --help"),
        ("--json --help", "--help"),
        ("--lang tr events -q list", "events list --lang tr -q"),
    ],
)
def test_what_people_type_is_what_they_mean(cli, typed, meant):
    said, other = cli.run(*typed.split()), cli.run(*meant.split())
    assert (said.code, said.out, said.err) == (other.code, other.out, other.err)
    assert said.code in {0, 2, 3}


@pytest.mark.parametrize("typed", ["--lang tr", "--quiet", "events --lang tr", "--lang tr audit", "events"])
def test_options_without_a_command_show_the_commands(cli, typed):
    said = cli.run(*typed.split())
    assert said.code == 2
    assert ("Komutlar:" if "tr" in typed else "Commands:") in said.err


@pytest.mark.parametrize("typed", ["-v verfy", "-q --nope", "--lang", "help nope", "incident help", "version --help"])
def test_what_means_nothing_is_refused(cli, typed):
    assert cli.run(*typed.split()).code == 2


@pytest.mark.parametrize(
    ("environ", "coloured"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "3", "TERM": "dumb"}, True),
        ({"FORCE_COLOR": ""}, False),
        ({"FORCE_COLOR": "0"}, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": ""}, True),
    ],
)
def test_where_no_terminal_is_colours_come_when_they_are_asked_for(cli, environ, coloured):
    plain = cli.run("doctor").out
    shown = cli.run("doctor", **environ).out
    assert (shown != plain) == coloured
    assert CODES.sub("", shown) == plain


@pytest.mark.parametrize(
    ("environ", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False), ({"FORCE_COLOR": "0"}, False)],
)
def test_a_terminal_shows_colours_unless_it_or_its_owner_does_not(monkeypatch, environ, coloured):
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout", type("Terminal", (), {"isatty": lambda _: True})())
    assert is_coloured() == coloured


@pytest.mark.parametrize("language", ["en", "tr"])
@pytest.mark.parametrize("command", ["health", "doctor", "verify --release r --deployed-at 2026-01-01T00:00Z"])
def test_every_command_colours_the_states_and_nothing_for_programs(cli, command, language):
    asked = [*command.split(), "--lang", language]
    assert CODES.search(cli.run(*asked, FORCE_COLOR="1").out)
    assert not CODES.search(cli.run(*asked, "--json", FORCE_COLOR="1").out)


def test_a_file_holds_no_colour(cli, tmp_path):
    cli.run("health", "-o", "health.txt", FORCE_COLOR="1")
    assert not CODES.search((tmp_path / "health.txt").read_text())
