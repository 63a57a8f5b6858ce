"""An app's event log around one release, row by row, as rows really come: tags, marks, rollouts, clocks, retries.

Seeded and pure Python. :mod:`families` says what happens in a world; here it becomes rows, and a log that holds them.
Minutes are counted since 1970; offsets are minutes after the mark of the release under test.
"""

from __future__ import annotations

import math
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from releaseguard.eventlog.entries import deployment
from releaseguard.eventlog.interface import Query
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import Event, to_text

HOUR, DAY = 60, 1440
WINDOW = 60
"""Minutes after the mark as of which a release is judged."""
NEAR = 300
"""Minutes before the mark from which rows are drawn minute by minute, and effects are asked."""
NO_CLOCK_CHANGES = "Europe/Istanbul"
"""Where local hours are hours of UTC all year, so that a project need not say where it is."""
HISTORY = {10: 28, 60: 14, 600: 4}
"""Days of history by events an hour: as much as draws in about a second."""
EVENTS = {
    "sendgrid": ("sendgrid_email_sent", "sendgrid_error", "sendgrid-email"),
    "twilio": ("twilio_sms_sent", "twilio_error", "twilio-sms"),
    "mapbox": ("mapbox_geocode_ok", "mapbox_error", "geocode"),
    "openai": ("openai_completion_ok", "openai_error", "assistant"),
}
"""Of each provider: its success, its error, and the function that uses it."""


class Row(NamedTuple):
    """One row of the log; times are seconds since 1970."""

    at: float
    recorded: float
    provider: str
    event: str
    ok: bool
    code: str | None
    latency: int
    environment: str
    release: str | None
    source: str
    correlation: str
    fresh: bool
    """Whether the release under test wrote it, whatever its tag says."""


class Harm(NamedTuple):
    """What an effect does to a provider in one minute."""

    volume: float = 1.0
    failing: float = 0.0
    latency: float = 1.0


Effect = Callable[[int, str, bool], Harm]
"""(minute after the mark, provider, whether on the release under test) -> what happens to it."""


@dataclass(frozen=True)
class Mark:
    """A ``release_deployed`` event: minutes after the mark of the release under test, and when it was recorded."""

    release: str
    offset: float = 0.0
    recorded: float | None = None
    more: dict[str, object] = field(default_factory=dict)


class Truth(NamedTuple):
    """Of the harmed rows in one minute: intensities of successes and errors with the harm and without it."""

    good: float
    bad: float
    good_before: float
    bad_before: float


NOTHING = Truth(0, 0, 0, 0)


