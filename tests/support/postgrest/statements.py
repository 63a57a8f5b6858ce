"""Carrying out one request: what is read, written, changed, deleted or called, and what is answered."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

from tests.support.postgrest.language import Refusal, Request, ordered, selected, where

Connection = psycopg.Connection[Any]


@dataclass
class Answer:
    """``rows`` is what JSON holds, or CSV's text; ``None``: there is no body."""

    status: int
    rows: Any = None
    headers: dict[str, str] = field(default_factory=dict)


def read(connection: Connection, request: Request, max_rows: int) -> Answer:
    source = sql.SQL("SELECT {} FROM {}{}{}").format(
        selected(request.param("select")), request.relation, where(request), ordered(request)
    )
    total = None
    if "count=exact" in request.prefer:
        counting = sql.SQL("SELECT count(*) FROM {}{}").format(request.relation, where(request))
        total = int(_one(connection.execute(counting))[0])
    return _page(connection, request, source, total, max_rows)


def _page(connection: Connection, request: Request, source: sql.Composed, total: int | None, max_rows: int) -> Answer:
    limit, offset = min(request.number("limit", max_rows), max_rows), request.number("offset", 0)
    if total is not None and offset > total:
        details = f"An offset of {offset} was requested, but there are only {total} rows."
        raise Refusal(416, "PGRST103", "Requested range not satisfiable", details)
    inner = sql.SQL("{} LIMIT {} OFFSET {}").format(source, limit, offset)
    number, shown = _shown(connection, request, inner)
    span = f"{offset}-{offset + number - 1}" if number else "*"
    status = 206 if total is not None and number < total else 200
    return Answer(status, shown, {"Content-Range": f"{span}/{'*' if total is None else total}"})


def _shown(connection: Connection, request: Request, statement: sql.Composable) -> tuple[int, Any]:
    """How many rows a statement gives, and they in the form that is asked for."""
    if request.wants_csv:
        with connection.cursor().copy(
            sql.SQL("COPY ({}) TO STDOUT WITH (FORMAT csv, HEADER)").format(statement)
        ) as copied:
            text = b"".join(bytes(piece) for piece in copied).decode()
        return max(text.count("\n") - 1, 0), text
    statement = sql.SQL("WITH r AS ({}) SELECT coalesce(json_agg(r), '[]') FROM r").format(statement)
    (rows,) = _one(connection.execute(statement))
    return len(rows), one_of(request, rows)


def one_of(request: Request, rows: Any) -> Any:
    """The rows, or the one row that is asked for."""
    if not request.wants_one:
        return rows
    if len(rows) != 1:
        details = f"The result contains {len(rows)} rows"
        raise Refusal(406, "PGRST116", "Cannot coerce the result to a single JSON object", details)
    return rows[0]


def insert(connection: Connection, request: Request, body: Any) -> Answer:
    records = body if isinstance(body, list) else [body]
    if not records:
        return Answer(201, [] if "return=representation" in request.prefer else None)
    names = _columns(request, records)
    statement = sql.SQL(
        "INSERT INTO {table} ({names}) SELECT {values}"
        " FROM json_populate_recordset(NULL::{table}, {body}::json) AS given{conflict} RETURNING {selected}"
    ).format(
        table=request.relation,
        names=sql.SQL(", ").join(map(sql.Identifier, names)),
        values=sql.SQL(", ").join(sql.Identifier("given", name) for name in names),
        body=sql.Literal(json.dumps(_filled(connection, request, records, names))),
        conflict=_on_conflict(connection, request, names),
        selected=selected(request.param("select")),
    )
    return _written(connection, request, statement, 201, 201)


def _columns(request: Request, records: list[dict[str, Any]]) -> list[str]:
    """``columns=`` says which keys count; without it every row must have the same."""
    said = request.param("columns")
    if said is not None:
        return [name.strip('"') for name in said.split(",")]
    keys = list(records[0])
    if any(set(record) != set(keys) for record in records):
        raise Refusal(400, "PGRST102", "All object keys must match")
    return keys


def _filled(connection: Connection, request: Request, records: list[dict[str, Any]], names: list[str]) -> Any:
    """With ``missing=default`` an absent key is the column's default; without it, NULL."""
    if "missing=default" not in request.prefer:
        return records
    lacking = [name for name in names if any(name not in record for record in records)]
    defaults = sql.SQL(
        "SELECT attname, pg_get_expr(adbin, adrelid) FROM pg_attribute JOIN pg_attrdef ON adrelid = attrelid"
        " AND adnum = attnum WHERE attrelid = {}::regclass"
    ).format(sql.Literal(request.relation.as_string()))
    expressions = {name: text for name, text in connection.execute(defaults) if name in lacking}
    return [record | _defaults(connection, record, expressions) for record in records]


def _defaults(connection: Connection, record: dict[str, Any], expressions: dict[str, str]) -> dict[str, Any]:
    absent = {name: text for name, text in expressions.items() if name not in record}
    return {
        name: _one(connection.execute(sql.SQL("SELECT to_json({})").format(sql.SQL(text))))[0]
        for name, text in absent.items()
    }


def _on_conflict(connection: Connection, request: Request, names: list[str]) -> sql.Composable:
    keys = [name.strip('"') for name in (request.param("on_conflict") or "").split(",") if name]
    keys = keys or _primary_key(connection, request)
    target = sql.SQL(", ").join(map(sql.Identifier, keys))
    if "resolution=ignore-duplicates" in request.prefer:
        return sql.SQL(" ON CONFLICT ({}) DO NOTHING").format(target)
    if "resolution=merge-duplicates" not in request.prefer:
        return sql.SQL("")
    changes = [sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(name)) for name in names]
    return sql.SQL(" ON CONFLICT ({}) DO UPDATE SET {}").format(target, sql.SQL(", ").join(changes))


