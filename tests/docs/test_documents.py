"""What the documents say can be done: every command in them is one, every link leads somewhere, the tutorial works."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from releaseguard.cli.main import releaseguard
from tests.support.commands import Commands

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "README.tr.md", *sorted((ROOT / "docs").rglob("*.md"))]
PROMPT = re.compile(r"^\s*\$ (releaseguard .*?)(?:\s+#.*)?$", re.MULTILINE)
MENTIONED = re.compile(r"`(releaseguard [a-z][^`\n]*)`")
LEFT_OPEN = re.compile(r"[.]{3}|[\[\]]|\w\|\w|\bPATH\b")
"""An ellipsis, an alternative, a placeholder of a folder: no command to type as it stands."""
TUTORIAL = ROOT / "docs" / "tutorial.md"


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def commands_of(document: Path) -> Iterator[str]:
    text = document.read_text(encoding="utf-8")
    for command in [*PROMPT.findall(text), *MENTIONED.findall(text)]:
        if not LEFT_OPEN.search(command):
            typed = re.split(r" [>|] ", command)[0]
            yield typed.replace("$GITHUB_SHA", "abc1234").replace(" TIME", " 2026-11-24T10:15:00Z")


def parse(command: click.Command, words: list[str], parent: click.Context | None = None) -> None:
    """As click does before it calls anything; where an argument is left to the reader, up to there."""
    context = command.make_context(words[0], words[1:], parent=parent)
    if isinstance(command, click.Group) and (rest := [*context._protected_args, *context.args]):
        name, inner, inner_words = command.resolve_command(context, rest)
        assert inner is not None, name
        parse(inner, [name or "", *inner_words], context)


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_command_that_a_document_names_is_one(document: Path) -> None:
    for command in commands_of(document):
        try:
            parse(releaseguard, shlex.split(command))
        except (click.MissingParameter, click.exceptions.Exit):
            continue  # a command by its name, or --help
        except click.ClickException as error:
            pytest.fail(f"{named(document)}: {command}: {error.format_message()}")


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_link_between_documents_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_every_page_is_reached_from_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = {page.relative_to(ROOT / "docs") for page in DOCUMENTS[2:] if "adr" not in page.parts} - {Path("README.md")}
    assert {page for page in pages if page.as_posix() not in index} == set()


def test_the_reference_is_what_the_code_says() -> None:
    done = subprocess.run(
        [sys.executable, "bench/reference.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_tutorial_ends_with_a_pass_of_ones_own(tmp_path: Path) -> None:
    """Its programs are saved and run, its commands typed, in its order."""
    cli = Commands(tmp_path, {})
    text = TUTORIAL.read_text(encoding="utf-8")
    [program] = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    mails = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    (tmp_path / "mails.csv").write_bytes(mails.stdout)
    said = {}
    for command in PROMPT.findall(text):
        words = shlex.split(command)[1:]
        done = cli.run(*words)
        assert done.code == 0, f"{command}\n{done.everything}"
        said[words[0]] = done.out
    assert said["verify"].startswith("PASS")
    assert "12960 rows" in cli.run("events", "import", "mails.csv", "--dry-run", *_flags(text)).everything


def test_the_tutorials_first_command_makes_the_environment_that_the_next_ones_stand_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`run.py --help` shows what run.py itself does, and makes nothing."""
    spec = importlib.util.spec_from_file_location("run_of_the_checkout", ROOT / "run.py")
    assert spec is not None
    assert spec.loader is not None
    run = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(run)
    made: list[str] = []
    monkeypatch.setattr(run, "environment", lambda name, _: made.append(name) or tmp_path)
    monkeypatch.setattr(run, "run", lambda *_: 0)
    text = TUTORIAL.read_text(encoding="utf-8")
    [words] = re.findall(r"^\$ python3 run.py (.*)$", text, re.MULTILINE)
    assert run.main(shlex.split(words)) == 0
    assert made == [".venv"]
    assert ".venv/bin" in text


def _flags(text: str) -> list[str]:
    [line] = re.findall(r"^\$ releaseguard events import mails.csv (.*)$", text, re.MULTILINE)
    return shlex.split(line)


CARRIED_OUT = {"README.md", "README.tr.md", "tutorial.md", "importing-history.md", "own-table.md", "writing-events.md"}
"""Documents whose commands a test of their own carries out, beside the how-tos."""


def test_no_document_shows_a_command_that_no_test_carries_out() -> None:
    shows = {
        page.name for page in DOCUMENTS if re.search(r"^\s*\$ releaseguard ", page.read_text("utf-8"), re.MULTILINE)
    }
    howtos = {page.name for page in (ROOT / "docs" / "how-to").glob("*.md")} | {"turkce.md", "troubleshooting.md"}
    assert shows - howtos - CARRIED_OUT == set()
    indented = [
        page.name for page in DOCUMENTS if re.search(r"^ {4}releaseguard ", page.read_text("utf-8"), re.MULTILINE)
    ]
    assert indented == [], "write it behind a prompt, where the tests find it"
