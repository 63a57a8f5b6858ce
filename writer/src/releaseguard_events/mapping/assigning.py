"""An event as a row of the app's own table: the rules read backwards. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from releaseguard_events.errors import ConfigError
from releaseguard_events.event import Event
from releaseguard_events.mapping.rules import ColumnRule, Constant, MappedTable, NameRule, TheirColumn, Translated

TheirRow = dict[str, Any]
"""Their column -> text, number, flag, time, or the object that a JSON column holds."""

_ORDER = (
    "id", "occurred_at", "provider", "outcome", "environment", "error_code", "latency_ms", "release", "source",
    "correlation_id", "synthetic", "event",
)  # fmt: skip
"""Which of ours is written where two of them are made of one column of theirs: the first."""


def rows_of(events: Sequence[Event], place: MappedTable) -> dict[tuple[str, ...], list[TheirRow]]:
    """The rows to insert, by the columns that they fill: those of one statement fill the same."""
    found: dict[tuple[str, ...], list[TheirRow]] = {}
    for event in events:
        row = row_of(event, place)
        found.setdefault(tuple(sorted(row)), []).append(row)
    return found


def row_of(event: Event, place: MappedTable) -> TheirRow:
    """What to insert. Raises ``ConfigError`` for an event that a constant of the table denies.

    ``recorded_at`` is the store's to say. What the table has no place for is lost.
    """
    row: TheirRow = {}
    detail = place.theirs("detail")
    if detail:
        row[detail] = dict(event.detail)
    for column in _ORDER:
        rule, value = place.rule(column), _plain(getattr(event, column))
        if rule is not None and not (column == "id" and place.numbers_rows):
            _assign(row, column, rule, value, place)
    for condition in next((name.when for name in place.names if _is_called(event, name)), ()):
        _put(row, condition.column, condition.patterns[0])
    return row


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, str | UUID) else value


def _assign(row: TheirRow, column: str, rule: ColumnRule, value: Any, place: MappedTable) -> None:
    """A value that is none is not a value to write, and neither is a flag that is not set, inside JSON."""
    part = rule.written
    if isinstance(part, Constant):
        _refuse_another(column, part, value, place)
    elif value is not None and not (value is False and part.column.path):
        _put(row, part.column, _theirs(part, value))


def _theirs(part: Translated, value: Any) -> Any:
    return value if isinstance(value, datetime) or not part.values else part.theirs(value)


def _refuse_another(column: str, part: Constant, value: Any, place: MappedTable) -> None:
    """An event of staging in a table all of whose rows are production's would be judged as production's."""
    if column in ("environment", "provider", "outcome", "synthetic") and value != part.value:
        raise ConfigError(
            f"the table {place.table} cannot hold this event: its {column} is {value}, there it is always {part.value}",
            where=f"[events.columns] {column}",
            next_step=f'Give it a column or a path of its own: {column} = "metadata.{column}". Or write elsewhere.',
        )


def _put(row: TheirRow, column: TheirColumn, value: Any) -> None:
    """What stands there already stays: it was put there by a rule that comes before."""
    if not column.path:
        row.setdefault(column.name, value)
        return
    inner = row.setdefault(column.name, {})
    for step in column.path[:-1]:
        inner = inner.setdefault(step, {}) if isinstance(inner, dict) else inner
    if isinstance(inner, dict):
        inner.setdefault(column.path[-1], value.isoformat() if isinstance(value, datetime) else value)


def _is_called(event: Event, rule: NameRule) -> bool:
    """Whether the rule is what gives this event its name, and says so by values that can be written."""
    if rule.event.replace("{provider}", event.provider) != event.event:
        return False
    if rule.provider not in (None, event.provider) or rule.outcome not in (None, str(event.outcome)):
        return False
    return not any("*" in condition.patterns[0] for condition in rule.when)
