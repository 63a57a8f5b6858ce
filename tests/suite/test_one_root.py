"""Every module of the tests has one name, counted from the checkout: under two names it would be loaded twice."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
OTHER_PEOPLES_CODE = TESTS / "coverage" / "app"
FILES = [path for path in sorted(TESTS.rglob("*.py")) if not path.is_relative_to(OTHER_PEOPLES_CODE)]
OURS = {path.stem for path in FILES} | {path.name for path in TESTS.iterdir()}


def shortened(source: str) -> list[str]:
    """What ``source`` imports of the tests by another name than the one that begins with ``tests``."""
    return [name for name in _imported(ast.parse(source)) if _is_shortened(name)]


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def _is_shortened(name: str) -> bool:
    root = name.partition(".")[0]
    return root == "" or (root in OURS and root not in sys.stdlib_module_names)


def test_every_file_names_the_others_from_the_checkout() -> None:
    assert {str(path): found for path in FILES if (found := shortened(path.read_text()))} == {}


def test_no_folder_of_the_tests_is_a_root_itself() -> None:
    assert [entry for entry in sys.path if Path(entry).is_relative_to(TESTS)] == []


@pytest.mark.parametrize(
    "source",
    [
        "from support import postgres",
        "from support.commands import Commands",
        "import support.commands",
        "from rotation_fakes import World",
        "from conftest import Place",
        "from .conftest import Run",
        "def late():\n    from support.commands import Commands",
    ],
)
def test_another_name_is_found(source: str) -> None:
    assert shortened(source)


@pytest.mark.parametrize("source", ["from tests.support import postgres", "import http.server", "import pytest"])
def test_the_one_name_is_not(source: str) -> None:
    assert shortened(source) == []
