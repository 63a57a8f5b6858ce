"""Roll-ups in Postgres: the counts of each minute, packed by hour and kind, beside the table they count.

- ``<table>_touched`` holds the minutes that changed: triggers add one row for each minute of a statement, whoever
  writes or deletes. A snapshot that sees a row sees its mark, since both are of one transaction.
- ``<table>_hours`` holds the counts of each source, ``<table>_joined`` the same with all servers as one: a third of the
  rows, or less, for whoever does not tell them apart.
- ``<table>_roll_up`` takes marks away and counts their minutes anew; ``<table>_counted`` reads what is rolled up, and
  counts the minutes that are still marked. So what it says equals a count of the rows, at any moment.
- A mark that cannot be made never stops the writer: a number of ``<table>_touch_faults`` is drawn instead, which no
  transaction takes back, and nothing that was rolled up is believed until all is counted anew.

See ``docs/adr/0012-roll-ups-behind-marks.md``.
"""

# ruff: noqa: S608 - names are quoted (names.py), and there are no values

from __future__ import annotations

from typing import Final

from releaseguard.eventlog.schema import rolled_up
from releaseguard.eventlog.schema.rolled_up import FIXED, READS, SCHEMA, SPANS, inside
from releaseguard_events.stores.names import VERSION, bare, beside, dollar_quoted, literal, qualified, quoted

PARTS: Final = ("touched", "hours", "joined", "roll_ups")
"""The tables behind the event table's name: marks, counts of each source, the same with all servers as one, and whether
the counts can be believed."""
FAULTS: Final = "touch_faults"
ROLLED: Final = "rolled"
"""The minutes that were counted anew, in the order in which they were, the newest thousands of them: with those that
are marked they tell whoever reads again what changed. One without a minute stands for all."""
REMEMBERED: Final = 20_000
"""Of them, how many are kept: those of two weeks, counted minute by minute."""
_DRAWN: Final = "last_value + is_called::integer"
"""How many faults there were: the first number drawn is the last value already."""
WAIT: Final = "250ms"
"""How long a writer may wait for the table of marks."""


def create(table: str) -> list[str]:
    """The statements that make what is not there yet, or make it anew. None reads or rewrites the table's rows."""
    made = [*_tables(table), _older(table), _replaced(table), _functions(table), _doubt(table)]
    return [*made, *_triggers(table), _begin(table), _rights(table)]


def trigger_names(table: str) -> list[str]:
    """The triggers without which nothing rolled up is believed."""
    return [f"{bare(table)}_touch_{when}" for when in _WHEN]


def _tables(table: str) -> list[str]:
    touched, state = (qualified(beside(table, part)) for part in ("touched", "roll_ups"))
    return [
        f"CREATE TABLE IF NOT EXISTS {touched} (minute timestamptz NOT NULL) WITH (vacuum_truncate = false)",
        f"CREATE INDEX IF NOT EXISTS {quoted(f'{bare(table)}_touched_minute')} ON {touched} (minute)",
        *rolled_up.hours(table, "hours"),
        *rolled_up.hours(table, "joined"),
        f"""CREATE TABLE IF NOT EXISTS {state} (
  one boolean PRIMARY KEY DEFAULT true CHECK (one), ready boolean NOT NULL, relations oid[] NOT NULL,
  faults bigint NOT NULL, fence bigint NOT NULL
)""",
        f"CREATE SEQUENCE IF NOT EXISTS {qualified(beside(table, FAULTS))}",
        f"CREATE TABLE IF NOT EXISTS {qualified(beside(table, ROLLED))} (\n"
        "  n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, minute timestamptz\n)",
    ]


_WHEN = {
    "insert": "REFERENCING NEW TABLE AS came",
    "update": "REFERENCING NEW TABLE AS came OLD TABLE AS went",
    "delete": "REFERENCING OLD TABLE AS went",
    "truncate": "",
}


