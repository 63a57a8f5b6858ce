"""Threads that work on many destinations in parallel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Self, TypeVar

S = TypeVar("S")
T = TypeVar("T")


class Workers:
    """At most ``at_once`` threads, kept from one wave to the next: starting fifty threads takes as long as many an
    answer.

    A context manager; leaving it waits for running work. The services' clients keep to their own limits.
    """

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._pool: ThreadPoolExecutor | None = None

    def each(self, work: Callable[[S], T], places: Sequence[S]) -> Sequence[T]:
        """The results of ``work`` for each place, in their order.

        Raises the first failure once no work is running; work that had not started by then is not started.
        """
        if self._at_once <= 1 or len(places) <= 1:
            return [work(one) for one in places]
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._at_once, thread_name_prefix="releaseguard-place")
        futures = [self._pool.submit(work, one) for one in places]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)  # woken once, and not by each
        finally:
            for future in futures:
                future.cancel()
            wait(futures)
        return [future.result() for future in futures]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown()