def _primary_key(connection: Connection, request: Request) -> list[str]:
    statement = sql.SQL(
        "SELECT attname FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)"
        " WHERE indisprimary AND indrelid = {}::regclass"
    ).format(sql.Literal(request.relation.as_string()))
    return [name for (name,) in connection.execute(statement)]


def update(connection: Connection, request: Request, body: dict[str, Any]) -> Answer:
    said = request.param("columns")
    names = [name.strip('"') for name in said.split(",")] if said else list(body)
    if not names:
        return Answer(200, []) if "return=representation" in request.prefer else Answer(204)
    changes = [sql.SQL("{0} = given.{0}").format(sql.Identifier(name)) for name in names]
    statement = sql.SQL(
        "UPDATE {table} SET {changes} FROM json_populate_record(NULL::{table}, {body}::json) AS given"
        " WHERE {table}.ctid IN (SELECT ctid FROM {table}{where}) RETURNING {table}.*"
    ).format(
        table=request.relation,
        changes=sql.SQL(", ").join(changes),
        body=sql.Literal(json.dumps(body)),
        where=where(request),
    )
    return _written(connection, request, statement, 204, 200)


def delete(connection: Connection, request: Request) -> Answer:
    chosen = where(request)
    if not chosen.as_string():
        raise Refusal(400, "21000", "DELETE requires a WHERE clause")
    statement = sql.SQL("DELETE FROM {}{} RETURNING *").format(request.relation, chosen)
    return _written(connection, request, statement, 204, 200)


def _written(connection: Connection, request: Request, statement: sql.Composed, bare: int, shown: int) -> Answer:
    """``bare`` is the status without the rows, ``shown`` the one with them."""
    if "return=representation" in request.prefer or request.wants_one:
        columns = sql.SQL("*") if request.method == "POST" else selected(request.param("select"))
        found = sql.SQL("WITH w AS ({}), r AS (SELECT {} FROM w) SELECT coalesce(json_agg(r), '[]') FROM r")
        (rows,) = _one(connection.execute(found.format(statement, columns)))
        total = str(len(rows)) if "count=exact" in request.prefer else "*"
        return Answer(shown, one_of(request, rows), {"Content-Range": f"*/{total}"})
    done = connection.execute(statement)
    return Answer(bare, None, {"Content-Range": f"*/{done.rowcount if 'count=exact' in request.prefer else '*'}"})


def call(connection: Connection, request: Request, given: dict[str, Any], max_rows: int) -> Answer:
    """A function, found by its name and the names of what it is given."""
    types, gives_rows, gives_nothing = _function(connection, request, given)
    arguments = sql.SQL(", ").join(
        sql.SQL("{} => {}::{}").format(sql.Identifier(name), sql.Literal(_as_text(value)), sql.SQL(types[name]))
        for name, value in given.items()
    )
    called = sql.SQL("{}({})").format(request.relation, arguments)
    if gives_nothing:
        connection.execute(sql.SQL("SELECT {}").format(called))
        return Answer(204)
    if not gives_rows:
        (value,) = _one(connection.execute(sql.SQL("SELECT to_json({})").format(called)))
        return Answer(200, value)
    source = sql.SQL("SELECT {} FROM {} AS r{}{}").format(
        selected(request.param("select")), called, where(request), ordered(request)
    )
    return _page(connection, request, source, None, max_rows)


def _function(connection: Connection, request: Request, given: dict[str, Any]) -> tuple[dict[str, str], bool, bool]:
    statement = sql.SQL(
        "SELECT coalesce(proargnames[1:pronargs], '{{}}'), proargtypes::regtype[]::text[], proretset,"
        " prorettype = 'void'::regtype, pronargdefaults FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace"
        " WHERE nspname = {} AND proname = {}"
    ).format(sql.Literal(request.schema), sql.Literal(request.name))
    for names, types, gives_rows, gives_nothing, defaults in connection.execute(statement):
        if set(given) <= set(names) and set(names[: len(names) - defaults]) <= set(given):
            return dict(zip(names, types, strict=False)), gives_rows, gives_nothing
    said = f"{request.schema}.{request.name}({', '.join(sorted(given))})"
    raise Refusal(404, "PGRST202", f"Could not find the function {said} in the schema cache")


def _as_text(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list) else value


def _one(cursor: psycopg.Cursor[Any]) -> Any:
    return cursor.fetchone()


def refusal(error: psycopg.Error, request: Request, *, anonymous: bool) -> Refusal:
    """What PostgREST makes of an error of Postgres."""
    code, message = error.sqlstate or "", error.diag.message_primary or ""
    if code == "42P01":
        return Refusal(404, "PGRST205", f"Could not find the table '{request.name}' in the schema cache")
    if code == "42703" and request.method == "POST":
        column = (re.search(r'column (?:given\.)?"?([^" ]+)"?', message) or ["", ""])[1]
        return Refusal(400, "PGRST204", f"Could not find the '{column}' column of '{request.name}'")
    if code.startswith("PT"):
        return Refusal(int(code[2:]), code, message)
    denied = 401 if anonymous else 403
    return Refusal(409 if code in ("23505", "23503") else denied if code == "42501" else 400, code, message)
