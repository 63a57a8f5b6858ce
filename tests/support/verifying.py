"""Verdicts in this process, over rows in an SQLite file: no command line, no network, no clock but the test's."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any
from uuid import UUID

from releaseguard.cards.load import load_cards
from releaseguard.cards.spec import Card
from releaseguard.eventlog.entries import deployment
from releaseguard.eventlog.interface import EventLog
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import OURSELVES, Event, Outcome
from releaseguard.verification.checks.live_checks import LiveChecks
from releaseguard.verification.context import VerifyContext, VerifyRequest
from releaseguard.verification.run import Verifier
from releaseguard.verification.values import Judged, Promise
from releaseguard.verification.write_back import written_back

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
"""When the release under test is deployed."""
DAY = timedelta(days=1)
PROMISE = Promise(window_minutes=30, baseline_minutes=3 * 24 * 60)
SHIPPED = tuple(load_cards())
_numbers = iter(range(1, 1 << 62))
_said_by = attrgetter(*(name for name in Event.__slots__ if name not in {"id", "detail"}))
WORTH_KEEPING = 500
"""Rows that are quicker copied than written."""
_past: dict[tuple[Any, ...], Path] = {}
"""Logs of rows from before the release, by what the rows say; the last ones that were used."""
KEPT = 6


def row(minutes: float, event: str, *, provider: str = "sendgrid", ok: bool = True, **more: Any) -> Event:
    """A row of traffic, so many minutes after the deployment, recorded at once unless told otherwise."""
    at = NOON + timedelta(minutes=minutes)
    given: dict[str, Any] = {
        "id": UUID(int=next(_numbers)),
        "occurred_at": at,
        "recorded_at": at,
        "provider": provider,
        "event": event,
        "outcome": Outcome.SUCCESS if ok else Outcome.ERROR,
        "environment": "production",
        "release": "r1" if minutes >= 0 else "r0",
    }
    return Event(**given | more)


def mark(minutes: float = 0, release: str = "r1", *, recorded: float | None = None, **more: Any) -> Event:
    """The mark of a deployment; ``recorded`` minutes after noon, where that is not when it says it was."""
    at = NOON + timedelta(minutes=minutes)
    learned = at if recorded is None else NOON + timedelta(minutes=recorded)
    made = deployment(release, "production", at, **more)
    assert made.provider == OURSELVES
    return Event(**{name: getattr(made, name) for name in made.__slots__} | {"recorded_at": learned})


def steady(
    events: Iterable[str] = ("sendgrid_email_sent",),
    *,
    every: float = 1,
    since: float = -4320,
    until: float = 30,
    **more: Any,
) -> list[Event]:
    """One of each event every so many minutes, from days before the deployment on."""
    count = round((until - since) / every)
    return [row(since + number * every, event, **more) for number in range(count) for event in events]


def stored(path: Path, rows: Iterable[Event]) -> SqliteEventLog:
    """The rows in a log of their own, with the times of recording that they carry.

    Many tests are about one past and different releases: a past is written once, and copied with its ids.
    """
    rows = list(rows)
    past = [one for one in rows if one.occurred_at < NOON and one.provider != OURSELVES]
    if len(past) >= WORTH_KEEPING and len({one.id for one in past}) == len(past) and not path.exists():
        shutil.copy(_log_of(past), path)
        rows = [one for one in rows if one.occurred_at >= NOON or one.provider == OURSELVES]
    return _with(SqliteEventLog(path), rows)


def _log_of(past: Sequence[Event]) -> Path:
    said = tuple((*_said_by(one), str(one.detail)) for one in past)
    path = _past.pop(said, None) or _home() / str(next(_numbers))
    if not path.exists():
        _with(SqliteEventLog(path), past).close()
    _past[said] = path
    for oldest in list(_past)[:-KEPT]:
        _past.pop(oldest).unlink()
    return path


@cache
def _home() -> Path:
    made = Path(tempfile.mkdtemp(prefix="releaseguard-past-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def _with(log: SqliteEventLog, rows: Iterable[Event]) -> SqliteEventLog:
    log.migrate()
    log.restore(rows)
    return log


def world_of(log: EventLog, *, cards: Sequence[Card] = SHIPPED, now: float = 30, **more: Any) -> VerifyContext:
    """What a verification reads, so many minutes after the deployment."""
    given: dict[str, Any] = {
        "log": log,
        "cards": cards,
        "environment": "production",
        "promise": PROMISE,
        "kinds": lambda _detail: {},
        "live_checks": LiveChecks(),
        "now": lambda: NOON + timedelta(minutes=now),
    }
    return VerifyContext(**given | more)


def judge(log: EventLog, *, request: VerifyRequest | None = None, write: bool = False, **more: Any) -> Judged:
    """One look; ``write``: and its results into the log, as the command does."""
    judged = Verifier(request or VerifyRequest(release="r1"), world_of(log, **more)).look()
    if write:
        log.append(written_back(judged))
    return judged


def verdicts(judged: Judged) -> dict[str, str]:
    """What each check says."""
    return {finding.id: finding.verdict.value for finding in judged.findings}


Broken = Callable[..., Any]


def breaking(error: Exception) -> Broken:
    """A function that breaks, for a monkeypatch."""

    def broken(*_arguments: Any, **_more: Any) -> Any:
        raise error

    return broken