def _triggers(table: str) -> list[str]:
    made = []
    for when, rows in _WHEN.items():
        name, on = quoted(f"{bare(table)}_touch_{when}"), qualified(table)
        made += [
            f"DROP TRIGGER IF EXISTS {name} ON {on}",
            f"CREATE TRIGGER {name} AFTER {when.upper()} ON {on} {rows} FOR EACH STATEMENT\n"
            f"  EXECUTE FUNCTION {qualified(beside(table, 'touch'))}()",
            f"ALTER TABLE {on} ENABLE ALWAYS TRIGGER {name}",
        ]
    return made


def _functions(table: str) -> str:
    """All of them in one block, which puts the table's schema into each."""
    packing = (rolled_up.recount, rolled_up.course, rolled_up.packed, rolled_up.joined)
    reading = (*packing, rolled_up.counted, rolled_up.answer)
    made = [make(table) for make in (_touch, _ready, *reading, _begun, _roll_up, _changes, _clock)]
    run = "\n".join(f"  EXECUTE replace({dollar_quoted(one)}, {literal(SCHEMA)}, place);" for one in made)
    return "DO " + dollar_quoted(f"""DECLARE place text; BEGIN
  SELECT quote_ident(n.nspname) INTO place FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = {literal(qualified(table))}::regclass;
{run}
END """)


_COUNTING = ("recount", "packed", "counted", "counts")


def _older(table: str) -> str:
    """What an older version has made goes: functions that take or give something else, and what it counted."""
    names = ", ".join(literal(bare(beside(table, name))) for name in _COUNTING)
    versions, state = qualified(beside(table, "schema")), qualified(beside(table, "roll_ups"))
    return "DO " + dollar_quoted(f"""DECLARE one regprocedure; BEGIN
  IF EXISTS (SELECT FROM {versions} WHERE version = {VERSION}) THEN
    RETURN;
  END IF;
  FOR one IN SELECT p.oid FROM pg_proc p JOIN pg_class c ON c.relnamespace = p.pronamespace
    WHERE c.oid = {literal(qualified(table))}::regclass AND p.proname IN ({names}) LOOP
    EXECUTE format('DROP FUNCTION %s', one);
  END LOOP;
  DELETE FROM {state};
END """)


def _replaced(table: str) -> str:
    """The function that counted one span at a time goes: another of its name takes all of them."""
    one = "timestamptz, timestamptz, text, text[], text, boolean, timestamptz"
    return f"DROP FUNCTION IF EXISTS {qualified(beside(table, 'recount'))}({one})"


def _touch(table: str) -> str:
    marked = f"INSERT INTO {inside(table, 'touched')} SELECT DISTINCT date_trunc('minute', occurred_at, 'UTC') FROM"
    faults = literal(inside(table, FAULTS))
    names = ", ".join(literal(name) for name in trigger_names(table))
    body = f"""
BEGIN
  -- In anybody else's trigger, what came and what went could be views of his, which would run with our rights.
  IF TG_RELID IS DISTINCT FROM to_regclass({literal(inside(table))}) OR TG_NAME <> ALL (ARRAY[{names}]) THEN
    RETURN NULL;
  END IF;
  IF TG_OP IN ('INSERT', 'UPDATE') THEN
    {marked} came WHERE isfinite(occurred_at);
  END IF;
  IF TG_OP IN ('DELETE', 'UPDATE') THEN
    {marked} went WHERE isfinite(occurred_at);
  END IF;
  IF TG_OP = 'TRUNCATE' THEN
    PERFORM nextval({faults}::regclass);
  END IF;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN -- what counts must not stop what is counted
  BEGIN
    PERFORM nextval({faults}::regclass);
  EXCEPTION WHEN OTHERS THEN
    NULL; -- without the sequence nothing is believed
  END;
  RETURN NULL;
END """
    return (
        f"CREATE OR REPLACE FUNCTION {inside(table, 'touch')}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER\n"
        f"SET search_path = pg_catalog, pg_temp SET lock_timeout = '{WAIT}' AS {dollar_quoted(body)}"
    )


def _relations(table: str) -> str:
    names = [inside(table), *(inside(table, part) for part in PARTS), inside(table, FAULTS)]
    return "ARRAY[" + ", ".join(f"to_regclass({literal(name)})::oid" for name in names) + "]"


