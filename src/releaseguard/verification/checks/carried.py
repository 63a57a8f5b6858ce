"""Which sources wrote a past release's rows, as ``verify`` asks at each look: where others than the usual ones did,
nothing passes that rests on them. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Final

from releaseguard.model import Event
from releaseguard.stats.series import LOOKBACK, Cell, Ledger, moment_of
from releaseguard.verification.checks.sources import USUAL_FROM, Newcomers, name_of, newcomers_in, rests_on_counts
from releaseguard.verification.rows.single_rows import SAMPLE, SingleRows
from releaseguard.verification.values import Finding

SURELY_USUAL: Final = 2 * USUAL_FROM
"""The part of the counted rows right before a release from which on a source is one of the usual, however the rows of
one minute are ordered."""


@dataclass(frozen=True, slots=True)
class WrittenAround:
    """The rows of one provider around a release."""

    window: Sequence[Event]
    """Of anybody, since the release was live; the newest first."""
    is_own: Callable[[Event], bool]
    before: Sequence[Sequence[Event]]

    def by(self, minute: int) -> Newcomers | None:
        """Who wrote the release's rows by the end of a look, where others did before."""
        look = moment_of(minute)
        known = (row for row in self.window if row.occurred_at < look and (row.recorded_at or row.occurred_at) < look)
        newest = [row for _, row in zip(range(SAMPLE), known, strict=False)]
        return newcomers_in(list(filter(self.is_own, newest)), self.before)


@dataclass(frozen=True, slots=True)
class CarriedRows:
    """The providers of a release whose rows may be by sources that are new with it."""

    written: Mapping[str, WrittenAround] = field(default_factory=dict)

    def by(self, minute: int) -> Mapping[str, Newcomers]:
        """Those of which that is so by the end of a look."""
        found = {provider: one.by(minute) for provider, one in self.written.items()}
        return {provider: one for provider, one in found.items() if one is not None}


NOT_CARRIED: Final = CarriedRows()


def carried_of(rows: SingleRows, providers: Iterable[str]) -> CarriedRows:
    """What the log holds of the providers."""
    return CarriedRows({name: WrittenAround(*rows.all_by_sources(name)) for name in providers})


def may_be_carried(ledger: Ledger, live: int, end: int, findings: Sequence[Finding]) -> Set[str]:
    """The providers of which something passes, and which a source served that had hardly written before: by the counts,
    so that only of these single rows are read."""
    passed = {one.provider for one in findings if rests_on_counts(one)}
    usual, found = _usual_before(ledger, live, passed), set[str]()
    for cell in ledger.near(live, end) if passed else ():
        if cell.provider in passed and _is_of_users(cell) and name_of(cell.source) not in usual[cell.provider]:
            found.add(cell.provider)
    return found


def _usual_before(ledger: Ledger, live: int, providers: Set[str]) -> Mapping[str, Set[str]]:
    """By provider: the sources of its newest rows before a release."""
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for minute in range(live - 1, live - LOOKBACK - 1, -1):
        wanted = {name for name in providers if counted[name].total() < SAMPLE}
        if not wanted:
            break
        for cell in ledger.near(minute, minute + 1):
            if cell.provider in wanted and _is_of_users(cell):
                counted[cell.provider][name_of(cell.source)] += cell.total
    return {
        name: {source for source, rows in counted[name].items() if rows >= SURELY_USUAL * counted[name].total()}
        for name in providers
    }


def _is_of_users(cell: Cell) -> bool:
    return cell.total > 0 and not cell.synthetic and not cell.elsewhere
