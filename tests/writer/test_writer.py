"""The queue and its thread: bounded, never waiting, never raising."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from releaseguard.model import Event, Outcome
from releaseguard_events.note import Resource, event_of, note_of, resource_of
from releaseguard_events.pipeline import jsonl
from releaseguard_events.pipeline import writer as threads
from releaseguard_events.pipeline.delivery import Pipeline
from releaseguard_events.pipeline.drops import Drops
from releaseguard_events.pipeline.exporter import BatchExporter
from releaseguard_events.pipeline.spool import Spool
from releaseguard_events.pipeline.waiting import Flush
from releaseguard_events.pipeline.writer import QueueLimits, Writer
from releaseguard_events.scrub.scrubber import Scrubber
from tests.support.extent import examples

ANN = Resource("production", "r1", "dpl_1")


@pytest.fixture
def writer(store: Any, exporter: BatchExporter, drops: Drops) -> Iterator[Writer]:
    yield Writer(lambda: Pipeline(exporter, ANN, Scrubber()), drops, QueueLimits(queue=100, linger=0.0, exit=0.0))
    store.gate.set()


def note(event: str = "sendgrid_email_sent", **more: Any) -> Any:
    return note_of("sendgrid", event, "success", **more)


def test_events_reach_the_store(writer: Writer, store: Any) -> None:
    for number in range(50):
        writer.put(note(f"e{number}"))
    assert writer.flush(30)
    assert len(store.rows) == 50


def test_a_store_that_blocks_makes_nobody_wait_and_the_queue_is_bounded(
    writer: Writer, store: Any, drops: Drops
) -> None:
    store.gate.clear()
    writer.put(note("first"))
    assert store.entered.wait(30)
    for number in range(10_000):
        writer.put(note(f"e{number}"))
        assert writer.depth() <= 101  # one marker wakes the thread to say that events were lost
    assert drops.unreported
    store.gate.set()
    assert writer.flush(30)
    taken = sum(1 for event in store.rows.values() if event.provider == "sendgrid")
    lost = sum(event.detail["dropped"] for event in store.rows.values() if event.event == "events_dropped")
    assert taken + lost == 10_001
    assert lost > 1_000


def test_flush_gives_up_after_its_time(writer: Writer, store: Any) -> None:
    store.gate.clear()
    writer.put(note())
    assert writer.flush(0.0) is False


def test_flush_says_that_events_are_in_the_spool_only(writer: Writer, store: Any) -> None:
    store.away = True
    writer.put(note())
    assert writer.flush(30) is False


def test_flush_of_an_empty_queue_is_done_at_once(writer: Writer) -> None:
    assert writer.flush(30)


def left_on_disk(spool: Spool) -> list[str]:
    left: list[Event] = []
    Spool(spool.folder, 1_000_000).replay(left.extend, 10)
    return sorted(event.event for event in left)


def test_at_the_end_a_stuck_store_leaves_its_events_on_disk(store: Any, spool: Spool, writer: Writer) -> None:
    store.gate.clear()
    writer.put(note("in hand"))
    assert store.entered.wait(30)
    writer.put(note("in the queue"))
    writer.finish()
    writer.put(note("after the end"))
    assert writer.flush(30) is False
    assert left_on_disk(spool) == ["after the end", "in hand", "in the queue"]


def test_what_a_stuck_store_keeps_waiting_is_on_disk_meanwhile_and_there_once_in_the_end(
    store: Any, spool: Spool, exporter: BatchExporter, drops: Drops
) -> None:
    kept, keep = threading.Semaphore(0), exporter.keep

    def counted(events: Sequence[Event]) -> None:
        keep(events)
        for _ in events:
            kept.release()

    exporter.keep = counted  # type: ignore[method-assign]
    writer = Writer(lambda: Pipeline(exporter, ANN, Scrubber()), drops, QueueLimits(linger=0.0, patience=0.0))
    store.gate.clear()
    writer.put(note("in hand"))
    assert store.entered.wait(30)
    writer.put(note("in the queue"))
    assert all(kept.acquire(timeout=30) for _ in range(2))
    assert sum(len(path.read_text().splitlines()) for path in spool.folder.iterdir()) == 2
    store.gate.set()
    assert writer.flush(30)
    assert sorted(store.events()) == ["in hand", "in the queue"]
    assert list(spool.folder.iterdir()) == []


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threads, "start_new_thread", refuses)


def test_where_no_thread_can_be_started_events_are_on_disk_at_once(
    no_threads: None, writer: Writer, store: Any, spool: Spool
) -> None:
    writer.put(note("a"))
    writer.put(note("b"))
    assert store.events() == []
    assert [len(path.read_text().splitlines()) for path in spool.folder.iterdir()] == [2]
    assert writer.flush(30)
    assert sorted(store.events()) == ["a", "b"]


def test_where_no_thread_could_be_started_the_end_delivers(no_threads: None, writer: Writer, store: Any) -> None:
    writer.put(note("a"))
    writer.finish()
    assert store.events() == ["a"]


def test_a_thread_that_could_not_be_started_is_started_later(
    writer: Writer, store: Any, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue("no_threads")
    writer.put(note("a"))
    monkeypatch.undo()
    writer.put(note("b"))
    assert writer.flush(30)
    assert sorted(store.events()) == ["a", "b"]


def test_after_the_end_the_main_thread_delivers_and_any_other_writes_to_disk(
    store: Any, spool: Spool, exporter: BatchExporter, drops: Drops
) -> None:
    writer = Writer(lambda: Pipeline(exporter, ANN, Scrubber()), drops, QueueLimits(linger=0.0, exit=30.0))
    writer.put(note("before"))
    writer.finish()
    writer.put(note("main"))
    assert writer.flush(0)
    other = threading.Thread(target=writer.put, args=(note("other"),))
    other.start()
    other.join()
    assert sorted(store.events()) == ["before", "main"]
    assert left_on_disk(spool) == ["other"]


def test_after_the_end_a_store_that_is_away_is_not_asked_for_every_event(writer: Writer, store: Any) -> None:
    store.away = True
    writer.finish()
    for number in range(20):
        writer.put(note(f"e{number}"))
    assert store.writes == 1


def test_a_finalizer_that_logs_while_the_end_delivers_loses_nothing(writer: Writer, store: Any, spool: Spool) -> None:
    append = store.append

    def interrupted(events: Sequence[Event]) -> None:
        store.append = append
        writer.put(note("within"))
        append(events)

    writer.finish()
    store.append = interrupted
    writer.put(note("outer"))
    assert sorted(store.events()) == ["outer", "within"]
    assert left_on_disk(spool) == []


def test_a_lock_that_nobody_gives_back_holds_up_nobody_for_good(drops: Drops) -> None:
    holder = threading.Thread(target=drops._lock.acquire)
    holder.start()
    holder.join()
    drops.add("the queue was full")
    assert drops.take_unreported() == {"the queue was full": 1}


def test_threads_that_may_not_outlive_their_work_end_and_come_back(
    store: Any, exporter: BatchExporter, drops: Drops, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended, start = threading.Semaphore(0), threads.start_new_thread

    def watched(work: Callable[[], None], words: tuple[()]) -> int:
        return start(lambda: (work(), ended.release()), words)

    monkeypatch.setattr(threads, "start_new_thread", watched)
    writer = Writer(lambda: Pipeline(exporter, ANN, Scrubber()), drops, QueueLimits(linger=0.0, idle=0.0))
    for name in ("a", "b"):
        writer.put(note(name))
        assert all(ended.acquire(timeout=30) for _ in range(2))
    assert sorted(store.events()) == ["a", "b"]


def test_a_mistake_in_the_thread_is_counted_and_survived(store: Any, drops: Drops) -> None:
    class Clumsy:
        def export(self, events: Sequence[Event], *, at_once: bool = False) -> bool:
            raise ZeroDivisionError

        def next_look(self) -> float | None:
            return None

        def keep(self, events: Sequence[Event]) -> None:
            """Nothing is kept."""

        def shutdown(self, events: Sequence[Event], *, to_store: bool) -> bool:
            return False

    writer = Writer(lambda: Pipeline(Clumsy(), ANN, Scrubber()), drops, QueueLimits(linger=0.0))
    writer.put(note())
    assert writer.flush(30) is False
    writer.put(note())
    assert writer.flush(30) is False
    assert drops.take_unreported() == {"the writer made a mistake (ZeroDivisionError)": 2}


def test_many_threads_lose_nothing(store: Any, exporter: BatchExporter, drops: Drops) -> None:
    writer = Writer(lambda: Pipeline(exporter, ANN, Scrubber()), drops, QueueLimits(linger=0.0))
    writing = [
        threading.Thread(target=lambda name=name: [writer.put(note(f"{name}-{n}")) for n in range(200)])
        for name in range(8)
    ]
    for thread in writing:
        thread.start()
    for thread in writing:
        thread.join()
    assert writer.flush(30)
    assert len(store.rows) == 1600


def test_an_event_carries_who_wrote_it() -> None:
    event = event_of(note(), ANN, Scrubber())
    assert (event.environment, event.release, event.detail) == ("production", "r1", {"deployment_id": "dpl_1"})


def test_what_the_call_says_wins() -> None:
    event = event_of(note(release="r2", detail={"deployment_id": "dpl_2"}), ANN, Scrubber())
    assert (event.release, event.detail) == ("r2", {"deployment_id": "dpl_2"})


def test_every_text_column_is_scrubbed() -> None:
    secret = "SG." + "a" * 22 + "." + "b" * 43
    words = note_of(
        f"p {secret}", f"e {secret}", "error", error_code=secret, release=secret, source=f"ada@example.com {secret}",
        correlation_id=secret, detail={secret: secret},
    )  # fmt: skip
    line = jsonl.line(event_of(words, ANN, Scrubber()))
    assert "aaaa" not in line
    assert "ada@" not in line


def test_a_correlation_id_that_had_to_be_masked_ties_nothing() -> None:
    assert event_of(note(correlation_id="ada@example.com"), ANN, Scrubber()).correlation_id is None
    assert event_of(note(correlation_id="5321234567"), ANN, Scrubber()).correlation_id == "5321234567"


@pytest.mark.parametrize(
    ("given_latency", "kept"),
    [(12, 12), (12.6, 13), (0, 0), (-1, None), (float("nan"), None), (float("inf"), None), ("12", None), (True, None),
     (2**40, None), (None, None)],
)  # fmt: skip
def test_latencies(given_latency: Any, kept: int | None) -> None:
    assert note(latency_ms=given_latency).latency_ms == kept


@pytest.mark.parametrize("outcome", ["success", "SUCCESS ", Outcome.SUCCESS])
def test_outcomes(outcome: Any) -> None:
    assert note_of("p", "e", outcome).outcome is Outcome.SUCCESS


@pytest.mark.parametrize(
    "words", [("", "e", "success"), ("p", " ", "success"), (None, "e", "success"), ("p", "e", "ok"), ("p", "e", 1)]
)
def test_what_names_no_event_is_refused(words: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match="is not"):
        note_of(*words)


def test_what_may_be_synthetic_is_no_traffic() -> None:
    class Unclear:
        def __bool__(self) -> bool:
            raise ValueError("the truth of an array is ambiguous")

    assert note(synthetic=Unclear()).synthetic is True


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, Resource("staging", None, None)),
        ({"VERCEL_ENV": "preview", "VERCEL_GIT_COMMIT_SHA": "abc"}, Resource("preview", "abc", None)),
        ({"VERCEL_ENV": "preview", "VERCEL_TARGET_ENV": "qa"}, Resource("qa", None, None)),
        ({"VERCEL_ENV": "preview", "RELEASEGUARD_ENVIRONMENT": "production"}, Resource("production", None, None)),
        ({"GITHUB_SHA": "g", "RELEASEGUARD_RELEASE": "r", "VERCEL_DEPLOYMENT_ID": "d"}, Resource("staging", "r", "d")),
        ({"RELEASEGUARD_RELEASE": " ", "GITHUB_SHA": "g"}, Resource("staging", "g", None)),
    ],
)
def test_who_we_are(environ: dict[str, str], expected: Resource) -> None:
    assert resource_of(environ, "staging") == expected


def test_without_any_word_the_environment_is_production() -> None:
    assert resource_of({}, None).environment == "production"


class _Hostile:
    def __str__(self) -> str:
        raise RuntimeError

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        raise RuntimeError


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary(max_size=20)
    | st.datetimes()
    | st.uuids()
    | st.decimals()
    | st.complex_numbers()
    | st.just(_Hostile())
    | st.just(object),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=10) | st.integers(), inner, max_size=4)
        | st.tuples(inner, inner)
    ),
    max_leaves=15,
)


COLUMNS = ("error_code", "latency_ms", "release", "source", "correlation_id", "synthetic", "detail")


@settings(max_examples=examples(300), suppress_health_check=[HealthCheck.too_slow])
@given(
    provider=st.text(min_size=1) | st.just("sendgrid"),
    event=st.text(min_size=1) | st.just("sent"),
    columns=st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(COLUMNS, anything),
    ),
)  # fmt: skip
def test_whatever_is_passed_becomes_json(provider: str, event: str, columns: dict[str, Any]) -> None:
    if not provider.replace("\0", "").strip() or not event.replace("\0", "").strip():
        return
    made = event_of(note_of(provider, event, "error", **columns), ANN, Scrubber())
    text = jsonl.line(made)
    assert jsonl.parse(text) == made
    json.dumps(jsonl.document(made), allow_nan=False)


def test_a_flush_waits_for_what_the_second_thread_is_bringing_to_disk(
    store: Any, exporter: BatchExporter, drops: Drops
) -> None:
    """It took them from the queue: a process that ends right after its flush would lose them."""
    keep, at_it, go_on = exporter.keep, threading.Event(), threading.Event()

    def slowly(events: Sequence[Event]) -> None:
        if any(event.event == "in the queue" for event in events):
            at_it.set()
            go_on.wait(30)
        keep(events)

    exporter.keep = slowly  # type: ignore[method-assign]
    writer = Writer(lambda: Pipeline(exporter, ANN, Scrubber()), drops, QueueLimits(linger=0.0, patience=0.0))
    store.gate.clear()
    writer.put(note("in hand"))
    assert store.entered.wait(30)
    writer.put(note("in the queue"))
    assert at_it.wait(30)
    store.gate.set()
    flushed: list[bool] = []
    flushing = threading.Thread(target=lambda: flushed.append(writer.flush(30)))
    flushing.start()
    flushing.join(0.3)
    assert "in the queue" in store.events() or not flushed
    go_on.set()
    flushing.join(30)
    assert flushed == [True]
    assert sorted(store.events()) == ["in hand", "in the queue"]


@pytest.mark.parametrize("size", [1, 3])
def test_a_queue_that_fills_is_not_lingered_over(store: Any, exporter: BatchExporter, drops: Drops, size: int) -> None:
    limits = QueueLimits(linger=60.0, batch=size)
    writer = Writer(lambda: Pipeline(exporter, ANN, Scrubber()), drops, limits)
    for number in range(3 * size + 2):
        writer.put(note(f"e{number}"))
    assert store.entered.wait(30)
    assert writer.flush(30)
    assert len(store.rows) == 3 * size + 2


def test_nothing_before_a_flush_is_lingered_over_however_many_batches_it_is(
    store: Any, exporter: BatchExporter, drops: Drops
) -> None:
    """The lock that ends a lingering is given once: the second batch before a marker waited out its time."""
    pipeline = Pipeline(exporter, ANN, Scrubber())
    writer = Writer(lambda: pipeline, drops, QueueLimits(linger=60.0, batch=3))
    writer._runs = True  # the rounds are gone through by hand
    for number in range(11):
        writer.put(note(f"e{number}"))
    marker = Flush()
    writer._ask(marker)
    lingered: list[bool] = []
    writer._linger._hurry = SimpleNamespace(acquire=lambda **_: lingered.append(True))
    while not marker.done.is_set():
        writer._round(pipeline)
    assert not lingered
    assert marker.delivered
    assert len(store.rows) == 11
    assert not writer._linger.urgent
