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
This package runs inside the app: it installs no hook of SAFE MODE. A forked child starts with an empty queue and a
thread of its own.
"""

from __future__ import annotations

import atexit
import os
from functools import cache, wraps
from itertools import count
from time import time_ns

from releaseguard_events.plain import CONSTANT, held, held_text
from releaseguard_events.process import Process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, ParamSpec, TypeVar
    from uuid import UUID

    from releaseguard_events.pipeline.delivery import Pipeline
    from releaseguard_events.pipeline.drops import Drops

    P = ParamSpec("P")
    T = TypeVar("T")

__all__ = ["fingerprint", "flush", "log_integration_event"]


def _never_raises(instead: T) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Whatever goes wrong inside, wrong arguments included, is counted; the caller gets ``instead``."""

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return function(*args, **kwargs)
            except Exception as error:  # noqa: BLE001 - an app must not fail because its log does
                _count(error)
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
    _process.put((
        time_ns(),
        next(_numbers),
        held_text(provider),
        held_text(event),
        held_text(outcome),
        held_text(error_code),
        held_text(release),
        held_text(source),
        latency_ms if type(latency_ms) in CONSTANT else _number(latency_ms),
        held_text(correlation_id),
        _flag(synthetic),
        None if detail is None else held(detail),
    ))  # fmt: skip


@_never_raises(instead=False)
def flush(timeout: float = 5.0) -> bool:
    """Wait at most ``timeout`` seconds until all events logged so far are in the store.

    ``False``: they are not yet; what the store has not taken waits in the spool or in the queue. Never raises.
    """
    return _process.flush(timeout)


def fingerprint(name: str) -> str | None:
    """What tells the value of ``name`` that this process holds from every other: for ``detail["secret_version"]``.

    HMAC-SHA-256 under the project's salt, cut to 40 bits: ``fp:mfrggzdf``. ``None``: the environment has no such
    variable, or its value may be guessed (an account's number, a short word), so that no fingerprint of it is written
    down. Never raises.
    """
    from releaseguard_events.errors import ConfigError
    from releaseguard_events.scrub.fingerprints import fingerprint_of, may_have_one

    value = os.environ.get(name)
    if not value:
        return None
    try:
        found = fingerprint_of(value, _salt()) if may_have_one(name) else None
    except ConfigError as error:
        _say(f"no fingerprint of {name}: {error.what}")
        return None
    if found is None:
        _say(f"no fingerprint of {name}: its value may be guessed")
    return found


@cache
def _salt() -> str:
    """Read once: a file does not change under a process."""
    from releaseguard_events.configuration import salt

    return salt(os.environ)


@cache
def _say(what: str) -> None:
    """Once each."""
    import logging

    logging.getLogger("releaseguard").warning("%s", what)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _flag(value: object) -> bool:
    try:
        return bool(value)
    except Exception:  # noqa: BLE001 - the app's own __bool__; what may be synthetic must not count as traffic
        return True


def _count(error: Exception) -> None:
    """An event is lost. In our own words, and no others: what the app passed may be in the error's."""
    arguments = isinstance(error, ValueError | TypeError)
    known = "the call's arguments were not those of an event"
    try:
        _process.writer.lose(known if arguments else f"the writer failed ({type(error).__name__})")
    except Exception:  # noqa: BLE001 - half an interpreter is left, or less
        return


def _prepared(drops: Drops, process: Process) -> Pipeline:
    from releaseguard_events.preparing import prepare

    return prepare(os.environ, drops, process)


_numbers = count()
_process = Process(_prepared)
atexit.register(_process.at_exit)
