"""The writer for apps: ``log_integration_event`` and ``flush``.

It never raises into the app, never makes it wait, and never slows it down: a call copies its arguments onto a
bounded queue; a daemon thread scrubs, batches and delivers them. While the store is away events wait on disk; what
finds no room is counted and reported, through ``logging`` (``releaseguard``) and as an ``events_dropped`` event.

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

from releaseguard.errors import ReleaseguardError
from releaseguard.eventlog.courier import Courier, Drops, log
from releaseguard.eventlog.scrub import Scrubber, secrets_of
from releaseguard.eventlog.spool import Spool
from releaseguard.eventlog.writer import Desk, Writer, identity_from, note_of
from releaseguard.model import Event

if TYPE_CHECKING:
    from releaseguard.eventlog.interface import EventLog
    from releaseguard.settings import Settings

__all__ = ["flush", "log_integration_event"]

P = ParamSpec("P")
T = TypeVar("T")

SPOOL_BYTES = 32 * 1024 * 1024
"""All files of the spool together."""
FORK_WAITS = 5.0
"""Seconds that a fork waits at most for our modules to be there; loading them takes a fraction of one."""

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
                    _process.writer().lose(_reason(error))
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
    scrubbed before anything leaves the process.
    """
    _process.writer().put(
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


@_never_raises(instead=False)
def flush(timeout: float = 5.0) -> bool:
    """Wait at most ``timeout`` seconds until all events logged so far are in the store.

    ``False``: they are not yet; what the store has not taken waits in the spool or in the queue. Never raises.
    """
    return _process.flush(timeout)


def _reason(error: Exception) -> str:
    """Our own words, and no others: what the app passed may be in them."""
    if isinstance(error, ValueError | TypeError):
        return "the call's arguments were not those of an event"
    return f"the writer failed ({type(error).__name__})"


# --- The one writer of this process ---------------------------------------------------------------------------


class _Process:
    """Makes the writer at the first event, gives a forked child its own, and finishes it at exit."""

    def __init__(self) -> None:
        self._writer: Writer | None = None
        self._making = threading.RLock()
        self._loading = threading.RLock()
        """Held while modules are imported."""
        self._forking = threading.local()
        self._inherited: list[Writer] = []
        self.spools: list[Spool] = []

    def writer(self) -> Writer:
        if self._writer is None:
            with self._making:
                if self._writer is None:
                    self._finish_in_workers()
                    drops = Drops()
                    self._writer = Writer(lambda: self._prepared(drops), drops)
        return self._writer

    def _prepared(self, drops: Drops) -> Desk:
        with self._loading:
            return prepare(os.environ, drops, self.spools)

    def _finish_in_workers(self) -> None:
        """``multiprocessing`` ends its forked workers with ``os._exit``: ``atexit`` never runs there."""
        util = sys.modules.get("multiprocessing.util")
        if util is not None:
            util.Finalize(None, self.at_exit, exitpriority=0)

    def flush(self, timeout: float) -> bool:
        return self._writer is None or self._writer.flush(timeout)

    def before_fork(self) -> None:
        """A child that is forked in the middle of an import has that module half made, and its lock held for good."""
        self._forking.holds = self._loading.acquire(timeout=FORK_WAITS)

    def after_fork_in_parent(self) -> None:
        """Our thread may import again."""
        if self._forking.holds:
            self._loading.release()

    def after_fork_in_child(self) -> None:
        """The parent's thread did not come along, its locks may be held for good, its events are its own."""
        self._making = threading.RLock()
        self._loading = threading.RLock()
        if self._writer is not None:
            # Kept, never used: closing a copied connection would tell the parent's server goodbye.
            self._inherited.append(self._writer)
        self._writer = None
        for spool in self.spools:
            with suppress(OSError):
                spool.close()
        self.spools = []

    def at_exit(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            with suppress(Exception):
                writer.finish()


_process = _Process()
os.register_at_fork(
    before=_process.before_fork,
    after_in_parent=_process.after_fork_in_parent,
    after_in_child=_process.after_fork_in_child,
)
atexit.register(_process.at_exit)


# --- Where to -------------------------------------------------------------------------------------------------


def prepare(environ: Mapping[str, str], drops: Drops, spools: list[Spool]) -> Desk:
    """Read the configuration and make ready to write. Never raises: without a log, events are counted as lost."""
    try:
        return _desk(environ, drops, spools)
    except ReleaseguardError as error:
        log.warning("integration events are lost: %s", error)
    except Exception as error:  # noqa: BLE001 - the thread that calls must live, to count what is lost
        log.warning("integration events are lost: %s while reading the configuration", type(error).__name__)
    return Desk(Nowhere(drops), identity_from(environ, None), Scrubber())


def _desk(environ: Mapping[str, str], drops: Drops, spools: list[Spool]) -> Desk:
    from releaseguard import settings

    configured = settings.load(None, environment=None, environ=environ)
    url = _given_url(environ) or (configured.events.url if configured.path else None)
    identity = identity_from(environ, configured.environment)
    scrubber = Scrubber(secrets_of(environ))
    if url is None:
        log.warning("integration events are lost: set RELEASEGUARD_EVENTS_URL, or write a releaseguard.toml")
        return Desk(Nowhere(drops), identity, scrubber)
    _load(url)
    spool = Spool(spool_folder(environ, url), SPOOL_BYTES)
    spools.append(spool)
    courier = Courier(
        lambda: _store(configured, url, environ), spool, drops, environment=identity.environment, clock=time.monotonic
    )
    return Desk(courier, identity, scrubber)


def _given_url(environ: Mapping[str, str]) -> str | None:
    """``RELEASEGUARD_EVENTS_URL``; a file is relative to the working directory, whatever the configuration."""
    url = environ.get("RELEASEGUARD_EVENTS_URL") or None
    if url is None or not url.startswith("sqlite:///"):
        return url
    return f"sqlite:///{Path.cwd() / url.removeprefix('sqlite:///')}"


def _load(url: str) -> None:
    """Import now whatever delivering will need: no later moment is one in which a fork can be made to wait."""
    from releaseguard import wiring
    from releaseguard.cards import load  # noqa: F401

    with suppress(ImportError):  # not POSIX
        import fcntl  # noqa: F401 - the spool's
    wiring.load_event_log(url)


@contextmanager
def _store(configured: Settings, url: str, environ: Mapping[str, str]) -> Iterator[EventLog]:
    """The store itself: the adapters of the command line, without its cards and without SAFE MODE's guard."""
    from releaseguard import safemode, settings, wiring
    from releaseguard.cards.load import Cards

    policy = safemode.build_policy({"[events] url": url}, {}, wiring.INFRASTRUCTURE, proxy=configured.network.proxy)
    with wiring.Wiring(configured, settings.credentials(environ), Cards({}, {}), policy, environ) as opened:
        yield opened.event_log_at(url)


class Nowhere:
    """Where events go without a configuration: each is counted as lost."""

    def __init__(self, drops: Drops) -> None:
        self._drops = drops

    def deliver(self, events: Sequence[Event], *, at_once: bool = False) -> bool:  # noqa: ARG002
        """Count them."""
        self._drops.add("no event log is configured", len(events))
        return not events

    def next_look(self) -> float | None:
        """There is nothing to look for."""
        return None

    def farewell(self, events: Sequence[Event]) -> None:
        """Count them, for completeness."""
        self.deliver(events)


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
