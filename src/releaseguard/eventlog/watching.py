"""How far long work is, for whoever waits for it."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct


class Progress(Struct, frozen=True):
    """What is being done, and how much of that is done."""

    what: str
    share: float | None = None
    """Between 0 and 1; ``None`` where nobody knows how much there is."""


Watch = Callable[[Progress], None]
"""Is told now and then; may be told the same again."""


def unwatched(_progress: Progress) -> None:
    """Nobody looks."""


def rolled_up(minutes: int) -> str:
    """What a migration says of counts that it made; the few of a log in use are not told."""
    return f"rolled up {minutes} minutes of events"
