"""Plants harms into copies of a project's own history, in memory, to see which of them the judge finds, and how
soon."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec import structs

from releaseguard.cards.spec import Card
from releaseguard.eventlog.counts import MinuteCount
from releaseguard.model import Outcome, Verdict
from releaseguard.verification.backtesting.one_release import ReplaySettings, replay_one
from releaseguard.verification.rows.traffic import elsewhere_than, gathered, span_of
from releaseguard.verification.rules import configured, rules_of, what_is_logged
from releaseguard.verification.values import Deployment, Promise, Rule
from releaseguard.verification.whose.population import Population

PRETENDED = "planted"
"""The name of the pretended release to which all rows after a planting belong."""
GATE_OPENS = frozenset({Verdict.PASS, Verdict.WARN})
"""The verdicts with which a pipeline continues."""
MOST_MOMENTS = 10
MOST_REPLAYS = 120
LEAST_HISTORY = timedelta(days=2)
SEED = 7
"""Makes the plantings of the same history the same every time."""


@dataclass(frozen=True, slots=True)
class PlantedHarm:
    """What happens to a provider from a moment on."""

    kind: str
    """``errors``: that share of its actions fails; ``drop``: that share of them is not made."""
    size: float


HARMS = (
    PlantedHarm("errors", 0.06),
    PlantedHarm("errors", 0.2),
    PlantedHarm("errors", 1.0),
    PlantedHarm("drop", 0.5),
    PlantedHarm("drop", 1.0),
)


@dataclass(frozen=True, slots=True)
class Planted:
    """The result of one harm at one moment."""

    at: datetime
    found_after_s: int | None
    """Seconds until the FAIL; ``None`` where it was not found within the window."""
    let_through: bool
    """Whether the gate let it pass at the window's end, with PASS or WARN."""


