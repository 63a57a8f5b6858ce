"""What a person typed, inside sentences of ours: it stands between typographic quotation marks, which nothing else in
a sentence does, and is said as it was typed in every language."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

_MARKS: Final = str.maketrans("“”", '""')
_SPAN: Final = re.compile(r"^[^“”\n]*”|“[^“”\n]*”|“[^“”\n]*?(?= {2,}|$)|(?<=--reason )'[^'\n]*'", re.MULTILINE)
"""A quotation; also one that a table cut, and both parts of one that goes on in the next line; and the word of a shell
in a command that repeats a reason."""
_FREE: Final = range(0xE000, 0xF8FF)
"""Characters that Unicode gives no meaning."""


def typed(text: str) -> str:
    """A person's text as part of a sentence."""
    return f"“{text.translate(_MARKS)}”"


def sparing(text: str, tell: Callable[[str], str]) -> str:
    """``tell(text)``, from which each quotation is kept: ``tell`` sees one character in its place."""
    if _SPAN.search(text) is None:
        return tell(text)
    unused = (chr(code) for code in _FREE if chr(code) not in text)
    kept: dict[str, str] = {}

    def put_aside(span: re.Match[str]) -> str:
        place = next(unused)
        kept[place] = span[0]
        return place

    told = tell(_SPAN.sub(put_aside, text))
    for place, span in kept.items():
        told = told.replace(place, span)
    return told
