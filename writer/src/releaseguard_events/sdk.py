"""The writer for apps: ``log_integration_event`` and ``flush``.

A call never raises into the app, never makes it wait and never slows it down: it copies its arguments onto a bounded
queue, and a daemon thread scrubs, batches and delivers them. While the store is unreachable, events wait on disk.
Events for which there is no room are counted and reported, through ``logging`` (logger ``releaseguard``) and as an
``events_dropped`` event. What is guaranteed when a process starts, forks and ends is in ``docs/writing-events.md``.

The destination is ``RELEASEGUARD_EVENTS_URL``, else ``[events] url`` of ``releaseguard.toml`` (searched upward from the
working directory, or named by ``RELEASEGUARD_CONFIG``). With neither, events are counted as lost and nothing is opened.

Every event carries these values, read once from the environment; the first variable that is set wins:

- ``environment``: ``RELEASEGUARD_ENVIRONMENT``, ``VERCEL_TARGET_ENV``, ``VERCEL_ENV``, else the configuration's;
- ``release``: ``RELEASEGUARD_RELEASE``, ``SENTRY_RELEASE``, ``VERCEL_GIT_COMMIT_SHA``, ``GITHUB_SHA``,
  ``RENDER_GIT_COMMIT``, ``RAILWAY_GIT_COMMIT_SHA``, ``HEROKU_SLUG_COMMIT``, ``COMMIT_SHA``;
- ``detail.deployment_id``: ``RELEASEGUARD_DEPLOYMENT_ID``, ``VERCEL_DEPLOYMENT_ID``.

``RELEASEGUARD_SPOOL_DIR`` sets the folder of the spool (else the user's state directory, else the temporary one). This
package runs inside the app, so it never installs SAFE MODE's network guard. A forked child starts with an empty queue
and its own thread.
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
    """A decorator: any exception, wrong arguments included, is counted as a lost event, and the caller gets
    ``instead``."""

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
    """Log that the app really used ``provider``: ``event`` with the outcome ``success`` or ``error``.

    ``latency_ms`` is in milliseconds. ``release`` and ``source`` name the code that made the call. ``correlation_id``
    ties together the events of one user action. ``synthetic`` marks the events of a test user. ``detail`` is any JSON
    object; put ``secret_version`` there where the app knows it. Never raises and never waits. Secrets and personal data
    are scrubbed before anything leaves the process. The provider ``releaseguard`` and the names of its own events are
    refused: such an event is counted as lost, and reported through ``logging``.
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

    Returns ``False`` where they are not yet: then they wait in the queue or on disk. Never raises.
    """
    return _process.flush(timeout)


def fingerprint(name: str) -> str | None:
    """A short label of the value that this process holds in the variable ``name``, for ``detail["secret_version"]``.

    It is an HMAC-SHA-256 under the project's salt, cut to 40 bits: ``fp:mfrggzdf``. ``None`` where the variable is not
    set, or where the value could be guessed from its fingerprint (an account number, a short word). Never raises.
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
    """The project's fingerprint salt, read once."""
    from releaseguard_events.configuration import salt

    return salt(os.environ)


@cache
def _say(what: str) -> None:
    """Log a warning, once for each text."""
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
    """Count a lost event. The reason is in our own words: the error's text may repeat what the app passed."""
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
