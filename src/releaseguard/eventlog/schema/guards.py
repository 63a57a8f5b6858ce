"""What Postgres itself enforces of an event log, whoever writes: triggers and a constraint.

- ``recorded_at`` is the store's clock. Only the table's owner keeps the times it writes, so that history can be
  imported, and never one that is still to come. Being the owner means both the role at work and the one that signed
  in: a function that runs with its owner's rights (``SECURITY DEFINER``) gives no caller that right.
- ``detail`` is an object. A JSON text of an object, which clients send that encode twice, becomes that object, and a
  null the empty one; anything else is refused.
- Rows of provider ``releaseguard`` (chains among them) are neither changed nor deleted, and none is made by an update.

The owner can drop all this, and a superuser can pass it by; see ``docs/threat-model.md``.
"""

# ruff: noqa: S608 - names are quoted (names.py), and there are no values

from __future__ import annotations

from releaseguard.model import OURSELVES
from releaseguard_events.stores.names import bare, beside, dollar_quoted, literal, qualified, quoted

_OURS = literal(OURSELVES)
_FIXED = "SET search_path = pg_catalog, pg_temp"
"""No one who may make a schema or temporary objects can put functions or types of theirs into ours."""


def create(table: str) -> list[str]:
    """The statements that make the guards of ``table``, or make them anew. None reads or rewrites its rows."""
    return [_stamp(table), _keep(table), _object(table), *_triggers(table)]


def trigger_names(table: str) -> list[str]:
    """The triggers that a migrated table has."""
    return [f"{bare(table)}_{name}" for name in _TRIGGERS]


def _stamp(table: str) -> str:
    body = """
DECLARE
  stores CONSTANT timestamptz := CASE TG_OP WHEN 'UPDATE' THEN OLD.recorded_at ELSE clock_timestamp() END;
  said CONSTANT jsonb := to_jsonb(NEW.detail);
  meant jsonb;
BEGIN
  IF NEW.recorded_at IS NULL OR NEW.recorded_at = now() -- the column's default
    OR NEW.recorded_at > clock_timestamp() OR NEW.recorded_at = '-infinity'
    OR NOT (SELECT pg_has_role(current_user, relowner, 'USAGE') AND pg_has_role(session_user, relowner, 'MEMBER')
            FROM pg_class WHERE oid = TG_RELID) THEN
    NEW.recorded_at := stores;
  END IF;
  IF said IS NULL THEN
    NEW.detail := '{}';
  ELSIF jsonb_typeof(said) = 'string' THEN
    BEGIN
      meant := (said #>> '{}')::jsonb;
      IF jsonb_typeof(meant) = 'object' THEN
        NEW.detail := meant;
      END IF;
    EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
      NULL; -- no JSON: the constraint refuses it
    END;
  END IF;
  RETURN NEW;
END """
    return (
        f"CREATE OR REPLACE FUNCTION {qualified(beside(table, 'stamp'))}() RETURNS trigger LANGUAGE plpgsql\n"
        f"{_FIXED} AS {dollar_quoted(body)}"
    )


def _keep(table: str) -> str:
    """Refuses. A table without rows of ours may be emptied, where that can be told: every row is seen
    (``row_security``), and those that others have just committed too (isolation)."""
    body = f"""
DECLARE
  holds_ours boolean := true;
BEGIN
  IF TG_OP = 'TRUNCATE' AND current_setting('transaction_isolation') NOT IN ('repeatable read', 'serializable') THEN
    EXECUTE format('SELECT EXISTS (SELECT FROM %I.%I WHERE provider::text = %L)',
      TG_TABLE_SCHEMA, TG_TABLE_NAME, {_OURS}) INTO holds_ours;
  END IF;
  IF holds_ours THEN
    RAISE EXCEPTION 'rows of releaseguard in % can be neither changed nor deleted', TG_TABLE_NAME
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NULL;
END """
    return (
        f"CREATE OR REPLACE FUNCTION {qualified(beside(table, 'keep'))}() RETURNS trigger LANGUAGE plpgsql\n"
        f"{_FIXED} SET row_security = off AS {dollar_quoted(body)}"
    )


def _object(table: str) -> str:
    """Not validated: a table may hold rows that are older than the rule, and reading them all would hold it up."""
    name = f"{bare(table)}_detail_object"
    return "DO " + dollar_quoted(f"""BEGIN
  IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = {literal(qualified(table))}::regclass
    AND conname = {literal(name)}) THEN
    ALTER TABLE {qualified(table)} ADD CONSTRAINT {quoted(name)}
      CHECK (jsonb_typeof(detail::jsonb) = 'object') NOT VALID;
  END IF;
END """)


_TRIGGERS = {
    "stamp": ("BEFORE INSERT OR UPDATE", "ROW", "", "stamp"),
    "keep_updated": (
        "BEFORE UPDATE",
        "ROW",
        f"WHEN (OLD.provider::text = {_OURS} OR NEW.provider::text = {_OURS})",
        "keep",
    ),
    "keep_deleted": ("BEFORE DELETE", "ROW", f"WHEN (OLD.provider::text = {_OURS})", "keep"),
    "keep_emptied": ("BEFORE TRUNCATE", "STATEMENT", "", "keep"),
}
"""Name -> when, for each what, on what condition, and the function. Of the table's name and ``_`` before each."""


def _triggers(table: str) -> list[str]:
    made = []
    for name, (when, each, condition, function) in _TRIGGERS.items():
        trigger, on = quoted(f"{bare(table)}_{name}"), qualified(table)
        made += [
            f"DROP TRIGGER IF EXISTS {trigger} ON {on}",
            f"CREATE TRIGGER {trigger} {when} ON {on} FOR EACH {each} {condition}\n"
            f"  EXECUTE FUNCTION {qualified(beside(table, function))}()",
        ]
        if function == "keep":  # also where changes are replayed; times of a replica are those of its source
            made.append(f"ALTER TABLE {on} ENABLE ALWAYS TRIGGER {trigger}")
    return made
