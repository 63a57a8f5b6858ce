"""Lines that fit a terminal."""

from __future__ import annotations

import textwrap

from releaseguard.messages import spoken


def wrapped(text: str, indent: str, width: int, first: str | None = None) -> list[str]:
    """The lines of a paragraph that fits ``width``, indented; less so on a narrow terminal; in the language that is
    spoken, for nothing finds a sentence that is broken into lines."""
    narrow = indent if width >= 50 else indent[:2]
    return textwrap.wrap(
        spoken.lines(text),
        max(width, 20),
        initial_indent=narrow if first is None else first,
        subsequent_indent=narrow,
        break_long_words=False,
        break_on_hyphens=False,
    )
