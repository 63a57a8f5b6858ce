"""Time, handed down from the entry point to whatever waits or measures how long it has waited."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple


def _boottime() -> float:
    """Seconds on a clock that goes on while the machine sleeps: a lease does."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def _now() -> datetime:
    return datetime.now(UTC)


class Clocks(NamedTuple):
    """What time it is and how to let it pass; ``elapsed`` and ``sleep`` belong together."""

    elapsed: Callable[[], float] = _boottime
    """Seconds since some moment, never standing still."""
    sleep: Callable[[float], None] = time.sleep
    """Lets so many seconds pass."""
    wall: Callable[[], datetime] = _now
    """This machine's wall clock."""


REAL = Clocks()
"""The machine's own."""