@dataclass(frozen=True, slots=True)
class Planting:
    """One harm to one provider at several moments of the history."""

    harm: PlantedHarm
    provider: str
    tried: Sequence[Planted]

    @property
    def found_after_s(self) -> Sequence[int | None]:
        """By moment, the seconds until the FAIL; ``None`` where it was not found within the window."""
        return [one.found_after_s for one in self.tried]

    @property
    def found(self) -> int:
        """The number of times it was found."""
        return sum(after is not None for after in self.found_after_s)

    @property
    def nine_in_ten_s(self) -> int | None:
        """The seconds within which nine in ten were found; ``None`` where fewer were."""
        times = sorted(after for after in self.found_after_s if after is not None)
        wanted = -(-9 * len(self.found_after_s) // 10)
        return times[wanted - 1] if wanted and len(times) >= wanted else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Soil:
    """Where harms are planted: an environment's rows, and how they are judged."""

    rows: Sequence[MinuteCount]
    cards: Sequence[Card]
    environment: str
    promise: Promise
    population: Population


def moments_of(soil: Soil, real: Sequence[datetime]) -> Sequence[datetime]:
    """The moments for planting: real deployments, newest first, then the newest one's time on earlier days."""
    if not soil.rows or not real:
        return []
    first = soil.rows[0].occurred_minute + LEAST_HISTORY
    newest = max(real)
    earlier = [newest - timedelta(days=day) for day in range(1, MOST_MOMENTS + 1)]
    wanted = dict.fromkeys([*sorted(real, reverse=True), *earlier])
    return [moment for moment in wanted if moment >= first][:MOST_MOMENTS]


def planted(soil: Soil, real: Sequence[datetime]) -> Sequence[Planting]:
    """Every harm to every provider in use, at as many moments as the time allows."""
    providers = _in_use(soil)
    moments = moments_of(soil, real)
    share = max(MOST_REPLAYS // max(len(HARMS) * len(providers), 1), 1)
    chosen = moments[:share]
    return [
        Planting(harm, provider, [_planted_at(soil, moment, harm, provider) for moment in chosen])
        for provider in providers
        for harm in HARMS
        if chosen
    ]


def _in_use(soil: Soil) -> Sequence[str]:
    """The providers with successes in the history and at least one blocking rule."""
    logged = {what_is_logged(row) for row in soil.rows if not row.synthetic}
    rules = configured(rules_of(soil.cards), logged)
    return sorted({rule.provider for rule in rules if rule.blocking})


def _planted_at(soil: Soil, moment: datetime, harm: PlantedHarm, provider: str) -> Planted:
    deployment = Deployment(release=PRETENDED, environment=soil.environment, deployed_at=moment)
    since, until = span_of([deployment], soil.promise, soil.population)
    error = next(card.events.error[0] for card in soil.cards if card.id == provider)
    rng = random.Random(f"{SEED} {moment.isoformat()} {harm.kind} {harm.size} {provider}")  # noqa: S311 - no key
    rows = [row for row in soil.rows if since <= row.occurred_minute < until]
    harmed = list(_harmed(rows, moment, harm, provider, error, rng))
    rules = _rules(soil, harmed, deployment)
    ledger = gathered(rules, [deployment], soil.promise, harmed, soil.population)
    found = replay_one(ledger, rules, deployment, ReplaySettings(promise=soil.promise, population=soil.population))
    return Planted(moment, found.failed_after_s, found.verdict in GATE_OPENS)


def _rules(soil: Soil, rows: Sequence[MinuteCount], deployment: Deployment) -> Sequence[Rule]:
    elsewhere: Callable[[str | None], bool] = elsewhere_than(deployment, soil.population)
    logged = {what_is_logged(row) for row in rows if not row.synthetic and not elsewhere(row.source)}
    return configured(rules_of(soil.cards), logged)


def _harmed(
    rows: Sequence[MinuteCount], moment: datetime, harm: PlantedHarm, provider: str, error: str, rng: random.Random
) -> Iterator[MinuteCount]:
    """The rows as they would be if a release with this harm had been deployed at ``moment``."""
    for row in rows:
        if row.occurred_minute < moment:
            yield row
            continue
        mine = structs.replace(row, release=row.release and PRETENDED, deployment_id=None)
        if row.provider != provider or row.synthetic:
            yield mine
        elif harm.kind == "drop":
            # A call that is not made makes no error either.
            yield from _without(mine, _hit(mine, harm.size, rng))
        elif row.outcome is Outcome.SUCCESS:
            yield from _failing(mine, _hit(mine, harm.size, rng), error)
        else:
            yield mine


class _Hit(NamedTuple):
    """How much of a row's counts a harm affects."""

    rows: int
    trials: int
    """Actions; negative where they had been taken back because another of their rows was an error."""


def _hit(row: MinuteCount, size: float, rng: random.Random) -> _Hit:
    """A harm affects actions together with all their rows. Rows that stand for no action belong to one counted
    elsewhere, as the success of a retry does, and are affected with the same probability."""
    actions = sum(rng.random() < size for _ in range(abs(row.trials)))
    if row.trials > 0:
        return _Hit(round(row.count * actions / row.trials), actions)
    return _Hit(sum(rng.random() < size for _ in range(row.count)), -actions)


def _without(row: MinuteCount, hit: _Hit) -> Iterator[MinuteCount]:
    """The row without what was affected."""
    count, trials = row.count - hit.rows, row.trials - hit.trials
    if count or trials:
        kept = count / row.count if row.count else 1.0
        yield structs.replace(row, count=count, trials=trials, squares=round(row.squares * kept))


def _failing(row: MinuteCount, hit: _Hit, error: str) -> Iterator[MinuteCount]:
    """The row without what was affected, and that part as errors. An action that had failed in another row stays one
    bad trial: what was taken back from its success is taken back from the error that replaces it."""
    yield from _without(row, hit)
    if hit.rows or hit.trials:
        part = hit.rows / row.count if row.count else 0.0
        yield structs.replace(
            row,
            count=hit.rows,
            trials=hit.trials,
            squares=round(row.squares * part),
            repeats=0,
            event=error,
            outcome=Outcome.ERROR,
        )
