"""The texts in a file's bytes: archives opened, UTF-16 decoded. Pure."""

from __future__ import annotations

import bz2
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

LARGEST = 256 * 2**20
"""The most bytes unpacked from one file, since an archive may expand to a thousand times its own size."""
_DEEPEST = 3
"""The depth of archives that are opened: an archive in an archive in an archive (a package in an app's bundle) is the
last."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """Bytes to search. ``inside`` is their path in an archive, empty for the file itself."""

    content: bytes
    inside: str = ""


@dataclass(frozen=True, slots=True)
class Closed:
    """Something in a file that could not be opened, and why."""

    inside: str
    reason: str


def texts(content: bytes, inside: str = "", depth: int = 0) -> Iterator[Unpacked | Closed]:
    """The content itself, and everything packed in it."""
    yield Unpacked(_utf8(content), inside)
    if depth < _DEEPEST:
        for opener in (_members, _stream):
            for part in opener(content, inside):
                if isinstance(part, Closed):
                    yield part
                else:
                    yield from texts(part.content, part.inside, depth + 1)


def _utf8(content: bytes) -> bytes:
    """UTF-16, as written by PowerShell's ``>``, converted to UTF-8; everything else unchanged."""
    encoding = _utf16(content[:64])
    return content.decode(encoding, "replace").encode("utf-8", "replace") if encoding else content


def _utf16(head: bytes) -> str | None:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    even, odd = head[0::2], head[1::2]
    if len(odd) < 4 or even.count(0) == odd.count(0):
        return None
    if not any(even) and all(odd):
        return "utf-16-be"
    return "utf-16-le" if all(even) and not any(odd) else None


def _members(content: bytes, inside: str) -> Iterator[Unpacked | Closed]:
    if not content.startswith(b"PK\x03\x04"):
        return
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            left = LARGEST
            for member in archive.infolist():
                name = f"{inside}!{member.filename}"
                if member.file_size > left:
                    yield Closed(name, "is too large to be unpacked")
                    continue
                left -= member.file_size
                yield _member(archive, member, name)
    except (zipfile.BadZipFile, ValueError, EOFError, OSError):
        yield Closed(inside, "is a broken archive")


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> Unpacked | Closed:
    if member.flag_bits & 1:  # APPNOTE 4.4.4: bit 0, the file is encrypted
        return Closed(name, "is encrypted")
    try:
        with archive.open(member) as packed:
            return Unpacked(packed.read(LARGEST), name)
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, ValueError, EOFError, OSError):
        return Closed(name, "could not be unpacked")


def _stream(content: bytes, inside: str) -> Iterator[Unpacked | Closed]:
    """The content of a compressed stream. The members of a tar lie in it unchanged, one after the other."""
    packer = next((packer for magic, packer in _STREAMS.items() if content.startswith(magic)), None)
    if packer is None:
        return
    try:
        unpacked = packer(content)
    except (zlib.error, lzma.LZMAError, EOFError, OSError, ValueError):
        yield Closed(inside, "could not be unpacked")
        return
    yield Unpacked(unpacked[:LARGEST], f"{inside}!")
    if len(unpacked) > LARGEST:
        yield Closed(inside, "is too large to be unpacked whole")


def _gzip(content: bytes) -> bytes:
    unpacked, rest = b"", content
    while rest and len(unpacked) <= LARGEST:  # RFC 1952, 2.2: a file is a series of members
        member = zlib.decompressobj(wbits=31)
        unpacked += member.decompress(rest, LARGEST + 1 - len(unpacked))
        if rest == member.unused_data:
            break
        rest = member.unused_data
    return unpacked


_STREAMS: dict[bytes, Callable[[bytes], bytes]] = {
    b"\x1f\x8b": _gzip,
    b"BZh": lambda content: bz2.BZ2Decompressor().decompress(content, LARGEST + 1),
    b"\xfd7zXZ\x00": lambda content: lzma.LZMADecompressor().decompress(content, LARGEST + 1),
}
