"""Working on places side by side: the order of what comes out, and what a failure leaves running."""

from __future__ import annotations

import concurrent.futures
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from releaseguard.errors import LeaseHeld
from releaseguard.rotation.workers import Workers

PLACES: Any = [SimpleNamespace(key=f"place {number}") for number in range(4)]


@pytest.mark.parametrize("at_once", [1, 2, 4, 50])
def test_results_come_in_the_order_of_the_places(at_once: int) -> None:
    with Workers(at_once) as workers:
        assert workers.each(lambda place: place.key, PLACES) == [place.key for place in PLACES]


def test_all_are_at_work_at_once() -> None:
    together = threading.Barrier(len(PLACES))
    with Workers(len(PLACES)) as workers:
        workers.each(lambda _: together.wait(timeout=10), PLACES)


def test_one_at_once_stays_on_the_calling_thread() -> None:
    with Workers(1) as workers:
        threads = workers.each(lambda _: threading.current_thread(), PLACES)
    assert set(threads) == {threading.current_thread()}


def test_the_next_wave_finds_the_threads_of_the_one_before() -> None:
    together = threading.Barrier(len(PLACES))

    def who(_: object) -> int:
        together.wait(timeout=10)
        return threading.get_ident()

    with Workers(len(PLACES)) as workers:
        first = workers.each(who, PLACES)
        assert set(workers.each(who, PLACES)) == set(first)


def test_a_failure_is_raised_when_nothing_is_under_way_and_begins_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever loses the lease must not send on behind the caller's back."""
    begun, ended, failing, stopping = [], [], threading.Event(), threading.Event()

    def work(place: Any) -> None:
        begun.append(place)
        if len(begun) == 1:
            failing.wait(timeout=10)
            raise LeaseHeld("taken over")
        failing.set()
        stopping.wait(timeout=10)
        ended.append(place)

    def wait(futures: Any, **until: Any) -> Any:
        if not until:
            stopping.set()
        return concurrent.futures.wait(futures, **until)

    monkeypatch.setattr("releaseguard.rotation.workers.wait", wait)
    with Workers(2) as workers:
        with pytest.raises(LeaseHeld):
            workers.each(work, PLACES * 20)
        done, tried = len(ended), len(begun)
        stopping.set()
        assert 1 <= done == tried - 1 <= 2, "one failed, one was beside it, one may have followed"
        assert workers.each(lambda place: place.key, PLACES) == [place.key for place in PLACES], "and goes on"


def test_leaving_waits_for_what_is_under_way() -> None:
    with Workers(2) as workers:
        threads = workers.each(lambda _: threading.current_thread(), PLACES)
    assert not any(thread.is_alive() for thread in threads)
