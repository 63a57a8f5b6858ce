"""Output that nobody reads: what a command found and does is the same without a reader."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the system says where a file cannot grow any more."""


def buffered(stream: TextIO) -> TextIO:
    """The stream; under ``PYTHONUNBUFFERED``, which many images set, one that sends whole lines in its place.

    Without a buffer Python drops what one system call does not take, so that a full disk cuts a result short
    and nobody hears of it.
    """
    if not isinstance(getattr(stream, "buffer", None), io.RawIOBase):
        return stream
    return open(stream.fileno(), "w", 1, stream.encoding, stream.errors, closefd=False)


def forget(stream: TextIO) -> None:
    """From here on what is written to ``stream`` goes nowhere.

    Python flushes its streams once more at exit, which would fail again, print a traceback and end with 120:
    https://docs.python.org/3/library/signal.html#note-on-sigpipe
    """
    with suppress(OSError, ValueError):  # a stream that is not a file of the system's has no descriptor
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, stream.fileno())
        finally:
            os.close(nowhere)


@contextmanager
def last_words() -> Iterator[None]:
    """The result is printed here, and nothing after it: `verify | head` must not turn a FAIL into a 0."""
    try:
        yield
    except BrokenPipeError:
        forget(sys.stdout)


class Remarks:
    """A text stream whose failures stop nobody: a rotation is not given up half-way because the reader of its remarks
    has gone (`rotate ... 2>&1 | head`), or the disk that they are kept on is full."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write it where that is possible."""
        try:
            return self._stream.write(text)
        except OSError:
            forget(self._stream)
            return len(text)

    def flush(self) -> None:
        """Flush it where that is possible."""
        try:
            self._stream.flush()
        except OSError:
            forget(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


PIPE_WIDTH = 240
"""Characters of a line where nobody's terminal sets the limit."""


def line_width() -> int:
    """Characters of a line on stdout: the terminal's, or generous where it is none."""
    return terminal_width(80) if sys.stdout.isatty() else PIPE_WIDTH


def terminal_width(unknown: int) -> int:
    """The terminal's columns, or what ``COLUMNS`` says; ``unknown`` where neither is there."""
    stdout = sys.__stdout__
    if "COLUMNS" not in os.environ and (stdout is None or not stdout.isatty()):
        return unknown
    import shutil

    return shutil.get_terminal_size((unknown, 24)).columns
