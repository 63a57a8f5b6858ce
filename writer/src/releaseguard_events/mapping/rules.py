"""Where a column of ours comes from in the app's own table, and how its events are called. Values only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

Scalar = str | int | float | bool


class TheirColumn(NamedTuple):
    """A column of the app's table, or a value inside the JSON that it holds."""

    name: str
    path: tuple[str, ...] = ()
    """Keys from the outside in; empty: the column itself."""

    def __str__(self) -> str:
        return ".".join((self.name, *self.path))


class Constant(NamedTuple):
    """The same in every row."""

    value: Scalar


class Translated(NamedTuple):
    """What stands in a column of theirs, with some of its values in our words; every other stays as it is, or where
    ``others`` is not set is nothing, so that the next place is asked."""

    column: TheirColumn
    values: tuple[tuple[str, Scalar], ...] = ()
    """Theirs and ours, in the order in which they are written down."""
    others: bool = True

    def theirs(self, ours: Scalar) -> Scalar:
        """The value to write for one of ours: itself where it is translated to itself, else the first."""
        named = [theirs for theirs, said in self.values if said == ours]
        return ours if ours in named or not named else named[0]


class ColumnRule(NamedTuple):
    """The first of ``parts`` that is not null."""

    parts: tuple[Translated | Constant, ...]

    @property
    def columns(self) -> Iterator[TheirColumn]:
        """Their columns that it reads."""
        return (part.column for part in self.parts if isinstance(part, Translated))

    @property
    def written(self) -> Translated | Constant:
        """Where a value goes: the first place that takes any."""
        return next((part for part in self.parts if isinstance(part, Constant) or part.others), self.parts[0])


class Holds(NamedTuple):
    """One of ``patterns`` is what stands in the column; ``*`` in a pattern is any text."""

    column: TheirColumn
    patterns: tuple[str, ...]


PROVIDER = "{provider}"
"""Stands for the provider's id in the name of an event."""


class NameRule(NamedTuple):
    """How an event is called where every condition holds; ``None`` as ``provider`` or ``outcome``: any."""

    event: str
    provider: str | None = None
    outcome: str | None = None
    when: tuple[Holds, ...] = ()
    said: str = ""
    """What it is called in reports."""


FROM_THE_CARDS = (NameRule("", said="the card's first event"),)
"""Stands where the table has no names of events and the cards are not at hand: a writer has none, and needs none."""


class Described(NamedTuple):
    """A table as the section ``[events]`` describes it."""

    table: str | None
    columns: Mapping[str, str | ColumnRule | None]
    names: Sequence[NameRule]
    results_table: str | None
    where: str
    """Where the section stands."""


class MappedTable(Protocol):
    """What is asked of a table to write into it."""

    @property
    def table(self) -> str: ...
    @property
    def names(self) -> Sequence[NameRule]: ...
    @property
    def numbers_rows(self) -> bool: ...

    def theirs(self, column: str) -> str | None: ...

    def rule(self, column: str) -> ColumnRule | None: ...
