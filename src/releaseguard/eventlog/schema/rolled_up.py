"""Counting in Postgres: the functions that count rows of a span anew and answer questions from what is rolled up."""

# ruff: noqa: S608 - names are quoted (names.py), and there are no values

from __future__ import annotations

from typing import Final

from releaseguard.eventlog.stores import postgres_sql
from releaseguard.eventlog.stores.counting import counted as counting
from releaseguard.eventlog.stores.counting import traffic_of
from releaseguard.eventlog.stores.questions import conditions
from releaseguard_events.stores.names import bare, beside, dollar_quoted, literal, qualified, quoted
from releaseguard_events.stores.postgres_shape import TYPES, Declared, Shape
from releaseguard_events.stores.table import EventTable

SCHEMA: Final = "@schema@"
"""Stands for the schema of the table, which is looked up when the functions are made: none is found by a path."""
FIXED: Final = "SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'"
READS: Final = f"{FIXED} SET plan_cache_mode = force_custom_plan SET jit = off"
_GROUP = "environment, provider, event, outcome, release, source, synthetic"
KEPT: Final = """
  environment text NOT NULL, provider text NOT NULL, event text NOT NULL, outcome text NOT NULL, release text,
  source text, synthetic boolean NOT NULL"""
_COUNTED = f"minute timestamptz, recorded timestamptz, {KEPT.replace(' NOT NULL', '').strip()}"
_FIGURES = "every bigint, again bigint, trials bigint, squares bigint, spread text"


def inside(table: str, suffix: str = "") -> str:
    """A name beside the table, with the schema that is looked up."""
    return f"{SCHEMA}.{quoted(bare(beside(table, suffix) if suffix else table))}"


def hours(table: str, part: str) -> list[str]:
    """The statements that make a table of counts by the hour."""
    made = qualified(beside(table, part))
    return [
        f"""CREATE TABLE IF NOT EXISTS {made} (
  hour timestamptz NOT NULL,{KEPT},
  latest timestamptz, course text NOT NULL, detail text NOT NULL
)""",
        f"CREATE INDEX IF NOT EXISTS {quoted(f'{bare(table)}_{part}_hour')} ON {made} (hour)",
    ]


def recount(table: str) -> str:
    """The counts of the rows that occurred in the spans ``[low, high)``, which are apart, and in ``[since, until)``.

    One statement for all of them, which is planned once: of minutes that stand alone each has a handful of rows. Spans
    are joined one after the other by the index on times; where there is one, statistics tell how much of the table it
    is."""
    events = inside(table)
    one = "occurred_at >= greatest(lows[1], since) AND occurred_at < least(highs[1], until)"
    each = (
        f"unnest(lows, highs) span (low, high) CROSS JOIN LATERAL (SELECT * FROM {events}"
        " WHERE occurred_at >= greatest(low, since) AND occurred_at < least(high, until) OFFSET 0) rows_"
    )
    body = f"""
#variable_conflict use_column
BEGIN
  IF cardinality(lows) = 1 THEN
    RETURN QUERY {_recounted(table, events, one)};
  ELSE
    RETURN QUERY {_recounted(table, each, "true")};
  END IF;
END """
    return (
        f"CREATE OR REPLACE FUNCTION {inside(table, 'recount')}(lows timestamptz[], highs timestamptz[],\n"
        f"  since timestamptz, until timestamptz, {_ASKED})\n"
        f"RETURNS TABLE ({_COUNTED}, {_FIGURES}) LANGUAGE plpgsql STABLE {READS} AS {dollar_quoted(body)}"
    )


def _recounted(table: str, source: str, within: str) -> str:
    """The counts of the rows of ``source`` that are asked for."""
    shape = Shape(EventTable(table=table), {name: Declared(kind, "") for name, kind in TYPES.items()})
    dialect = postgres_sql.dialect(shape)
    readable, _ = conditions(dialect, ())
    known = f"(known_at IS NULL OR ({dialect.readable('recorded_at')} AND recorded_at <= known_at))"
    traffic = traffic_of(dialect, source, f"{within} AND {_asked()} AND {known} AND {readable}", by_deployment=False)
    figures = ", ".join(f"c.{name}::bigint" for name in ("every", "again", "trials", "squares"))
    return (
        "SELECT c.minute, c.recorded, c.environment, c.provider, c.event, c.outcome, c.release, c.source,\n"
        f"    c.synthetic, {figures}, c.spread FROM ({counting(traffic, dialect.spread)}) c"
    )


_ASKED = "of_environment text, of_providers text[], of_release text, is_synthetic boolean, known_at timestamptz"
_GIVEN = "of_environment, of_providers, of_release, is_synthetic, known_at"


