"""The ways in which a managed value may be written in a file, as byte patterns. Pure.

Two kinds of pattern. An *exact* one is the value as some notation writes it, from end to end, and is a hit by
itself. A *piece* is a run of sixteen characters that is the same in every notation that could surround it: where one
shows, the text around it is unescaped, joined and compared with the whole value (:func:`written_around`). So a key
that was wrapped at 76 columns, escaped twice, indented or put together from two literals is found, while a file
without any piece costs one pass.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from releaseguard.leaks.interface import Needle

SHORTEST = 8
"""Shorter values are not searched for: ``test`` stands everywhere and proves nothing."""

_PIECE = 16
_TELLING = 12
"""The shortest run of letters and digits that is looked at by itself: with fewer, words of a language come up."""
_UNESCAPING_ROUNDS = 3
"""JSON within JSON within a shell's quotes; each round takes one layer away."""


@dataclass(frozen=True, slots=True)
class WrittenForm:
    """Some bytes to look for."""

    needle: Needle
    form: str
    """How the value is written where they stand: ``plain``, ``json``, ``url``, ``base64``, ``hex``, ``escaped``."""
    text: bytes
    whole: bytes | None = None
    """For a piece: the whole that must stand around it, as :func:`written_around` compares it."""


def patterns(needles: Sequence[Needle]) -> Sequence[WrittenForm]:
    """Everything to look for, without patterns that look the same. Values that are too short have none."""
    found: dict[tuple[int, bytes], WrittenForm] = {}
    for at, needle in enumerate(needles):
        if len(needle.value.reveal()) >= SHORTEST:
            for pattern in (*_exact(needle), *_pieces(needle)):
                found.setdefault((at, pattern.text), pattern)
    return list(found.values())


def _exact(needle: Needle) -> Iterator[WrittenForm]:
    value = needle.value.reveal()
    yield WrittenForm(needle, "plain", value.encode())
    yield WrittenForm(needle, "json", json.dumps(value)[1:-1].encode())
    yield WrittenForm(needle, "json", json.dumps(value, ensure_ascii=False)[1:-1].encode())
    yield WrittenForm(needle, "url", quote(value, safe="").encode())
    for middle in _in_base64(value.encode()):
        yield from (WrittenForm(needle, "base64", text) for text in (middle, _url_safe(middle)))


def _pieces(needle: Needle) -> Iterator[WrittenForm]:
    value = needle.value.reveal().encode()
    bones = _bones(value)
    if len(bones) >= _PIECE:
        for run in re.findall(rb"[A-Za-z0-9]{%d,}" % _TELLING, value):
            yield from (WrittenForm(needle, "escaped", text, bones) for text in _cut(run) if _tells(text))
    for middle in _in_base64(value):
        yield from (WrittenForm(needle, "base64", text, middle) for text in _cut(middle))
        yield from (WrittenForm(needle, "base64", text, middle) for text in _cut(_url_safe(middle)))
    digits = value.hex().encode()
    for written in (digits, digits.upper()):
        yield from (WrittenForm(needle, "hex", text, digits) for text in _cut(written))


def _tells(run: bytes) -> bool:
    """Whether a run is not a word: words of a language hold no digits."""
    return any(48 <= byte <= 57 for byte in run)


def _cut(text: bytes) -> Iterator[bytes]:
    """The text in pieces that follow each other, so that a line's end leaves all but one of them whole."""
    if len(text) >= SHORTEST:
        yield text[:_PIECE]
    for start in range(_PIECE, len(text) - _TELLING + 1, _PIECE):
        yield text[start : start + _PIECE]


def _in_base64(value: bytes) -> Sequence[bytes]:
    """What of the value's base64 depends on the value alone, wherever in a longer text it begins.

    Base64 writes three bytes as four characters (RFC 4648, section 4), so there are three beginnings. The value may
    be encoded twice (a Secret of Kubernetes that holds base64) or as UTF-16 (a command of PowerShell).
    """
    once = [*_aligned(value), *_aligned(value.decode().encode("utf-16-le"))]
    return [*once, *(twice for middle in _aligned(value) for twice in _aligned(middle))]


def _aligned(value: bytes) -> Sequence[bytes]:
    written = []
    for before in range(3):
        text = base64.b64encode(bytes(before) + value)
        first = -(-before * 8 // 6)
        written.append(text[first : (before + len(value)) * 8 // 6])
    return [text for text in written if len(text) >= SHORTEST]


def _url_safe(text: bytes) -> bytes:
    return text.translate(bytes.maketrans(b"+/", b"-_"))


def _bones(text: bytes) -> bytes:
    """The letters and digits alone: what quotes, line ends, plus signs and indentation leave of a value."""
    return re.sub(rb"[^A-Za-z0-9]+", b"", text)


def written_around(pattern: WrittenForm, around: bytes) -> bool:
    """Whether the whole value of a piece stands in the bytes around it, however they are broken up or escaped."""
    whole = pattern.whole or b""
    if pattern.form == "hex":
        return whole in re.sub(rb"[^0-9a-f]+", b"", around.lower())
    for text in _unescaped(around):
        if pattern.form == "base64":
            joined = re.sub(rb"[^A-Za-z0-9+/]+", b"", text.translate(bytes.maketrans(b"-_", b"+/")))
        else:
            joined = _bones(text)
        if whole in joined:
            return True
    return False


def reach(pattern: WrittenForm) -> int:
    """How many bytes on either side of a piece may belong to the value: escaped, six for each of its own."""
    return 6 * len(pattern.whole or pattern.text) + 64


def _unescaped(text: bytes) -> Iterator[bytes]:
    yield text
    for _ in range(_UNESCAPING_ROUNDS):
        plainer = _one_layer_off(text)
        if plainer == text:
            return
        text = plainer
        yield text


_ESCAPE = re.compile(rb"\\(?:u00([0-9a-fA-F]{2})|x([0-9a-fA-F]{2})|([nrt])|(.))", re.DOTALL)


def _one_layer_off(text: bytes) -> bytes:
    text = _ESCAPE.sub(_meant, text)
    if b"&" in text:
        text = html.unescape(text.decode("latin-1")).encode("latin-1", "ignore")
    return unquote_to_bytes(text) if b"%" in text else text


def _meant(escape: re.Match[bytes]) -> bytes:
    code = escape[1] or escape[2]
    if code:
        return bytes([int(code, 16)])
    return b"\n" if escape[3] else escape[4]
