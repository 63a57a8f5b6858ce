"""A replay of the past together with planted harms, under one project's settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from releaseguard.cards.spec import Card
from releaseguard.eventlog.interface import EventLog, Query
from releaseguard.traces import Trace, no_trace
from releaseguard.verification.backtesting.planting import MOST_MOMENTS, Planting, Soil, planted
from releaseguard.verification.backtesting.replays import Backtest, BacktestRequest, History, backtest_of, histories
from releaseguard.verification.rows.traffic import span_of
from releaseguard.verification.values import Deployment
from releaseguard.verification.whose.as_read import as_read, spelling_of


@dataclass(frozen=True, slots=True)
class Measured:
    """What the gate says about past releases and, by environment, which planted harms it finds."""

    backtest: Backtest
    planted: Mapping[str, Sequence[Planting]]


def measured_of(
    log: EventLog, cards: Sequence[Card], request: BacktestRequest, trace: Trace = no_trace, *, plant: bool
) -> Measured:
    """Replay the releases and, with ``plant``, plant harms into the history of each environment."""
    found = backtest_of(log, cards, request, trace)
    return Measured(found, dict(_planted(log, cards, request)) if plant else {})


def _planted(
    log: EventLog, cards: Sequence[Card], request: BacktestRequest
) -> Iterator[tuple[str, Sequence[Planting]]]:
    past = histories(log, request.environment, request.promise.window, request.population)
    for name, history in past.items():
        real = _not_known_bad(history, request.outcomes)
        if real:
            yield name, planted(_soil(log, cards, request, name, history), [one.deployed_at for one in real])


def _not_known_bad(history: History, outcomes: Mapping[str, bool]) -> Sequence[Deployment]:
    """The deployments not known to be bad: a harm may only be planted where there is none."""
    known = {**history.outcomes, **outcomes}
    return [one for one in history.deployments if known.get(one.release) is not False]


def _soil(log: EventLog, cards: Sequence[Card], request: BacktestRequest, name: str, history: History) -> Soil:
    newest = history.deployments[-1:]
    since, until = span_of(newest, request.promise, request.population)
    query = Query(environment=name, since=since - timedelta(days=MOST_MOMENTS), until=until)
    rows = list(as_read(log.minute_counts(query), spelling_of(cards)))
    return Soil(rows=rows, cards=cards, environment=name, promise=request.promise, population=request.population)
