"""The app's own table as a view with our columns, since over REST nothing else can count and filter them.

The view shows a caller only what the table shows that caller (``security_invoker``, from Postgres 15:
https://www.postgresql.org/docs/current/sql-createview.html); in older versions only the service role can read it. Rows
inserted into it go into the table, in the table's own terms: a trigger applies the rules backwards, so that a writer
that knows only our columns can write. The table itself is neither changed nor read here.
"""

# ruff: noqa: S608 - names and constants are quoted (names.py), and there are no values

from __future__ import annotations

from collections.abc import Iterator

from releaseguard.eventlog.mapping.expressions import expression, taken_by
from releaseguard.eventlog.mapping.words import PostgresWords, SqliteWords, SqlWords, time_in_number, time_in_text
from releaseguard_events.mapping.rules import Constant, TheirColumn, Translated
from releaseguard_events.stores.names import bare, beside, dollar_quoted, literal, qualified, quoted
from releaseguard_events.stores.table import COLUMNS, EventTable

RULE = "rule"
"""The view's column with the number of the rule that named a row's event; -1 where a column of its own did."""


def name_of(place: EventTable) -> str:
    """The name of a mapped table's view."""
    return beside(place.table, "mapped")


def may_be_needed(place: EventTable) -> bool:
    """Whether the table needs translation, as far as the configuration shows; times may be texts."""
    return place.is_mapped or "occurred_at" in place.columns


def as_view(place: EventTable) -> EventTable:
    """The view as a table to read: our columns, without those that no rule makes."""
    return EventTable(table=name_of(place), columns={column: False for column in COLUMNS if not place.has(column)})


def keeps(place: EventTable, column: str) -> bool:
    """Whether a value written into our ``column`` of the view is read back from there."""
    rule = place.rule(column)
    return rule is not None and isinstance(rule.written, Translated)


def environment_of(place: EventTable) -> str:
    """The environment of all rows, where the mapping states one; else the default."""
    rule = place.rule("environment")
    part = rule.parts[-1] if rule else None
    return str(part.value) if isinstance(part, Constant) else "production"


def postgres(place: EventTable) -> list[str]:
    """The statements that create or replace the view."""
    return [_made(place), *_insertion(place), _rights(place)]


def sqlite(place: EventTable) -> list[str]:
    """The same for a SQLite file, for inspection only, since the table itself is read there."""
    view = quoted(bare(name_of(place)))
    return [f"DROP VIEW IF EXISTS {view}", f"CREATE VIEW {view} AS\n{_selected(place, SqliteWords())}"]


def _selected(place: EventTable, words: SqlWords) -> str:
    """All of our columns; one that no rule makes is empty in every row."""
    made = {column: expression(place, column, words) for column in COLUMNS}
    columns = [f"  {_complete(column, sql)} AS {quoted(column)}" for column, sql in made.items()]
    rule = f"  {taken_by(place, words)} AS {RULE}"
    return "SELECT\n" + ",\n".join([*columns, rule]) + f"\nFROM {qualified(place.table)}"


_EMPTY = {"synthetic": "false", "detail": "'{}'"}
_TYPED = {"recorded_at": "CAST(NULL AS timestamptz)", "latency_ms": "CAST(NULL AS integer)"}


def _complete(column: str, sql: str | None) -> str:
    """Replaces null: a flag is false, and a detail is the empty object."""
    if sql is None:
        return _EMPTY.get(column, _TYPED.get(column, "CAST(NULL AS text)"))
    return f"coalesce({sql}, {_EMPTY[column]})" if column in _EMPTY else sql


class _Unseen(PostgresWords):
    """For a script printed without reading the database: the types of times are looked up when it runs."""

    def __init__(self) -> None:
        super().__init__(lambda _: None)

    def time(self, column: TheirColumn) -> str:
        return super().time(column) if column.path else _mark(column.name)


def _mark(name: str) -> str:
    return f"@time:{name}@"


