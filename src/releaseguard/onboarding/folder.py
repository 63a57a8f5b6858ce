"""A project's directory as services look into it: small files, and what git says it is called. Nothing else is read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

LARGEST: Final = 1 << 20
"""Bytes of a file that is looked into."""
MOST_FILES: Final = 200


class ProjectFolder(Struct, frozen=True):
    """Where a first configuration is written, and the git repository around it."""

    folder: Path
    root: Path | None = None
    """The top of the git repository; ``None`` where there is none."""
    remotes: Sequence[str] = ()
    """The addresses of its remotes, ``origin`` first."""

    @property
    def top(self) -> Path:
        """The top of the repository, else the directory itself."""
        return self.root or self.folder


def read(path: Path) -> str:
    """The text of a file; empty where there is none, where it is not text, or where it is too large."""
    try:
        return path.read_text(encoding="utf-8") if path.is_file() and path.stat().st_size <= LARGEST else ""
    except (OSError, UnicodeDecodeError):
        return ""


def texts_in(path: Path, *keys: str) -> Sequence[str]:
    """What the JSON object in a file says under each key; empty where that is not text, or the file no such object."""
    try:
        document: Any = json.loads(read(path) or "{}")
    except (ValueError, RecursionError):
        document = {}
    found = [document.get(key) if isinstance(document, dict) else None for key in keys]
    return [value if isinstance(value, str) else "" for value in found]


def first_files(paths: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """The first of the files in order, each with its text."""
    for path in islice(sorted(paths), MOST_FILES):
        yield path, read(path)
