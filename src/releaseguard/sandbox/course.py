"""The course of the stand-in app's life: how often its users use which provider, and how it goes.

One model for the past and for what is going on now. What happens is a pure function of the seed and the time: the
hours of a stream are dealt one by one, each from dice of its own, so that any stretch of time can be asked for, in any
pieces, as often as one likes, and its occurrences are always the same, ids included.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

HOUR = 3600
MARK = "5eed"
"""How the ids of the course's events begin; those of events that something made happen begin with the time."""
MOST_LAG = 60.0
"""Seconds after which at the latest an occurrence has reached the log."""
_ACTION_AFTER = 1.0
"""Seconds from the use to the user's action that goes with it."""
_BY_HOUR = (35, 20, 12, 8, 7, 10, 22, 48, 80, 105, 118, 126, 135, 128, 118, 112, 115, 128, 148, 165, 172, 158, 118, 70)
"""The day of a consumer app in percent of its mean, from midnight."""
_BY_DAY = (95, 95, 98, 102, 112, 106, 92)
"""The week, from Monday."""
_EVENING = 20
"""The busiest hour of the day."""
_WAVERING = 0.08
"""Standard deviation of one hour's level: what distinguishes this Monday at eight from the last one."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One kind of use: how often it happens in a mean hour, and how it goes wrong."""

    provider: str
    success: str
    source: str
    """The process that does it, which is also the events' ``source``."""
    per_hour: float
    error_share: float = 0.004
    error_code: str = "timeout"
    latency_ms: int = 180
    secrets: tuple[str, ...] = ()
    """What the process needs for it."""
    action: str | None = None
    """The user's action that goes on whether or not the use succeeds; an event of Supabase's."""

    @property
    def error(self) -> str:
        return f"{self.provider}_error"


