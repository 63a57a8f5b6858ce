"""The history of a chain as something to write to. One mechanism is lease, fence and audit trail at once.

Only one writer can write step N of a chain. A run that has appended a step holds the lease until ``lease`` has passed,
on the store's clock, since its last event. Whoever takes over appends the next step, and from then on every append of
the previous holder fails. Between two appends the holder goes by its own clock, counted from the START of its last
append, so that it stops no later than the store lets another run in.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from releaseguard.audit.chain import ChainKey, Draft, head_of, seal
from releaseguard.audit.histories import Chain
from releaseguard.clocks import Clocks
from releaseguard.errors import LeaseHeld, Refused, ServiceError, Unreachable
from releaseguard.eventlog.interface import Conflict, EventLog, Query
from releaseguard.model import Event, to_text
from releaseguard.rotation.history.events import NOTES, ChainNote, ChainStep, LeaseReleased, LeaseRenewed, RowsDisowned
from releaseguard.rotation.history.fold import extend, view_of
from releaseguard.rotation.history.reading import chain_query, read
from releaseguard.rotation.history.rows import draft_of
from releaseguard.rotation.history.sentences import describe_lease, mending
from releaseguard.rotation.history.views import ChainView, LeaseView

RENEW_AFTER = 1 / 3
"""The fraction of the lease after which a long step renews it."""
SOURCE = "releaseguard"
MOST_TRIES = 16
"""How often one append is retried around foreign rows that occupy the ids of its steps."""


class LeaseLost(LeaseHeld):
    """This run held the lease and has lost it; it has stopped."""


class Journal:
    """One chain, read and written by this run. Usable from several threads."""

    def __init__(self, log: EventLog, chain_key: ChainKey, holder: str, lease: timedelta, clocks: Clocks) -> None:
        self.chain_key = chain_key
        self.holder = holder
        self._log = log
        self._lease = lease
        self._clocks = clocks
        self._lock = threading.RLock()
        self._events: Sequence[Event] = ()
        self._taken: frozenset[UUID] = frozenset()
        self._view = ChainView(chain_key)
        self._held_since: float | None = None
        self._appending: int | None = None
        """The thread that writes a step, which renews the lease: where that takes requests they are guarded too, and
        must not renew it again."""
        self._lost: LeaseLost | None = None
        self._uncertain = False
        self._rotation_id: str | None = None
        self._predecessor: LeaseView | None = None

    @property
    def view(self) -> ChainView:
        """The state of the chain as last read or written."""
        return self._view

    @property
    def events(self) -> Sequence[Event]:
        """The events of the chain, in order, as last read or written."""
        return self._events

    @property
    def holding(self) -> bool:
        """Whether this run has taken the lease and neither lost nor released it."""
        return self._held_since is not None and self._lost is None

    def load(self) -> ChainView:
        """Read the chain."""
        self._adopt(read(self.chain_key, self._log.judged(chain_query(self.chain_key))))
        return self._view

    def held_by_another(self) -> LeaseView | None:
        """The lease of another run that is in force on the store's clock; ``None`` where the lease is free."""
        lease = self._view.lease
        if lease is None or lease.released or lease.holder == self.holder:
            return None
        now = self._log.now()
        return lease if now < lease.free_at(self._lease, now) else None

    def refuse_if_broken(self) -> None:
        """Raise ``Refused`` where the chain cannot be believed after some step: what was done since is unknown, so
        nothing may be built on it."""
        breach = self._view.breach
        if breach is not None:
            raise Refused(
                f"the history of {self.chain_key} is broken: step {breach.step} {breach.problem}",
                where=self._log.label,
                next_step=mending(self.chain_key),
            )

    def refuse_if_held(self) -> None:
        """Raise ``LeaseHeld``, naming holder and time, where another run holds the lease."""
        lease = self.held_by_another()
        if lease is not None:
            raise self._held(lease)

    def wait_until_free(self, tell: Callable[[str], None]) -> None:
        """Wait until the current lease expires. Raises ``LeaseHeld`` where its holder is alive and renews it."""
        lease = self.held_by_another()
        if lease is None:
            return
        tell(f"The lease is held by {describe_lease(lease)}; waiting until it runs out.")
        free = lease.free_at(self._lease, self._log.now())
        while (left := (free - self._log.now()).total_seconds()) > 0:
            self._clocks.sleep(min(left, 1.0) + 0.001)
        before = self._view.head
        self.load()
        if self._view.head != before:
            self.refuse_if_held()

    def wait_for_stragglers(self, request_timeout: timedelta, tell: Callable[[str], None]) -> None:
        """Wait until a predecessor that lost the lease can have no request in flight any more.

        Called after this run has taken the lease: from then on nothing that the predecessor appends counts.
        """
        predecessor = self._predecessor
        if predecessor is None:
            return
        now = self._log.now()
        quiet = predecessor.free_at(self._lease, now) + request_timeout
        left = (quiet - now).total_seconds()
        if left > 0:
            tell(f"Waiting {left:.0f} s: {predecessor.holder} may have a request under way.")
        while left > 0:
            self.pause(min(left, 1.0) + 0.001)
            left = (quiet - self._log.now()).total_seconds()

    def note(self, *steps: ChainNote) -> ChainView:
        """Write what is known from here on, whoever holds the lease: it is taken from nobody. Raises ``Refused`` where
        the chain is broken."""
        with self._lock:
            self._resync()
            self.refuse_if_broken()
            stored = self._exclusively([draft_of(step, self.holder) for step in steps], beside=True)
            self._keep(stored)
        return self._view

    def append(self, *steps: ChainStep) -> ChainView:
        """Write the next steps, all or none; this takes or renews the lease.

        Raises ``LeaseHeld`` where another run has written instead, and ``Refused`` where the chain is broken.
        """
        with self._lock:
            self._appending = threading.get_ident()
            try:
                self._append(steps)
            finally:
                self._appending = None
        return self._view

    def _append(self, steps: Sequence[ChainStep]) -> None:
        self._resync()
        self._stop_if_lost()
        if not any(isinstance(step, RowsDisowned) for step in steps):
            self.refuse_if_broken()
        if not self.holding:
            lease = self._view.lease
            self._predecessor = lease if lease and not lease.released else None
        self._write([draft_of(step, self.holder) for step in steps])

    def ensure_held(self) -> None:
        """The guard of every request: this run may send only while its lease is in force.

        Does nothing before the lease is taken (planning only reads). Raises ``LeaseLost`` where another run has taken
        it.
        """
        self._stop_if_lost()
        is_due = self._held_since is not None and self._age() >= self._lease.total_seconds()
        if is_due and self._appending != threading.get_ident():
            self.renew()

    def renew(self) -> None:
        """Renew the lease. Raises ``LeaseLost`` where another run has taken it."""
        self.append(LeaseRenewed(**self._about()))

    def release(self) -> None:
        """Let the next run begin at once. A store that does not answer is no error: the lease expires by itself."""
        with self._lock:
            if not self.holding:
                return
            try:
                self.append(LeaseReleased(**self._about()))
            except (ServiceError, LeaseHeld):
                return
            finally:
                self._held_since = None

    def pause(self, seconds: float) -> None:
        """Sleep for ``seconds`` and keep the lease, renewing it when necessary."""
        slice_ = self._lease.total_seconds() * RENEW_AFTER
        while seconds > 0:
            step = min(seconds, slice_)
            self._clocks.sleep(step)
            seconds -= step
            if self.holding and self._age() >= 2 * slice_:
                self.renew()

    @contextmanager
    def kept_alive(self, enabled: bool) -> Iterator[None]:
        """Renew the lease from a background thread while the block runs: a service may make a request wait longer than
        the lease."""
        if not enabled:
            yield
            return
        done = threading.Event()
        thread = threading.Thread(target=self._beat, args=(done,), name="releaseguard-lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _beat(self, done: threading.Event) -> None:
        interval = self._lease.total_seconds() * RENEW_AFTER
        while not done.wait(interval / 4):
            if not self.holding:
                continue
            try:
                if self._age() >= interval:
                    self.renew()
            except (ServiceError, LeaseHeld):
                continue  # the next request's guard says so, on the thread that has to stop

    def about(self, rotation_id: str) -> None:
        """Set the rotation to which the following lease events belong."""
        self._rotation_id = rotation_id

    def _about(self) -> Mapping[str, str]:
        return {"rotation_id": self._rotation_id} if self._rotation_id else {}

    def _age(self) -> float:
        return self._clocks.elapsed() - self._held_since if self._held_since is not None else 0.0

    def _write(self, drafts: Sequence[Draft]) -> None:
        started = self._clocks.elapsed()
        try:
            stored = self._exclusively(drafts)
        except Conflict:
            self._lose()
        except Unreachable:
            self._uncertain = True
            raise
        self._held_since = started
        self._keep(stored)

    def _keep(self, stored: Sequence[Event]) -> None:
        self._events = [*self._events, *stored]
        self._view = extend(self._view, stored)

    def _exclusively(self, drafts: Sequence[Draft], *, beside: bool = False) -> Sequence[Event]:
        """The drafts as the next steps. Raises ``Conflict`` where another run has written one of them, but for notes,
        which take nothing from anybody; ``beside``: whatever another run has written.

        Where the ids are taken although the chain has not grown, foreign rows hold them, and the steps get the next ids
        (:func:`releaseguard.audit.chain.step_id`). The holders are looked up before the chain is read again, so that a
        step of another run among them is noticed as growth.
        """
        for _ in range(MOST_TRIES):
            sealed = seal(
                self.chain_key,
                head_of(self._events),
                drafts,
                occurred_at=self._clocks.wall(),
                source=SOURCE,
                root=self._root,
                taken=self._taken,
            )
            try:
                return self._log.append_exclusively(sealed)
            except Conflict:
                there, known = self._there([one.id for one in sealed]), len(self._events)
                if not there:
                    raise
                if not self._has_grown():
                    self._taken |= there
                elif not (beside or self._are_notes(self._events[known:])):
                    raise
        raise Conflict(
            f"the ids of the next steps of {self.chain_key} are taken again and again", where=self._log.label
        )

    def _there(self, ids: Sequence[UUID]) -> frozenset[UUID]:
        """The ids among ``ids`` that some row has, whichever row."""
        query = Query(ids=ids)
        rows = {event.id for event, _ in self._log.judged(query)}
        unreadable = {str(one.row) for one in self._log.set_aside(query)}
        return frozenset(rows | {id_ for id_ in ids if str(id_) in unreadable})

    def _has_grown(self) -> bool:
        before = self._view.head
        self.load()
        return self._view.head != before

    @property
    def _root(self) -> str | None:
        return str(self._events[0].detail["hash"]) if self._events else None

    def _resync(self) -> None:
        """After an append without an answer: find out whether it was written before anything else happens."""
        if not self._uncertain:
            return
        known = len(self._events)
        self.load()
        self._uncertain = False
        newer = [event for event in self._events[known:] if event.event not in NOTES]
        if any(event.detail.get("holder") != self.holder for event in newer):
            self._lose()

    @staticmethod
    def _are_notes(events: Sequence[Event]) -> bool:
        return bool(events) and all(event.event in NOTES for event in events)

    def _lose(self) -> None:
        held = self.holding
        self.load()
        lease = self._view.lease
        if lease is None:
            raise LeaseHeld("another run has written to this rotation's history", where=self._log.label) from None
        if not held:
            raise self._held(lease) from None
        self._lost = LeaseLost(
            f"this run was taken over: the lease of {self.chain_key} is held by {describe_lease(lease)}",
            where=self._log.label,
            next_step="Nothing more was sent. Look at the other run; `rotate --resume` continues if it ends early.",
        )
        raise self._lost from None

    def _stop_if_lost(self) -> None:
        if self._lost is not None:
            raise LeaseLost(self._lost.what, where=self._lost.where, next_step=self._lost.next_step)

    def _held(self, lease: LeaseView) -> LeaseHeld:
        free = to_text(lease.free_at(self._lease))
        state = "was held, and has just been given back," if lease.released else "is held"
        return LeaseHeld(
            f"the lease of {self.chain_key} {state} by {describe_lease(lease)}",
            where=self._log.label,
            next_step=f"Wait for that run to end. If it is dead, the lease is free at {free}: then run with --resume.",
        )

    def _adopt(self, chain: Chain) -> None:
        self._events = chain.steps
        self._taken |= frozenset(one.event.id for one in chain.foreign)
        self._view = view_of(chain)
