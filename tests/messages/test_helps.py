"""Help is said in the reader's language: every text of every command has its translation, and none is left over."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest

from releaseguard.cli.main import COMMANDS, releaseguard
from releaseguard.cli.shared import help as helps
from releaseguard.messages import spoken
from releaseguard.messages.helps import texts
from tests.support.commands import Commands

PROGRAMS = ("JSON: ", "Example: ", "[coverage]", "// releaseguard")
"""How what is the same in every language begins."""


def every(command: click.Command, context: click.Context) -> Iterator[tuple[click.Command, click.Context]]:
    yield command, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from every(inner, click.Context(inner, parent=context, info_name=name))


EVERY = [*every(releaseguard, click.Context(releaseguard, info_name="releaseguard"))]


@pytest.fixture
def turkish() -> Iterator[None]:
    spoken.speak("tr")
    yield
    spoken.speak(spoken.ENGLISH)


def paragraphs(command: click.Command, context: click.Context) -> Iterator[str]:
    """What its help says, without what click puts behind an option; a paragraph's white space is one blank each."""
    options = [one.help or "" for one in command.get_params(context) if isinstance(one, click.Option)]
    bare = [re.sub(r" {2}\[[^\]]*\]", "", f"  {text}") for text in options]
    for text in [command.help or "", command.epilog or "", *bare]:
        for paragraph in re.split(r"\n\s*\n", text):
            yield " ".join(paragraph.replace("\b", "").split())


def said_in_english() -> set[str]:
    """Every text of every help, as it is looked up."""
    found = {text for command, context in EVERY for text in paragraphs(command, context)} | set(COMMANDS.values())
    return {re.split(r"(?<=\.) JSON: ", text)[0] for text in found if text and not text.startswith(PROGRAMS)}


def test_every_text_of_every_help_has_a_translation_and_none_is_left_over() -> None:
    frame = {"Usage:", "Options", "Commands", "Example:", "[OPTIONS]", "COMMAND [ARGS]...", "default", "required"}
    defaults = {"that of package.json, the repository, or the directory", "the project's own"}
    assert said_in_english() | frame | defaults == set(texts("tr"))


@pytest.mark.parametrize("command", [context.command_path for _, context in EVERY])
def test_a_help_is_in_turkish_where_it_is_asked_for_or_configured(tmp_path, command: str) -> None:
    cli = Commands(tmp_path, {})
    typed = command.split()[1:]
    english = cli.run(*typed, "--help").out
    asked = cli.run(*typed, "--help", "--lang", "tr")
    (tmp_path / "releaseguard.toml").write_text('[project]\nlanguage = "tr"\n')
    assert (asked.code, cli.run(*typed, "--help").out) == (0, asked.out)
    assert asked.out.startswith(f"Kullanım: {command}")
    assert "Bu yardımı gösterir ve çıkar." in asked.out
    assert cli.run(*typed, "--help", "--lang", "en").out == english


@pytest.mark.usefixtures("turkish")
def test_what_is_typed_and_what_programs_read_is_the_same_in_every_language() -> None:
    assert helps.paragraph("Example: releaseguard demo") == "Örnek: releaseguard demo"
    assert helps.paragraph('JSON: {"shell", "source"}.') == 'JSON: {"shell", "source"}.'
    assert helps.paragraph("nobody wrote this\nsentence down") == "nobody wrote this\nsentence down"


@pytest.mark.parametrize(
    ("text", "turkish_"),
    [
        ('[project]\nlanguage = "tr"\n', True),
        ("project.language = 'tr'\n", True),
        ('project = { language = "tr" }\n', True),
        ('[project]\nlanguage = "en"  # or language = "tr"\n', False),
        ('[other]\nlanguage = "tr"\n', False),
        ('[project]\nlanguage = "de"\n', False),
        ('[project]\nlanguage = "tr"\nlanguage = "tr"\n', False),
        ("\xff", False),
    ],
)
def test_the_configuration_says_the_language_of_a_help_however_it_is_written(tmp_path, text, turkish_) -> None:
    (tmp_path / "releaseguard.toml").write_text(text, encoding="latin-1")
    (tmp_path / "inner").mkdir()
    shown = Commands(tmp_path / "inner", {}).run("--help").out
    assert shown.startswith("Kullanım:") == turkish_


def test_one_that_is_named_goes_before_the_one_that_lies_near(tmp_path) -> None:
    (tmp_path / "releaseguard.toml").write_text('[project]\nlanguage = "en"\n')
    (tmp_path / "other.toml").write_text('[project]\nlanguage = "tr"\n')
    cli = Commands(tmp_path, {})
    assert cli.run("verify", "--help", "--config", "other.toml").out.startswith("Kullanım:")
    assert cli.run("verify", "--help", RELEASEGUARD_CONFIG="other.toml").out.startswith("Kullanım:")
    assert cli.run("verify", "--help", RELEASEGUARD_CONFIG="nowhere.toml").out.startswith("Usage:")


def test_the_settings_call_the_file_as_a_help_does() -> None:
    from releaseguard.cli.shared.language import CONFIGURATION
    from releaseguard.settings import FILE_NAME

    assert CONFIGURATION == FILE_NAME
