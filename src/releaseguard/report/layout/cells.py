"""How much room a text takes in a terminal, whose cells are not characters: 送 takes two, an accent by itself none."""

from __future__ import annotations

from unicodedata import category, east_asian_width

ELLIPSIS = "…"


def room_of(text: str) -> int:
    """The cells that a text takes, by Unicode's annex 11."""
    return len(text) if text.isascii() else sum(map(_room, text))


def fitted(text: str, width: int) -> str:
    """The text in exactly ``width`` cells: filled with blanks, or cut with an ellipsis at its end."""
    room = room_of(text)
    if room <= width:
        return text + " " * (width - room)
    kept, left = "", width - 1
    for letter in text:
        left -= _room(letter)
        if left < 0:
            break
        kept += letter
    return fitted(kept + ELLIPSIS, width)


def _room(letter: str) -> int:
    if category(letter) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if east_asian_width(letter) in ("W", "F") else 1