def _made(place: EventTable) -> str:
    view, table = qualified(name_of(place)), literal(qualified(place.table))
    kinds = "\n".join(map(_typed, _times(place)))
    return "DO " + dollar_quoted(f"""DECLARE
  made text := {dollar_quoted(_selected(place, _Unseen()))};
  invoker text := CASE WHEN current_setting('server_version_num')::int >= 150000
    THEN ' WITH (security_invoker = true)' ELSE '' END;
BEGIN
{kinds}
  BEGIN
    EXECUTE {literal(f"CREATE OR REPLACE VIEW {view}")} || invoker || ' AS ' || made;
  EXCEPTION WHEN invalid_table_definition THEN -- other columns than before
    DROP VIEW {view};
    EXECUTE {literal(f"CREATE VIEW {view}")} || invoker || ' AS ' || made;
  END;
END """).replace("@table@", table)


def _typed(name: str) -> str:
    """A column of the table; one that does not exist is named as well, so that Postgres names it in its error."""
    known = f"coalesce({_by_type(name)}, {literal(quoted(name))})"
    return f"  made := replace(made, {literal(_mark(name))}, {known});"


def _times(place: EventTable) -> Iterator[str]:
    rules = [rule for column in ("occurred_at", "recorded_at") if (rule := place.rule(column)) is not None]
    yield from dict.fromkeys(column.name for rule in rules for column in rule.columns if not column.path)


def _by_type(name: str) -> str:
    """A bare column where it is a point in time, so that its index is used."""
    column = quoted(name)
    return f"""(SELECT CASE
    WHEN format_type(a.atttypid, NULL) = 'timestamp with time zone' THEN {literal(column)}
    WHEN format_type(a.atttypid, NULL) LIKE 'timestamp%' THEN {literal(f"({column} AT TIME ZONE 'UTC')")}
    WHEN t.typcategory = 'N' THEN {literal(time_in_number(column))}
    ELSE {literal(time_in_text(f"{column}::text"))} END
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = @table@::regclass AND a.attname = {literal(name)})"""


def _insertion(place: EventTable) -> list[str]:
    """What is written into the view, in the table's terms. Ids that are numbers are left for the table to assign."""
    function, view = f"{qualified(beside(name_of(place), 'write'))}()", qualified(name_of(place))
    trigger = quoted(f"{bare(name_of(place))}_write")
    return [
        f"CREATE OR REPLACE FUNCTION {function} RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT"
        f" AS {dollar_quoted(_body(place))}",
        _no_temporary_first(function),
        f"DROP TRIGGER IF EXISTS {trigger} ON {view}",
        f"CREATE TRIGGER {trigger} INSTEAD OF INSERT ON {view} FOR EACH ROW EXECUTE FUNCTION {function}",
    ]


def _no_temporary_first(function: str) -> str:
    """Sets the search path of a function: phones' function writes into the view with its owner's rights, and a caller's
    temporary table of the same name, with its triggers, must not be found first."""
    path = "concat_ws(', ', nullif(current_setting('search_path'), ''), 'pg_temp')"
    change = f"format('ALTER FUNCTION %s SET search_path TO %s', {literal(function)}, {path})"
    return "DO " + dollar_quoted(f"BEGIN EXECUTE {change}; END ")


def _body(place: EventTable) -> str:
    plain, inside = _backwards(place)
    names = ", ".join(f"{literal(name)}, {sql}" for name, sql in plain.items())
    objects = [
        f"  fields := fields || jsonb_build_object({literal(name)},"
        f" coalesce(fields -> {literal(name)}, '{{}}') || jsonb_strip_nulls({sql}));"
        for name, sql in inside.items()
    ]
    refused = _refused(place)
    return f"""
DECLARE
  fields jsonb;
BEGIN
{refused}  fields := jsonb_strip_nulls(jsonb_build_object({names}));
{chr(10).join(objects)}
{_numbered(place)}  -- Only what a row fills is named, so that the table's own defaults hold for the rest.
  EXECUTE format('INSERT INTO %s (%s) SELECT %s FROM jsonb_populate_record(NULL::%s, $1) r ON CONFLICT DO NOTHING',
    {literal(qualified(place.table))},
    (SELECT string_agg(quote_ident(k), ', ') FROM jsonb_object_keys(fields) k),
    (SELECT string_agg('r.' || quote_ident(k), ', ') FROM jsonb_object_keys(fields) k),
    {literal(qualified(place.table))}) USING fields;
  RETURN NEW;
END """


