"""The seeded week is a log as a live one would be: every provider, the hours of the week, releases, lags."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from releaseguard.eventlog.interface import Query
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import OURSELVES, Event, Outcome, new_id
from releaseguard.sandbox.course import STREAMS, evening_at
from releaseguard.sandbox.seed import Breakage, Released, Week
from tests.support.seeding import once

NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
PROVIDERS = {
    "supabase", "paytr", "idenfy", "twilio", "sendgrid", "posthog", "sentry", "openai", "mapbox", "cloudflare",
    "vercel", "expo_push", "apple_push", "google_push", "aws_rekognition", "anthropic",
    "revenuecat", "upstash", "mailgun",
}  # fmt: skip


def _seed(path: Path) -> None:
    with SqliteEventLog(path) as opened:
        opened.migrate()
    _week_at(path).write(NOW, "good")


def _week_at(path: Path) -> Week:
    return Week(path, scale=0.1, seed=1)


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return once(tmp_path_factory, "week.db", _seed)


@pytest.fixture
def week(seeded: Path, tmp_path: Path) -> Week:
    return _week_at(Path(shutil.copy(seeded, tmp_path / "log.db")))


@pytest.fixture
def log(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[SqliteEventLog]:
    """What ``week`` wrote, where a test asks for one."""
    if "week" in request.fixturenames:
        request.getfixturevalue("week")
    with SqliteEventLog(tmp_path / "log.db") as opened:
        opened.migrate()
        yield opened


def traffic(log: SqliteEventLog, **query: object) -> list[Event]:
    return [event for event in log.select(Query(**query)) if event.provider != OURSELVES]


def test_every_provider_is_there_with_successes_and_errors(log: SqliteEventLog, week: Week) -> None:
    rows = traffic(log)
    assert {event.provider for event in rows} == PROVIDERS
    assert {event.event for event in rows} >= {stream.success for stream in STREAMS}
    failed = [event for event in rows if event.outcome is Outcome.ERROR]
    assert 0 < len(failed) < 0.02 * len(rows)
    assert all(event.event == f"{event.provider}_error" and event.error_code for event in failed)


def test_rows_were_recorded_a_moment_after_they_occurred(log: SqliteEventLog, week: Week) -> None:
    lags = [event.recorded_at - event.occurred_at for event in traffic(log) if event.recorded_at]
    assert min(lags) >= timedelta(0)
    assert max(lags) < timedelta(minutes=2)
    assert all(NOW - timedelta(days=7) <= event.occurred_at < NOW + timedelta(seconds=2) for event in traffic(log))


def test_releases_follow_each_other_and_every_row_carries_its_own(log: SqliteEventLog, week: Week) -> None:
    deployed = [(event.occurred_at, event.release) for event in log.select(Query(events=("release_deployed",)))]
    assert len(deployed) == 5
    assert deployed[-1] == (NOW - timedelta(days=1), "good")
    for (since, release), until in zip(deployed, [*(at for at, _ in deployed[1:]), NOW], strict=True):
        rows = traffic(log, since=since, until=until)
        # The user's action that goes with a scan follows a second later, maybe on the other side of a deployment.
        assert sum(event.release != release for event in rows) <= 1


def test_only_sendgrids_mails_say_which_key_version_they_used(log: SqliteEventLog, week: Week) -> None:
    labelled = {event.source for event in traffic(log) if event.detail.get("secret_version") == "1"}
    assert labelled == {"web", "sendgrid-email"}


def test_what_ai_fails_to_scan_is_published_all_the_same(log: SqliteEventLog, week: Week) -> None:
    published = {event.correlation_id for event in traffic(log, events=("moment_published",))}
    scanned = traffic(log, events=("aws_rekognition_scan_ok", "aws_rekognition_error"))
    assert {event.correlation_id for event in scanned} == published


def test_a_bad_release_replaces_the_seeded_traffic_and_nothing_else(log: SqliteEventLog, week: Week) -> None:
    deployed_at = NOW - timedelta(hours=6)
    live = Event(
        id=new_id(),
        occurred_at=NOW - timedelta(hours=1),
        provider="sendgrid",
        event="sendgrid_email_sent",
        outcome=Outcome.SUCCESS,
        environment="production",
        release="live",
    )
    log.append([live])
    before = Counter(event.release for event in traffic(log, until=deployed_at))
    week.append(Released(release="bad", deployed_at=deployed_at), NOW, Breakage(error_share=0.5))
    after = traffic(log, since=deployed_at)
    assert {event.release for event in after} == {"bad", "live"}
    assert Counter(event.release for event in traffic(log, until=deployed_at)) == before
    assert len(list(log.select(Query(events=("release_deployed",), release="bad")))) == 1


def test_a_bad_release_breaks_what_is_sent_and_not_what_arrives(log: SqliteEventLog, week: Week) -> None:
    week.append(Released(release="bad", deployed_at=NOW - timedelta(hours=12)), NOW, Breakage(error_share=1.0))
    rows = traffic(log, release="bad", providers=("sendgrid",))
    assert {event.event for event in rows} == {"sendgrid_error", "sendgrid_webhook_received"}
    assert {event.error_code for event in rows if event.outcome is Outcome.ERROR} == {"400"}


def test_the_same_seed_gives_the_same_week(tmp_path: Path) -> None:
    weeks = []
    for name in ("a.db", "b.db"):
        with SqliteEventLog(tmp_path / name) as log:
            log.migrate()
            Week(tmp_path / name, scale=0.02, seed=3).write(NOW, "good", earlier=0)
            weeks.append([(event.id, event.occurred_at, event.latency_ms) for event in traffic(log)])
    assert weeks[0] == weeks[1]
    assert weeks[0]


@pytest.mark.parametrize("hour", [0, 4, 13, 23])
def test_evening_is_busy_whatever_the_clock_says(log: SqliteEventLog, tmp_path: Path, hour: int) -> None:
    now = NOW.replace(hour=hour)
    Week(tmp_path / "log.db", streams=STREAMS[:1], seed=hour, shift=evening_at(now)).write(
        now, "good", since=now - timedelta(days=1), earlier=0
    )
    hour_began = now.replace(minute=0)
    night = traffic(log, since=hour_began - timedelta(hours=17), until=hour_began - timedelta(hours=15))
    assert len(traffic(log, since=now - timedelta(hours=2))) > 5 * len(night) > 0
