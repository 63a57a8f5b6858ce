"""What a replay does not pass, as ``verify`` did not: for rows that cannot be read, and for successes that carry a
failure's code. Pure, but for the one question to the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from releaseguard.cards.contradictions import LEAST, Contradiction, contradictions_in, hints_of
from releaseguard.cards.spec import Card
from releaseguard.eventlog.interface import EventLog, Query
from releaseguard.model import Event, Outcome, Verdict
from releaseguard.stats.series import Cell, moment_of
from releaseguard.verification.backtesting.reading import Replaying
from releaseguard.verification.checks.codes import hides_a_harm as hides_by_codes
from releaseguard.verification.rows.set_aside import Unread, held_back, hides_a_harm
from releaseguard.verification.rows.single_rows import SingleRows
from releaseguard.verification.values import Deployment, Finding, Promise, Rule, end_of, judged_from
from releaseguard.verification.whose.population import Population


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


@dataclass(frozen=True, slots=True)
class Contradicted:
    """A release's successes that carry a failure's code, as the log learned of them."""

    rows: Sequence[Event] = ()
    cards: Sequence[Card] = ()
    window: SingleRows | None = None
    """The rows of its window, of which these are a part; ``None``: there are too few to say anything of."""

    def by(self, minute: int) -> Mapping[str, Contradiction]:
        """What is to be said of each provider at the end of a look."""
        if self.window is None:
            return {}
        look = moment_of(minute)
        rows = [row for row in self.rows if row.recorded_at is None or row.recorded_at < look]
        counted = [row for row in self.window.counted if row.recorded_minute is None or row.recorded_minute < look]
        return contradictions_in(rows, self.cards, replace(self.window, counted=counted).own_of_each())

    def hidden_by(self, minute: int) -> frozenset[str]:
        """The providers of whose shares of errors nothing passes at a look."""
        return frozenset(name for name, found in self.by(minute).items() if hides_by_codes(found))


NO_CONTRADICTION: Final = Contradicted()
MOST_SUSPECTS: Final = 20_000
"""Rows beyond which each older release's window is read for them."""


@dataclass(frozen=True, slots=True)
class Suspects:
    """The successes of the environments that may contradict themselves, by one question to the log."""

    cards: Sequence[Card]
    rows: Sequence[Event] = ()
    is_all: bool = True
    """Whether there are no older ones."""

    def in_window(
        self, deployment: Deployment, promise: Promise, findings: Sequence[Finding], window: Callable[[], SingleRows]
    ) -> Contradicted:
        """What is to be said of a release. One of which no share of errors passes is not looked at for it, nor are its
        ``window``'s rows where the log learned of fewer than :data:`LEAST` suspects in that time."""
        if not passes_any(findings) or not self._may_be_in(deployment, promise):
            return NO_CONTRADICTION
        rows = window()
        return Contradicted(rows.contradicting(hints_of(self.cards)), self.cards, rows)

    def _may_be_in(self, deployment: Deployment, promise: Promise) -> bool:
        live, end = judged_from(deployment), end_of(deployment, promise)
        near = (row for row in self.rows if row.environment == deployment.environment and live <= _learned(row) < end)
        older = not self.is_all and live < min(map(_learned, self.rows))
        return older or len(list(islice(near, LEAST))) == LEAST


def _learned(row: Event) -> datetime:
    return row.recorded_at or row.occurred_at


def passes_any(findings: Sequence[Finding]) -> bool:
    """Whether a share of errors passes, which such successes may forbid."""
    return any(one.kind == "signal" and one.verdict is Verdict.PASS for one in findings)


def suspects_in(
    log: EventLog, cards: Sequence[Card], spans: Mapping[str, Replaying], population: Population
) -> Suspects:
    """The newest :data:`MOST_SUSPECTS` of what the log learned of since the first release may have served."""
    if not spans:
        return Suspects(cards)
    alone = next(iter(spans)) if len(spans) == 1 else None
    first = min(one.marked for one in spans.values()) - timedelta(minutes=population.lead_minutes)
    last = max(one.until for one in spans.values())
    asked = Query(environment=alone, outcome=Outcome.SUCCESS, codes=hints_of(cards), traffic=True)
    asked = replace(asked, newest_first=True, limit=MOST_SUSPECTS)
    if log.capabilities.has("recorded_at"):
        asked = replace(asked, recorded_since=first, recorded_until=last)
    else:
        asked = replace(asked, since=first, until=last)
    rows = list(log.select(asked))
    return Suspects(cards, rows, len(rows) < MOST_SUSPECTS)
