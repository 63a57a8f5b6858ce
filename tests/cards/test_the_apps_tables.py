"""The shipped invariants on a Postgres with the tables of the app that they were written for."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from releaseguard.cards.load import load_cards
from releaseguard.cards.spec import InvariantCheck
from tests.support import postgres

TABLES = """
CREATE TABLE users (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text, coins_balance numeric DEFAULT 0);
CREATE TABLE wallets (id uuid DEFAULT gen_random_uuid(), user_id uuid NOT NULL REFERENCES users, currency text NOT NULL,
  balance numeric NOT NULL DEFAULT 0, coins_balance numeric NOT NULL DEFAULT 0,
  pending_balance numeric NOT NULL DEFAULT 0, UNIQUE (user_id, currency));
CREATE TABLE subscription_plans (id text PRIMARY KEY, is_active boolean NOT NULL);
CREATE TABLE user_subscriptions (user_id uuid, plan_id text, status text);
CREATE TABLE system_financial_config (config_key text PRIMARY KEY, config_value jsonb, is_active boolean);
INSERT INTO users (name, coins_balance) SELECT 'u' || n, n FROM generate_series(0, 49) n;
INSERT INTO wallets (user_id, currency, coins_balance) SELECT id, 'TRY', coins_balance - floor(coins_balance / 2)
  FROM users;
INSERT INTO wallets (user_id, currency, coins_balance) SELECT id, 'EUR', floor(coins_balance / 2) FROM users
  WHERE coins_balance > 0;
INSERT INTO subscription_plans VALUES ('basic', true), ('premium', true), ('platinum', true), ('old', false);
INSERT INTO user_subscriptions SELECT id, 'premium', 'active' FROM users;
INSERT INTO user_subscriptions SELECT id, 'gold', 'cancelled' FROM users LIMIT 3;
INSERT INTO system_financial_config VALUES ('commission_rate_fallback',
  '{"basic": 0.15, "premium": 0.10, "platinum": 0.05}', true);
"""
INVARIANTS = {
    check.id: check.sql for card in load_cards() for check in card.checks if isinstance(check, InvariantCheck)
}


@pytest.fixture(scope="module")
def database() -> Iterator[psycopg.Connection]:
    with postgres.cluster() as running, psycopg.connect(running.new_database()) as connection:
        connection.execute(TABLES)
        connection.commit()
        yield connection


@pytest.mark.parametrize("name", sorted(INVARIANTS))
def test_fifty_consistent_users_break_no_invariant(database, name):
    assert database.execute(INVARIANTS[name]).fetchall() == []


@pytest.mark.parametrize(
    ("name", "harm", "rows"),
    [
        ("paytr.wallets", "UPDATE wallets SET coins_balance = coins_balance + 1 WHERE currency = 'EUR'", 49),
        ("paytr.wallets", "UPDATE users SET coins_balance = coins_balance + 0.01 WHERE name = 'u7'", 1),
        ("paytr.wallets", "UPDATE wallets SET pending_balance = -1 WHERE currency = 'TRY'", 50),
        ("paytr.wallets", "DELETE FROM wallets", 49),
        ("paytr.commission_plans", "DELETE FROM subscription_plans WHERE id = 'basic'", 1),
        ("paytr.commission_plans", "UPDATE subscription_plans SET is_active = false", 3),
        ("paytr.commission_plans", "DELETE FROM system_financial_config", 3),
        ("paytr.commission_plans", "UPDATE system_financial_config SET is_active = false", 3),
        ("paytr.commission_plans", """UPDATE system_financial_config SET config_value = '{"basic": 1}'""", 3),
        ("paytr.commission_plans", """UPDATE system_financial_config SET config_value = '{"basic": "a"}'""", 3),
        ("paytr.commission_plans", """UPDATE system_financial_config SET config_value = '[]'""", 3),
        ("paytr.commission_plans", "UPDATE user_subscriptions SET status = 'active' WHERE plan_id = 'gold'", 1),
    ],
)
def test_each_harm_is_a_row(database, name, harm, rows):
    try:
        database.execute(harm)
        assert len(database.execute(INVARIANTS[name]).fetchall()) == rows
    finally:
        database.rollback()
