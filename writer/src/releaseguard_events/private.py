"""Files and folders that are made for their owner alone, whatever the umask.

Logs, reports and traces say who rotated what, and what users did. A file that is there already keeps its mode: whoever
wants others to read it makes it first, or changes its mode once.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TextIO

FILE = 0o600
FOLDER = 0o700
OTHERS = 0o007
"""What the mode of a file gives to everybody. Its group is for those who share it."""


def open_file(path: Path) -> TextIO:
    """Open ``path`` for writing, made for its owner alone where it is new. Raises ``OSError``."""
    return open(path, "w", encoding="utf-8", opener=_for_the_owner)


def _for_the_owner(path: str, flags: int) -> int:
    return os.open(path, flags, FILE)


def write_file(path: Path, text: str) -> None:
    """Put ``text`` into ``path``, made for its owner alone where it is new. Raises ``OSError``."""
    with open_file(path) as file:
        file.write(text)


def make_file(path: Path) -> None:
    """Make an empty file for its owner alone where there is none. Raises ``OSError``.

    One that is there is not even opened: closing it would let go of the locks that this process has on it.
    """
    with suppress(FileExistsError):
        os.close(os.open(os.path.realpath(path), os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE))


def make_folder(folder: Path) -> None:
    """Make a folder, and those above that are missing, for their owner alone. Raises ``OSError``."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    with suppress(FileExistsError):
        folder.mkdir(mode=FOLDER)


def open_to_all(path: Path) -> int | None:
    """The mode of a file or folder that everybody can read or write; ``None`` for any other, or for none."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return None
    return mode if mode & OTHERS else None
