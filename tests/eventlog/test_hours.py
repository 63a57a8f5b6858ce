"""What hours tell of their minutes, as far as a question needs it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from releaseguard.eventlog.counts import MinuteCount, count_minutes
from releaseguard.eventlog.hours import hours_of, within
from releaseguard.eventlog.interface import EVERY_COUNT, Needs, Query
from releaseguard.eventlog.latencies import uses_in
from releaseguard.eventlog.rows.packs import Kept, asked_for, packed
from releaseguard.model import Event, Outcome

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def _row(number: int, late: int = 0) -> Event:
    at = NOON + number * 5 * MINUTE / 2
    return Event(
        id=UUID(int=number + 1),
        occurred_at=at,
        recorded_at=at + late * MINUTE,
        provider="sendgrid",
        event="sent",
        outcome=Outcome.SUCCESS,
        environment="production",
        source=("web", "worker")[number % 2],
        latency_ms=40,
    )


def _told(rows: Sequence[MinuteCount], needs: Needs) -> Sequence[MinuteCount]:
    hours = [Kept(*one[:8], one.detail) for one in packed(rows)]
    return list(asked_for(hours, Query(since=NOON, until=NOON + timedelta(hours=5), needs=needs)))


def test_hours_hold_of_some_minutes_what_counting_these_alone_gives() -> None:
    rows = list(count_minutes(map(_row, range(90))))
    since, until = NOON + 50 * MINUTE, NOON + 130 * MINUTE
    alone = [row for row in rows if since <= row.occurred_minute < until]
    assert list(within(hours_of(rows), since, until)) == list(hours_of(alone))
    assert list(within(hours_of(rows), NOON, NOON + timedelta(hours=4))) == list(hours_of(rows))


def test_what_is_not_told_apart_is_one_count_and_a_clock_that_runs_ahead_stays_to_be_seen() -> None:
    events = [*map(_row, range(20)), *(_row(number, late) for number in range(20) for late in (1, 7, -30))]
    rows = list(count_minutes(Event(**_fields(event) | {"id": UUID(int=n)}) for n, event in enumerate(events)))
    told = _told(rows, Needs(writer=lambda _: None, is_recording_told=False))
    expected = Counter[tuple[datetime, bool]]()
    for event in events:
        assert event.recorded_at is not None
        expected[event.occurred_at.replace(second=0), event.recorded_at < event.occurred_at] += 1
    assert {(one.occurred_minute, one.recorded_minute != one.occurred_minute): one.count for one in told} == expected
    assert {uses_in(one.latency) for one in told if one.latency is not None} == set(expected.values())


def test_how_long_uses_took_is_told_where_it_matters_alone() -> None:
    rows = list(count_minutes(map(_row, range(9))))
    assert [one.latency for one in _told(rows, Needs(is_timed=lambda *_: False))] == [None] * 9
    assert all(one.latency for one in _told(rows, EVERY_COUNT))


def _fields(event: Event) -> dict[str, object]:
    return {name: getattr(event, name) for name in event.__slots__}