def _asked() -> str:
    return (
        "(of_environment IS NULL OR environment = of_environment)"
        " AND (of_providers IS NULL OR provider = ANY (of_providers))"
        " AND (of_release IS NULL OR release = of_release)"
        " AND (is_synthetic IS NULL OR synthetic = is_synthetic)"
    )


def course(table: str) -> str:
    """``[[rows of each minute], [trials of each minute], minutes by which a clock ran ahead]``."""
    body = """
DECLARE
  rows_ bigint[] := array_fill(0, ARRAY[60]);
  tried_ bigint[] := array_fill(0, ARRAY[60]);
BEGIN
  FOR n IN 1 .. cardinality(minutes) LOOP
    rows_[minutes[n] + 1] := every[n];
    tried_[minutes[n] + 1] := trials[n];
  END LOOP;
  RETURN '[' || array_to_json(rows_) || ',' || array_to_json(tried_) || ',' || greatest(ahead, 0) || ']';
END """
    return (
        f"CREATE OR REPLACE FUNCTION {inside(table, 'course')}(minutes integer[], every bigint[], trials bigint[],\n"
        f"  ahead integer)\n"
        f"RETURNS text LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS {dollar_quoted(body)}"
    )


def packed(table: str) -> str:
    """The hours that ``hours`` names, with the minutes ``stale`` counted anew; of what is kept only what the question
    asks for, and where it asks what was known at a time only what had been recorded before that minute. Of each source,
    or of all servers as one."""
    joined_, each = (
        f"RETURN QUERY {_packed(table, _entries(table, kept_in), as_one=as_one)};"
        for kept_in, as_one in (("joined", True), ("hours", False))
    )
    body = f"""
#variable_conflict use_column
BEGIN
  {_as_asked(joined_, each)}
END """
    return (
        f"CREATE OR REPLACE FUNCTION {inside(table, 'packed')}(hours timestamptz[], stale timestamptz[],\n"
        f"  lows timestamptz[], highs timestamptz[], since timestamptz, until timestamptz, {_ASKED}, as_one boolean)\n"
        f"RETURNS TABLE ({_PACK}) LANGUAGE plpgsql STABLE {READS} AS {dollar_quoted(body)}"
    )


def _as_asked(joined_: str, each: str) -> str:
    """Statements about all servers as one, or about each source."""
    return f"""IF as_one THEN
    {joined_}
  ELSE
    {each}
  END IF;"""


def _are_joined(table: str) -> str:
    """Whether whoever counted knows of all servers as one."""
    joined_ = f"to_regclass({literal(inside(table, 'joined'))})::oid"
    return f"(SELECT {joined_} = ANY (s.relations) FROM {inside(table, 'roll_ups')} s)"


def joined(table: str) -> str:
    """The hours that ``hours`` names, all servers as one, of what is kept of each source."""
    body = f"""
#variable_conflict use_column
BEGIN
  RETURN QUERY {_packed(table, f"SELECT * FROM ({_kept(table, 'hours')}) k", as_one=True)};
END """
    return (
        f"CREATE OR REPLACE FUNCTION {inside(table, 'as_one')}(hours timestamptz[])\n"
        f"RETURNS TABLE ({_PACK}) LANGUAGE plpgsql STABLE {READS} AS {dollar_quoted(body)}"
    )


def _entries(table: str, kept_in: str) -> str:
    """What the hours hold, with the minutes that are stale counted anew."""
    return f"""SELECT * FROM ({_kept(table, kept_in)} AND {_asked()} OFFSET 0) k
      WHERE NOT minute = ANY (stale) AND minute >= since AND minute < until
        AND (known_at IS NULL OR recorded < date_trunc('minute', known_at))
    UNION ALL SELECT r.* FROM {inside(table, "recount")}(lows, highs, since, until, {_GIVEN}) r"""


def _kept(table: str, kept_in: str) -> str:
    return f"""
    SELECT h.hour + (e ->> 0)::integer * interval '1 minute' AS minute,
      h.hour + (e ->> 1)::integer * interval '1 minute' AS recorded, {", ".join(f"h.{c}" for c in _GROUP.split(", "))},
      (e ->> 2)::bigint AS every, (e ->> 3)::bigint AS again, (e ->> 4)::bigint AS trials, (e ->> 5)::bigint AS squares,
      translate(e ->> 6, '[] ', '') AS spread
    FROM {inside(table, kept_in)} h CROSS JOIN LATERAL jsonb_array_elements(h.detail::jsonb) e
    WHERE h.hour = ANY (hours)"""