def _guarded(table: str, on: str | None = None) -> str:
    """Whether every change of the table leaves a mark.

    Who switches triggers off and on again (``pg_restore --disable-triggers`` does) leaves them as ordinary ones, and
    not as those that always fire. Rows that come by way of a parent, or of a subscription, fire none of a statement.
    """
    names = ", ".join(literal(name) for name in trigger_names(table))
    return (
        f"(SELECT count(*) = {len(_WHEN)} FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
        f" WHERE c.relkind = 'r' AND NOT c.relhassubclass AND tgrelid = to_regclass({literal(on or inside(table))})"
        " AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid)"
        " AND NOT EXISTS (SELECT FROM pg_subscription_rel r WHERE r.srrelid = c.oid)"
        f" AND tgname IN ({names}) AND tgenabled = 'A')"
    )


def _unchanged(table: str) -> str:
    return f"s.relations = {_relations(table)} AND s.faults = (SELECT {_DRAWN} FROM {inside(table, FAULTS)})"


def _ready(table: str) -> str:
    """Whether what is rolled up can be believed: every change since has left a mark, in these very tables."""
    body = f"""
BEGIN
  RETURN coalesce((SELECT s.ready AND {_unchanged(table)} FROM {inside(table, "roll_ups")} s), false)
    AND {_guarded(table)};
END """
    return (
        f"CREATE OR REPLACE FUNCTION {inside(table, 'rolled_up')}() RETURNS boolean LANGUAGE plpgsql STABLE\n"
        f"{FIXED} AS {dollar_quoted(body)}"
    )


def _begun(table: str) -> str:
    """Whether counts can be believed, or can be from this transaction on, in which all is marked.

    A writer whose mark failed may still be at work. So everything waits until whoever was at work when the failure was
    seen is done; only then is all of it there to be marked.
    """
    state, mine = inside(table, "roll_ups"), "txid_current_snapshot()"
    body = f"""
DECLARE
  waits_for bigint;
BEGIN
  IF {inside(table, "rolled_up")}() THEN
    RETURN true;
  END IF;
  INSERT INTO {state} AS s (ready, relations, faults, fence)
    SELECT false, {_relations(table)}, {_DRAWN}, txid_snapshot_xmax({mine}) FROM {inside(table, FAULTS)}
    ON CONFLICT (one) DO UPDATE SET ready = false, relations = EXCLUDED.relations, faults = EXCLUDED.faults,
      fence = EXCLUDED.fence WHERE s.ready OR NOT ({_unchanged(table)});
  SELECT s.fence INTO waits_for FROM {state} s;
  IF NOT {_guarded(table)} OR txid_snapshot_xmin({mine}) < waits_for THEN
    DELETE FROM {inside(table, "touched")}; -- all will be marked
    RETURN false;
  END IF;
  DELETE FROM {inside(table, "hours")};
  DELETE FROM {inside(table, "joined")};
  INSERT INTO {inside(table, "touched")} SELECT DISTINCT date_trunc('minute', occurred_at) FROM {inside(table)}
    WHERE isfinite(occurred_at);
  INSERT INTO {inside(table, ROLLED)} (minute) VALUES (NULL);
  UPDATE {state} SET ready = true;
  RETURN true;
END """
    return (
        f"CREATE OR REPLACE FUNCTION {inside(table, 'begun')}() RETURNS boolean LANGUAGE plpgsql\n"
        f"{FIXED} AS {dollar_quoted(body)}"
    )


