"""A small world of integration events for the cards' checks, and what each check sees in it.

The measures are plain counts, without statistics: they say whether the harm that a card declares is there at all,
which is what a seeded failure has to show. How sure one can be of it is the judge's part, tested elsewhere.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from releaseguard.cards.load import Cards
from releaseguard.cards.spec import (
    Card,
    FlowCheck,
    InvariantCheck,
    LatencyCheck,
    NonBlockingCheck,
    PrivacyCheck,
    ReleaseTagCheck,
    SecretCheck,
    SignalCheck,
    VolumeCheck,
)
from releaseguard.model import Event, Outcome, deterministic_id

DEPLOYED = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
RELEASE = "new"
USUAL = 200
"""Events of each success in the half hour before and in the half hour after a healthy deployment."""
USUAL_ERRORS = 4
RARE = {"aws_rekognition_flag_created": 20, "aws_rekognition_flag_overturned": 2}
HEALTHY_TABLES = """
create table subscription_plans (id text, is_active boolean);
insert into subscription_plans values ('basic', true), ('premium', true), ('platinum', true);
create table user_subscriptions (plan_id text, status text);
insert into user_subscriptions values ('premium', 'active'), ('gold', 'cancelled');
create table system_financial_config (config_key text, config_value text, is_active boolean);
insert into system_financial_config values
  ('commission_rate_fallback', '{"basic": 0.15, "premium": 0.10, "platinum": 0}', true);
create table users (id text, coins_balance integer);
create table wallets (user_id text, currency text, balance real, coins_balance integer, pending_balance real);
insert into users values ('u1', 70), ('u2', 0), ('u3', null);
insert into wallets values ('u1', 'TRY', 0, 50, 0), ('u1', 'EUR', 10, 20, 0), ('u2', 'TRY', 0, 0, 0);
"""


@dataclass(frozen=True)
class World:
    """What the event log, the flows, the destinations and the app's database hold half an hour after a deployment."""

    before: tuple[Event, ...]
    after: tuple[Event, ...]
    failed_flows: frozenset[str] = frozenset()
    missing_secrets: frozenset[str] = frozenset()
    tables: str = field(default=HEALTHY_TABLES)

    @cached_property
    def earlier(self) -> Mapping[str, Sequence[Event]]:
        """The rows before the deployment by their provider."""
        return _by_provider(self.before)

    @cached_property
    def later(self) -> Mapping[str, Sequence[Event]]:
        return _by_provider(self.after)


def _by_provider(rows: Iterable[Event]) -> Mapping[str, Sequence[Event]]:
    found: dict[str, list[Event]] = defaultdict(list)
    for row in rows:
        found[row.provider].append(row)
    return found


def healthy(cards: Cards) -> World:
    """Every provider is used as usual, and nothing is wrong."""
    before = tuple(_traffic(cards, DEPLOYED - timedelta(minutes=30), "old"))
    after = tuple(_traffic(cards, DEPLOYED, RELEASE))
    return World(before, after)


def _traffic(cards: Cards, start: datetime, release: str) -> Iterator[Event]:
    for card in cards:
        for event in card.events.success:
            yield from events(card.id, event, RARE.get(event, USUAL), start, release)
        for event in card.events.error:
            yield from events(card.id, event, USUAL_ERRORS, start, release, Outcome.ERROR)
    # Each failed scan has its user action.
    for number in range(USUAL_ERRORS):
        yield replace(
            event_of("supabase", "moment_published", number, start, release),
            id=deterministic_id("action", number, release),
            correlation_id=f"aws_rekognition_error-{number}-{release}",
        )


def events(
    provider: str, event: str, count: int, start: datetime, release: str, outcome: Outcome = Outcome.SUCCESS
) -> Iterator[Event]:
    """``count`` events, spread over half an hour from ``start``."""
    for number in range(count):
        yield event_of(provider, event, number, start + timedelta(minutes=30) * number / count, release, outcome)


