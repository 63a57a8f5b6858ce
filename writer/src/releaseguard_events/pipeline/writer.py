"""The app's writer: a bounded queue, the thread that empties it, and what happens where no thread can run.

There are two daemon threads. The first takes batches from the queue to the exporter. The second watches the first:
while the store keeps it waiting, the second moves queued events to disk, so that nothing stays in memory alone for
longer than ``QueueLimits.linger + QueueLimits.patience`` seconds, however the process ends. Where no thread can be
started (the system has none left; from Python 3.12 on, the main thread has ended), and after :meth:`Writer.finish`, the
thread that logs an event also delivers it: to disk, or at the end of the process to the store.

Nothing here waits for a lock without a limit: a daemon thread that holds one when the interpreter exits never releases
it.
"""

from __future__ import annotations

import os
import sys
import threading
from _queue import Empty, SimpleQueue

from releaseguard_events.pipeline.drops import Drops, lost
from releaseguard_events.pipeline.limits import QueueLimits
from releaseguard_events.pipeline.native import Gate, RLock, allocate_lock, briefly, leave_signals, start_new_thread
from releaseguard_events.pipeline.waiting import Flush, Linger, Overflow, Wake

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from releaseguard_events.note import Note
    from releaseguard_events.pipeline.delivery import Pipeline
    from releaseguard_events.plain import Call
    from releaseguard_events.stores.storable import EventRow


