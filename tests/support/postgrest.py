"""A STAND-IN for PostgREST over a real Postgres: the part of its language that the event log speaks.

It is written from PostgREST's documentation ("Tables and Views", "Pagination and count", "Errors") and is not
PostgREST: what it does not know it refuses with 400, so that no test passes by accident.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import psycopg
from psycopg import sql

OPERATORS = {"eq": "=", "neq": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
RESERVED = {"select", "order", "limit", "offset", "on_conflict", "columns", "and", "or"}


@dataclass
class PostgRest:
    """One project: a database, its service key, and faults to order."""

    database: str
    key: str = "service-role-key-of-a-stand-in"
    more_keys: set[str] = field(default_factory=set)
    """Accepted as well: a new key beside the old one."""
    public_key: str = "public-key-of-a-stand-in"
    secured: bool = True
    """Row-level security hides every row from the public key."""
    read_only: bool = False
    """The description that the interface gives of itself lists no POST for the key's role."""
    max_rows: int = 1000
    requests: list[str] = field(default_factory=list)
    lose_answers: int = 0
    """So many of the next writes take effect and are answered with nothing: the connection breaks off."""
    lose_requests: int = 0
    """So many of the next writes are answered with 502 and never arrive."""
    url: str = ""
    latency: float = 0.0
    """Seconds that every request takes at least."""


