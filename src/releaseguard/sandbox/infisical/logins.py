"""Logins at Infisical, its limits, and the shapes of its errors."""

from __future__ import annotations

import secrets
import uuid
from typing import Any, ClassVar

from releaseguard.model import utc_now
from releaseguard.sandbox.infisical.values import (
    AuditEntry,
    AuditLogs,
    Folder,
    InfisicalRotation,
    Proposal,
    StoredSecret,
)
from releaseguard.sandbox.serving.exchange import Clock, Reject, Request, Response
from releaseguard.sandbox.serving.stand_in import StandIn, route


class InfisicalLogins(StandIn):
    """Who may ask; limits, and what every answer and error has in common."""

    name: ClassVar[str] = "infisical"

    def __init__(self, clock: Clock = utc_now, environments: tuple[str, ...] = ("dev", "staging", "prod")) -> None:
        super().__init__(clock)
        self.project_id = str(uuid.uuid4())
        self.environments = environments
        self.folders = {"/"}
        self.imports: list[tuple[str, str, str]] = []
        """What the folders take in from elsewhere: its environment, path and name."""
        self.client_id = str(uuid.uuid4())
        self.client_secret = secrets.token_hex(32)
        self.identity_id = str(uuid.uuid4())
        self.oidc_tokens: set[str] = set()
        """JSON Web Tokens that the identity's OIDC login accepts."""
        self.tokens: set[str] = set()
        self.token = self.new_token()
        """A token that works, for ``INFISICAL_TOKEN``."""
        self.secrets: dict[tuple[Folder, str], StoredSecret] = {}
        self.deleted: dict[tuple[Folder, str], list[StoredSecret]] = {}
        self.rotations: list[InfisicalRotation] = []
        self.of_2024 = False
        """Ignore ``version``, have no v4, answer validation errors with 401: a server of October 2024."""
        self.requires_approval = False
        self.proposals: list[Proposal] = []
        self.audit_logs = AuditLogs.EMPTY
        self.audit_entries: list[AuditEntry] = []
        self.read_only = False
        """The identity may read and not write."""
        self.no_access = False
        """The identity's role has no permission on secrets."""
        self.requests_per_minute: int | None = None
        """The limit that answers carry in headers and that 429 enforces; self-hosted servers have none."""
        self.token_ttl = 2_592_000
        self._window = (0.0, 0)

    def new_token(self) -> str:
        """A further token that works."""
        token = ".".join(secrets.token_urlsafe(size) for size in (24, 60, 32))
        self.tokens.add(token)
        return token

    def revoke_tokens(self) -> None:
        """From now on no token works that was given out."""
        self.tokens.clear()

    def place(self, environment: str = "prod", path: str = "/") -> Folder:
        return Folder(self.project_id, environment, path)

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
        if self.elapsed() - started >= 60:
            started, used = self.elapsed(), 0
        self._window = (started, used + 1)
        if used < self.requests_per_minute:
            return None
        refusal = self._error(429, "Rate limit exceeded. Please try again in 1 minute", "RateLimitExceeded")
        refusal.headers["retry-after"] = str(self._rest(started))
        return refusal

    def _rest(self, started: float) -> int:
        return max(1, int(started + 60 - self.elapsed()) + 1)

    def authorize(self, request: Request) -> None:
        """Raise ``Reject`` with Infisical's own answer for a token that is missing, malformed, unknown or run out."""
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
