"""Calls that run side by side, and what becomes of them at Ctrl-C."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from releaseguard.errors import ReleaseguardError

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

T = TypeVar("T")


class SideBySide:
    """Threads for at most ``at_once`` calls, made when they are first needed; ``name`` begins theirs.

    ``stopped`` is set while what is under way is waited for after Ctrl-C: whatever waits or sends looks at it.
    """

    def __init__(self, at_once: int, name: str, stopped: threading.Event) -> None:
        self._at_once = at_once
        self._name = name
        self._stopped = stopped
        self._lock = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None

    def run(self, calls: Sequence[Callable[[], T]]) -> list[T | ReleaseguardError]:
        """The results of ``calls`` in their order, run by the caller and the threads.

        An expected failure is a value in its place. After Ctrl-C nothing new is started or sent, and what is
        in flight is waited for, so that nobody has to guess whether it arrived.
        """
        first = _runs_itself(calls)
        futures = [self._helpers().submit(_as_value, call) for call in calls[first:]]
        try:
            mine = [_as_value(call) for call in calls[:first]]
            return mine + [
                # What no thread has begun is run here: calls that start calls cannot wait for each other's threads.
                _as_value(call) if first and future.cancel() else future.result()
                for call, future in zip(calls[first:], futures, strict=True)
            ]
        except BaseException:
            self._stopped.set()
            raise
        finally:
            _end(futures)
            self._stopped.clear()

    def _helpers(self) -> ThreadPoolExecutor:
        """Threads of all calls of :meth:`run`: one for each request that may be under way."""
        from concurrent.futures import ThreadPoolExecutor

        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(self._at_once, self._name)
            return self._threads

    def close(self) -> None:
        """Ends the threads. A later call begins new ones."""
        with self._lock:
            threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown()


def _runs_itself(calls: Sequence[object]) -> int:
    """How many calls the calling thread begins with: one, but none on the main thread, where Ctrl-C would break off
    its request."""
    return 0 if threading.current_thread() is threading.main_thread() else min(1, len(calls))


def _end(futures: Sequence[Future[Any]]) -> None:
    """Takes back what has not begun, and waits for what has."""
    from concurrent.futures import wait

    wait([future for future in futures if not future.cancel()])


def _as_value(call: Callable[[], T]) -> T | ReleaseguardError:
    try:
        return call()
    except ReleaseguardError as error:
        return error
