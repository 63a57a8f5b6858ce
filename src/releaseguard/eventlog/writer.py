"""What stands between an app and the event log: a bounded queue, and the thread that empties it.

A call becomes a :class:`Note` in the app's thread, of plain and bounded values; the thread makes it an event, scrubs
it and hands it to the courier. ``releaseguard.sdk`` has the one writer of a process.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from releaseguard.eventlog.courier import Drops
from releaseguard.eventlog.plain import Json, plain, plain_text
from releaseguard.eventlog.scrub import Scrubber
from releaseguard.model import Event, Outcome, new_id, utc_now

MAX_NAME: Final = 200
"""Characters of every column but ``detail``."""

ENVIRONMENTS: Final = ("RELEASEGUARD_ENVIRONMENT", "VERCEL_TARGET_ENV", "VERCEL_ENV")
RELEASES: Final = (
    "RELEASEGUARD_RELEASE",
    "SENTRY_RELEASE",
    "VERCEL_GIT_COMMIT_SHA",
    "GITHUB_SHA",
    "RENDER_GIT_COMMIT",
    "RAILWAY_GIT_COMMIT_SHA",
    "HEROKU_SLUG_COMMIT",
    "COMMIT_SHA",
)
DEPLOYMENTS: Final = ("RELEASEGUARD_DEPLOYMENT_ID", "VERCEL_DEPLOYMENT_ID")


# --- Notes ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A call's arguments as plain, bounded values, not yet scrubbed."""

    provider: str
    event: str
    outcome: Outcome
    error_code: str | None = None
    latency_ms: int | None = None
    release: str | None = None
    source: str | None = None
    correlation_id: str | None = None
    synthetic: bool = False
    detail: dict[str, Json] = field(default_factory=dict)
    id: UUID = field(default_factory=new_id)
    occurred_at: datetime = field(default_factory=utc_now)


def note_of(
    provider: object,
    event: object,
    outcome: object,
    *,
    error_code: object = None,
    latency_ms: object = None,
    release: object = None,
    source: object = None,
    correlation_id: object = None,
    synthetic: object = False,
    detail: object = None,
) -> Note:
    """The note that a call's arguments make.

    Raises ``ValueError`` where they name no provider, event or outcome; anything else is made to fit.
    """
    return Note(
        provider=_name("provider", provider),
        event=_name("event", event),
        outcome=_outcome(outcome),
        error_code=_text(error_code),
        latency_ms=_milliseconds(latency_ms),
        release=_text(release),
        source=_text(source),
        correlation_id=_text(correlation_id),
        synthetic=_flag(synthetic),
        detail=_object(detail),
    )


def _name(argument: str, value: object) -> str:
    text = plain_text(value, MAX_NAME).strip() if isinstance(value, str) else ""
    if not text:
        raise ValueError(f"{argument} is not a name")
    return text


def _outcome(value: object) -> Outcome:
    try:
        return Outcome(plain_text(value, MAX_NAME).strip().lower())
    except ValueError:
        raise ValueError("outcome is not 'success' or 'error'") from None


def _text(value: object) -> str | None:
    return (plain_text(value).strip() or None) if value is not None else None


def _milliseconds(value: object) -> int | None:
    """A negative, endless or unreadable latency says nothing; the event is worth keeping without it."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**31:
        return round(value)
    return None


def _flag(value: object) -> bool:
    try:
        return bool(value)
    except Exception:  # noqa: BLE001 - the app's own __bool__; what may be synthetic must not count as traffic
        return True


def _object(value: object) -> dict[str, Json]:
    copied = plain(value)
    if copied is None:
        return {}
    return copied if isinstance(copied, dict) else {"value": copied}


# --- Who and where we are -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Identity:
    """What every event of a process carries."""

    environment: str
    release: str | None = None
    deployment_id: str | None = None


def identity_from(environ: Mapping[str, str], configured: str | None) -> Identity:
    """Who this process is, by its environment variables and the ``configured`` environment."""
    return Identity(
        environment=_first(environ, ENVIRONMENTS) or configured or "production",
        release=_first(environ, RELEASES),
        deployment_id=_first(environ, DEPLOYMENTS),
    )


def _first(environ: Mapping[str, str], names: Sequence[str]) -> str | None:
    return next((plain_text(environ[name].strip(), MAX_NAME) for name in names if environ.get(name, "").strip()), None)


def event_of(note: Note, identity: Identity, scrubber: Scrubber) -> Event:
    """The event that a note becomes: scrubbed, and with what the process knows about itself."""
    detail = scrubber.json(dict(note.detail))
    assert isinstance(detail, dict)  # noqa: S101 - an object stays one
    if identity.deployment_id:
        detail.setdefault("deployment_id", identity.deployment_id)
    return Event(
        id=note.id,
        occurred_at=note.occurred_at,
        provider=scrubber.identifier(note.provider),
        event=scrubber.identifier(note.event),
        outcome=note.outcome,
        error_code=_scrubbed(note.error_code, scrubber.text),
        latency_ms=note.latency_ms,
        environment=identity.environment,
        release=_scrubbed(note.release or identity.release, scrubber.identifier),
        source=_scrubbed(note.source, scrubber.text),
        correlation_id=_correlation(note.correlation_id, scrubber),
        synthetic=note.synthetic,
        detail=detail,
    )


def _scrubbed(text: str | None, scrub: Callable[[str], str]) -> str | None:
    return scrub(text)[:MAX_NAME] if text is not None else None


def _correlation(text: str | None, scrubber: Scrubber) -> str | None:
    """An id that had to be masked would tie strangers' events together: better none."""
    return text[:MAX_NAME] if text is not None and scrubber.identifier(text) == text else None