_SERVERS: Final = "CASE WHEN position('client' IN translate(source, 'CLIENT', 'client')) > 0 THEN source END"
"""Whatever may be a spelling of phones' source stands for itself."""


def _packed(table: str, entries: str, *, as_one: bool) -> str:
    """Entries of minutes as hours of kinds are kept."""
    together = _GROUP.replace("source", f"{_SERVERS} AS source")
    put_together = f"""each AS ({entries}),
  entries AS (
    SELECT minute, recorded, {together}, sum(every)::bigint AS every, sum(again)::bigint AS again,
      sum(trials)::bigint AS trials, sum(squares)::bigint AS squares, string_agg(nullif(spread, ''), ',') AS spread
    FROM each GROUP BY minute, recorded, {_GROUP.replace("source", _SERVERS)}),"""
    return f"""
  WITH {put_together if as_one else f"entries AS ({entries}),"}
  minutes AS (
    SELECT date_trunc('hour', minute) AS hour, {_GROUP}, extract(minute FROM minute)::integer AS at,
      sum(every)::bigint AS every, sum(trials)::bigint AS trials, max(recorded) AS latest,
      max((extract(epoch FROM minute - recorded) / 60)::integer) AS ahead,
      bool_and(recorded IS NOT NULL) AS known,
      string_agg(format('[%s,%s,%s,%s,%s,%s,[%s]]', extract(minute FROM minute)::integer,
        coalesce((extract(epoch FROM recorded - date_trunc('hour', minute))::bigint / 60)::text, 'null'),
        every, again, trials, squares, spread), ',' ORDER BY recorded) AS detail
    FROM entries GROUP BY minute, {_GROUP})
  SELECT m.hour, {", ".join(f"m.{c}" for c in _GROUP.split(", "))}, CASE WHEN bool_and(known) THEN max(latest) END,
    {inside(table, "course")}(
      array_agg(at ORDER BY at), array_agg(every ORDER BY at), array_agg(trials ORDER BY at), max(ahead)),
    '[' || string_agg(m.detail, ',' ORDER BY at) || ']'
  FROM minutes m GROUP BY m.hour, {", ".join(f"m.{c}" for c in _GROUP.split(", "))}"""


SPANS: Final = """SELECT array_agg(low), array_agg(high) INTO lows, highs FROM (
    SELECT min(minute) AS low, max(minute) + interval '1 minute' AS high FROM (
      SELECT minute, minute - row_number() OVER (ORDER BY minute) * interval '1 minute' AS island
      FROM unnest(stale) s (minute)) i GROUP BY island) s;"""
"""Marked minutes in a row are counted together."""
_TOLD = f"hour timestamptz, {KEPT.replace(' NOT NULL', '').strip()}, told text"
_PACK = f"hour timestamptz, {KEPT.replace(' NOT NULL', '').strip()}, latest timestamptz, course text, detail text"


def counted(table: str) -> str:
    """What :meth:`EventLog.counts_of_each` asks: stable, so one snapshot for it all; in detail, or as courses. Hours of
    which nothing was recorded since ``learned_from`` are left out. In detail an hour that the question cuts comes
    whole: whoever asks leaves out the minutes that he did not ask for.

    Marked minutes, those that the question cuts, and those of which something was recorded in the minute that the
    question cuts are counted; hours without any of these come as they are kept. Where somebody counted who knows
    nothing of all servers as one, each source comes by itself.
    """
    body = f"""
#variable_conflict use_column
DECLARE
  stale timestamptz[];
  changed timestamptz[];
  late timestamptz[] := '{{}}';
  first timestamptz := coalesce(since, '-infinity');
  past timestamptz := coalesce(until, 'infinity');
  lows timestamptz[]; highs timestamptz[];
BEGIN
  IF NOT {inside(table, "rolled_up")}() THEN
    RETURN QUERY SELECT {_told("p")} FROM {inside(table, "packed")}(
      '{{}}', '{{}}', ARRAY[first], ARRAY[past], first, past, {_GIVEN}, as_one) p WHERE {_learned("p")};
    RETURN; END IF;
  as_one := as_one AND {_are_joined(table)};
  {_as_asked(_counted_anew(table, "joined"), _counted_anew(table, "hours"))}
  changed := ARRAY(
    SELECT date_trunc('hour', m) FROM unnest(stale) m
    UNION SELECT unnest(late)
    UNION SELECT date_trunc('hour', first) WHERE first <> date_trunc('hour', first) AND NOT detailed
    UNION SELECT date_trunc('hour', past) WHERE past <> date_trunc('hour', past) AND NOT detailed);
  {_as_asked(_unchanged(table, "joined"), _unchanged(table, "hours"))}
  IF cardinality(changed) = 0 THEN -- planning to count nothing takes longer than most answers
    RETURN; END IF;
  {SPANS}
  RETURN QUERY SELECT {_told("p")} FROM {inside(table, "packed")}(
      changed, stale, lows, highs, first, past, {_GIVEN}, as_one) p WHERE {_learned("p")};
END """
    return (
        f"CREATE OR REPLACE FUNCTION {inside(table, 'counted')}(since timestamptz, until timestamptz, {_ASKED},\n"
        f"  learned_from timestamptz, as_one boolean, detailed boolean)\n"
        f"RETURNS TABLE ({_TOLD}) LANGUAGE plpgsql STABLE {READS} AS {dollar_quoted(body)}"
    )


