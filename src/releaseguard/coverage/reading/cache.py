"""Trees of files that were read before, by their content: a file that did not change is not read again."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import sqlite3
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Never, TypeAlias

from releaseguard.coverage.languages import (
    mentions,
    python,
    python_expressions,
    reader,
    sources,
    syntax,
    typescript,
    typescript_expressions,
    typescript_types,
)
from releaseguard.coverage.languages.mentions import Mentions
from releaseguard.coverage.languages.syntax import Import, SourceFile

Tree: TypeAlias = "SourceFile | Mentions"
"""What is kept of a file."""
MOST = 20_000
"""Files that are kept; the ones used longest ago go first."""


@dataclass
class Cache:
    """A file of trees; without one, nothing is remembered. Whatever is wrong with it costs time and nothing else."""

    database: sqlite3.Connection | None = None
    _keys: dict[str, bytes] = field(default_factory=dict)
    _made: list[tuple[bytes, bytes]] = field(default_factory=list)
    _used: list[bytes] = field(default_factory=list)

    def get(self, name: str, content: bytes, *, mentions_only: bool = False) -> Tree | None:
        """The tree of a file with this content, under this name, or what it mentions."""
        if self.database is None:
            return None
        parts = (_version(), b"mentions" if mentions_only else b"", name.encode(), b"\0", content)
        key = self._keys[name] = hashlib.sha256(b"".join(parts)).digest()
        try:
            row = self.database.execute("SELECT body FROM trees WHERE key = ?", (key,)).fetchone()
            file = unpacked(row[0]) if row else None
        except (sqlite3.Error, pickle.UnpicklingError, EOFError, LookupError, AttributeError, TypeError, ValueError):
            return None
        if file is not None:
            self._used.append(key)
        return file

    def keep(self, name: str, file: Tree, body: bytes | None = None) -> None:
        """Remember a tree, once the search is through."""
        if self.database is not None and name in self._keys:
            try:
                self._made.append((self._keys[name], body or packed(file)))
            except RecursionError:
                return

    def close(self) -> None:
        """Write what was made."""
        if self.database is None:
            return
        now = int(time.time())
        try:
            with self.database:
                self.database.executemany(
                    "INSERT OR REPLACE INTO trees VALUES (?, ?, ?)", [(key, body, now) for key, body in self._made]
                )
                self.database.executemany("UPDATE trees SET used = ? WHERE key = ?", [(now, key) for key in self._used])
                self.database.execute(
                    "DELETE FROM trees WHERE key IN (SELECT key FROM trees ORDER BY used DESC LIMIT -1 OFFSET ?)",
                    (MOST,),
                )
            self.database.close()
        except sqlite3.Error:
            return


def opened(folder: Path | None) -> Cache:
    """The cache in a folder that is this user's alone; none where there is no such folder."""
    if folder is None:
        return Cache()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_uid != os.getuid():
            return Cache()
        database = sqlite3.connect(folder / "trees.db", timeout=1)
        (folder / "trees.db").chmod(0o600)
        database.execute("CREATE TABLE IF NOT EXISTS trees (key BLOB PRIMARY KEY, body BLOB, used INTEGER)")
    except (OSError, sqlite3.Error, AttributeError):
        return Cache()
    return Cache(database)


def usual_folder() -> Path | None:
    """Where caches are kept: ``XDG_CACHE_HOME``, else ``~/.cache``."""
    try:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # a user without a home
        return None
    return base / "releaseguard" / "coverage" if base.is_absolute() else None


def packed(file: Tree) -> bytes:
    """A tree as bytes, its texts before it. Raises ``RecursionError`` where it is nested too deeply."""
    body = io.BytesIO()
    packer = _Packer(body, protocol=5)
    packer.dump(file)
    return pickle.dumps(list(packer.numbers), protocol=5) + body.getvalue()


_Shared: TypeAlias = "str | tuple[int, int] | tuple[str, ...] | Import"
"""What is kept once, whichever files hold it."""


class _Packer(pickle.Pickler):
    """Writes a number for what is shared, so that what many files say is kept once by who reads them."""

    def __init__(self, body: io.BytesIO, protocol: int) -> None:
        super().__init__(body, protocol)
        self.numbers: dict[_Shared, int] = {}

    def persistent_id(self, obj: Any) -> int | None:
        """The number of a text, a place, a text's only piece or an import; -1 for what holds nothing."""
        kind = type(obj)
        if (
            kind is str
            or kind is Import
            or (kind is tuple and obj and (type(obj[0]) is str or len(obj) == 2) and set(map(type, obj)) in _SHARED)
        ):
            return self.numbers.setdefault(obj, len(self.numbers))
        return -1 if obj is syntax.NONE else None


_SHARED = ({int}, {str})
"""Of what the tuples are that are kept once: places, and names."""


class _Trees(pickle.Unpickler):
    """Makes nodes of a tree, and nothing else that a file could name."""

    def __init__(self, body: io.BytesIO, values: Iterable[_Shared] = ()) -> None:
        super().__init__(body)
        self._values: list[_Shared | dict[str, Never]] = [*map(_once, values), syntax.NONE]

    def persistent_load(self, number: int) -> _Shared | dict[str, Never]:
        """What was written as a number."""
        return self._values[number]

    def find_class(self, module: str, name: str) -> Any:
        """Raises ``UnpicklingError`` for anything that is not a node."""
        found = getattr(_MODULES.get(module), name, None)
        if not isinstance(found, type) or found.__module__ != module:
            raise pickle.UnpicklingError(f"{module}.{name} is not part of a tree")
        return found


def _once(value: _Shared) -> _Shared:
    match value:
        case str():
            return sys.intern(value)
        case Import():
            member = value.member
            return reader.shared(Import(sys.intern(value.module), member if member is None else sys.intern(member)))
    if isinstance(value[0], int):
        return reader.shared(value)
    return reader.shared(tuple(map(sys.intern, map(str, value))))


def unpacked(body: bytes) -> Tree | None:
    """The tree that some bytes hold."""
    source = io.BytesIO(body)
    found = _Trees(source, _Trees(source).load()).load()
    return found if isinstance(found, SourceFile | Mentions) else None


_MODULES = {one.__name__: one for one in (syntax, mentions)}
"""Of whose classes a tree is made."""
_READERS = (
    syntax,
    sources,
    mentions,
    reader,
    python,
    python_expressions,
    typescript,
    typescript_expressions,
    typescript_types,
)


def _version() -> bytes:
    """Changes with the code that makes trees, so that no tree of an older one is believed."""
    if not _known:
        made = hashlib.sha256()
        for module in _READERS:
            made.update(Path(str(module.__file__)).read_bytes())
        _known.append(made.digest())
    return _known[0]


_known: list[bytes] = []
