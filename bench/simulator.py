"""Labelled releases, simulated: what the log of an app holds before and after a deployment, and what was true.

Seeded and pure Python. The judge is fed the cells only. A :class:`Mixture` fixes how often what happens; the
one used while tuning is not the one of the reported figures.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from releaseguard.stats.series import Cell

DAY = 1440
EPOCH = 29_000_000
"""A minute in 2025 from which simulated time runs."""
OLD, NEW = "r41", "r42"


@dataclass(frozen=True)
class Mixture:
    """How often what happens, and how noisy it is; ranges are drawn uniformly."""

    name: str
    seed: int
    rates: tuple[float, ...] = (0.5, 2, 10, 60, 600, 3000)
    bad: float = 0.44
    providers: tuple[int, int] = (3, 4)
    rate_spread: tuple[float, float] = (1.0, 1.0)
    error_share: tuple[float, float] = (0.002, 0.03)
    season: tuple[float, float] = (0.3, 0.85)
    weekend: tuple[float, float] = (0.5, 1.1)
    common_noise: tuple[float, float] = (0.0, 0.2)
    own_noise: tuple[float, float] = (0.0, 0.12)
    minute_noise: tuple[float, float] = (0.0, 0.35)
    error_noise: tuple[float, float] = (0.0, 0.35)
    lag_seconds: tuple[float, float] = (1.0, 20.0)
    late_share: tuple[float, float] = (0.0, 0.02)
    untagged: tuple[float, float] = (0.0, 0.1)
    clients: float = 0.2
    past_incidents: float = 0.35
    hours: int = 1
    least_harm: float = 0.03
    good_kinds: tuple[str, ...] = (
        "plain",
        "plain",
        "plain",
        "growth",
        "trough",
        "ended_incident",
        "blip",
        "late",
        "repeated",
        "skewed",
        "batched",
        "lost",
        "log_down",
        "ongoing_incident",
        "idle",
        "not_live",
    )
    bad_kinds: tuple[str, ...] = (
        "outage",
        "errors_x3",
        "errors_x10",
        "silence",
        "drop70",
        "onset20",
        "ramp",
        "tenant",
        "retry_storm",
    )


TUNING = Mixture("tuning", seed=1000)
REPORTED = Mixture(
    "reported",
    seed=1_510_000,
    error_share=(0.003, 0.04),
    season=(0.2, 0.9),
    weekend=(0.4, 1.2),
    common_noise=(0.0, 0.25),
    own_noise=(0.0, 0.15),
    minute_noise=(0.0, 0.4),
    lag_seconds=(0.5, 30.0),
    late_share=(0.0, 0.03),
    untagged=(0.0, 0.15),
    clients=0.25,
    past_incidents=0.4,
)


@dataclass
class Simulated:
    """One release: the cells of its log, and the truth about it."""

    number: int
    kind: str
    bad: bool
    rate: float
    deployed: int
    minutes: int
    providers: Sequence[str]
    victim: str | None
    onset: int | None
    """Minutes after the deployment at which harm begins."""
    log_stops: int | None
    """Minutes after the deployment from which nothing is recorded."""
    silence: dict[str, str] = field(default_factory=dict)
    """The true cause, by provider, where silence is total."""
    cells: list[Cell] = field(default_factory=list)
    harm: float = 0.0
    truth: list[tuple[float, float, float, float]] = field(default_factory=list)
    """By minute after the deployment, of the victim: the true intensity of successes and errors, with and
    without the harm. For the oracle only."""


@dataclass
class _Provider:
    name: str
    rate: float
    share: float
    own: Sequence[float]
    error_noise: Sequence[float]
    skew: int = 0
    batch: int = 0


class _World:
    """The environment of one release."""

    def __init__(self, mixture: Mixture, number: int) -> None:
        self.mixture = mixture
        self.rng = random.Random(mixture.seed * 1_000_003 + number)
        rng, m = self.rng, mixture
        bad = rng.random() < m.bad
        self.kind = rng.choice(m.bad_kinds if bad else m.good_kinds)
        self.minutes = 60 * m.hours
        self.deployed = EPOCH + rng.randrange(7 * DAY) + 9 * DAY
        self.start = self.deployed - 7 * DAY - 240
        self.end = self.deployed + self.minutes
        self.amplitude = self.draw(m.season)
        self.weekend = self.draw(m.weekend)
        self.peak = rng.randrange(DAY)
        if self.kind == "trough":
            self.peak = (self.deployed + DAY // 2 - rng.randrange(0, 180)) % DAY
            self.amplitude = max(self.amplitude, 0.7)
        self.common = self.wander(self.draw(m.common_noise), 180)
        self.rate = rng.choice(m.rates)
        self.providers = [self.provider(i) for i in range(rng.randint(*m.providers))]
        self.victim = rng.choice(self.providers)
        self.lag = self.draw(m.lag_seconds)
        self.late = rng.uniform(0.05, 0.25) if self.kind == "late" else self.draw(m.late_share)
        self.untagged = self.draw(m.untagged)
        self.client_share = rng.uniform(0.05, 0.4) if rng.random() < m.clients else 0.0
        self.rollout = rng.choice([0, 0, 1, 3, 5])
        self.minute_noise = self.draw(m.minute_noise)
        self.incidents = self.past_incidents()
        self.sim = Simulated(
            number,
            self.kind,
            bad,
            self.rate,
            self.deployed,
            self.minutes,
            [p.name for p in self.providers],
            self.victim.name if bad else None,
            None,
            None,
        )
        self.effects: list[Callable[[int, _Provider], tuple[float, float]]] = []
        getattr(self, "kind_" + self.kind)()

    def draw(self, bounds: tuple[float, float]) -> float:
        return self.rng.uniform(*bounds)

    def wander(self, deviation: float, minutes: int) -> list[float]:
        """A slow log-normal factor in steps of ten minutes, with mean about 1."""
        keep = math.exp(-10 / minutes)
        value = self.rng.gauss(0, deviation)
        steps = []
        for _ in range((self.end - self.start) // 10 + 2):
            steps.append(math.exp(value - deviation**2 / 2))
            value = keep * value + math.sqrt(1 - keep**2) * self.rng.gauss(0, deviation)
        return steps

    def provider(self, i: int) -> _Provider:
        m = self.mixture
        return _Provider(
            name=("sendgrid", "twilio", "paytr", "mapbox")[i],
            rate=self.rate * self.draw(m.rate_spread),
            share=math.exp(self.draw((math.log(m.error_share[0]), math.log(m.error_share[1])))),
            own=self.wander(self.draw(m.own_noise), 90),
            error_noise=self.wander(self.draw(m.error_noise), 60),
        )

    def past_incidents(self) -> list[tuple[int, int, str, float]]:
        """(start, end, provider, kind of trouble as an error share, or -1 for silence)."""
        found = []
        if self.rng.random() < self.mixture.past_incidents:
            for _ in range(self.rng.randint(1, 3)):
                start = self.rng.randrange(self.start, self.deployed - 300)
                what = self.rng.choice([-1.0, 0.3, 0.6, 1.0])
                length = self.rng.randint(15, 240)
                found.append(
                    (start, min(start + length, self.deployed - 60), self.rng.choice(self.providers).name, what)
                )
        return found

    # -- what happens: each kind adds an effect (minute after the deployment, provider) -> (volume, error share)

    def harm(self, onset: int, effect: Callable[[int], tuple[float, float]]) -> None:
        victim, self.sim.onset = self.victim, onset

        def apply(minute: int, provider: _Provider) -> tuple[float, float]:
            return effect(minute) if provider is victim and minute >= onset else (1.0, 0.0)

        self.effects.append(apply)

    def failing(self, share: float, onset: int = 0) -> None:
        self.sim.harm = share
        self.harm(onset, lambda _: (1.0, share))

    def kind_outage(self) -> None:
        self.failing(self.rng.choice([0.6, 0.8, 1.0, 1.0]))

    def kind_errors_x3(self) -> None:
        self.failing(max(2 * self.victim.share, self.mixture.least_harm))

    def kind_errors_x10(self) -> None:
        self.failing(max(9 * self.victim.share, self.mixture.least_harm))

    def kind_silence(self) -> None:
        self.sim.harm = 1.0
        self.sim.silence[self.victim.name] = "provider"
        self.harm(0, lambda _: (0.0, 0.0))

    def kind_drop70(self) -> None:
        self.sim.harm = 0.7
        self.harm(0, lambda _: (0.3, 0.0))

    def kind_onset20(self) -> None:
        if self.rng.random() < 0.3:
            self.sim.harm = 1.0
            self.harm(20, lambda _: (0.0, 0.0))
        else:
            self.failing(self.rng.choice([0.1, 0.3, 1.0]), 20)

    def kind_ramp(self) -> None:
        top, length = self.rng.choice([0.1, 0.3, 0.8]), self.rng.randint(15, 40)
        self.sim.harm = top
        self.harm(0, lambda minute: (1.0, top * min(minute / length, 1.0)))

    def kind_tenant(self) -> None:
        self.failing(self.rng.uniform(0.04, 0.25))

    def kind_retry_storm(self) -> None:
        share, times = self.rng.uniform(0.1, 0.6), self.rng.uniform(2, 5)
        self.sim.harm = share
        volume = 1 - share + share * times
        self.harm(0, lambda _: (volume, share * times / volume))

    def kind_plain(self) -> None:
        """Nothing happens."""

    kind_trough = kind_late = kind_plain

    def kind_growth(self) -> None:
        factor, begins = self.rng.uniform(1.2, 2.5), self.rng.randint(-120, 10)
        self.effects.append(lambda minute, _: (factor if minute >= begins else 1.0, 0.0))

    def kind_ended_incident(self) -> None:
        end, length = -self.rng.randint(4, 60), self.rng.randint(15, 120)
        share, victim = self.rng.choice([-1.0, 0.2, 0.5, 1.0]), self.victim

        def apply(minute: int, provider: _Provider) -> tuple[float, float]:
            if provider is not victim or not end - length <= minute < end:
                return 1.0, 0.0
            return (0.0, 0.0) if share < 0 else (1.0, share)

        self.effects.append(apply)

    def kind_ongoing_incident(self) -> None:
        begins, share, victim = -self.rng.randint(20, 120), self.rng.choice([-1.0, 0.3, 0.7, 1.0]), self.victim

        def apply(minute: int, provider: _Provider) -> tuple[float, float]:
            if provider is not victim or minute < begins:
                return 1.0, 0.0
            return (0.0, 0.0) if share < 0 else (1.0, share)

        self.effects.append(apply)

    def kind_blip(self) -> None:
        length, share, victim = self.rng.randint(1, 2), self.rng.choice([-1.0, 0.5, 1.0]), self.victim

        def apply(minute: int, provider: _Provider) -> tuple[float, float]:
            if not 0 <= minute < length or (provider is not victim):
                return 1.0, 0.0
            return (0.0, 0.0) if share < 0 else (1.0, share)

        self.effects.append(apply)

    def kind_repeated(self) -> None:
        self.repeated = self.rng.uniform(0.05, 0.5)

    repeated = 0.01

    def kind_skewed(self) -> None:
        for provider in self.providers:
            provider.skew = self.rng.choice([-8, -4, -1, 0, 0, 1, 3, 5])

    def kind_batched(self) -> None:
        size = self.rng.choice([2, 5, 10, 15])
        for provider in self.providers:
            provider.batch = size if self.rng.random() < 0.7 else 0

    def kind_lost(self) -> None:
        kept = self.rng.uniform(0.6, 0.95)
        begins = self.rng.choice([-600, 0, 0, 10])
        self.effects.append(lambda minute, _: (kept if minute >= begins else 1.0, 0.0))

    def kind_log_down(self) -> None:
        self.sim.log_stops = self.rng.choice([-30, -5, 0, 0, 2, 10, 25])
        for provider in self.providers:
            self.sim.silence[provider.name] = "log"

    not_live = False

    def kind_not_live(self) -> None:
        self.not_live = True
        for provider in self.providers:
            self.sim.silence[provider.name] = "release_not_live"

    def kind_idle(self) -> None:
        left, begins = self.rng.uniform(0.02, 0.3), self.rng.randint(-60, 10)
        self.effects.append(lambda minute, _: (left if minute >= begins else 1.0, 0.0))

    # -- drawing the rows ----------------------------------------------------------------------------

    def intensity(self, minute: int) -> float:
        day = (minute // DAY) % 7
        phase = 2 * math.pi * ((minute - self.peak) % DAY) / DAY
        factor = 1 + self.amplitude * math.cos(phase)
        return factor * (self.weekend if day in {2, 3} else 1.0) * self.common[(minute - self.start) // 10]

    def run(self) -> Simulated:
        base = [self.intensity(minute) for minute in range(self.start, self.end)]
        # The stated rate is that of the hour after the deployment.
        now = sum(base[-self.minutes :]) / self.minutes
        base = [factor / now for factor in base]
        for provider in self.providers:
            self.draw_provider(provider, base)
        return self.sim

    def draw_provider(self, provider: _Provider, base: Sequence[float]) -> None:
        good: list[float] = []
        bad: list[float] = []
        for i, factor in enumerate(base):
            minute = self.start + i
            volume, failing = self.effect(minute, provider)
            rate = provider.rate / 60 * factor * provider.own[i // 10] * volume
            share = min(provider.share * provider.error_noise[i // 10], 0.5)
            share += (1 - share) * failing
            good.append(rate * (1 - share))
            bad.append(rate * share)
            if self.sim.bad and provider is self.victim and minute >= self.deployed:
                usual = min(provider.share * provider.error_noise[i // 10], 0.5)
                unharmed = rate / volume if volume else provider.rate / 60 * factor * provider.own[i // 10]
                self.sim.truth.append((good[-1], bad[-1], unharmed * (1 - usual), unharmed * usual))
        noise = self.minute_noise if provider.rate > 30 else 0.0
        for ok, rates in ((True, good), (False, bad)):
            for i, number in self.counts(rates, noise):
                self.emit(provider, self.start + i, number, ok)

    def effect(self, minute: int, provider: _Provider) -> tuple[float, float]:
        volume, failing = 1.0, 0.0
        offset = minute - self.deployed
        if offset >= -240:
            for effect in self.effects:
                v, f = effect(offset, provider)
                volume, failing = volume * v, max(failing, f)
        for start, end, name, what in self.incidents:
            if start <= minute < end and name == provider.name:
                volume, failing = (0.0, 0.0) if what < 0 else (volume, what)
        return volume, failing

    def counts(self, rates: Sequence[float], noise: float) -> list[tuple[int, int]]:
        """(index, events) for each minute with events."""
        rng = self.rng
        total = sum(rates)
        if total < 4000 and not noise:
            drawn: dict[int, int] = defaultdict(int)
            number = poisson(rng, total)
            if number and total > 0:
                for i in rng.choices(range(len(rates)), weights=rates, k=number):
                    drawn[i] += 1
            return sorted(drawn.items())
        shape = 1 / noise**2 if noise else 0.0
        found = []
        for i, rate in enumerate(rates):
            if rate:
                number = poisson(rng, rate * rng.gammavariate(shape, noise**2) if noise else rate)
                if number:
                    found.append((i, number))
        return found

    def emit(self, provider: _Provider, minute: int, number: int, ok: bool) -> None:
        event = provider.name + ("_ok" if ok else "_error")
        if minute < self.deployed - 240:
            self.sim.cells.append(Cell(minute, minute, provider.name, event, ok, OLD, False, False, number, 0))
            return
        rng = self.rng
        grouped: dict[tuple[int, str | None, bool], list[int]] = defaultdict(lambda: [0, 0])
        for _ in range(number):
            recorded = self.recorded(provider, minute)
            if recorded is None:
                continue
            release, client = self.release(minute)
            held = grouped[recorded, release, client]
            held[0] += 1
            if rng.random() < self.repeated:
                held[1] += 1
        for (recorded, release, client), (count, again) in grouped.items():
            shown = minute + provider.skew
            self.sim.cells.append(Cell(shown, recorded, provider.name, event, ok, release, False, client, count, again))

    def recorded(self, provider: _Provider, minute: int) -> int | None:
        rng = self.rng
        seconds = rng.random() * 60 + rng.expovariate(1 / self.lag)
        if rng.random() < self.late:
            seconds += rng.uniform(30, 1800)
        recorded = minute + int(seconds // 60)
        if provider.batch:
            recorded += -recorded % provider.batch
        stops = self.sim.log_stops
        return None if stops is not None and recorded >= self.deployed + stops else recorded

    def release(self, minute: int) -> tuple[str | None, bool]:
        rng = self.rng
        client = rng.random() < self.client_share
        after = minute - self.deployed
        fresh = (
            after >= 0
            and not client
            and not self.not_live
            and (not self.rollout or rng.random() < (after + 0.5) / self.rollout)
        )
        return (None if rng.random() < self.untagged else NEW if fresh else OLD), client


def poisson(rng: random.Random, mean: float) -> int:
    """A Poisson number; normal above 60, where the difference does not matter here."""
    if mean > 60:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, number, product = math.exp(-mean), 0, rng.random()
    while product > limit:
        number += 1
        product *= rng.random()
    return number


def simulate(mixture: Mixture, number: int) -> Simulated:
    """Release ``number`` of a mixture; the same number is the same release."""
    return _World(mixture, number).run()
