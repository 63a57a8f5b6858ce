"""Which share of the phones revoking an old value breaks, from counts alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from releaseguard.eventlog.counts import MinuteCount
from releaseguard.model import Outcome
from releaseguard.rotation.exposure.installed_apps import client_share, sentence

OUT = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


def seen(release: str | None, hours: float, count: int, *, client: bool = True, synthetic: bool = False) -> MinuteCount:
    at = OUT + timedelta(hours=hours)
    written = release, synthetic, "client" if client else "web", count, 0, count, count
    return MinuteCount(at, at, "production", "mapbox", "mapbox_map_rendered", Outcome.SUCCESS, *written)


@pytest.mark.parametrize(
    ("rows", "events", "old", "releases"),
    [
        ([], 0, 0, []),
        ([seen("v1", -1, 10)], 10, 10, ["v1"]),
        ([seen("v1", -5, 10), seen("v1", 2, 30), seen("v2", 1, 20)], 60, 40, ["v1"]),
        ([seen("v1", -100, 10), seen("v2", 1, 20)], 20, 0, []),
        ([seen("v1", -100, 10), seen("v1", 2, 5), seen("v2", 1, 20)], 25, 5, ["v1"]),
        ([seen(None, 1, 3), seen("v2", 1, 7)], 10, 3, ["(untagged)"]),
        ([seen("web", -1, 10, client=False), seen("v1", -1, 10, synthetic=True)], 0, 0, []),
    ],
)
def test_releases_that_were_there_before_the_new_value_was_out_hold_the_old_one(rows, events, old, releases):
    found = client_share(rows, "MAPBOX_ACCESS_TOKEN", out_at=OUT, since=OUT - timedelta(hours=20))
    assert (found.events, found.old_events, list(found.releases)) == (events, old, releases)
    assert found.share == (old / events if events else None)


def test_the_order_of_the_rows_does_not_matter():
    rows = [seen("v1", 2, 30), seen("v2", 1, 20), seen("v1", -5, 10)]
    shares = {client_share(order, "X", out_at=OUT, since=OUT).share for order in (rows, rows[::-1])}
    assert shares == {0.6}


def test_without_an_event_of_a_phone_the_share_is_called_unknown():
    assert "unknown share" in sentence("SENTRY_DSN", None, [])
