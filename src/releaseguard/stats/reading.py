"""How a check reads the rows of its provider, and what hours hold for it that are told as wholes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from releaseguard.eventlog.hours import SettledHour
from releaseguard.model import Outcome


class Reading(Struct, frozen=True):
    """How a check reads the rows of its provider: which of them it counts, and which of those are errors.

    Each check reads for itself: a flag that the AI raised is an error to the check of the flag rate, though the app
    logs it as a success, and to no other check.
    """

    provider: str
    success: frozenset[str]
    error: frozenset[str] = frozenset()
    classified: frozenset[str] | None = None
    """Set where the check judges the provider's errors: an error row of any event but these is one more of them,
    whether a card knows its name or not. ``None``: only the events that the check names count."""

    by_action: bool = False
    """Whether it counts users' actions, of which one may write several rows, and not rows."""

    phones: bool | None = None
    """Whether it counts rows of installed apps alone, or of servers alone; ``None``: both."""

    def takes(self, *, client: bool) -> bool:
        """Whether it counts rows from there: those of phones enter no share with those of servers."""
        return self.phones is None or self.phones is client

    def of(self, event: str, ok: bool) -> bool | None:
        """Whether such a row is an error, by its event and whether it is logged as a success; ``None``: it does not
        count."""
        if event in self.error:
            return True
        if event in self.success:
            return not ok
        return True if self.is_stray(event, ok) else None

    def is_new_success(self, event: str, ok: bool) -> bool:
        """Whether it is a success that no check names, of a check that judges the provider's errors."""
        return ok and self.classified is not None and event not in self.classified

    def is_stray(self, event: str, ok: bool) -> bool:
        """Whether it counts as an error although neither this check nor another names its event."""
        return not ok and self.classified is not None and event not in self.classified


class SettledCells:
    """What an hour of one kind holds, as the cells of it would have it that are a baseline alone: the log learned of
    all of it before anybody looks."""

    __slots__ = (
        "client", "elsewhere", "event", "first", "hour", "ok", "provider", "release", "start", "total", "tried",
    )  # fmt: skip

    def __init__(self, hour: SettledHour, start: int, since: int, *, elsewhere: bool) -> None:
        """``start`` is the minute in which the hour begins, since 1970 as all of them; none before ``since`` counts."""
        self.hour, self.start, self.first, self.elsewhere = hour, start, max(since - start, 0), elsewhere
        self.provider, self.event, self.release, self.client = hour.provider, hour.event, hour.release, hour.client
        self.ok = hour.outcome is Outcome.SUCCESS
        self.total, self.tried = sum(hour.counts[self.first :]), sum(hour.trials[self.first :])
        """Rows, and the actions that they stand for."""

    @property
    def newest(self) -> int:
        """The newest minute."""
        return self.start + self.hour.last.minute

    @property
    def is_traffic(self) -> bool:
        """As of a cell; what a test user wrote is in no such hour."""
        return not self.elsewhere

    def read_by(self, reading: Reading) -> bool | None:
        """As of a cell."""
        return reading.of(self.event, self.ok) if reading.takes(client=self.client) else None

    def since(self, minute: int) -> int:
        """How many there are from a minute on."""
        return sum(self.hour.counts[max(self.first, minute - self.start) :])

    def minutes(self) -> Iterator[tuple[int, int]]:
        """The actions of each minute that has any rows."""
        first, trials = self.first, self.hour.trials
        return ((self.start + at, trials[at]) for at, count in enumerate(self.hour.counts[first:], first) if count)

    def late(self) -> Iterator[tuple[int, int, int]]:
        """Of what was recorded in a later minute than its own: by how many minutes, the minute of recording, and how
        many."""
        first, start = self.first, self.start
        return ((learned - at, start + learned, rows) for at, learned, rows in self.hour.late if at >= first)

    def at_once(self) -> Sequence[int]:
        """What was recorded in its own minute, of each minute of the hour."""
        counts = [*[0] * self.first, *self.hour.counts[self.first :]]
        for at, _, rows in self.hour.late:
            if at >= self.first:
                counts[at] -= rows
        return counts
