"""Finds managed values in bytes, in one pass over each text for all values and all their forms."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from releaseguard.leaks.content import Closed, Unpacked, texts
from releaseguard.leaks.forms import WrittenForm, patterns, reach, written_around
from releaseguard.leaks.interface import Needle

if TYPE_CHECKING:
    from ahocorasick_rs import BytesAhoCorasick


@dataclass(frozen=True, slots=True)
class FoundValue:
    """A value in some bytes: its form, its line (from 1), and its path in an archive."""

    needle: Needle
    form: str
    line: int
    inside: str = ""


class ValueFinder:
    """Searches for all needles at once. In each file, each form of a needle is reported once, at its first place."""

    def __init__(self, needles: Sequence[Needle]) -> None:
        self._patterns = patterns(needles)

    def found(self, content: bytes) -> tuple[Sequence[FoundValue], Sequence[Closed]]:
        """The values in a file, its archives opened, and the parts that could not be opened."""
        found: list[FoundValue] = []
        closed: list[Closed] = []
        for part in texts(content):
            if isinstance(part, Closed):
                closed.append(part)
            else:
                found += self._in_text(part)
        return found, closed

    def holds(self, name: str) -> bool:
        """Whether a name or path contains a value and so must not be shown."""
        return any(True for _ in self._in_text(Unpacked(name.encode("utf-8", "surrogateescape"))))

    def _in_text(self, text: Unpacked) -> Iterator[FoundValue]:
        told: set[tuple[str, int, str]] = set()
        for pattern, start in self._standing(text.content):
            kind = (pattern.needle.name, pattern.needle.version, pattern.form)
            if kind not in told:
                told.add(kind)
                yield FoundValue(pattern.needle, pattern.form, text.content.count(b"\n", 0, start) + 1, text.inside)

    def _standing(self, content: bytes) -> Iterator[tuple[WrittenForm, int]]:
        matches = self._matches(content)
        exact = [(pattern, start, end) for pattern, start, end in matches if pattern.whole is None]
        yield from ((pattern, start) for pattern, start, _ in exact)
        for pattern, start, end in matches:
            if pattern.whole is not None and not _within(exact, pattern.needle, start, end):
                around = content[max(0, start - reach(pattern)) : end + reach(pattern)]
                if written_around(pattern, around):
                    yield pattern, start

    def _matches(self, content: bytes) -> Sequence[tuple[WrittenForm, int, int]]:
        if self._automaton is None:
            return []
        matches = self._automaton.find_matches_as_indexes(content, overlapping=True)
        return [(self._patterns[at], start, end) for at, start, end in matches]

    @functools.cached_property
    def _automaton(self) -> BytesAhoCorasick | None:
        from ahocorasick_rs import BytesAhoCorasick

        return BytesAhoCorasick([pattern.text for pattern in self._patterns]) if self._patterns else None


def _within(exact: Sequence[tuple[WrittenForm, int, int]], needle: Needle, start: int, end: int) -> bool:
    """Whether a piece is part of a value found by an exact pattern, and so no second finding."""
    return any(other.needle is needle and first <= start and end <= last for other, first, last in exact)
