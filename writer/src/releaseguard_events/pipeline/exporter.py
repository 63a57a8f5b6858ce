"""Delivers batches of events to the store, or to the spool while the store is unreachable. It has no threads and no
queue."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass

from releaseguard_events.errors import AccessDenied, ConfigError, NotFound, RateLimited, ReleaseguardError, ServiceError
from releaseguard_events.event import OURSELVES, Event, Outcome, new_id
from releaseguard_events.ours import DROPPED
from releaseguard_events.pipeline.drops import Drops, lost
from releaseguard_events.pipeline.spool import Spool
from releaseguard_events.stores.interface import Store
from releaseguard_events.stores.storable import Writable
from releaseguard_events.times import utc_now

log = logging.getLogger("releaseguard")


@dataclass(frozen=True, slots=True)
class Pace:
    """How often things are tried and reported, in seconds."""

    first_retry: float = 1.0
    last_retry: float = 60.0
    report_every: float = 60.0
    batch: int = 200
    """The number of events in one write."""
    parting: float = 2.0
    """Seconds that the end of the process spends on events which other processes left on disk."""


class BatchExporter:
    """Delivers events in order of arrival. What cannot be delivered goes to the spool; what finds no room there is
    counted.

    ``clock`` is monotonic, in seconds. ``environment`` is the environment under which lost events are reported.
    ``shelter`` is held while the store is used, so that no fork happens meanwhile.
    """

    def __init__(
        self,
        open_store: Callable[[], Store],
        spool: Spool,
        drops: Drops,
        *,
        environment: str,
        clock: Callable[[], float],
        pace: Pace | None = None,
        shelter: AbstractContextManager[object] | None = None,
    ) -> None:
        self._open_store = open_store
        self._spool = spool
        self._drops = drops
        self._environment = environment
        self._clock = clock
        self._pace = pace or Pace()
        self._shelter = shelter or nullcontext()
        self._store: Store | None = None
        self._waiting = True
        """Whether the spool may hold something: at the start, what others left behind."""
        self._retry_at = self._report_at = clock()
        self._delay = self._pace.first_retry
        self._last_words: dict[str, float] = {}

    def export(self, events: Sequence[Writable], *, at_once: bool = False) -> bool:
        """Deliver earlier events from the spool and then these; returns ``False`` where they went to the spool or were
        lost.

        While the store is unreachable it is retried at growing intervals only, or immediately with ``at_once``.
        """
        self.note_drops()
        if not at_once and self._clock() < self._retry_at:
            self.keep(events)
            return False
        with self._shelter:
            try:
                self._append(events)
            except Exception as error:  # noqa: BLE001 - nothing may stop the thread that runs this
                self._go_away(error)
                self.keep(events)
                return False
            return self._catch_up(at_once)

    def next_look(self) -> float | None:
        """Seconds until :meth:`export` should be called even without new events; ``None``: no need."""
        if self._waiting:
            return max(self._retry_at - self._clock(), 0.0)
        return max(self._report_at - self._clock(), 0.0) if self._drops.unreported else None

    def note_drops(self) -> None:
        """Report lost events through ``logging``, at most once an interval for each reason."""
        for reason in self._drops.reasons():
            if self._may_say(f"lost: {reason}"):
                log.warning("%s: %s", lost(self._drops.take_unsaid(reason)), reason)

    def keep(self, events: Sequence[Writable]) -> None:
        """Put events on disk. Safe while another thread is in :meth:`export`."""
        if not events:
            return
        try:
            kept = self._spool.add(events)
        except OSError as error:
            self._drops.add(f"the spool cannot be written ({type(error).__name__})", len(events))
        else:
            self._drops.add("the spool is full", len(events) - kept)
        self._waiting = True

    def shutdown(self, events: Sequence[Writable], *, to_store: bool) -> bool:
        """End with the process; returns whether ``events`` are in the store. If not they go to disk, and losses are
        reported.

        With ``to_store`` (no other thread is using the store) the store is tried once more, unless it just failed, and
        the spool is replayed for a moment.
        """
        delivered = to_store and self._clock() >= self._retry_at and self._part_with(events)
        if not delivered:
            self.keep([*events, *self._report()])
        self._last_words.clear()  # there is no later for what was said lately
        self.note_drops()
        self._spool.close()
        if to_store:
            self.let_go()
        return delivered

    def let_go(self) -> None:
        """Close the store's connections; the next delivery opens new ones."""
        store, self._store = self._store, None
        with suppress(Exception):  # it is of no use to us any more, whatever it says
            if store is not None:
                store.close()

    def _part_with(self, events: Sequence[Writable]) -> bool:
        with self._shelter:
            try:
                self._append([*events, *self._report()])
            except Exception as error:  # noqa: BLE001 - the process ends: nothing may stop it
                self._go_away(error)
                return False
            with suppress(Exception):  # it goes on waiting on disk
                self._replay(self._clock() + self._pace.parting)
            return True

    def _append(self, events: Sequence[Writable]) -> None:
        if self._store is None:
            self._store = self._open_store()
        if not events:
            return
        try:
            self._store.append(events)
        except ReleaseguardError as error:
            if not _may_be_one_rows_fault(error):
                raise
            self._append_one_by_one(events)

    def _append_one_by_one(self, events: Sequence[Writable]) -> None:
        """Write events one at a time, so that a row which the app's own table refuses (an enum, a check) does not hold
        up others.

        Raises the last error where every row is refused: then the rows are not the reason.
        """
        assert self._store is not None  # noqa: S101 - opened by our only caller
        refused: ReleaseguardError | None = None
        number = 0
        for event in events:
            try:
                self._store.append([event])
            except ReleaseguardError as error:
                if not _may_be_one_rows_fault(error):
                    raise
                refused, number = error, number + 1
        if refused is not None and number == len(events):
            raise refused
        self._drops.add("the table refused the row", number)

    def _catch_up(self, at_once: bool) -> bool:
        """Replay the spool and report losses, now that the store answers."""
        report: Sequence[Writable] = ()
        try:
            self._replay()
            report = self._report() if at_once or self._clock() >= self._report_at else ()
            self._append(report)
        except Exception as error:  # noqa: BLE001 - nothing may stop the thread that runs this
            self._go_away(error)
            self.keep(report)
            return False
        self._delay = self._pace.first_retry
        return True

    def _replay(self, until: float = float("inf")) -> None:
        def append(events: Sequence[Writable]) -> None:
            if self._clock() >= until:
                raise _OutOfTime
            self._append(events)

        if self._waiting:
            self._waiting = False  # before: another thread may keep something meanwhile
            torn = self._spool.replay(append, self._pace.batch)
            self._drops.add("a line of the spool was torn", torn)
        self.note_drops()

    def _report(self) -> Sequence[Writable]:
        lost = self._drops.take_unreported()
        if not lost:
            return ()
        detail = {"dropped": lost.total(), "reasons": dict(lost)}
        self._report_at = self._clock() + self._pace.report_every
        return [
            Event(
                id=new_id(),
                occurred_at=utc_now(),
                provider=OURSELVES,
                event=DROPPED,
                outcome=Outcome.ERROR,
                error_code="events_dropped",
                environment=self._environment,
                source="writer",
                detail=detail,
            )
        ]

    def _go_away(self, error: Exception) -> None:
        self.let_go()
        self._waiting = True
        self._retry_at = self._clock() + self._delay
        self._delay = min(self._delay * 2, self._pace.last_retry)
        if self._may_say("away"):
            # A foreign exception's text may hold an address with its password.
            reason = str(error) if isinstance(error, ReleaseguardError) else type(error).__name__
            log.warning("the event log does not take events (%s); they are kept in %s", reason, self._spool.folder)

    def _may_say(self, subject: str) -> bool:
        now = self._clock()
        if now - self._last_words.get(subject, float("-inf")) < self._pace.report_every:
            return False
        self._last_words[subject] = now
        return True


class _OutOfTime(Exception):
    """The process is ending and waits no longer."""


def _may_be_one_rows_fault(error: ReleaseguardError) -> bool:
    """Whether a single row can be the reason: the table refused it or the request was malformed. A store that is
    locked, slow or unreachable blames no row."""
    if isinstance(error, AccessDenied | NotFound | RateLimited):
        return False
    status = error.status if isinstance(error, ServiceError) else None
    return isinstance(error, ConfigError) or (status is not None and 400 <= status < 500)
