"""The event log split by month, as ``docs/performance.md`` says: what goes on working, and what is refused."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from releaseguard.errors import ConfigError
from releaseguard.eventlog.interface import Query
from releaseguard.model import OURSELVES, Event, Outcome
from releaseguard_events.stores.postgres import PostgresStore
from releaseguard_events.stores.table import EventTable

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
BESIDE = EventTable(results_table="releaseguard_events")
ROW = Event(
    id=UUID(int=1),
    occurred_at=datetime(2026, 11, 24, 12, tzinfo=UTC),
    provider="sendgrid",
    event="sendgrid_email_sent",
    outcome=Outcome.SUCCESS,
    environment="production",
)
NEXT = replace(ROW, id=UUID(int=2), occurred_at=datetime(2026, 12, 2, tzinfo=UTC))
LATER = replace(ROW, id=UUID(int=3), occurred_at=datetime(2027, 3, 1, tzinfo=UTC))
OURS = replace(ROW, id=UUID(int=4), provider=OURSELVES, event="release_deployed")


def split(store: Any) -> None:
    """What the page says, on a table that holds a row."""
    log = store.log(BESIDE)
    log.append([ROW])
    found = re.search(r"<!-- partitions -->\n```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    store.sql(found[1])


def test_rows_go_to_their_months_and_a_repeat_is_one_row(postgres_store: Any) -> None:
    split(postgres_store)
    log = postgres_store.empty(BESIDE)
    made = log.migrate()
    assert "created index integration_events_2026_12_recorded" in made
    assert "created index integration_events_until_2026_12_recorded" not in made
    assert "created index integration_events_recorded" in made
    assert "created trigger integration_events_stamp" in made
    assert log.migrate() == []
    assert postgres_store.sql("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == [(0,)]
    writer = PostgresStore(postgres_store.url, BESIDE, lambda address: address, 5)
    for _ in range(2):
        writer.append([ROW, NEXT, LATER])
        log.append([NEXT])
    writer.close()
    assert [row.id for row in log.select(Query())] == [ROW.id, NEXT.id, LATER.id]
    assert postgres_store.sql("SELECT tableoid::regclass::text FROM integration_events ORDER BY occurred_at") == [
        ("integration_events_until_2026_12",),
        ("integration_events_2026_12",),
        ("integration_events_later",),
    ]
    assert sum(counted.count for counted in log.minute_counts(Query())) == 3
    assert log.prune(NEXT.occurred_at + timedelta(days=1)) == 2


def test_our_own_rows_are_refused_there_and_taken_once_beside_it(postgres_store: Any) -> None:
    split(postgres_store)
    with pytest.raises(ConfigError, match="cannot hold releaseguard's own rows: it takes an id more than once"):
        postgres_store.empty().append_exclusively([OURS])
    log = postgres_store.empty(BESIDE)
    log.migrate()
    assert log.append_exclusively([OURS])
    with pytest.raises(Exception, match="already"):
        log.append_exclusively([replace(OURS, occurred_at=NEXT.occurred_at)])
