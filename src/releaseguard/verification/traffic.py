"""The statistical checks of the cards as rules, and the log's rows as what the judge reads."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from datetime import datetime, timedelta
from typing import Any

from releaseguard.cards.spec import Card, SignalCheck, VolumeCheck
from releaseguard.eventlog.interface import EventLog, MinuteCount, Query
from releaseguard.model import Outcome, duration
from releaseguard.stats.series import AFTERMATH, LOOKBACK, Ledger, cell_of, minute_of
from releaseguard.verification.interface import Deployment, Promise, Rule


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
        classified=_classified(card) if _judges_errors(card, check) else None,
        max_error_increase=check.max_error_increase,
        max_error_rate=check.max_error_rate,
        grace_minutes=grace,
        blocking=check.blocking,
        undecided=check.undecided,
    )


def _judges_errors(card: Card, check: SignalCheck) -> bool:
    """Whether it judges the provider's errors, and not a share of its successes, such as flags."""
    return not set(check.error).isdisjoint(card.events.error)


def _classified(card: Card) -> frozenset[str]:
    """The events that some check of the card takes for good or bad by itself."""
    signals = [check for check in card.checks if isinstance(check, SignalCheck)]
    return frozenset(event for check in signals for event in (*check.success, *check.error))


def rules_of(cards: Iterable[Card]) -> Sequence[Rule]:
    """The statistical checks of the cards as rules, in their order."""
    return [
        rule_of(card, check) for card in cards for check in card.checks if isinstance(check, SignalCheck | VolumeCheck)
    ]


Logged = Set[tuple[str, str, bool]]
"""What a log holds: provider, event, and whether it is logged as a success."""


def logged_in(rows: Iterable[MinuteCount]) -> Logged:
    """What the traffic among the rows is; a test user's rows are none."""
    return {(row.provider, row.event, row.outcome is Outcome.SUCCESS) for row in rows if not row.synthetic}


def is_configured(rule: Rule, logged: Logged) -> bool:
    """Whether anything was logged that the rule counts: without it there is nothing to judge."""
    return any(rule.reading.of(event, ok) is not None for provider, event, ok in logged if provider == rule.provider)


MOST_UNKNOWN = 5
LONGEST_NAME = 80


def unknown_events(
    cards: Sequence[Card], rows: Iterable[MinuteCount], deployment: Deployment
) -> Sequence[Mapping[str, Any]]:
    """The most frequent events of the traffic since the deployment that no card names, each cut: a misspelt name, or
    a use that no check judges."""
    known = {(card.id, event) for card in cards for event in (*card.events.success, *card.events.error)}
    known |= {(rule.provider, event) for rule in rules_of(cards) for event in rule.success | rule.error}
    since = deployment.deployed_at - timedelta(minutes=1)
    found: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        if row.occurred_minute > since and not row.synthetic and (row.provider, row.event) not in known:
            found[row.provider[:LONGEST_NAME], row.event[:LONGEST_NAME], row.outcome.value] += row.count
    first = sorted(found.items(), key=lambda item: (-item[1], item[0]))[:MOST_UNKNOWN]
    return [{"provider": p, "event": e, "outcome": o, "events": count} for (p, e, o), count in first]


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
    readings = [rule.reading for rule in rules]
    ledger = Ledger(readings, [minute_of(one.deployed_at) for one in deployments], promise.window_minutes)
    ledger.add(cell_of(row) for row in rows)
    return ledger


def settled_before(deployment: Deployment) -> datetime:
    """The moment before which rows are only ever a baseline: a watch reads them once."""
    return deployment.deployed_at - timedelta(minutes=LOOKBACK)
