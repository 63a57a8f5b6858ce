"""Infisical's API: the official SDK's description of it, and our own client's way of sending.

``infisical_sdk`` knows paths, parameters and bodies. Its transport repeats writes, has no time limit and keeps
answers for a minute whatever version was asked for, so it is replaced (``docs/adr/0001``). What the SDK has no
word for (servers that only have v4) is said here in its words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, Final

from releaseguard.errors import AccessDenied, NotFound, NotInstalled, ServiceError
from releaseguard.http import Limits, Reply, ServiceClient, member
from releaseguard.http.paging import Parameters
from releaseguard.secret import Secret, without_keys
from releaseguard.vault.interface import ApprovalPending
from releaseguard_events.places.urls import split

try:
    from infisical_sdk.infisical_requests import InfisicalRequests
    from infisical_sdk.resources.auth import Auth
    from infisical_sdk.resources.secrets import V3RawSecrets
    from infisical_sdk.util import SecretsCache
except ImportError:
    raise NotInstalled("Reading secrets at Infisical", "infisical") from None

CLOUD_LIMITS: Final = Limits(concurrency=10, per_minute=120, writes_per_minute=90)
"""The cloud's limits for one address."""


def limits_of(url: str) -> Limits:
    """The published limits of the server at ``url``: the cloud's; a server of one's own has none."""
    host = split(url).host
    return CLOUD_LIMITS if host == "infisical.com" or host.endswith(".infisical.com") else Limits()


class Requests(InfisicalRequests):  # type: ignore[misc]  # the SDK has no types
    """The SDK's four verbs over a ``ServiceClient``: its limits and time limits, no blind repeats, no cache.

    The SDK's models (``model=``) are left out: they take a field that a newer server adds or drops for an error.
    """

    def __init__(self, client: ServiceClient, token: Callable[[], Secret] | None = None) -> None:
        self._client = client  # the SDK's own constructor would open a session that nobody closes
        self._token = token

    def get(self, path: str, params: Parameters | None = None, **_: Any) -> SimpleNamespace:
        return self._answer("GET", path, params=params)

    def post(self, path: str, json: Mapping[str, Any] | None = None, **_: Any) -> SimpleNamespace:
        return self._answer("POST", path, json=json)

    def patch(self, path: str, json: Mapping[str, Any] | None = None, **_: Any) -> SimpleNamespace:
        return self._answer("PATCH", path, json=json)

    def delete(self, path: str, json: Mapping[str, Any] | None = None, **_: Any) -> SimpleNamespace:
        return self._answer("DELETE", path, json=json)

    def _answer(
        self, method: str, path: str, *, params: Parameters | None = None, json: Mapping[str, Any] | None = None
    ) -> SimpleNamespace:
        body = None if json is None else {key: value for key, value in json.items() if value is not None}
        reply = self._client.request(method, path, params=params, json=body, allow=(401, 403, 404, 422))
        document = _document(reply, self._confidential(json))
        if "approval" in document and "secret" not in document:
            raise ApprovalPending(
                "a policy of the project turned the write into a proposal",
                where=self._client.host,
                next_step="Have it approved in Infisical, then run the rotation with --resume.",
            )
        return SimpleNamespace(data=_Answer(reply.where, document))

    def _confidential(self, json: Mapping[str, Any] | None) -> Sequence[Secret]:
        sent = [value for value in (json or {}).values() if isinstance(value, Secret)]
        return [*sent, self._token()] if self._token else sent


class _Answer:
    """An answer's members as attributes, as the SDK reads them; an absent one is the service's fault, not ours."""

    def __init__(self, where: str, document: Mapping[str, Any]) -> None:
        self._where = where
        self._document = document

    def __getattr__(self, name: str) -> Any:
        return member(self._document, name, self._where)

    def get(self, name: str, absent: Any) -> Any:
        return self._document.get(name, absent)


def _document(reply: Reply, confidential: Sequence[Secret]) -> Mapping[str, Any]:
    """The answer as an object. Raises what its status means, in the server's own words where they are plain."""
    document = reply.json()
    if not isinstance(document, dict):
        raise ServiceError("the answer is not an object", where=reply.where, status=reply.status)
    if reply.status < 400:
        return document
    kind = _kind(reply.status, document)
    words = _words(document, reply.status)
    if any(secret.shows_in(words) for secret in confidential):
        words = f"Infisical answered {reply.status} (its message holds a secret and is not shown)"
    raise kind(words, where=reply.where, next_step=_next_step(kind), status=reply.status)


