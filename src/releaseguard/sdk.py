"""The writer for apps: ``log_integration_event`` and ``flush``.

It never raises into the app, never makes it wait, and never slows it down: a call copies its arguments onto a
bounded queue; a daemon thread scrubs, batches and delivers them. While the store is away events wait on disk; what
finds no room is counted and reported, through ``logging`` (``releaseguard``) and as an ``events_dropped`` event.
What holds at the ends of a process's life is in ``docs/writing-events.md``.

Where to: ``RELEASEGUARD_EVENTS_URL``, else ``[events] url`` of ``releaseguard.toml`` (upward from the working
directory, or ``RELEASEGUARD_CONFIG``). With neither, events are counted as lost and nothing is opened.

What every event carries, read once from the environment, the first that is set:

- ``environment``: ``RELEASEGUARD_ENVIRONMENT``, ``VERCEL_TARGET_ENV``, ``VERCEL_ENV``, else the configuration's;
- ``release``: ``RELEASEGUARD_RELEASE``, ``SENTRY_RELEASE``, ``VERCEL_GIT_COMMIT_SHA``, ``GITHUB_SHA``,
  ``RENDER_GIT_COMMIT``, ``RAILWAY_GIT_COMMIT_SHA``, ``HEROKU_SLUG_COMMIT``, ``COMMIT_SHA``;
- ``detail.deployment_id``: ``RELEASEGUARD_DEPLOYMENT_ID``, ``VERCEL_DEPLOYMENT_ID``.

``RELEASEGUARD_SPOOL_DIR`` says where the spool is (else the user's state directory, else the temporary one).
This module runs inside the app: it installs no hook of SAFE MODE. A forked child starts with an empty queue and a
thread of its own.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar
from uuid import UUID

from releaseguard.errors import ReleaseguardError, Unreachable
from releaseguard.model import Event
from releaseguard_events.note import ReservedName, note_of, of_the_app, resource_of
from releaseguard_events.pipeline.drops import Drops
from releaseguard_events.pipeline.exporter import BatchExporter, log
from releaseguard_events.pipeline.spool import Spool
from releaseguard_events.pipeline.writer import Pipeline, QueueLimits, Writer
from releaseguard_events.scrub.scrubber import Scrubber, secrets_of

if TYPE_CHECKING:
    from releaseguard.eventlog.interface import EventLog
    from releaseguard.settings import Settings
    from releaseguard_events.note import Note

__all__ = ["flush", "log_integration_event"]

P = ParamSpec("P")
T = TypeVar("T")

SPOOL_BYTES = 32 * 1024 * 1024
"""All files of the spool together."""
LOADING_WAITS = 30.0
"""Seconds that a fork waits at most for our modules to be there; loading them takes a fraction of one."""
FORK_WAITS = 5.0
"""Seconds that a fork waits at most for a write to SQLite, or to the disk; each takes a fraction of one."""
STORE_WAITS = 5.0
"""Seconds for one request to the store. There are no repeats: what does not arrive waits on disk."""
FILE_WAITS = 2.0
"""Seconds for other writers to SQLite; a fork may have to wait for as long."""
ORPHAN_IDLES = 1.0
"""Seconds after which the threads end of a child that was forked in a thread."""

# --- What the app calls ---------------------------------------------------------------------------------------


def _never_raises(instead: T) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Whatever goes wrong inside, wrong arguments included, is counted; the caller gets ``instead``."""

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return function(*args, **kwargs)
            except Exception as error:  # noqa: BLE001 - an app must not fail because its log does
                with suppress(Exception):
                    _process.writer.lose(_reason(error))
                return instead

        return call

    return decorate


