"""Every claim of the threat model names the test that shows it: they are all there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "threat-model.md"
NAMED = re.compile(r"(?P<file>tests/[\w./-]+\.py|\.\.\.)(?:::(?P<test>test_\w+))?")


def claims() -> list[tuple[str, str | None]]:
    """File and test of every mention; ``...`` stands for the file before it."""
    found: list[tuple[str, str | None]] = []
    for match in NAMED.finditer(DOCUMENT.read_text(encoding="utf-8")):
        if match["file"] != "...":
            found.append((match["file"], match["test"]))
        elif match["test"]:
            found.append((found[-1][0], match["test"]))
    return found


def names_in(file: str) -> set[str]:
    path = ROOT / file
    tree = ast.parse(path.read_text(encoding="utf-8")) if path.is_file() else ast.Module([], [])
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_test_that_is_named_is_there() -> None:
    named = claims()
    assert len([test for _, test in named if test]) > 20
    assert [(file, test) for file, test in named if not (ROOT / file).is_file()] == []
    assert [(file, test) for file, test in named if test and test not in names_in(file)] == []


def test_every_chapter_that_prevents_something_names_a_test() -> None:
    chapters = DOCUMENT.read_text(encoding="utf-8").split("\n## ")[1:]
    assert len(chapters) >= 5
    assert [text.splitlines()[0] for text in chapters if "tests/" not in text] == []
