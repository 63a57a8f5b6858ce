"""Calls that run in parallel, and what happens to them at Ctrl-C."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from releaseguard.errors import ReleaseguardError

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

T = TypeVar("T")


class SideBySide:
    """Up to ``at_once`` threads, started when they are first needed; their names begin with ``name``.

    ``stopped`` is set after Ctrl-C while requests in flight are waited for; whatever waits or sends checks it.
    """

    def __init__(self, at_once: int, name: str, stopped: threading.Event) -> None:
        self._at_once = at_once
        self._name = name
        self._stopped = stopped
        self._lock = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None

    def run(self, calls: Sequence[Callable[[], T]]) -> list[T | ReleaseguardError]:
        """Run ``calls`` in parallel, in the caller's thread and the others; returns their results in order.

        An expected failure is returned in its place. After Ctrl-C nothing new is started or sent, and requests in
        flight are waited for, so that it is known whether they arrived.
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
        """The threads that all calls of :meth:`run` share, one for each request that may be in flight."""
        from concurrent.futures import ThreadPoolExecutor

        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(self._at_once, self._name)
            return self._threads

    def close(self) -> None:
        """End the threads. A later call starts new ones."""
        with self._lock:
            threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown()


def _runs_itself(calls: Sequence[object]) -> int:
    """How many calls the calling thread runs: one, but none on the main thread, where Ctrl-C would interrupt the
    request."""
    return 0 if threading.current_thread() is threading.main_thread() else min(1, len(calls))


def _end(futures: Sequence[Future[Any]]) -> None:
    """Cancel what has not started, and wait for what has."""
    from concurrent.futures import wait

    wait([future for future in futures if not future.cancel()])


def _as_value(call: Callable[[], T]) -> T | ReleaseguardError:
    try:
        return call()
    except ReleaseguardError as error:
        return error
