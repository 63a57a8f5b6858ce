"""SQL for what a mapping needs, for each kind of database and columns of any type; it never raises for a value."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from releaseguard_events.mapping.rules import Scalar, TheirColumn
from releaseguard_events.stores.names import literal, quoted

if TYPE_CHECKING:
    from releaseguard_events.stores.postgres_shape import Declared


class SqlWords(ABC):
    """Expressions over one row."""

    @abstractmethod
    def text(self, column: TheirColumn) -> str:
        """The value as text; null where there is none, or where JSON has something else."""

    @abstractmethod
    def time(self, column: TheirColumn) -> str:
        """The point in time, comparable with ours; null where there is none."""

    @abstractmethod
    def number(self, column: TheirColumn) -> str:
        """The number; null where there is none."""

    @abstractmethod
    def flag(self, column: TheirColumn) -> str:
        """Whether the value means yes, as a boolean of this SQL."""

    @abstractmethod
    def object(self, column: TheirColumn) -> str:
        """The JSON, as the store returns it."""

    @abstractmethod
    def identity(self, column: TheirColumn) -> str:
        """The row's id, for ordering and comparing."""

    @abstractmethod
    def constant(self, value: Scalar) -> str:
        """One of our values, as SQL."""

    @abstractmethod
    def like(self, text: str, pattern: str) -> str:
        """Whether the text matches a pattern in which ``*`` is any text."""


def any_of(conditions: Sequence[str]) -> str:
    """Whether one of several conditions holds."""
    return conditions[0] if len(conditions) == 1 else f"({' OR '.join(conditions)})"


_YES = "('true', 't', '1', 'yes')"
_NUMBER = r"^\s*-?\d{1,9}(\.\d{1,9})?\s*$"
_DAY = r"(?!0000)\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
_CLOCK = r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?"
_ZONE = r"([Zz]|[+-](0\d|1[0-5])(:?[0-5]\d)?)"
_LAST_SECOND = 253402300799
"""The last second of the year 9999; larger numbers count milliseconds."""


class PostgresWords(SqlWords):
    """``declared`` maps their columns to types; ``None`` where nobody has looked, as for a printed script."""

    def __init__(self, declared: Callable[[str], Declared | None]) -> None:
        self._declared = declared

    def text(self, column: TheirColumn) -> str:
        name, kind = quoted(column.name), self._declared(column.name)
        if column.path:
            return f"(to_jsonb({name}) #>> {_keys(column)})"
        return name if kind is not None and kind.category == "S" else f"{name}::text"

    def time(self, column: TheirColumn) -> str:
        name, kind = quoted(column.name), self._declared(column.name)
        if column.path:
            return time_in_text(self.text(column))
        return name if kind is None else time_of(name, kind)

    def number(self, column: TheirColumn) -> str:
        kind = self._declared(column.name)
        if not column.path and (kind is None or kind.category == "N"):
            return quoted(column.name)
        text = self.text(column)
        return f"(CASE WHEN {text} ~ '{_NUMBER}' THEN {text}::numeric END)"

    def flag(self, column: TheirColumn) -> str:
        kind = self._declared(column.name)
        if not column.path and kind is not None and kind.category == "B":
            return quoted(column.name)
        return f"(lower({self.text(column)}) IN {_YES})"

    def object(self, column: TheirColumn) -> str:
        name = quoted(column.name)
        return f"(to_jsonb({name}) #> {_keys(column)})" if column.path else name

    def identity(self, column: TheirColumn) -> str:
        kind = self._declared(column.name)
        plain = not column.path and (kind is None or kind.type == "uuid")
        return quoted(column.name) if plain else self.text(column)

    def constant(self, value: Scalar) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        return f"{literal(value)}::text" if isinstance(value, str) else repr(value)

    def like(self, text: str, pattern: str) -> str:
        return _like(text, pattern)


def time_of(name: str, kind: Declared) -> str:
    """A column of times, of any type; a clock without a zone is read as UTC."""
    if kind.type.startswith("timestamp"):
        if kind.type.endswith("with time zone"):
            return name
        return f"({name} AT TIME ZONE 'UTC')"
    return time_in_number(name) if kind.category == "N" else time_in_text(f"{name}::text")


