"""The event log's schema for Postgres, and for Supabase who may see it."""

# ruff: noqa: S608 - names are quoted (names.py), and there are no values

from __future__ import annotations

from releaseguard.eventlog.interface import NEEDED
from releaseguard.eventlog.schema.names import VERSION, bare, beside, qualified, quoted

COLUMNS = {
    "id": "uuid PRIMARY KEY",
    "occurred_at": "timestamptz NOT NULL",
    "recorded_at": "timestamptz NOT NULL DEFAULT now()",
    "provider": "text NOT NULL",
    "event": "text NOT NULL",
    "outcome": "text NOT NULL CHECK (outcome IN ('success', 'error'))",
    "error_code": "text",
    "latency_ms": "integer",
    "environment": "text NOT NULL",
    "release": "text",
    "source": "text",
    "correlation_id": "text",
    "synthetic": "boolean NOT NULL DEFAULT false",
    "detail": "jsonb NOT NULL DEFAULT '{}'",
}


def create(table: str) -> list[str]:
    """The statements that make what is not there yet; each may be run again."""
    return [_table(table), *_columns(table), *_indexes(table), *_version(table), *_by_minute(table), _access(table)]


def _table(table: str) -> str:
    columns = ",\n".join(f"  {quoted(name)} {declared}" for name, declared in COLUMNS.items())
    return f"CREATE TABLE IF NOT EXISTS {qualified(table)} (\n{columns}\n)"


def _columns(table: str) -> list[str]:
    """For a table made by an older version. Columns that existing rows could not be given are left to its keeper."""
    return [
        f"ALTER TABLE {qualified(table)} ADD COLUMN IF NOT EXISTS {quoted(name)} {declared}"
        for name, declared in COLUMNS.items()
        if name not in NEEDED
    ]


def _indexes(table: str) -> list[str]:
    wanted = {
        "time": "(occurred_at, id)",
        "provider_time": "(environment, provider, occurred_at)",
        "recorded": "(recorded_at)",
        "correlation": "(correlation_id) WHERE correlation_id IS NOT NULL",
        "release": "(release) WHERE release IS NOT NULL",
        "lane": "(environment, (detail ->> 'provider'), occurred_at) WHERE provider = 'releaseguard'",
    }
    return [
        f"CREATE INDEX IF NOT EXISTS {quoted(f'{bare(table)}_{name}')} ON {qualified(table)} {columns}"
        for name, columns in wanted.items()
    ]


def _version(table: str) -> list[str]:
    versions = qualified(beside(table, "schema"))
    return [
        f"CREATE TABLE IF NOT EXISTS {versions} (\n"
        "  version integer PRIMARY KEY,\n  applied_at timestamptz NOT NULL DEFAULT now()\n)",
        f"INSERT INTO {versions} (version) VALUES ({VERSION}) ON CONFLICT (version) DO NOTHING",
    ]


def _by_minute(table: str) -> list[str]:
    """A view and no table: a roll-up kept aside would be wrong as soon as a late row arrives."""
    view = qualified(beside(table, "by_minute"))
    return [
        f"""CREATE OR REPLACE VIEW {view} AS
SELECT date_trunc('minute', occurred_at) AS minute, environment, provider, event, outcome, release, synthetic,
  count(*) AS events, count(DISTINCT correlation_id) AS correlations, avg(latency_ms) AS latency_ms
FROM {qualified(table)} GROUP BY 1, 2, 3, 4, 5, 6, 7""",
        # Without it a view shows every row to whoever may read the view, past row-level security.
        f"""DO $$ BEGIN
  IF current_setting('server_version_num')::int >= 150000 THEN
    ALTER VIEW {view} SET (security_invoker = true);
  END IF;
END $$""",
    ]


def _access(table: str) -> str:
    """On Supabase: the service role adds and prunes, admins read, nobody else sees anything.

    Elsewhere nothing changes: a plain Postgres has neither the roles nor ``auth.jwt()``, and row-level security
    without policies would lock the app's own writers out. No one is granted UPDATE: the log is append-only.
    """
    events, versions, view = (qualified(name) for name in (table, beside(table, "schema"), beside(table, "by_minute")))
    admins = quoted(f"{bare(table)}_admins_read")
    service = quoted(f"{bare(table)}_service_writes")
    return f"""DO $$ BEGIN
  IF to_regrole('service_role') IS NULL OR to_regrole('authenticated') IS NULL OR to_regrole('anon') IS NULL
    OR to_regprocedure('auth.jwt()') IS NULL THEN
    RETURN;
  END IF;
  ALTER TABLE {events} ENABLE ROW LEVEL SECURITY;
  ALTER TABLE {versions} ENABLE ROW LEVEL SECURITY;
  REVOKE ALL ON {events}, {versions}, {view} FROM PUBLIC, anon, authenticated, service_role;
  GRANT SELECT, INSERT, DELETE ON {events} TO service_role;
  GRANT SELECT ON {versions}, {view} TO service_role;
  GRANT SELECT ON {events}, {view} TO authenticated;
  DROP POLICY IF EXISTS {service} ON {events};
  CREATE POLICY {service} ON {events} TO service_role USING (true) WITH CHECK (true);
  DROP POLICY IF EXISTS {admins} ON {events};
  CREATE POLICY {admins} ON {events} FOR SELECT TO authenticated
    USING ((SELECT auth.jwt() -> 'app_metadata' ->> 'role') = 'admin');
  PERFORM pg_notify('pgrst', 'reload schema');
END $$"""
