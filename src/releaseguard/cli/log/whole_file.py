"""A file that has its name only when it is whole."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from releaseguard.cli.shared.streams import NO_ROOM
from releaseguard.errors import Refused, UsageError
from releaseguard_events.private import FILE


@contextmanager
def writing(output: Path) -> Iterator[TextIO]:
    """What is written here is in ``output`` in the end; what breaks off leaves what was there before.

    Raises ``UsageError`` where it cannot be written, and ``Refused`` where another run is writing it.
    """
    try:
        with _whole(output) if output.is_file() or not output.exists() else output.open("w", encoding="utf-8") as file:
            yield file
    except OSError as error:
        step = "Make room, or name a file elsewhere." if error.errno in NO_ROOM else "Name a file you may write."
        raise UsageError(f"cannot write {output}: {error.strerror}", next_step=step) from None


@contextmanager
def _whole(output: Path) -> Iterator[TextIO]:
    output = Path(os.path.realpath(output))
    part = output.with_name(f"{output.name}.part")
    with _taken(part, output) as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())  # or, after a loss of power, the name could stand for nothing
            if output.exists():
                part.chmod(output.stat().st_mode)
            part.replace(output)
        finally:
            part.unlink(missing_ok=True)


def _taken(part: Path, output: Path) -> TextIO:
    """The unfinished file, empty, for us alone; what a killed run left of it is nobody's."""
    while True:
        file = open(part, "a", encoding="utf-8", opener=_for_the_owner)  # noqa: SIM115 - whoever asked closes it
        if not _lock(file.fileno()):
            file.close()
            raise Refused(f"another run is writing {output}", next_step="Wait until it is done, or name another file.")
        if os.fstat(file.fileno()).st_nlink:  # or it was finished, and got its name, before the lock was ours
            file.truncate(0)
            return file
        file.close()


def _for_the_owner(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, FILE)


def _lock(descriptor: int) -> bool:
    """Whether nobody else has it. A file system without locks lets everybody."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
