"""A stand-in for Supabase's management API: edge function secrets, functions, logs and health."""

from __future__ import annotations

import hashlib
import re
import secrets
import string
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import uuid4

from releaseguard.harmless import JsonDocument
from releaseguard.model import from_text, utc_now
from releaseguard.sandbox.serving.exchange import Clock, Reject, Request, Response, milliseconds, to_milliseconds
from releaseguard.sandbox.serving.stand_in import StandIn, route

MOST_SECRETS = 100
MOST_CHARACTERS = 24_576


@dataclass(slots=True)
class FunctionSecret:
    value: str = field(repr=False)
    updated_at: datetime


@dataclass(slots=True)
class DeployedFunction:
    """An edge function; its id is not its name."""

    id: str
    changed_at: datetime
    version: int = 1
    status: str = "ACTIVE"


@dataclass(frozen=True, slots=True)
class FunctionLogRow:
    """One row of a function's logs: a call that ended with ``status``, or a line of ``level`` that it wrote."""

    at: datetime
    function_id: str
    status: int | None = None
    level: str = "info"
    text: str = field(default="", repr=False)


@dataclass(slots=True)
class SupabaseProject:
    """One project: its edge functions' secrets, which running functions see at once."""

    ref: str
    name: str
    secrets: dict[str, FunctionSecret] = field(default_factory=dict)
    functions: dict[str, DeployedFunction] = field(default_factory=dict)
    lines: list[FunctionLogRow] = field(default_factory=list)
    """What its functions wrote, and how their calls ended."""
    platform: dict[str, list[FunctionLogRow]] = field(default_factory=dict)
    """Errors in the platform's own logs, by the name of the table."""


class SupabaseStandIn(StandIn):
    """Supabase's management API."""

    name: ClassVar[str] = "supabase"

    def __init__(self, clock: Clock = utc_now) -> None:
        super().__init__(clock)
        self.token = f"sbp_{secrets.token_hex(20)}"
        self.tokens = {self.token}
        self.projects: dict[str, SupabaseProject] = {}
        self.shows_digest = True
        """Whether the listing shows SHA-256 digests; older servers show something else."""
        self.shows_updated_at = True

    def add_project(self, name: str, functions: tuple[str, ...] = ()) -> SupabaseProject:
        ref = "".join(secrets.choice(string.ascii_lowercase) for _ in range(20))
        self.projects[ref] = SupabaseProject(ref, name)
        for function in functions:
            self.deploy(ref, function)
        return self.projects[ref]

    def deploy(self, ref: str, function: str, at: datetime | None = None) -> None:
        """Deploy an edge function, or its next version."""
        with self.lock:
            functions, now = self.projects[ref].functions, at or self.clock()
            known = functions.get(function)
            number = known.version + 1 if known else 1
            functions[function] = DeployedFunction(known.id if known else str(uuid4()), now, number)

    def called(self, ref: str, function: str, status: int = 200, at: datetime | None = None) -> None:
        """A call of an edge function ended with this status."""
        self._note(ref, function, FunctionLogRow(at or self.clock(), "", status=status))

    def wrote(self, ref: str, function: str, text: str, level: str = "error", at: datetime | None = None) -> None:
        """An edge function wrote a line to its log."""
        self._note(ref, function, FunctionLogRow(at or self.clock(), "", level=level, text=text))

    def platform_failed(self, ref: str, table: str, text: str, at: datetime | None = None) -> None:
        """The platform wrote an error to one of its own logs."""
        with self.lock:
            row = FunctionLogRow(at or self.clock(), "", level="ERROR", text=text)
            self.projects[ref].platform.setdefault(table, []).append(row)

    def _note(self, ref: str, function: str, row: FunctionLogRow) -> None:
        with self.lock:
            project = self.projects[ref]
            project.lines.append(replace(row, function_id=project.functions[function].id))

    def put(self, ref: str, name: str, value: str) -> None:
        """Set a secret as a person in the dashboard would."""
        with self.lock:
            self.projects[ref].secrets[name] = FunctionSecret(value, self.clock())

    def environment(self, ref: str) -> dict[str, str]:
        """What a function that runs now finds in its environment."""
        with self.lock:
            return {name: stored.value for name, stored in self.projects[ref].secrets.items()}

    def authorize(self, request: Request) -> None:
        if request.bearer not in self.tokens:
            raise Reject(Response(401, {"message": "Unauthorized"}))

    def _project(self, request: Request) -> SupabaseProject:
        project = self.projects.get(request.params["ref"])
        if project is None:
            raise Reject(Response(404, {"message": "Project not found"}))
        return project

    @route("GET", "/v1/projects")
    def list_projects(self, _request: Request) -> Response:
        return Response(200, [self._shown(project) for project in self.projects.values()])

    @route("GET", "/v1/projects/{ref}")
    def get_project(self, request: Request) -> Response:
        return Response(200, self._shown(self._project(request)))

    def _shown(self, project: SupabaseProject) -> JsonDocument:
        database = {"host": "db.invalid", "version": "15", "postgres_engine": "15", "release_channel": "ga"}
        return {
            "id": project.ref,
            "ref": project.ref,
            "organization_id": "sandbox",
            "organization_slug": "sandbox",
            "name": project.name,
            "region": "eu-central-1",
            "created_at": to_milliseconds(self.clock()),
            "status": "ACTIVE_HEALTHY",
            "database": database,
        }

    @route("GET", "/v1/projects/{ref}/secrets")
    def list_secrets(self, request: Request) -> Response:
        stored = sorted(self._project(request).secrets.items())
        return Response(200, [self._shown_secret(name, secret) for name, secret in stored])

    def _shown_secret(self, name: str, secret: FunctionSecret) -> dict[str, str]:
        shown = hashlib.sha256(secret.value.encode()).hexdigest() if self.shows_digest else "***"
        when = {"updated_at": to_milliseconds(secret.updated_at)} if self.shows_updated_at else {}
        return {"name": name, "value": shown, **when}

    @route("POST", "/v1/projects/{ref}/secrets")
    def create_secrets(self, request: Request) -> Response:
        project, given = self._project(request), request.json()
        for entry in given:
            self._check(entry["name"], entry["value"])
        if len(project.secrets.keys() | {entry["name"] for entry in given}) > MOST_SECRETS:
            return Response(400, {"message": f"a project holds at most {MOST_SECRETS} secrets"})
        for entry in given:
            project.secrets[entry["name"]] = FunctionSecret(entry["value"], self.clock())
        return Response(201)

    def _check(self, name: str, value: str) -> None:
        if name.startswith("SUPABASE_") or not re.fullmatch(r"[A-Za-z_]\w{0,255}", name):
            raise Reject(Response(400, {"message": f"the name {name} is not allowed"}))
        if len(value) > MOST_CHARACTERS:
            raise Reject(Response(400, {"message": f"the value of {name} is too long"}))

    @route("DELETE", "/v1/projects/{ref}/secrets")
    def delete_secrets(self, request: Request) -> Response:
        project = self._project(request)
        for name in request.json():
            project.secrets.pop(name, None)
        return Response(200, {})

    @route("GET", "/v1/projects/{ref}/functions")
    def list_functions(self, request: Request) -> Response:
        return Response(200, [_shown(name, one) for name, one in self._project(request).functions.items()])

    @route("GET", "/v1/projects/{ref}/health")
    def health(self, request: Request) -> Response:
        self._project(request)
        asked = request.query.get("services", "auth").split(",")
        return Response(200, [{"name": name, "healthy": True, "status": "ACTIVE_HEALTHY"} for name in asked])

    @route("GET", "/v1/projects/{ref}/analytics/endpoints/logs.all")
    def logs(self, request: Request) -> Response:
        """Knows the tables of edge functions and the conditions that stand in ``_CONDITIONS``; no more of SQL."""
        project, sql = self._project(request), request.query.get("sql", "")
        since, until = self._asked_span(request)
        table = re.search(r"from (\w+)\b", sql)
        if table is None or table[1] not in ("function_logs", "function_edge_logs"):
            rows = project.platform.get(table[1], []) if table else []
            return Response(200, {"result": [_logged(row) for row in rows if since <= row.at < until]})
        calls = table[1] == "function_edge_logs"
        rows = [row for row in project.lines if since <= row.at < until and (row.status is not None) == calls]
        for pattern, holds in _CONDITIONS:
            if said := re.search(pattern, sql):
                rows = [row for row in rows if holds(row, said[1])]
        rows.sort(key=lambda row: row.at, reverse=True)
        if "group by response.status_code" in sql:
            return Response(200, {"result": _by_status(rows)})
        limit = re.search(r"limit (\d+)", sql)
        return Response(200, {"result": [_logged(row) for row in rows[: int(limit[1]) if limit else 1000]]})

    def _asked_span(self, request: Request) -> tuple[datetime, datetime]:
        """The asked time, at most a day; without one the last minute."""
        given = [request.query.get(f"iso_timestamp_{edge}") for edge in ("start", "end")]
        now = self.clock()
        if None in given:
            return now - timedelta(minutes=1), now
        since, until = (from_text(str(moment)) for moment in given)
        if until - since > timedelta(hours=24):
            raise Reject(Response(400, {"message": "the timestamp range must be no more than 24 hours"}))
        return since, until

    @route("GET", "/v1/projects/{ref}/analytics/endpoints/functions.combined-stats")
    def statistics(self, request: Request) -> Response:
        project, now = self._project(request), self.clock()
        since = now - _INTERVALS[request.query["interval"]]
        rows = [
            row
            for row in project.lines
            if row.function_id == request.query["function_id"] and row.status is not None and row.at >= since
        ]
        return Response(200, {"result": [_counted(rows, now)] if rows else []})


