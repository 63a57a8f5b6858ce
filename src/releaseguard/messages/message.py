"""A message before any language is part of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, TypeAlias

from msgspec import Struct, field


class Counted(NamedTuple):
    """Something and how often it was: ``401 x38``. ``name`` is empty where it has none."""

    name: str | int
    times: int


class Message(Struct, frozen=True):
    """A sentence by its key, ``section.name``, and the facts that stand in it.

    ``in_english`` is said to English readers in its place: the words of whoever raised an error, who knows best.
    """

    key: str
    facts: Mapping[str, Fact] = field(default_factory=dict)
    in_english: str = ""


Fact: TypeAlias = (
    str
    | int
    | float
    | datetime
    | timedelta
    | Message
    | Counted
    | Mapping[str, str]
    | Sequence[str]
    | Sequence[Message]
    | Sequence[Counted]
    | None
)
"""What can stand in a sentence; a mapping is a text by its language, ``None`` is not known."""


def message(key: str, /, **facts: Fact) -> Message:
    """Shorthand for :class:`Message`."""
    return Message(key, facts)
