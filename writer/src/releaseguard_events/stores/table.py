"""The columns of the event log, and the table that holds them: ours, or the app's own under other names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from releaseguard_events.errors import ConfigError

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
    """Where the rows are: ``[events] table``, ``[events.columns]`` and ``[events] results_table``.

    ``columns`` maps our name to theirs; ``""``, ``False`` or ``None`` says that the table has no such column; a
    name not mentioned is called as we call it. A table whose columns are mapped is the
    app's own: it is read and appended to, and never created or altered. Our own rows go to ``results_table``
    where there is one; that table always has our columns. Both may be written ``schema.table``.
    """

    table: str = "integration_events"
    columns: Mapping[str, str | bool | None] = field(default_factory=dict)
    results_table: str | None = None

    def __post_init__(self) -> None:
        unknown = sorted(set(self.columns) - set(COLUMNS))
        if unknown:
            raise ConfigError(
                f"[events.columns] {unknown[0]} is not a column of the event log",
                next_step=f"the columns are {', '.join(COLUMNS)}",
            )
        absent = sorted(name for name in NEEDED if not self.theirs(name))
        if absent:
            raise ConfigError(
                f"[events.columns] {absent[0]} cannot be left out: no event can be read without it",
                next_step=f"name the column of {self.table} that holds it, or add one",
            )

    def theirs(self, column: str) -> str | None:
        """The name of our ``column`` in the table, or ``None`` where it has none."""
        theirs = self.columns.get(column, True)
        return column if theirs is True else theirs or None

    @property
    def present(self) -> tuple[str, ...]:
        """Our names of the columns that the table has."""
        return tuple(column for column in COLUMNS if self.theirs(column))

    @property
    def is_the_apps(self) -> bool:
        """Whether the app made this table, so that nothing here may alter it."""
        return bool(self.columns)
