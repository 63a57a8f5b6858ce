"""How a check reads its provider's rows, and what it finds in hours that are counted as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from releaseguard.eventlog.hours import SettledHour
from releaseguard.model import Outcome


class Reading(Struct, frozen=True):
    """How a check reads its provider's rows: which of them it counts, and which of those are errors.

    Each check reads for itself: a flag raised by the AI is an error for the check of the flag rate and for no other,
    though the app logs it as a success.
    """

    provider: str
    success: frozenset[str]
    error: frozenset[str] = frozenset()
    classified: frozenset[str] | None = None
    """Set where the check judges the provider's errors: an error row of any event other than these is one more error,
    whether a card knows its name or not. ``None`` where only the events that the check names count."""

    by_action: bool = False
    """Whether it counts users' actions, each of which may write several rows, rather than rows."""

    phones: bool | None = None
    """Whether it counts only rows of installed apps, or only those of servers; ``None`` for both."""

    def takes(self, *, client: bool) -> bool:
        """Whether it counts rows from there: rows of phones and of servers share no error share."""
        return self.phones is None or self.phones is client

    def of(self, event: str, ok: bool) -> bool | None:
        """Whether a row is an error, by its event and whether it is logged as a success; ``None`` where it does not
        count."""
        if event in self.error:
            return True
        if event in self.success:
            return not ok
        return True if self.is_stray(event, ok) else None

    def is_new_success(self, event: str, ok: bool) -> bool:
        """Whether the row is a success that no check names, for a check that judges the provider's errors."""
        return ok and self.classified is not None and event not in self.classified

    def is_stray(self, event: str, ok: bool) -> bool:
        """Whether the row counts as an error although no check names its event."""
        return not ok and self.classified is not None and event not in self.classified


class SettledCells:
    """One kind's rows of an hour, read like the cells that are only a baseline: the log learned of all of them before
    any look."""

    __slots__ = (
        "client", "elsewhere", "event", "first", "hour", "ok", "provider", "release", "start", "total", "tried",
    )  # fmt: skip

    def __init__(self, hour: SettledHour, start: int, since: int, *, elsewhere: bool) -> None:
        """``start`` is the minute since 1970 in which the hour begins; minutes before ``since`` do not count."""
        self.hour, self.start, self.first, self.elsewhere = hour, start, max(since - start, 0), elsewhere
        self.provider, self.event, self.release, self.client = hour.provider, hour.event, hour.release, hour.client
        self.ok = hour.outcome is Outcome.SUCCESS
        self.total, self.tried = sum(hour.counts[self.first :]), sum(hour.trials[self.first :])
        """Rows, and the actions that they stand for."""

    @property
    def newest(self) -> int:
        """The newest minute with rows."""
        return self.start + self.hour.last.minute

    @property
    def is_traffic(self) -> bool:
        """As for a cell; rows of test users are in no such hour."""
        return not self.elsewhere

    def read_by(self, reading: Reading) -> bool | None:
        """As for a cell."""
        return reading.of(self.event, self.ok) if reading.takes(client=self.client) else None

    def since(self, minute: int) -> int:
        """The number of rows from a minute on."""
        return sum(self.hour.counts[max(self.first, minute - self.start) :])

    def minutes(self) -> Iterator[tuple[int, int]]:
        """Each minute that has rows, with its number of actions."""
        first, trials = self.first, self.hour.trials
        return ((self.start + at, trials[at]) for at, count in enumerate(self.hour.counts[first:], first) if count)

    def late(self) -> Iterator[tuple[int, int, int]]:
        """For rows recorded in a later minute than their own: how many minutes later, the minute of recording, and how
        many rows."""
        first, start = self.first, self.start
        return ((learned - at, start + learned, rows) for at, learned, rows in self.hour.late if at >= first)

    def at_once(self) -> Sequence[int]:
        """For each minute of the hour, the number of rows recorded in their own minute."""
        counts = [*[0] * self.first, *self.hour.counts[self.first :]]
        for at, _, rows in self.hour.late:
            if at >= self.first:
                counts[at] -= rows
        return counts
