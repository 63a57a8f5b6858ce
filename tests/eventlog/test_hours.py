"""What hours tell of their minutes, as far as a question needs it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from releaseguard.eventlog.counts import MinuteCount, count_minutes
from releaseguard.eventlog.hours import hours_of, within
from releaseguard.eventlog.interface import EVERY_COUNT, HourSettling, Needs, Query
from releaseguard.eventlog.latencies import uses_in
from releaseguard.eventlog.rows.packing import packed
from releaseguard.eventlog.rows.packs import Kept, asked_for, settled_and_asked_for, times_in
from releaseguard.model import Event, Outcome

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LATE = 0, 3, -20, 40


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


def _released(number: int, late: int) -> Event:
    release = "r2" if number >= 60 or number == 7 else "r1"
    return replace(_row(number, late), id=UUID(int=1000 * number + late + 50), release=release)


def _of(event: Event) -> tuple[datetime, int, str | None]:
    assert event.recorded_at is not None
    return event.occurred_at, (event.recorded_at - event.occurred_at) // MINUTE, event.release


def _late(row: MinuteCount) -> tuple[datetime, int]:
    assert row.recorded_minute is not None
    return row.occurred_minute, (row.recorded_minute - row.occurred_minute) // MINUTE


def test_what_is_told_by_the_hour_is_of_before_the_first_own_row_and_the_rest_is_told_by_the_minute() -> None:
    events = [_released(number, late) for number in range(90) for late in LATE]
    hours = [Kept(*one[:8], one.detail) for one in packed(list(count_minutes(events)))]
    own_since, margin = NOON + 30 * MINUTE, 15 * MINUTE
    settling = HourSettling(NOON + 160 * MINUTE, lambda *named: named[2] == "r1", "r2".__eq__, own_since, margin)
    query = Query(since=NOON, until=NOON + timedelta(hours=5), needs=Needs(writer=lambda _: None))
    settled, rest = settled_and_asked_for(hours, query, settling)
    learned = [one.recorded_at for one in events if one.recorded_at is not None and one.release == "r2"]
    limit = min(at for at in learned if at >= own_since).replace(second=0) - margin
    found = Counter[tuple[datetime, int]]()
    for hour in settled:
        late = list(hour.late)
        at_once = Counter({at: many for at, many in enumerate(hour.counts) if many})
        at_once.subtract(at for at, _, _ in late)
        found.update({(hour.hour + at * MINUTE, 0): many for at, many in at_once.items()})
        found.update((hour.hour + at * MINUTE, learned - at) for at, learned, _ in late)
        assert sum(uses_in(took) for _, took in times_in(hour, range(60))) == sum(hour.counts)
    told = {(at.replace(second=0), late): release for at, late, release in map(_of, events)}
    before = {(at, late) for (at, late), release in told.items() if late >= 0 and at + late * MINUTE < limit}
    assert set(+found) == {one for one in before if told[one] == "r1"}
    assert {_late(one) for one in rest} == set(told) - set(+found)
    assert sum(one.count for one in rest) + found.total() == len(events)
