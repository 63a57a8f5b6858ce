"""The stand-in's server: one project behind a loopback port, who may ask, and faults to order."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import psycopg

from tests.support.postgrest import statements
from tests.support.postgrest.language import Refusal, Request
from tests.support.postgrest.statements import Answer


@dataclass
class PostgRest:
    """One project: a database, its service key, and faults to order."""

    database: str
    key: str = "service-role-key-of-a-stand-in"
    more_keys: set[str] = field(default_factory=set)
    """Accepted as well: a new key beside the old one."""
    public_key: str = "public-key-of-a-stand-in"
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Access tokens of users who are signed in, and their claims."""
    roles: bool = False
    """The database has Supabase's roles: each request is made as the one that its key or token is for."""
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

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.project.requests.append(f"{self.command} {self.path}")
        time.sleep(self.project.latency)
        writes = self.command not in {"GET", "HEAD"}
        if writes and self.project.lose_requests:
            self.project.lose_requests -= 1
            self._send(Answer(502, {"message": "bad gateway"}))
            return
        try:
            answer = self._carried_out(body)
        except Refusal as refused:
            said = {"code": refused.code, "message": str(refused), "details": refused.details, "hint": None}
            self._send(Answer(refused.status, said))
            return
        if writes and self.project.lose_answers:
            self.project.lose_answers -= 1
            self.close_connection = True
            return
        self._send(answer)

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PATCH(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def _carried_out(self, body: bytes) -> Answer:
        role, claims = self._caller()
        address = urlsplit(self.path)
        root, _, name = unquote(address.path).rpartition("/")
        if root not in {"/rest/v1", "/rest/v1/rpc"}:
            raise Refusal(404, "", "requested path is invalid")
        if not name:
            return Answer(200, self._description())
        if role == "anon" and self.project.secured and not self.project.roles:
            return Answer(200, [])
        reads = self.command in {"GET", "HEAD"}
        request = Request(
            self.command,
            self.headers.get("accept-profile" if reads else "content-profile") or "public",
            name,
            parse_qsl(address.query, keep_blank_values=True),
            {word.strip() for word in (self.headers.get("prefer") or "").split(",") if word.strip()},
            self.headers.get("accept") or "",
        )
        with psycopg.connect(self.project.database) as connection:
            try:
                self._act_as(connection, role, claims)
                if root.endswith("/rpc"):
                    return self._call(connection, request, body)
                return self._on_table(connection, request, body)
            except psycopg.Error as error:
                connection.rollback()
                raise statements.refusal(error, request, anonymous=role == "anon") from None

    def _caller(self) -> tuple[str, dict[str, Any]]:
        """The role that is asked as: the gateway looks at ``apikey``, PostgREST at the token."""
        project, key = self.project, self.headers.get("apikey")
        roles = {project.public_key: "anon", **dict.fromkeys({project.key, *project.more_keys}, "service_role")}
        if key is None:
            raise Refusal(401, "", "No API key found in request")
        if key not in roles:
            raise Refusal(401, "", "Invalid API key")
        token = (self.headers.get("authorization") or f"Bearer {key}").removeprefix("Bearer ")
        if token in project.users:
            return "authenticated", project.users[token]
        if token not in roles:
            raise Refusal(401, "PGRST301", "JWSError JWSInvalidSignature")
        return roles[token], {"role": roles[token]}

    def _act_as(self, connection: psycopg.Connection[Any], role: str, claims: dict[str, Any]) -> None:
        connection.execute("SET TIME ZONE 'UTC'")
        if self.command in {"GET", "HEAD"}:
            connection.execute("SET TRANSACTION READ ONLY")
        if self.project.roles:
            connection.execute("SELECT set_config('request.jwt.claims', %s, true)", [json.dumps(claims)])
            connection.execute(f"SET LOCAL ROLE {role}")

    def _on_table(self, connection: psycopg.Connection[Any], request: Request, body: bytes) -> Answer:
        match self.command:
            case "GET" | "HEAD":
                return statements.read(connection, request, self.project.max_rows)
            case "DELETE":
                return statements.delete(connection, request)
            case "PATCH":
                return statements.update(connection, request, _json(body))
            case _:
                return statements.insert(connection, request, _json(body))

    def _call(self, connection: psycopg.Connection[Any], request: Request, body: bytes) -> Answer:
        if self.command in {"GET", "HEAD"}:
            given = {
                name: value for name, value in request.params if name not in {"select", "order", "limit", "offset"}
            }
            request.arguments = set(given)
        else:
            given = _json(body) if body else {}
        return statements.call(connection, request, given, self.project.max_rows)

    def _description(self) -> dict[str, Any]:
        """The root's answer (documentation, "OpenAPI"): only what the role of the key may do is in it."""
        methods = {"get": {}} if self.project.read_only else {"get": {}, "post": {}, "delete": {}}
        with psycopg.connect(self.project.database) as connection:
            tables = connection.execute("SELECT relname FROM pg_class WHERE relkind = 'r'").fetchall()
        return {"swagger": "2.0", "paths": {f"/{name}": methods for (name,) in tables}}

    def _send(self, answer: Answer) -> None:
        kind = "text/csv" if isinstance(answer.rows, str) and self._wants_csv() else "application/json"
        text = answer.rows if kind == "text/csv" else json.dumps(answer.rows)
        content = b"" if answer.rows is None and answer.status != 200 else text.encode()
        self.send_response(answer.status)
        for name, value in {"Content-Type": f"{kind}; charset=utf-8", **answer.headers}.items():
            self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _wants_csv(self) -> bool:
        return (self.headers.get("accept") or "").startswith("text/csv")


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        raise Refusal(400, "PGRST102", "Empty or invalid json") from None
