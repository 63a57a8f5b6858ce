"""Who may see an event log in Postgres: on Supabase the service role writes, admins read, and nobody else."""

# ruff: noqa: S608 - names are quoted (names.py), and there are no values

from __future__ import annotations

from releaseguard_events.stores.names import bare, beside, dollar_quoted, literal, qualified, quoted

_PARTS = """(VALUES
    ('role anon', to_regrole('anon') IS NOT NULL),
    ('role authenticated', to_regrole('authenticated') IS NOT NULL),
    ('role service_role', to_regrole('service_role') IS NOT NULL),
    ('function auth.jwt()', to_regprocedure('auth.jwt()') IS NOT NULL)
  ) AS part(name, is_there)"""
"""What row-level security at Supabase stands on."""

MISSING = f"SELECT string_agg(name, ', ') FILTER (WHERE NOT is_there) FROM {_PARTS} HAVING bool_or(is_there)"
"""What is missing where some of it is there; no row or NULL where it is a whole Supabase or a plain Postgres."""

_IS_ADMIN = "(SELECT auth.jwt() -> 'app_metadata' ->> 'role') = 'admin'"


def half_of_it(missing: str) -> str:
    """What is wrong, in words that hold for Python and for SQL alike."""
    return f"this database has some of what Supabase's row-level security stands on, and not: {missing}"


WAY_OUT = "Make what is missing, or drop the roles that nothing uses here; then migrate again."


def refuse_half() -> str:
    """Stops where only a part is there: without row-level security, whoever has the public key would read all."""
    words = half_of_it("%")
    return "DO " + dollar_quoted(f"""DECLARE missing text; BEGIN
  {MISSING.replace(" FROM ", " INTO missing FROM ", 1)};
  IF missing IS NOT NULL THEN
    RAISE EXCEPTION {literal(words)}, missing
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = {literal(WAY_OUT)};
  END IF;
END """)


def by_minute(table: str) -> str:
    """A view and no table: a roll-up kept aside would be wrong as soon as a late row arrives.

    A view shows what its owner sees, past row-level security, unless it is its caller's (Postgres 15). Before that
    it asks of its caller itself what the policies ask, and shows nothing to a condition of the caller's before.
    """
    view = qualified(beside(table, "by_minute"))

    def made(options: str, condition: str = "") -> str:
        return f"""CREATE OR REPLACE VIEW {view}{options} AS
SELECT date_trunc('minute', occurred_at) AS minute, environment, provider, event, outcome, release, synthetic,
  count(*) AS events, count(DISTINCT correlation_id) AS correlations, avg(latency_ms) AS latency_ms
FROM {qualified(table)}{condition} GROUP BY 1, 2, 3, 4, 5, 6, 7"""

    invoked = made(" WITH (security_invoker = true)")
    return "DO " + dollar_quoted(f"""BEGIN
  IF current_setting('server_version_num')::int >= 150000 THEN
    EXECUTE {dollar_quoted(invoked)};
  ELSIF to_regprocedure('auth.jwt()') IS NULL THEN
    {made("")};
  ELSE
    {made(" WITH (security_barrier = true)", _as_the_policies(table))};
  END IF;
END """)


def _as_the_policies(table: str) -> str:
    return f"""
WHERE NOT row_security_active({literal(qualified(table))}::regclass)
  OR pg_has_role(current_user, 'service_role', 'USAGE')
  OR (pg_has_role(current_user, 'authenticated', 'USAGE') AND {_IS_ADMIN})"""


def grants(table: str) -> str:
    """On Supabase: the service role adds and prunes, admins read, nobody else sees anything.

    Elsewhere nothing changes: a plain Postgres has neither the roles nor ``auth.jwt()``, and row-level security
    without policies would lock the app's own writers out. No one is granted UPDATE: the log is append-only.
    """
    events, versions, view = (qualified(name) for name in (table, beside(table, "schema"), beside(table, "by_minute")))
    admins = quoted(f"{bare(table)}_admins_read")
    service = quoted(f"{bare(table)}_service_writes")
    return "DO " + dollar_quoted(f"""BEGIN
  IF to_regprocedure('auth.jwt()') IS NULL THEN
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
  CREATE POLICY {admins} ON {events} FOR SELECT TO authenticated USING ({_IS_ADMIN});
  PERFORM pg_notify('pgrst', 'reload schema');
END """)
