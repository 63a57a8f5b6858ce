"""The sentences of one language, read from its file when somebody asks for the first time."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec


class Noun(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The forms that follow a number."""

    one: str
    other: str

    def after(self, number: int) -> str:
        return self.one if number == 1 else self.other


class Numbers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How numbers are written; ``{}`` stands for the number."""

    about: str
    percent: str
    decimal_point: str
    hours: str
    minutes: str
    nameless: str
    """In place of a name that something counted does not have."""


class Catalog(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A language's file; ``sentences`` by section and name."""

    numbers: Numbers
    sentences: Mapping[str, Mapping[str, str]]
    nouns: Mapping[str, Noun] = {}
    """Those that a sentence names behind a number's colon."""

    def sentence(self, key: str) -> str:
        """The sentence of ``section.name``. Raises ``KeyError``."""
        section, _, name = key.partition(".")
        return self.sentences[section][name]


@cache
def catalog(language: str) -> Catalog:
    """The catalog of a language. Raises ``msgspec.ValidationError`` where its file has another shape."""
    text = Path(__file__).with_name(f"{language}.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), Catalog)
