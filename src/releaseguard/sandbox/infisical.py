"""A stand-in for Infisical: logins, versioned secrets, approval policies, rotations, audit log, limits.

Answers and errors have the shapes of a self-hosted server of October 2024 (recorded) and, where they differ,
of current ones (their published source); :attr:`InfisicalStandIn.of_2024` picks the old behaviour.
"""

from __future__ import annotations

import re
import secrets
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from releaseguard.model import from_text, utc_now
from releaseguard.sandbox.server import Clock, Reject, Request, Response, StandIn, route, to_milliseconds

_REFERENCE = re.compile(r"\$\{(\w+)\}")


class AuditLogs(StrEnum):
    """What the plan has."""

    KEPT = "kept"
    EMPTY = "empty"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True, slots=True)
class Place:
    """Where secrets live: a folder of an environment of a project."""

    project: str
    environment: str
    path: str = "/"


@dataclass(frozen=True, slots=True)
class StoredVersion:
    value: str = field(repr=False)
    at: datetime


@dataclass(slots=True)
class StoredSecret:
    """One secret with all its versions; a namesake created after a deletion is another one."""

    id: str
    versions: list[StoredVersion]

    @property
    def newest(self) -> int:
        return len(self.versions)


@dataclass(slots=True)
class Rotation:
    """One of Infisical's own rotations: which secrets it renews."""

    id: str
    name: str
    type: str
    place: Place
    mapping: Mapping[str, str]
    """The rotation's outputs (``password``) and the secrets that hold them."""


@dataclass(slots=True)
class _Proposal:
    id: str
    place: Place
    name: str
    value: str = field(repr=False)


