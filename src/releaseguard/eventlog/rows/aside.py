"""Counts rows that were set aside, by provider, and names the first few. Pure, in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypedDict

from msgspec import Struct, field

from releaseguard.eventlog.interface import SetAside

MOST_NAMED: Final = 5
"""The number of rows that are named; the others are counted."""
MOST_PROVIDERS: Final = 100
"""The number of providers counted separately; rows of further ones count as if they might be any provider's."""


class NamedRow(TypedDict):
    """A row that was set aside, for programs."""

    id: str
    column: str
    problem: str
    provider: str | None


class SetAsideDocument(TypedDict):
    """The rows that were set aside, for programs; ``""`` is a provider that cannot be read."""

    rows: int
    by_provider: Mapping[str, int]
    named: Sequence[NamedRow]


class SetAsideTally(Struct, frozen=True):
    """The rows that were set aside."""

    rows: int = 0
    by_provider: Mapping[str | None, int] = field(default_factory=dict)
    """Provider -> number of rows; ``None`` is a provider that cannot be read."""
    named: Sequence[SetAside] = ()
    undated: Sequence[str] = ()
    """Identifies all rows without any readable time, including those of earlier looks, for later looks."""

    def sentence(self) -> str:
        """A sentence for people; empty where nothing was set aside."""
        if not self.rows:
            return ""
        named = ", ".join(f"{one.row or 'a row without an id'} ({one.theirs} {one.problem})" for one in self.named)
        more = f" and {self.rows - len(self.named)} more" if self.rows > len(self.named) else ""
        if self.rows == 1:
            return f"1 row of the event log cannot be read and is set aside: {named}"
        return f"{self.rows} rows of the event log cannot be read and are set aside: {named}{more}"

    def to_json(self) -> SetAsideDocument:
        """As in documents."""
        return {
            "rows": self.rows,
            "by_provider": {name or "": count for name, count in sorted(self.by_provider.items(), key=_by_name)},
            "named": [
                {"id": one.row, "column": one.column, "problem": one.problem, "provider": one.provider}
                for one in self.named
            ],
        }


NOTHING: Final = SetAsideTally()


def _by_name(pair: tuple[str | None, int]) -> str:
    return pair[0] or ""


def tally_of(rows: Iterable[SetAside]) -> SetAsideTally:
    """Count the rows, and keep the first few."""
    by_provider: Counter[str | None] = Counter()
    named: list[SetAside] = []
    for row in rows:
        known = row.provider in by_provider or len(by_provider) < MOST_PROVIDERS
        by_provider[row.provider if known else None] += 1
        if len(named) < MOST_NAMED:
            named.append(row)
    return SetAsideTally(by_provider.total(), dict(by_provider), named)


REMEDY: Final = (
    "Correct or delete these rows, or map the right columns under [events.columns]; see how many: releaseguard doctor"
)
"""What to do about them."""
