"""States of providers: a week of usual traffic, then an hour in which something happens."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from releaseguard import readable
from releaseguard.health import judge
from releaseguard.health.judge import condition_of
from releaseguard.health.overruled import removals_in, unless_removed
from releaseguard.health.values import TROUBLED, HealthState, Why
from releaseguard.health.volumes import spike_of
from releaseguard.health.window import Window
from releaseguard.stats.series import Cell
from releaseguard.traces import Traces
from releaseguard.verification.values import Deployment
from tests.support import extent

HOUR, DAY, WEEK = 60, 1440, 7 * 1440
END = 29_000_000
START = END - HOUR
USERS = {"sendgrid": 60.0, "mapbox": 300.0, "twilio": 30.0}
"""Events an hour."""

Happens = Callable[[str, int], tuple[float, float]]
"""(provider, minute of the window) -> (multiple of the usual volume, share of errors)."""


def usual(_provider: str, _minute: int) -> tuple[float, float]:
    return 1.0, 0.01


def failing(victim: str, share: float, since: int, until: int = HOUR) -> Happens:
    return lambda provider, minute: (1.0, share) if provider == victim and since <= minute < until else (1.0, 0.01)


def fewer(victims: set[str], left: float, since: int) -> Happens:
    return lambda provider, minute: (left, 0.01) if provider in victims and minute >= since else (1.0, 0.01)


def world(happens: Happens, seed: int = 1, users: dict[str, float] = USERS, history: int = WEEK) -> Window:
    rng = random.Random(seed)
    return Window(_cells(happens, rng, users, history), START, END, WEEK)


def _cells(happens: Happens, rng: random.Random, users: dict[str, float], history: int) -> Iterator[Cell]:
    for provider, rate in users.items():
        minute = float(START - history)
        while True:
            minute += rng.expovariate(rate / HOUR)
            if minute >= END:
                break
            volume, share = happens(provider, int(minute) - START)
            if rng.random() < volume:
                ok = rng.random() >= share
                yield row(provider, int(minute), ok=ok)


def row(provider: str, minute: int, *, ok: bool = True, synthetic: bool = False) -> Cell:
    event = f"{provider}_{'ok' if ok else 'error'}"
    return Cell(minute, minute, provider, event, ok, "r1", synthetic, False, 1, 0)


def states(window: Window) -> dict[str, HealthState]:
    return {name: condition_of(window, name).state for name in window.providers}


def test_usual_traffic_is_healthy():
    assert set(states(world(usual)).values()) == {HealthState.HEALTHY}


def test_usual_traffic_is_hardly_ever_called_troubled():
    looks = [state for seed in range(extent.examples(60, least=10)) for state in states(world(usual, seed)).values()]
    assert sum(state in TROUBLED for state in looks) <= 1


@pytest.mark.parametrize("minutes", [1, 5, 20])
def test_a_log_that_is_minutes_older_than_the_window_calls_nobody_silent_for_an_event_or_two(minutes):
    rates = (2, 3, 4, 4, 5, 6, 8, 10, 12, 15, 20, 30, 40, 60, 80, 100, 150, 200, 300)
    users = {f"p{number}": float(rate) for number, rate in enumerate(rates)}
    seeds = range(minutes * 1000, minutes * 1000 + 30)
    looks = [states(world(usual, seed, users=users, history=minutes)) for seed in seeds]
    assert [look for look in looks if TROUBLED & set(look.values())] == []


def test_a_busy_provider_is_silent_by_a_few_minutes_of_history():
    users = USERS | {"posthog": 1200.0}
    assert states(world(fewer({"mapbox"}, 0.0, 0), users=users, history=20))["mapbox"] is HealthState.SILENT


@pytest.mark.parametrize("since", [0, 30, 45, 52])
def test_a_provider_whose_calls_fail_is_down_since_they_began_to(since):
    condition = condition_of(world(failing("mapbox", 0.97, since)), "mapbox")
    assert condition.state is HealthState.DOWN
    assert condition.since is not None
    assert abs(condition.since.timestamp() / 60 - START - since) <= 2


def test_more_errors_than_usual_are_degraded_also_where_most_calls_succeed():
    found = states(world(failing("mapbox", 0.15, 20)))
    assert found == {"mapbox": HealthState.DEGRADED, "sendgrid": HealthState.HEALTHY, "twilio": HealthState.HEALTHY}


def test_an_incident_that_is_over_is_not_told_as_if_it_went_on():
    assert states(world(failing("mapbox", 1.0, 2, 15)))["mapbox"] is HealthState.HEALTHY


def test_one_failed_call_is_chance():
    assert states(world(lambda p, m: (1.0, 1.0) if (p, m) == ("sendgrid", 40) else (1.0, 0.0)))["sendgrid"] is (
        HealthState.HEALTHY
    )


@pytest.mark.parametrize("since", [-5 * HOUR, 0, 25])
def test_a_provider_without_events_is_silent_where_others_go_on(since):
    condition = condition_of(world(fewer({"sendgrid"}, 0.0, since)), "sendgrid")
    assert condition.state is HealthState.SILENT, condition
    assert condition.since is not None
    assert abs(condition.since.timestamp() / 60 - START - since) <= 10


def test_a_provider_that_lost_most_of_its_volume_is_degraded():
    assert states(world(fewer({"mapbox"}, 0.2, 10)))["mapbox"] is HealthState.DEGRADED


def test_everybodys_traffic_fell_so_the_users_are_away_and_nobody_is_to_blame():
    found = states(world(fewer(set(USERS), 0.05, -120)))
    assert not TROUBLED & set(found.values()), found


@pytest.mark.parametrize(("quiet", "is_down"), [(10, False), (50, True)])
def test_between_two_actions_that_write_many_rows_each_the_log_is_not_down(quiet, is_down):
    rng = random.Random(3)
    minutes = [minute for minute in range(START - WEEK, END - quiet) if rng.random() < 0.2]
    window = Window((row(name, minute) for minute in minutes for name in (*USERS, *USERS)), START, END, WEEK)
    assert window.log_down is is_down


def test_a_log_that_has_stopped_says_nothing_about_anybody():
    window = world(fewer(set(USERS), 0.0, 40))
    assert window.log_down
    assert set(states(window).values()) == {HealthState.UNKNOWN}


def test_the_minute_under_way_makes_no_log_look_down():
    window = world(fewer(set(USERS), 0.0, HOUR - 1))
    assert not window.log_down


def test_a_provider_that_is_seldom_used_is_idle():
    users = {**USERS, "paytr": 0.5}
    assert states(world(fewer({"paytr"}, 0.0, 0), users=users))["paytr"] is HealthState.IDLE


def test_few_missing_events_are_neither_silence_nor_health():
    users = {**USERS, "paytr": 4.6}
    assert states(world(fewer({"paytr"}, 0.0, 0), users=users))["paytr"] is HealthState.UNKNOWN


def test_a_provider_that_was_never_logged_is_unknown():
    assert condition_of(world(usual), "sentry").state is HealthState.UNKNOWN


def test_an_empty_log_is_unknown_and_not_down():
    window = Window((), START, END, WEEK)
    assert not window.log_down
    assert condition_of(window, "sendgrid").state is HealthState.UNKNOWN


def test_synthetic_events_are_no_traffic():
    cells = [row("sendgrid", END - 5 - i, ok=False, synthetic=True) for i in range(20)]
    window = Window(cells, START, END, WEEK)
    assert window.providers == ()
    assert condition_of(window, "sendgrid").state is HealthState.UNKNOWN


def test_without_history_failing_calls_are_seen_all_the_same():
    window = world(failing("mapbox", 0.9, 0), history=0)
    assert states(window) == {
        "mapbox": HealthState.DOWN,
        "sendgrid": HealthState.HEALTHY,
        "twilio": HealthState.HEALTHY,
    }


def test_the_newest_success_is_found_also_before_the_window():
    window = world(fewer({"sendgrid"}, 0.0, -300))
    newest = window.newest_minute("sendgrid", errors=False)
    assert newest is not None
    assert START - 310 <= newest < START - 300
    assert window.newest_minute("nobody", errors=False) is None


def test_the_course_adds_up_to_the_window():
    window = world(failing("mapbox", 0.5, 30))
    events, errors = window.counts("mapbox", 0, HOUR)
    for parts in (1, 7, 20):
        course = window.course("mapbox", parts)
        assert len(course) == parts
        assert (sum(good for good, _ in course), sum(bad for _, bad in course)) == (events - errors, errors)


def test_a_drop_beyond_doubt_is_dated_to_its_minute():
    busy = {"mapbox": 1200.0, "sendgrid": 300.0}
    window = world(fewer({"mapbox"}, 0.15, since=40), users=busy, history=3 * DAY)
    condition = condition_of(window, "mapbox")
    assert condition.state is HealthState.DEGRADED
    assert condition.since is not None
    assert abs(condition.since.timestamp() / 60 - (START + 40)) <= 3


def test_a_provider_that_has_failed_for_so_long_that_it_is_usual_is_down_all_the_same():
    always = failing("mapbox", 0.9, since=-WEEK)
    condition = condition_of(world(always), "mapbox")
    assert condition.state is HealthState.DOWN
    assert "as before the window" in condition.reason


@pytest.mark.parametrize(("until", "state"), [(HOUR, HealthState.DOWN), (-6 * HOUR, HealthState.HEALTHY)])
def test_a_seldom_used_provider_that_fails_since_its_first_day_is_down_and_one_that_recovered_is_not(until, state):
    rare = {"mapbox": 6.0, "sendgrid": 300.0}
    always = failing("mapbox", 0.95, since=-DAY, until=until)
    assert condition_of(world(always, users=rare, history=DAY), "mapbox").state is state


def test_a_spike_is_found_and_usual_traffic_is_none():
    busy = spike_of(world(fewer({"mapbox"}, 1.0, since=0)), "mapbox", 2.0)
    assert busy is None
    # The same users, against a history with a third of them.
    window = world(lambda provider, minute: (1.0 if provider != "mapbox" or minute >= 20 else 0.3, 0.01))
    spike = spike_of(window, "mapbox", 2.0)
    assert spike is not None
    assert spike.since is not None
    assert abs(spike.since.timestamp() / 60 - (START + 20)) <= 3


BUG = ZeroDivisionError("nobody foresaw this")


def breaking(original: Callable[..., Any], victim: str) -> Callable[..., Any]:
    """The function, which breaks for one provider."""

    def broken(window: Window, provider: str, *more: Any) -> Any:
        if provider == victim:
            raise BUG
        return original(window, provider, *more)

    return broken


@pytest.mark.parametrize("place", ["_volume", "_series"])
def test_a_provider_whose_past_cannot_be_read_breaks_alone(monkeypatch, place):
    before = states(world(usual))
    monkeypatch.setattr(Window, place, breaking(getattr(Window, place), "twilio"))
    window = world(usual)
    condition = condition_of(window, "twilio")
    assert (condition.state, condition.grounds.why) == (HealthState.UNKNOWN, Why.BROKEN)
    assert "ZeroDivisionError" in condition.reason
    assert "twilio" in window.known
    assert states(window) == {name: state for name, state in before.items() if name != "twilio"}


def test_a_provider_that_cannot_be_judged_breaks_alone_and_names_its_trace(monkeypatch):
    monkeypatch.setattr(judge, "failing", breaking(judge.failing, "mapbox"))
    traces = Traces(lambda _error: "/traces/3")
    window = Window(_cells(usual, random.Random(1), USERS, WEEK), START, END, WEEK, traces)
    found = {name: condition_of(window, name) for name in window.providers}
    assert "/traces/3" in found["mapbox"].reason
    assert {one.state for name, one in found.items() if name != "mapbox"} == {HealthState.HEALTHY}


@pytest.mark.parametrize("before", [20, 150, 600])
def test_trouble_from_before_the_window_is_dated_as_that(before):
    found = condition_of(world(failing("sendgrid", 0.9, -before)), "sendgrid")
    assert found.state is HealthState.DOWN
    assert found.since is not None
    began = (found.since.timestamp() / 60) - START
    assert -before - 10 <= began <= -before + 10
    assert f"since {readable.clock(found.since)}" in found.reason


def test_trouble_that_is_over_is_not_called_usual():
    found = condition_of(world(failing("sendgrid", 0.9, -30, 20)), "sendgrid")
    assert (found.state, found.grounds.why) == (HealthState.HEALTHY, Why.RECOVERED)
    assert "the newest are as usual again" in found.reason


@pytest.mark.parametrize(
    ("mark", "undone", "left", "state"),
    [
        (-5, None, -3, HealthState.IDLE),
        (-5, None, 20, HealthState.SILENT),
        (-5, 30, -3, HealthState.SILENT),
        (None, None, -3, HealthState.SILENT),
    ],
    ids=["removed", "it came long after", "rolled back", "nobody said it"],
)
def test_a_provider_that_was_removed_on_purpose_is_not_missed(mark, undone, left, state):
    def minute(offset):
        return datetime.fromtimestamp((START + offset) * 60, UTC)

    def marked(offset, **more):
        return [] if offset is None else [Deployment(release="r2", environment="e", deployed_at=minute(offset), **more)]

    window = world(fewer({"sendgrid"}, 0.0, left))
    marks = [*marked(mark, removes=frozenset({"sendgrid"})), *marked(undone, rolls_back=True)]
    found = condition_of(window, "sendgrid")
    last = minute(window.newest_event("sendgrid"))
    assert unless_removed(found, last, removals_in(marks).get("sendgrid")).state is state
