"""The questions for rows that SQLite and Postgres answer in the same words; ``counting.py`` has the one for counts."""

# ruff: noqa: S608 - names are quoted (schema/names.py), values are bound

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from msgspec import Struct, structs

from releaseguard.eventlog.interface import Query, RowQuestion
from releaseguard.eventlog.rows.filters import INDISPENSABLE, Filter, of, undecidable
from releaseguard.eventlog.rows.folding import TOLD_APART
from releaseguard_events.stores.names import qualified
from releaseguard_events.stores.table import COLUMNS, EventTable

Expression = Callable[[str], str]
"""Our column's name -> SQL about its value, a constant where the table has no such column."""
Bound = tuple[str, list[object]]
"""SQL and the values that it takes, in order."""


class Dialect(Struct, frozen=True):
    """How a store says of the columns of one table what the questions need."""

    value: Expression
    """The value, comparable with ours."""
    shown: Expression
    """The value as rows are given out."""
    minute: Expression
    """The minute of a time that can be read."""
    readable: Expression
    """Whether the value can be read: of times, names and the outcome."""
    doubtful: Expression
    """Holds of every value that cannot be read, and hardly of another."""
    condition: Callable[[Filter], Bound]
    kept_in_detail: Expression
    """The text under a key of the row's detail; none where there is none."""
    value_mark: str
    """What stands for a value that is bound."""
    took: str = "NULL"
    """How long a use took, as counted latencies have it; ``NULL`` where that is not counted."""
    spread: str = "NULL"
    """Of rows that count by ``took`` how many (``every``): bounds and numbers as a text, ``a,1,b,2``."""
    unreadable: str = ""
    """What holds of every row that cannot be read, in the words of an index of these rows, where there is one."""
    in_order: str = ""
    """What ends a part of a statement whose rows have to keep their order."""
    searched_by: Callable[[Sequence[Filter]], Sequence[Filter]] = list
    """The conditions, with by which of them rows are to be found."""
    sorted_after: Callable[[Sequence[Filter]], bool] = lambda _: False
    """Whether rows are to be found first and sorted then, instead of being read in their order until some fit."""
    alone: str | None = None
    """What holds of every row that is to come by itself where those with the same detail may come as one; ``None``:
    they do not here."""
    shows_earliest: bool = False
    """Whether rows that come as one hold the earliest one's values where nothing is said of them."""
    exactly: Callable[[str], Sequence[str]] = lambda _: ()
    """By what else a value is to be grouped, since two of its kind may be equal that are written otherwise."""
    at_once: str = ""
    """What keeps a statement inside of another from being worked into it."""


def select(
    place: EventTable,
    dialect: Dialect,
    wanted: Sequence[Filter],
    query: Query,
    after: tuple[object, object] | None = None,
) -> Bound:
    """The rows in the order of the interface; ``after``: those beyond the row of that time and id."""
    where, values = conditions(dialect, wanted)
    time, id_, order = dialect.value("occurred_at"), dialect.value("id"), "DESC" if query.newest_first else "ASC"
    if after is not None:
        beyond, mark = "<" if query.newest_first else ">", dialect.value_mark
        where += f" AND ({time}, {id_}) {beyond} ({mark}, {mark})"
        values = [*values, *after]
    limit = "" if query.limit is None else f" LIMIT {int(query.limit)}"
    unread = "+" if dialect.sorted_after(wanted) else ""
    return f"{_columns(place, dialect)} WHERE {where} ORDER BY {unread}{time} {order}, {id_} {order}{limit}", values


def together(place: EventTable, dialect: Dialect, asked: Mapping[int, RowQuestion]) -> Bound:
    """The rows of several questions, each of which some row can answer, by one statement: each row after the number of
    its question and how many rows it stands for."""
    parts = {number: _part(place, dialect, one) for number, one in asked.items()}
    sql = " UNION ALL ".join(
        f"SELECT {number} AS n, q{number}.* FROM ({one}) AS q{number}" for number, (one, _) in parts.items()
    )
    return sql, [value for _, given in parts.values() for value in given]


def within(question: RowQuestion, limit: int) -> RowQuestion:
    """The question, for so many rows at most where it asks for all that there are, each by itself."""
    if question.unreadable or question.query.limit is not None or question.alike is not None:
        return question
    return replace(question, query=replace(question.query, limit=limit))


def _part(place: EventTable, dialect: Dialect, question: RowQuestion) -> Bound:
    """The rows of one question, each after how many it stands for."""
    query = question.query
    wanted = of(query, place) or ()
    if question.alike is not None and dialect.alone is not None:
        return _alike(place, dialect, dialect.alone, wanted, question.alike)
    sql, values = left_out(place, dialect, wanted) if question.unreadable else select(place, dialect, wanted, query)
    limited = query.limit is not None and not question.unreadable
    return f"SELECT 1 AS many, one.* FROM ({sql if limited else f'{sql}{dialect.in_order}'}) AS one", values


