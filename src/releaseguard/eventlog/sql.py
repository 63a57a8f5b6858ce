"""The two questions that SQLite and Postgres answer in the same words."""

# ruff: noqa: S608 - names are quoted (schema/names.py), values are bound

from __future__ import annotations

from collections.abc import Callable

from releaseguard.eventlog.interface import COLUMNS, EventTable, Query
from releaseguard.eventlog.schema.names import qualified
from releaseguard.model import OURSELVES

Expression = Callable[[str], str]
"""Our column's name -> SQL that gives its value, a constant where the table has no such column."""

_KIND = "minute, recorded, environment, provider, event, outcome, release, synthetic, client"
_HAPPENING = "correlation, environment, provider, event, outcome"


def select(place: EventTable, value: Expression, where: str, query: Query) -> str:
    """The rows in the order of the interface."""
    columns = ", ".join(f"{value(column)} AS c{number}" for number, column in enumerate(COLUMNS))
    order = "DESC" if query.newest_first else "ASC"
    limit = "" if query.limit is None else f" LIMIT {int(query.limit)}"
    return (
        f"SELECT {columns} FROM {qualified(place.table)}{where}"
        f" ORDER BY {value('occurred_at')} {order}, {value('id')} {order}{limit}"
    )


def minutes(
    place: EventTable, value: Expression, minute: Expression, where: str, *, by_environment: bool = False
) -> str:
    """Counts per minute, and among them the repeats of a happening; ``by_environment`` orders by that first.

    All rows are counted first and the repeats, which are few, taken off: numbering all rows within their
    happenings would sort the whole table, which takes four times as long. Correlations alone select the rows to
    number: a join on all five columns tempts SQLite into the index on providers, and into minutes. They are found
    once: Postgres, where it has no statistics of a table just filled, would look for them again for every row.
    """
    order = f"environment, {_KIND}" if by_environment else _KIND
    return f"""
WITH traffic AS NOT MATERIALIZED ({_traffic(place, value, minute, where)}),
doubled AS MATERIALIZED (SELECT correlation FROM traffic WHERE correlation IS NOT NULL
  GROUP BY {_HAPPENING} HAVING count(*) > 1),
numbered AS (SELECT {_KIND}, row_number() OVER (PARTITION BY {_HAPPENING} ORDER BY learned, happened, row_id) AS nth
  FROM traffic WHERE correlation IN (SELECT correlation FROM doubled)),
counted AS (SELECT {_KIND}, count(*) AS every, 0 AS again FROM traffic GROUP BY {_KIND}
  UNION ALL SELECT {_KIND}, 0, count(*) FROM numbered WHERE nth > 1 GROUP BY {_KIND})
SELECT {_KIND}, sum(every) - sum(again), sum(again) FROM counted GROUP BY {_KIND} ORDER BY {order}"""


def _traffic(place: EventTable, value: Expression, minute: Expression, where: str) -> str:
    named = {
        "minute": minute("occurred_at"),
        "recorded": minute("recorded_at"),
        "client": f"coalesce({value('source')} = 'client', false)",
        "correlation": value("correlation_id"),
        "learned": value("recorded_at"),
        "happened": value("occurred_at"),
        "row_id": value("id"),
    } | {column: value(column) for column in ("environment", "provider", "event", "outcome", "release", "synthetic")}
    columns = ", ".join(f"{expression} AS {name}" for name, expression in named.items())
    also = f"{where} AND" if where else " WHERE"
    return f"SELECT {columns} FROM {qualified(place.table)}{also} {value('provider')} <> '{OURSELVES}'"
