"""A text as it is meant to be read, with digits of other scripts, full-width forms and the encoding of addresses
undone.

Rules examine :attr:`Folded.text`; their findings are given as positions in the original, which alone is changed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

BLANK: Final = "\N{SYMBOL FOR SPACE}"
"""The replacement for ``%20``: a blank between digits that does not end a value."""

_ENCODED: Final = re.compile(r"%(?:2[089BDEbdef]|3[ADad]|40|5[Ff])")
_DECODED: Final = {
    "20": BLANK, "28": "(", "29": ")", "2B": "+", "2D": "-", "2E": ".", "2F": "/", "3A": ":", "3D": "=", "40": "@",
    "5F": "_",
}  # fmt: skip
"""The encoded characters that are decoded; not ``%26`` and quotes, which would end a value that continues."""

_UNSEEN: Final = re.compile(r"(?<=\d)[\u00ad\u200b-\u200f\u2060\ufeff]{1,16}+(?=\d)")
_SPACES: Final = ("Zs",)
_DASHES: Final = ("Pd",)


class _Table(dict[int, int]):
    """Character -> character, filled as characters occur; a log uses few alphabets."""

    def __missing__(self, code: int) -> int:
        folded = _folded_character(chr(code)) if code > 127 else code
        if len(self) < 4096:
            self[code] = folded
        return folded


def _folded_character(character: str) -> int:
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return ord("0") + digit
    category = unicodedata.category(character)
    if category in _SPACES:
        return ord(" ")
    if category in _DASHES or character == "\N{MINUS SIGN}":
        return ord("-")
    if "\uff01" <= character <= "\uff5e":
        return ord(character) - 0xFEE0
    return ord(character)


_TABLE: Final = _Table()


@dataclass(frozen=True, slots=True)
class Folded:
    """A text to examine, with the positions of its characters in the original."""

    text: str
    starts: Sequence[int] | None
    """The original position of each character of ``text``, and of its end; ``None`` where positions are unchanged."""

    def place(self, index: int) -> int:
        """The position in the original of character ``index`` of ``text``."""
        return index if self.starts is None else self.starts[index]


def fold(text: str) -> Folded:
    """``text`` folded. Each character replaces one character, except encoded ones."""
    folded = text if text.isascii() else text.translate(_TABLE)
    if "%" not in text or not _ENCODED.search(folded):
        return Folded(folded, None)
    pieces: list[str] = []
    starts: list[int] = []
    edges = [match.span() for match in _ENCODED.finditer(folded)]
    for (_, before), (start, end) in pairwise([(0, 0), *edges, (len(folded), len(folded))]):
        pieces.append(folded[before:start])
        starts.extend(range(before, start))
        if start < end:
            pieces.append(_DECODED[folded[start + 1 : end].upper()])
            starts.append(start)
    return Folded("".join(pieces), [*starts, len(folded)])


def without_unseen(text: str) -> str:
    """``text`` without invisible characters between two digits (zero-width characters, soft hyphens)."""
    return text if text.isascii() else _UNSEEN.sub("", text)
