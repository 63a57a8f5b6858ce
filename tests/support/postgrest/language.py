"""PostgREST's language in addresses, as SQL: columns, filters, orders."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from psycopg import sql

OPERATORS = {
    "eq": "=",
    "neq": "<>",
    "gt": ">",
    "gte": ">=",
    "lt": "<",
    "lte": "<=",
    "like": "LIKE",
    "ilike": "ILIKE",
    "match": "~",
    "imatch": "~*",
    "cs": "@>",
    "cd": "<@",
    "isdistinct": "IS DISTINCT FROM",
}
NULL_WORDS = {"null": "NULL", "not_null": "NOT NULL", "true": "TRUE", "false": "FALSE", "unknown": "UNKNOWN"}
RESERVED = {"select", "order", "limit", "offset", "on_conflict", "columns", "and", "or", "not.and", "not.or"}


class Refusal(Exception):
    """What is answered instead: a status, PostgREST's or Postgres' code, and words."""

    def __init__(self, status: int, code: str, message: str, details: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.details = status, code, details


@dataclass
class Request:
    """One request for a table or a function, as far as its address and headers say it."""

    method: str
    schema: str
    name: str
    params: list[tuple[str, str]]
    prefer: set[str]
    accept: str
    arguments: set[str] = field(default_factory=set)
    """Parameters that are a function's, and no filters."""

    def param(self, name: str) -> str | None:
        return next((value for key, value in self.params if key == name), None)

    def number(self, name: str, otherwise: int) -> int:
        text = self.param(name)
        if text is None:
            return otherwise
        if not re.fullmatch(r"\d+", text):
            raise Refusal(416, "PGRST103", "Requested range not satisfiable", f"{name} is not a number")
        return int(text)

    @property
    def relation(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)

    @property
    def wants_one(self) -> bool:
        """Whether exactly one row is to be answered, as an object (``.single()``)."""
        return self.accept.startswith("application/vnd.pgrst.object")

    @property
    def wants_csv(self) -> bool:
        return self.accept.startswith("text/csv")


def selected(text: str | None) -> sql.Composable:
    """``a,b:c,d->>e::text`` as what stands behind SELECT."""
    parts = [_Reader(item).column() for item in (text or "*").split(",")]
    return sql.SQL(", ").join(parts)


def ordered(request: Request) -> sql.Composable:
    """``a.asc,b->>c.desc.nullslast`` as ORDER BY; empty where none is asked for."""
    text = request.param("order")
    if not text:
        return sql.SQL("")
    return sql.SQL(" ORDER BY ") + sql.SQL(", ").join(_Reader(item).order() for item in text.split(","))


def where(request: Request) -> sql.Composed:
    """All filters as WHERE; empty where there is none."""
    skipped = RESERVED | request.arguments
    found = [_Reader(f"{name}.{value}").condition() for name, value in request.params if name not in skipped]
    found += [
        _Reader(name + value, nested=True).condition()
        for name, value in request.params
        if name in {"and", "or", "not.and", "not.or"}
    ]
    if not found:
        return sql.SQL("{}").format(sql.SQL(""))
    return sql.SQL(" WHERE {}").format(sql.SQL(" AND ").join(found))


