"""A handful of connections, one for whoever is at work: a stream being read does not hold up a write."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Generic, TypeVar

from releaseguard.errors import ReleaseguardError

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
        """A connection for the caller alone.

        After a foreign error it is given up, for its state is anybody's guess, and the idle ones with it: what
        cut one off has probably cut them all off.
        """
        connection = self._take()
        try:
            yield connection
        except (GeneratorExit, ReleaseguardError):  # a reader has seen enough; a question had its answer
            self._give_back(connection)
            raise
        except BaseException:
            self._disconnect(connection)
            self._disconnect_idle()
            raise
        self._give_back(connection)

    def close(self) -> None:
        """Close what is idle now, and what is in use as soon as it comes back."""
        self._closed = True
        self._disconnect_idle()

    def _give_back(self, connection: C) -> None:
        if self._closed:
            self._disconnect(connection)
        else:
            self._idle.append(connection)

    def _disconnect_idle(self) -> None:
        with suppress(IndexError):
            while True:
                self._disconnect(self._idle.pop())

    def _take(self) -> C:
        with suppress(IndexError):
            return self._idle.pop()
        return self._connect()
