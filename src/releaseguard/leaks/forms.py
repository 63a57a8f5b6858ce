"""The ways in which a managed value may be written in a file, as byte patterns. Pure.

There are two kinds of pattern. An *exact* one is the value as some notation writes it, from end to end; finding it is a
hit. A *piece* is a run of sixteen characters that is the same in every notation. Where one is found, the text around it
is unescaped, joined and compared with the whole value (:func:`written_around`). This finds a key that was wrapped at 76
columns, escaped twice, indented, or put together from two literals, while a file without any piece needs one pass.
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
"""The shortest value that is searched for: ``test`` is everywhere and proves nothing."""

_PIECE = 16
_TELLING = 12
"""The shortest run of letters and digits that is searched for by itself; shorter ones match ordinary words."""
_UNESCAPING_ROUNDS = 3
"""JSON within JSON within a shell's quotes; each round removes one layer."""


@dataclass(frozen=True, slots=True)
class WrittenForm:
    """Some bytes to search for."""

    needle: Needle
    form: str
    """The notation: ``plain``, ``json``, ``url``, ``base64``, ``hex``, ``escaped``."""
    text: bytes
    whole: bytes | None = None
    """For a piece: the whole value that must surround it, as :func:`written_around` compares it."""


def patterns(needles: Sequence[Needle]) -> Sequence[WrittenForm]:
    """Everything to search for, without duplicates; none for values that are too short."""
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
    """Whether a run is no ordinary word: words contain no digits."""
    return any(48 <= byte <= 57 for byte in run)


def _cut(text: bytes) -> Iterator[bytes]:
    """The text in consecutive pieces, so that a line break leaves all but one of them intact."""
    if len(text) >= SHORTEST:
        yield text[:_PIECE]
    for start in range(_PIECE, len(text) - _TELLING + 1, _PIECE):
        yield text[start : start + _PIECE]


def _in_base64(value: bytes) -> Sequence[bytes]:
    """The parts of the value's base64 that depend on the value only, wherever it begins in a longer text.

    Base64 writes three bytes as four characters (RFC 4648, section 4:
    https://www.rfc-editor.org/rfc/rfc4648#section-4), so there are three possible beginnings. The value may be encoded
    twice (a Kubernetes Secret that contains base64) or as UTF-16 (a PowerShell command).
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
    """The letters and digits only: what remains of a value without quotes, line ends, plus signs and indentation."""
    return re.sub(rb"[^A-Za-z0-9]+", b"", text)


def written_around(pattern: WrittenForm, around: bytes) -> bool:
    """Whether the whole value of a piece is in the bytes around it, however split or escaped."""
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
    """How many bytes on either side of a piece may belong to the value: six for each of its own, if escaped."""
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
