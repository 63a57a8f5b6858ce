"""Locks that no end of a process hangs on."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import threading
    from types import TracebackType
    from typing import Final

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
