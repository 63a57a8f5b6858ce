"""What cannot be read of past releases' rows: a replay passes no more than ``verify`` did. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from releaseguard.stats.series import Cell
from releaseguard.verification.rows.set_aside import Unread, held_back, hides_a_harm
from releaseguard.verification.values import Finding, Rule


@dataclass(frozen=True, slots=True)
class HeldBack:
    """What the unread rows of one release's window do to what was said of it."""

    unread: Unread = field(default_factory=Unread)
    read: Sequence[Cell] = ()
    """What could be read in these minutes."""

    def findings(self, findings: Sequence[Finding], minute: int) -> Sequence[Finding]:
        """The findings as ``verify`` gives them at ``minute``."""
        return held_back(findings, self.unread.learned_by(minute), self._seen(minute))

    def passes_nothing(self, rules: Iterable[Rule], minute: int) -> frozenset[str]:
        """The rules whose PASS at ``minute`` may hide a harm."""
        unread, seen = self.unread.learned_by(minute), self._seen(minute)
        return frozenset(rule.id for rule in rules if hides_a_harm(rule.provider, unread, seen))

    def _seen(self, minute: int) -> Mapping[str, int]:
        seen: Counter[str] = Counter()
        for cell in self.read:
            seen[cell.provider] += cell.total + cell.repeats if cell.recorded < minute else 0
        return seen
