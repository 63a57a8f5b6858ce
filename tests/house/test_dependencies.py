"""What the code imports is declared, what is declared is imported, and what an extra brings is asked for in words."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import releaseguard
from releaseguard.coverage.languages import sources
from releaseguard.errors import DISTRIBUTION
from tests.support.commands import Commands

CHECKOUT = Path(__file__).parents[2]
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
EXTRAS = {
    "coverage": ("tree_sitter", "tree_sitter_python", "tree_sitter_typescript"),
    "infisical": ("infisical_sdk.infisical_requests",),
    "postgres": ("psycopg", "psycopg.conninfo"),
}

CONFIGURATION = """
[project]
name = "app"
[infisical]
project_id = "00000000-0000-4000-8000-000000000002"
[providers.sendgrid]
destinations = ["vercel:app/production"]
"""
URLS = {"postgres": {"RELEASEGUARD_EVENTS_URL": "postgresql://me@localhost/events"}}


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(requirements: list[str]) -> set[str]:
    return {normalised(re.split(r"[\[<>=! ]", one)[0]) for one in requirements}


DECLARED = declared(PROJECT["dependencies"]) | {
    name for extra in PROJECT["optional-dependencies"].values() for name in declared(extra)
}


OURS = {path.name for folder in ("src", "writer/src") for path in (CHECKOUT / folder).iterdir()}
WRITER = tomllib.loads((CHECKOUT / "writer" / "pyproject.toml").read_text())["project"]


def imported(folder: str) -> Iterator[str]:
    """The top names of all imports in a folder."""
    for file in (CHECKOUT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            yield from (name.partition(".")[0] for name in names)


@cache
def foreign(folder: str) -> dict[str, set[str]]:
    """For each import that is neither Python's own nor ours: the distributions that bring it."""
    brought = packages_distributions()
    names = sorted(set(imported(folder)) - sys.stdlib_module_names - OURS)
    return {name: {normalised(one) for one in brought.get(name, ())} for name in names}


def test_what_is_imported_is_declared() -> None:
    assert [name for name, brought in foreign("src").items() if not brought & DECLARED] == []


def test_what_is_declared_is_imported() -> None:
    used = set().union(*foreign("src").values())
    assert DECLARED - used == {WRITER["name"]}
    assert WRITER["name"] in declared(PROJECT["dependencies"])


def test_the_apps_writer_depends_on_nothing_and_imports_what_its_extras_bring() -> None:
    assert WRITER["dependencies"] == []
    extras = {name for extra in WRITER["optional-dependencies"].values() for name in declared(extra)}
    assert set().union(*foreign("writer/src").values()) == extras


@pytest.mark.parametrize("folder", ["src", "writer/src"])
def test_the_apps_writer_and_the_tool_have_one_version(folder: str) -> None:
    (package,) = [path for path in (CHECKOUT / folder).iterdir() if path.name.startswith("releaseguard")]
    assert f'__version__ = "{releaseguard.__version__}"' in (package / "__init__.py").read_text()


@pytest.mark.parametrize(
    "file", ["pyproject.toml", "writer/pyproject.toml", "requirements.txt", "requirements-dev.txt"]
)
def test_no_list_of_dependencies_says_where_a_registry_is(file: str) -> None:
    text = re.sub(r"^\[project\.urls\]\n(?:\S.*\n)*", "", (CHECKOUT / file).read_text(), flags=re.MULTILINE)
    assert "://" not in text


def test_messages_name_the_distribution_that_is_installed() -> None:
    assert PROJECT["name"] == DISTRIBUTION


@pytest.mark.parametrize(
    ("extra", "command"),
    [
        ("coverage", "coverage ."),
        ("infisical", "rotate sendgrid --dry-run"),
        ("postgres", "events list"),
    ],
)
def test_a_command_that_needs_an_extra_says_which(
    extra: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mail.py").write_text("import sendgrid\n")
    (tmp_path / "releaseguard.toml").write_text(CONFIGURATION)
    monkeypatch.delitem(sys.modules, "releaseguard.services.infisical.api", raising=False)
    sources._parser.cache_clear()  # made by an earlier test
    for name in EXTRAS[extra]:
        monkeypatch.setitem(sys.modules, name, None)
    environ = {"INFISICAL_TOKEN": "st.token", **URLS.get(extra, {})}
    done = Commands(tmp_path, environ).run(*command.split())
    assert done.code == 2
    assert f"next:  pip install '{DISTRIBUTION}[{extra}]'" in done.err
