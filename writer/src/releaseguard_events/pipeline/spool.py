"""Events on disk while the store is unreachable: one file for each process, which any later process can replay.

A file belongs to the process that holds its lock (``flock``). The lock ends with the process, however it dies, and the
next writer takes the file over. Events keep their ids, so a replay that was interrupted can be repeated without
duplicates. Folder and files are readable by their owner only, and their total size is limited.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, islice, takewhile
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from releaseguard_events.pipeline import jsonl
from releaseguard_events.pipeline.native import RLock, briefly
from releaseguard_events.private import FOLDER, make_folder
from releaseguard_events.stores.storable import Writable

Deliver = Callable[[Sequence[Writable]], None]


@dataclass(slots=True)
class Spool:
    """The files of one destination. One thread replays, any thread may add; other processes have their own ``Spool``.

    ``lock`` is held while files are opened and named, never while events are delivered, so that a fork can wait for it.
    """

    folder: Path
    max_bytes: int
    lock: RLock = field(default_factory=RLock)
    _own: int | None = field(default=None, init=False)
    """The descriptor of our own file; unbuffered, so that a fork copies no half-written line."""
    _read: int | None = field(default=None, init=False)
    """The descriptor of the file that is being replayed."""

    def add(self, events: Sequence[Writable]) -> int:
        """Keep events; returns how many of them, in order, found room. Raises ``OSError`` where the disk cannot be
        written."""
        lines = [jsonl.line(event).encode() for event in events]
        with briefly(self.lock):
            fitting = _fitting(lines, self.max_bytes - self._size())
            return self._write(fitting) if fitting else 0

    def replay(self, deliver: Deliver, batch: int) -> int:
        """Give every event that no living process holds to ``deliver``, and delete it; returns the number of unreadable
        lines.

        An error of ``deliver`` is raised as it is, and the file stays as it was.
        """
        self.close()
        return sum(self._replay_file(path, deliver, batch) for path in self._paths())

    def close(self) -> None:
        """Release our file: from now on any writer may replay it."""
        with briefly(self.lock):
            own, self._own = self._own, None
            _close(own)

    def disinherit(self) -> None:
        """Close the inherited descriptors in a forked child; open copies would keep the files locked after the parent's
        end."""
        own, self._own, read, self._read = self._own, None, self._read, None
        _close(own)
        _close(read)

    def _write(self, lines: Sequence[bytes]) -> int:
        """The number of whole lines written. A disk that fills up takes part of a line, which is removed again."""
        descriptor, content, written = self._file(), b"".join(lines), 0
        try:
            while written < len(content):
                written += os.write(descriptor, content[written:])
        except OSError:
            whole = _fitting(lines, written)
            self._cut(descriptor, written - sum(map(len, whole)))
            if not whole:
                raise
            return len(whole)
        return len(lines)

    def _cut(self, descriptor: int, torn: int) -> None:
        try:
            if torn:
                os.ftruncate(descriptor, os.fstat(descriptor).st_size - torn)
        except OSError:
            self.close()  # what comes next must not stand on the same line as half an event

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

    def _replay_file(self, path: Path, deliver: Deliver, batch: int) -> int:
        with briefly(self.lock):
            self._read = _opened(path)
        if self._read is None:
            return 0
        try:
            unreadable = _deliver_lines(self._read, deliver, batch)
            path.unlink(missing_ok=True)
            return unreadable
        finally:
            with briefly(self.lock):
                read, self._read = self._read, None
                _close(read)


def _fitting(lines: Sequence[bytes], room: int) -> Sequence[bytes]:
    """The first lines, as many as fit into ``room`` bytes."""
    ends = accumulate(map(len, lines))
    return lines[: sum(1 for _ in takewhile(lambda end: end <= room, ends))]


def _close(descriptor: int | None) -> None:
    if descriptor is not None:
        os.close(descriptor)


def _make_private(folder: Path) -> None:
    make_folder(folder)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise PermissionError(f"{folder} is not a directory of our own")
    if stat.S_IMODE(found.st_mode) & 0o077:
        folder.chmod(FOLDER)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _opened(path: Path) -> int | None:
    """A descriptor of a file that only this process holds; ``None`` where another one does."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return None  # replayed by another process meanwhile, or not ours to read
    found = os.fstat(descriptor)
    # Locked only now: whoever held the lock before us may have replayed and removed the file.
    if found.st_uid == os.geteuid() and _try_lock(descriptor) and os.fstat(descriptor).st_nlink:
        return descriptor
    os.close(descriptor)
    return None


def _deliver_lines(descriptor: int, deliver: Deliver, batch: int) -> int:
    unreadable = 0
    with open(descriptor, "rb", closefd=False) as file:
        events = _parsed(file)
        while chunk := list(islice(events, batch)):
            good = [event for event in chunk if event is not None]
            unreadable += len(chunk) - len(good)
            if good:
                deliver(good)
    return unreadable


def _parsed(file: BinaryIO) -> Iterator[Writable | None]:
    for raw in file:
        try:
            yield jsonl.parse(raw.lstrip(b"\0").decode())  # a power cut leaves zeros where a write was to be
        except ValueError:
            yield None  # torn by a kill in the middle of a write


def spool_folder(environ: Mapping[str, str], url: str) -> Path:
    """The folder of one store: an event must not end up in another store than the one it was written for.

    Its name is a digest of the address without credentials, which may change while events wait.
    """
    place = url.rsplit("@", 1)[-1] if "@" in url else url
    name = hashlib.sha256(place.encode("utf-8", "replace")).hexdigest()[:16]
    if environ.get("RELEASEGUARD_SPOOL_DIR"):
        return Path(environ["RELEASEGUARD_SPOOL_DIR"]) / name
    state = environ.get("XDG_STATE_HOME") or (f"{environ['HOME']}/.local/state" if environ.get("HOME") else "")
    if state and _writable(Path(state)):
        return Path(state) / "releaseguard" / "spool" / name
    # Serverless functions have no home that can be written to.
    return Path(tempfile.gettempdir()) / f"releaseguard-spool-{os.geteuid()}" / name


def _writable(path: Path) -> bool:
    existing = next((folder for folder in (path, *path.parents) if folder.exists()), path)
    return existing.is_dir() and os.access(existing, os.W_OK)
