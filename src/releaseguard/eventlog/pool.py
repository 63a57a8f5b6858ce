"""A handful of connections, one for whoever is at work: a stream being read does not hold up a write."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Generic, TypeVar

C = TypeVar("C")


class Pool(Generic[C]):
    """Connections that nobody uses just now; opened when needed, from any thread."""

    def __init__(self, connect: Callable[[], C], disconnect: Callable[[C], None]) -> None:
        self._connect = connect
        self._disconnect = disconnect
        self._idle: deque[C] = deque()
        self._closed = False

    @contextmanager
    def connection(self) -> Iterator[C]:
        """A connection for the caller alone. After an error it is given up: its state is anybody's guess."""
        connection = self._take()
        healthy = False
        try:
            yield connection
            healthy = True
        except GeneratorExit:  # the reader of a stream has seen enough
            healthy = True
            raise
        finally:
            if healthy and not self._closed:
                self._idle.append(connection)
            else:
                self._disconnect(connection)

    def close(self) -> None:
        """Close what is idle now, and what is in use as soon as it comes back."""
        self._closed = True
        with suppress(IndexError):
            while True:
                self._disconnect(self._idle.pop())

    def _take(self) -> C:
        with suppress(IndexError):
            return self._idle.pop()
        return self._connect()