def _kind(status: int, document: Mapping[str, Any]) -> type[ServiceError]:
    if status == 404:
        return NoRoute if _is_missing_route(document) else NotFound
    error = document.get("error")
    if error == "ValidationFailure":
        return ServiceError  # servers of 2024 say 401 where they mean 422
    if status == 401 or error == "TokenError":
        return TokenRefused
    return AccessDenied if status == 403 else ServiceError


def _words(document: Mapping[str, Any], status: int) -> str:
    """The server's message; of a validation error, which fields it names (its values are left out)."""
    message = document.get("message")
    if isinstance(message, list):
        fields = {".".join(map(str, issue.get("path", ()))) for issue in message if isinstance(issue, dict)}
        return f"Infisical does not accept the request ({status}): {', '.join(sorted(fields)) or 'no field named'}"
    if isinstance(message, str) and len(message) <= 200 and message.isprintable():
        return f"Infisical answered {status}: {without_keys(message)}"
    return f"Infisical answered {status}"


def _is_missing_route(document: Mapping[str, Any]) -> bool:
    """A path that the server does not have, as against a secret, folder, environment or project."""
    message = document.get("message")
    if not isinstance(message, str) or message.lower() in ("", "not found"):
        return True  # what stands before the server (a proxy, a gateway) says no more than this
    return message.startswith("Route ") and message.endswith(" not found")


def _next_step(kind: type[ServiceError]) -> str | None:
    if issubclass(kind, AccessDenied):
        return (
            "Check INFISICAL_TOKEN, or INFISICAL_CLIENT_ID and INFISICAL_CLIENT_SECRET, or the identity's OIDC "
            "settings, and that the identity is a member of the project with a role that may do this."
        )
    if kind is NoRoute:
        return "Check that [infisical] url is an Infisical server, and update it if it is old."
    return None


class NoRoute(NotFound):
    """The server does not have this part of the API."""


class TokenRefused(AccessDenied):
    """The token is expired, revoked or malformed; a new login may help."""


class _V4Secrets:
    """The current API, which the SDK does not speak yet; the same three calls, in the SDK's words."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    def list_secrets(self, environment_slug: str, secret_path: str, project_id: str, **given: Any) -> Any:
        asked = {theirs: given[ours] for ours, theirs in _V4_LISTED.items() if ours in given}
        options = {name: str(value).lower() for name, value in asked.items()}
        return self._requests.get(
            "/api/v4/secrets", {**_v4_place(environment_slug, secret_path, project_id), **options}
        ).data

    def get_secret_by_name(
        self, secret_name: str, environment_slug: str, secret_path: str, project_id: str, version: Any, **_: Any
    ) -> Any:
        asked = {**_v4_place(environment_slug, secret_path, project_id), "version": version}
        options = {"viewSecretValue": "true", "expandSecretReferences": "true", "includeImports": "false"}
        return self._requests.get(f"/api/v4/secrets/{secret_name}", asked | options).data.secret

    def create_secret_by_name(self, secret_name: str, **given: Any) -> Any:
        return self._requests.post(f"/api/v4/secrets/{secret_name}", _v4_body(given)).data.secret

    def update_secret_by_name(self, current_secret_name: str, **given: Any) -> Any:
        return self._requests.patch(f"/api/v4/secrets/{current_secret_name}", _v4_body(given)).data.secret


_V4_LISTED: Final = {
    "view_secret_value": "viewSecretValue",
    "include_imports": "includeImports",
    "recursive": "recursive",
    "expand_secret_references": "expandSecretReferences",
}
"""What a list may be asked for: the SDK's words and v4's."""


def _v4_place(environment: str, path: str, project: str) -> dict[str, str]:
    return {"projectId": project, "environment": environment, "secretPath": path}


def _v4_body(given: Mapping[str, Any]) -> dict[str, str]:
    place = _v4_place(given["environment_slug"], given["secret_path"], given["project_id"])
    return {**place, "secretValue": given["secret_value"], "type": "shared"}


def login_of(client: ServiceClient, keep: Callable[[str], object]) -> Any:
    """The SDK's ways to sign in; a token that one of them gets is given to ``keep``."""
    return Auth(Requests(client), keep)


def secrets_of(requests: Requests) -> Sequence[Any]:
    """The calls about secrets, once for each version of the API: v3, which the SDK speaks, and v4."""
    return [V3RawSecrets(requests, SecretsCache(None)), _V4Secrets(requests)]
