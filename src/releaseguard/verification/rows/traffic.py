"""The log's counted rows as what the judge reads, and what of them stands in other environments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache, partial

from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.hours import HourCount, SettledHour
from releaseguard.eventlog.interface import EventLog, Query
from releaseguard.stats.series import AFTERMATH, LOOKBACK, Ledger, cell_of, minute_of
from releaseguard.verification.rows.seen import MOST_SEEN, called_alike
from releaseguard.verification.values import Deployment, Promise, Rule, judged_from
from releaseguard.verification.whose.members import Members, Owner
from releaseguard.verification.whose.population import ALIKE, Population
from releaseguard.verification.whose.strayed import NOWHERE, USUAL_OVER, Strayed, strayed_in
from releaseguard.verification.whose.tags import release_in


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
    settled: Iterable[SettledHour] = (),
) -> Ledger:
    """The rows as a ledger from which each deployment can be judged, all of the same component; ``past`` is what lies
    before them, and ``settled`` what is among them of before the one deployment was live."""
    readings = [rule.reading for rule in rules]
    deployed = [minute_of(one.deployed_at) for one in deployments]
    ledger = Ledger(readings, deployed, promise.window_minutes, population.lead_minutes)
    elsewhere = elsewhere_than(deployments[0], population)
    ledger.add_hours(past, elsewhere)
    ledger.add_settled(settled, elsewhere)
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


def are_bare(rows: Iterable[MinuteCount]) -> bool:
    """Whether none of the rows carries any release."""
    return all(release_in(row.release) is None for row in rows)


def others_in(anywhere: Iterable[HourCount], members: Members, here: Sequence[MinuteCount]) -> Mapping[str, int]:
    """Rows since the deployment by other environment: of the release or, where none of those ``here`` carries any, of
    anything."""
    bare, seen = are_bare(here), Counter[str]()
    for row in anywhere:
        if bare or members.of_tag(row.release) is Owner.OURS:
            seen[row.environment] += sum(row.counts)
    return {name: count for name, count in seen.items() if name != members.deployment.environment and count}


def strayed_of(
    log: EventLog, members: Members, others: Mapping[str, int], until: datetime, known_at: datetime | None
) -> Strayed:
    """What the release wrote in ``others`` by mistake, ``until`` a moment, as the log knew it at another (``None``:
    now)."""
    named = sorted(others)[:MOST_SEEN]
    if not named:
        return NOWHERE
    query = Query(since=judged_from(members.deployment) - USUAL_OVER, until=until, recorded_until=known_at)
    counted = log.counts_of_each([], [replace(query, environment=name) for name in named]).minutes
    alike = called_alike(others, members.deployment.environment)
    return strayed_in(dict(zip(named, counted, strict=True)), members, alike, until)
