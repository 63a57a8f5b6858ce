"""Writes messages in one language: the sentence, and every fact in it by its kind.

After a fact's colon stands how it is written: ``{events:call}`` is a number with its noun, ``{share:%}`` a share,
``{expected:about}`` an estimate. All others are written as their type is.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from releaseguard import readable
from releaseguard.messages.catalog import Catalog, catalog
from releaseguard.messages.message import Counted, Fact, Message

_COMMIT = re.compile(r"[0-9a-f]{40}")
"""A whole commit's name says no more to a person than its beginning."""


class Localizer(Struct, frozen=True):
    """Speaks one language, as of one moment: a time of another day is written with its date."""

    language: str
    as_of: datetime

    @property
    def catalog(self) -> Catalog:
        return catalog(self.language)

    def say(self, message: Message) -> str:
        """The sentence with its facts."""
        if message.in_english and self.language == "en":
            return message.in_english
        return _Writer(self).vformat(self.catalog.sentence(message.key), (), message.facts)

    def phrase(self, key: str, /, **facts: Fact) -> str:
        """A sentence by its key."""
        return self.say(Message(key, facts))

    def clock(self, moment: datetime) -> str:
        """A time in UTC, with its date where it is not today's."""
        return readable.clock_on(self.as_of, moment)

    def span(self, time: timedelta) -> str:
        """``3 min``, ``2 h 5 min``."""
        hours, minutes = readable.hours_and_minutes(time)
        numbers = self.catalog.numbers
        rest = f"{minutes} {numbers.minutes}"
        return f"{hours} {numbers.hours} {rest}" if hours else rest

    def share(self, share: float) -> str:
        """``4.2%``, in Turkish ``%4,2``."""
        numbers = self.catalog.numbers
        return numbers.percent.format(f"{100 * share:.1f}".replace(".", numbers.decimal_point))

    def about(self, number: float) -> str:
        """``about 12``; of less than one, one."""
        return self.catalog.numbers.about.format(f"{max(number, 1):.0f}")

    def number(self, number: int, noun: str) -> str:
        """``1 call``, ``2 calls``."""
        return f"{number} {self.catalog.nouns[noun].after(number)}"

    def counted(self, one: Counted) -> str:
        """``401 x38``."""
        return f"{one.name or self.catalog.numbers.nameless} x{one.times}"


class _Writer(string.Formatter):
    """Writes facts into sentences."""

    def __init__(self, localizer: Localizer) -> None:
        self._localizer = localizer

    def format_field(self, value: Any, format_spec: str) -> str:
        match format_spec:
            case "":
                return self._plain(value)
            case "%":
                return self._localizer.share(value)
            case "about":
                return self._localizer.about(value)
            case noun:
                return self._localizer.number(value, noun)

    def _plain(self, value: Fact) -> str:
        localizer = self._localizer
        match value:
            case Message():
                return localizer.say(value)
            case datetime():
                return localizer.clock(value)
            case timedelta():
                return localizer.span(value)
            case Mapping():
                return value[localizer.language]
            case Counted():
                return localizer.counted(value)
            case list() | tuple():
                return self._listed(value)
            case str() if _COMMIT.fullmatch(value):
                return value[:12]
            case None:
                return "?"
            case _:
                return str(value)

    def _listed(self, values: Sequence[str] | Sequence[Message] | Sequence[Counted]) -> str:
        """Sentences one after the other, all others with commas."""
        separator = " " if values and isinstance(values[0], Message) else ", "
        return separator.join(self._plain(value) for value in values) or "-"
