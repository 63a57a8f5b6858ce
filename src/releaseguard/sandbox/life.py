"""The stand-in app alive: what its users do goes into the event log as it becomes due.

Each look writes what has become due since the last one, whatever was between: a laptop that slept makes up for it, and
rows keep the time at which a log would have learnt of them. Whether a use succeeds is decided by the key that the
process at work holds.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from releaseguard.eventlog.interface import EventLog
from releaseguard.model import Event, new_id
from releaseguard.sandbox.app import AppStandIn, use_of
from releaseguard.sandbox.course import Course, Stream

TRIALS = 6
"""How often whoever replaced a key tries out what it is for, once a look."""
LOOK_EVERY = 0.5
"""Seconds between two looks."""


class Life:
    """What the app's users do from ``since`` on. Not for two threads at once but under the app's lock."""

    def __init__(self, app: AppStandIn, course: Course, log: EventLog, since: datetime) -> None:
        self._app = app
        self._course = course
        self._log = log
        self._until = since
        self._held = self._keys()
        self._trials: Counter[Stream] = Counter()

    def catch_up(self, now: datetime) -> int:
        """Write what has become due by ``now``; returns the number of events."""
        with self._app.lock:
            events = self._app.lived(self._course.reaching(self._until, now))
            written = self._log.restore(events)
            self._app.events.extend(events)
            self._until = max(self._until, now)
            self._try_out()
        return written

    def _try_out(self) -> None:
        """Whoever replaced a key does not wait for a user to find out whether it works, wherever it is used."""
        before, self._held = self._held, self._keys()
        replaced = {name for stream, held in self._held.items() if held != before[stream] for name in stream.secrets}
        for stream in self._held:
            if replaced & {*stream.secrets}:
                self._trials[stream] = TRIALS
        for stream in [*self._trials]:
            use_now(self._app, stream, 1)
        self._trials -= Counter([*self._trials])

    def _keys(self) -> Mapping[Stream, tuple[str | None, ...]]:
        return {stream: tuple(self._of(stream)) for stream in self._course.streams if stream.secrets}

    def _of(self, stream: Stream) -> Iterator[str | None]:
        """The keys of a process, and what it says of their versions."""
        environment = self._app.runtime(stream.source).environment
        for name in stream.secrets:
            yield environment.get(name)
            yield environment.get(f"{name}_VERSION")


def use_now(app: AppStandIn, stream: Stream, times: int) -> Sequence[Event]:
    """Somebody does at once what users do now and then."""
    return [app.use(use_of(stream), correlation_id=str(new_id()), latency_ms=stream.latency_ms) for _ in range(times)]


@contextmanager
def living(life: Life, clock: Callable[[], datetime], wait: Callable[[threading.Event], bool]) -> Iterator[None]:
    """Live in a thread while this lasts; ``wait`` says when to look again, and that it is over."""
    over = threading.Event()

    def live() -> None:
        while not wait(over):
            life.catch_up(clock())

    thread = threading.Thread(target=live, name="life")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
