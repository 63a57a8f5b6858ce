"""The statement that counts rows per minute, in the words that SQLite and Postgres share."""

# ruff: noqa: S608 - names are quoted (releaseguard_events.stores.names), values are bound

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from releaseguard.eventlog.rows.filters import Filter
from releaseguard.eventlog.stores.questions import Bound, Dialect, conditions
from releaseguard.model import OURSELVES
from releaseguard_events.stores.names import qualified
from releaseguard_events.stores.table import EventTable

KIND: Final = "minute, recorded, environment, provider, event, outcome, release, synthetic, source, deployment"
"""What rows that are counted together have in common."""
_HAPPENING = "correlation, environment, provider, event, outcome, happened"
_ACTION = "correlation, environment, provider, minute, release, synthetic, source, deployment"
_NAMED = ("environment", "provider", "event", "outcome", "release", "synthetic", "source")
_FIRST_RECORDED = "learned, happened, row_id"


def minutes(
    place: EventTable,
    dialect: Dialect,
    wanted: Sequence[Filter],
    *,
    by_environment: bool = False,
    by_deployment: bool = False,
) -> Bound:
    """Counts per minute as :class:`MinuteCount` means them; ``by_environment`` orders by that first."""
    where, values = conditions(dialect, wanted)
    traffic = traffic_of(dialect, qualified(place.table), where, by_deployment=by_deployment)
    order = f"environment, {KIND}" if by_environment else KIND
    return f"{counted(traffic, dialect.spread)} ORDER BY {order}", values


def counted(traffic: str, spread: str) -> str:
    """The counts of ``traffic``, without an order: KIND, then rows, repeats, trials, squares, and how long they took.

    All rows are counted first, as if each were an action of its own, and what the few rows that share an id change of
    that is added: numbering all rows would sort the whole table, which takes four times as long. Correlations alone
    select the rows to number: a join on all of them tempts SQLite into the index on providers, and into minutes. They
    are found once: Postgres, without statistics of a table just filled, would look for them again for every row.
    """
    taken_back = KIND.replace("recorded", "spoilt")
    return f"""
WITH traffic AS NOT MATERIALIZED ({traffic}),
shared AS MATERIALIZED (SELECT correlation FROM traffic WHERE correlation IS NOT NULL
  GROUP BY correlation, environment, provider, minute HAVING count(*) > 1),
numbered AS (SELECT *, row_number() OVER (PARTITION BY {_HAPPENING} ORDER BY {_FIRST_RECORDED}) AS nth
  FROM traffic WHERE correlation IN (SELECT correlation FROM shared)),
ranked AS (SELECT {KIND}, learned,
  row_number() OVER (PARTITION BY {_ACTION}, event, outcome ORDER BY {_FIRST_RECORDED}) AS of_kind,
  row_number() OVER (PARTITION BY {_ACTION}, outcome ORDER BY {_FIRST_RECORDED}) AS of_outcome,
  first_value(outcome) OVER worst_first AS worst, first_value(learned) OVER worst_first AS spoilt_at,
  first_value(recorded) OVER worst_first AS spoilt
  FROM numbered WHERE nth = 1 WINDOW worst_first AS (PARTITION BY {_ACTION} ORDER BY outcome, {_FIRST_RECORDED})),
tried AS (SELECT {KIND}, spoilt, of_kind, worst = 'error' AND outcome = 'success' AND learned < spoilt_at AS undone,
  CASE WHEN outcome = 'error' THEN of_outcome = 1
    ELSE of_kind = 1 AND (worst = 'success' OR learned < spoilt_at) END AS counts FROM ranked),
counted AS (SELECT {KIND}, took, count(*) AS every, 0 AS again, count(*) AS trials, count(*) AS squares
    FROM traffic GROUP BY {KIND}, took
  UNION ALL SELECT {KIND}, took, -count(*), count(*), -count(*), -count(*)
    FROM numbered WHERE nth > 1 GROUP BY {KIND}, took
  UNION ALL SELECT {KIND}, NULL, 0, 0, sum(CASE WHEN counts THEN 0 ELSE -1 END), sum(2 * of_kind - 2)
    FROM tried GROUP BY {KIND}
  UNION ALL SELECT {taken_back}, NULL, 0, 0, -count(*), 0
    FROM tried WHERE undone AND of_kind = 1 GROUP BY {taken_back}),
timed AS (SELECT {KIND}, took, sum(every) AS every, sum(again) AS again, sum(trials) AS trials, sum(squares) AS squares
  FROM counted GROUP BY {KIND}, took)
SELECT {KIND}, sum(every) AS every, sum(again) AS again, sum(trials) AS trials, sum(squares) AS squares,
  {spread} AS spread
  FROM timed GROUP BY {KIND}
  HAVING sum(every) <> 0 OR sum(again) <> 0 OR sum(trials) <> 0"""


def traffic_of(dialect: Dialect, source: str, where: str, *, by_deployment: bool) -> str:
    """The rows of ``source`` that are traffic, with what counting needs of each."""
    value, minute = dialect.value, dialect.minute
    recorded = f"CASE WHEN {dialect.readable('recorded_at')} THEN {{}} END"
    named = {
        "minute": minute("occurred_at"),
        "recorded": recorded.format(minute("recorded_at")),
        "deployment": dialect.kept_in_detail("deployment_id") if by_deployment else "NULL",
        "correlation": value("correlation_id"),
        "learned": f"coalesce({recorded.format(value('recorded_at'))}, {value('occurred_at')})",
        "happened": value("occurred_at"),
        "row_id": value("id"),
        "took": dialect.took,
    } | {column: value(column) for column in _NAMED}
    columns = ", ".join(f"{expression} AS {name}" for name, expression in named.items())
    of_others = f"{value('provider')} <> '{OURSELVES}'"
    return f"SELECT {columns} FROM {source} WHERE {where} AND {of_others}"
