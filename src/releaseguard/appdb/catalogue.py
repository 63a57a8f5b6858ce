"""What the server's catalogue says of functions, tables and views. Reads ``pg_catalog`` alone."""

# ruff: noqa: S608 - put together from constants, values are bound

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from releaseguard.appdb.mentions import QueryTree, SqlName
from releaseguard.appdb.rules import DatabaseFunction
from releaseguard.errors import ConfigError

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

_FUNCTIONS = """
SELECT p.oid, n.nspname, p.proname, p.oid::regprocedure::text, p.provolatile = 'v', p.prokind = 'a', l.lanname,
  e.extname, coalesce(to_jsonb(p) ->> 'prosqlbody', p.prosrc), to_jsonb(p) ->> 'prosqlbody' IS NOT NULL,
  CASE WHEN a.aggfnoid IS NULL THEN '{}' ELSE ARRAY[a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn,
    a.aggdeserialfn, a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn]::oid[] END
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_language l ON l.oid = p.prolang
LEFT JOIN pg_catalog.pg_aggregate a ON a.aggfnoid = p.oid
LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
LEFT JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
"""
_NAMED = "({0}, {1}) IN (SELECT * FROM unnest(%(schemas)s::text[], %(names)s::text[])) OR {1} = ANY(%(anywhere)s)"
_TREES = """
SELECT r.ev_action::text FROM pg_catalog.pg_rewrite r WHERE r.ev_class = ANY(%(oids)s) AND r.ev_type = '1'
UNION ALL SELECT q.polqual::text FROM pg_catalog.pg_policy q JOIN pg_catalog.pg_class c ON c.oid = q.polrelid
WHERE c.oid = ANY(%(oids)s) AND c.relrowsecurity AND q.polqual IS NOT NULL
"""
_FOREIGN = """
WITH RECURSIVE below(oid) AS (
  SELECT unnest(%s::oid[]) UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN below ON i.inhparent = below.oid
) SELECT c.oid::regclass::text FROM pg_catalog.pg_class c JOIN below ON c.oid = below.oid WHERE c.relkind = 'f'
"""
_DOMAINS = """
WITH RECURSIVE under(oid) AS (
  SELECT unnest(%s::oid[]) UNION SELECT t.typbasetype FROM pg_catalog.pg_type t JOIN under ON t.oid = under.oid
  WHERE t.typtype = 'd'
) SELECT c.conbin::text FROM pg_catalog.pg_constraint c JOIN under ON c.contypid = under.oid WHERE c.conbin IS NOT NULL
"""


class Catalogue:
    """Questions to one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def rewritten(self, sql: str) -> QueryTree:
        """What the server makes of a query, views and row-level security put in, before it plans or runs any of it.

        Planning already runs functions: those called with constants, and stable ones where it estimates. So the server
        is asked to parse alone, and to show the outcome as a message (``debug_print_rewritten``, for any role to set).
        Raises ``psycopg.Error`` for SQL that is none or more than one statement.
        """
        import psycopg

        heard: list[str] = []

        def listen(notice: psycopg.errors.Diagnostic) -> None:
            if notice.message_primary == "rewritten parse tree:":
                heard.append(notice.message_detail or "")

        self._set(("client_min_messages", "log"), ("debug_pretty_print", "off"), ("debug_print_rewritten", "on"))
        self._connection.add_notice_handler(listen)
        try:
            answer = self._connection.pgconn.prepare(b"", sql.encode())
        finally:
            self._connection.remove_notice_handler(listen)
        if answer.status != psycopg.pq.ExecStatus.COMMAND_OK:
            raise psycopg.errors.error_from_result(answer)
        self._set(("debug_print_rewritten", "off"), ("client_min_messages", "notice"))
        return QueryTree("\n".join(heard))

    def functions(self, oids: Collection[int]) -> list[DatabaseFunction]:
        """The functions with these ids."""
        return self._functions("WHERE p.oid = ANY(%(oids)s)", {"oids": list(oids)})

    def named(self, names: Iterable[SqlName]) -> list[DatabaseFunction]:
        """Every function that one of these names could mean, whatever the search path will be."""
        return self._functions("WHERE " + _NAMED.format("n.nspname", "p.proname"), _split(names))

    def behind(self, operators: Collection[int]) -> set[int]:
        """The functions that carry operators out."""
        asked = "SELECT oprcode::oid FROM pg_catalog.pg_operator WHERE oid = ANY(%s)"
        return {oid for (oid,) in self._connection.execute(asked, [list(operators)])}

    def relations_named(self, names: Iterable[SqlName]) -> set[int]:
        """Every table and view that one of these names could mean."""
        asked = (
            "SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND (" + _NAMED.format("n.nspname", "c.relname") + ")"
        )
        return {oid for (oid,) in self._connection.execute(asked.encode(), _split(names))}

    def foreign(self, relations: Collection[int]) -> list[str]:
        """Those of these tables, and of what they are split into, whose rows are not in this database."""
        return [name for (name,) in self._connection.execute(_FOREIGN, [list(relations)])]

    def trees(self, relations: Collection[int]) -> list[QueryTree]:
        """What these views, and the policies on these tables, ask."""
        return [QueryTree(text) for (text,) in self._connection.execute(_TREES, {"oids": list(relations)})]

    def checks(self, types: Collection[int]) -> list[QueryTree]:
        """What these domains check."""
        return [QueryTree(text) for (text,) in self._connection.execute(_DOMAINS, [list(types)])]

    def _functions(self, condition: str, values: dict[str, Any]) -> list[DatabaseFunction]:
        found = self._connection.execute((_FUNCTIONS + condition).encode(), values)
        return [_function(row) for row in found]

    def _set(self, *settings: tuple[str, str]) -> None:
        for name, value in settings:
            self._connection.execute("SELECT pg_catalog.set_config(%s, %s, true)", [name, value])


def not_shown(where: str) -> ConfigError:
    """The server parsed a query and showed nothing."""
    return ConfigError(
        "the database does not show what an invariant calls, so it is not run",
        where=where,
        next_step="Connect to the server itself, not through something that drops its messages.",
    )


def _function(row: tuple[Any, ...]) -> DatabaseFunction:
    oid, schema, name, words, is_volatile, is_aggregate, language, extension, source, is_tree, parts = row
    return DatabaseFunction(
        oid=oid,
        schema=schema,
        name=name,
        words=words,
        is_volatile=is_volatile,
        is_aggregate=is_aggregate,
        language=language,
        extension=extension,
        source=source,
        is_tree=is_tree,
        parts=frozenset(parts) - {0},
    )


def _split(names: Iterable[SqlName]) -> dict[str, Any]:
    listed = list(names)
    full = [name for name in listed if name.schema is not None]
    return {
        "schemas": [name.schema for name in full],
        "names": [name.name for name in full],
        "anywhere": [name.name for name in listed if name.schema is None],
    }
