"""Files into the small tree: by this process and by workers forked of it, which reach no network."""

from __future__ import annotations

import gc
import marshal
import os
import tempfile
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import IO

from releaseguard.coverage.languages.mentions import Mentions, mentions_of, taken_apart
from releaseguard.coverage.languages.sources import read_source
from releaseguard.coverage.languages.syntax import SourceFile
from releaseguard.coverage.reading.cache import Cache, packed, unpacked
from releaseguard.coverage.reading.tree import Tree, UnreadPath, read
from releaseguard.safemode.guard import fork_worker

WORTH_IT = 400_000
"""Bytes of source below which a worker costs more than it saves."""
MOST_WORKERS = 4
_Progress = Callable[[int, int], None]
_One = Callable[[str], "SourceFile | Mentions | None"]
"""Reads one file by its name; nothing where it could not."""


def parsed(
    tree: Tree, names: Sequence[str], mentions: Collection[str], cache: Cache, progress: _Progress
) -> dict[str, SourceFile | Mentions]:
    """The files that could be read, of some only the ``mentions``; what could not be read goes to ``tree.unread``."""
    found: dict[str, SourceFile | Mentions] = {}
    waiting = []
    for name in names:
        if (content := read(tree, name)) is None:
            continue
        if (known := cache.get(name, content, mentions_only=name in mentions)) is not None:
            found[name] = known
        else:
            waiting.append((name, len(content)))
    known_before = len(found)
    one = partial(_one, tree, mentions)
    found |= dict(_fresh(one, waiting, cache, lambda done: progress(known_before + done, len(names))))
    for name, file in found.items():
        if file.broken_at is not None:
            what = f"line {file.broken_at} cannot be understood; what is around it may not have been seen"
            tree.unread.append(UnreadPath(name, what, file.broken_at))
    return found


def _fresh(
    one: _One, waiting: Sequence[tuple[str, int]], cache: Cache, progress: Callable[[int], None]
) -> Iterator[tuple[str, SourceFile | Mentions]]:
    """What is not in the cache yet, shared out among processes."""
    files = _nameless_files(_processes(waiting) - 1)
    shares = _shared_out(waiting, 1 + len(files))
    workers = [_Worker.start(one, share, file) for share, file in zip(shares[1:], files, strict=True)]
    done = 0
    for name in shares[0]:
        done += 1
        progress(done)
        if (file := one(name)) is not None:
            cache.keep(name, file)
            yield name, file
    for worker in workers:
        for name, body in worker.bodies():
            done += 1
            progress(done)
            file = unpacked(body) if body else one(name)
            if file is not None:
                cache.keep(name, file, body)
                yield name, file


def _processes(waiting: Sequence[tuple[str, int]]) -> int:
    """By how many processes so much is read, this one among them."""
    alone = not hasattr(os, "fork") or threading.active_count() > 1 or sum(size for _, size in waiting) < WORTH_IT
    return 1 if alone else min(_cores(), MOST_WORKERS)


def _nameless_files(count: int) -> list[IO[bytes]]:
    """Files for so many workers to write to; none where this machine lets nobody write any."""
    try:
        return [tempfile.TemporaryFile() for _ in range(count)]
    except OSError:
        return []


def _shared_out(waiting: Sequence[tuple[str, int]], count: int) -> list[list[str]]:
    """Files by process, this one first: the largest first, each to the process that has least."""
    shares: list[list[str]] = [[] for _ in range(count)]
    loads = [0] * count
    for name, size in sorted(waiting, key=lambda one: (-one[1], one[0])):
        least = loads.index(min(loads))
        shares[least].append(name)
        loads[least] += size
    return shares


def _cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def _one(tree: Tree, mentions: Collection[str], name: str) -> SourceFile | Mentions | None:
    content = read(tree, name)
    if content is None:
        return None
    try:
        file = read_source(name, content)
    except RecursionError:
        tree.unread.append(UnreadPath(name, "is nested too deeply"))
        return None
    if name not in mentions:
        return file
    mentioned = mentions_of(file)
    taken_apart(file)
    return mentioned


@dataclass
class _Worker:
    """A process of its own that reads a share of the files, and writes them to a file that has no name.

    Not to a pipe: this process has its own share to read first, and a pipe that nobody empties holds a worker up.
    """

    process: int
    written: IO[bytes]
    names: Sequence[str]
    _read: set[str] = field(default_factory=set)

    @classmethod
    def start(cls, one: _One, names: Sequence[str], written: IO[bytes]) -> _Worker:
        """Fork it."""
        process = fork_worker()
        if process == 0:  # the worker: it leaves by `_exit` alone, and runs nothing of its parent's end
            status = 1
            try:
                gc.freeze()  # what the parent made stays as it is, and its pages stay shared
                gc.enable()
                for name in names:
                    marshal.dump((name, _packed_one(one, name)), written)
                written.flush()
                status = 0
            finally:
                os._exit(status)
        return cls(process, written, names)

    def bodies(self) -> Iterator[tuple[str, bytes]]:
        """Name and packed tree of each file; empty where this process has to read it: the worker could not, or died."""
        with self.written:
            os.waitpid(self.process, 0)
            self.written.seek(0)
            yield from self._whole_ones()
        yield from ((name, b"") for name in self.names if name not in self._read)

    def _whole_ones(self) -> Iterator[tuple[str, bytes]]:
        while True:
            try:
                name, body = marshal.load(self.written)  # noqa: S302 - what a fork of this process wrote
            except (EOFError, ValueError, TypeError):
                return
            self._read.add(name)
            yield name, body


def _packed_one(one: _One, name: str) -> bytes:
    try:
        file = one(name)
        return packed(file) if file is not None else b""
    except RecursionError:
        return b""