class Writer:
    """Takes calls, and makes sure that each is delivered, kept on disk, or counted as lost.

    ``prepare`` reads the configuration and imports modules; since that takes time it runs in the writer's thread.
    ``put`` is safe in signal handlers and finalizers: ``SimpleQueue.put`` is re-entrant and never waits
    (https://docs.python.org/3/library/queue.html#simplequeue-objects), and ``_thread.start_new_thread``, unlike
    ``threading.Thread.start``, takes no lock and waits for nobody. ``SimpleQueue`` is unbounded, so the limit is
    checked here; threads that check at the same moment may exceed it by their number.

    Waking a thread is what costs most, so ``put`` wakes nobody while the thread waits for its batch to grow: the thread
    sleeps on a lock that only a flush or a full queue releases.
    """

    def __init__(
        self, prepare: Callable[[], Pipeline], drops: Drops, limits: QueueLimits | None = None, *, closed: bool = False
    ) -> None:
        self._prepare = prepare
        self._drops = drops
        self._limits = limits or QueueLimits()
        self._room = min(self._limits.batch, self._limits.queue)
        self._queue: SimpleQueue[Call | Note | Flush | Wake] = SimpleQueue()
        self._more = Overflow()
        """Calls beyond one batch."""
        self._linger = Linger()
        self._rounds: SimpleQueue[Gate | None] = SimpleQueue()
        """What the second thread watches: each is set when a delivery has ended; ``None`` ends the thread."""
        self._pipeline: Pipeline | None = None
        self._prepared = Gate()
        self._starting = allocate_lock()
        self._preparing = RLock()
        self._by_hand = allocate_lock()
        """Held while the store is used without a thread."""
        self._keeping = RLock()
        """Held while the second thread brings what it took from the queue to disk."""
        self._runs = False
        self._closed = closed
        self._all_out = True
        """Whether the end brought everything to the store."""
        self._in_hand: list[Call | Note | EventRow] = []

    def put(self, call: Call | Note) -> None:
        """Take a call, or count it as lost where the queue is full."""
        if self._closed:
            self._carry([call])  # and no others': this thread may be stopped for good with what it carries
        elif not (self._runs or self._has_thread()):
            self._carry([call, *self._taken()])
        elif (waiting := self._queue.qsize()) >= self._room:
            self._put_aside(call, waiting)
        else:
            self._queue.put(call)
            if not self._runs and not self._has_thread():  # it ended meanwhile, or could not be started
                self._carry(self._taken())

    def _put_aside(self, call: Call | Note, waiting: int) -> None:
        """Take a call while a whole batch is waiting already."""
        if waiting + len(self._more) >= self._limits.queue:
            self.lose("the queue was full")
            return
        if type(call) is tuple:
            self._more.put(call)
            if not self._queue.qsize():  # the thread has taken all of it meanwhile, and may have looked here before
                self._queue.put(Wake())
        else:
            self._queue.put(call)
        if not self._runs and not self._has_thread():
            self._carry(self._taken())
        if self._linger.lasts:
            self._linger.end()

    def lose(self, reason: str) -> None:
        """Count an event as lost."""
        asleep = not self._drops.unsaid
        self._drops.add(reason)
        if not self._has_thread():
            self._carry(())
        elif asleep:
            self._queue.put(Wake())
            self._linger.end()

    def _ask(self, marker: Flush) -> None:
        """Make the thread reach the marker without pausing, over several batches if necessary."""
        self._queue.put(marker)
        self._linger.urgent = True
        self._linger.end()

    def flush(self, timeout: float) -> bool:
        """Wait at most ``timeout`` seconds; returns whether everything put so far is in the store.

        Where there is no thread the caller delivers, and the time limit holds for each of its requests instead.
        """
        if self._closed:
            self._carry(self._taken())
            return self._all_out
        if self._has_thread():
            marker = Flush()
            self._ask(marker)
            return marker.done.wait(max(timeout, 0)) and marker.delivered
        if not self._by_hand.acquire(timeout=max(timeout, 0)):
            return False
        try:
            pipeline = self._ready()
            return pipeline.exporter.export(self._events(pipeline, self._taken()), at_once=True)
        finally:
            self._by_hand.release()

    def finish(self) -> None:
        """End with the process: try the store a last time, then the disk.

        What is logged after this is delivered by the thread that logs it.
        """
        if self._closed:
            return
        self._closed = True
        if self._runs:
            self._end_thread()
        elif self._pipeline is not None or self.depth():
            self._carry(self._taken())

    @property
    def is_closed(self) -> bool:
        """Whether :meth:`finish` was called."""
        return self._closed

    @property
    def is_prepared(self) -> bool:
        """Whether the configuration is read and the modules are imported."""
        return self._pipeline is not None

    def depth(self) -> int:
        """The number of calls that wait."""
        return self._queue.qsize() + len(self._more)

    def _has_thread(self) -> bool:
        """Whether the writer's thread runs or can be started."""
        if self._runs or self._closed:
            return not self._closed
        if not self._starting.acquire(blocking=False):
            return True  # who holds the lock is starting it
        try:
            if not self._runs:
                self._runs = True
                start_new_thread(self._work, ())
        except RuntimeError:  # no more threads, or none any more
            self._runs = False
        finally:
            self._starting.release()
        return self._runs

    def _end_thread(self) -> None:
        marker = Flush(last=True)
        self._ask(marker)
        try:
            if self._prepared.wait(self._limits.loading):
                marker.done.wait(self._limits.exit)
        finally:  # an impatient Ctrl-C included
            if not marker.done.is_set():
                # The thread is stuck in the store: what it shares with us is the disk.
                self._all_out = False
                pipeline = self._ready()
                with briefly(self._keeping):
                    waiting = self._events(pipeline, [*self._in_hand, *self._taken()])
                pipeline.exporter.shutdown(waiting, to_store=False)

    def _events(self, pipeline: Pipeline, calls: Sequence[Call | Note | EventRow]) -> Sequence[EventRow]:
        """The events of the calls; a call that makes none is counted as lost."""
        return pipeline.events(calls, self._drops.add)

    def _carry(self, calls: Sequence[Call | Note]) -> None:
        """Put calls on disk in the caller's thread; after :meth:`finish` the store is tried first.

        Only the main thread tries the store: any other may be stopped for ever with what it carries. A signal handler
        or finalizer that interrupts this very code does not either.
        """
        if sys.is_finalizing():
            self._put_away(calls)
            return
        try:
            pipeline = self._ready()
            events = self._events(pipeline, calls)
            if self._closed:
                self._hand_in(pipeline, events)
            else:
                pipeline.exporter.keep(events)
        except Exception as error:  # noqa: BLE001 - the interpreter may be half gone; what is lost is counted
            self._drops.add(f"the writer made a mistake ({type(error).__name__})", len(calls))

    def _hand_in(self, pipeline: Pipeline, events: Sequence[EventRow]) -> None:
        is_main = threading.current_thread() is threading.main_thread()
        free = is_main and not self._runs and self._by_hand.acquire(blocking=False)
        try:
            self._all_out &= pipeline.exporter.shutdown(events, to_store=free)
        finally:
            if free:
                self._by_hand.release()

    def _put_away(self, calls: Sequence[Call | Note]) -> None:
        """Put calls on disk while the interpreter is shutting down, with a line on standard error for what is lost.

        Nothing can be imported any more, and ``logging`` may wait for a lock that nobody will release.
        """
        self._all_out = False
        try:
            if self._pipeline is None:
                self._drops.add("the interpreter was gone before releaseguard was loaded", len(calls))
            else:
                self._pipeline.exporter.keep(self._events(self._pipeline, calls))
        except Exception as error:  # noqa: BLE001 - any module may be gone
            self._drops.add(f"the interpreter was gone ({type(error).__name__})", len(calls))
        for reason in self._drops.reasons():
            number = self._drops.take_unsaid(reason)
            os.write(2, f"releaseguard: {lost(number)}: {reason}\n".encode())

    def _ready(self) -> Pipeline:
        with briefly(self._preparing, self._limits.loading):
            if self._pipeline is None:
                self._pipeline = self._prepare()
                self._prepared.set()
            return self._pipeline

    def _work(self) -> None:
        leave_signals()
        try:
            start_new_thread(self._watch, ())
        except RuntimeError:  # none is left: then the store can keep what waits in memory
            self._rounds = SimpleQueue()
        pipeline = self._ready()
        while self._round(pipeline):
            pass

    def _round(self, pipeline: Pipeline) -> bool:
        """Deliver one batch or replay the spool; returns whether there should be another round."""
        marker = self._collect(pipeline)
        had_work = bool(self._in_hand or marker)
        delivered = self._hand_over(pipeline, at_once=isinstance(marker, Flush))
        if isinstance(marker, Flush):
            delivered = self._bring_the_rest(pipeline, delivered)
            return self._answer(marker, delivered, pipeline)
        return had_work or self._limits.idle is None or not self._retire()

    def _bring_the_rest(self, pipeline: Pipeline, delivered: bool) -> bool:
        """Deliver what was stored beside the queue when a marker arrived: it was logged before the marker."""
        for _ in range(0, self._limits.queue if self._more else 0, self._limits.batch):
            self._in_hand += self._more.take(self._limits.batch)
            delivered &= self._hand_over(pipeline, at_once=delivered)
        return delivered

    def _answer(self, marker: Flush, delivered: bool, pipeline: Pipeline) -> bool:
        self._linger.urgent = False
        if self._queue.qsize():  # maybe another marker, whose asker has said so before
            self._linger.urgent = True
        if marker.last:
            self._all_out &= pipeline.exporter.shutdown(self._events(pipeline, self._taken()), to_store=delivered)
            self._stop()
            if late := self._taken():  # from whoever did not see us go
                pipeline.exporter.shutdown(self._events(pipeline, late), to_store=False)
        marker.delivered = delivered
        marker.done.set()
        return not marker.last

    def _retire(self) -> bool:
        self._stop()
        # Somebody may have put something here meanwhile, and trusted in this thread.
        return not self.depth() or self._has_thread()

    def _stop(self) -> None:
        self._runs = False
        self._rounds.put(None)

    def _patience(self, pipeline: Pipeline) -> float | None:
        look, idle = pipeline.exporter.next_look(), self._limits.idle
        return idle if look is None else look if idle is None else min(look, idle)

    def _hand_over(self, pipeline: Pipeline, *, at_once: bool) -> bool:
        with briefly(self._keeping):  # what the second thread took from the queue is on disk now, and so comes along
            over = Gate()
        self._rounds.put(over)
        try:
            events = self._events(pipeline, self._in_hand)
            self._in_hand = [*events]
            return pipeline.exporter.export(events, at_once=at_once)
        except Exception as error:  # noqa: BLE001 - the thread must outlive every mistake
            self._drops.add(f"the writer made a mistake ({type(error).__name__})", len(self._in_hand))
            return False
        finally:
            self._in_hand = []
            over.set()

    def _collect(self, pipeline: Pipeline) -> Flush | Wake | None:
        """Fill ``_in_hand``: wait for the first call, wait for more, then take what is there. Returns the marker it
        met, if any."""
        if self._more:
            return self._take()
        try:
            got = self._queue.get(timeout=self._patience(pipeline))
        except Empty:
            return None
        if isinstance(got, Flush | Wake):
            return got
        self._in_hand.append(got)
        if self._queue.qsize() < self._limits.batch:
            self._linger.wait(self._limits.linger)
        return self._take()

    def _take(self) -> Flush | Wake | None:
        """Take a batch of the waiting calls, up to the first marker, which is returned."""
        batch = self._limits.batch
        for _ in range(batch // 2 if self._more else batch - 1):
            try:
                got = self._queue.get_nowait()
            except Empty:
                break
            if isinstance(got, Flush | Wake):
                return got
            self._in_hand.append(got)
        self._in_hand += self._more.take(batch - len(self._in_hand))
        return None

    def _taken(self) -> list[Call | Note]:
        """All waiting calls, to be put on disk; waiting flushes are told that they did not reach the store."""
        calls, markers = self._drained()
        for marker in markers:
            marker.done.set()
        return calls

    def _drained(self) -> tuple[list[Call | Note], list[Flush]]:
        calls: list[Call | Note] = []
        markers: list[Flush] = []
        while True:
            try:
                got = self._queue.get_nowait()
            except Empty:
                return [*calls, *self._more.take(self._limits.queue)], markers
            if isinstance(got, Flush):
                markers.append(got)
            elif not isinstance(got, Wake):
                calls.append(got)

    def _watch(self) -> None:
        leave_signals()
        while (over := self._rounds.get()) is not None:
            if not over.wait(self._limits.patience) and self._pipeline is not None:
                self._keep_until(over, self._pipeline)

    def _keep_until(self, over: Gate, pipeline: Pipeline) -> None:
        """Keep on disk what the thread holds, whose delivery is in doubt. What arrives nevertheless keeps its id: it is
        one row."""
        pipeline.exporter.keep(self._events(pipeline, list(self._in_hand)))
        waiting: list[Flush] = []
        while not over.wait(self._limits.linger):
            with self._keeping:
                if not over.is_set():
                    calls, markers = self._drained()
                    pipeline.exporter.keep(self._events(pipeline, calls))
                    waiting += markers
        for marker in waiting:
            self._queue.put(marker)
        self._queue.put(Wake())
