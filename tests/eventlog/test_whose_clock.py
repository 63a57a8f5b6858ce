"""The time by which leases run is the database's, whatever stands in front of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler

import pytest

from tests.eventlog.conftest import RestStore

HOUR = timedelta(hours=1)


@pytest.fixture
def gateway_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    def ahead(handler: BaseHTTPRequestHandler, timestamp: float | None = None) -> str:
        del handler, timestamp
        return format_datetime(datetime.now(UTC) + 2 * HOUR, usegmt=True)

    monkeypatch.setattr(BaseHTTPRequestHandler, "date_time_string", ahead)


@pytest.mark.usefixtures("gateway_ahead")
def test_a_gateway_whose_clock_is_ahead_moves_no_time_of_the_logs(rest_store: RestStore) -> None:
    log = rest_store.log()
    (stored,) = rest_store.sql("SELECT clock_timestamp()")[0]
    assert abs(log.now() - stored) < HOUR


@pytest.mark.usefixtures("gateway_ahead")
def test_where_the_database_has_no_function_that_tells_the_time_the_gateways_counts(rest_store: RestStore) -> None:
    log = rest_store.log()
    rest_store.sql("DROP FUNCTION integration_events_clock()")
    before = len(rest_store.project.requests)
    for _ in range(2):
        assert log.now() - datetime.now(UTC) > HOUR
    assert len(rest_store.project.requests) - before == 3, "the function is looked for once"
