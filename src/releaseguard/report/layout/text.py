"""Lines that fit a terminal."""

from __future__ import annotations

import textwrap

from releaseguard.messages import spoken

COPIED = ("$ ", "head: ", "next: releaseguard ")
"""How a line begins that is to be copied: it is never broken."""
HANGING = "  "
"""By how much more the further lines of a broken one are indented."""


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


def fitting(text: str, width: int) -> str:
    """The same with every line that is longer than ``width`` broken where words end and indented as it was; what is to
    be copied (:data:`COPIED`) stays in a line of its own."""
    return "\n".join(part for line in text.split("\n") for part in _fitting(line, width))


def _fitting(line: str, width: int) -> list[str]:
    said = line.lstrip(" ")
    if len(spoken.lines(line)) <= width or said.startswith(COPIED):
        return [line]
    indent = line[: len(line) - len(said)]
    return wrapped(said, indent if len(indent) > len(HANGING) else indent + HANGING, width, first=indent)
