"""Takes batches of events to the store, or to the spool while the store is away. No threads and no queue here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass

from releaseguard_events.errors import AccessDenied, ConfigError, NotFound, RateLimited, ReleaseguardError, ServiceError
from releaseguard_events.event import OURSELVES, Event, Outcome, new_id
from releaseguard_events.ours import DROPPED
from releaseguard_events.pipeline.drops import Drops
from releaseguard_events.pipeline.spool import Spool
from releaseguard_events.stores.interface import Store
from releaseguard_events.stores.storable import Writable
from releaseguard_events.times import utc_now

log = logging.getLogger("releaseguard")


@dataclass(frozen=True, slots=True)
class Pace:
    """How often things are tried and said, in seconds."""

    first_retry: float = 1.0
    last_retry: float = 60.0
    report_every: float = 60.0
    batch: int = 200
    """Events in one write."""
    parting: float = 2.0
    """For what others left on disk, at the end of the process."""


class BatchExporter:
    """Delivers events in order of arrival; what cannot be delivered is kept, what cannot be kept is counted.

    ``clock`` is monotonic, in seconds; ``environment`` is the one that reports of lost events are written for.
    ``shelter`` is held while the store is used: no fork happens meanwhile.
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
        """Bring events to the store, and whatever was kept before; ``False``: they are in the spool, or lost.

        While the store is away it is asked again at growing intervals only, or ``at_once``.
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
        """Seconds until :meth:`export` should be called although nothing new came; ``None``: no need."""
        if self._waiting:
            return max(self._retry_at - self._clock(), 0.0)
        return max(self._report_at - self._clock(), 0.0) if self._drops.unreported else None

    def note_drops(self) -> None:
        """Say through ``logging`` how many events were lost, at most once an interval for each reason."""
        for reason in self._drops.reasons():
            if self._may_say(f"lost: {reason}"):
                log.warning("%d integration events were lost: %s", self._drops.take_unsaid(reason), reason)

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
        """The process ends: whether ``events`` are in the store; if not, they are on disk, and what was lost is said.

        The store is tried where ``to_store`` says that no other thread is at it, unless it was away just now; and
        what waits on disk is replayed as far as a moment allows.
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
        """Close the store's connections: the next delivery opens others."""
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
        """A table of the app's own may refuse single rows (an enum, a check): they must not hold up the others.

        Raises where every row is refused: then it is not the rows.
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
        """The store is back or was never away: replay the spool, and report what was lost."""
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
    """The end of the process waits no longer."""


def _may_be_one_rows_fault(error: ReleaseguardError) -> bool:
    """A table's refusal, or a request that is called wrong. A store that is locked, late or away blames no row."""
    if isinstance(error, AccessDenied | NotFound | RateLimited):
        return False
    status = error.status if isinstance(error, ServiceError) else None
    return isinstance(error, ConfigError) or (status is not None and 400 <= status < 500)
