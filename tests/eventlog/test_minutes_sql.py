"""The statement that counts rows per minute."""

from __future__ import annotations

from releaseguard.eventlog.stores import counting
from releaseguard.eventlog.stores.questions import Dialect
from releaseguard_events.stores.table import EventTable


def test_repeated_correlations_are_looked_for_once_whatever_the_planner_knows_of_the_table():
    # Inlined, the search is repeated for every row where Postgres expects one row: a table that was never analysed.
    dialect = Dialect(
        str, str, str, str, str, lambda condition: (condition.column, []), kept_in_detail=str, value_mark="?"
    )
    statement, _ = counting.minutes(EventTable(), dialect, [])
    assert "shared AS MATERIALIZED (" in statement
