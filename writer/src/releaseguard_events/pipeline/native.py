"""Threads and locks of the operating system, also where an app's own are gevent's or eventlet's.

``gevent.monkey.patch_all`` and ``eventlet.monkey_patch`` make a thread a greenlet, which runs only while nothing else
in its thread does. The writer waits in C for its queue and for a store: as a greenlet it would hold up the whole app.
So it takes what they replaced (https://www.gevent.org/api/gevent.monkey.html, ``get_original``;
https://eventlet.readthedocs.io/en/latest/patching.html, ``original``), whether the app patches before this is imported
or after; ``_thread.RLock`` stays what it is.
"""

from __future__ import annotations

import sys
from _signal import SIG_BLOCK, pthread_sigmask, valid_signals  # type: ignore[import-not-found] # signal's own
from _thread import RLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, Final

__all__ = ["BRIEFLY", "Gate", "RLock", "allocate_lock", "briefly", "leave_signals", "start_new_thread", "threads_run"]


def _original(name: str) -> Any:
    import _thread

    if (gevent := sys.modules.get("gevent.monkey")) is not None:
        return gevent.get_original("_thread", name)
    if (eventlet := sys.modules.get("eventlet.patcher")) is not None:
        return getattr(eventlet.original("_thread"), name)
    return getattr(_thread, name)


allocate_lock = _original("allocate_lock")
_start = _original("start_new_thread")


def start_new_thread(function: Callable[[], None], arguments: tuple[()]) -> None:
    """Raises ``RuntimeError`` where none can be started, or would never run."""
    if not threads_run():
        raise RuntimeError("uWSGI was started without enable-threads")
    _start(function, arguments)


def threads_run() -> bool:
    """uWSGI keeps the interpreter's lock between two requests, so that no other thread runs, unless it is told
    otherwise (https://uwsgi-docs.readthedocs.io/en/latest/ThingsToKnow.html)."""
    server = sys.modules.get("uwsgi")
    options = getattr(server, "opt", None)
    if not isinstance(options, dict):
        return True
    said = options.get("enable-threads", b"")
    said = said.decode("ascii", "replace") if isinstance(said, bytes) else str(said)
    return "threads" in options or said.lower() in {"true", "1", "yes", "on"}


BRIEFLY: Final = 1.0
"""Seconds that a lock is waited for which nobody holds for long: who does not give it back is gone for good."""


class briefly:  # noqa: N801 - used as a function is; contextlib is more than an app should have to load
    """The lock, or after so long nothing: no end of a process hangs on a thread that went before it."""

    __slots__ = ("_held", "_lock", "_seconds")

    def __init__(self, lock: threading.RLock, seconds: float = BRIEFLY) -> None:
        self._lock, self._seconds = lock, seconds

    def __enter__(self) -> None:
        self._held = self._lock.acquire(timeout=self._seconds)

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._held:
            self._lock.release()


class Gate:
    """As ``threading.Event``, which is built of locks that gevent and eventlet replace. Set once, it stays so."""

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


def leave_signals() -> None:
    """A signal that the system gives to this thread would not wake the one that waits for it."""
    pthread_sigmask(SIG_BLOCK, valid_signals())
