"""Text that stays text in the Markdown of code hosts (GFM): in a line, in a table, as code."""

from __future__ import annotations

import html
import re

from releaseguard.harmless import visible


def cell(text: str) -> str:
    """Text that stays inside its table cell, or its line, and is not markup: no tag, no code, no link, no picture.

    A backslash before punctuation is plain text (GFM's specification, "Backslash escapes"), which also keeps
    addresses from becoming links by themselves ("Autolinks"). Of mail addresses, mentions and references it does not: a
    comment takes them apart and leaves nothing behind where somebody copies them.
    """
    flat = _MARKUP.sub(r"\\\g<0>", html.escape(text.replace("\n", " "), quote=False))
    return _REFERENCES.sub(r"\g<0><!-- -->", flat)


_MARKUP = re.compile(r"[\\`*\[\]|]|(?<=\w):(?=//)|(?<=\bwww)\.|^(?:[#+-]|\d+(?=[.)]))", re.IGNORECASE)
_REFERENCES = re.compile(r"(?<!\w)@(?=\w)|(?<=\w)@(?=[\w.-]+\.\w)|(?<!\w)(?:#|GH-)(?=\d)", re.IGNORECASE)


def code(text: str) -> str:
    """Text as code, in a table or out of it: nothing in it can end the code."""
    flat = visible(text.replace("\n", " ")).replace("`", "'").replace("|", "\u00a6")
    return f"`{flat}`" if flat else ""


def fenced(text: str) -> str:
    """Lines as a block of code, by a fence longer than any in them."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(longest + 1, 3)
    return f"{fence}text\n{text}\n{fence}"