_SAME = TOLD_APART | {"detail"}
_NAMED = {column: f"c{number}" for number, column in enumerate(COLUMNS)}


def _alike(
    place: EventTable, dialect: Dialect, alone: str, wanted: Sequence[Filter], moments: Sequence[datetime]
) -> Bound:
    """Rows with the same detail as one for all that are alike, of which no column says anything in which they differ;
    those that are to come by themselves as they are."""
    where, values = conditions(dialect, wanted)
    passed = [dialect.condition(Filter("occurred_at", "gte", moment)) for moment in moments]
    period = " + ".join(["0", *(f"CASE WHEN {sql} THEN 1 ELSE 0 END" for sql, _ in passed)])
    rows = f"{_columns(place, dialect, f', {period} AS p, {alone} AS alone')} WHERE {where}{dialect.at_once}"
    told = _SAME if not dialect.shows_earliest else frozenset(_NAMED)
    shown = {column: name if column in told else _if_alone(name) for column, name in _NAMED.items()}
    grouped = _SAME if dialect.shows_earliest else frozenset(_NAMED) - {"occurred_at"}
    numbers = [str(number) for number, column in enumerate(shown, 2) if column in grouped]
    exactly = [one for column in sorted(_SAME) for one in dialect.exactly(_NAMED[column])]
    keys = ", ".join([*numbers, _if_alone(_NAMED["occurred_at"]), "p", *exactly])
    shown["occurred_at"] = f"min({_NAMED['occurred_at']})"
    sql = f"SELECT count(*) AS many, {', '.join(shown.values())} FROM ({rows}) AS one GROUP BY {keys}"
    return sql, [*(value for _, given in passed for value in given), *values]


def _if_alone(name: str) -> str:
    return f"CASE WHEN alone THEN {name} END"


def left_out(place: EventTable, dialect: Dialect, wanted: Sequence[Filter]) -> Bound:
    """The rows that :func:`select` leaves out, and that may satisfy what is wanted; few others among them."""
    parts = [_may_hold(dialect, condition) for condition in wanted]
    broken = " OR ".join(dialect.doubtful(column) for column in undecidable(wanted, place))
    indexed = [f"({dialect.unreadable})"] if dialect.unreadable else []
    where = " AND ".join([*(sql for sql, _ in parts), f"({broken})", *indexed])
    values = [value for _, given in parts for value in given]
    return f"{_columns(place, dialect)} WHERE {where} ORDER BY {dialect.value('id')}", values


def _columns(place: EventTable, dialect: Dialect, more: str = "") -> str:
    columns = ", ".join(f"{dialect.shown(column)} AS c{number}" for number, column in enumerate(COLUMNS))
    return f"SELECT {columns}{more} FROM {qualified(place.table)}"


def conditions(dialect: Dialect, wanted: Sequence[Filter]) -> Bound:
    parts = [_holds(dialect, condition) for condition in dialect.searched_by(wanted)]
    readable = [dialect.readable(column) for column in INDISPENSABLE]
    return " AND ".join([*(sql for sql, _ in parts), *readable]), [value for _, given in parts for value in given]


def _holds(dialect: Dialect, condition: Filter) -> Bound:
    """A time of recording that cannot be read is no earlier than any, and no later than the row's own time."""
    sql, values = dialect.condition(condition)
    if condition.column != "recorded_at":
        return sql, values
    known = f"{sql} AND {dialect.readable('recorded_at')}"
    if condition.operator != "gte":
        return f"({known})", values
    other, more = dialect.condition(structs.replace(condition, column="occurred_at"))
    return f"(({known}) OR ({dialect.doubtful('recorded_at')} AND {other}))", [*values, *more]


_TIMES = {"occurred_at": "recorded_at", "recorded_at": "occurred_at"}


def _may_hold(dialect: Dialect, condition: Filter) -> Bound:
    """What is so where the column cannot be read: of a time's lower bound by the row's other time, else anything."""
    sql, values = dialect.condition(condition)
    if condition.column not in (*INDISPENSABLE, "recorded_at", "environment"):
        return sql, values
    doubtful = dialect.doubtful(condition.column)
    if condition.operator != "gte":
        return f"({sql} OR {doubtful})", values
    column = _TIMES[condition.column]
    other, more = dialect.condition(structs.replace(condition, column=column))
    return f"({sql} OR ({doubtful} AND ({other} OR {dialect.doubtful(column)})))", [*values, *more]
