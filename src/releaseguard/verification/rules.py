"""The statistical checks of the cards as the judge's rules."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import replace
from datetime import timedelta

from releaseguard.cards.spec import Card, SignalCheck, VolumeCheck
from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.hours import HourCount
from releaseguard.model import Outcome, by_phones, duration
from releaseguard.verification.values import MAX_ERROR_RATE, Rule


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
        ceiling=_ceiling(card, check),
        grace_minutes=grace,
        blocking=check.blocking,
        undecided=check.undecided,
    )


def _ceiling(card: Card, check: SignalCheck) -> float | None:
    """The absolute ceiling: a share of flags has none but the card's own."""
    if check.max_error_rate is not None:
        return check.max_error_rate
    return MAX_ERROR_RATE if _judges_errors(card, check) else None


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


Logged = Set[tuple[str, str, bool, bool]]
"""What a log holds: provider, event, whether it is logged as a success, and whether installed apps wrote it."""


def logged_in(rows: Iterable[MinuteCount | HourCount], is_elsewhere: Callable[[str | None], bool]) -> Logged:
    """What the traffic among the rows is; a test user's rows are none, nor are those of a source that is elsewhere."""
    kinds = {(row.provider, row.event, row.outcome, row.source) for row in rows if not row.synthetic}
    return {
        (provider, event, outcome is Outcome.SUCCESS, by_phones(source))
        for provider, event, outcome, source in kinds
        if not is_elsewhere(source)
    }


def what_is_logged(row: MinuteCount | HourCount) -> tuple[str, str, bool, bool]:
    """What a row of the traffic shows that a log holds."""
    return row.provider, row.event, row.outcome is Outcome.SUCCESS, row.client


def configured(rules: Iterable[Rule], logged: Logged) -> Sequence[Rule]:
    """The rules of which anything was logged, each reading servers' rows, or phones' where there are no others.

    Phones cannot be trusted to write what happened: they decide nothing that servers can.
    """
    read = [(rule, _writers(rule, logged)) for rule in rules]
    return [replace(rule, phones=False not in writers) for rule, writers in read if writers]


def is_configured(rule: Rule, logged: Logged) -> bool:
    """Whether anything was logged that the rule counts: without it there is nothing to judge."""
    return bool(_writers(rule, logged))


def _writers(rule: Rule, logged: Logged) -> Set[bool]:
    """Whether phones (``True``) and whether servers (``False``) wrote what the rule counts."""
    mine = (one for one in logged if one[0] == rule.provider)
    return {client for _, event, ok, client in mine if rule.reading.of(event, ok) is not None}