_TWILIO = ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN")
_PAYTR = ("PAYTR_MERCHANT_ID", "PAYTR_MERCHANT_KEY", "PAYTR_MERCHANT_SALT")
_IDENFY = ("IDENFY_API_KEY", "IDENFY_API_SECRET")
_AWS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_SENDGRID_WEBHOOK = ("SENDGRID_WEBHOOK_VERIFICATION_KEY",)
STREAMS = (
    Stream("supabase", "supabase_rpc_ok", "discover", 110, 0.003, "rls_denied", 60),
    Stream("supabase", "supabase_rpc_ok", "web", 25, 0.003, "rls_denied", 70, ("SUPABASE_SERVICE_ROLE_KEY",)),
    Stream("supabase", "proof_submitted", "web", 5, 0.0, latency_ms=240),
    Stream("mapbox", "mapbox_geocode_ok", "web", 110, 0.004, "429", 130, ("MAPBOX_ACCESS_TOKEN",)),
    Stream("mapbox", "mapbox_geocode_ok", "geocode", 12, 0.004, "429", 150, ("MAPBOX_SECRET_TOKEN",)),
    Stream("mapbox", "mapbox_map_rendered", "client", 90, 0.003, "timeout", 410, ("MAPBOX_ACCESS_TOKEN",)),
    Stream("paytr", "paytr_withdraw_initiated", "paytr-withdraw", 48, 0.01, "bank_rejected", 900, _PAYTR),
    Stream("idenfy", "idenfy_token_issued", "get-idenfy-token", 3, 0.01, "422", 500, _IDENFY),
    Stream("idenfy", "idenfy_webhook_received", "idenfy-webhook", 2.5, 0.0, "401", 30, ("IDENFY_WEBHOOK_SECRET",)),
    Stream("twilio", "twilio_sms_sent", "twilio-sms", 60, 0.01, "21610", 320, _TWILIO),
    Stream("sendgrid", "sendgrid_email_sent", "web", 50, 0.005, "429", 210, ("SENDGRID_API_KEY",)),
    Stream("sendgrid", "sendgrid_email_sent", "sendgrid-email", 60, 0.005, "429", 190, ("SENDGRID_API_KEY",)),
    Stream("sendgrid", "sendgrid_webhook_received", "sendgrid-webhook", 18, 0.0, "401", 20, _SENDGRID_WEBHOOK),
    Stream("sendgrid", "sendgrid_webhook_received", "web", 2, 0.0, "401", 30, _SENDGRID_WEBHOOK),
    Stream("posthog", "posthog_event_captured", "web", 60, 0.002, "timeout", 80, ("POSTHOG_API_KEY",)),
    Stream("sentry", "sentry_event_captured", "web", 24, 0.01, "429", 90, ("SENTRY_AUTH_TOKEN",)),
    Stream("sentry", "sentry_event_captured", "client", 12, 0.01, "429", 120, ("SENTRY_DSN",)),
    Stream("openai", "openai_completion_ok", "web", 4, 0.02, "429", 1800, ("OPENAI_API_KEY",)),
    Stream("anthropic", "anthropic_completion_ok", "web", 4, 0.02, "529", 2400, ("ANTHROPIC_API_KEY",)),
    Stream("upstash", "upstash_command_ok", "web", 40, 0.002, "timeout", 30, ("UPSTASH_REDIS_REST_TOKEN",)),
    Stream("upstash", "upstash_message_published", "web", 3, 0.002, "timeout", 60, ("QSTASH_TOKEN",)),
    Stream("mailgun", "mailgun_email_sent", "web", 6, 0.005, "429", 260, ("MAILGUN_API_KEY",)),
    Stream("mailgun", "mailgun_webhook_received", "web", 2, 0.0, "401", 30, ("MAILGUN_WEBHOOK_SIGNING_KEY",)),
    Stream("revenuecat", "revenuecat_request_ok", "web", 5, 0.005, "429", 150, ("REVENUECAT_API_KEY",)),
    Stream("revenuecat", "revenuecat_webhook_received", "web", 3, 0.0, "401", 30, ("REVENUECAT_WEBHOOK_SECRET",)),
    Stream("revenuecat", "revenuecat_purchase_ok", "client", 4, 0.02, "2", 900, ("REVENUECAT_PUBLIC_KEY",)),
    Stream("cloudflare", "cloudflare_request_ok", "web", 20, 0.002, "522", 40, ("CLOUDFLARE_API_TOKEN",)),
    Stream("vercel", "vercel_deploy_ready", "deploy", 0.15, 0.05, "build_failed", 48_000, ("VERCEL_TOKEN",)),
    Stream("expo_push", "expo_push_sent", "push", 9, 0.01, "DeviceNotRegistered", 150, ("EXPO_ACCESS_TOKEN",)),
    Stream("apple_push", "apple_push_sent", "push", 6, 0.01, "410", 120, ("APPLE_PUSH_KEY",)),
    Stream("google_push", "google_push_sent", "push", 7, 0.01, "404", 120, ("GOOGLE_PUSH_SERVICE_ACCOUNT",)),
    Stream(
        "aws_rekognition",
        "aws_rekognition_scan_ok",
        "moderation",
        12,
        0.01,
        latency_ms=650,
        secrets=_AWS,
        action="moment_published",
    ),
    Stream("aws_rekognition", "aws_rekognition_flag_created", "moderation", 0.6, 0.0, latency_ms=20),
    Stream("aws_rekognition", "aws_rekognition_flag_overturned", "admin", 0.1, 0.0, latency_ms=20),
)
"""Every provider that has a card, with the mix of a small consumer app: busy enough for a release to be decided on
within its window, where the lines that ship wait for a decision."""


