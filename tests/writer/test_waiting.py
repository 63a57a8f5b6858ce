"""Calls that wait for a slow store: beside the queue, in one list, and none is lost or comes twice."""

from __future__ import annotations

import gc
import threading
import time
from typing import Any

import pytest

from releaseguard_events.note import Resource
from releaseguard_events.pipeline.delivery import Pipeline
from releaseguard_events.pipeline.drops import Drops
from releaseguard_events.pipeline.exporter import BatchExporter
from releaseguard_events.pipeline.waiting import Overflow
from releaseguard_events.pipeline.writer import QueueLimits, Writer
from releaseguard_events.plain import held
from releaseguard_events.scrub.scrubber import Scrubber

DETAILS: tuple[Any, ...] = (None, {}, {"secret_version": "7", "attempt": 1}, {"parts": [1, 2]}, ["a", None], "words", 0)


def call(number: int, detail: Any = None) -> tuple[Any, ...]:
    names = ("sendgrid", "sendgrid_email_sent", "success", None, "r1", "mailer")
    return (time.time_ns(), number, *names, 120, None, False, held(detail))


def writer_over(exporter: BatchExporter, drops: Drops, **limits: Any) -> Writer:
    made = Pipeline(exporter, Resource("production", "r1", None), Scrubber())
    return Writer(lambda: made, drops, QueueLimits(**{"linger": 0.0, "exit": 0.0, "patience": 60.0} | limits))


@pytest.mark.parametrize("most", [1, 2, 3, 100])
def test_what_waits_comes_back_as_it_was_put_in_its_order(most: int) -> None:
    waiting, calls = Overflow(), [call(number, detail) for number, detail in enumerate(DETAILS * 2)]
    for one in calls:
        waiting.put(one)
    assert len(waiting) == len(calls)
    taken = []
    while waiting:
        part = waiting.take(most)
        assert len(part) <= most
        taken += part
    assert taken == calls
    assert (len(waiting), waiting.take(most)) == (0, [])


def test_what_waits_beyond_a_batch_is_nothing_that_garbage_is_looked_for_among() -> None:
    waiting = Overflow()
    waiting.put(call(0, {"attempt": 1}))
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        for number in range(4_000):
            waiting.put(call(number, {"attempt": 1, "template": "welcome"}))
        assert len(gc.get_objects()) - before < 100
    finally:
        gc.enable()


def test_a_flush_brings_all_that_waited_for_a_slow_store(store: Any, exporter: BatchExporter, drops: Drops) -> None:
    writer = writer_over(exporter, drops, batch=10, queue=1_000)
    store.gate.clear()
    writer.put(call(0))
    assert store.entered.wait(30)
    for number in range(1, 500):
        writer.put(call(number, {"attempt": number}))
    assert writer.depth() >= 489
    store.gate.set()
    assert writer.flush(30)
    assert (len(store.rows), writer.depth(), drops.unreported) == (500, 0, False)


def test_what_waits_beside_the_queue_needs_no_flush(store: Any, exporter: BatchExporter, drops: Drops) -> None:
    writer = writer_over(exporter, drops, batch=2, queue=1_000)
    store.gate.clear()
    for number in range(50):
        writer.put(call(number))
    store.gate.set()
    until = time.monotonic() + 30
    while len(store.rows) < 50 and time.monotonic() < until:
        time.sleep(0.001)
    assert len(store.rows) == 50


def test_at_the_end_what_waits_beside_the_queue_is_on_disk(
    store: Any, exporter: BatchExporter, drops: Drops, spool: Any
) -> None:
    writer = writer_over(exporter, drops, batch=5, queue=1_000)
    store.gate.clear()
    writer.put(call(0))
    assert store.entered.wait(30)
    for number in range(1, 100):
        writer.put(call(number))
    writer.finish()
    kept = [line for file in spool.folder.glob("*.jsonl") for line in file.read_text().splitlines()]
    assert len(kept) >= 99
    store.gate.set()


def test_threads_that_log_at_once_lose_nothing_and_double_nothing(
    store: Any, exporter: BatchExporter, drops: Drops
) -> None:
    writer = writer_over(exporter, drops, batch=7, queue=100_000)

    def log(worker: int) -> None:
        for number in range(500):
            writer.put(call(worker * 500 + number, {"worker": worker, "number": number}))

    workers = [threading.Thread(target=log, args=[worker]) for worker in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert writer.flush(60)
    written = {(row.detail["worker"], row.detail["number"]) for row in store.rows.values()}
    assert len(store.rows) == len(written) == 3_000