@_never_raises(None)
def log_integration_event(
    provider: str,
    event: str,
    outcome: str,
    *,
    error_code: str | int | None = None,
    latency_ms: float | None = None,
    release: str | None = None,
    source: str | None = None,
    correlation_id: str | UUID | None = None,
    synthetic: bool = False,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Note that ``provider`` was really used: ``event`` with outcome ``success`` or ``error``.

    ``latency_ms`` is in milliseconds; ``release`` and ``source`` say which code speaks; ``correlation_id`` ties
    the events of one user action; ``synthetic`` marks a test user's. ``detail`` may hold anything; say
    ``secret_version`` there where it is known. Never raises and never waits; secrets and personal data are
    scrubbed before anything leaves the process. ``releaseguard`` as a provider, and the names of its own events, are
    refused: counted as lost, and said through ``logging``.
    """
    _process.put(
        of_the_app(
            note_of(
                provider,
                event,
                outcome,
                error_code=error_code,
                latency_ms=latency_ms,
                release=release,
                source=source,
                correlation_id=correlation_id,
                synthetic=synthetic,
                detail=detail,
            )
        )
    )


@_never_raises(instead=False)
def flush(timeout: float = 5.0) -> bool:
    """Wait at most ``timeout`` seconds until all events logged so far are in the store.

    ``False``: they are not yet; what the store has not taken waits in the spool or in the queue. Never raises.
    """
    return _process.writer.flush(timeout)


def _reason(error: Exception) -> str:
    """Our own words, and no others: what the app passed may be in them."""
    if isinstance(error, ReservedName):
        return "provider or event is a name of releaseguard's own rows"
    if isinstance(error, ValueError | TypeError):
        return "the call's arguments were not those of an event"
    return f"the writer failed ({type(error).__name__})"


# --- The one writer of this process ---------------------------------------------------------------------------


class _Process:
    """The writer of this process: a forked child gets its own, and the exit finishes it."""

    def __init__(self) -> None:
        self.loading = threading.RLock()
        """Held while modules are imported."""
        self.sheltered = threading.RLock()
        """Held while SQLite is used."""
        self.disk = threading.RLock()
        """Held while files of a spool are opened."""
        self._forking = threading.local()
        self._inherited: list[object] = []
        self._opened: list[tuple[Spool, BatchExporter | None]] = []
        """The spools; and the couriers whose store no child may inherit."""
        self.half_loaded = False
        """Whether this process was forked in the middle of an import, which would wait for ever."""
        self.cut_off = False
        """Whether it was forked in the middle of a use of SQLite, which it can then never use."""
        self._started = False
        self.writer = self._new_writer(QueueLimits(), closed=_is_ending())

    def _new_writer(self, limits: QueueLimits, *, closed: bool) -> Writer:
        drops = Drops()
        return Writer(lambda: self._prepared(drops), drops, limits, closed=closed)

    def _prepared(self, drops: Drops) -> Pipeline:
        with self.loading:
            return prepare(os.environ, drops, self)

    def put(self, note: Note) -> None:
        """Take an event."""
        if not self._started:
            self._started = True
            self._finish_in_workers()
        self.writer.put(note)

    def spool(self, folder: Path) -> Spool:
        """A spool whose files no fork catches half open."""
        return Spool(folder, SPOOL_BYTES, self.disk)

    def remember(self, spool: Spool, embedded: BatchExporter | None) -> None:
        """What has to be thought of at a fork."""
        self._opened.append((spool, embedded))

    def _finish_in_workers(self) -> None:
        """``multiprocessing`` ends its forked workers with ``os._exit``: ``atexit`` never runs there."""
        process, util = (sys.modules.get(f"multiprocessing.{name}") for name in ("process", "util"))
        if util is not None and process is not None and process.parent_process() is not None:
            util.Finalize(None, self.at_exit, exitpriority=0)

    # --- Forks. The hooks of the parent and the child run in the thread that forks.

    def before_fork(self) -> None:
        """A child that is forked in the middle of an import has that module half made, and its lock held for good.

        SQLite remembers its locks by process: a child that has a copy of a connection, or of a lock that a transaction
        holds, can never use that database, nor close the copy (https://sqlite.org/howtocorrupt.html, section 2.6). So
        there is none when a fork happens, or the child is told.
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
        """Our threads may go on."""
        held = self._forking
        for taken, lock in ((held.disk, self.disk), (held.shelter, self.sheltered), (held.loading, self.loading)):
            if taken:
                lock.release()

    def after_fork_in_child(self) -> None:
        """The parent's threads did not come along, its locks may be held for good, its events are its own."""
        held = self._forking
        self.loading, self.sheltered, self.disk = threading.RLock(), threading.RLock(), threading.RLock()
        self.half_loaded |= not held.loading
        # Kept, never used: closing a copied connection would tell the parent's server goodbye.
        self._inherited.append((self.writer, self._opened))
        for spool, embedded in self._opened:
            self.cut_off |= embedded is not None and not held.shelter
            with suppress(OSError):
                spool.disinherit()
        self._opened = []
        self._started = False
        limits = QueueLimits(idle=None if held.by_main else ORPHAN_IDLES)
        self.writer = self._new_writer(limits, closed=self.writer.is_closed)

    def at_exit(self) -> None:
        """What the process still has goes to the store or to disk."""
        with suppress(Exception):
            self.writer.finish()


def _is_ending() -> bool:
    """Whether this module is first imported by what the interpreter calls at its end: then nobody will call us."""
    main = threading.main_thread()
    return threading.current_thread() is main and not main.is_alive()


_process = _Process()
os.register_at_fork(
    before=_process.before_fork,
    after_in_parent=_process.after_fork_in_parent,
    after_in_child=_process.after_fork_in_child,
)
atexit.register(_process.at_exit)


# --- Where to -------------------------------------------------------------------------------------------------


def prepare(environ: Mapping[str, str], drops: Drops, process: _Process) -> Pipeline:
    """Read the configuration and make ready to write. Never raises: without a log, events are counted as lost."""
    try:
        return _pipeline(environ, drops, process)
    except ReleaseguardError as error:
        log.warning("integration events are lost: %s", error)
    except Exception as error:  # noqa: BLE001 - the thread that calls must live, to count what is lost
        log.warning("integration events are lost: %s while reading the configuration", type(error).__name__)
    return Pipeline(NullExporter(drops), resource_of(environ, None), Scrubber())


def _pipeline(environ: Mapping[str, str], drops: Drops, process: _Process) -> Pipeline:
    if process.half_loaded:
        raise Unreachable("this process was forked while its parent was loading releaseguard")
    from releaseguard import settings

    configured = settings.load(None, environment=None, environ=environ)
    url = _given_url(environ) or (configured.events.url if configured.path else None)
    resource = resource_of(environ, configured.environment)
    scrubber = Scrubber(secrets_of(environ))
    if url is None:
        log.warning("integration events are lost: set RELEASEGUARD_EVENTS_URL, or write a releaseguard.toml")
        return Pipeline(NullExporter(drops), resource, scrubber)
    embedded = _is_embedded(url)
    spool = process.spool(spool_folder(environ, url))
    exporter = BatchExporter(
        lambda: _store(configured, url, environ, cut_off=process.cut_off and embedded),
        spool,
        drops,
        environment=resource.environment,
        clock=time.monotonic,
        shelter=process.sheltered if embedded else None,
    )
    process.remember(spool, exporter if embedded else None)
    _load(url)
    return Pipeline(exporter, resource, scrubber)


def _given_url(environ: Mapping[str, str]) -> str | None:
    """``RELEASEGUARD_EVENTS_URL``; a file is relative to the working directory, whatever the configuration."""
    url = environ.get("RELEASEGUARD_EVENTS_URL") or None
    if url is None or not url.startswith("sqlite:///"):
        return url
    return f"sqlite:///{Path.cwd() / url.removeprefix('sqlite:///')}"


def _is_embedded(url: str) -> bool:
    return url.startswith("sqlite:")


def _load(url: str) -> None:
    """Import now whatever delivering will need: no later moment is one in which a fork can be made to wait.

    What cannot be imported (a package is missing, the interpreter is going) leaves events on disk: each delivery
    tries again, and says why it cannot.
    """
    with suppress(Exception):
        from releaseguard import wiring
        from releaseguard.cards import load  # noqa: F401

        wiring.load_event_log(url)


@contextmanager
def _store(configured: Settings, url: str, environ: Mapping[str, str], *, cut_off: bool) -> Iterator[EventLog]:
    """The store itself: the adapters of the command line, without its cards and without SAFE MODE's guard."""
    if cut_off:
        raise Unreachable("this process was forked while its parent wrote to SQLite, and cannot use it")
    from releaseguard import safemode, settings, wiring
    from releaseguard.cards.load import Cards

    policy = safemode.build_policy({"[events] url": url}, {}, wiring.INFRASTRUCTURE, proxy=configured.network.proxy)
    credentials = settings.credentials(environ)
    within = FILE_WAITS if _is_embedded(url) else STORE_WAITS
    with wiring.Wiring(configured, credentials, Cards({}, {}), policy, environ, within=within) as opened:
        yield opened.event_log_at(url)


class NullExporter:
    """Where events go without a configuration: each is counted as lost."""

    def __init__(self, drops: Drops) -> None:
        self._drops = drops

    def export(self, events: Sequence[Event], *, at_once: bool = False) -> bool:  # noqa: ARG002
        """Count them."""
        self._drops.add("no event log is configured", len(events))
        return not events

    def next_look(self) -> float | None:
        """There is nothing to look for."""
        return None

    def keep(self, events: Sequence[Event]) -> None:
        """Count them: nobody knows which store's they are."""
        self.export(events)

    def shutdown(self, events: Sequence[Event], *, to_store: bool) -> bool:  # noqa: ARG002
        """Count them."""
        return self.export(events)


def spool_folder(environ: Mapping[str, str], url: str) -> Path:
    """The folder for one store: an event must not end up in another store than it was written for.

    Named by a digest of the address without its credentials, which may change while events wait.
    """
    place = url.rsplit("@", 1)[-1] if "@" in url else url
    name = hashlib.sha256(place.encode("utf-8", "replace")).hexdigest()[:16]
    if environ.get("RELEASEGUARD_SPOOL_DIR"):
        return Path(environ["RELEASEGUARD_SPOOL_DIR"]) / name
    state = environ.get("XDG_STATE_HOME") or (f"{environ['HOME']}/.local/state" if environ.get("HOME") else "")
    if state and _writable(Path(state)):
        return Path(state) / "releaseguard" / "spool" / name
    # Serverless functions have no home that can be written to.
    return Path(tempfile.gettempdir()) / f"releaseguard-spool-{os.geteuid()}" / name


def _writable(path: Path) -> bool:
    existing = next((folder for folder in (path, *path.parents) if folder.exists()), path)
    return existing.is_dir() and os.access(existing, os.W_OK)