def _roll_up(table: str) -> str:
    """Count up to ``most`` marked minutes that ended before ``before``, the newest first; returns how many it counted.

    Marks go first, and counting sees what was committed until then, or later: what it misses is marked still.
    """
    touched, hours, joined, rolled = (inside(table, name) for name in ("touched", "hours", "joined", ROLLED))
    body = f"""
#variable_conflict use_column
DECLARE
  stale timestamptz[];
  changed timestamptz[];
  lows timestamptz[];
  highs timestamptz[];
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtext('releaseguard rolls up'), hashtext({literal(inside(table))}))
    OR NOT {inside(table, "begun")}() THEN
    RETURN 0;
  END IF;
  stale := ARRAY(SELECT DISTINCT minute FROM {touched} WHERE minute < date_trunc('minute', before)
    ORDER BY minute DESC LIMIT most);
  IF cardinality(stale) = 0 THEN
    RETURN 0;
  END IF;
  DELETE FROM {touched} WHERE minute = ANY (stale);
  INSERT INTO {rolled} (minute) SELECT unnest(stale);
  DELETE FROM {rolled} WHERE n <= (SELECT max(n) FROM {rolled}) - {REMEMBERED};
  {SPANS}
  changed := ARRAY(SELECT DISTINCT date_trunc('hour', m) FROM unnest(stale) m);
  WITH made AS MATERIALIZED (SELECT * FROM {inside(table, "packed")}(
    changed, stale, lows, highs, '-infinity', 'infinity', NULL, NULL, NULL, NULL, NULL, false)),
  gone AS (DELETE FROM {hours} WHERE hour = ANY (changed))
  INSERT INTO {hours} SELECT * FROM made;
  DELETE FROM {joined} WHERE hour = ANY (changed);
  INSERT INTO {joined} SELECT * FROM {inside(table, "as_one")}(changed);
  RETURN cardinality(stale);
END """
    return (
        f"CREATE OR REPLACE FUNCTION {inside(table, 'roll_up')}(most integer DEFAULT 720,\n"
        f"  before timestamptz DEFAULT now() - interval '2 minutes') RETURNS integer\n"
        f"LANGUAGE plpgsql SECURITY DEFINER {READS} AS {dollar_quoted(body)}"
    )


def _changes(table: str) -> str:
    """The minutes whose rows may have changed since an answer that said ``known``, and what to say the next time.

    Whoever rolls up holds a lock until he is done, so that numbers come in the order in which they are seen. A minute
    is marked, or was counted anew since: nothing lies between. ``minutes`` is null where it may be any of them.
    """
    rolled, touched = inside(table, ROLLED), inside(table, "touched")
    body = f"""
DECLARE
  this text := to_regclass({literal(rolled)})::oid::text;
  seen bigint := CASE WHEN split_part(known, ':', 1) = this THEN split_part(known, ':', 2)::bigint END;
  first bigint;
  last bigint;
BEGIN
  IF NOT {inside(table, "rolled_up")}() THEN
    RETURN NULL;
  END IF;
  SELECT coalesce(min(n), 1), coalesce(max(n), 0) INTO first, last FROM {rolled};
  RETURN json_build_object('upto', this || ':' || last, 'minutes', CASE WHEN seen BETWEEN first - 1 AND last
    AND NOT EXISTS (SELECT FROM {rolled} r WHERE r.n > seen AND r.minute IS NULL) THEN
      (SELECT coalesce(json_agg(m.minute), '[]') FROM (SELECT r.minute FROM {rolled} r WHERE r.n > seen
        UNION SELECT t.minute FROM {touched} t) m) END);
END """
    return (
        f"CREATE OR REPLACE FUNCTION {inside(table, 'changes')}(known text) RETURNS json LANGUAGE plpgsql STABLE\n"
        f"{FIXED} AS {dollar_quoted(body)}"
    )


def _doubt(table: str) -> str:
    """Rows may have come while a trigger was not there, or switched off."""
    return "DO " + dollar_quoted(f"""BEGIN
  IF NOT {_guarded(table, qualified(table))} THEN
    DELETE FROM {qualified(beside(table, "roll_ups"))};
  END IF;
END """)


def _begin(table: str) -> str:
    """An empty table has nothing to wait for: whoever could write holds still while its triggers are made."""
    state, events = qualified(beside(table, "roll_ups")), qualified(table)
    names = [table, *(beside(table, part) for part in PARTS), beside(table, FAULTS)]
    relations = ", ".join(f"{literal(qualified(name))}::regclass::oid" for name in names)
    return "DO " + dollar_quoted(f"""BEGIN
  IF NOT EXISTS (SELECT FROM {state}) AND NOT EXISTS (SELECT FROM {events}) THEN
    INSERT INTO {state} (ready, relations, faults, fence)
      SELECT true, ARRAY[{relations}], {_DRAWN}, 0 FROM {qualified(beside(table, FAULTS))};
    INSERT INTO {qualified(beside(table, ROLLED))} (minute) VALUES (NULL);
  END IF;
END """)


