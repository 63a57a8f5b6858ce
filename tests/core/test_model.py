from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releaseguard.model import deterministic_id, duration, from_text, new_id, to_text

moments = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1)).map(lambda m: m.replace(tzinfo=UTC))  # noqa: DTZ001


@given(moments)
def test_a_time_survives_being_written(moment):
    assert from_text(to_text(moment)) == moment


@given(moments, moments)
def test_text_order_is_time_order(one, other):
    assert (to_text(one) < to_text(other)) == (one < other)


def test_offsets_are_brought_to_utc():
    ankara = datetime(2026, 11, 24, 13, 15, tzinfo=timezone(timedelta(hours=3)))
    assert to_text(ankara) == "2026-11-24T10:15:00.000000Z"


def test_a_time_without_an_offset_is_refused():
    with pytest.raises(ValueError, match="offset"):
        from_text("2026-11-24T10:15:00")


def test_new_ids_are_version_7_and_carry_the_time():
    one = new_id()
    assert (one.version, one.variant) == (7, "specified in RFC 4122")
    milliseconds = datetime.now(UTC).timestamp() * 1000
    assert abs((one.int >> 80) - milliseconds) < 60_000


def test_the_same_parts_give_the_same_id_and_their_borders_count():
    assert deterministic_id("a", "bc") == deterministic_id("a", "bc") != deterministic_id("ab", "c")


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("1h30m", 5400), ("7d", 604800), ("0.5s", 0.5), ("2w", 1209600)]
)
def test_durations(text, seconds):
    assert duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "30", "m", "1y", "-5m", "5 m", "5m "])
def test_what_is_not_a_duration_is_refused(text):
    with pytest.raises(ValueError, match="not a duration"):
        duration(text)


@pytest.mark.parametrize("text", ["36526d", "99999999999d", "9" * 400 + "s"])
def test_a_duration_of_more_than_a_century_is_a_mistake(text):
    with pytest.raises(ValueError, match="hundred years"):
        duration(text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_that_utc_cannot_tell_is_refused_as_any_other_mistake(text):
    with pytest.raises(ValueError, match="years 1 to 9999"):
        from_text(text)


def test_text_order_is_time_order_also_in_the_year_1():
    assert to_text(from_text("0001-01-01T00:00:00Z")) == "0001-01-01T00:00:00.000000Z"
