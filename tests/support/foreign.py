"""Stand-ins of Infisical, Supabase and Vercel that know nothing of the sandbox; an app's log is written by hand.

They answer what the services document, as far as a rotation asks, and no more; what the sandbox and the adapters could
misread alike is seen here.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from releaseguard.clocks import Clocks
from tests.support.commands import Commands, Done

REF, PROJECT = "a" * 20, "prj_web"
FUNCTIONS, WEB = f"supabase:{REF}", f"vercel:{PROJECT}/production"
NAME = "SENDGRID_API_KEY"
LABEL = f"{NAME}_VERSION"
Answer = tuple[int, Any]


def key(number: int) -> str:
    """A key of SendGrid's form."""
    return f"SG.{'a' * 22}.{hashlib.sha256(str(number).encode()).hexdigest()[:43]}"


def text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes: the second would wait for an acknowledgement
    answer: Callable[[str, str, dict[str, str], Any], Answer]

    def log_message(self, *_: object) -> None:
        """Nothing is said."""

    def handle_one(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        asked = urlsplit(self.path)
        body = json.loads(raw) if raw else None
        code, document = type(self).answer(self.command, unquote(asked.path), dict(parse_qsl(asked.query)), body)
        data = b"" if document is None else json.dumps(document).encode()
        self.send_response(code)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = handle_one  # noqa: N815 - the library's names


@dataclass
class Stored:
    """A secret at Infisical."""

    id: str
    values: list[str]


@dataclass
class Foreign:
    """The services, the app's log, and the command line over them. ``lives`` is called whenever a command waits."""

    folder: Path
    destinations: tuple[str, ...] = (FUNCTIONS,)
    vault: dict[tuple[str, str, str], Stored] = field(default_factory=dict)
    """By environment, folder and name."""
    secrets: dict[str, dict[str, tuple[str, datetime]]] = field(default_factory=lambda: {REF: {}, "b" * 20: {}})
    """Edge functions' secrets, by project and name."""
    variables: dict[str, dict[str, Any]] = field(default_factory=dict)
    deployments: list[dict[str, Any]] = field(default_factory=list)
    serving: str | None = None
    lives: list[Callable[[], None]] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _servers: list[ThreadingHTTPServer] = field(default_factory=list)
    _passed: float = 0.0

    def __enter__(self) -> Self:
        urls = {name: self._serve(getattr(self, f"_{name}")) for name in ("infisical", "supabase", "vercel")}
        sections = "".join(f'[{name}]\nurl = "{url}"\n' for name, url in urls.items() if name != "infisical")
        self._settings = (
            '[project]\nname = "lovendo"\nenvironment = "production"\n[events]\nurl = "sqlite:///log.db"\n'
            f'{sections}[infisical]\nurl = "{urls["infisical"]}"\nproject_id = "p1"\nenvironment = "prod"\n'
            'path = "PATH"\n[rotation]\nlease = "5s"\n'
        )
        self.configure()
        credentials = ("INFISICAL_TOKEN", "VERCEL_TOKEN", "SUPABASE_ACCESS_TOKEN")
        clocks = Clocks(lambda: self._passed + time.monotonic(), self._sleep)
        self.cli = Commands(self.folder, dict.fromkeys(credentials, "token"), clocks)
        assert self.cli.run("events", "migrate").code == 0
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def configure(self, path: str = "/", more: str = "") -> None:
        places = json.dumps(self.destinations)
        provider = f"[providers.sendgrid]\ndestinations = {places}\n{more}"
        (self.folder / "releaseguard.toml").write_text(self._settings.replace("PATH", path) + provider)

    def _serve(self, answer: Callable[[str, str, dict[str, str], Any], Answer]) -> str:
        handler = type("Handler", (_Handler,), {"answer": staticmethod(answer)})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True, kwargs={"poll_interval": 0.01}).start()
        self._servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}"

    def _sleep(self, seconds: float) -> None:
        self._passed += seconds
        time.sleep(0.002)
        for happens in list(self.lives):
            happens()

    def rotate(self, *arguments: str, stdin: str = "") -> tuple[Done, dict[str, Any]]:
        done = self.cli.run("rotate", "sendgrid", *arguments, "--prove-within", "6s", "--json", stdin=stdin)
        return done, (done.json if done.out.startswith("{") else {})

    def put(
        self, value: str, name: str = NAME, *, environment: str = "prod", path: str = "/", anew: bool = False
    ) -> None:
        """A person stores a value at Infisical; ``anew``: having deleted the secret."""
        place = (environment, path, name)
        if anew or place not in self.vault:
            self.vault[place] = Stored(str(uuid.uuid4()), [])
        self.vault[place].values.append(value)

    def write(self, name: str, value: str, ref: str = REF) -> None:
        """Somebody writes a secret of the functions."""
        self.secrets[ref][name] = (value, datetime.now(UTC))

    def at_functions(self, name: str) -> str | None:
        return self.secrets[REF].get(name, (None,))[0]

    def write_variable(self, name: str, value: str, kind: str = "encrypted") -> None:
        """Somebody writes a variable of production at Vercel."""
        known = next((one for one in self.variables.values() if one["key"] == name), None)
        record = known or {"id": f"env{next(self._numbers)}", "key": name, "type": kind, "target": ["production"]}
        record |= {"value": value, "updatedAt": time.time() * 1000}
        self.variables[record["id"]] = record

    def deploy(self, meta: dict[str, str] | None = None) -> str:
        """A deployment to production with the variables of this moment, which serves at once."""
        made = f"dpl_{next(self._numbers):04d}"
        self.deployments.append(
            {
                "id": made,
                "uid": made,
                "name": "web",
                "target": "production",
                "readyState": "READY",
                "createdAt": time.time() * 1000,
                "meta": {"githubCommitSha": "c" * 40, **(meta or {})},
                "environment": {one["key"]: one["value"] for one in self.variables.values()},
            }
        )
        self.serving = made
        return made

    def environment(self) -> dict[str, str]:
        """What production runs with."""
        found: dict[str, str] = next(one["environment"] for one in self.deployments if one["id"] == self.serving)
        return found

    def log(self, label: Any = None, *, source: str = "sendgrid-email", detail: Any = None, **columns: Any) -> None:
        """A row as the app writes it; a success of SendGrid's of just now where nothing else is said."""
        now = text(datetime.now(UTC))
        row = {
            "id": str(uuid.uuid4()),
            "occurred_at": now,
            "recorded_at": now,
            "provider": "sendgrid",
            "event": "sendgrid_email_sent",
            "outcome": "success",
            "environment": "production",
            "source": source,
            "correlation_id": str(uuid.uuid4()),
            "synthetic": 0,
            "detail": json.dumps({**(detail or {}), **({} if label is None else {"secret_version": label})}),
            **columns,
        }
        with closing(sqlite3.connect(self.folder / "log.db", timeout=10)) as database, database:
            marks = ",".join("?" * len(row))
            database.execute(f"insert into integration_events({','.join(row)}) values({marks})", list(row.values()))

    def functions_report(self) -> None:
        """A function that uses the key, and reports the label beside it."""
        self.log(self.at_functions(LABEL))

    def web_reports(self) -> None:
        self.log(self.environment().get(LABEL), source="web", detail={"deployment_id": self.serving})

    def _infisical(self, method: str, path: str, query: dict[str, str], body: Any) -> Answer:
        given = {**query, **(body or {})}
        environment, folder = given.get("environment", ""), given.get("secretPath", "/")
        if path == "/api/v3/secrets/raw":
            below = folder if given.get("recursive") == "true" else None
            there = [one for one in self.vault if one[0] == environment and (one[1] == folder or below == "/")]
            return 200, {"secrets": [self._secret(one) for one in there], "imports": []}
        if path == "/api/v1/workspace/p1":
            slugs = sorted({one[0] for one in self.vault})
            return 200, {"workspace": {"environments": [{"slug": slug} for slug in slugs]}}
        place = (environment, folder, path.removeprefix("/api/v3/secrets/raw/"))
        if "/secrets/raw/" not in path or (place not in self.vault and method != "POST"):
            return 404, {"statusCode": 404, "message": "Secret not found", "error": "NotFound"}
        if method in ("PATCH", "POST"):
            self.put(body["secretValue"].strip(), place[2], environment=environment, path=folder)
        version = int(given.get("version") or 0)
        if version > len(self.vault[place].values):
            return 404, {"statusCode": 404, "message": "Version not found", "error": "NotFound"}
        return 200, {"secret": self._secret(place, version)}

    def _secret(self, place: tuple[str, str, str], version: int = 0) -> dict[str, Any]:
        stored = self.vault[place]
        number = version or len(stored.values)
        return {
            "id": stored.id,
            "version": number,
            "type": "shared",
            "secretKey": place[2],
            "secretPath": place[1],
            "secretValue": stored.values[number - 1],
            "environment": place[0],
            "workspace": "p1",
        }

    def _supabase(self, method: str, path: str, _query: dict[str, str], body: Any) -> Answer:
        if path == "/v1/projects":
            return 200, [{"id": ref, "ref": ref} for ref in self.secrets]
        found = re.fullmatch(r"/v1/projects/(\w+)/secrets", path)
        if found is None or found[1] not in self.secrets:
            return 404, {"message": "not found"}
        if method == "POST":
            for one in body:
                self.write(one["name"], one["value"], found[1])
            return 201, None
        listed = sorted(self.secrets[found[1]].items())
        digest = [(name, hashlib.sha256(value.encode()).hexdigest(), text(at)) for name, (value, at) in listed]
        return 200, [{"name": name, "value": value, "updated_at": at} for name, value, at in digest]

    def _vercel(self, method: str, path: str, query: dict[str, str], body: Any) -> Answer:
        if path == "/v13/deployments":
            self.deploy(body.get("meta"))
            return 200, self._shown(self.deployments[-1])
        if path == "/v6/deployments":
            return 200, {"deployments": [self._shown(one) for one in reversed(self.deployments)], "pagination": {}}
        if path.startswith("/v13/deployments/"):
            made = [one for one in self.deployments if path.endswith(one["id"])]
            return (200, self._shown(made[0])) if made else (404, {"error": {"code": "not_found"}})
        if path == "/v10/projects":
            return 200, {"projects": [{"id": PROJECT, "name": "web"}], "pagination": {}}
        found = re.fullmatch(rf"/v\d+/projects/{PROJECT}(/env)?(?:/(\w+))?", path)
        if found is None:
            return 404, {"error": {"code": "not_found", "message": "not found"}}
        if not found[1]:
            return 200, {"id": PROJECT, "name": "web", "targets": {"production": {"id": self.serving}}}
        return self._variable(method, found[2], body)

    def _variable(self, method: str, record: str | None, body: Any) -> Answer:
        if record and method == "PATCH":
            self.variables[record] |= {"value": body["value"], "updatedAt": time.time() * 1000}
        if record:
            return 200, {**self.variables[record], "decrypted": True}
        if method == "POST":
            self.write_variable(body["key"], body["value"], body["type"])
            made = next(one for one in self.variables.values() if one["key"] == body["key"])
            return 201, {"created": {"id": made["id"]}, "failed": []}
        return 200, {"envs": [{**one, "value": ""} for one in self.variables.values()]}

    @staticmethod
    def _shown(deployment: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in deployment.items() if name != "environment"}