# --- The queue and its thread ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is held, and how long is waited, in events and seconds."""

    queue: int = 10_000
    linger: float = 0.2
    """How long a batch waits for more."""
    batch: int = 200
    exit: float = 2.0
    """How long the end of the process may wait for the store."""


class _Flush:
    """A marker in the queue: what came before it has been dealt with when ``done`` is set."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.delivered = False


class _Wake:
    """A marker in the queue: look at the counters."""


class Carrier(Protocol):
    """What the thread hands events to; :class:`~releaseguard.eventlog.courier.Courier` is one."""

    def deliver(self, events: Sequence[Event], *, at_once: bool = False) -> bool:
        """Whether these and all earlier events are in the store now."""

    def next_look(self) -> float | None:
        """Seconds until ``deliver`` should be called although nothing new came."""

    def farewell(self, events: Sequence[Event]) -> None:
        """Keep what is left: the process ends."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What the thread works with."""

    carrier: Carrier
    identity: Identity
    scrubber: Scrubber

    def events(self, notes: Sequence[Note]) -> Sequence[Event]:
        """The events that notes become."""
        return [event_of(note, self.identity, self.scrubber) for note in notes]


class Writer:
    """A bounded queue and the daemon thread that empties it.

    ``prepare`` is called in the thread, before the first event: reading a configuration takes time. ``put`` is safe
    in signal handlers and finalizers: ``SimpleQueue.put`` is re-entrant and never waits
    (https://docs.python.org/3/library/queue.html#simplequeue-objects). Being unbounded, it is bounded here:
    threads that look at its size at the same moment may exceed the limit by their number.
    """

    def __init__(self, prepare: Callable[[], Desk], drops: Drops, limits: Limits | None = None) -> None:
        self._prepare = prepare
        self._drops = drops
        self._limits = limits or Limits()
        self._queue: queue.SimpleQueue[Note | _Flush | _Wake] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._in_hand: list[Note] = []

    # The app's side

    def put(self, note: Note) -> None:
        """Take a note, or count it as lost where the queue is full."""
        if self._queue.qsize() >= self._limits.queue:
            self.lose("the queue was full")
            return
        self._queue.put(note)
        self._ensure_thread()

    def lose(self, reason: str) -> None:
        """Count an event as lost."""
        asleep = not self._drops.unsaid
        self._drops.add(reason)
        if asleep:
            self._queue.put(_Wake())
            self._ensure_thread()

    def flush(self, timeout: float) -> bool:
        """Whether everything put so far is in the store within ``timeout`` seconds."""
        marker = _Flush()
        self._queue.put(marker)
        self._ensure_thread()
        return marker.done.wait(max(timeout, 0)) and marker.delivered

    def finish(self) -> None:
        """At the end of the process: a last chance for the store, then the disk."""
        if self.flush(self._limits.exit):
            return
        # The thread may be stuck in the store: a desk of our own shares nothing with it but the disk.
        left = [*self._in_hand, *self._drain()]
        desk = self._prepare()
        desk.carrier.farewell(desk.events(left))

    def depth(self) -> int:
        """How many notes wait."""
        return self._queue.qsize()

    def _ensure_thread(self) -> None:
        if self._is_running() or not self._starting.acquire(blocking=False):
            return  # who holds the lock is starting it
        try:
            if not self._is_running():
                thread = threading.Thread(target=self._work, name="releaseguard-events", daemon=True)
                thread.start()
                self._thread = thread
        finally:
            self._starting.release()

    def _is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    # The thread's side

    def _work(self) -> None:
        desk = self._prepare()
        while True:
            marker = self._collect(desk.carrier.next_look())
            delivered = self._hand_over(desk, at_once=isinstance(marker, _Flush))
            if isinstance(marker, _Flush):
                marker.delivered = delivered
                marker.done.set()

    def _hand_over(self, desk: Desk, *, at_once: bool) -> bool:
        try:
            return desk.carrier.deliver(desk.events(self._in_hand), at_once=at_once)
        except Exception as error:  # noqa: BLE001 - the thread must outlive every mistake
            self._drops.add(f"the writer made a mistake ({type(error).__name__})", len(self._in_hand))
            return False
        finally:
            self._in_hand = []

    def _collect(self, patience: float | None) -> _Flush | _Wake | None:
        """Fill ``_in_hand``: wait ``patience`` seconds for the first note, then ``linger`` for more."""
        deadline = None if patience is None else time.monotonic() + patience
        while len(self._in_hand) < self._limits.batch:
            try:
                got = self._queue.get(timeout=None if deadline is None else max(deadline - time.monotonic(), 0))
            except queue.Empty:
                return None
            if not isinstance(got, Note):
                return got
            if not self._in_hand:
                deadline = time.monotonic() + self._limits.linger
            self._in_hand.append(got)
        return None

    def _drain(self) -> list[Note]:
        notes: list[Note] = []
        while True:
            try:
                got = self._queue.get_nowait()
            except queue.Empty:
                return notes
            if isinstance(got, Note):
                notes.append(got)
