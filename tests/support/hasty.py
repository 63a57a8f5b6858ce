"""A clock on which waiting is short: the tests wait for what happens, and not for the time that people are given."""

from __future__ import annotations

import threading
import time

from releaseguard.clocks import REAL, Clocks

SHARE = 0.04
"""Of a wait that really passes: the stand-ins' own threads get on meanwhile."""


class _Hasty:
    """What is left out of each wait is added to what has elapsed, so that who waits long enough by it has waited."""

    def __init__(self, share: float) -> None:
        self._share, self._left_out = share, 0.0
        self._lock = threading.Lock()

    def elapsed(self) -> float:
        return REAL.elapsed() + self._left_out

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds * self._share)
        with self._lock:
            self._left_out += seconds * (1 - self._share)


def hasty(share: float = SHARE) -> Clocks:
    """Clocks of one command; the wall clock is the real one, as that of the stand-ins and stores is."""
    clock = _Hasty(share)
    return Clocks(clock.elapsed, clock.sleep)