class InfisicalStandIn(StandIn):
    """Infisical. ``project_id`` and the credentials are made up anew for each instance."""

    name: ClassVar[str] = "infisical"

    def __init__(self, clock: Clock = utc_now, environments: tuple[str, ...] = ("dev", "staging", "prod")) -> None:
        super().__init__(clock)
        self.project_id = str(uuid.uuid4())
        self.environments = environments
        self.folders = {"/"}
        self.client_id = str(uuid.uuid4())
        self.client_secret = secrets.token_hex(32)
        self.identity_id = str(uuid.uuid4())
        self.oidc_tokens: set[str] = set()
        """JSON Web Tokens that the identity's OIDC login accepts."""
        self.tokens: set[str] = set()
        self.token = self.new_token()
        """A token that works, for ``INFISICAL_TOKEN``."""
        self.secrets: dict[tuple[Place, str], StoredSecret] = {}
        self.deleted: dict[tuple[Place, str], list[StoredSecret]] = {}
        self.rotations: list[Rotation] = []
        self.of_2024 = False
        """Ignore ``version``, have no v4, answer validation errors with 401: a server of October 2024."""
        self.requires_approval = False
        self.proposals: list[_Proposal] = []
        self.audit_logs = AuditLogs.EMPTY
        self.audit_entries: list[dict[str, Any]] = []
        self.read_only = False
        """The identity may read and not write."""
        self.no_access = False
        """The identity's role has no permission on secrets."""
        self.requests_per_minute: int | None = None
        """The limit that answers carry in headers and that 429 enforces; self-hosted servers have none."""
        self.token_ttl = 2_592_000
        self._window = (0.0, 0)

    # --- what tests and the demo do to it --------------------------------------------------------------------

    def new_token(self) -> str:
        """A further token that works."""
        token = ".".join(secrets.token_urlsafe(size) for size in (24, 60, 32))
        self.tokens.add(token)
        return token

    def revoke_tokens(self) -> None:
        """From now on no token works that was given out."""
        self.tokens.clear()

    def place(self, environment: str = "prod", path: str = "/") -> Place:
        return Place(self.project_id, environment, path)

    def put(self, name: str, value: str, environment: str = "prod", path: str = "/") -> int:
        """Store a new version as a person in the web console would; returns its number."""
        with self.lock:
            self.folders.add(path)
            return self._store(Place(self.project_id, environment, path), name, value).newest

    def value(self, name: str, version: int | None = None, environment: str = "prod", path: str = "/") -> str:
        """What the stand-in holds. Raises ``KeyError`` or ``IndexError`` where it holds nothing."""
        stored = self.secrets[Place(self.project_id, environment, path), name]
        return stored.versions[(version or stored.newest) - 1].value

    def newest(self, name: str, environment: str = "prod", path: str = "/") -> int:
        """The number of the newest version; 0 where there is no such secret."""
        stored = self.secrets.get((Place(self.project_id, environment, path), name))
        return stored.newest if stored else 0

    def add_rotation(
        self, type_: str, mapping: Mapping[str, str], environment: str = "prod", path: str = "/"
    ) -> Rotation:
        """Have a rotation of Infisical's own cover the secrets that ``mapping`` names."""
        rotation = Rotation(str(uuid.uuid4()), f"{type_}-rotation", type_, self.place(environment, path), mapping)
        self.rotations.append(rotation)
        return rotation

    def approve_all(self) -> None:
        """A person approves every proposal."""
        with self.lock:
            for proposal in self.proposals:
                self._store(proposal.place, proposal.name, proposal.value)
            self.proposals.clear()

    # --- what every answer has in common ------------------------------------------------------------------

    def not_found(self, request: Request) -> Response:
        message = f"Route {request.method}:{request.path} not found"
        return Response(404, {"message": message, "error": "Not Found", "statusCode": 404})

    def unreadable(self, _request: Request) -> Response:
        return self._error(500, "Something went wrong", "InternalServerError")

    def headers(self, _request: Request) -> dict[str, str]:
        if self.requests_per_minute is None:
            return {}
        started, used = self._window
        return {
            "x-ratelimit-limit": str(self.requests_per_minute),
            "x-ratelimit-remaining": str(max(0, self.requests_per_minute - used)),
            "x-ratelimit-reset": str(self._rest(started)),
        }

    def limit(self, _request: Request) -> Response | None:
        if self.requests_per_minute is None:
            return None
        started, used = self._window
        if time.monotonic() - started >= 60:
            started, used = time.monotonic(), 0
        self._window = (started, used + 1)
        if used < self.requests_per_minute:
            return None
        refusal = self._error(429, "Rate limit exceeded. Please try again in 1 minute", "RateLimitExceeded")
        refusal.headers["retry-after"] = str(self._rest(started))
        return refusal

    def _rest(self, started: float) -> int:
        return max(1, int(started + 60 - time.monotonic()) + 1)

    def authorize(self, request: Request) -> None:
        is_login = request.path.endswith("/login")
        if request.headers.get("authorization") is None:
            if not is_login:
                raise Reject(self._error(401, "Token missing", "UnauthorizedError"))
            return
        token = request.bearer
        if token in self.tokens:
            return
        if token is None:
            raise Reject(self._error(403, "invalid token", "TokenError"))
        if token.count(".") != 2:
            malformed = (
                "The provided access token is malformed. Please use a valid token or generate a new one and try again."
            )
            raise Reject(self._error(403, malformed, "TokenError"))
        if is_login:
            raise Reject(self._error(403, "Your token has expired. Please re-authenticate.", "TokenError"))
        raise Reject(self._error(401, "No identity access token found", "UnauthorizedError"))

    def _error(self, status: int, message: Any, error: str) -> Response:
        body = {"statusCode": status, "message": message, "error": error}
        return Response(status, body if self.of_2024 else {"reqId": f"req-{uuid.uuid4().hex[:14]}", **body})

    def _invalid(self, where: str, received: str, text: str) -> Reject:
        issue = {"code": "invalid_type", "expected": "string", "received": received, "path": [where], "message": text}
        return Reject(self._error(401 if self.of_2024 else 422, [issue], "ValidationFailure"))

    # --- logins ---------------------------------------------------------------------------------------------

    @route("POST", "/api/v1/auth/universal-auth/login")
    def universal_login(self, request: Request) -> Response:
        body = request.json()
        for wanted in ("clientId", "clientSecret"):
            if wanted not in body:
                raise self._invalid(wanted, "undefined", "Required")
        if body["clientId"] != self.client_id:
            return self._error(404, "No identity with specified client ID was found", "NotFound")
        if body["clientSecret"] != self.client_secret:
            return self._error(401, "Invalid credentials", "UnauthorizedError")
        return self._logged_in()

    @route("POST", "/api/v1/auth/oidc-auth/login")
    def oidc_login(self, request: Request) -> Response:
        body = request.json()
        if body.get("identityId") != self.identity_id:
            return self._error(404, "OIDC auth method not found for identity, did you configure OIDC auth?", "NotFound")
        if body.get("jwt") not in self.oidc_tokens:
            return self._error(403, "Access denied: OIDC subject not allowed.", "ForbiddenError")
        return self._logged_in()

    def _logged_in(self) -> Response:
        answer = {"accessToken": self.new_token(), "expiresIn": self.token_ttl, "accessTokenMaxTTL": self.token_ttl}
        return Response(200, {**answer, "tokenType": "Bearer"})

    @route("POST", "/api/v1/auth/token/revoke")
    def revoke(self, request: Request) -> Response:
        self.tokens.discard(request.json()["accessToken"])
        return Response(200, {"message": "Successfully revoked access token"})

    # --- secrets --------------------------------------------------------------------------------------------

    @route("GET", "/api/v3/secrets/raw")
    @route("GET", "/api/v4/secrets")
    def list_secrets(self, request: Request) -> Response:
        place = self._place(request, request.query)
        self._may_read()
        found = [(key, stored) for key, stored in self.secrets.items() if key[0] == place]
        self._audit("get-secrets", request, place, "", 0)
        shown = [
            {**self._shown(place, name, stored, stored.newest, request.query), "secretPath": place.path, "tags": []}
            for (_, name), stored in found
        ]
        return Response(200, {"secrets": shown, "imports": []})

    @route("GET", "/api/v3/secrets/raw/{name}")
    @route("GET", "/api/v4/secrets/{name}")
    def get_secret(self, request: Request) -> Response:
        place, name = self._place(request, request.query), request.params["name"]
        self._may_read()
        self._folder(place, "GetSecretByName")
        current = self.secrets.get((place, name))
        if current is None:
            return self._missing(name)
        stored, version = self._pick(place, name, current, request.query.get("version"))
        self._audit("get-secret", request, place, name, version)
        return Response(200, {"secret": {**self._shown(place, name, stored, version, request.query), "tags": []}})

    def _pick(self, place: Place, name: str, current: StoredSecret, asked: str | None) -> tuple[StoredSecret, int]:
        """Which secret and version an answer holds. Versions of a deleted namesake are still found by number."""
        if asked is not None and not re.fullmatch(r"-?\d*", asked):
            raise self._invalid("version", "nan", "Expected number, received nan")
        if asked is None or self.of_2024:
            return current, current.newest
        wanted = int(asked or 0)
        for stored in (current, *reversed(self.deleted.get((place, name), []))):
            if 1 <= wanted <= stored.newest:
                return stored, wanted
        raise Reject(self._missing(name))

    @route("POST", "/api/v3/secrets/raw/{name}")
    @route("POST", "/api/v4/secrets/{name}")
    def create_secret(self, request: Request) -> Response:
        body, name = request.json(), request.params["name"]
        place = self._place(request, body)
        self._may_write("create")
        self._folder(place, "CreateSecret")
        if (place, name) in self.secrets:
            return self._error(400, "Secret already exist", "BadRequest")
        return self._write(request, place, name, str(body.get("secretValue", "")), "create-secret")

    @route("PATCH", "/api/v3/secrets/raw/{name}")
    @route("PATCH", "/api/v4/secrets/{name}")
    def update_secret(self, request: Request) -> Response:
        body, name = request.json(), request.params["name"]
        place = self._place(request, body)
        self._may_write("edit")
        if "secretValue" not in body:
            raise self._invalid("secretValue", "undefined", "Required")
        if (place, name) not in self.secrets:
            return self._error(404, f"Secret with name {name} not found", "NotFound")
        return self._write(request, place, name, body["secretValue"], "update-secret")

    @route("DELETE", "/api/v3/secrets/raw/{name}")
    @route("DELETE", "/api/v4/secrets/{name}")
    def delete_secret(self, request: Request) -> Response:
        body, name = request.json(), request.params["name"]
        place = self._place(request, body)
        self._may_write("delete")
        stored = self.secrets.pop((place, name), None)
        if stored is None:
            return self._error(404, f"Secret with name '{name}' not found", "DeleteSecret")
        self.deleted.setdefault((place, name), []).append(stored)
        return Response(200, {"secret": self._shown(place, name, stored, stored.newest, {})})

    def _write(self, request: Request, place: Place, name: str, value: str, event: str) -> Response:
        if self.requires_approval:
            proposal = _Proposal(str(uuid.uuid4()), place, name, value)
            self.proposals.append(proposal)
            return Response(200, {"approval": self._approval(proposal)})
        stored = self._store(place, name, value)
        self._audit(event, request, place, name, stored.newest)
        return Response(200, {"secret": self._shown(place, name, stored, stored.newest, {})})

    def _approval(self, proposal: _Proposal) -> dict[str, Any]:
        now = to_milliseconds(self.clock())
        return {
            "id": proposal.id,
            "policyId": str(uuid.uuid4()),
            "hasMerged": False,
            "status": "open",
            "conflicts": None,
            "slug": f"request-{proposal.id[:8]}",
            "folderId": str(uuid.uuid4()),
            "createdAt": now,
            "updatedAt": now,
        }

    def _store(self, place: Place, name: str, value: str) -> StoredSecret:
        """Values are trimmed; one line break at the end is kept. Every write is a version, equal or not."""
        kept = value.strip() + ("\n" if value.endswith("\n") else "")
        stored = self.secrets.setdefault((place, name), StoredSecret(str(uuid.uuid4()), []))
        stored.versions.append(StoredVersion(kept, self.clock()))
        return stored

    def _shown(
        self, place: Place, name: str, stored: StoredSecret, version: int, query: Mapping[str, str]
    ) -> dict[str, Any]:
        one = stored.versions[version - 1]
        value = self._expanded(place, one.value) if query.get("expandSecretReferences") == "true" else one.value
        hidden = query.get("viewSecretValue") == "false"
        return {
            "id": stored.id,
            "_id": stored.id,
            "workspace": place.project,
            "environment": place.environment,
            "version": version,
            "type": "shared",
            "secretKey": name,
            "secretValue": "<hidden-by-infisical>" if hidden else value,
            "secretComment": "",
            "secretReminderNote": None,
            "secretReminderRepeatDays": None,
            "skipMultilineEncoding": False,
            "metadata": None,
            "createdAt": to_milliseconds(stored.versions[0].at),
            "updatedAt": to_milliseconds(one.at),
            **({} if self.of_2024 else {"secretValueHidden": hidden, "secretPath": place.path}),
        }

    def _expanded(self, place: Place, value: str) -> str:
        def referenced(found: re.Match[str]) -> str:
            stored = self.secrets.get((place, found[1]))
            return stored.versions[-1].value if stored else found[0]

        return _REFERENCE.sub(referenced, value)

    def _place(self, request: Request, given: Mapping[str, Any]) -> Place:
        if "/v4/" in request.path and self.of_2024:
            raise Reject(self.not_found(request))
        project = given.get("projectId" if "/v4/" in request.path else "workspaceId")
        if not project:
            raise Reject(self._error(400, "You must provide workspaceSlug or workspaceId", "BadRequest"))
        if not given.get("environment"):
            raise Reject(self._error(400, "Missing environment", "BadRequest"))
        if project != self.project_id:
            message = f"Project with ID '{project}' not found during bot lookup."
            raise Reject(self._error(404, message, "NotFound"))
        return Place(project, given["environment"], given.get("secretPath") or "/")

    def _folder(self, place: Place, error: str) -> None:
        if place.environment not in self.environments or place.path not in self.folders:
            message = f"Folder with path '{place.path}' in environment with slug '{place.environment}' not found"
            raise Reject(self._error(404, message, error))

    def _missing(self, name: str) -> Response:
        return self._error(404, f"Secret with name '{name}' not found", "NotFound")

    def _may_read(self) -> None:
        if self.no_access:
            raise Reject(self._error(403, "You are not allowed to read on secrets", "PermissionDenied"))

    def _may_write(self, action: str) -> None:
        if self.no_access or self.read_only:
            raise Reject(self._error(403, f"You are not allowed to {action} on secrets", "PermissionDenied"))

    # --- rotations ------------------------------------------------------------------------------------------

    @route("GET", "/api/v2/secret-rotations")
    def list_rotations(self, request: Request) -> Response:
        if "projectId" not in request.query:
            raise self._invalid("projectId", "undefined", "Required")
        mine = [one for one in self.rotations if one.place.project == request.query["projectId"]]
        return Response(200, {"secretRotations": [self._shown_rotation(one) for one in mine]})

    @route("POST", "/api/v2/secret-rotations/{type}/{id}/rotate-secrets")
    def rotate_secrets(self, request: Request) -> Response:
        for rotation in self.rotations:
            if rotation.id == request.params["id"] and rotation.type == request.params["type"]:
                for name in rotation.mapping.values():
                    self._store(rotation.place, name, secrets.token_urlsafe(32))
                return Response(200, {"secretRotation": self._shown_rotation(rotation)})
        return self._error(404, f"Could not find Secret Rotation with ID {request.params['id']}", "NotFound")

    def _shown_rotation(self, rotation: Rotation) -> dict[str, Any]:
        now = to_milliseconds(self.clock())
        slug = rotation.place.environment
        return {
            "id": rotation.id,
            "name": rotation.name,
            "type": rotation.type,
            "description": None,
            "secretsMapping": dict(rotation.mapping),
            "parameters": {},
            "isAutoRotationEnabled": False,
            "activeIndex": 0,
            "folderId": rotation.id,
            "connectionId": rotation.id,
            "connection": {"app": rotation.type.partition("-")[0], "name": "connection", "id": rotation.id},
            "environment": {"slug": slug, "name": slug.title(), "id": rotation.id},
            "projectId": rotation.place.project,
            "folder": {"id": rotation.id, "path": rotation.place.path},
            "rotateAtUtc": {"hours": 0, "minutes": 0},
            "rotationInterval": 30,
            "rotationStatus": "success",
            "lastRotationAttemptedAt": now,
            "lastRotatedAt": now,
            "createdAt": now,
            "updatedAt": now,
            "isLastRotationManual": True,
        }

    # --- audit log ------------------------------------------------------------------------------------------

    @route("GET", "/api/v1/organization/audit-logs")
    def audit_log(self, request: Request) -> Response:
        if self.audit_logs is AuditLogs.FORBIDDEN:
            return self._error(403, "You are not allowed to read on audit-logs", "PermissionDenied")
        if self.audit_logs is AuditLogs.EMPTY:
            return Response(200, {"auditLogs": []})
        start, length = int(request.query.get("offset", 0)), int(request.query.get("limit", 20))
        found = [entry for entry in reversed(self.audit_entries) if self._asked_for(entry, request.query)]
        return Response(200, {"auditLogs": found[start : start + length]})

    def _asked_for(self, entry: Mapping[str, Any], query: Mapping[str, str]) -> bool:
        metadata, at = entry["event"]["metadata"], from_text(entry["createdAt"])
        wanted = (
            query.get("projectId", entry["projectId"]) == entry["projectId"],
            entry["event"]["type"] in query.get("eventType", entry["event"]["type"]).split(","),
            query.get("secretKey", metadata["secretKey"]) == metadata["secretKey"],
            query.get("environment", metadata["environment"]) == metadata["environment"],
            query.get("secretPath", metadata["secretPath"]) == metadata["secretPath"],
            "startDate" not in query or from_text(query["startDate"]) <= at,
            "endDate" not in query or at <= from_text(query["endDate"]),
        )
        return all(wanted)

    def _audit(self, event: str, request: Request, place: Place, name: str, version: int) -> None:
        now = to_milliseconds(self.clock())
        self.audit_entries.append(
            {
                "id": str(uuid.uuid4()),
                "ipAddress": "127.0.0.1",
                "userAgent": request.headers.get("user-agent", ""),
                "userAgentType": "other",
                "createdAt": now,
                "updatedAt": now,
                "expiresAt": None,
                "orgId": self.identity_id,
                "projectId": place.project,
                "event": {
                    "type": event,
                    "metadata": {
                        "environment": place.environment,
                        "secretPath": place.path,
                        "secretKey": name,
                        "secretVersion": version,
                    },
                },
                "actor": {"type": "identity", "metadata": {"identityId": self.identity_id, "name": "ci"}},
            }
        )
