"""What waits between the app and the writer's thread: markers in the queue, and calls for which the queue is too long.

Python's garbage collector looks through all tuples every few hundred allocations, and whichever call triggers it pays:
it would be the slowest call of all. So everything beyond one batch is stored flat in a single object.
"""

from __future__ import annotations

from collections import deque

from releaseguard_events.pipeline.native import Gate, RLock, allocate_lock, briefly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

    from releaseguard_events.plain import Call

_FIXED: Final = 11
"""The number of a call's values before its detail."""
_WHOLE: Final = -1
"""Stands in place of the number of values where the detail is a single value of any type."""


class Flush:
    """A marker in the queue: deliver everything before it now."""

    def __init__(self, *, last: bool = False) -> None:
        self.done = Gate()
        self.delivered = False
        self.last = last
        """The thread ends here: so does the process."""


class Wake:
    """A marker in the queue: events were lost or kept on disk, deal with them."""


class Linger:
    """The thread's wait for a batch to grow, which anybody in a hurry can end. ``urgent`` stays set until the thread
    has reached what was hurried, which may take several batches."""

    __slots__ = ("_hurry", "lasts", "urgent")

    def __init__(self) -> None:
        self.lasts = False
        self.urgent = False
        """Whether somebody may wait for what stands in the queue."""
        self._hurry = allocate_lock()
        self._hurry.acquire()

    def wait(self, seconds: float) -> None:
        """Wait for so many seconds, unless something is urgent."""
        if not self.urgent:
            self.lasts = True
            self._hurry.acquire(timeout=seconds)
            self.lasts = False

    def end(self) -> None:
        """End the wait. Safe in a signal handler that interrupts this very code."""
        try:
            self._hurry.release()
        except RuntimeError:
            return  # somebody did already


class Overflow:
    """A first-in, first-out store of calls. Any thread or signal handler may put; takers exclude each other.

    ``deque.extend`` with a tuple is a single step of the interpreter, so a call is stored completely or not at all. A
    deque grows by small blocks, while a list is copied now and then.
    """

    __slots__ = ("_flat", "_number", "_taking")

    def __init__(self) -> None:
        self._flat: deque[Any] = deque()
        self._number = 0
        self._taking = RLock()

    def __len__(self) -> int:
        return max(self._number, 0)

    def __bool__(self) -> bool:
        return bool(self._flat)

    def put(self, call: Call) -> None:
        """Store a call."""
        detail = call[_FIXED]
        if type(detail) is tuple:
            self._flat.extend((*call[:_FIXED], len(detail), *detail))
        else:
            self._flat.extend((*call[:_FIXED], _WHOLE, detail))
        self._number += 1

    def take(self, most: int) -> list[Call]:
        """Remove and return the oldest calls, at most ``most``."""
        calls: list[Call] = []
        with briefly(self._taking):
            while len(calls) < most and self._flat:
                calls.append(_first(self._flat.popleft))
                self._number -= 1
            if not self._flat:  # without the interpreter's lock it may have been miscounted
                self._number = 0
        return calls


def _first(next_value: Callable[[], Any]) -> Call:
    fixed = [next_value() for _ in range(_FIXED)]
    size = next_value()
    return (*fixed, next_value() if size == _WHOLE else tuple([next_value() for _ in range(size)]))