class _Reader:
    """Reads by recursive descent: ``and(a.eq.1,or(b.gt.2,c->>d.eq."x"))``.

    ``nested``: commas and brackets end a value, and quotes around it are not part of it. Elsewhere a value is all that
    is left.
    """

    NAME = re.compile(r'"(?:[^"\\]|\\.)*"|[A-Za-z_][A-Za-z0-9_]*')
    STEP = re.compile(r"(->>?)(?:(\d+)|([A-Za-z_][A-Za-z0-9_]*|\"(?:[^\"\\]|\\.)*\"))")

    def __init__(self, text: str, *, nested: bool = False) -> None:
        self.text, self.at, self.nested = text, 0, nested

    def column(self) -> sql.Composable:
        if self.text.strip() == "*":
            return sql.SQL("*")
        alias = self._alias()
        shown, name = self._path()
        if self._take("::"):
            shown = sql.SQL("{}::{}").format(shown, sql.Identifier(self._name()))
        self._end()
        return sql.SQL("{} AS {}").format(shown, sql.Identifier(alias or name))

    def order(self) -> sql.Composable:
        shown, _ = self._path()
        for word in ("asc", "desc", "nullsfirst", "nullslast"):
            if self._take(f".{word}"):
                shown += sql.SQL(f" {word.upper().replace('NULLS', 'NULLS ')}")
        self._end()
        return shown

    def condition(self) -> sql.Composable:
        made = self._condition()
        self._end()
        return made

    def _condition(self) -> sql.Composable:
        negated = self.nested and self._take("not.")
        for word in ("and", "or"):
            if self.nested and self._take(f"{word}("):
                parts = [self._condition()]
                while self._take(","):
                    parts.append(self._condition())
                self._expect(")")
                made: sql.Composable = sql.SQL("({})").format(sql.SQL(f" {word.upper()} ").join(parts))
                break
        else:
            made = self._comparison()
        return sql.SQL("NOT ({})").format(made) if negated else made

    def _comparison(self) -> sql.Composable:
        column, _ = self._path()
        self._expect(".")
        negated = self._take("not.")
        operator = self._name()
        self._expect(".")
        made = self._compared(column, operator)
        return sql.SQL("NOT ({})").format(made) if negated else made

    def _compared(self, column: sql.Composable, operator: str) -> sql.Composable:
        if operator == "in":
            return sql.SQL("{} IN ({})").format(column, sql.SQL(", ").join(map(sql.Literal, self._list())))
        value = self._value()
        if operator == "is" and value.lower() in NULL_WORDS:
            return sql.SQL("{} IS {}").format(column, sql.SQL(NULL_WORDS[value.lower()]))
        if operator not in OPERATORS:
            raise self._failure()
        if operator in {"like", "ilike"}:
            value = value.replace("*", "%")
        return sql.SQL("{} {} {}").format(column, sql.SQL(OPERATORS[operator]), sql.Literal(value))

    def _path(self) -> tuple[sql.Composable, str]:
        """A column, or a path into its JSON, and what it is called in an answer."""
        name = self._name()
        shown: sql.Composable = sql.Identifier(name)
        while step := self.STEP.match(self.text, self.at):
            self.at = step.end()
            key = sql.Literal(int(step[2])) if step[2] else sql.Literal(_unquoted(step[3]))
            name = name if step[2] else _unquoted(step[3])
            shown = sql.SQL("({} {} {})").format(shown, sql.SQL(step[1]), key)
        return shown, name

    def _alias(self) -> str | None:
        found = re.compile(r'("(?:[^"\\]|\\.)*"|[A-Za-z_][A-Za-z0-9_]*):(?!:)').match(self.text)
        if found:
            self.at = found.end()
        return _unquoted(found[1]) if found else None

    def _list(self) -> list[str]:
        outer, self.nested = self.nested, True
        self._expect("(")
        values = [self._value()]
        while self._take(","):
            values.append(self._value())
        self._expect(")")
        self.nested = outer
        return values

    def _name(self) -> str:
        match = self.NAME.match(self.text, self.at)
        if match is None:
            raise self._failure()
        self.at = match.end()
        return _unquoted(match.group())

    def _value(self) -> str:
        if not self.nested:
            value, self.at = self.text[self.at :], len(self.text)
            return value
        quoted = re.compile(r'"(?:[^"\\]|\\.)*"').match(self.text, self.at)
        match = quoted or re.compile(r"[^,()]*").match(self.text, self.at)
        if match is None:
            raise self._failure()
        self.at = match.end()
        return _unquoted(match.group())

    def _take(self, text: str) -> bool:
        if not self.text.startswith(text, self.at):
            return False
        self.at += len(text)
        return True

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise self._failure()

    def _end(self) -> None:
        if self.at != len(self.text):
            raise self._failure()

    def _failure(self) -> Refusal:
        return Refusal(400, "PGRST100", f"failed to parse at {self.at} of {self.text!r}")


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text
