"""The demo's props: a week of the app's life, a key that leaks, a good release and a bad one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from releaseguard.eventlog.sqlite import SqliteEventLog
from releaseguard.model import utc_now
from releaseguard.sandbox.seed import STREAMS, Fault, Released, Stream, Week
from releaseguard.sandbox.world import World

_EACH_HOUR = {"sendgrid_webhook_received": 120, "twilio_sms_sent": 240, "posthog_event_captured": 240}
BUSY = tuple(
    replace(stream, per_hour=_EACH_HOUR.get(stream.success, 3 * stream.per_hour))
    for stream in STREAMS
    if stream.provider in {"sendgrid", "twilio", "mapbox", "posthog"}
)
"""Streams with enough traffic to judge a release within half an hour, whatever chance does."""
CALM = 0.3
"""The noise of the demo's week: one run in fifty would otherwise meet an odd half hour and not end as told."""
SINCE_RELEASE = timedelta(minutes=31)
"""How long ago the demo's releases were deployed: a whole window."""


def seed(world: World, database: Path, *, streams: Sequence[Stream] = STREAMS, noise: float = 1.0) -> Week:
    """Write a week of events up to now into the log at ``database``; ``noise`` is that of :class:`Week`."""
    with SqliteEventLog(database) as log:
        log.migrate()
    week = Week(database, streams=streams, evening=utc_now(), noise=noise)
    week.write(utc_now(), world.release)
    return week


@contextmanager
def live_traffic(world: World, database: Path, *, on: bool = True, interval: float = 0.1) -> Iterator[None]:
    """The app writes into the log at ``database`` while this lasts; ``on``: its users are there."""
    with SqliteEventLog(database) as log:
        world.app.log = log.append
        if not on:
            yield
            return
        with world.traffic(interval):
            yield


@dataclass(frozen=True, slots=True)
class Story:
    """What happens in the demo, for whoever tells it."""

    world: World
    week: Week

    def leak(self) -> int:
        """A key is out; a person makes a new one at the provider and stores it in Infisical. Its version."""
        return self.world.new_key("SENDGRID_API_KEY")

    def good_release(self) -> str:
        """A release that harms nobody; returns its name."""
        return self._release("good", None)

    def bad_release(self) -> str:
        """A release that breaks three in ten e-mails; returns its name."""
        return self._release("bad", Fault(provider="sendgrid", error_share=0.3))

    def _release(self, kind: str, fault: Fault | None) -> str:
        now = utc_now()
        name = f"{kind}-{self.world.release[:7]}"
        self.week.append(Released(release=name, deployed_at=now - SINCE_RELEASE), now, fault)
        return name