class Refusal(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@contextmanager
def serving(project: PostgRest) -> Iterator[PostgRest]:
    """The project on a loopback port for the length of the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"project": project}))
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    project.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield project
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    project: PostgRest
    timeout = 30

    def log_message(self, *_: object) -> None:
        """Quiet: the tests read :attr:`PostgRest.requests`."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.project.requests.append(f"{self.command} {self.path}")
        time.sleep(self.project.latency)
        if self.command != "GET" and self.project.lose_requests:
            self.project.lose_requests -= 1
            self._send(502, {"message": "bad gateway"})
            return
        try:
            status, rows, headers = self._carried_out(body)
        except Refusal as refusal:
            self._send(refusal.status, {"code": refusal.code, "message": str(refusal), "details": None, "hint": None})
            return
        if self.command != "GET" and self.project.lose_answers:
            self.project.lose_answers -= 1
            self.close_connection = True
            return
        self._send(status, rows, headers)

    def _carried_out(self, body: bytes) -> tuple[int, Any, dict[str, str]]:
        public = self.headers.get("apikey") == self.project.public_key
        if not public and self.headers.get("apikey") not in {self.project.key, *self.project.more_keys}:
            raise Refusal(401, "", "Invalid API key")
        address = urlsplit(self.path)
        root, _, table = unquote(address.path).rpartition("/")
        if root != "/rest/v1":
            raise Refusal(404, "", "requested path is invalid")
        if not table:
            return 200, self._description(), {}
        if public and self.project.secured:
            return 200, [], {}
        request = _Request(
            self.headers.get("accept-profile" if self.command == "GET" else "content-profile") or "public",
            table,
            parse_qsl(address.query, keep_blank_values=True),
            {word.strip() for word in (self.headers.get("prefer") or "").split(",") if word.strip()},
            inserts=self.command == "POST",
        )
        with psycopg.connect(self.project.database) as connection:
            try:
                connection.execute("SET TIME ZONE 'UTC'")
                if self.command == "GET":
                    return _read(connection, request, self.project.max_rows)
                if self.command == "DELETE":
                    return _delete(connection, request)
                return _insert(connection, request, json.loads(body))
            except psycopg.Error as error:
                raise _refusal(error, request) from None

    def _description(self) -> dict[str, Any]:
        """The root's answer (documentation, "OpenAPI"): only what the role of the key may do is in it."""
        methods = {"get": {}} if self.project.read_only else {"get": {}, "post": {}, "delete": {}}
        with psycopg.connect(self.project.database) as connection:
            tables = connection.execute("SELECT relname FROM pg_class WHERE relkind = 'r'").fetchall()
        return {"swagger": "2.0", "paths": {f"/{name}": methods for (name,) in tables}}

    def _send(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json; charset=utf-8", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@dataclass
class _Request:
    schema: str
    table: str
    params: list[tuple[str, str]]
    prefer: set[str]
    inserts: bool

    def param(self, name: str) -> str | None:
        return next((value for key, value in self.params if key == name), None)

    @property
    def relation(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.table)


# --- Carrying out -------------------------------------------------------------------------------------------


def _read(connection: psycopg.Connection[Any], request: _Request, max_rows: int) -> tuple[int, Any, dict[str, str]]:
    where = _where(request)
    limit = min(int(request.param("limit") or max_rows), max_rows)
    offset = int(request.param("offset") or 0)
    inner = sql.SQL("SELECT {} FROM {}{}{} LIMIT {} OFFSET {}").format(
        _selected(request.param("select")), request.relation, where, _order(request), limit, offset
    )
    (rows,) = _one(connection.execute(sql.SQL("SELECT coalesce(json_agg(r), '[]') FROM ({}) r").format(inner)))
    total = "*"
    if "count=exact" in request.prefer:
        counting = sql.SQL("SELECT count(*) FROM {}{}").format(request.relation, where)
        total = str(_one(connection.execute(counting))[0])
    span = f"{offset}-{offset + len(rows) - 1}" if rows else "*"
    partial = total != "*" and len(rows) < int(total)
    return (206 if partial else 200), rows, {"Content-Range": f"{span}/{total}"}


def _insert(connection: psycopg.Connection[Any], request: _Request, body: Any) -> tuple[int, Any, dict[str, str]]:
    records = body if isinstance(body, list) else [body]
    keys = list(records[0])
    if any(set(record) != set(keys) for record in records):
        raise Refusal(400, "PGRST102", "All object keys must match")
    names = sql.SQL(", ").join(map(sql.Identifier, keys))
    ignoring = sql.SQL("")
    if "resolution=ignore-duplicates" in request.prefer:
        target = sql.Identifier(request.param("on_conflict") or "id")
        ignoring = sql.SQL(" ON CONFLICT ({}) DO NOTHING").format(target)
    statement = sql.SQL(
        "WITH written AS (INSERT INTO {table} ({names}) SELECT {names} FROM"
        " json_populate_recordset(NULL::{table}, {body}::json){ignoring} RETURNING {selected})"
        " SELECT coalesce(json_agg(written), '[]') FROM written"
    ).format(
        table=request.relation,
        names=names,
        body=sql.Literal(json.dumps(records)),
        ignoring=ignoring,
        selected=_selected(request.param("select")),
    )
    (rows,) = _one(connection.execute(statement))
    return 201, rows if "return=representation" in request.prefer else None, {}


def _delete(connection: psycopg.Connection[Any], request: _Request) -> tuple[int, Any, dict[str, str]]:
    where = _where(request)
    if not where.as_string():
        raise Refusal(400, "21000", "DELETE requires a WHERE clause")
    done = connection.execute(sql.SQL("DELETE FROM {}{}").format(request.relation, where))
    return 204, None, {"Content-Range": f"*/{done.rowcount if 'count=exact' in request.prefer else '*'}"}


def _one(cursor: psycopg.Cursor[Any]) -> Any:
    return cursor.fetchone()


def _refusal(error: psycopg.Error, request: _Request) -> Refusal:
    code, message = error.sqlstate or "", error.diag.message_primary or ""
    if code == "42P01":
        return Refusal(404, "PGRST205", f"Could not find the table '{request.table}' in the schema cache")
    if code == "42703" and request.inserts:
        column = (re.search(r'"([^"]+)"', message) or ["", ""])[1]
        return Refusal(400, "PGRST204", f"Could not find the '{column}' column of '{request.table}'")
    status = 409 if code in ("23505", "23503") else 403 if code == "42501" else 400
    return Refusal(status, code, message)


# --- The language -------------------------------------------------------------------------------------------


def _selected(text: str | None) -> sql.Composable:
    if not text or text == "*":
        return sql.SQL("*")
    parts = []
    for item in text.split(","):
        column, _, cast = item.partition("::")
        alias, _, column = column.rpartition(":")
        name = column.strip('"')
        shown: sql.Composable = sql.Identifier(name)
        if cast:
            shown = sql.SQL("{}::{}").format(shown, sql.Identifier(cast))
        parts.append(sql.SQL("{} AS {}").format(shown, sql.Identifier(alias or name)))
    return sql.SQL(", ").join(parts)


def _order(request: _Request) -> sql.Composable:
    text = request.param("order")
    if not text:
        return sql.SQL("")
    parts = []
    for item in text.split(","):
        column, _, direction = item.rpartition(".")
        if direction not in ("asc", "desc"):
            raise Refusal(400, "PGRST100", "failed to parse order")
        parts.append(sql.SQL("{} {}").format(sql.Identifier(column.strip('"')), sql.SQL(direction.upper())))
    return sql.SQL(" ORDER BY ") + sql.SQL(", ").join(parts)


def _where(request: _Request) -> sql.Composed:
    found = [_Filters(f"{name}.{value}").condition() for name, value in request.params if name not in RESERVED] + [
        _Filters(name + value).condition() for name, value in request.params if name in ("and", "or")
    ]
    if not found:
        return sql.SQL("{}").format(sql.SQL(""))
    return sql.SQL(" WHERE {}").format(sql.SQL(" AND ").join(found))


class _Filters:
    """``and(a.eq.1,or(b.gt.2,c->>d.eq."x"))``, by recursive descent."""

    NAME = re.compile(r'"(?:[^"\\]|\\.)*"|[A-Za-z_][A-Za-z0-9_]*')

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def condition(self) -> sql.Composable:
        made = self._condition()
        if self.at != len(self.text):
            raise self._failure()
        return made

    def _condition(self) -> sql.Composable:
        for word in ("and", "or"):
            if self._take(f"{word}("):
                parts = [self._condition()]
                while self._take(","):
                    parts.append(self._condition())
                self._expect(")")
                return sql.SQL("({})").format(sql.SQL(f" {word.upper()} ").join(parts))
        return self._comparison()

    def _comparison(self) -> sql.Composable:
        column: sql.Composable = sql.Identifier(self._name())
        if self._take("->>"):
            column = sql.SQL("{}->>{}").format(column, sql.Literal(self._name()))
        self._expect(".")
        negated = self._take("not.")
        operator = self._name()
        self._expect(".")
        made = self._compared(column, operator)
        return sql.SQL("NOT ({})").format(made) if negated else made

    def _compared(self, column: sql.Composable, operator: str) -> sql.Composable:
        if operator == "in":
            self._expect("(")
            values = [self._value()]
            while self._take(","):
                values.append(self._value())
            self._expect(")")
            return sql.SQL("{} IN ({})").format(column, sql.SQL(", ").join(map(sql.Literal, values)))
        value = self._value()
        if operator == "is" and value in ("null", "true", "false"):
            return sql.SQL("{} IS {}").format(column, sql.SQL(value))
        if operator not in OPERATORS:
            raise self._failure()
        return sql.SQL("{} {} {}").format(column, sql.SQL(OPERATORS[operator]), sql.Literal(value))

    def _name(self) -> str:
        match = self.NAME.match(self.text, self.at)
        if match is None:
            raise self._failure()
        self.at = match.end()
        return _unquoted(match.group())

    def _value(self) -> str:
        quoted = re.compile(r'"(?:[^"\\]|\\.)*"').match(self.text, self.at)
        match = quoted or re.compile(r"[^,()]*").match(self.text, self.at)
        if match is None:
            raise self._failure()
        self.at = match.end()
        return _unquoted(match.group())

    def _take(self, text: str) -> bool:
        if not self.text.startswith(text, self.at):
            return False
        self.at += len(text)
        return True

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise self._failure()

    def _failure(self) -> Refusal:
        return Refusal(400, "PGRST100", f"failed to parse logic tree at {self.at}")


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text
