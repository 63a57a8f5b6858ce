"""The stage for whoever plays: a furnished world with a week behind it that lives on; and the demo's props."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import utc_now
from releaseguard.sandbox.course import STREAMS, Stream, evening_at, shifted_to
from releaseguard.sandbox.household import everything
from releaseguard.sandbox.life import LOOK_EVERY, Life, living
from releaseguard.sandbox.seed import WEEK, Breakage, Released, Week
from releaseguard.sandbox.serving.exchange import Clock
from releaseguard.sandbox.world import REPOSITORY, World

DAY = timedelta(days=1)
REAL_ONES = (
    "INFISICAL_TOKEN",
    "INFISICAL_IDENTITY_ID",
    "RELEASEGUARD_GITHUB_APP_ID",
    "RELEASEGUARD_GITHUB_APP_PRIVATE_KEY",
    "RELEASEGUARD_SIGNING_KEY",
    "RELEASEGUARD_SIGNING_KEY_OLD",
    "RELEASEGUARD_EVENTS_URL",
    "RELEASEGUARD_ENVIRONMENT",
    "RELEASEGUARD_NOTIFY_URL",
    "APP_DATABASE_URL",
    "SUPABASE_URL",
    "SUPABASE_ANON_KEY",
)
"""What a shell may hold for the real thing and what would be used here instead of what stands here."""
SINCE_RELEASE = timedelta(minutes=31)
"""How long ago the demo's releases were deployed: a whole window."""
_EACH_HOUR = {"sendgrid_webhook_received": 40, "posthog_event_captured": 120}
BUSY = tuple(
    replace(stream, per_hour=_EACH_HOUR.get(stream.success, stream.per_hour))
    for stream in STREAMS
    if stream.provider in {"sendgrid", "twilio", "mapbox", "posthog"}
)
"""Streams with enough traffic to judge a release within half an hour: a week of all providers with that much would take
longer than anybody watches a demo."""
TOLD_AT = datetime(2026, 3, 4, 20, 30, tzinfo=UTC)
"""When the demo happens to its users, whatever the clock says here: a Wednesday evening."""
TOLD_WITH = 4
"""The seed of the demo's week: it is the same in every run, and so is how the story ends."""


def furnished(clock: Clock = utc_now, *, release: str | None = None) -> World:
    """A world with every secret of every card, whose release has run for a day."""
    return World(holdings=everything(), age=DAY, release=release, clock=clock)


def seed(
    world: World,
    database: Path,
    *,
    number: int | None = None,
    streams: Sequence[Stream] = STREAMS,
    history: timedelta = WEEK,
    told_at: datetime | None = None,
) -> Week:
    """Make the log at ``database`` and write the app's ``history`` up to now into it.

    ``number`` repeats it exactly; ``told_at`` is what now is for the app's users (else their evening).
    """
    now = world.clock()
    with SqliteEventLog(database) as log:
        log.migrate()
    shift = shifted_to(now, told_at) if told_at else evening_at(now)
    week = Week(database, seed=number, streams=streams, shift=shift, versions=world.labels)
    week.write(now, world.release, since=now - history)
    return week


def migrated(world: World, at: datetime) -> None:
    """A migration of the app's database has run in its repository."""
    world.github.add_run(REPOSITORY, "completed", "db-migrations", at=at)


@contextmanager
def life_goes_on(world: World, week: Week, since: datetime) -> Iterator[SqliteEventLog]:
    """The app's users go on with what the week let one expect, while this lasts; gives the log that they are in."""
    with SqliteEventLog(week.path) as log:
        world.app.log = log.append
        life = Life(world.app, week.course, log, since)
        with living(life, world.clock, lambda over: over.wait(LOOK_EVERY)):
            yield log


@dataclass(frozen=True, slots=True)
class Story:
    """What happens in the demo, for whoever tells it."""

    world: World
    week: Week

    @contextmanager
    def users(self) -> Iterator[None]:
        """The app's users are there while this lasts."""
        with life_goes_on(self.world, self.week, self.world.clock()):
            yield

    def leak(self) -> int:
        """A key is out; a person makes a new one at the provider and stores it in Infisical. Its version."""
        return self.world.new_key("SENDGRID_API_KEY")

    def good_release(self) -> str:
        """A release that harms nobody; returns its name."""
        return self._release("good", None)

    def bad_release(self) -> str:
        """A release that breaks three in ten e-mails; returns its name."""
        return self._release("bad", Breakage(provider="sendgrid", error_share=0.3))

    def _release(self, kind: str, fault: Breakage | None) -> str:
        now = self.world.clock()
        name = f"{kind}-{self.world.release[:7]}"
        self.week.append(Released(release=name, deployed_at=now - SINCE_RELEASE), now, fault)
        return name
