"""Published limits hold over every window, at the least cost in time. Properties on a clock that only waits move."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releaseguard.errors import RateLimited
from releaseguard.http import Limits, TimeLimits, predict
from releaseguard.http.pacing import MARGIN, Pacer
from releaseguard.settings import NetworkSection, span
from tests.http.conftest import FakeClock

limits = st.builds(
    Limits,
    concurrency=st.integers(1, 20),
    per_minute=st.none() | st.integers(1, 12),
    writes_per_minute=st.none() | st.integers(1, 8),
    points_per_minute=st.none() | st.integers(5, 40),
    points_per_write=st.integers(1, 5),
    writes_per_hour=st.none() | st.integers(1, 25),
)
traffic = st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.0, 0.01, 1.0, 7.3, 45.0])), max_size=60)


def sent_times(allowed: Limits, requests: list[tuple[bool, float]]) -> list[tuple[float, bool]]:
    """When each request leaves, waiting exactly as long as the pacer says."""
    clock = FakeClock()
    pacer = Pacer(allowed, clock)
    times = []
    for write, idle in requests:
        clock.sleep(idle)
        while wait := pacer.admit(write=write):
            assert 0 < wait <= 3600 + MARGIN
            clock.sleep(wait)
        times.append((clock(), write))
    return times


@given(limits, traffic)
def test_no_window_ever_holds_more_than_is_published(allowed: Limits, requests: list[tuple[bool, float]]) -> None:
    times = sent_times(allowed, requests)
    for limit, seconds, read, write in (
        (allowed.per_minute, 60, 1, 1),
        (allowed.writes_per_minute, 60, 0, 1),
        (allowed.points_per_minute, 60, 1, allowed.points_per_write),
        (allowed.writes_per_hour, 3600, 0, 1),
    ):
        for start, _ in times if limit is not None else ():
            inside = [write if w else read for t, w in times if start <= t <= start + seconds]
            assert sum(inside) <= limit


@given(limits, st.integers(0, 40), st.integers(0, 40))
def test_the_prediction_is_never_more_than_the_pace_needs(allowed: Limits, reads: int, writes: int) -> None:
    times = sent_times(allowed, [(False, 0.0)] * reads + [(True, 0.0)] * writes)
    taken = times[-1][0] if times else 0.0
    assert predict(reads + writes, writes, allowed, 0.0) <= taken + 1e-6


@given(st.integers(1, 300), st.integers(1, 20))
def test_the_prediction_is_exact_for_one_limit(requests: int, limit: int) -> None:
    allowed = Limits(per_minute=limit)
    taken = sent_times(allowed, [(False, 0.0)] * requests)[-1][0]
    assert predict(requests, 0, allowed, 0.0) == pytest.approx(taken)


@pytest.mark.parametrize(
    ("requests", "writes", "allowed", "seconds"),
    [
        (0, 0, Limits(), 0.0),
        (1, 1, Limits(), 0.05),
        (50, 50, Limits(concurrency=10), 0.25),
        (101, 0, Limits(concurrency=100), 0.1),
        (80, 80, Limits(concurrency=100, writes_per_minute=80), 0.05),
        (81, 81, Limits(concurrency=100, writes_per_minute=80), 60.55),
        (181, 181, Limits(concurrency=100, points_per_minute=900, points_per_write=5), 60.55),
        (501, 501, Limits(concurrency=100, writes_per_hour=500), 3600.55),
    ],
)
def test_predicted_seconds(requests: int, writes: int, allowed: Limits, seconds: float) -> None:
    assert predict(requests, writes, allowed, 0.05) == pytest.approx(seconds)


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 50)), min_size=1, max_size=8))
def test_an_order_to_wait_is_never_shortened_by_a_later_one(orders: list[tuple[float, float]]) -> None:
    clock = FakeClock()
    pacer = Pacer(Limits(), clock)
    until = -math.inf
    for order, idle in orders:
        until = max(until, clock() + order)
        pacer.close_for(order)
        clock.sleep(idle)
        assert pacer.closed == (clock() < until)
        assert pacer.admit(write=True) == max(0.0, until - clock())


def test_a_client_keeps_the_pace_and_says_when_it_would_take_too_long(connect, service, clock) -> None:
    client = connect(limits=Limits(writes_per_minute=3), times=TimeLimits(repeats=61))
    for _ in range(4):
        client.request("PUT", "/secret", json={})
    client.request("GET", "/free")
    assert [arrived.at for arrived in service.arrived] == pytest.approx([0, 0, 0, 60.5, 60.5])
    hurried = connect(limits=Limits(writes_per_hour=1), times=TimeLimits(repeats=61))
    hurried.request("PUT", "/secret", json={})
    with pytest.raises(RateLimited, match="would have to wait 36"):
        hurried.request("PUT", "/secret", json={})
    assert len(service.arrived) == 6


def test_the_default_patience_suffices_for_a_limit_of_so_many_a_minute(connect, service) -> None:
    client = connect(
        limits=Limits(writes_per_minute=80), times=TimeLimits(repeats=span(NetworkSection().patience).total_seconds())
    )
    for _ in range(100):
        client.request("PUT", "/thing", json={})
    assert service.arrived[80].at - service.arrived[0].at >= 60
