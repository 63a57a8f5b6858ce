"""Progress messages during a wait: a bar on a terminal, a line a minute elsewhere."""

from __future__ import annotations

from datetime import timedelta

from releaseguard import readable
from releaseguard.eventlog.watching import Progress
from releaseguard.rotation.session import RotationSession

EVERY = 60.0
"""Seconds between two lines of progress."""


class Waiting:
    """One wait. ``at_once``: whether to report at the first look already, or only after a minute."""

    def __init__(self, session: RotationSession, *, at_once: bool) -> None:
        self._session = session
        self._told_at = session.context.clocks.elapsed() - (EVERY if at_once else 0.0)

    def look(self, what: str, left: float, share: float | None = None) -> None:
        """Report ``what`` is waited for, the ``left`` seconds that remain, and the ``share`` of it that is there."""
        clocks, watch = self._session.context.clocks, self._session.context.watch
        text = f"{what}, until {readable.clock(clocks.wall() + timedelta(seconds=max(left, 0.0)))}"
        if watch is not None:
            watch(Progress(text, share))
        elif clocks.elapsed() - self._told_at >= EVERY:
            self._told_at = clocks.elapsed()
            self._session.tell(text)
