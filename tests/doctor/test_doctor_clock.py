"""How far a clock is off, and what is made of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from releaseguard.doctor.looks.clock import remarks, skew
from releaseguard.http.replies import ClockReading
from releaseguard.model import Standing

NOW = datetime(2026, 11, 24, 10, 0, 30, tzinfo=UTC)


def told(off: float, *, took: float = 0.2) -> ClockReading:
    """What a machine that is ``off`` seconds ahead sees of a service whose time is cut to the second."""
    mine = NOW + timedelta(seconds=off)
    theirs = (NOW + timedelta(seconds=took / 2)).replace(microsecond=0)
    return ClockReading(mine, theirs, mine + timedelta(seconds=took))


@pytest.mark.parametrize("off", [-0.1, 0, 0.9, 1.1])
def test_what_a_second_cut_off_and_a_slow_answer_explain_is_no_skew(off):
    assert skew(told(off)) == timedelta(0) or abs(skew(told(off))) < timedelta(seconds=1)
    assert skew(told(3, took=8)) == timedelta(0)


@pytest.mark.parametrize(("off", "least"), [(90, 88.9), (-90, -89.8)])
def test_a_skew_is_told_by_what_it_is_at_least(off, least):
    assert skew(told(off)).total_seconds() == pytest.approx(least, abs=0.2)


def test_a_store_that_tells_fractions_is_taken_at_its_word():
    theirs = NOW + timedelta(microseconds=500_000)
    assert skew(ClockReading(NOW + timedelta(seconds=7), theirs, NOW + timedelta(seconds=7))) == timedelta(seconds=6.5)


@pytest.mark.parametrize(("off", "standing"), [(2, "ok"), (20, "warn"), (-20, "warn"), (90, "fail"), (-90, "fail")])
def test_where_all_agree_it_is_this_machine_and_said_once(off, standing):
    (remark,) = remarks({"GitHub": told(off), "Vercel": told(off)})
    assert remark.standing == standing
    if standing != "ok":
        assert ("ahead" in remark.what) is (off > 0)
        assert "GitHub and Vercel" in remark.what
        assert remark.fix


def test_where_one_differs_from_the_others_it_is_not_this_machine():
    (remark,) = remarks({"GitHub": told(0), "Vercel": told(0), "the app": told(300)})
    assert (remark.standing, remark.about) == (Standing.WARN, "the app")


def test_without_any_answer_nothing_is_said_of_the_clock():
    assert list(remarks({})) == []
