"""A week of realistic events for a SQLite log: fifteen providers, the hours of the week, errors, releases.

The rows are written in bulk and with the ``recorded_at`` that a live log would have given them, a moment after
``occurred_at``: a log whose past was recorded just now would look like one whose pipeline is hours late.
"""

from __future__ import annotations

import json
import math
import random
import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from releaseguard.model import OURSELVES, deterministic_id, to_text

WEEK = timedelta(days=7)
HOUR = 3600.0
MARK = "5eed"
"""How the ids of seeded traffic begin; those of events that were really logged begin with the time."""
_INSERT = """INSERT INTO integration_events (id, occurred_at, recorded_at, provider, event, outcome, error_code,
latency_ms, environment, "release", source, correlation_id, synthetic, detail)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)"""
_BY_HOUR = (35, 20, 12, 8, 7, 10, 22, 48, 80, 105, 118, 126, 135, 128, 118, 112, 115, 128, 148, 165, 172, 158, 118, 70)
"""The day of a consumer app in percent of its mean, from midnight UTC."""
_BY_DAY = (95, 95, 98, 102, 112, 106, 92)
"""The week, from Monday."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One kind of use: how often it happens in a mean hour, and how it goes wrong."""

    provider: str
    success: str
    source: str
    per_hour: float
    error_share: float = 0.004
    error_code: str = "timeout"
    latency_ms: int = 180
    secret: str | None = None
    """The secret whose version the events carry."""
    action: str | None = None
    """The user's action that goes on whether or not the use succeeds; an event of Supabase's."""

    @property
    def error_event(self) -> str:
        return f"{self.provider}_error"


STREAMS = (
    Stream("supabase", "supabase_rpc_ok", "discover", 110, 0.003, "rls_denied", 60),
    Stream("supabase", "proof_submitted", "web", 5, 0.0, latency_ms=240),
    Stream("mapbox", "mapbox_geocode_ok", "web", 110, 0.004, "429", 130),
    Stream("mapbox", "mapbox_map_rendered", "client", 90, 0.003, "timeout", 410),
    Stream("paytr", "paytr_withdraw_initiated", "paytr-withdraw", 24, 0.01, "bank_rejected", 900),
    Stream("idenfy", "idenfy_token_issued", "get-idenfy-token", 3, 0.01, "422", 500),
    Stream("idenfy", "idenfy_webhook_received", "idenfy-webhook", 2.5, 0.0, latency_ms=30),
    Stream("twilio", "twilio_sms_sent", "twilio-sms", 60, 0.01, "21610", 320),
    Stream("sendgrid", "sendgrid_email_sent", "web", 50, 0.005, "429", 210, "SENDGRID_API_KEY"),
    Stream("sendgrid", "sendgrid_email_sent", "sendgrid-email", 60, 0.005, "429", 190, "SENDGRID_API_KEY"),
    Stream("sendgrid", "sendgrid_webhook_received", "sendgrid-webhook", 18, 0.0, latency_ms=20),
    Stream("posthog", "posthog_event_captured", "web", 60, 0.002, "timeout", 80),
    Stream("sentry", "sentry_event_captured", "web", 4, 0.01, "429", 90),
    Stream("openai", "openai_completion_ok", "web", 4, 0.02, "429", 1800),
    Stream("cloudflare", "cloudflare_request_ok", "web", 20, 0.002, "522", 40),
    Stream("vercel", "vercel_deploy_ready", "deploy", 0.15, 0.05, "build_failed", 48_000),
    Stream("expo_push", "expo_push_sent", "push", 9, 0.01, "DeviceNotRegistered", 150),
    Stream("apple_push", "apple_push_sent", "push", 6, 0.01, "410", 120),
    Stream("google_push", "google_push_sent", "push", 7, 0.01, "404", 120),
    Stream(
        "aws_rekognition", "aws_rekognition_scan_ok", "moderation", 12, 0.01, latency_ms=650, action="moment_published"
    ),
    Stream("aws_rekognition", "aws_rekognition_flag_created", "moderation", 0.6, 0.0, latency_ms=20),
    Stream("aws_rekognition", "aws_rekognition_flag_overturned", "admin", 0.1, 0.0, latency_ms=20),
)
"""Every provider that has a card, with the mix of a small consumer app."""


