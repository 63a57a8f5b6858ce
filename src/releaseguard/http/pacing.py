"""Staying inside a service's published rate limits: when a request may be sent, and how long a plan takes."""

from __future__ import annotations

import math
import threading
from collections import deque
from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MINUTE = 60.0
HOUR = 3600.0
MARGIN = 0.5
"""Seconds added to every window: the service counts a request when it arrives, we when it leaves."""


class Limits(Struct, frozen=True):
    """The rate limits that a service publishes; ``None``: it publishes none of that kind."""

    concurrency: int = 10
    """Requests at the same time."""
    per_minute: int | None = None
    """All requests in any sliding minute."""
    writes_per_minute: int | None = None
    points_per_minute: int | None = None
    """Points in any sliding minute; a read costs one."""
    points_per_write: int = 1
    writes_per_hour: int | None = None


class TimeLimits(Struct, frozen=True):
    """How long a call to a service may take, in seconds."""

    request: float = 10.0
    """Bounds connecting, each silence of the service, and each single request as a whole."""
    repeats: float = 90.0
    """How much retries and waiting for rate limits may add to one call."""


class _Rule(Struct, frozen=True):
    """At most ``limit`` units in any ``seconds``; a read costs ``read`` units and a write ``write``."""

    limit: int
    seconds: float
    read: int
    write: int

    def cost(self, write: bool) -> int:
        return self.write if write else self.read

    def at_least(self, reads: int, writes: int) -> float:
        """The earliest second at which the last of that many requests can start."""
        units = reads * self.read + writes * self.write
        return max(0, math.ceil(units / self.limit) - 1) * self.seconds


def _rules(limits: Limits) -> Iterator[_Rule]:
    published = (
        (limits.per_minute, MINUTE, 1, 1),
        (limits.writes_per_minute, MINUTE, 0, 1),
        (limits.points_per_minute, MINUTE, 1, limits.points_per_write),
        (limits.writes_per_hour, HOUR, 0, 1),
    )
    for limit, seconds, read, write in published:
        if limit is not None:
            yield _Rule(limit, seconds + MARGIN, read, write)


def predict(requests: int, writes: int, limits: Limits, seconds_per_request: float) -> float:
    """The fewest seconds that ``requests`` requests, ``writes`` of them writing, can take inside ``limits``."""
    if not requests:
        return 0.0
    side_by_side = math.ceil(requests / limits.concurrency) * seconds_per_request
    last_start = max((rule.at_least(requests - writes, writes) for rule in _rules(limits)), default=0.0)
    return max(side_by_side, last_start + seconds_per_request)


class _SlidingWindow(Struct):
    """The requests of the last window of one rule."""

    rule: _Rule
    sent: deque[tuple[float, int]] = field(default_factory=deque)
    units: int = 0

    def opens(self, now: float, write: bool) -> float:
        """The earliest time, ``now`` or later, at which one more request fits."""
        self._forget(now)
        surplus = self.units + self.rule.cost(write) - self.rule.limit
        opens = now
        for moment, units in self.sent:
            if surplus <= 0:
                break
            surplus -= units
            opens = moment + self.rule.seconds
        return opens

    def add(self, now: float, write: bool) -> None:
        cost = self.rule.cost(write)
        if cost:
            self.sent.append((now, cost))
            self.units += cost

    def _forget(self, now: float) -> None:
        while self.sent and self.sent[0][0] + self.rule.seconds <= now:
            self.units -= self.sent.popleft()[1]


class Pacer:
    """Decides when the next request may be sent. Shared by all threads that talk to one service."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self._windows = [_SlidingWindow(rule) for rule in _rules(limits)]
        self._clock = clock
        self._lock = threading.Lock()
        self._closed_until = -math.inf

    def admit(self, *, write: bool) -> float:
        """Returns 0 where a request may be sent now, and counts it; otherwise the seconds after which to ask again."""
        with self._lock:
            now = self._clock()
            opens = max([self._closed_until, *(window.opens(now, write) for window in self._windows)])
            if opens > now:
                return opens - now
            for window in self._windows:
                window.add(now, write)
            return 0.0

    def close_for(self, seconds: float) -> None:
        """Send nothing for ``seconds``, as the service asked. An earlier order that ends later stays in force."""
        with self._lock:
            self._closed_until = max(self._closed_until, self._clock() + seconds)

    @property
    def closed(self) -> bool:
        """Whether an order to wait is in force."""
        with self._lock:
            return self._closed_until > self._clock()
