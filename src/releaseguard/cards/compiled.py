"""The shipped cards as they were checked when the package was built, or a checkout was installed as it is (editable).

They lie inside the installation, beside the files that they were made from, and are taken only while those are the
same, and so is the code that checked them: nothing outside of the installation decides which hosts SAFE MODE refuses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from releaseguard.cards.spec import Card
from releaseguard.model import JsonObject

try:  # hashlib takes it from there too, and loads OpenSSL besides: a tenth of loading click
    from _blake2 import blake2b as _hash
except ImportError:  # a Python built without it: the cards compiled by another one count as others, and are read anew
    from hashlib import sha256 as _hash  # type: ignore[assignment]

FILE = "compiled.json"
"""Beside the cards."""


class _Compiled(msgspec.Struct, frozen=True):
    sources: str
    """A hash of names and bytes of the files that the cards were made from, and of what checked them."""
    cards: Mapping[str, Card]
    """By the file's name without its ending."""


def compiled(folder: Path) -> Mapping[str, Card] | None:
    """The checked cards of an installation's ``folder`` by file name; ``None`` where there are none, or where they are
    not those of the files beside them."""
    try:
        stored = msgspec.json.decode((folder / FILE).read_bytes(), type=_Compiled)
    except (OSError, msgspec.MsgspecError):
        return None
    files = sorted(folder.glob("*.toml"))
    if stored.sources != _digest(files):
        return None
    return {file.stem: msgspec.structs.replace(stored.cards[file.stem], path=str(file)) for file in files}


def compile_cards(documents: Mapping[Path, JsonObject]) -> bytes:
    """What :func:`compiled` reads, of the checked documents by their files."""
    files = sorted(documents)
    return msgspec.json.encode({"sources": _digest(files), "cards": {file.stem: documents[file] for file in files}})


def _digest(files: Sequence[Path]) -> str:
    digest = _hash()
    for file in (*files, *sorted(Path(__file__).parent.glob("*.py"))):
        content = file.read_bytes()
        digest.update(f"{file.name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
