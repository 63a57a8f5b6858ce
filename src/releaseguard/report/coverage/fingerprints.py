"""What tells a line of a file from all others wherever it moves: by it code scanning knows a finding again.

Computed as the action computes it (codeql-action, ``src/fingerprints.ts``) that would otherwise do so on its own where
it uploads a file, and find another one: a polynomial over the 100 characters that begin at the line, without blanks and
tabs, and how many lines before had the same.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping

_LONG = 100
"""Code units of UTF-16 that are looked at."""
_FACTOR, _WORD = 37, 2**64
_END = "\uffff"
"""What stands for the end of the file."""


def line_fingerprints(content: bytes, wanted: Collection[int]) -> Mapping[int, str]:
    """By line, from 1: the fingerprint of each wanted one; a line that is not there has none."""
    text = re.sub(r"[ \t]", "", content.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")) + _END
    before: Counter[str] = Counter()
    found, start, last = dict[int, str](), 0, max(wanted, default=0)
    for line in range(1, last + 1):
        piece = text[start : start + _LONG]
        before[piece] += 1
        if line in wanted:
            found[line] = f"{_hash(piece):x}:{before[piece]}"
        start = text.find("\n", start) + 1
        if not start:
            break
    return found


def _hash(piece: str) -> int:
    units = piece.encode("utf-16-le", "surrogatepass")[: 2 * _LONG].ljust(2 * _LONG, b"\0")
    value = 0
    for at in range(0, len(units), 2):
        value = (value * _FACTOR + int.from_bytes(units[at : at + 2], "little")) % _WORD
    return value
