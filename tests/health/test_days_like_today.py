"""An hour is compared with the same local hour of days like today: who is closed is not silent, and no log is down."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from releaseguard.health.judge import condition_of
from releaseguard.health.values import HealthState
from releaseguard.health.window import Window
from releaseguard.stats.calendar import Calendar
from releaseguard.stats.series import Cell, minute_of

FOUR_WEEKS = 28 * 1440
ISTANBUL, BERLIN = "Europe/Istanbul", "Europe/Berlin"
IsOpen = Callable[[datetime], bool]
"""Whether users come at a local time."""


def on_workdays(local: datetime) -> bool:
    return local.weekday() < 5 and 9 <= local.hour < 18


def but_fridays(local: datetime) -> bool:
    return local.weekday() != 4 and 9 <= local.hour < 18


def always(_local: datetime) -> bool:
    return True


def window_of(
    calendar: Calendar,
    now: datetime,
    opens: dict[str, IsOpen],
    closed: frozenset[date] = frozenset(),
    *,
    events: int = 1,
) -> Window:
    """The hour before ``now``, after four weeks in which each provider brought so many ``events`` in two minutes while
    open."""
    end, zone = minute_of(now.astimezone(UTC)), ZoneInfo(calendar.zone)
    cells = [
        Cell(at, at, name, f"{name}_ok", True, "r1", False, False, events, 0)
        for at in range(end - 60 - FOUR_WEEKS, end - 1, 2)
        for local in [datetime.fromtimestamp(at * 60, zone)]
        for name, is_open in opens.items()
        if is_open(local) and local.date() not in closed
    ]
    return Window(cells, end - 60, end, FOUR_WEEKS, calendar=calendar)


@pytest.mark.parametrize(
    ("now", "is_open", "closed"),
    [
        ("2026-03-14T13:30+03:00", on_workdays, []),
        ("2026-03-15T13:30+03:00", on_workdays, []),
        ("2026-03-13T13:30+03:00", but_fridays, []),
        ("2026-03-11T13:30+03:00", on_workdays, ["2026-03-11"]),
    ],
    ids=["a Saturday", "a Sunday", "a Friday, where that is the day off", "a holiday of the calendar"],
)
def test_where_nobody_comes_on_such_days_no_log_is_down(now, is_open, closed):
    special = frozenset(map(date.fromisoformat, closed))
    window = window_of(Calendar(ISTANBUL, special), datetime.fromisoformat(now), {"mail": is_open}, special)
    assert not window.log_down
    assert condition_of(window, "mail").state is HealthState.IDLE


def on_whole_workdays(local: datetime) -> bool:
    return local.weekday() < 5


@pytest.mark.parametrize(
    ("now", "is_used"),
    [
        ("2026-03-14T13:30+03:00", on_workdays),
        ("2026-03-14T01:00+03:00", on_whole_workdays),
        ("2026-03-16T00:00+03:00", on_whole_workdays),
    ],
    ids=["a Saturday", "its first hour, beside Friday's last", "Sunday's last hour, beside Monday's first"],
)
def test_a_provider_that_is_not_used_at_weekends_is_not_silent_while_others_go_on(now, is_used):
    window = window_of(Calendar(ISTANBUL), datetime.fromisoformat(now), {"mail": is_used, "sms": always}, events=8)
    assert condition_of(window, "mail").state is HealthState.IDLE


@pytest.mark.parametrize("day", ["2026-03-11", "2026-03-16"])
def test_one_that_stops_on_a_workday_is(day):
    now = datetime.fromisoformat(f"{day}T13:30+03:00")
    off = frozenset({date.fromisoformat(day)})

    def until_then(local: datetime) -> bool:
        return on_workdays(local) and local.date() not in off

    stopped = window_of(Calendar(ISTANBUL), now, {"mail": until_then, "sms": always})
    assert condition_of(stopped, "mail").state is HealthState.SILENT
    assert window_of(Calendar(ISTANBUL), now, {"mail": on_workdays}, off).log_down


def test_after_a_change_of_clocks_the_hour_is_the_local_one():
    """It opens at nine: an hour earlier by the sun is still before that."""
    monday = datetime.fromisoformat("2026-10-26T08:00+01:00")
    assert not window_of(Calendar(BERLIN), monday, {"mail": on_workdays}).log_down