def time_in_number(name: str) -> str:
    """A time from seconds since 1970, or milliseconds."""
    return (
        f"(CASE WHEN {name} BETWEEN 0 AND {_LAST_SECOND} THEN to_timestamp({name}::double precision)"
        f" WHEN {name} BETWEEN 0 AND {_LAST_SECOND}999 THEN to_timestamp({name}::double precision / 1000) END)"
    )


def time_in_text(text: str) -> str:
    """A time from text, cast only where it is one, since a failing cast would end the query. The 31st of a shorter
    month is none."""
    day = f"make_date(substr({text}, 1, 4)::int, substr({text}, 6, 2)::int, 1) + (substr({text}, 9, 2)::int - 1)"
    zoned = f"({text} || CASE WHEN {text} ~ '{_ZONE}$' THEN '' ELSE 'Z' END)::timestamptz"
    return (
        f"(CASE WHEN {text} ~ '^{_DAY}[T ]{_CLOCK}{_ZONE}?$' THEN"
        f" CASE WHEN to_char({day}, 'MM') = substr({text}, 6, 2) THEN {zoned} END END)"
    )


def _keys(column: TheirColumn) -> str:
    return f"ARRAY[{', '.join(map(literal, column.path))}]"


_MEANING = re.compile(r"[^A-Za-z0-9_/ ]")


def _like(text: str, pattern: str) -> str:
    if "*" not in pattern:
        return f"{text} = {literal(pattern)}"
    expression = ".*".join(_MEANING.sub(r"\\\g<0>", part) for part in pattern.split("*"))
    return f"{text} ~ {literal(f'^{expression}$')}"


_SHAPE = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9][T ][0-9][0-9]:[0-9][0-9]"
_OURS = f"{_SHAPE.replace('[T ]', 'T')}:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]Z"
_AS_OURS = "'%Y-%m-%dT%H:%M:%f'"


class SqliteWords(SqlWords):
    """In SQLite every value has a type of its own."""

    def text(self, column: TheirColumn) -> str:
        return f"CAST({self._value(column)} AS TEXT)"

    def time(self, column: TheirColumn) -> str:
        value = self._value(column)
        seconds = f"CASE WHEN {value} > {_LAST_SECOND} THEN {value} / 1000.0 ELSE {value} END"
        return (
            f"(CASE WHEN typeof({value}) IN ('integer', 'real') THEN"
            f" CASE WHEN {value} BETWEEN 0 AND {_LAST_SECOND}999 THEN"
            f" strftime({_AS_OURS}, {seconds}, 'unixepoch') || '000Z' END"
            f" WHEN date(substr({value}, 1, 10), '+0 days') IS NOT substr({value}, 1, 10) THEN NULL"
            f" WHEN {value} GLOB '{_OURS}' THEN {value}"
            f" WHEN {value} GLOB '{_SHAPE}*' THEN strftime({_AS_OURS}, {value}) || '000Z' END)"
        )

    def number(self, column: TheirColumn) -> str:
        value = self._value(column)
        return f"(CASE WHEN typeof({value}) IN ('integer', 'real') THEN {value} END)"

    def flag(self, column: TheirColumn) -> str:
        return f"(lower({self.text(column)}) IN {_YES})"

    def object(self, column: TheirColumn) -> str:
        return self._value(column) if column.path else quoted(column.name)

    def identity(self, column: TheirColumn) -> str:
        return self.text(column)

    def constant(self, value: Scalar) -> str:
        return literal(value) if isinstance(value, str) else str(int(value) if isinstance(value, bool) else value)

    def like(self, text: str, pattern: str) -> str:
        """SQLite's ``LIKE`` ignores letter case."""
        if "*" not in pattern:
            return _like(text, pattern)
        globbed = "".join(f"[{one}]" if one in "[?" else one for one in pattern)
        return f"{text} GLOB {literal(globbed)}"

    def _value(self, column: TheirColumn) -> str:
        name = quoted(column.name)
        if not column.path:
            return name
        keys = "".join(f'."{key}"' for key in column.path)
        return f"(CASE WHEN json_valid({name}) THEN json_extract({name}, {literal('$' + keys)}) END)"
