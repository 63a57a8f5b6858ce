"""`--lang tr`, or the project's language: whatever a command prints for people is Turkish."""

from __future__ import annotations

import re

import pytest

from tests.support.commands import Commands
from tests.support.playground import Playground

ENGLISH = re.compile(
    r"\b(the|is|are|of|and|with|was|were|not|has|have|its|that|by|from|which|than|when|where|will|cannot|does|been|since|ago|each|still|ours?|this)\b"
)


def english(text: str) -> list[str]:
    """The lines with a word of English outside of commands, code and paths."""
    prose = re.sub(r"releaseguard \w+.*|`[^`\n]*`|/\S+", "", text)
    return [line for line in prose.splitlines() if ENGLISH.search(line)]


@pytest.mark.parametrize(
    "words",
    [
        ["doctor"],
        ["status"],
        ["drift"],
        ["health"],
        ["verify", "--no-flows"],
        ["verify", "--no-flows", "--format", "markdown"],
        ["rotate", "sendgrid", "--dry-run"],
        ["rotate", "nosuch"],
        ["rotate", "sendgrid", "--leak"],
        ["audit", "show"],
        ["audit", "verify"],
        ["leaks"],
        ["rotate", "sendgrid", "--by-hand"],
        ["rotate", "twilio", "--from", "stdin", "--yes"],
        ["rotate", "paytr", "--from", "generate", "--yes"],
        ["audit", "verify", "--head", "x"],
        ["audit", "report", "--rotation", "zzz"],
        ["events", "import", "nosuch.csv"],
        ["events", "import", "releaseguard.toml"],
        ["coverage", "."],
        ["events", "deployed", "--release", "r2", "--at", "2030-01-01T00:00:00Z"],
        ["coverage", "nowhere"],
        ["health", "--environment", "nosuch"],
        ["init"],
        ["incident", "mapbox"],
        ["incident", "mapbox", "--format", "markdown"],
        ["incident", "nope"],
        ["backtest"],
        ["events", "prune", "--older-than", "90d", "--dry-run"],
        ["events", "export", "-o", "log.jsonl"],
        ["audit", "disown", "sendgrid@production", "--reason", "x"],
        ["rotate", "twilio", "--rollback", "--yes"],
        ["rotate", "mapbox", "--by-hand"],
        ["doctor", "-v"],
    ],
    ids=" ".join,
)
def test_a_command_says_no_english_sentence(playground: Playground, words: list[str]) -> None:
    done = playground.cli.run(*words, "--lang", "tr")
    assert not english(done.everything)


def test_a_log_that_says_too_little_says_so_in_turkish(tmp_path):
    (tmp_path / "releaseguard.toml").write_text('[project]\nlanguage = "tr"\n\n[events]\nurl = "sqlite:///log.db"\n')
    cli = Commands(tmp_path, {})
    assert cli.run("events", "migrate").code == 0
    for words in (["status"], ["health"], ["verify"], ["backtest"], ["incident", "twilio"], ["events", "list"]):
        assert not english(cli.run(*words, COLUMNS="40").everything), words


def test_json_is_the_same_in_every_language(playground: Playground) -> None:
    there, here = (playground.cli.run("drift", "--json", "--lang", language) for language in ("tr", "en"))
    assert there.json == here.json


def test_the_projects_language_holds_without_a_flag(playground: Playground) -> None:
    config = playground.folder / "releaseguard.toml"
    config.write_text(config.read_text().replace("[project]", '[project]\nlanguage = "tr"', 1))
    said = playground.cli.run("status").out
    assert "sonraki adım" in said or "itibarıyla" in said
    assert not english(said)
