"""The shipped cards, checked when the package was built or a checkout was installed as it is (editable).

They are stored inside the installation, next to the files they were made from, and are used only while those files and
the code that checked them are unchanged: nothing outside the installation decides which hosts SAFE MODE refuses.
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
"""The file's name, next to the cards."""


class _Compiled(msgspec.Struct, frozen=True):
    sources: str
    """A hash of the names and bytes of the cards' files and of the code that checked them."""
    cards: Mapping[str, Card]
    """File name without its ending -> its card."""


def compiled(folder: Path) -> Mapping[str, Card] | None:
    """The checked cards of an installation's ``folder`` by file name; ``None`` where there are none, or where they do
    not match the files next to them."""
    try:
        stored = msgspec.json.decode((folder / FILE).read_bytes(), type=_Compiled)
    except (OSError, msgspec.MsgspecError):
        return None
    files = sorted(folder.glob("*.toml"))
    if stored.sources != _digest(files):
        return None
    return {file.stem: msgspec.structs.replace(stored.cards[file.stem], path=str(file)) for file in files}


def compile_cards(documents: Mapping[Path, JsonObject]) -> bytes:
    """The bytes that :func:`compiled` reads, from the checked documents by file."""
    files = sorted(documents)
    return msgspec.json.encode({"sources": _digest(files), "cards": {file.stem: documents[file] for file in files}})


def _digest(files: Sequence[Path]) -> str:
    digest = _hash()
    for file in (*files, *sorted(Path(__file__).parent.glob("*.py"))):
        content = file.read_bytes()
        digest.update(f"{file.name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
