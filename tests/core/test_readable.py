"""Durations, times, numbers and shares, as they are written everywhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from releaseguard import readable

NOON = datetime(2026, 11, 24, 12, 0, 9, tzinfo=UTC)
IN_ISTANBUL = NOON.astimezone(timezone(timedelta(hours=3)))


@pytest.mark.parametrize(
    ("time", "written"),
    [
        ({"seconds": -5}, "0 s"),
        ({}, "0 s"),
        ({"seconds": 119}, "119 s"),
        ({"seconds": 120}, "2 min"),
        ({"minutes": 119}, "119 min"),
        ({"minutes": 150}, "2 h"),
        ({"hours": 47}, "47 h"),
        ({"hours": 48}, "2 d"),
        ({"days": 400}, "400 d"),
    ],
)
def test_a_rough_duration_is_in_the_largest_unit_of_which_there_are_two(time, written):
    assert readable.roughly(timedelta(**time)) == written


@pytest.mark.parametrize(
    ("units", "written"), [(("h", "min"), "72 h"), (("min",), "4320 min"), (("s",), "259200 s"), (("d", "min"), "3 d")]
)
def test_a_rough_duration_knows_the_units_that_it_is_given(units, written):
    assert readable.roughly(timedelta(days=3), units) == written


def test_minutes_and_seconds_stay_what_they_are():
    assert readable.minutes(timedelta(hours=3)) == "180 min"
    assert readable.seconds(timedelta(minutes=3)) == "180 s"
    assert readable.hours_and_minutes(timedelta(minutes=125, seconds=29)) == (2, 5)
    assert readable.hours_and_minutes(timedelta(minutes=-5)) == (0, 0)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0, "0 s"), (40, "40 s"), (724, "12 min 4 s"), (7500, "2 h 5 min"), (90061, "1 d 1 h"), (86460, "1 d 1 min")],
)
def test_an_exact_duration_is_in_its_two_largest_units(seconds, written):
    assert readable.exactly(timedelta(seconds=seconds)) == written
    assert readable.exactly(timedelta(seconds=-seconds)) == (f"-{written}" if seconds else written)


@pytest.mark.parametrize("moment", [NOON, IN_ISTANBUL, "2026-11-24T12:00:09.000000Z", "2026-11-24T15:00:09+03:00"])
def test_a_time_is_in_utc_whatever_it_is_given_as(moment):
    assert readable.clock(moment) == "12:00Z"
    assert readable.clock(moment, seconds=True) == "12:00:09Z"
    assert readable.date_and_clock(moment, zone=" UTC") == "2026-11-24 12:00 UTC"
    assert readable.date_and_clock(moment, seconds=True, zone="") == "2026-11-24 12:00:09"


def test_a_time_of_another_day_has_its_date():
    assert readable.clock_on(NOON, NOON - timedelta(hours=12)) == "00:00Z"
    assert readable.clock_on(NOON, NOON - timedelta(hours=13)) == "2026-11-23 23:00Z"


@pytest.mark.parametrize(("number", "written"), [(0, "0 calls"), (1, "1 call"), (12, "12 calls")])
def test_a_number_stands_before_its_noun(number, written):
    assert readable.count(number, "call") == written


@pytest.mark.parametrize(("part", "written"), [(0, "0.0%"), (0.042, "4.2%"), (1, "100.0%")])
def test_a_share_has_one_decimal(part, written):
    assert readable.share(part) == written
