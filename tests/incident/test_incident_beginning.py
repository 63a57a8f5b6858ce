"""When trouble began, also where that was long before the time that was asked for."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.hours import hours_of
from releaseguard.eventlog.interface import Capabilities, EventLog
from releaseguard.health.run import HealthContext
from releaseguard.health.values import HealthState, Why
from releaseguard.incident.beginning import LONGEST, Past, reaches_back
from releaseguard.model import Outcome

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
USERS = {"mapbox": ("mapbox_geocode_ok", 120), "sendgrid": ("sendgrid_email_sent", 40), "idenfy": ("idenfy_ok", 5)}
WEBHOOK = ("sendgrid", "sendgrid_webhook_received", 30)


class Log:
    """Counts of a week, in which something happens to one provider's events."""

    capabilities = Capabilities(frozenset({"recorded_at"}))

    def __init__(self, victim="", event=None, *, since=timedelta(0), share=0.0, left=1.0, more=1.0):
        self.victim, self.event, self.since = victim, event, NOW - since
        self.share, self.left, self.more = share, left, more
        self.reads = 0
        streams = [(name, *stream) for name, stream in USERS.items()] + [WEBHOOK]
        rng = random.Random(3)
        self.rows = sorted(
            (row for stream in streams for row in self._stream(rng, *stream)), key=lambda row: row.occurred_minute
        )

    def _stream(self, rng, provider, event, per_hour):
        at = NOW - 6 * DAY
        while (at := at + timedelta(hours=rng.expovariate(per_hour))) < NOW:
            hit = provider == self.victim and self.event in (None, event) and at >= self.since
            if hit and rng.random() >= self.left:
                continue
            bad = rng.random() < (self.share if hit else 0.01)
            for _ in range(int(self.more) if hit else 1):
                minute = at.replace(second=0, microsecond=0)
                name, outcome = (f"{provider}_error", Outcome.ERROR) if bad else (event, Outcome.SUCCESS)
                written = "r", False, "web", 1, 0, 1, 1
                yield MinuteCount(minute, minute, "production", provider, name, outcome, *written)

    def hour_counts(self, query):
        return hours_of(self.minute_counts(query))

    def minute_counts(self, query):
        self.reads += 1
        return (row for row in self.rows if query.since <= row.occurred_minute < query.until)

    counts_of_each = EventLog.counts_of_each

    def select(self, query):
        return iter(())


def past(log: Log, provider: str, window=HOUR) -> Past:
    world = HealthContext(
        log=log,
        cards=(),
        environment="production",
        window=window,
        baseline=7 * DAY,
        now=lambda: NOW,
    )
    return Past(world, provider, NOW)


@pytest.mark.parametrize("ago", [10, 30, 75, 200, 700, 1500])
def test_an_outage_is_dated_however_long_ago_it_began(ago):
    condition, span = past(Log("mapbox", since=timedelta(minutes=ago), share=0.9), "mapbox").condition()
    assert condition.state is HealthState.DOWN
    assert abs(condition.since - (NOW - timedelta(minutes=ago))) <= timedelta(minutes=3)
    assert span <= LONGEST


def test_an_outage_older_than_two_days_is_said_to_be_older():
    condition, span = past(Log("mapbox", since=4 * DAY, share=0.9), "mapbox").condition()
    assert condition.state is HealthState.DOWN
    assert reaches_back(condition, NOW - span, span)


def test_a_calm_provider_is_looked_at_once():
    log = Log()
    condition, span = past(log, "mapbox").condition()
    assert (condition.state, span) == (HealthState.HEALTHY, HOUR)
    assert log.reads == 2  # weeks by the hour, the hour itself


def test_a_rare_providers_silence_shows_over_a_longer_time():
    condition, span = past(Log("idenfy", since=4 * HOUR, left=0.0), "idenfy").condition()
    assert condition.state is HealthState.SILENT
    assert span > HOUR
    assert NOW - 5.5 * HOUR <= condition.since <= NOW - 4 * HOUR


def test_one_event_that_stops_is_seen_although_its_provider_goes_on():
    log = Log("sendgrid", "sendgrid_webhook_received", since=1.5 * HOUR, left=0.0)
    found = past(log, "sendgrid")
    assert found.event("sendgrid_webhook_received").grounds.why is Why.SILENT
    assert found.event("sendgrid_email_sent").state is HealthState.HEALTHY


@pytest.mark.parametrize("ago", [20, 45, 150])
def test_a_drop_is_dated(ago):
    log = Log("mapbox", since=timedelta(minutes=ago), left=0.2)
    condition, _ = past(log, "mapbox").condition()
    assert condition.grounds.why is Why.VOLUME
    assert abs(condition.since - (NOW - timedelta(minutes=ago))) <= timedelta(minutes=5)


@pytest.mark.parametrize("ago", [30, 200])
def test_a_spike_is_dated(ago):
    found = past(Log("mapbox", since=timedelta(minutes=ago), more=5), "mapbox")
    spike = found.spike("mapbox_geocode_ok", 2.0)
    assert spike is not None
    assert abs(spike.since - (NOW - timedelta(minutes=ago))) <= timedelta(minutes=5)


@pytest.mark.parametrize("event", ["mapbox_geocode_ok", "mapbox_never_logged"])
def test_usual_traffic_and_none_ever_are_no_spike(event):
    assert past(Log(), "mapbox").spike(event, 2.0) is None
