"""Locks that no end of a process hangs on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

BRIEFLY: Final = 1.0
"""Seconds that a lock is waited for which nobody holds for long: who does not give it back is gone for good."""


@contextmanager
def briefly(lock: threading.RLock, seconds: float = BRIEFLY) -> Iterator[None]:
    """The lock, or after so long nothing: no end of a process hangs on a thread that went before it."""
    held = lock.acquire(timeout=seconds)
    try:
        yield
    finally:
        if held:
            lock.release()