@dataclass(frozen=True, slots=True)
class Fault:
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

    ``scale`` multiplies all rates (1 is about 100,000 rows a week); ``seed`` repeats a week exactly; ``evening``
    is a time at which the app's users have their busy hour of eight in the evening, wherever they live.
    """

    path: Path
    scale: float = 1.0
    environment: str = "production"
    versions: Mapping[str, str] = field(default_factory=lambda: {"SENDGRID_API_KEY": "1"})
    seed: int | None = None
    evening: datetime | None = None
    streams: Sequence[Stream] = STREAMS
    noise: float = 1.0
    """How much of chance's play is let in; a story that must end as told takes less than all of it."""
    _dice: random.Random = field(init=False)
    _to_next_error: dict[tuple[Stream, float], float] = field(init=False, default_factory=dict)
    _shift: float = field(init=False)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed if self.seed is not None else secrets.randbits(64))  # noqa: S311 - traffic, no secrets
        self._shift = (self.evening.astimezone(UTC).hour - 20) * HOUR if self.evening else 0.0

    def write(self, until: datetime, release: str, *, since: datetime | None = None, earlier: int = 4) -> int:
        """A week up to ``until`` that ends with ``release`` having run for a day; returns the number of rows.

        ``earlier`` releases before it divide the rest of the week evenly.
        """
        start = since or until - WEEK
        releases = self._past(start, until, release, earlier)
        ends = [*(one.deployed_at for one in releases[1:]), until]
        with self._connected() as connection:
            written = 0
            for one, end in zip(releases, ends, strict=True):
                written += self._insert(connection, self._rows(one.release, one.deployed_at, end, None))
                self._insert(connection, iter([self._deployed(one)]))
        return written

    def append(self, released: Released, until: datetime, fault: Fault | None = None) -> int:
        """A further release from its deployment to ``until``; with ``fault`` it is a bad one.

        Seeded traffic after the deployment is replaced, because the users who made it now meet the new release;
        what the app or releaseguard wrote by itself stays.
        """
        with self._connected() as connection:
            connection.execute(
                "DELETE FROM integration_events WHERE occurred_at >= ? AND environment = ? AND id LIKE ?",
                (to_text(released.deployed_at), self.environment, f"{MARK}%"),
            )
            self._insert(connection, iter([self._deployed(released)]))
            return self._insert(connection, self._rows(released.release, released.deployed_at, until, fault))

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, timeout=60)) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            with connection:
                yield connection

    # --- rows -------------------------------------------------------------------------------------------------

    def _past(self, start: datetime, until: datetime, release: str, earlier: int) -> list[Released]:
        day_before = until - timedelta(days=1)
        step = (day_before - start) / max(1, earlier)
        past = [Released(release=secrets.token_hex(20), deployed_at=start + step * number) for number in range(earlier)]
        return [*past, Released(release=release, deployed_at=day_before if earlier else start)]

    @staticmethod
    def _insert(connection: sqlite3.Connection, rows: Iterator[tuple[object, ...]]) -> int:
        return connection.executemany(_INSERT, rows).rowcount

    def _deployed(self, one: Released) -> tuple[object, ...]:
        at = to_text(one.deployed_at)
        id_ = str(deterministic_id("seeded release", one.release, self.environment))
        ours = (OURSELVES, "release_deployed", "success", None, None, self.environment, one.release)
        return (id_, at, at, *ours, "deploy", None, "{}")

    def _rows(self, release: str, start: datetime, end: datetime, fault: Fault | None) -> Iterator[tuple[object, ...]]:
        for stream in self.streams:
            detail = self._detail(stream)
            breakable = fault is not None and fault.provider == stream.provider and stream.error_share > 0
            broken = fault if breakable else None
            for moment in self._moments(stream, start.timestamp(), end.timestamp()):
                row = self._row(stream, release, moment, detail, broken)
                yield row
                if stream.action:
                    yield self._action(stream.action, row, moment + 1)

    def _detail(self, stream: Stream) -> str:
        version = self.versions.get(stream.secret or "")
        return json.dumps({"secret_version": version} if version else {})

    def _row(self, stream: Stream, release: str, moment: float, detail: str, fault: Fault | None) -> tuple[object, ...]:
        dice = self._dice
        share, code = (fault.error_share, fault.error_code) if fault else (stream.error_share, stream.error_code)
        failed = self._fails(stream, share)
        lag = dice.expovariate(1 / (3.0 if stream.source == "client" else 0.4))
        return (
            f"{MARK}{dice.getrandbits(16):04x}-{dice.getrandbits(16):04x}-7000-8000-{dice.getrandbits(48):012x}",
            _text(moment),
            _text(moment + lag),
            stream.provider,
            stream.error_event if failed else stream.success,
            "error" if failed else "success",
            code if failed else None,
            int(stream.latency_ms * dice.lognormvariate(0.0, 0.35)),
            self.environment,
            release,
            stream.source,
            f"{dice.getrandbits(64):016x}",
            detail,
        )

    def _fails(self, stream: Stream, share: float) -> bool:
        """One call in ``1 / share`` on average; with less noise in more even distances."""
        if not share:
            return False
        left = self._to_next_error.get((stream, share), self._dice.random() / share) - 1.0
        failed = left <= 0
        if failed:
            left += (1.0 - self.noise) / share + self.noise * _geometric(self._dice, share)
        self._to_next_error[stream, share] = left
        return failed

    def _action(self, event: str, cause: tuple[object, ...], moment: float) -> tuple[object, ...]:
        action = self._row(Stream("supabase", event, "web", 0, 0.0), str(cause[9]), moment, "{}", None)
        return (*action[:11], cause[11], *action[12:])

    def _moments(self, stream: Stream, start: float, end: float) -> Iterator[float]:
        """A Poisson process whose rate follows the hour of the week and wavers by some percent from hour to hour."""
        hour = start - start % HOUR
        while hour < end:
            begin, finish = max(hour, start), min(hour + HOUR, end)
            wavering = self._dice.gauss(1.0, 0.08 * self.noise)
            mean = (
                stream.per_hour * self.scale * weight(hour - self._shift) * max(0.5, wavering) * (finish - begin) / HOUR
            )
            for _ in range(max(0, round(mean + self.noise * (_poisson(self._dice, mean) - mean)))):
                yield begin + (finish - begin) * self._dice.random()
            hour += HOUR


def weight(moment: float) -> float:
    """How busy the hour of an epoch time is; 1 is the week's mean."""
    at = datetime.fromtimestamp(moment, UTC)
    return _BY_HOUR[at.hour] / 90.0 * _BY_DAY[at.weekday()] / 100.0


def _geometric(dice: random.Random, share: float) -> int:
    """How many calls until one fails."""
    return 1 if share >= 1 else max(1, math.ceil(math.log(1.0 - dice.random()) / math.log1p(-share)))


def _poisson(dice: random.Random, mean: float) -> int:
    """A Poisson number: Knuth's product for small means, a rounded normal for large ones."""
    if mean > 50:
        return max(0, round(dice.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), dice.random(), 0
    while product > limit:
        product *= dice.random()
        count += 1
    return count


def _text(moment: float) -> str:
    """:func:`releaseguard.model.to_text` of an epoch time, quicker."""
    return datetime.fromtimestamp(moment, UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
