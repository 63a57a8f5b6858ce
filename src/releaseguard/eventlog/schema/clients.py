"""How phones and browsers write, which hold no service key: a function of the database, for users who are signed in.

It runs with its owner's rights and trusts nothing of what it is given but who calls (``auth.jwt()``). What a phone
cannot say it stamps: ``source = 'client'``, ``environment``, ``recorded_at``, ``synthetic = false``. Each user's rows
are limited, those of successes and of errors apart, so that nobody's successes leave no room for errors. Whoever has
called is kept for a day, as a digest, in a table that no role of the API can read.
"""

# ruff: noqa: S608 - names are quoted (names.py), and there are no values

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from releaseguard.model import OURSELVES
from releaseguard_events.ours import OUR_EVENTS
from releaseguard_events.stores.names import bare, beside, dollar_quoted, literal, qualified, quoted

TAKEN: Final = (
    "id",
    "occurred_at",
    "provider",
    "event",
    "outcome",
    "error_code",
    "latency_ms",
    "release",
    "correlation_id",
    "detail",
)
"""The columns that a phone may fill; a row with any other is refused."""
MOST_BYTES: Final = 65_536
"""Of one call: browsers let no more outlive a page."""
MOST_ROWS: Final = 50
"""Of one call."""
MOST_DETAIL: Final = 16_384
"""Bytes of one row's detail."""
MOST_A_MINUTE: Final = 30
"""Rows of one user and outcome that are taken in a minute."""
MOST_A_DAY: Final = 600
"""Rows of one user and outcome that are taken in 24 hours."""
OLDEST: Final = "interval '24 hours'"
_KEPT: Final = "interval '25 hours'"
"""A row of the oldest minute must still meet the one that was taken for it."""

_ID: Final = "^[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
"""Random ones. A UUIDv5 is the id of a row that somebody else is going to write: taking it would keep that row out."""
_NAME: Final = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$"
_SCHEMA: Final = quoted("@schema@")
"""Stands for the schema in which the table was found: the function looks for nothing on a caller's search path."""
_LONG_NUMBERS: Final = (
    "SELECT FROM jsonb_path_query(events, 'strict $.** ? (@.type() == \"number\")') AS n"
    " WHERE scale(n::numeric) > 400 OR abs(n::numeric) >= 1e400"
)
"""Ten characters can be a number of 131,072 digits, written out: a call of 200 KB would take a gigabyte of memory. What
JavaScript and Python can hold has no more than 324 behind the point."""
_BOUNDS: Final = f"""  too_large := pg_column_size(events) > {MOST_BYTES * 6};
  IF NOT too_large THEN -- and not written out before that is known
    too_large := EXISTS ({_LONG_NUMBERS});
  END IF;
  IF NOT too_large THEN
    too_large := octet_length(events::text) > {MOST_BYTES} OR jsonb_array_length(events) > {MOST_ROWS};
  END IF;
  IF too_large THEN
    RAISE EXCEPTION 'more than {MOST_ROWS} events or {MOST_BYTES} bytes in one call' USING ERRCODE = 'PT413';
  END IF;"""
_TIME: Final = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)$"


def create(table: str, *, environment: str = "production", is_view: bool = False) -> str:
    """Makes the function and what it keeps, where there are the roles of phones; elsewhere nobody could call it.

    ``environment``: what its rows say until the project says otherwise. ``is_view``: ``table`` is a view of an app's
    own table, whose trigger leaves out what is there already.
    """
    statements = (*_ledger(table), *_environment(table, environment), _function(table, is_view), *_rights(table))
    return "DO " + dollar_quoted(f"""BEGIN
  IF to_regprocedure('auth.jwt()') IS NULL THEN
    RETURN;
  END IF;
{_indented(statements)}
END """)


def _indented(statements: Iterable[str]) -> str:
    return "\n".join(f"  {statement};" for statement in statements)


def _ledger(table: str) -> list[str]:
    """Who wrote what in which minute; by the index, what is too old is found without reading the rest."""
    ledger = qualified(beside(table, "clients"))
    return [
        f"""CREATE TABLE IF NOT EXISTS {ledger} (
    caller text NOT NULL, minute timestamptz NOT NULL, provider text NOT NULL, event text NOT NULL,
    outcome text NOT NULL, taken_at timestamptz NOT NULL,
    PRIMARY KEY (caller, minute, provider, event, outcome)
  )""",
        f"CREATE INDEX IF NOT EXISTS {quoted(f'{bare(table)}_clients_taken')} ON {ledger} (taken_at)",
    ]


