"""Time, passed down from the entry point to everything that waits or measures how long it has waited."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple


def _boottime() -> float:
    """Seconds on a clock that keeps running while the machine is suspended, as a lease does."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def _now() -> datetime:
    return datetime.now(UTC)


class Clocks(NamedTuple):
    """What time it is, and how to wait. ``elapsed`` and ``sleep`` must belong together."""

    elapsed: Callable[[], float] = _boottime
    """Seconds since an arbitrary moment; never goes backwards."""
    sleep: Callable[[float], None] = time.sleep
    """Waits for that many seconds."""
    wall: Callable[[], datetime] = _now
    """The wall clock of this machine, in UTC."""


REAL = Clocks()
"""The clocks of this machine."""
