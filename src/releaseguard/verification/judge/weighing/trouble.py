"""An incident from before the deployment: it excuses its own level only, and it may end."""

from __future__ import annotations

from dataclasses import dataclass, field

from releaseguard.stats.cusum import RecoveryCusum
from releaseguard.stats.evidence.errors import ShareProcess
from releaseguard.stats.evidence.laws import KnownShare

LEAST_CALM = 5
"""The fewest minutes of calm before an incident is over."""
RECOVERED = 100.0
"""For each event of the incident, the likelihood ratio of "as usual" to the incident's level from which it is over.
Each event may be the beginning of the recovery, and each of these ratios exceeds n times this by chance at most once in
as many cases (Ville)."""
RETURNS = 1.0 / RECOVERED
"""The probability that an incident called over continues all the same, and was quiet by chance."""
RECOVERING = 3.0
"""The likelihood ratio from which a recovery is mentioned: that of a lucky event or two."""
LIKELY_OVER = 20.0
"""Like :data:`RECOVERED`, for each of the incident's events; one in twenty continuing incidents reach it."""


RARE = 36_000.0
"""The number of minutes in which a provider's trouble begins once on average: evidence of that size makes trouble as
likely as not. The promise speaks of an outage of half an hour a month, one in 43,200 minutes; slow trouble that hardly
shows is more frequent."""
RARE_WHERE_FEW = 1_200.0
"""The same where few events come: trouble shows so little there that the rows say little against it."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Trouble from before the release that may be chance: it excuses its own level in proportion to the probability
    that it existed."""

    level: KnownShare
    process: ShareProcess
    """Against "it continues at its level", with the same harms as against the usual share."""
    likely: float
    """The probability that there was any, by its evidence."""

    def of_both(self, value: float) -> float:
        """The evidence against "as usual, or this trouble": the harm's probability over that of both, each weighted by
        its own probability; never more than ``value``, the evidence against "as usual" alone."""
        both = 1.0 / ((1.0 - self.likely) / max(value, _LEAST) + self.likely / max(self.process.value, _LEAST))
        return min(value, both)


_LEAST = 1e-300


def likely(onset: float, *, many: bool) -> float:
    """The probability of trouble with evidence ``onset``, summed over the minutes in which it may have begun; ``many``
    says whether many events come."""
    return onset / (onset + (RARE if many else RARE_WHERE_FEW))


@dataclass(slots=True)
class PriorTrouble:
    """What the release's rows say about an incident that began before it and has not ended."""

    level: KnownShare
    """The error share of the incident before the release."""
    process: ShareProcess
    """Against "the incident continues at its level"."""
    recovery: RecoveryCusum
    after: Doubt
    """What remains of it once it is over: it may return."""
    calm: int = LEAST_CALM
    """The minutes that calm must last before it is over; trouble that comes and goes is one incident."""
    minutes: dict[int, tuple[int, int]] = field(default_factory=dict)
    """The events and errors of each minute that it has excused so far."""
    over: bool = False

    @property
    def counted(self) -> tuple[int, int]:
        """The events and errors while it lasted: shown, but not counted against the release as such."""
        return sum(n for n, _ in self.minutes.values()), sum(k for _, k in self.minutes.values())

    @property
    def is_recovering(self) -> bool:
        """Whether the newest rows lean towards the usual, though not enough yet to call it over."""
        return self.recovery.value >= RECOVERING

    @property
    def has_likely_ended(self) -> bool:
        """Whether the newest rows are as usual by more than a lucky run of a continuing incident."""
        return self.recovery.value >= LIKELY_OVER * max(self.counted[0], 1)

    def look(self, batches: list[tuple[int, int, int]]) -> None:
        """Add (minute, events, errors) that arrived since the last look."""
        for minute, total, bad in batches:
            self.recovery.minute(minute, total, bad)
            held = self.minutes.get(minute, (0, 0))
            self.minutes[minute] = held[0] + total, held[1] + bad
        self.process.look(batches)
        self.over = self._is_over()

    @property
    def recovered_at(self) -> float:
        """The evidence of recovery from which the incident is over."""
        return RECOVERED * max(self.counted[0], 1)

    def since_recovery(self) -> dict[int, tuple[int, int]]:
        """The events and errors of the minutes since everything is as usual again."""
        began = self.recovery.began
        return {} if began is None else {minute: held for minute, held in self.minutes.items() if minute >= began}

    def _is_over(self) -> bool:
        if self.recovery.value < self.recovered_at or self.recovery.began is None:
            return False
        return max(self.minutes) - self.recovery.began + 1 >= self.calm