def _environment(table: str, named: str) -> list[str]:
    """Made once and never replaced: a project that is no production says so here."""
    function = f"{qualified(beside(table, 'client_environment'))}()"
    return [
        f"IF to_regprocedure({literal(function)}) IS NULL THEN\n"
        f"    CREATE FUNCTION {function} RETURNS text LANGUAGE sql STABLE AS $$ SELECT {literal(named)}::text $$;\n"
        "  END IF"
    ]


def _rights(table: str) -> list[str]:
    """Default privileges of a project grant everything to everybody."""
    ledger = qualified(beside(table, "clients"))
    function = f"{qualified(beside(table, 'from_client'))}(jsonb)"
    environment = f"{qualified(beside(table, 'client_environment'))}()"
    everybody = "PUBLIC, anon, authenticated, service_role"
    return [
        f"ALTER TABLE {ledger} ENABLE ROW LEVEL SECURITY",
        f"REVOKE ALL ON {ledger} FROM {everybody}",
        f"REVOKE ALL ON FUNCTION {function}, {environment} FROM {everybody}",
        f"GRANT EXECUTE ON FUNCTION {function} TO authenticated",
    ]


def _found(table: str, suffix: str = "") -> str:
    """A name that belongs to ``table``, with its schema whether or not the table is written with one."""
    name = beside(table, suffix) if suffix else table
    return qualified(name) if "." in table else f"{_SCHEMA}.{quoted(name)}"


_SAME_ID: Final = "false /* the row's id */"
"""Whether a row of a view is the one that is given: asked in the type of its ids, so that their index is used."""


def _function(table: str, is_view: bool) -> str:
    created = (
        f"CREATE OR REPLACE FUNCTION {_found(table, 'from_client')}(events jsonb) RETURNS jsonb\n"
        "  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS "
        + dollar_quoted(_body(table, is_view))
    )
    schema = (
        "(SELECT quote_ident(nspname) FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid"
        f" WHERE c.oid = {literal(qualified(table))}::regclass)"
    )
    made = f"replace({dollar_quoted(created)}, {literal(_SCHEMA)}, {schema})"
    return f"EXECUTE replace({made}, {literal(_SAME_ID)}, {_same_id(table)})" if is_view else f"EXECUTE {made}"


def _same_id(view: str) -> str:
    """Ids that are numbers are the table's own, and none is sent: who was counted in a minute is not counted again."""
    uuid = "id = (row_given ->> ''id'')::uuid"
    return f"""(SELECT CASE atttypid::regtype::text WHEN 'uuid' THEN '{uuid}'
    WHEN 'text' THEN '{uuid}::text' ELSE 'false' END
    FROM pg_attribute WHERE attrelid = {literal(qualified(view))}::regclass AND attname = 'id')"""


def _body(table: str, is_view: bool) -> str:
    ledger = _found(table, "clients")
    return f"""
DECLARE
  claims CONSTANT jsonb := auth.jwt();
  moment CONSTANT timestamptz := clock_timestamp();
  caller_is CONSTANT text := left(encode(sha256(convert_to(claims ->> 'sub', 'UTF8')), 'hex'), 32);
  left_over jsonb;
  row_given jsonb;
  answer jsonb := '{{"stored": 0, "repeated": 0, "limited": 0, "refused": 0}}';
  became text;
  too_large boolean;
BEGIN
  IF coalesce(claims ->> 'sub', '') = '' OR (claims ->> 'is_anonymous') = 'true' THEN
    RAISE EXCEPTION 'events are taken from users who are signed in' USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF jsonb_typeof(events) IS DISTINCT FROM 'array' THEN
    RAISE EXCEPTION 'events is not a list' USING ERRCODE = 'PT400';
  END IF;
{_BOUNDS}
  IF NOT pg_try_advisory_xact_lock({literal(ledger)}::regclass::int, hashtext(caller_is)) THEN
    RAISE EXCEPTION 'another call of this user is under way' USING ERRCODE = 'PT429';
  END IF;
  DELETE FROM {ledger} WHERE ctid IN (
    SELECT ctid FROM {ledger} WHERE taken_at < moment - {_KEPT} LIMIT 200 FOR UPDATE SKIP LOCKED);
  SELECT jsonb_object_agg(outcome, least(
      {MOST_A_MINUTE} - (SELECT count(*) FROM {ledger} l
        WHERE l.caller = caller_is AND l.outcome = o.outcome AND l.taken_at > moment - interval '1 minute'),
      {MOST_A_DAY} - (SELECT count(*) FROM {ledger} l
        WHERE l.caller = caller_is AND l.outcome = o.outcome AND l.taken_at > moment - {OLDEST})))
    INTO left_over FROM (VALUES ('success'), ('error')) AS o(outcome);
  FOR row_given IN SELECT value FROM jsonb_array_elements(events) LOOP
{_one_row(table, is_view)}
    answer := answer || jsonb_build_object(became, (answer ->> became)::int + 1);
  END LOOP;
  RETURN answer;
END """