def _numbered(place: EventTable) -> str:
    """Leave an id that is a number for the table to assign."""
    id_ = literal(place.theirs("id") or "id")
    return f"""  IF (SELECT t.typcategory = 'N' FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
      WHERE a.attrelid = {literal(qualified(place.table))}::regclass AND a.attname = {id_}) THEN
    fields := fields - {id_};
  END IF;
"""


_WRITTEN = ("id", "occurred_at", "provider", "outcome", "environment", "error_code", "latency_ms", "release", "source",
            "correlation_id", "synthetic", "event")  # fmt: skip


def _backwards(place: EventTable) -> tuple[dict[str, str], dict[str, str]]:
    """Their column -> its value; and their JSON columns -> an object of the values inside."""
    plain: dict[str, str] = {}
    inside: dict[str, str] = {}
    if detail := place.theirs("detail"):
        plain[detail] = "NEW.detail"
    for ours in _WRITTEN:
        rule = place.rule(ours)
        part = rule.written if rule else None
        if not isinstance(part, Translated):
            continue
        value = _translated(ours, part)
        if part.column.path:
            nested = value
            for key in reversed(part.column.path):
                nested = f"jsonb_build_object({literal(key)}, {nested})"
            before = inside.get(part.column.name)
            inside[part.column.name] = f"{before} || {nested}" if before else nested
        else:
            plain.setdefault(part.column.name, value)
    return plain, inside


def _translated(ours: str, part: Translated) -> str:
    new = f"NEW.{quoted(ours)}"
    if ours == "synthetic" and part.column.path:
        new = f"nullif({new}, false)"
    if not part.values:
        return new
    said = dict.fromkeys(str(value).lower() if isinstance(value, bool) else str(value) for _, value in part.values)
    typed = {str(value).lower() if isinstance(value, bool) else str(value): value for _, value in part.values}
    cases = " ".join(f"WHEN {literal(text)} THEN {literal(str(part.theirs(typed[text])))}" for text in said)
    return f"CASE {new}::text {cases} ELSE {new}::text END"


def _refused(place: EventTable) -> str:
    """Refuse other environments in a table whose rows all belong to one: they would be judged as that one's."""
    rule = place.rule("environment")
    part = rule.written if rule else None
    if part is None or isinstance(part, Translated):
        return ""
    return f"""  IF NEW.environment IS DISTINCT FROM {literal(str(part.value))} THEN
    RAISE EXCEPTION 'every row of % is of the environment %', {literal(place.table)}, {literal(str(part.value))}
      USING ERRCODE = 'check_violation';
  END IF;
"""


def _rights(place: EventTable) -> str:
    view = qualified(name_of(place))
    function = f"{qualified(beside(name_of(place), 'write'))}()"
    return "DO " + dollar_quoted(f"""BEGIN
  IF to_regrole('anon') IS NULL OR to_regrole('authenticated') IS NULL OR to_regrole('service_role') IS NULL THEN
    RETURN;
  END IF;
  REVOKE ALL ON {view} FROM PUBLIC, anon, authenticated, service_role;
  GRANT SELECT, INSERT ON {view} TO service_role;
  IF current_setting('server_version_num')::int >= 150000 THEN
    GRANT SELECT ON {view} TO authenticated;
  END IF;
  REVOKE ALL ON FUNCTION {function} FROM PUBLIC, anon, authenticated;
  PERFORM pg_notify('pgrst', 'reload schema');
END """)
