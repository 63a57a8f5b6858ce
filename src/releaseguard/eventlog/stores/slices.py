"""Many rows in many statements: none of them is long, and what breaks off goes on where it was."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

from releaseguard.errors import Unreachable
from releaseguard.eventlog.rows.decode import Row
from releaseguard_events.errors import TookTooLong

FIRST = 10_000
"""Rows of the first slice."""
TOGETHER = 100_000
"""Rows of one question of several that one statement answers; what is beyond them comes in slices."""
PAUSES = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds before each attempt to go on: a server that is started anew, or fails over, is back within them."""

After = tuple[Any, Any]
"""Time and id of a row as the store gave them: what comes next lies beyond it."""
Ask = Callable[[After | None, int | None], Iterator[Row]]
"""The rows beyond one, in order, and at most so many, by one statement."""


class _Slice(Struct):
    """What came of one statement."""

    rows: int = 0
    waited: float = 0.0
    """Seconds until its first row."""
    gave: float = 0.0
    """Seconds from then until its last one was asked for."""


def in_slices(
    ask: Ask, limit: int | None, sleep: Callable[[float], None] = time.sleep, *, after: After | None = None
) -> Iterator[Row]:
    """All rows that ``ask`` has, at most ``limit``; ``after``: those beyond a row.

    A statement that costs more than its rows do (a table without our index is sorted for each) makes the next slice
    twice as large, so that few of them are needed. One that broke off after its first row is asked again from its last;
    one that gave none is not, except after a pause where an earlier one did.
    """
    size, left = FIRST, limit
    while left is None or left > 0:
        asked = size if left is None else min(size, left)
        one = _Slice()
        for row in _going_on(ask, after, asked, one, sleep):
            after = (row[1], row[0])
            yield row
        if one.rows < asked:
            return
        left = None if left is None else left - one.rows
        size = size * 2 if one.waited > one.gave else size


def _going_on(ask: Ask, after: After | None, asked: int, one: _Slice, sleep: Callable[[float], None]) -> Iterator[Row]:
    """The rows of one slice, however often it breaks off on the way."""
    pauses = iter(PAUSES if after is not None else PAUSES[:1])
    while one.rows < asked:
        before = one.rows
        try:
            for row in _timed(ask(after, asked - one.rows), one):
                after = (row[1], row[0])
                yield row
            return
        except (Unreachable, TookTooLong) as error:
            if one.rows > before:
                pauses = iter(PAUSES)
            elif isinstance(error, TookTooLong):
                raise
            if (seconds := next(pauses, None)) is None:
                raise
            sleep(seconds)


def _timed(rows: Iterator[Row], one: _Slice) -> Iterator[Row]:
    began = time.monotonic()
    for row in rows:
        if not one.rows:
            one.waited, began = time.monotonic() - began, time.monotonic()
        one.rows += 1
        yield row
    one.gave = time.monotonic() - began
