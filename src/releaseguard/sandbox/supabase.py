"""A stand-in for Supabase's management API: edge function secrets, functions, logs and health."""

from __future__ import annotations

import hashlib
import re
import secrets
import string
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from releaseguard.model import utc_now
from releaseguard.sandbox.server import Clock, Reject, Request, Response, StandIn, milliseconds, route, to_milliseconds

MOST_SECRETS = 100
MOST_CHARACTERS = 24_576


@dataclass(slots=True)
class FunctionSecret:
    value: str = field(repr=False)
    updated_at: datetime


@dataclass(slots=True)
class SupabaseProject:
    """One project: its edge functions' secrets, which running functions see at once."""

    ref: str
    name: str
    secrets: dict[str, FunctionSecret] = field(default_factory=dict)
    functions: list[str] = field(default_factory=list)
    logs: list[dict[str, Any]] = field(default_factory=list)
    """Rows that ``logs.all`` answers with."""


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

    # --- what tests and the demo do to it --------------------------------------------------------------------

    def add_project(self, name: str, functions: tuple[str, ...] = ()) -> SupabaseProject:
        ref = "".join(secrets.choice(string.ascii_lowercase) for _ in range(20))
        self.projects[ref] = SupabaseProject(ref, name, functions=list(functions))
        return self.projects[ref]

    def put(self, ref: str, name: str, value: str) -> None:
        """Set a secret as a person in the dashboard would."""
        with self.lock:
            self.projects[ref].secrets[name] = FunctionSecret(value, self.clock())

    def environment(self, ref: str) -> dict[str, str]:
        """What a function that runs now finds in its environment."""
        with self.lock:
            return {name: stored.value for name, stored in self.projects[ref].secrets.items()}

    # --- answers ----------------------------------------------------------------------------------------------

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

    def _shown(self, project: SupabaseProject) -> dict[str, Any]:
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
        now = milliseconds(self.clock())
        names = self._project(request).functions
        common = {"status": "ACTIVE", "version": 1, "created_at": now, "updated_at": now, "verify_jwt": True}
        return Response(200, [{"id": name, "slug": name, "name": name, **common} for name in names])

    @route("GET", "/v1/projects/{ref}/health")
    def health(self, request: Request) -> Response:
        self._project(request)
        asked = request.query.get("services", "auth").split(",")
        return Response(200, [{"name": name, "healthy": True, "status": "ACTIVE_HEALTHY"} for name in asked])

    @route("GET", "/v1/projects/{ref}/analytics/endpoints/logs.all")
    @route("GET", "/v1/projects/{ref}/analytics/endpoints/functions.combined-stats")
    def logs(self, request: Request) -> Response:
        return Response(200, {"result": self._project(request).logs})
