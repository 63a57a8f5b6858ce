"""Retention: old events of the app go, releaseguard's own rows stay, in every store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from releaseguard.errors import ConfigError
from releaseguard.eventlog.interface import Query
from releaseguard.eventlog.stores import postgres, sqlite
from releaseguard.model import OURSELVES, Event, Outcome, new_id
from releaseguard_events.stores.table import EventTable

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def event(name: str, age: timedelta, provider: str = "sendgrid", environment: str = "production") -> Event:
    return Event(
        id=new_id(),
        occurred_at=NOON - age,
        provider=provider,
        event=name,
        outcome=Outcome.SUCCESS,
        environment=environment,
    )


def names(log: Any) -> list[str]:
    return sorted(row.event for row in log.select(Query()))


@pytest.mark.parametrize("results_table", [None, "ours"])
def test_only_old_traffic_goes(store: Any, results_table: str | None) -> None:
    log = store.empty(EventTable(table="integration_events", results_table=results_table))
    store.migrate(log)
    day = timedelta(days=1)
    log.append(
        [
            event("old", 2 * day),
            event("old elsewhere", 2 * day, environment="staging"),
            event("at the limit", day),
            event("young", timedelta()),
        ]
    )
    log.append([event("ours", 9 * day, provider=OURSELVES)])
    assert log.prune(NOON - day, "production") == 1
    assert names(log) == ["at the limit", "old elsewhere", "ours", "young"]
    assert log.prune(NOON - day) == 1
    assert log.prune(NOON - day) == 0
    assert names(log) == ["at the limit", "ours", "young"]


def test_a_table_of_the_apps_own_is_not_ours_to_prune(store: Any) -> None:
    log = store.empty(EventTable(table="integration_events", columns={"source": "source"}))
    with pytest.raises(ConfigError, match="the app's own"):
        log.prune(NOON)


def test_many_rows_go_a_few_at_a_time_and_ours_stay(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (sqlite, postgres):
        monkeypatch.setattr(module, "PRUNED_AT_ONCE", 2)
    log = store.empty(EventTable(table="integration_events"))
    store.migrate(log)
    log.append([event(f"old{number}", timedelta(days=2, minutes=number)) for number in range(5)])
    log.append([event("young", timedelta()), event("ours", timedelta(days=9), provider=OURSELVES)])
    assert log.prune(NOON - timedelta(days=1)) == 5
    assert names(log) == ["ours", "young"]
