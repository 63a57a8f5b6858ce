"""What waits between the app and the thread: markers in its queue, and calls beyond it.

A tuple for each call is what Python looks for garbage among, one look for every few hundred, in whichever call comes
next: the slowest calls of all. So what is more than a batch lies end to end in one object, however much it is.
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
"""Values of a call before its detail."""
_WHOLE: Final = -1
"""Instead of a number of values: the detail is one, whatever it is."""


class Flush:
    """A marker in the queue: everything before it is to be delivered now."""

    def __init__(self, *, last: bool = False) -> None:
        self.done = Gate()
        self.delivered = False
        self.last = last
        """The thread ends here: so does the process."""


class Wake:
    """A marker in the queue: events were lost or kept, look at them."""


class Linger:
    """Waiting for a batch to become larger, until somebody is in a hurry. A lock of its own, which is free once for
    whoever hurried: what it takes several batches to get to is :attr:`urgent` until it is there."""

    __slots__ = ("_hurry", "lasts", "urgent")

    def __init__(self) -> None:
        self.lasts = False
        self.urgent = False
        """Whether somebody may wait for what stands in the queue."""
        self._hurry = allocate_lock()
        self._hurry.acquire()

    def wait(self, seconds: float) -> None:
        """Linger for so long, unless something is urgent."""
        if not self.urgent:
            self.lasts = True
            self._hurry.acquire(timeout=seconds)
            self.lasts = False

    def end(self) -> None:
        """Let the thread linger no longer. Safe in a signal handler that interrupts just this."""
        try:
            self._hurry.release()
        except RuntimeError:
            return  # somebody did already


class Overflow:
    """First in, first out; any thread may put, and a signal handler; those that take wait for each other.

    ``deque.extend`` with a tuple is a single step of the interpreter: a call is there as a whole, or not at all. A
    deque grows by small blocks, where a list is copied now and then.
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
        """Take a call."""
        detail = call[_FIXED]
        if type(detail) is tuple:
            self._flat.extend((*call[:_FIXED], len(detail), *detail))
        else:
            self._flat.extend((*call[:_FIXED], _WHOLE, detail))
        self._number += 1

    def take(self, most: int) -> list[Call]:
        """The oldest of them, at most so many."""
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
