"""The log's counted rows as what the judge reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache, partial

from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.hours import HourCount
from releaseguard.stats.series import AFTERMATH, LOOKBACK, Ledger, cell_of, minute_of
from releaseguard.verification.values import Deployment, Promise, Rule
from releaseguard.verification.whose.population import ALIKE, Population


def span_of(
    deployments: Sequence[Deployment], promise: Promise, population: Population = ALIKE
) -> tuple[datetime, datetime]:
    """From the first baseline's beginning to the last window's end, with what skewed clocks add; whole minutes."""
    before = timedelta(minutes=promise.baseline_minutes + population.lead_minutes)
    first = min(one.deployed_at for one in deployments) - before
    last = max(one.deployed_at for one in deployments) + timedelta(minutes=promise.window_minutes + AFTERMATH + 1)
    return first.replace(second=0, microsecond=0), last.replace(second=0, microsecond=0)


def gathered(
    rules: Sequence[Rule],
    deployments: Sequence[Deployment],
    promise: Promise,
    rows: Iterable[MinuteCount],
    population: Population = ALIKE,
    past: Iterable[HourCount] = (),
) -> Ledger:
    """The rows as a ledger from which each deployment can be judged, all of the same component; ``past`` is what lies
    before them."""
    readings = [rule.reading for rule in rules]
    deployed = [minute_of(one.deployed_at) for one in deployments]
    ledger = Ledger(readings, deployed, promise.window_minutes, population.lead_minutes)
    elsewhere = elsewhere_than(deployments[0], population)
    ledger.add_hours(past, elsewhere)
    cells = ((cell_of(row), elsewhere(row.source)) for row in rows)
    ledger.add(cell._replace(elsewhere=True) if is_elsewhere else cell for cell, is_elsewhere in cells)
    return ledger


def elsewhere_than(deployment: Deployment, population: Population) -> Callable[[str | None], bool]:
    """Whether rows of a source are another component's than the one that was deployed."""
    return cache(partial(population.components.is_elsewhere, component=deployment.component))


def settled_before(deployment: Deployment, population: Population = ALIKE) -> datetime:
    """The end of an hour before which rows are only ever a baseline: a watch reads them once."""
    border = deployment.deployed_at - timedelta(minutes=LOOKBACK + population.lead_minutes)
    return border.replace(minute=0, second=0, microsecond=0)
