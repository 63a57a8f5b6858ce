"""Streams that fail: nobody reads them, or the disk is full."""

from __future__ import annotations

import errno
import io

import pytest

from releaseguard.cli.entrypoint import _of_every_letter
from releaseguard.cli.shared.streams import Remarks, last_words


class Failing(io.StringIO):
    """A stream that takes nothing."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def write(self, text: str) -> int:
        raise OSError(self.number, "this stream takes nothing")

    def flush(self) -> None:
        raise OSError(self.number, "this stream takes nothing")


@pytest.mark.parametrize("number", [errno.EPIPE, errno.ENOSPC, errno.EIO])
def test_remarks_stop_nobody(number: int) -> None:
    remarks = Remarks(Failing(number))
    assert remarks.write("Writing 4 destinations.\n") == 24
    remarks.flush()
    assert not remarks.isatty()


def test_a_result_that_nobody_reads_is_no_failure_but_one_that_cannot_be_kept_is() -> None:
    with last_words():
        raise BrokenPipeError
    with pytest.raises(OSError, match="no space"), last_words():
        raise OSError(errno.ENOSPC, "no space")


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [("ascii", "çalışmıyor 🔥".encode()), ("utf-8", "çalışmıyor 🔥".encode()), ("latin-1", b"\xe7al??m?yor ?"),
     ("cp1254", b"\xe7al\xfd\xfem\xfdyor ?"), ("utf-16-le", "çalışmıyor 🔥".encode("utf-16-le"))],
)  # fmt: skip
def test_a_stream_of_another_encoding_shows_what_it_can(encoding: str, shown: bytes) -> None:
    """`PYTHONIOENCODING=latin-1 releaseguard status --lang tr`, or a console of another code page."""
    kept = io.BytesIO()
    stream = _of_every_letter(io.TextIOWrapper(kept, encoding=encoding))
    stream.write("çalışmıyor 🔥")
    stream.flush()
    assert kept.getvalue() == shown
