"""The columns of the event log, and the table with them: ours, or the app's own under other names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from releaseguard_events.errors import ConfigError
from releaseguard_events.mapping.rules import ColumnRule, Described, NameRule, TheirColumn, Translated

COLUMNS = (
    "id",
    "occurred_at",
    "recorded_at",
    "provider",
    "event",
    "outcome",
    "error_code",
    "latency_ms",
    "environment",
    "release",
    "source",
    "correlation_id",
    "synthetic",
    "detail",
)
"""The columns of ``integration_events``, in the order of the documentation."""

NEEDED = frozenset({"id", "occurred_at", "provider", "event", "outcome", "environment"})
"""The columns without which no row can be read; every other one may be mapped away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTable:
    """Where the rows are: ``[events] table``, ``[events.columns]``, ``[events.names]`` and ``[events] results_table``.

    ``columns`` maps our name to theirs, or to a rule; ``""``, ``False`` or ``None`` says that the table lacks the
    column; a name not mentioned is the same there. ``names`` says how events are named where no column does. A table
    whose columns are mapped is the app's own: it is read and appended to, never created or altered. Our own rows go to
    ``results_table`` where there is one; that table always has our columns. Both may be written as ``schema.table``.
    """

    table: str = "integration_events"
    columns: Mapping[str, str | bool | ColumnRule | None] = field(default_factory=dict)
    names: Sequence[NameRule] = ()
    results_table: str | None = None
    numbers_rows: bool = False
    """Whether the table's ids are numbers, which no event's id is: the table assigns one, and a repeat is another
    row."""

    titles: Callable[[], Mapping[str, str]] = field(default=dict, compare=False)
    """Provider's id -> its name for people, for a panel."""

    @classmethod
    def of(cls, said: Described) -> Self:
        """The described table. Raises ``ConfigError``."""
        table = said.table or cls().table
        try:
            return cls(table=table, columns=said.columns, names=said.names, results_table=said.results_table)
        except ConfigError as error:
            raise ConfigError(error.what, where=said.where, next_step=error.next_step) from None

    def __post_init__(self) -> None:
        unknown = sorted(set(self.columns) - set(COLUMNS))
        if unknown:
            raise ConfigError(
                f"[events.columns] {unknown[0]} is not a column of the event log",
                next_step=f"the columns are {', '.join(COLUMNS)}",
            )
        absent = sorted(name for name in NEEDED if not self.has(name))
        if absent:
            raise ConfigError(
                f"[events.columns] {absent[0]} cannot be left out: no event can be read without it",
                next_step=f"name the column of {self.table} that holds it, or add one"
                + (
                    '; or, where every row is: environment = { constant = "production" }'
                    if "environment" in absent
                    else ""
                ),
            )

    def theirs(self, column: str) -> str | None:
        """The name of our ``column`` in the table; ``None`` where a rule makes it, or the table lacks it."""
        theirs = self.columns.get(column, not (column == "event" and self.names))
        if isinstance(theirs, ColumnRule):
            return None
        return column if theirs is True else theirs or None

    def rule(self, column: str) -> ColumnRule | None:
        """The source of our ``column``; ``None`` where the table lacks it. An event's name may still be made."""
        theirs = self.columns.get(column)
        if isinstance(theirs, ColumnRule):
            return theirs
        name = self.theirs(column)
        return ColumnRule((Translated(TheirColumn(name)),)) if name else None

    def stands_in(self, column: str) -> str:
        """Where our ``column`` is found in the table, for people: ``created_at``, ``status_code or status``."""
        rule = self.rule(column)
        places = [f"{one.name}{''.join(f'.{key}' for key in one.path)}" for one in (rule.columns if rule else ())]
        return " or ".join(dict.fromkeys(places)) or column

    def has(self, column: str) -> bool:
        """Whether rows have a value of our ``column``."""
        return self.rule(column) is not None or (column == "event" and bool(self.names))

    @property
    def present(self) -> tuple[str, ...]:
        """The columns that rows have, by our names."""
        return tuple(column for column in COLUMNS if self.has(column))

    @property
    def is_mapped(self) -> bool:
        """Whether the mapping is more than names of columns."""
        return bool(self.names) or any(isinstance(rule, ColumnRule) for rule in self.columns.values())

    @property
    def is_the_apps(self) -> bool:
        """Whether the app made this table, so that it must not be altered here."""
        return bool(self.columns) or bool(self.names)
