"""An incident from before the deployment: it excuses its own level and no more, and it may end."""

from __future__ import annotations

from dataclasses import dataclass, field

from releaseguard.stats.cusum import RecoveryCusum
from releaseguard.stats.evidence.errors import ShareProcess
from releaseguard.stats.evidence.laws import KnownShare

LEAST_CALM = 5
"""Minutes that calm must last at least before an incident is over."""
RECOVERED = 100.0
"""How much likelier the newest rows are as usual than at the incident's level, once it is over, for each of its events:
each may be the beginning, and each of these ratios exceeds n times this by chance at most once in as many (Ville)."""
RETURNS = 1.0 / RECOVERED
"""How likely an incident that is called over goes on all the same, and was quiet by chance."""
RECOVERING = 3.0
"""How much likelier the newest rows are from which on one speaks of a recovery: a lucky event or two."""
LIKELY_OVER = 20.0
"""The same for each of the incident's events, as for :data:`RECOVERED`: reached by one in twenty that go on."""


RARE = 36_000.0
"""Minutes for each of which trouble of a provider begins once, by and by: as likely as not to be under way is what so
many minutes' evidence says. An outage of half an hour a month, of which the promise speaks, begins every 43,200; slow
trouble that hardly shows is more frequent."""
RARE_WHERE_FEW = 1_200.0
"""The same where few events come: trouble shows so little there that what is seen of it says little against it."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Trouble from before the release that may be chance: it excuses its own level in proportion to how likely it is
    that there was any."""

    level: KnownShare
    process: ShareProcess
    """Against "it goes on at its level", by the same harms that the usual is tested by."""
    likely: float
    """The probability that there was any, by its evidence."""

    def of_both(self, value: float) -> float:
        """The evidence against "as usual, or this": the harm's probability over that of both, each as likely as it is;
        never more than ``value``, the evidence against "as usual" alone."""
        both = 1.0 / ((1.0 - self.likely) / max(value, _LEAST) + self.likely / max(self.process.value, _LEAST))
        return min(value, both)


_LEAST = 1e-300


def likely(onset: float, *, many: bool) -> float:
    """The probability of trouble for which there is so much evidence, summed over the minutes in which it may have
    begun; ``many``: whether many events come."""
    return onset / (onset + (RARE if many else RARE_WHERE_FEW))


@dataclass(slots=True)
class PriorTrouble:
    """What the release's rows say of an incident that began before it, while that goes on."""

    level: KnownShare
    """The share of errors that the incident had before the release."""
    process: ShareProcess
    """Against "the incident goes on at its level"."""
    recovery: RecoveryCusum
    after: Doubt
    """What is left of it once it is over: it may come back."""
    calm: int = LEAST_CALM
    """Minutes that calm must last before it is over: trouble that comes and goes is one incident."""
    minutes: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Events and errors of each minute, excused so far."""
    over: bool = False

    @property
    def counted(self) -> tuple[int, int]:
        """Events and errors that came while it went on: shown, and not held against the release as such."""
        return sum(n for n, _ in self.minutes.values()), sum(k for _, k in self.minutes.values())

    @property
    def is_recovering(self) -> bool:
        """Whether the newest rows lean towards the usual, though not enough yet to call it over."""
        return self.recovery.value >= RECOVERING

    @property
    def has_likely_ended(self) -> bool:
        """Whether the newest rows are as usual by more than a lucky run of an incident that goes on."""
        return self.recovery.value >= LIKELY_OVER * max(self.counted[0], 1)

    def look(self, batches: list[tuple[int, int, int]]) -> None:
        """Take in (minute, events, errors) that arrived since the last look."""
        for minute, total, bad in batches:
            self.recovery.minute(minute, total, bad)
            held = self.minutes.get(minute, (0, 0))
            self.minutes[minute] = held[0] + total, held[1] + bad
        self.process.look(batches)
        self.over = self._is_over()

    @property
    def recovered_at(self) -> float:
        """What the recovery's evidence has to reach for the incident to be over."""
        return RECOVERED * max(self.counted[0], 1)

    def since_recovery(self) -> dict[int, tuple[int, int]]:
        """Events and errors of the minutes from which on all was as usual again."""
        began = self.recovery.began
        return {} if began is None else {minute: held for minute, held in self.minutes.items() if minute >= began}

    def _is_over(self) -> bool:
        if self.recovery.value < self.recovered_at or self.recovery.began is None:
            return False
        return max(self.minutes) - self.recovery.began + 1 >= self.calm
