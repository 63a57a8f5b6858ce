"""The statistical checks of the cards as the judge's rules."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence, Set
from datetime import timedelta

from releaseguard.cards.spec import Card, SignalCheck, VolumeCheck
from releaseguard.eventlog.counts import MinuteCount
from releaseguard.model import Outcome, duration
from releaseguard.verification.values import Rule


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
