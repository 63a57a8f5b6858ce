"""Threads and locks of the operating system, even where gevent or eventlet has replaced Python's.

``gevent.monkey.patch_all`` and ``eventlet.monkey_patch`` turn a thread into a greenlet, which runs only while nothing
else in its thread does. The writer waits in C for its queue and for a store: as a greenlet it would block the whole
app. So it takes the functions that they replaced (https://www.gevent.org/api/gevent.monkey.html, ``get_original``;
https://eventlet.readthedocs.io/en/latest/patching.html, ``original``), whether the app patches before or after this
module is imported. They leave ``_thread.RLock`` alone.
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
    """Start a thread. Raises ``RuntimeError`` where none can be started or where it would never run."""
    if not threads_run():
        raise RuntimeError("uWSGI was started without enable-threads")
    _start(function, arguments)


def threads_run() -> bool:
    """Whether background threads run at all. uWSGI keeps the interpreter's lock between requests unless
    ``enable-threads`` is set (https://uwsgi-docs.readthedocs.io/en/latest/ThingsToKnow.html)."""
    server = sys.modules.get("uwsgi")
    options = getattr(server, "opt", None)
    if not isinstance(options, dict):
        return True
    said = options.get("enable-threads", b"")
    said = said.decode("ascii", "replace") if isinstance(said, bytes) else str(said)
    return "threads" in options or said.lower() in {"true", "1", "yes", "on"}


BRIEFLY: Final = 1.0
"""Seconds to wait for a lock that nobody holds for long: a holder that does not release it by then no longer exists."""


class briefly:  # noqa: N801 - used as a function is; contextlib is more than an app should have to load
    """Hold the lock, or go on without it after :data:`BRIEFLY` seconds: a thread that died must not hang the process's
    exit."""

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
    """Like ``threading.Event``, without the locks that gevent and eventlet replace. Once set it stays set."""

    __slots__ = ("_gate", "_set")

    def __init__(self) -> None:
        self._gate = allocate_lock()
        self._gate.acquire()
        self._set = False

    def is_set(self) -> bool:
        """Whether :meth:`set` was called."""
        return self._set

    def set(self) -> None:
        """Let everybody who waits go on. Setting it again changes nothing."""
        if not self._set:
            self._set = True
            self._open()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait at most ``timeout`` seconds until it is set; returns whether it is."""
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
    """Block signals in this thread: one that is delivered here would not wake the main thread that waits for it."""
    pthread_sigmask(SIG_BLOCK, valid_signals())
