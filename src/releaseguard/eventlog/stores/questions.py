"""The three questions that SQLite and Postgres answer in the same words."""

# ruff: noqa: S608 - names are quoted (schema/names.py), values are bound

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from releaseguard.eventlog.interface import Query
from releaseguard.eventlog.rows.filters import INDISPENSABLE, Filter, undecidable
from releaseguard.model import OURSELVES
from releaseguard_events.stores.names import qualified
from releaseguard_events.stores.table import COLUMNS, EventTable

Expression = Callable[[str], str]
"""Our column's name -> SQL about its value, a constant where the table has no such column."""
Bound = tuple[str, list[object]]
"""SQL and the values that it takes, in order."""


@dataclass(frozen=True, slots=True)
class Dialect:
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


_KIND = "minute, recorded, environment, provider, event, outcome, release, synthetic, source, deployment"
_HAPPENING = "correlation, environment, provider, event, outcome, happened"
_ACTION = "correlation, environment, provider, minute, release, synthetic, source, deployment"
_NAMED = ("environment", "provider", "event", "outcome", "release", "synthetic", "source")
_FIRST_RECORDED = "learned, happened, row_id"


def select(
    place: EventTable,
    dialect: Dialect,
    wanted: Sequence[Filter],
    query: Query,
    after: tuple[object, object] | None = None,
) -> Bound:
    """The rows in the order of the interface; ``after``: those beyond the row of that time and id."""
    where, values = _where(dialect, wanted)
    time, id_, order = dialect.value("occurred_at"), dialect.value("id"), "DESC" if query.newest_first else "ASC"
    if after is not None:
        where += f" AND ({time}, {id_}) {'<' if query.newest_first else '>'} (%s, %s)"
        values = [*values, *after]
    limit = "" if query.limit is None else f" LIMIT {int(query.limit)}"
    return f"{_columns(place, dialect)} WHERE {where} ORDER BY {time} {order}, {id_} {order}{limit}", values


def left_out(place: EventTable, dialect: Dialect, wanted: Sequence[Filter]) -> Bound:
    """The rows that :func:`select` leaves out, and that may satisfy what is wanted; few others among them."""
    parts = [_may_hold(dialect, condition) for condition in wanted]
    broken = " OR ".join(dialect.doubtful(column) for column in undecidable(wanted, place))
    where = " AND ".join([*(sql for sql, _ in parts), f"({broken})"])
    values = [value for _, given in parts for value in given]
    return f"{_columns(place, dialect)} WHERE {where} ORDER BY {dialect.value('id')}", values


def _columns(place: EventTable, dialect: Dialect) -> str:
    columns = ", ".join(f"{dialect.shown(column)} AS c{number}" for number, column in enumerate(COLUMNS))
    return f"SELECT {columns} FROM {qualified(place.table)}"


def _where(dialect: Dialect, wanted: Iterable[Filter]) -> Bound:
    parts = [_holds(dialect, condition) for condition in wanted]
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
    other, more = dialect.condition(replace(condition, column="occurred_at"))
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
    other, more = dialect.condition(replace(condition, column=column))
    return f"({sql} OR ({doubtful} AND ({other} OR {dialect.doubtful(column)})))", [*values, *more]


def minutes(
    place: EventTable,
    dialect: Dialect,
    wanted: Sequence[Filter],
    *,
    by_environment: bool = False,
    by_deployment: bool = False,
) -> Bound:
    """Counts per minute as :class:`MinuteCount` means them; ``by_environment`` orders by that first.

    All rows are counted first, as if each were an action of its own, and what the few rows that share an id change of
    that is added: numbering all rows would sort the whole table, which takes four times as long. Correlations alone
    select the rows to number: a join on all of them tempts SQLite into the index on providers, and into minutes. They
    are found once: Postgres, without statistics of a table just filled, would look for them again for every row.
    """
    order = f"environment, {_KIND}" if by_environment else _KIND
    traffic, values = _traffic(place, dialect, wanted, by_deployment=by_deployment)
    taken_back = _KIND.replace("recorded", "spoilt")
    return (
        f"""
WITH traffic AS NOT MATERIALIZED ({traffic}),
shared AS MATERIALIZED (SELECT correlation FROM traffic WHERE correlation IS NOT NULL
  GROUP BY correlation, environment, provider, minute HAVING count(*) > 1),
numbered AS (SELECT *, row_number() OVER (PARTITION BY {_HAPPENING} ORDER BY {_FIRST_RECORDED}) AS nth
  FROM traffic WHERE correlation IN (SELECT correlation FROM shared)),
ranked AS (SELECT {_KIND}, learned,
  row_number() OVER (PARTITION BY {_ACTION}, event, outcome ORDER BY {_FIRST_RECORDED}) AS of_kind,
  row_number() OVER (PARTITION BY {_ACTION}, outcome ORDER BY {_FIRST_RECORDED}) AS of_outcome,
  first_value(outcome) OVER worst_first AS worst, first_value(learned) OVER worst_first AS spoilt_at,
  first_value(recorded) OVER worst_first AS spoilt
  FROM numbered WHERE nth = 1 WINDOW worst_first AS (PARTITION BY {_ACTION} ORDER BY outcome, {_FIRST_RECORDED})),
tried AS (SELECT {_KIND}, spoilt, of_kind, worst = 'error' AND outcome = 'success' AND learned < spoilt_at AS undone,
  CASE WHEN outcome = 'error' THEN of_outcome = 1
    ELSE of_kind = 1 AND (worst = 'success' OR learned < spoilt_at) END AS counts FROM ranked),
counted AS (SELECT {_KIND}, count(*) AS every, 0 AS again, count(*) AS trials, count(*) AS squares
    FROM traffic GROUP BY {_KIND}
  UNION ALL SELECT {_KIND}, -count(*), count(*), -count(*), -count(*) FROM numbered WHERE nth > 1 GROUP BY {_KIND}
  UNION ALL SELECT {_KIND}, 0, 0, sum(CASE WHEN counts THEN 0 ELSE -1 END), sum(2 * of_kind - 2)
    FROM tried GROUP BY {_KIND}
  UNION ALL SELECT {taken_back}, 0, 0, -count(*), 0 FROM tried WHERE undone AND of_kind = 1 GROUP BY {taken_back})
SELECT {_KIND}, sum(every), sum(again), sum(trials), sum(squares) FROM counted GROUP BY {_KIND}
  HAVING sum(every) <> 0 OR sum(again) <> 0 OR sum(trials) <> 0 ORDER BY {order}""",
        values,
    )


def _traffic(place: EventTable, dialect: Dialect, wanted: Sequence[Filter], *, by_deployment: bool) -> Bound:
    value, minute = dialect.value, dialect.minute
    where, values = _where(dialect, wanted)
    recorded = f"CASE WHEN {dialect.readable('recorded_at')} THEN {{}} END"
    named = {
        "minute": minute("occurred_at"),
        "recorded": recorded.format(minute("recorded_at")),
        "deployment": dialect.kept_in_detail("deployment_id") if by_deployment else "NULL",
        "correlation": value("correlation_id"),
        "learned": f"coalesce({recorded.format(value('recorded_at'))}, {value('occurred_at')})",
        "happened": value("occurred_at"),
        "row_id": value("id"),
    } | {column: value(column) for column in _NAMED}
    columns = ", ".join(f"{expression} AS {name}" for name, expression in named.items())
    of_others = f"{value('provider')} <> '{OURSELVES}'"
    return f"SELECT {columns} FROM {qualified(place.table)} WHERE {where} AND {of_others}", values
