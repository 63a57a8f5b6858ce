"""Texts that want to do something else than be read, and what none of them may do."""

from __future__ import annotations

import re

from hypothesis import strategies as st

HOSTILE = [
    "\x1b[31mred\x1b[2J",
    "\x1b]8;;https://evil.example\x07click\x1b]8;;\x07",
    "\x9b31m",
    "\x07\x08\x7f",
    "\u202egnp.exe",
    "\u2066isolated\u2069",
    "\u061c\u200e\u200f\u200b\ufeff",
    "\U000e0049\U000e0067",
    "one\r::error::two",
    "one\n::error file=x::two",
    "one\n \t\u3000::stop-commands::two",
    "::add-mask::x",
    "a ##[error]b",
    "a ##vso[task.setvariable]b",
    "##teamcity[x]",
    "one\u2028::error::two\u2029\x85::x::",
    "lone \ud800 surrogate",
    "| cell | [link](https://evil.example) ![i](x) <img src=x> `code` *b* ~~s~~ https://evil.example @user #1",
    "```\n\n# title\n- item\n> quote\n<details>",
    "EOF\nverdict=pass",
]
"""One of each kind."""

_PIECES = [*HOSTILE, *"\x00\x1b\x07\r\n\t |`[]()<>!*_~\\:#@/&;", "::", "##[", "](", "<!--", "-->", "ğ", "\U000e007f"]
hostile_texts = st.lists(st.sampled_from(_PIECES) | st.text(max_size=6), max_size=8).map("".join)

_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)
_COMMAND = re.compile(r"^\s*::|##(?:vso|teamcity)?\[", re.MULTILINE)


def must_be_harmless(printed: str) -> None:
    """Nothing that a terminal obeys, that turns the direction of reading, or that a CI runner takes for a command."""
    for pattern in (_FORBIDDEN, _COMMAND):
        found = pattern.search(printed)
        assert found is None, repr(printed[max(found.start() - 40, 0) : found.end() + 40])
