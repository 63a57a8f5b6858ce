"""The judge of a provider's health as a table: what an hour shows after a steady week, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from releaseguard.health.judge import condition_of
from releaseguard.health.values import HealthState, Why
from releaseguard.health.window import Window
from releaseguard.stats.series import Cell

HOUR, WEEK = 60, 7 * 1440
START = 29_000_000

Hour = Callable[[int], tuple[int, int]]
"""Minute of the window -> successes and errors in it."""


def steady(_minute: int) -> tuple[int, int]:
    return 2, 0


def nothing(_minute: int) -> tuple[int, int]:
    return 0, 0


def hardly(minute: int) -> tuple[int, int]:
    return int(minute in {20, 40, 58}), 0


def third(minute: int) -> tuple[int, int]:
    return int(minute % 3 == 0), 0


def since(began: int, good: int, bad: int) -> Hour:
    return lambda minute: (good, bad) if minute >= began else steady(minute)


def once(good: int, bad: int) -> Hour:
    return lambda minute: (good, bad) if minute == 30 else (0, 0)


def cells(provider: str, every: int, hour: Hour) -> Iterator[Cell]:
    """Two successes in each so-manieth minute of the week before, and then that hour."""
    for minute in range(-WEEK, 0, every):
        yield row(provider, minute, 2, ok=True)
    for minute in range(HOUR):
        good, bad = hour(minute)
        yield from (row(provider, minute, total, ok=ok) for total, ok in ((good, True), (bad, False)) if total)


def row(provider: str, minute: int, total: int, *, ok: bool) -> Cell:
    at = START + minute
    return Cell(at, at, provider, f"{provider}_{'ok' if ok else 'error'}", ok, "r1", False, False, total, 0)


OFTEN, SELDOM = 1, 720
"""Minutes between a provider's events in the week before."""


@pytest.mark.parametrize(
    ("every", "mail", "others", "state", "why"),
    [
        (OFTEN, steady, steady, HealthState.HEALTHY, Why.CALLS),
        (OFTEN, since(20, 0, 2), steady, HealthState.DOWN, Why.FAILED),
        (OFTEN, since(20, 8, 2), steady, HealthState.DEGRADED, Why.FAILED),
        (OFTEN, since(20, 0, 0), steady, HealthState.SILENT, Why.SILENT),
        (OFTEN, since(10, 0, 0), since(10, 0, 0), HealthState.UNKNOWN, Why.LOG_STOPPED),
        (OFTEN, third, steady, HealthState.DEGRADED, Why.VOLUME),
        (OFTEN, nothing, hardly, HealthState.IDLE, Why.OTHERS_QUIET),
        (SELDOM, nothing, steady, HealthState.IDLE, Why.NONE_EXPECTED),
        (SELDOM, once(0, 1), steady, HealthState.UNKNOWN, Why.ALL_OF_FEW_FAILED),
        (SELDOM, once(1, 0), steady, HealthState.HEALTHY, Why.CALLS),
    ],
)
def test_what_an_hour_says_of_a_provider(every, mail, others, state, why):
    window = Window([*cells("mail", every, mail), *cells("sms", OFTEN, others)], START, START + HOUR, WEEK)
    condition = condition_of(window, "mail")
    assert (condition.state, condition.grounds.why) == (state, why), condition.reason


@pytest.mark.parametrize("began", [5, 20, 40])
def test_a_trouble_is_dated_by_the_minute_in_which_it_began(began):
    window = Window([*cells("mail", 1, since(began, 0, 2)), *cells("sms", 1, steady)], START, START + HOUR, WEEK)
    found = condition_of(window, "mail")
    assert found.since == window.moment(began)
    assert (found.grounds.events, found.grounds.errors) == (2 * (HOUR - began), 2 * (HOUR - began))


def test_of_a_provider_that_never_logged_anything_nothing_is_known():
    window = Window(cells("sms", 1, steady), START, START + HOUR, WEEK)
    assert condition_of(window, "mail").grounds.why is Why.NO_HISTORY
