"""Retention: old events of the app go, releaseguard's own rows stay, in every store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from releaseguard.errors import ConfigError
from releaseguard.eventlog.interface import Query
from releaseguard.eventlog.schema import postgres as schema
from releaseguard.eventlog.stores import postgres, sqlite
from releaseguard.eventlog.watching import Progress
from releaseguard.model import OURSELVES, Event, Outcome, new_id
from releaseguard.services.supabase import event_log
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
    for module, name in ((sqlite, "PRUNED_AT_ONCE"), (postgres, "PRUNED_AT_ONCE"), (event_log, "PAGE")):
        monkeypatch.setattr(module, name, 2)
    log = store.empty(EventTable(table="integration_events"))
    store.migrate(log)
    log.append([event(f"old{number}", timedelta(days=2, minutes=number)) for number in range(5)])
    log.append([event("young", timedelta()), event("ours", timedelta(days=9), provider=OURSELVES)])
    told: list[Progress] = []
    assert log.prune(NOON - timedelta(days=1), None, told.append) == 5
    assert names(log) == ["ours", "young"]
    assert told[-1].what.endswith(" events deleted")
    shares = [progress.share for progress in told]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] <= 1


def test_rows_that_come_late_behind_the_deletion_go_too(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "PRUNED_AT_ONCE", 2)
    monkeypatch.setattr(postgres, "PRUNED_AT_ONCE", 2)
    monkeypatch.setattr(event_log, "PAGE", 2)
    log = store.log()
    log.append([event(f"old{number}", timedelta(days=2, minutes=number)) for number in range(6)])
    late = [event("late", timedelta(days=9))]

    def meanwhile(_progress: Progress) -> None:
        if late:
            log.append([late.pop()])

    assert log.prune(NOON - timedelta(days=1), None, meanwhile) == 7
    assert names(log) == []


def test_many_rows_of_one_moment_go_in_steps_too(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "PRUNED_AT_ONCE", 2)
    monkeypatch.setattr(postgres, "PRUNED_AT_ONCE", 2)
    log = store.log()
    log.append([event("old", timedelta(days=2)) for _ in range(7)])
    assert log.prune(NOON - timedelta(days=1)) == 7


def test_a_row_at_the_same_place_in_another_partition_stays(postgres_store: Any) -> None:
    columns = ", ".join(f"{name} {kind.replace('PRIMARY KEY', '')}" for name, kind in schema.COLUMNS.items())
    postgres_store.sql(f"CREATE TABLE integration_events ({columns}) PARTITION BY RANGE (occurred_at)")
    for month, until in (("2026-10-01", "2026-11-01"), ("2026-11-01", "2026-12-01")):
        part = (
            f"CREATE TABLE part_{month[5:7]} PARTITION OF integration_events FOR VALUES FROM ('{month}') TO ('{until}')"
        )
        postgres_store.sql(part)
    row = "INSERT INTO integration_events SELECT gen_random_uuid(), '{}', now(), '{}', '{}', 'success', NULL, NULL, 'x'"
    for at, provider in (("2026-10-03", "sendgrid"), ("2026-11-24", "sendgrid"), ("2026-10-04", OURSELVES)):
        postgres_store.sql(row.format(at, provider, f"{provider}{at}"))
    log = postgres_store.empty()
    assert log.prune(NOON - timedelta(days=20)) == 1
    assert names(log) == [f"{OURSELVES}2026-10-04", "sendgrid2026-11-24"]