def _unchanged(table: str, kept_in: str) -> str:
    """The hours that come as they are kept."""
    return f"""RETURN QUERY SELECT {_told("h")} FROM {inside(table, kept_in)} h
    WHERE h.hour > first - interval '1 hour' AND h.hour < past
      AND NOT h.hour = ANY (changed) AND {_asked()} AND {_learned("h")};"""


def _counted_anew(table: str, kept_in: str) -> str:
    """The minutes that are counted, and the hours in which something was recorded since the minute of ``known_at``: of
    a week nearly none, so these are found first, and only their minutes are looked at."""
    later = "(h.latest IS NULL OR h.latest >= date_trunc('minute', known_at))"
    return f"""IF known_at IS NOT NULL THEN
    late := ARRAY(SELECT DISTINCT h.hour FROM {inside(table, kept_in)} h
      WHERE h.hour > first - interval '1 hour' AND h.hour < past AND {later});
  END IF;
  stale := ARRAY(
    SELECT minute FROM {inside(table, "touched")} WHERE minute >= date_trunc('minute', first) AND minute < past
    UNION SELECT date_trunc('minute', first) WHERE first <> date_trunc('minute', first)
    UNION SELECT date_trunc('minute', past) WHERE past <> date_trunc('minute', past));
  IF cardinality(late) > 0 THEN
    stale := ARRAY(
      SELECT unnest(stale)
      UNION SELECT h.hour + (e ->> 0)::integer * interval '1 minute'
        FROM {inside(table, kept_in)} h CROSS JOIN LATERAL jsonb_array_elements(h.detail::jsonb) e
        WHERE h.hour = ANY (late) AND {later} AND ((e ->> 1) IS NULL
          OR h.hour + (e ->> 1)::integer * interval '1 minute' = date_trunc('minute', known_at)));
  END IF;"""


def _of(row: str) -> str:
    return ", ".join(f"{row}.{column}" for column in _GROUP.split(", "))


def _told(row: str) -> str:
    return f"{row}.hour, {_of(row)}, CASE WHEN detailed THEN {row}.detail ELSE {row}.course END"


def _learned(row: str) -> str:
    since = "date_trunc('minute', learned_from)"
    return f"(learned_from IS NULL OR {row}.latest IS NULL OR {row}.latest >= {since})"


def answer(table: str) -> str:
    """The answers to several questions in one document, whatever the number of rows that an interface gives out at
    once: an array of them, in the order of ``asked``, whose objects name what :func:`counted` takes."""
    given = [f"(q.one ->> '{name}')::{kind}" for name, kind in ARGUMENTS.items()]
    columns = ", ".join(["c.hour", _of("c"), "c.told"])
    return (
        f"CREATE OR REPLACE FUNCTION {inside(table, 'counts')}(asked json) RETURNS json LANGUAGE sql STABLE {READS} AS "
        + dollar_quoted(
            f"SELECT coalesce(json_agg(a.answer ORDER BY q.n), '[]') FROM json_array_elements(asked)"
            f" WITH ORDINALITY q (one, n) CROSS JOIN LATERAL (SELECT coalesce(json_agg(json_build_array({columns})"
            f" ORDER BY c.hour), '[]') AS answer FROM {inside(table, 'counted')}({', '.join(given)}) c) a"
        )
    )


ARGUMENTS: Final = {
    "since": "timestamptz",
    "until": "timestamptz",
    "of_environment": "text",
    "of_providers": "text[]",
    "of_release": "text",
    "is_synthetic": "boolean",
    "known_at": "timestamptz",
    "learned_from": "timestamptz",
    "as_one": "boolean",
    "detailed": "boolean",
}
"""What :func:`counted` takes, in order."""
