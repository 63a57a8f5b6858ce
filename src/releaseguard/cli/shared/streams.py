"""Output without a reader: what a command finds and does stays the same."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""The errors of the system for a file that cannot grow."""


def buffered(stream: TextIO) -> TextIO:
    """The stream; under ``PYTHONUNBUFFERED``, which many images set, a stream that sends whole lines instead.

    Without a buffer Python drops what one system call does not accept, so a full disk would cut a result without an
    error.
    """
    if not isinstance(getattr(stream, "buffer", None), io.RawIOBase):
        return stream
    return open(stream.fileno(), "w", 1, stream.encoding, stream.errors, closefd=False)


def forget(stream: TextIO) -> None:
    """Discard everything written to ``stream`` from here on.

    Python flushes its streams again at exit, which would fail once more, print a traceback and exit with 120:
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
    """Print the result here, and nothing after it: ``verify | head`` must not turn a FAIL into exit code 0."""
    try:
        yield
    except BrokenPipeError:
        forget(sys.stdout)


class Remarks:
    """A text stream whose failures are ignored: a rotation does not stop half-way because the reader of its remarks has
    gone (``rotate ... 2>&1 | head``), or because the disk that stores them is full."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write the text where that is possible."""
        try:
            return self._stream.write(text)
        except OSError:
            forget(self._stream)
            return len(text)

    def flush(self) -> None:
        """Flush the stream where that is possible."""
        try:
            self._stream.flush()
        except OSError:
            forget(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


PIPE_WIDTH = 240
"""The width of a line, in characters, where no terminal limits it."""


def line_width() -> int:
    """The width of a line on stdout: the terminal's, or :data:`PIPE_WIDTH` without one."""
    return terminal_width(80) if sys.stdout.isatty() else PIPE_WIDTH


def terminal_width(unknown: int) -> int:
    """The terminal's columns, or ``COLUMNS``; ``unknown`` where neither is known."""
    stdout = sys.__stdout__
    if "COLUMNS" not in os.environ and (stdout is None or not stdout.isatty()):
        return unknown
    import shutil

    return shutil.get_terminal_size((unknown, 24)).columns