@dataclass(eq=False)
class World:
    """One release and everything that is drawn of it. A family changes the fields, then :meth:`rows` draws."""

    seed: int
    rate: int
    """Events an hour of each provider, in the hour after the mark."""
    app: int = 0
    """Which app it is: releases of the same app have its far history in common."""

    def __post_init__(self) -> None:
        self.rng, rng = random.Random(self.seed), random.Random(self.app)
        self.timezone = NO_CLOCK_CHANGES
        self.mark = int(datetime(2026, 1, 12, tzinfo=UTC).timestamp() // 60) + rng.randrange(200 * DAY)
        self.live: float = self.rng.choice([0, 0, 1, 3])
        """From when on the release under test serves, in minutes after the mark."""
        self.share = 1.0
        """Of the traffic that it serves."""
        self.sha, self.before = (f"{rng.getrandbits(160):040x}" for _ in range(2))
        self.asked = self.sha
        """The release that ``verify`` is asked about."""
        self.tag: str | None = self.sha
        self.old_tag: str | None = self.before
        self.environment = "production"
        self.new_environment = "production"
        self.untagged = rng.uniform(0, 0.1)
        self.providers = rng.sample(sorted(EVENTS), 2)
        self.victim = self.providers[0]
        self.usual = {name: math.exp(rng.uniform(math.log(0.003), math.log(0.03))) for name in EVENTS}
        self.speed = {name: rng.uniform(80, 400) for name in EVENTS}
        self.amplitude, self.peak = rng.uniform(0.2, 0.6), rng.uniform(12, 20)
        self.noise = rng.uniform(0.03, 0.2)
        self.lag = rng.uniform(1, 15)
        self.effects: list[Effect] = []
        self.changes: list[Callable[[Row], Iterator[Row]]] = []
        """What becomes of a row between the app and the log: renamed, doubled, dated back, written elsewhere."""
        self.more: list[Row] = []
        """Rows of the family's own."""
        self.marks = [Mark(self.before, -3 * DAY), Mark(self.sha)]
        self.rewritten = False
        """Whether :attr:`changes` reach what is older than :data:`NEAR`."""
        self.harmed_fresh: bool | None = True
        """Whose rows the harm is in: the release's, the old one's, or (None) everybody's."""
        self.truth: dict[int, Truth] = {}
        self._slow = 1.0
        self._drawn_as = self._past_settings()

    def _past_settings(self) -> tuple[object, ...]:
        return self.timezone, self.mark, self.old_tag, self.environment, tuple(self.providers), self.before

    @property
    def has_the_apps_past(self) -> bool:
        """Whether its far history is that of every release of its app, as :meth:`far` draws it."""
        return not self.rewritten and self._past_settings() == self._drawn_as

    @property
    def start(self) -> int:
        """The first minute of the history."""
        return self.mark - HISTORY[self.rate] * DAY

    def harm(self, effect: Callable[[int], Harm], provider: str | None = None, *, fresh: bool | None = True) -> None:
        """Something happens to a provider on the release, on the old one (False), or on both (None)."""
        name = provider or self.victim
        self.harmed_fresh = fresh

        def apply(offset: int, asked: str, is_fresh: bool) -> Harm:
            return effect(offset) if asked == name and fresh in (None, is_fresh) else Harm()

        self.effects.append(apply)

    def failing(self, share: float, since: float | None = None, *, fresh: bool | None = True) -> None:
        """Calls of the victim fail from ``since`` (else from when the release is live) on."""
        begins = self.live if since is None else since
        self.harm(lambda offset: Harm(failing=share if offset >= begins else 0.0), fresh=fresh)

    def at(self, offset: float) -> float:
        """Seconds since 1970."""
        return (self.mark + offset) * 60

    def rows(self) -> Sequence[Row]:
        """Every row of the world, in no order that matters; drawn once."""
        return [*self.changed(self.far()), *self.near()]

    def changed(self, rows: Sequence[Row]) -> Sequence[Row]:
        """What becomes of rows between the app and the log."""
        for change in self.changes:
            rows = [changed for row in rows for changed in change(row)]
        return rows

    def far(self) -> Sequence[Row]:
        """The app's rows up to :data:`NEAR` minutes before the mark; the same for every release of the app."""
        own, self.rng = self.rng, random.Random(self.app + 1)
        near = self.mark - NEAR
        rows: list[Row] = []
        for name in self.providers:
            for hour in range(self.start, near, HOUR):
                level = self._level(hour + 30) * self._noise()
                rows += self._minutes(name, hour, min(HOUR, near - hour), level, False, Harm())
        self.rng = own
        return rows

    def near(self) -> Sequence[Row]:
        """The rows around the mark, as they are logged, and those of the family's own."""
        minutes = range(self.mark - NEAR, self.mark + WINDOW + 1)
        drawn = [row for name in self.providers for minute in minutes for row in self._near(name, minute)]
        return [*self.changed(drawn), *self.more]

    def _near(self, name: str, minute: int) -> Iterator[Row]:
        if minute % 10 == 0 or minute == self.mark - NEAR:
            self._slow = self._noise()
        offset = minute - self.mark
        level = self._level(minute) * self._slow
        serving = self._serving(offset)
        for fresh, part in ((False, 1 - serving), (True, serving)):
            harm = self._harm(offset, name, fresh)
            self._remember(offset, name, fresh, level * part, harm)
            if part:
                yield from self._minutes(name, minute, 1, level * part, fresh, harm)

    def _serving(self, offset: int) -> float:
        """The share of the traffic that the release serves in a minute: it rolls out over two."""
        return self.share * min(max((offset + 1 - self.live) / 2, 0.0), 1.0)

    def _harm(self, offset: int, name: str, fresh: bool) -> Harm:
        volume, failing, latency = 1.0, 0.0, 1.0
        for effect in self.effects:
            one = effect(offset, name, fresh)
            volume, failing, latency = volume * one.volume, max(failing, one.failing), latency * one.latency
        return Harm(volume, failing, latency)

    def _level(self, minute: int) -> float:
        """Events of a provider in this minute, by the local hour."""
        return self.rate / 60 * self._season(minute) / self._season(self.mark + 30)

    def _season(self, minute: int) -> float:
        local = datetime.fromtimestamp(minute * 60, ZoneInfo(self.timezone))
        hour = local.hour + local.minute / 60
        weekend = 0.85 if local.weekday() >= 5 else 1.0
        return weekend * (1 + self.amplitude * math.cos(2 * math.pi * (hour - self.peak) / 24))

    def _noise(self) -> float:
        return math.exp(self.rng.gauss(0, self.noise) - self.noise**2 / 2)

    def _remember(self, offset: int, name: str, fresh: bool, level: float, harm: Harm) -> None:
        if name != self.victim or self.harmed_fresh not in (None, fresh):
            return
        usual = self.usual[name]
        bad = usual + (1 - usual) * harm.failing
        now = (level * harm.volume * (1 - bad), level * harm.volume * bad, level * (1 - usual), level * usual)
        held = self.truth.get(offset, NOTHING)
        self.truth[offset] = Truth(*(a + b for a, b in zip(held, now, strict=True)))

    def _minutes(self, name: str, minute: int, length: int, level: float, fresh: bool, harm: Harm) -> Iterator[Row]:
        """The rows of some minutes at a constant level (events a minute)."""
        rng, usual = self.rng, self.usual[name]
        bad = usual + (1 - usual) * harm.failing
        for _ in range(poisson(rng, level * harm.volume * length)):
            yield self.row(name, (minute + rng.random() * length) * 60, fresh, rng.random() >= bad, harm.latency)

    def row(self, name: str, at: float, fresh: bool, ok: bool, slower: float = 1.0) -> Row:
        """One use of a provider, as its function logs it."""
        rng = self.rng
        success, error, source = EVENTS[name]
        tag = self.tag if fresh else self.old_tag
        return Row(
            at=at,
            recorded=at + rng.expovariate(1 / self.lag),
            provider=name,
            event=success if ok else error,
            ok=ok,
            code=None if ok else rng.choice(["500", "timeout", "429"]),
            latency=round(self.speed[name] * slower * math.exp(rng.gauss(0, 0.5))),
            environment=self.new_environment if fresh else self.environment,
            release=None if rng.random() < self.untagged else tag,
            source=source,
            correlation=f"{rng.getrandbits(96):024x}",
            fresh=fresh,
        )


def poisson(rng: random.Random, mean: float) -> int:
    """A Poisson number; normal above 60, where the difference does not matter here."""
    if mean > 60:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, number, product = math.exp(-mean), 0, rng.random()
    while product > limit:
        number += 1
        product *= rng.random()
    return number


COLUMNS = (
    "id, occurred_at, recorded_at, provider, event, outcome, error_code, latency_ms, environment, release, source, "
    "correlation_id"
)


def write(world: World, folder: Path, rows: Sequence[Row]) -> None:
    """The world as a project: its settings, and an SQLite log with the times of recording that rows carry."""
    path = folder / "log.db"
    with SqliteEventLog(path) as log:
        log.migrate()
        log.restore([_event(world, mark) for mark in world.marks])
    _insert(path, rows)
    _configure(world, folder)


@dataclass(frozen=True)
class Past:
    """The far history of an app, written and counted once for all its releases."""

    path: Path
    rows: int

    def write(self, world: World, folder: Path, near: Sequence[Row]) -> None:
        """As :func:`write`, of a world that has this past."""
        path = folder / "log.db"
        shutil.copy(self.path, path)
        with SqliteEventLog(path) as log:
            log.restore([_event(world, mark) for mark in world.marks])
        _insert(path, near, self.rows)
        _configure(world, folder)


def past_of(far: Sequence[Row], folder: Path) -> Past:
    """Write the far history of an app into a log of its own."""
    path = folder / "past.db"
    with SqliteEventLog(path) as log:
        log.migrate()
    _insert(path, far)
    with SqliteEventLog(path) as log:
        for _ in log.hour_counts(Query(environment="production")):
            pass
    return Past(path, len(far))


def _insert(path: Path, rows: Sequence[Row], first: int = 0) -> None:
    with sqlite3.connect(path) as database:
        values = (_values(number, row) for number, row in enumerate(sorted(rows), first))
        database.executemany(f"INSERT INTO integration_events ({COLUMNS}) VALUES ({'?,' * 11}?)", values)
    database.close()


def _configure(world: World, folder: Path) -> None:
    zone = "" if world.timezone == NO_CLOCK_CHANGES else f'timezone = "{world.timezone}"\n'
    settings = f'[project]\nname = "shop"\n{zone}\n[events]\nurl = "sqlite:///log.db"\n'
    (folder / "releaseguard.toml").write_text(settings, encoding="utf-8")


def _event(world: World, mark: Mark) -> Event:
    at = datetime.fromtimestamp(world.at(mark.offset), UTC)
    recorded = world.at(mark.offset if mark.recorded is None else mark.recorded)
    made = deployment(mark.release, world.environment, at)
    return replace(made, recorded_at=datetime.fromtimestamp(recorded, UTC), detail={**made.detail, **mark.more})


def _values(number: int, row: Row) -> tuple[object, ...]:
    return (
        f"{number:08x}-0000-7000-8000-{int(row.at) & 0xFFFFFFFFFFFF:012x}",
        time_text(row.at),
        time_text(row.recorded),
        row.provider,
        row.event,
        "success" if row.ok else "error",
        row.code,
        row.latency,
        row.environment,
        row.release,
        row.source,
        row.correlation,
    )


def time_text(seconds: float) -> str:
    """A moment as the log writes it."""
    return to_text(datetime.fromtimestamp(seconds, UTC))
