"""The help of every command in other languages: one file for each, by the paragraphs of the English help."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from os.path import dirname, join
from types import MappingProxyType


@cache
def texts(language: str) -> Mapping[str, str]:
    """Paragraph -> the same in ``language``; a paragraph's white space is one blank each."""
    with open(join(dirname(__file__), f"{language}.toml"), "rb") as file:  # noqa: PTH118, PTH120, PTH123 - pathlib is slow to load
        sections = tomllib.load(file)
    return MappingProxyType({english: other for section in sections.values() for english, other in section.items()})