class Occurrence(NamedTuple):
    """One use of a provider, times in seconds since 1970."""

    at: float
    recorded: float
    """When the log learns of it."""
    stream: Stream
    id: UUID
    luck: float
    """Between 0 and 1: it fails where that is below the share of errors, so a higher share adds failures and takes
    none away."""
    latency_ms: int
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Course:
    """What the app's users do. ``scale`` multiplies all rates: 1 is about 120,000 occurrences a week.

    ``shift`` is how many minutes the app's users live behind UTC: their evening comes so much later.
    """

    seed: int
    streams: Sequence[Stream] = STREAMS
    scale: float = 1.0
    shift: int = 0

    def rate(self, stream: Stream, moment: float) -> float:
        """Uses an hour that are expected at a time."""
        return stream.per_hour * self.scale * weight(moment - 60 * self.shift)

    def during(self, since: datetime, until: datetime) -> Iterator[Occurrence]:
        """What occurs in ``[since, until)``: stream by stream, in no order within an hour."""
        start, end = since.timestamp(), until.timestamp()
        for stream in self.streams:
            for occurrence in self._around(stream, start, end):
                if start <= occurrence.at < end:
                    yield occurrence

    def reaching(self, since: datetime, until: datetime) -> list[Occurrence]:
        """What the log learns of in ``[since, until)``, in that order."""
        start, end = since.timestamp(), until.timestamp()
        around = (one for stream in self.streams for one in self._around(stream, start - MOST_LAG, end))
        return sorted((one for one in around if start <= one.recorded < end), key=lambda one: one.recorded)

    def _around(self, stream: Stream, start: float, end: float) -> Iterator[Occurrence]:
        """The whole hours that overlap, and the one before: its last use may have its action in the next hour."""
        first, last = ((moment - 60 * self.shift) // HOUR for moment in (start - _ACTION_AFTER, end))
        for hour in range(int(first), int(last) + 1):
            yield from _hour(self.seed, self.scale, self.shift, stream, hour)


def evening_at(now: datetime) -> int:
    """The ``shift`` with which the app's users have their busiest hour now, wherever they live."""
    return 60 * (now.astimezone(UTC).hour - _EVENING)


def shifted_to(now: datetime, moment: datetime) -> int:
    """The ``shift`` with which ``now`` is, to the minute, what ``moment`` is in the course: a story that is told at
    any time, and always the same."""
    return int((now - moment) // timedelta(minutes=1))


def weight(moment: float) -> float:
    """How busy the hour of an epoch time is; 1 is the week's mean."""
    at = datetime.fromtimestamp(moment, UTC)
    return _BY_HOUR[at.hour] / 90.0 * _BY_DAY[at.weekday()] / 100.0


@lru_cache(maxsize=256)
def _hour(seed: int, scale: float, shift: int, stream: Stream, hour: int) -> Sequence[Occurrence]:
    """A Poisson process whose rate follows the hour of the week and wavers by some percent from hour to hour."""
    dice = random.Random(f"{seed} {stream.provider} {stream.success} {stream.source} {hour}")  # noqa: S311 - traffic
    wavering = max(0.5, dice.gauss(1.0, _WAVERING))
    number = _poisson(dice, stream.per_hour * scale * weight(hour * HOUR) * wavering)
    begin = hour * HOUR + 60 * shift
    uses = [_occurrence(dice, stream, begin + HOUR * dice.random()) for _ in range(number)]
    if stream.action is None:
        return uses
    action = Stream("supabase", stream.action, "web", 0.0, 0.0)
    return [one for use in uses for one in (use, _with_it(dice, action, use))]


def _occurrence(dice: random.Random, stream: Stream, at: float) -> Occurrence:
    lag = min(dice.expovariate(1 / (3.0 if stream.source == "client" else 0.4)), MOST_LAG)
    latency = int(stream.latency_ms * dice.lognormvariate(0.0, 0.35))
    return Occurrence(at, at + lag, stream, _id(dice), dice.random(), latency, f"{dice.getrandbits(64):016x}")


def _with_it(dice: random.Random, action: Stream, use: Occurrence) -> Occurrence:
    return _occurrence(dice, action, use.at + _ACTION_AFTER)._replace(correlation_id=use.correlation_id)


def _id(dice: random.Random) -> UUID:
    """In the form of the ids that writers make (UUIDv7), with the mark instead of the time's beginning."""
    bits = dice.getrandbits(112) & ~(0xF << 76 | 0x3 << 62)
    return UUID(int=int(MARK, 16) << 112 | bits | 0x7 << 76 | 0b10 << 62)


def _poisson(dice: random.Random, mean: float) -> int:
    """A Poisson number: Knuth's product for small means, a rounded normal for large ones."""
    if mean > 50:
        return max(0, round(dice.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), dice.random(), 0
    while product > limit:
        product *= dice.random()
        count += 1
    return count