_INTERVALS = {
    "15min": timedelta(minutes=15),
    "1hr": timedelta(hours=1),
    "3hr": timedelta(hours=3),
    "1day": timedelta(days=1),
}
_CONDITIONS: tuple[tuple[str, Callable[[FunctionLogRow, str], bool]], ...] = (
    (r"function_id = '([^']*)'", lambda row, said: row.function_id == said),
    (r"level in \(([^)]*)\)", lambda row, said: row.level in re.findall(r"'(\w+)'", said)),
)


def _shown(name: str, one: DeployedFunction) -> JsonDocument:
    when = milliseconds(one.changed_at)
    return {
        "id": one.id,
        "slug": name,
        "name": name,
        "status": one.status,
        "version": one.version,
        "created_at": when,
        "updated_at": when,
        "verify_jwt": True,
    }


def _by_status(rows: list[FunctionLogRow]) -> list[dict[str, int]]:
    counts = Counter(row.status for row in rows if row.status is not None)
    return [{"status_code": status, "calls": count} for status, count in counts.items()]


def _logged(row: FunctionLogRow) -> JsonDocument:
    stamp = milliseconds(row.at) * 1000
    return {"timestamp": stamp, "event_message": row.text, "level": row.level}


def _counted(rows: list[FunctionLogRow], now: datetime) -> JsonDocument:
    def within(low: int, high: int) -> int:
        return sum(1 for row in rows if row.status is not None and low <= row.status < high)

    return {
        "timestamp": milliseconds(now) * 1000,
        "requests_count": len(rows),
        "success_count": within(200, 300),
        "redirect_count": within(300, 400),
        "client_err_count": within(400, 500),
        "server_err_count": within(500, 600),
    }
