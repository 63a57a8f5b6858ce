"""The writer of one process from its first event to its exit, across forks."""

from __future__ import annotations

import os
import sys
import threading
from os import getpid

from releaseguard_events.pipeline.drops import Drops
from releaseguard_events.pipeline.limits import QueueLimits
from releaseguard_events.pipeline.native import RLock, threads_run
from releaseguard_events.pipeline.writer import Writer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from releaseguard_events.note import Note
    from releaseguard_events.pipeline.delivery import Pipeline
    from releaseguard_events.pipeline.exporter import BatchExporter
    from releaseguard_events.pipeline.spool import Spool
    from releaseguard_events.plain import Call

    Prepare = Callable[[Drops, "Process"], Pipeline]

SPOOL_BYTES = 32 * 1024 * 1024
"""The most bytes that all spool files hold together."""
LOADING_WAITS = 30.0
"""The most seconds that a fork waits for our modules to be imported; it normally takes a fraction of one."""
FORK_WAITS = 5.0
"""The most seconds that a fork waits for a write to SQLite or to the disk; each normally takes a fraction of one."""
ORPHAN_IDLES = 1.0
"""Seconds of idleness after which the writer's threads end in a child that was forked from a thread."""


class Process:
    """The writer of this process. A forked child gets a writer of its own; at exit the writer is finished."""

    def __init__(self, prepare: Prepare) -> None:
        self._prepare = prepare
        self.loading = RLock()
        """Held while modules are imported."""
        self.sheltered = RLock()
        """Held while SQLite is used."""
        self.disk = RLock()
        """Held while files of a spool are opened."""
        self._forking = threading.local()
        self._inherited: list[object] = []
        self._opened: list[tuple[Spool, BatchExporter | None]] = []
        """The spools; and the exporters whose store no child may inherit."""
        self.half_loaded = False
        """Whether this process was forked in the middle of an import, which would wait for ever."""
        self.cut_off = False
        """Whether it was forked in the middle of a use of SQLite, which it can then never use."""
        self._pid = 0
        """Of the process that has begun to log; another's, where it was forked past Python's hooks."""
        self._hooked = False
        self.writer = self._new_writer(QueueLimits(), closed=_is_ending())

    def _new_writer(self, limits: QueueLimits, *, closed: bool) -> Writer:
        drops = Drops()
        return Writer(lambda: self._prepared(drops), drops, limits, closed=closed)

    def _prepared(self, drops: Drops) -> Pipeline:
        with self.loading:
            return self._prepare(drops, self)

    def put(self, call: Call | Note) -> None:
        """Take an event."""
        if getpid() != self._pid:
            self._begin()
        self.writer.put(call)

    def flush(self, timeout: float) -> bool:
        """Flush as :meth:`Writer.flush` does."""
        if getpid() != self._pid:
            self._begin()
        return self.writer.flush(timeout)

    def _begin(self) -> None:
        if self._pid:
            self._after_a_fork_unseen()
        self._pid = getpid()
        self._finish_in_workers()
        if not self._hooked:
            self._hooked = True
            if not self.writer.is_closed:
                self._load_logging()
                _warn_of_a_server_without_threads()
            os.register_at_fork(
                before=self.before_fork,
                after_in_parent=self.after_fork_in_parent,
                after_in_child=self.after_fork_in_child,
            )

    def _load_logging(self) -> None:
        """Import ``logging`` before our own fork hooks are registered.

        ``logging`` registers fork hooks too, and hooks run in reverse order of registration: a fork must wait for our
        thread's imports before it takes the lock that those imports need. Nearly every app has imported it long before.
        """
        with self.loading:
            try:
                import logging  # noqa: F401 - for its hooks
            except Exception:  # noqa: BLE001 - an interpreter that imports no more
                return

    def spool(self, folder: Path) -> Spool:
        """A spool whose files no fork can catch half opened."""
        from releaseguard_events.pipeline.spool import Spool

        return Spool(folder, SPOOL_BYTES, self.disk)

    def remember(self, spool: Spool, embedded: BatchExporter | None) -> None:
        """Register what needs care at a fork."""
        self._opened.append((spool, embedded))

    def _finish_in_workers(self) -> None:
        """Finish the writer in forked workers of ``multiprocessing``, which end with ``os._exit`` and never run
        ``atexit``."""
        process, util = (sys.modules.get(f"multiprocessing.{name}") for name in ("process", "util"))
        if util is not None and process is not None and process.parent_process() is not None:
            util.Finalize(None, self.at_exit, exitpriority=0)

    def before_fork(self) -> None:
        """Wait until no import, SQLite transaction or spool write is under way.

        A child that is forked in the middle of an import keeps the half-made module and its lock for ever. SQLite ties
        its locks to a process: a child with a copy of a connection, or of a lock that a transaction holds, can never
        use that database nor close the copy (https://sqlite.org/howtocorrupt.html, section 2.6). So at a fork there is
        either no connection, or the child is told to leave it alone.
        """
        held = self._forking
        held.loading = self.loading.acquire(timeout=LOADING_WAITS)
        held.shelter = self.sheltered.acquire(timeout=FORK_WAITS)
        held.disk = self.disk.acquire(timeout=FORK_WAITS)
        held.by_main = threading.current_thread() is threading.main_thread()
        if held.shelter:
            for _, embedded in self._opened:
                if embedded is not None:
                    embedded.let_go()

    def after_fork_in_parent(self) -> None:
        """Let the writer's threads go on."""
        held = self._forking
        for taken, lock in ((held.disk, self.disk), (held.shelter, self.sheltered), (held.loading, self.loading)):
            if taken:
                lock.release()

    def after_fork_in_child(self) -> None:
        """Start anew: the parent's threads do not exist here, its locks may be held for ever, and its events are the
        parent's."""
        held = self._forking
        self.loading, self.sheltered, self.disk = RLock(), RLock(), RLock()
        self.half_loaded |= not held.loading
        # Kept, never used: closing a copied connection would tell the parent's server goodbye.
        self._inherited.append((self.writer, self._opened))
        for spool, embedded in self._opened:
            self.cut_off |= embedded is not None and not held.shelter
            try:
                spool.disinherit()
            except OSError:
                continue  # it was closed
        self._opened = []
        self._pid = 0
        limits = QueueLimits(idle=None if held.by_main else ORPHAN_IDLES)
        self.writer = self._new_writer(limits, closed=self.writer.is_closed)

    def _after_a_fork_unseen(self) -> None:
        """Recover in a child that was forked by C code, where no fork hook is called (uWSGI without
        ``py-call-uwsgi-fork-hooks``). Our thread may have been in the middle of anything, so SQLite is not touched
        here."""
        held = self._forking
        held.loading = self.writer.is_prepared
        held.shelter = held.disk = False
        held.by_main = True
        self.after_fork_in_child()

    def at_exit(self) -> None:
        """Bring what is left to the store, or to the disk."""
        if self._pid not in {0, getpid()}:
            return  # forked past our hooks, and has logged nothing since: what is here is its parent's
        try:
            self.writer.finish()
        except Exception:  # noqa: BLE001 - nothing may hang an exit, nor fail it
            return


def _is_ending() -> bool:
    """Whether the interpreter is already shutting down while this module is imported: then ``atexit`` comes too
    late."""
    main = threading.main_thread()
    return threading.current_thread() is main and not main.is_alive()


def _warn_of_a_server_without_threads() -> None:
    logging = sys.modules.get("logging")
    if logging is not None and not threads_run():
        logging.getLogger("releaseguard").warning(
            "uWSGI runs no threads: each event is written to disk by the call that logs it, and taken to the event log"
            " when the worker ends or calls flush(); set enable-threads"
        )