def event_of(
    provider: str, event: str, number: int, at: datetime, release: str, outcome: Outcome = Outcome.SUCCESS
) -> Event:
    return Event(
        id=deterministic_id(provider, event, number, release),
        occurred_at=at,
        recorded_at=at,
        provider=provider,
        event=event,
        outcome=outcome,
        environment="production",
        release=release,
        source="web",
        correlation_id=f"{event}-{number}-{release}",
        detail={"template": "receipt"},
    )


def harmed(world: World, cards: Cards) -> set[str]:
    """The ids of all checks, on any card, that see their harm in ``world``."""
    return {check.id for card in cards for check in card.checks if MEASURES[type(check)](world, card, check)}


def _count(rows: Mapping[str, Sequence[Event]], provider: str, names: Any) -> int:
    return sum(row.event in names for row in rows[provider])


def _latency(world: World, card: Card, check: LatencyCheck) -> bool:
    def slow(rows: Sequence[Event]) -> int:
        return sum(row.event in check.events and (row.latency_ms or 0) > 1000 for row in rows)

    return slow(world.later[card.id]) > slow(world.earlier[card.id])


def _signal(world: World, card: Card, check: SignalCheck) -> bool:
    def share(rows: Mapping[str, Sequence[Event]]) -> float:
        bad, good = _count(rows, card.id, check.error), _count(rows, card.id, check.success)
        return bad / (bad + good) if bad + good else 0.0

    now = share(world.later)
    over_limit = check.max_error_rate is not None and now > check.max_error_rate
    return over_limit or now - share(world.earlier) > check.max_error_increase


def _volume(world: World, card: Card, check: VolumeCheck) -> bool:
    ratio = _count(world.later, card.id, check.events) / _count(world.earlier, card.id, check.events)
    dropped = check.max_drop is not None and ratio < 1 - check.max_drop
    return dropped or (check.max_spike is not None and ratio > check.max_spike)


def _flow(world: World, card: Card, check: FlowCheck) -> bool:
    return f"{card.id}.{check.flow}" in world.failed_flows


def _secret(world: World, card: Card, check: SecretCheck) -> bool:
    names = check.names or [secret.name for secret in card.secrets]
    return not world.missing_secrets.isdisjoint(names)


def _invariant(world: World, _card: Card, check: InvariantCheck) -> bool:
    connection = sqlite3.connect(":memory:")
    try:
        connection.create_function("jsonb_typeof", 1, _jsonb_typeof)
        connection.executescript(world.tables)
        return connection.execute(check.sql).fetchone() is not None
    finally:
        connection.close()


def _jsonb_typeof(text: str | None) -> str | None:
    """Postgres' function, as far as these rows need it."""
    return None if text is None else "number" if isinstance(json.loads(text), int | float) else "other"


def _release_tag(world: World, card: Card, check: ReleaseTagCheck) -> bool:
    rows = [row for row in world.after if row.provider == card.id and row.event in check.events]
    return bool(rows) and sum(row.release == RELEASE for row in rows) / len(rows) < check.min_share


def _privacy(world: World, card: Card, check: PrivacyCheck) -> bool:
    names = check.events or (*card.events.success, *card.events.error)
    return any("@" in str(row.detail) for row in world.after if row.provider == card.id and row.event in names)


def _non_blocking(world: World, card: Card, check: NonBlockingCheck) -> bool:
    done = {row.correlation_id for row in world.after if row.event in check.user_actions}
    failed = [row for row in world.after if row.provider == card.id and row.event in check.error]
    return any(row.correlation_id not in done for row in failed)


MEASURES: Mapping[type, Callable[[World, Card, Any], bool]] = {
    SignalCheck: _signal,
    VolumeCheck: _volume,
    LatencyCheck: _latency,
    FlowCheck: _flow,
    SecretCheck: _secret,
    InvariantCheck: _invariant,
    ReleaseTagCheck: _release_tag,
    PrivacyCheck: _privacy,
    NonBlockingCheck: _non_blocking,
}
