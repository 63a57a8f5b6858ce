"""What an app's own admin panel shows of its integrations: a function, and a view of the last 24 hours.

Both read as whoever asks, so row-level security decides what he sees: admins, and the service role. The limits are
those of the page that they are for: healthy from 99% successes on, degraded from 95% on, down below.
"""

# ruff: noqa: S608 - names and constants are quoted (names.py), and there are no values

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from releaseguard.model import CLIENT, OURSELVES
from releaseguard_events.stores.names import beside, dollar_quoted, literal, qualified

HEALTHY: Final = 99
DEGRADED: Final = 95
"""Percent of successes."""
LONGEST: Final = 720
"""Hours that may be asked for."""


def create(table: str, rows: str, ours: str, titles: Mapping[str, str]) -> list[str]:
    """The statements that make both for ``table``, whose ``rows`` (itself, or the view of it) have our columns;
    ``ours`` is where our own rows are, and ``titles`` are what people call the providers."""
    function, view = beside(table, "panel"), beside(table, "panel_24h")
    return [
        _made(function, view, _function(function, rows, ours, titles)),
        _view(view, function),
        _rights(view, function),
    ]


def _made(function: str, view: str, created: str) -> str:
    """A function that is there and answers other columns is replaced, and the view of it with it."""
    return "DO " + dollar_quoted(f"""BEGIN
  EXECUTE {dollar_quoted(created)};
EXCEPTION WHEN invalid_function_definition THEN
  DROP VIEW IF EXISTS {qualified(view)};
  DROP FUNCTION {qualified(function)}(integer, text);
  EXECUTE {dollar_quoted(created)};
END """)


def _function(function: str, rows: str, ours: str, titles: Mapping[str, str]) -> str:
    return f"""CREATE OR REPLACE FUNCTION {qualified(function)}(
  hours integer DEFAULT 24, of_environment text DEFAULT 'production')
RETURNS TABLE (provider text, display_name text, status text, last_event_at timestamptz, last_success_at timestamptz,
  last_error_at timestamptz, success_rate numeric, avg_response_ms integer, events bigint, failures bigint,
  open_leaks bigint)
LANGUAGE sql STABLE SECURITY INVOKER SET search_path FROM CURRENT AS {dollar_quoted(_body(rows, ours, titles))}"""


def _body(rows: str, ours: str, titles: Mapping[str, str]) -> str:
    """Phones' rows are shown where there are no others: a share is of servers' rows, or of phones'. What is of later
    than now, by the clock of whoever wrote it, is of no hour yet."""
    return f"""
WITH spoken AS (
  SELECT e.provider, coalesce(e.source, '') = {literal(CLIENT)} AS by_phones,
    max(e.occurred_at) AS latest, max(e.occurred_at) FILTER (WHERE e.outcome = 'success') AS good,
    max(e.occurred_at) FILTER (WHERE e.outcome = 'error') AS bad, count(*) AS every,
    count(*) FILTER (WHERE e.outcome = 'error') AS failed, avg(e.latency_ms) AS latency
  FROM {qualified(rows)} e
  WHERE e.occurred_at >= now() - make_interval(hours => least(greatest(hours, 1), {LONGEST}))
    AND e.occurred_at <= now() AND e.environment = of_environment
    AND e.provider NOT IN ({literal(OURSELVES)}, '') AND NOT e.synthetic AND e.outcome IN ('success', 'error')
  GROUP BY 1, 2
), used AS (
  SELECT DISTINCT ON (s.provider) s.* FROM spoken s ORDER BY s.provider, s.by_phones
), leaked AS (
  SELECT l.detail ->> 'provider' AS provider, count(DISTINCT l.detail ->> 'rotation_id') AS open
  FROM {qualified(ours)} l
  WHERE l.provider = {literal(OURSELVES)} AND l.environment = of_environment
    AND jsonb_typeof(l.detail -> 'leak') = 'object'
    AND NOT EXISTS (SELECT FROM {qualified(ours)} r WHERE r.provider = {literal(OURSELVES)}
      AND r.environment = of_environment AND r.event = 'rotation_retired'
      AND r.detail ->> 'provider' = l.detail ->> 'provider' AND r.recorded_at >= l.recorded_at)
  GROUP BY 1
)
SELECT coalesce(u.provider, k.provider), {_title(titles)},
  CASE WHEN u.every IS NULL THEN 'unknown'
    WHEN 100.0 * (u.every - u.failed) / u.every >= {HEALTHY} THEN 'healthy'
    WHEN 100.0 * (u.every - u.failed) / u.every >= {DEGRADED} THEN 'degraded' ELSE 'down' END,
  u.latest, u.good, u.bad, round(100.0 * (u.every - u.failed) / u.every, 2), round(u.latency)::integer,
  coalesce(u.every, 0), coalesce(u.failed, 0), coalesce(k.open, 0)
FROM used u FULL JOIN leaked k ON k.provider = u.provider
ORDER BY 1
"""


def _title(titles: Mapping[str, str]) -> str:
    cases = " ".join(f"WHEN {literal(provider)} THEN {literal(title)}" for provider, title in sorted(titles.items()))
    provider = "coalesce(u.provider, k.provider)"
    return f"CASE {provider} {cases} ELSE {provider} END" if cases else provider


def _view(view: str, function: str) -> str:
    """A function inside a view runs as whoever reads the view, on every version."""
    return f"CREATE OR REPLACE VIEW {qualified(view)} AS SELECT * FROM {qualified(function)}()"


def _rights(view: str, function: str) -> str:
    called = f"{qualified(function)}(integer, text)"
    return "DO " + dollar_quoted(f"""BEGIN
  IF to_regprocedure('auth.jwt()') IS NULL THEN
    RETURN;
  END IF;
  REVOKE ALL ON {qualified(view)} FROM PUBLIC, anon, authenticated, service_role;
  REVOKE ALL ON FUNCTION {called} FROM PUBLIC, anon, authenticated, service_role;
  GRANT SELECT ON {qualified(view)} TO authenticated, service_role;
  GRANT EXECUTE ON FUNCTION {called} TO authenticated, service_role;
END """)
