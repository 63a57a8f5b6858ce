"""A week of realistic events for a SQLite log: nineteen providers, the hours of the week, errors, releases.

The rows come from the course of the app's life (:mod:`releaseguard.sandbox.course`) and have the ``recorded_at`` that a
live log would have given them, a moment after ``occurred_at``: a log whose past was recorded just now would look like
one whose pipeline is hours late.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from releaseguard.eventlog.entries import deployment
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import Event, Outcome, to_text
from releaseguard.sandbox.course import MARK, STREAMS, Course, Occurrence, Stream

WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Breakage:
    """How a bad release breaks one provider: what it sends fails, what it receives does not."""

    provider: str = "sendgrid"
    error_share: float = 0.3
    error_code: str = "400"


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """A release and when it was deployed."""

    release: str
    deployed_at: datetime


@dataclass(slots=True)
class Week:
    """Writes events into the SQLite log at ``path``, which has been migrated before.

    ``scale`` multiplies all rates (1 is about 120,000 rows a week); ``seed`` repeats a week exactly; ``shift`` is
    that of the :class:`~releaseguard.sandbox.course.Course`, in minutes.
    """

    path: Path
    scale: float = 1.0
    environment: str = "production"
    versions: Mapping[str, str] = field(default_factory=lambda: {"SENDGRID_API_KEY": "1"})
    """What the app says of the version of a secret that it uses; of the others it says nothing."""
    seed: int | None = None
    shift: int = 0
    streams: Sequence[Stream] = STREAMS
    course: Course = field(init=False)

    def __post_init__(self) -> None:
        seed = self.seed if self.seed is not None else secrets.randbits(64)
        self.course = Course(seed, tuple(self.streams), self.scale, self.shift)

    def write(self, until: datetime, release: str, *, since: datetime | None = None, earlier: int = 4) -> int:
        """A week up to ``until`` that ends with ``release`` having run for a day, or for half of a shorter time.

        Returns the number of its events.

        ``earlier`` releases before it divide the rest of the time evenly.
        """
        releases = self._past(since or until - WEEK, until, release, earlier)
        ends = [*(one.deployed_at for one in releases[1:]), until]
        written = 0
        with SqliteEventLog(self.path) as log:
            for one, end in zip(releases, ends, strict=True):
                written += log.restore(self._rows(one, end, until))
                log.restore([self._deployed(one)])
        return written

    def append(self, released: Released, until: datetime, fault: Breakage | None = None) -> int:
        """A further release from its deployment to ``until``; with ``fault`` it is a bad one.

        Seeded traffic after the deployment is replaced, because the users who made it now meet the new release;
        what the app or releaseguard wrote by itself stays.
        """
        with closing(sqlite3.connect(self.path, timeout=60)) as connection, connection:
            connection.execute(
                "DELETE FROM integration_events WHERE occurred_at >= ? AND environment = ? AND id LIKE ?",
                (to_text(released.deployed_at), self.environment, f"{MARK}%"),
            )
        with SqliteEventLog(self.path) as log:
            log.restore([self._deployed(released)])
            return log.restore(self._rows(released, until, until, fault))

    @staticmethod
    def _past(start: datetime, until: datetime, release: str, earlier: int) -> list[Released]:
        newest = max(until - timedelta(days=1), start + (until - start) / 2)
        step = (newest - start) / max(1, earlier)
        past = [Released(release=secrets.token_hex(20), deployed_at=start + step * number) for number in range(earlier)]
        return [*past, Released(release=release, deployed_at=newest if earlier else start)]

    def _deployed(self, one: Released) -> Event:
        return recorded(deployment(one.release, self.environment, one.deployed_at), one.deployed_at)

    def _rows(
        self, released: Released, end: datetime, known_by: datetime, fault: Breakage | None = None
    ) -> Iterator[Event]:
        """What occurred under a release, as far as the log knew of it then."""
        for occurrence in self.course.during(released.deployed_at, end):
            if occurrence.recorded < known_by.timestamp():
                yield self._row(occurrence, released.release, _error(occurrence, fault))

    def _row(self, occurrence: Occurrence, release: str, error: str | None) -> Event:
        stream = occurrence.stream
        return Event(
            id=occurrence.id,
            occurred_at=moment(occurrence.at),
            recorded_at=moment(occurrence.recorded),
            provider=stream.provider,
            event=stream.error if error else stream.success,
            outcome=Outcome.ERROR if error else Outcome.SUCCESS,
            error_code=error,
            latency_ms=occurrence.latency_ms,
            environment=self.environment,
            release=release,
            source=stream.source,
            correlation_id=occurrence.correlation_id,
            detail=self._detail(stream),
        )

    def _detail(self, stream: Stream) -> Mapping[str, str]:
        version = next((self.versions[name] for name in stream.secrets if name in self.versions), None)
        return {"secret_version": version} if version else {}


def _error(occurrence: Occurrence, fault: Breakage | None) -> str | None:
    """The code of a use that fails, by its luck; ``None`` for one that does not."""
    stream = occurrence.stream
    if fault is not None and fault.provider == stream.provider and stream.error_share > 0:
        return fault.error_code if occurrence.luck < fault.error_share else None
    return stream.error_code if occurrence.luck < stream.error_share else None


def recorded(event: Event, at: datetime) -> Event:
    """The event as a log has it that learnt of it then."""
    return replace(event, recorded_at=at)


def moment(seconds: float) -> datetime:
    """An epoch time as a value of the model's."""
    return datetime.fromtimestamp(seconds, UTC)
