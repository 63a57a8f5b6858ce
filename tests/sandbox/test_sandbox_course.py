"""The course of the app's life is a pure function of the time: asked for in any pieces, it is always the same."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releaseguard.cards.load import load_cards
from releaseguard.sandbox.course import MARK, MOST_LAG, STREAMS, Course, evening_at, shifted_to, weight
from releaseguard.sandbox.household import everything

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
COURSE = Course(7)
SECONDS = st.integers(0, 6 * 3600).map(lambda seconds: MONDAY + timedelta(seconds=seconds))


@given(st.lists(SECONDS, min_size=2, max_size=6).map(sorted))
def test_what_is_asked_for_in_pieces_is_what_is_asked_for_at_once(cuts: list[datetime]) -> None:
    pieces = [one for since, until in pairwise(cuts) for one in COURSE.during(since, until)]
    assert sorted(pieces, key=_by_id) == sorted(COURSE.during(cuts[0], cuts[-1]), key=_by_id)
    heard = [one for since, until in pairwise(cuts) for one in COURSE.reaching(since, until)]
    assert heard == COURSE.reaching(cuts[0], cuts[-1])


def _by_id(occurrence: object) -> int:
    return occurrence.id.int  # type: ignore[attr-defined]


def test_everything_that_occurs_is_heard_of_once_and_soon() -> None:
    occurred = {one.id for one in COURSE.during(MONDAY, MONDAY + timedelta(hours=6))}
    heard = COURSE.reaching(MONDAY, MONDAY + timedelta(hours=6, seconds=MOST_LAG))
    assert occurred <= {one.id for one in heard}
    assert len({one.id for one in heard}) == len(heard)
    assert all(0 <= one.recorded - one.at <= MOST_LAG for one in heard)
    assert {str(one.id)[:4] for one in heard} == {MARK}
    assert {one.id.version for one in heard} == {7}


def test_another_seed_is_another_course() -> None:
    one, other = ({use.id for use in Course(seed).during(MONDAY, MONDAY + timedelta(hours=1))} for seed in (1, 2))
    assert not one & other


def test_streams_occur_as_often_as_their_rate_says() -> None:
    week = Counter(one.stream for one in COURSE.during(MONDAY, MONDAY + timedelta(days=7)))
    for stream in STREAMS:
        assert week[stream] == pytest.approx(168 * stream.per_hour, rel=0.1, abs=4 * (168 * stream.per_hour) ** 0.5)


def test_weights_average_to_one_over_the_week() -> None:
    start = MONDAY.timestamp()
    assert sum(weight(start + 3600 * hour) for hour in range(168)) / 168 == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("hour", range(0, 24, 7))
def test_a_shift_makes_any_time_the_users_evening(hour: int) -> None:
    now = MONDAY + timedelta(hours=hour, minutes=20)
    rates = [
        Course(1, shift=evening_at(now)).rate(STREAMS[0], (now + timedelta(hours=h)).timestamp()) for h in range(24)
    ]
    assert rates[0] == max(rates)


def test_a_story_told_at_any_time_is_the_same_story() -> None:
    told = []
    for now in (MONDAY + timedelta(hours=3, minutes=7, seconds=9), MONDAY + timedelta(days=40, seconds=9)):
        course = Course(3, shift=shifted_to(now, MONDAY))
        told.append(
            [(one.id, round(one.at - now.timestamp(), 3)) for one in course.during(now, now + timedelta(hours=1))]
        )
    assert told[0] == told[1]
    assert told[0]


def test_the_cause_and_the_users_action_share_their_id() -> None:
    occurred = list(COURSE.during(MONDAY, MONDAY + timedelta(days=1)))
    scans = {one.correlation_id for one in occurred if one.stream.success == "aws_rekognition_scan_ok"}
    published = {one.correlation_id for one in occurred if one.stream.success == "moment_published"}
    assert len(scans ^ published) <= 1


def test_every_card_is_lived_and_every_key_of_a_stream_is_somewhere() -> None:
    assert {stream.provider for stream in STREAMS} == {card.id for card in load_cards()}
    held = {name for holding in everything() for name in (*holding.names, *holding.at_provider)}
    assert {name for stream in STREAMS for name in stream.secrets} <= held
    known = {name for card in load_cards() for name in (*card.events.success, *card.events.error)}
    assert {name for stream in STREAMS for name in (stream.success, stream.error)} <= known


def test_every_secret_of_every_card_is_used_by_somebody() -> None:
    used = {name for stream in STREAMS for name in stream.secrets}
    unused = {secret.name for card in load_cards() for secret in card.secrets} - used
    assert unused == {"SUPABASE_ANON_KEY"}  # the app asks for it with every request
