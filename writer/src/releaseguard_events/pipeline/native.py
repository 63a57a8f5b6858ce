"""Threads and locks of the operating system, also where an app's own are gevent's.

``gevent.monkey.patch_all`` makes a thread a greenlet, which runs only while nothing else in its thread does. The writer
waits in C for its queue and for a store: as a greenlet it would hold up the whole app. So it takes what gevent replaced
(https://www.gevent.org/api/gevent.monkey.html, ``get_original``), whether the app patches before this is imported or
after; ``_thread.RLock`` stays what it is.
"""

from __future__ import annotations

import sys
from _thread import RLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Gate", "RLock", "allocate_lock", "start_new_thread"]


def _original(name: str) -> Any:
    import _thread

    patched = sys.modules.get("gevent.monkey")
    return patched.get_original("_thread", name) if patched is not None else getattr(_thread, name)


allocate_lock = _original("allocate_lock")
start_new_thread = _original("start_new_thread")


class Gate:
    """As ``threading.Event``, which is built of locks that gevent replaces. Set once, it stays so."""

    __slots__ = ("_gate", "_set")

    def __init__(self) -> None:
        self._gate = allocate_lock()
        self._gate.acquire()
        self._set = False

    def is_set(self) -> bool:
        """Whether it has happened."""
        return self._set

    def set(self) -> None:
        """It has happened: whoever waits goes on. A second time changes nothing."""
        if not self._set:
            self._set = True
            self._open()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has happened, at most ``timeout`` seconds; returns whether it has."""
        if self._set:
            return True
        if self._gate.acquire(timeout=-1 if timeout is None else max(timeout, 0.0)):
            self._open()
        return self._set

    def _open(self) -> None:
        try:
            self._gate.release()
        except RuntimeError:  # another thread was as quick
            return
