"""The writer's spool: events on disk while the store is away, one file for each process, replayed by anyone later.

A file belongs to the process that holds its lock (``flock``); a process that dies lets go of it, however it dies,
and the next writer takes the file over. Events keep their ids, so a replay that was cut short is repeated
without doubles. Directory and files are readable by their owner only, and together bounded in size.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from releaseguard.eventlog import jsonl
from releaseguard.model import Event

Deliver = Callable[[Sequence[Event]], None]


@dataclass(slots=True)
class Spool:
    """The files of one destination. Used by one thread; other threads and processes have a ``Spool`` of their own."""

    folder: Path
    max_bytes: int
    _own: int | None = field(default=None, init=False)
    """The descriptor of our file. Unbuffered, so that a fork copies no half-written line."""

    def add(self, events: Sequence[Event]) -> int:
        """Keep events; returns how many found room, in order. Raises ``OSError`` where the disk refuses."""
        lines = [jsonl.line(event).encode() for event in events]
        room = self.max_bytes - self._size()
        kept = 0
        while kept < len(lines) and room >= len(lines[kept]):
            room -= len(lines[kept])
            kept += 1
        if kept:
            _write(self._file(), b"".join(lines[:kept]))
        return kept

    def replay(self, deliver: Deliver, batch: int) -> int:
        """Hand every event that no living process holds to ``deliver`` and forget it; returns the unreadable lines.

        What ``deliver`` raises comes through, and the file stays as it was.
        """
        self.close()
        return sum(_replay_file(path, deliver, batch) for path in self._paths())

    def close(self) -> None:
        """Let go of our file: from now on any writer may replay it.

        A forked child calls this as well: its copy of the descriptor would keep the file locked after its parent.
        """
        if self._own is not None:
            os.close(self._own)
            self._own = None

    def _paths(self) -> Sequence[Path]:
        return sorted(self.folder.glob("*.jsonl")) if self.folder.is_dir() else ()

    def _size(self) -> int:
        total = 0
        for path in self._paths():
            with contextlib.suppress(FileNotFoundError):
                total += path.stat().st_size
        return total

    def _file(self) -> int:
        if self._own is None:
            _make_private(self.folder)
            path = self.folder / f"{os.getpid()}-{uuid4().hex}.new"
            self._own = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW, 0o600)
            _try_lock(self._own)
            # Named only now: a file without a lock would be taken for a dead process's.
            path.rename(path.with_suffix(".jsonl"))
        return self._own


def _write(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


def _make_private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise PermissionError(f"{folder} is not a directory of our own")
    if stat.S_IMODE(found.st_mode) & 0o077:
        folder.chmod(0o700)


def _try_lock(descriptor: int) -> bool:
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _replay_file(path: Path, deliver: Deliver, batch: int) -> int:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return 0  # replayed by another process meanwhile, or not ours to read
    with open(descriptor, "rb") as file:  # noqa: PTH123 - from a descriptor
        found = os.fstat(descriptor)
        # Locked only now: whoever held the lock before us may have replayed and removed the file.
        if found.st_uid != os.geteuid() or not _try_lock(descriptor) or not os.fstat(descriptor).st_nlink:
            return 0
        unreadable = _deliver_lines(file, deliver, batch)
        path.unlink(missing_ok=True)
        return unreadable


def _deliver_lines(file: BinaryIO, deliver: Deliver, batch: int) -> int:
    unreadable = 0
    events = _parsed(file)
    while chunk := list(islice(events, batch)):
        good = [event for event in chunk if event is not None]
        unreadable += len(chunk) - len(good)
        if good:
            deliver(good)
    return unreadable


def _parsed(file: BinaryIO) -> Iterator[Event | None]:
    for raw in file:
        try:
            yield jsonl.parse(raw.decode())
        except ValueError:
            yield None  # torn by a kill in the middle of a write
