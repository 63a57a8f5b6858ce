"""What the glossary says is called so in the code is called so."""

from __future__ import annotations

import re
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
GLOSSARY = (CHECKOUT / "docs" / "glossary.md").read_text("utf-8")
SOURCES = [*CHECKOUT.glob("src/**/*.py"), *CHECKOUT.glob("*/src/**/*.py")]
CLASS = re.compile(r"^ *class (\w+)[(:]", re.MULTILINE)


def test_every_class_that_the_glossary_names_is_there() -> None:
    named = set(re.findall(r"`([A-Z][A-Za-z]*[a-z][A-Za-z]*)`", GLOSSARY))
    assert named - {name for file in SOURCES for name in CLASS.findall(file.read_text("utf-8"))} == set()
    assert len(named) > 50


def test_no_term_is_explained_twice() -> None:
    terms = re.findall(r"^- \*\*([^*]+)\*\*", GLOSSARY, re.MULTILINE)
    assert len(terms) == len(set(terms))
