"""How many rows of a time each rule named, and which none did, for the authors of the rules."""

# ruff: noqa: S608 - names and constants are quoted, the time is bound

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from msgspec import Struct

from releaseguard.eventlog.mapping.expressions import expression, taken_by
from releaseguard.eventlog.mapping.words import SqlWords
from releaseguard.harmless import visible
from releaseguard_events.mapping.rules import TheirColumn
from releaseguard_events.stores.names import qualified
from releaseguard_events.stores.table import EventTable

BY_COLUMN: Final = "[events.columns] event"
BY_CARD: Final = "the cards' first events"
MOST_NAMED: Final = 5
"""The number of kinds of unnamed rows that are listed."""

TOLD: Final = ("release", "source", "correlation_id")
"""Columns that an app's rows may leave empty, at a cost."""
VERSION: Final = "secret_version"
"""The key of a row's detail with the version of the secret used."""

CountedRow = Sequence[Any]
"""The number of a rule, resulting provider and outcome, the number of rows, and how many of them have each of ``TOLD``
and ``VERSION``."""


class RuleShares(Struct, frozen=True):
    """The rows of a time, by what named them."""

    rows: int
    taken: tuple[tuple[str, int], ...]
    """Each rule that named rows, and how many."""
    left: tuple[tuple[str, int], ...]
    """Kinds of rows that nothing named, most frequent first."""
    never: tuple[tuple[str, str], ...] = ()
    """Those of ``TOLD`` and ``VERSION`` that no row has, each with where it is searched for."""

    def sentences(self) -> Iterator[str]:
        """The share of each rule, for people."""
        for said, rows in self.taken:
            yield f"{rows / self.rows:.1%} of {self.rows} rows: {said}"

    @property
    def lost(self) -> int:
        """The number of rows that nothing named."""
        return sum(rows for _, rows in self.left)

    def loss(self) -> str:
        """The rows that nothing named, for people."""
        named = ", ".join(f"{kind} ({rows})" for kind, rows in self.left[:MOST_NAMED])
        more = f" and {len(self.left) - MOST_NAMED} more" if len(self.left) > MOST_NAMED else ""
        return f"no rule took {self.lost} of {self.rows} rows of the last day: {named}{more}"


def counting(place: EventTable, words: SqlWords, since: str) -> str:
    """SQL that counts by rule, provider and outcome; ``since`` is SQL for the time from which rows count."""
    outcome, provider = (expression(place, column, words) or "NULL" for column in ("outcome", "provider"))
    told = {column: expression(place, column, words) or "NULL" for column in TOLD}
    told[VERSION] = _version(place, words)
    given = ", ".join(f"{sql} AS {name}" for name, sql in told.items())
    return (
        f"SELECT rule, provider, outcome, count(*), {', '.join(f'count({name})' for name in told)}"
        f" FROM (SELECT {taken_by(place, words)} AS rule,"
        f" {provider} AS provider, {outcome} AS outcome, {given} FROM {qualified(place.table)}"
        f" WHERE {expression(place, 'occurred_at', words)} >= {since}) AS taken GROUP BY 1, 2, 3"
    )


def _version(place: EventTable, words: SqlWords) -> str:
    rule = place.rule("detail")
    columns = [] if rule is None else list(rule.columns)
    return words.text(TheirColumn(columns[0].name, (*columns[0].path, VERSION))) if columns else "NULL"


def shares_of(place: EventTable, counted: Iterable[CountedRow]) -> RuleShares:
    """The shares in those counts. Pure."""
    taken: Counter[str] = Counter()
    left: Counter[str] = Counter()
    told: Counter[str] = Counter()
    for rule, provider, outcome, rows, *having in counted:
        told.update(dict(zip((*TOLD, VERSION), having, strict=True)))
        if outcome not in ("success", "error"):
            left[f"outcome {_word(outcome)} of {_word(provider)}"] += rows
        elif rule is None:
            left[f"provider {_word(provider)}"] += rows
        else:
            taken[_said(place, rule)] += rows
    rows = taken.total() + left.total()
    never = tuple((name, _looked_for(place, name)) for name in (*TOLD, VERSION) if rows and not told[name])
    return RuleShares(rows, tuple(taken.most_common()), tuple(left.most_common()), never)


def _looked_for(place: EventTable, name: str) -> str:
    """Where an app would write it; empty where the mapping has no place for it."""
    if name == VERSION:
        return f"{place.stands_in('detail')}.{VERSION}" if place.has("detail") else ""
    return place.stands_in(name) if place.has(name) else ""


def _said(place: EventTable, rule: int) -> str:
    if rule < 0:
        return BY_COLUMN
    said = place.names[rule].said if rule < len(place.names) else BY_CARD
    return said if said.startswith("[") else BY_CARD


def _word(value: str | None) -> str:
    """A value that may be shown: a name is, anything longer may be somebody's text."""
    if value is None:
        return "(empty)"
    return visible(value) if len(value) <= 40 else "(a long text)"