def _clock(table: str) -> str:
    """The time by which rows are recorded: over REST a gateway stands in front, and its clock is another."""
    return (
        f"CREATE OR REPLACE FUNCTION {inside(table, 'clock')}() RETURNS timestamptz LANGUAGE sql STABLE\n"
        f"{FIXED} AS {dollar_quoted(' SELECT clock_timestamp() ')}"
    )


def _rights(table: str) -> str:
    """Who may read the table's rows may read their counts."""
    names = ", ".join(qualified(beside(table, part)) for part in (*PARTS, ROLLED))
    faults, functions = qualified(beside(table, FAULTS)), _callable(table)
    touch = f"{qualified(beside(table, 'touch'))}()"
    secured = "\n".join(
        f"  ALTER TABLE {qualified(beside(table, part))} ENABLE ROW LEVEL SECURITY;" for part in (*PARTS, ROLLED)
    )
    policies = "\n".join(
        f"  DROP POLICY IF EXISTS {quoted(f'{bare(table)}_service_reads')} ON {qualified(beside(table, part))};\n"
        f"  CREATE POLICY {quoted(f'{bare(table)}_service_reads')} ON {qualified(beside(table, part))}\n"
        "    FOR SELECT TO service_role USING (true);"
        for part in (*PARTS, ROLLED)
    )
    return "DO " + dollar_quoted(f"""DECLARE reader text; BEGIN
  REVOKE ALL ON FUNCTION {touch} FROM PUBLIC; -- who may execute it may make triggers of it
  IF to_regprocedure('auth.jwt()') IS NULL THEN
    FOR reader IN SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
      FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a
      WHERE c.oid = {literal(qualified(table))}::regclass AND a.privilege_type = 'SELECT' LOOP
      EXECUTE format('GRANT SELECT ON {names.replace("%", "%%")} TO %s', reader);
      EXECUTE format('GRANT SELECT ON SEQUENCE {faults.replace("%", "%%")} TO %s', reader);
    END LOOP;
    RETURN;
  END IF;
{secured}
{policies}
  REVOKE ALL ON {names} FROM PUBLIC, anon, authenticated, service_role;
  REVOKE ALL ON SEQUENCE {faults} FROM PUBLIC, anon, authenticated, service_role;
  EXECUTE 'REVOKE ALL ON SEQUENCE ' || pg_get_serial_sequence({literal(qualified(beside(table, ROLLED)))}, 'n')
    || ' FROM PUBLIC, anon, authenticated, service_role';
  REVOKE ALL ON FUNCTION {functions}, {touch} FROM PUBLIC, anon, authenticated, service_role;
  GRANT SELECT ON {names} TO service_role;
  GRANT SELECT ON SEQUENCE {faults} TO service_role;
  GRANT EXECUTE ON FUNCTION {functions} TO service_role;
END """)


def _callable(table: str) -> str:
    asked = "text, text[], text, boolean, timestamptz"
    given = f"timestamptz[], timestamptz[], timestamptz[], timestamptz[], timestamptz, timestamptz, {asked}"
    signatures = {
        "rolled_up": "",
        "recount": f"timestamptz[], timestamptz[], timestamptz, timestamptz, {asked}",
        "course": "integer[], bigint[], bigint[], integer",
        "packed": f"{given}, boolean",
        "as_one": "timestamptz[]",
        "counted": ", ".join(rolled_up.ARGUMENTS.values()),
        "counts": "json",
        "begun": "",
        "roll_up": "integer, timestamptz",
        "changes": "text",
        "clock": "",
    }
    return ", ".join(f"{qualified(beside(table, name))}({kinds})" for name, kinds in signatures.items())
