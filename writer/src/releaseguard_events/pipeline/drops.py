"""Counts of lost events."""

from __future__ import annotations

from collections import Counter

from releaseguard_events.pipeline.native import RLock, briefly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def lost(number: int) -> str:
    """``2 integration events were lost``."""
    return f"{number} integration {'event was' if number == 1 else 'events were'} lost"


class Drops:
    """Counts of lost events by reason. Safe to use from any thread and from a signal handler."""

    def __init__(self) -> None:
        self._unsaid: Counter[str] = Counter()
        self._unreported: Counter[str] = Counter()
        # Re-entrant: a signal handler may log an event while this very thread counts one.
        self._lock = RLock()

    def add(self, reason: str, number: int = 1) -> None:
        """Count ``number`` more lost events."""
        if number > 0:
            with briefly(self._lock):
                self._unsaid[reason] += number
                self._unreported[reason] += number

    @property
    def unsaid(self) -> bool:
        """Whether there are losses that :meth:`take_unsaid` has not returned yet."""
        return bool(self._unsaid)

    @property
    def unreported(self) -> bool:
        """Whether there are losses that :meth:`take_unreported` has not returned yet."""
        return bool(self._unreported)

    def reasons(self) -> Sequence[str]:
        """The reasons of the losses that :meth:`take_unsaid` has not returned yet."""
        with briefly(self._lock):
            return list(self._unsaid)

    def take_unsaid(self, reason: str) -> int:
        """The number of losses with this reason since the last call, to be reported through ``logging``."""
        with briefly(self._lock):
            return self._unsaid.pop(reason, 0)

    def take_unreported(self) -> Counter[str]:
        """All losses since the last call by reason, to be reported as an event."""
        with briefly(self._lock):
            taken, self._unreported = self._unreported, Counter()
        return taken
