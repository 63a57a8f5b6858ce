"""The statistical checks of the cards as rules, and the log's rows as what the judge reads."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from releaseguard.cards.spec import Card, Check, SignalCheck, VolumeCheck
from releaseguard.eventlog.interface import EventLog, MinuteCount, Query
from releaseguard.model import duration
from releaseguard.verification.interface import Deployment, Promise, Rule
from releaseguard.verification.series import AFTERMATH, LOOKBACK, Cell, Ledger, cell_of, minute_of


def rule_of(card: Card, check: SignalCheck | VolumeCheck) -> Rule:
    """A card's check as the judge's rule."""
    grace = math.ceil(duration(check.grace) / timedelta(minutes=1))
    if isinstance(check, VolumeCheck):
        return Rule(
            id=check.id,
            provider=card.id,
            kind="volume",
            success=frozenset(check.events),
            max_drop=check.max_drop,
            max_rise=check.max_spike,
            grace_minutes=grace,
            blocking=check.blocking,
            undecided=check.undecided,
        )
    return Rule(
        id=check.id,
        provider=card.id,
        kind="signal",
        success=frozenset(check.success),
        error=frozenset(check.error),
        max_error_increase=check.max_error_increase,
        max_error_rate=check.max_error_rate,
        grace_minutes=grace,
        blocking=check.blocking,
        undecided=check.undecided,
    )


def rules_of(cards: Iterable[Card], wanted: Iterable[Check]) -> Sequence[Rule]:
    """The rules of the wanted checks, in the order of the cards."""
    ids = {check.id for check in wanted}
    return [
        rule_of(card, check)
        for card in cards
        for check in card.checks
        if isinstance(check, SignalCheck | VolumeCheck) and check.id in ids
    ]


def rows_around(
    log: EventLog, environment: str, since: datetime, until: datetime, as_of: datetime | None
) -> Iterator[MinuteCount]:
    """The counted rows of a span of time, of which the log knew at ``as_of``."""
    return log.minute_counts(Query(environment=environment, since=since, until=until, recorded_until=as_of))


def span_of(deployments: Sequence[Deployment], promise: Promise) -> tuple[datetime, datetime]:
    """From the first baseline's beginning to the last window's end, with what skewed clocks add; whole minutes."""
    first = min(one.deployed_at for one in deployments) - timedelta(minutes=promise.baseline_minutes)
    last = max(one.deployed_at for one in deployments) + timedelta(minutes=promise.window_minutes + AFTERMATH + 1)
    return first.replace(second=0, microsecond=0), last.replace(second=0, microsecond=0)


def gathered(
    rules: Sequence[Rule], deployments: Sequence[Deployment], promise: Promise, rows: Iterable[MinuteCount]
) -> Ledger:
    """The rows as a ledger from which each deployment can be judged."""
    groups = [(rule.provider, rule.success | rule.error) for rule in rules]
    ledger = Ledger(groups, [minute_of(one.deployed_at) for one in deployments], promise.window_minutes)
    ledger.add(_cells(rules, rows))
    return ledger


def _cells(rules: Sequence[Rule], rows: Iterable[MinuteCount]) -> Iterator[Cell]:
    """The rows as cells; an event that a rule calls an error is one, though the app logs it as a success.

    A flag that the AI raised is such an event: its rate is judged as a share of the scans.
    """
    errors = {(rule.provider, event) for rule in rules for event in rule.error}
    for row in rows:
        cell = cell_of(row)
        yield cell._replace(ok=False) if (cell.provider, cell.event) in errors else cell


def settled_before(deployment: Deployment) -> datetime:
    """The moment before which rows are only ever a baseline: a watch reads them once."""
    return deployment.deployed_at - timedelta(minutes=LOOKBACK)