def _one_row(table: str, is_view: bool) -> str:
    ledger, events = _found(table, "clients"), _found(table)
    same = _SAME_ID if is_view else "id = (row_given ->> 'id')::uuid"
    conflict = "" if is_view else "ON CONFLICT (id) DO NOTHING"
    return f"""    DECLARE
      used_at timestamptz;
    BEGIN
      became := 'refused';
      IF ({_fits("row_given")}) THEN
        used_at := greatest(least((row_given ->> 'occurred_at')::timestamptz, moment), moment - {OLDEST});
        IF EXISTS (SELECT FROM {events} WHERE {same}) THEN
          became := 'repeated';
        ELSE
          became := 'limited';
          IF (left_over ->> (row_given ->> 'outcome'))::int > 0 THEN
            INSERT INTO {ledger} VALUES (caller_is, date_trunc('minute', used_at, 'UTC'), row_given ->> 'provider',
              row_given ->> 'event', row_given ->> 'outcome', moment) ON CONFLICT DO NOTHING;
            IF FOUND THEN
              became := 'stored';
              left_over := left_over || jsonb_build_object(row_given ->> 'outcome',
                (left_over ->> (row_given ->> 'outcome'))::int - 1);
              INSERT INTO {events} (id, occurred_at, provider, event, outcome, error_code, latency_ms, environment,
                  release, source, correlation_id, synthetic, detail)
                VALUES ((row_given ->> 'id')::uuid, used_at, row_given ->> 'provider', row_given ->> 'event',
                  row_given ->> 'outcome', row_given ->> 'error_code',
                  round((row_given ->> 'latency_ms')::numeric)::int,
                  {_found(table, "client_environment")}(), row_given ->> 'release', 'client',
                  row_given ->> 'correlation_id', false,
                  CASE jsonb_typeof(row_given -> 'detail') WHEN 'object' THEN row_given -> 'detail' ELSE '{{}}' END)
                {conflict};
            END IF;
          END IF;
        END IF;
      END IF;
    EXCEPTION WHEN data_exception THEN
      became := 'refused'; -- the thirteenth month
    END;"""


def _fits(row: str) -> str:
    """Whether a row may be stored. Each condition is asked only where those before hold."""
    columns = ", ".join(map(literal, TAKEN))
    ours = ", ".join(map(literal, sorted(OUR_EVENTS)))
    texts = " AND ".join(
        f"coalesce(jsonb_typeof({row} -> '{name}'), 'null') IN ('string', 'null')"
        f" AND coalesce(length({row} ->> '{name}'), 0) <= 200"
        for name in ("error_code", "release", "correlation_id")
    )
    wanted = " AND ".join(f"jsonb_typeof({row} -> '{name}') = 'string'" for name in TAKEN[:5])
    return f"""CASE WHEN jsonb_typeof({row}) <> 'object' THEN false
        WHEN EXISTS (SELECT FROM jsonb_object_keys({row}) AS k WHERE k <> ALL (ARRAY[{columns}])) THEN false
        WHEN ({wanted}) IS NOT TRUE THEN false
        WHEN coalesce(jsonb_typeof({row} -> 'latency_ms'), 'null') NOT IN ('number', 'null') THEN false
        ELSE lower({row} ->> 'id') ~ {literal(_ID)} AND {row} ->> 'occurred_at' ~ {literal(_TIME)}
          AND {row} ->> 'provider' ~ {literal(_NAME)} AND {row} ->> 'event' ~ {literal(_NAME)}
          AND lower({row} ->> 'provider') <> {literal(OURSELVES)} AND lower({row} ->> 'event') <> ALL (ARRAY[{ours}])
          AND {row} ->> 'outcome' IN ('success', 'error')
          AND coalesce(({row} ->> 'latency_ms')::numeric, 0) BETWEEN 0 AND 2147483646
          AND {texts}
          AND coalesce(jsonb_typeof({row} -> 'detail'), 'null') IN ('object', 'null')
          AND octet_length(coalesce({row} ->> 'detail', '')) <= {MOST_DETAIL} END"""
