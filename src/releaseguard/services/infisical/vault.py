"""Infisical, through the official SDK's description of its API and our own client's way of sending.

``infisical_sdk`` knows paths, parameters and bodies. Its transport repeats writes, has no time limit and keeps
answers for a minute whatever version was asked for, so it is replaced (``docs/adr/0001``). What the SDK has no
word for (rotations, the audit log, servers that only have v4) is asked for directly.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Final, Protocol

from releaseguard.errors import AccessDenied, Failed, NotFound, NotInstalled, ServiceError, Undecided, Unreachable
from releaseguard.http import Limits, Reply, ServiceClient, member, quoted
from releaseguard.secret import Secret, without_keys
from releaseguard.tomlfile import nearest
from releaseguard.vault.interface import AccessRecord, ApprovalPending, SecretVersion, Vault
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

ROTATION_LOOKS: Final = 30
ROTATION_PAUSE: Final = 2.0
"""Seconds between looks for the version that a rotation makes."""
AUDIT_PAGE: Final = 100
AUDIT_PAGES: Final = 20
_READS: Final = frozenset({"get-secret", "get-secrets", "dashboard-get-secret-value", "dashboard-list-secrets"})
_CHANGES: Final = frozenset({"create-secret", "update-secret", "delete-secret"})
_OF_ALL: Final = frozenset({"get-secrets", "dashboard-list-secrets"})
"""Events that read every secret of a folder at once."""


def limits_of(url: str) -> Limits:
    """The published limits of the server at ``url``: the cloud's; a server of one's own has none."""
    host = split(url).host
    return CLOUD_LIMITS if host == "infisical.com" or host.endswith(".infisical.com") else Limits()


class _Requests(InfisicalRequests):  # type: ignore[misc]  # the SDK has no types
    """The SDK's four verbs over a ``ServiceClient``: its limits and time limits, no blind repeats, no cache.

    The SDK's models (``model=``) are left out: they take a field that a newer server adds or drops for an error.
    """

    def __init__(self, client: ServiceClient, token: Callable[[], Secret] | None = None) -> None:
        self._client = client  # the SDK's own constructor would open a session that nobody closes
        self._token = token

    def get(self, path: str, params: Mapping[str, Any] | None = None, **_: Any) -> SimpleNamespace:
        return self._answer("GET", path, params=params)

    def post(self, path: str, json: Mapping[str, Any] | None = None, **_: Any) -> SimpleNamespace:
        return self._answer("POST", path, json=json)

    def patch(self, path: str, json: Mapping[str, Any] | None = None, **_: Any) -> SimpleNamespace:
        return self._answer("PATCH", path, json=json)

    def delete(self, path: str, json: Mapping[str, Any] | None = None, **_: Any) -> SimpleNamespace:
        return self._answer("DELETE", path, json=json)

    def _answer(
        self, method: str, path: str, *, params: Mapping[str, Any] | None = None, json: Mapping[str, Any] | None = None
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
        return _NoRoute if _is_missing_route(document) else NotFound
    error = document.get("error")
    if error == "ValidationFailure":
        return ServiceError  # servers of 2024 say 401 where they mean 422
    if status == 401 or error == "TokenError":
        return _TokenRefused
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
    if kind is _NoRoute:
        return "Check that [infisical] url is an Infisical server, and update it if it is old."
    return None


class _NoRoute(NotFound):
    """The server does not have this part of the API."""


class _TokenRefused(AccessDenied):
    """The token is expired, revoked or malformed; a new login may help."""


class Identity(Protocol):
    """How a token is had. ``renews`` says whether asking again can give another one."""

    renews: bool

    def login(self) -> Secret:
        """A token. Raises ``ServiceError`` or one of its kinds."""


class PlainToken:
    """``INFISICAL_TOKEN``."""

    renews = False

    def __init__(self, token: Secret) -> None:
        self._token = token

    def login(self) -> Secret:
        return self._token


class UniversalAuth:
    """A client id and secret. ``client`` must send no credentials: a stale token makes the login fail."""

    renews = True

    def __init__(self, client: ServiceClient, client_id: str, client_secret: Secret) -> None:
        self._client = client
        self._client_id = client_id
        self._client_secret = client_secret

    def login(self) -> Secret:
        return _logged_in(self._client, lambda auth: auth.universal_auth.login(self._client_id, self._client_secret))


class OidcAuth:
    """A workload's own token (GitHub Actions') exchanged for Infisical's. ``client`` must send no credentials."""

    renews = True

    def __init__(self, client: ServiceClient, identity_id: str, id_token: Callable[[], Secret]) -> None:
        self._client = client
        self._identity_id = identity_id
        self._id_token = id_token

    def login(self) -> Secret:
        token = self._id_token()
        return _logged_in(self._client, lambda auth: auth.oidc_auth.login(self._identity_id, token))


def _logged_in(client: ServiceClient, login: Callable[[Any], object]) -> Secret:
    got: list[Secret] = []
    try:
        login(Auth(_Requests(client), lambda token: got.append(Secret(token))))
    except NotFound as error:
        raise AccessDenied(
            error.what,
            where=error.where,
            next_step="Check INFISICAL_CLIENT_ID or INFISICAL_IDENTITY_ID, and [infisical] url.",
            status=error.status,
        ) from None
    return got[0]


class InfisicalSession:
    """The token that requests carry; had when it is first needed, and once more where it is refused."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._lock = threading.Lock()
        self._token: Secret | None = None

    def headers(self) -> Mapping[str, str | Secret]:
        """For the ``ServiceClient`` of the vault."""
        return {"authorization": Secret(f"Bearer {self.token().reveal()}")}

    def token(self) -> Secret:
        with self._lock:
            if self._token is None:
                self._token = self._identity.login()
            return self._token

    def renew(self, refused: Secret) -> bool:
        """Drop a token that was refused; whether another try can succeed. One of many threads logs in."""
        with self._lock:
            if self._token is refused:
                self._token = None
            return self._identity.renews


class _V4Secrets:
    """The current API, which the SDK does not speak yet; the same three calls, in the SDK's words."""

    def __init__(self, requests: _Requests) -> None:
        self._requests = requests

    def list_secrets(self, environment_slug: str, secret_path: str, project_id: str, **_: Any) -> Any:
        params = {**_v4_place(environment_slug, secret_path, project_id), "viewSecretValue": "false"}
        return self._requests.get("/api/v4/secrets", params | {"includeImports": "false"}).data

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


def _v4_place(environment: str, path: str, project: str) -> dict[str, Any]:
    return {"projectId": project, "environment": environment, "secretPath": path}


def _v4_body(given: Mapping[str, Any]) -> dict[str, Any]:
    place = _v4_place(given["environment_slug"], given["secret_path"], given["project_id"])
    return {**place, "secretValue": given["secret_value"], "type": "shared"}


class InfisicalVault(Vault):
    """The secrets of one project, environment and path.

    ``client`` sends ``session.headers``. ``sleep`` waits between looks for a rotation's new version.
    """

    def __init__(
        self,
        client: ServiceClient,
        session: InfisicalSession,
        *,
        project_id: str,
        environment: str,
        path: str = "/",
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.label = f"{client.host}, project {project_id}, environment {environment}, path {path}"
        self._session = session
        self._requests = _Requests(client, session.token)
        self._apis = [V3RawSecrets(self._requests, SecretsCache(None)), _V4Secrets(self._requests)]
        self.environment = environment
        self._project, self._path = project_id, path
        self._place = {"project_id": project_id, "environment_slug": environment, "secret_path": path}
        self._sleep = sleep

    def read(self, name: str, version: int | None = None) -> SecretVersion:
        """As the interface says; a server that answers with another version than the asked one has none."""
        try:
            found = self._secrets(
                lambda api: api.get_secret_by_name(quoted(name), **self._place, include_imports=False, version=version)
            )
        except _NoRoute:
            raise
        except NotFound as error:
            raise self._missing(name, version, error) from None
        secret = self._version(name, found)
        if version is not None and secret.version != version:
            raise NotFound(
                f"version {version} of {name} cannot be had: the server answers with version {secret.version}",
                where=self.label,
                next_step="Servers of 2024 return the newest version whatever is asked for: update the server.",
            )
        return secret

    def write(self, name: str, value: Secret) -> SecretVersion:
        try:
            found = self._secrets(lambda api: self._put(api, name, value))
        except (AccessDenied, NotFound):
            raise
        except ServiceError as error:
            return self._arrived(name, value, error)
        return self._version(name, found, written=value)

    def names(self) -> Sequence[str]:
        listed = self._secrets(
            lambda api: api.list_secrets(**self._place, include_imports=False, view_secret_value=False)
        )
        return sorted({name for name, kind in map(_name_and_type, listed.secrets) if kind != "personal"})

    def trigger_rotation(self, name: str) -> SecretVersion:
        """Has Infisical make a new version and waits for it. Raises ``Undecided`` where none comes."""
        rotation, before = self._rotation_of(name), self.read(name)
        path = f"/api/v2/secret-rotations/{quoted(str(rotation['type']))}/{quoted(str(rotation['id']))}/rotate-secrets"
        answer = self._authorized(lambda: self._requests.post(path, {}).data)
        self._refuse_failed_rotation(name, answer.get("secretRotation", {}))
        for _ in range(ROTATION_LOOKS):
            now = self.read(name)
            if (now.secret_id, now.version) != (before.secret_id, before.version):
                return now
            self._sleep(ROTATION_PAUSE)
        raise Undecided(
            f"Infisical took the request to rotate {name}, but has made no version after {before.version} yet",
            where=self.label,
            next_step="Look at the rotation in Infisical, then run this with --resume and --from infisical.",
        )

    def accesses(self, name: str, since: datetime) -> Sequence[AccessRecord] | None:
        entries: list[Mapping[str, Any]] = []
        try:
            for page in self._audit_pages(since):
                entries += page
        except (AccessDenied, NotFound):
            return None
        if not entries:
            return None  # without a paid plan the log is empty, and our own reads would be in one that is kept
        found = (self._access(name, entry) for entry in entries)
        return sorted((access for access in found if access is not None), key=lambda access: access.at)

    def _secrets(self, call: Callable[[Any], Any]) -> Any:
        """``call`` on the API that the server has: v3, which the SDK speaks, else v4."""
        try:
            return self._authorized(lambda: call(self._apis[0]))
        except _NoRoute:
            if len(self._apis) == 1:
                raise
            self._apis = self._apis[1:]
        return self._authorized(lambda: call(self._apis[0]))

    def _authorized(self, call: Callable[[], Any]) -> Any:
        """``call``, and once more with a new token where the first was refused (nothing was done then)."""
        token = self._session.token()
        try:
            return call()
        except _TokenRefused:
            if not self._session.renew(token):
                raise
        return call()

    def _put(self, api: Any, name: str, value: Secret) -> Any:
        """The next version; the first where there is none. What else the secret has stays as it is."""
        given = {**self._place, "secret_value": value, "skip_multiline_encoding": None}
        try:
            return api.update_secret_by_name(quoted(name), **given)
        except _NoRoute:
            raise
        except NotFound:
            return api.create_secret_by_name(secret_name=quoted(name), **given)

    def _arrived(self, name: str, value: Secret, error: ServiceError) -> SecretVersion:
        """After a write whose answer was lost: the newest version if it is ours. Repeating would make another."""
        if not isinstance(error, Unreachable) and (error.status or 0) < 500:
            raise error
        try:
            newest = self.read(name)
        except NotFound:
            raise error from None
        if newest.value.same_as(value) or newest.value.same_as(_as_stored(value)):
            return newest
        raise error

    def _version(self, name: str, found: Any, written: Secret | None = None) -> SecretVersion:
        if not isinstance(found, Mapping) or not isinstance(found.get("version"), int):
            raise ServiceError(f"the answer about {name} holds no version", where=self.label)
        hidden = bool(found.get("secretValueHidden"))
        if hidden and written is None:
            raise AccessDenied(
                f"the identity may see that {name} exists, but not its value",
                where=self.label,
                next_step="Give the identity's role the permission to read values (Read Value) on this path.",
            )
        value = written if hidden and written is not None else Secret(str(found.get("secretValue", "")))
        return SecretVersion(
            name=name,
            version=int(found["version"]),
            value=value,
            secret_id=str(found.get("id") or found.get("_id") or ""),
            updated_at=_moment(found.get("updatedAt")),
        )

    def _missing(self, name: str, version: int | None, error: NotFound) -> NotFound:
        """What is there instead. A listing of an unknown environment or path is empty and no error."""
        try:
            there = self.names()
        except ServiceError:
            there = []
        if name in there and version is not None:
            what, step = f"{name} has no version {version}", "Ask for a version that Infisical's history shows."
        elif there:
            close = nearest(name, there)
            hint = f" Did you mean {close}?" if close else ""
            what, step = f"there is no secret {name}", f"Create it there.{hint}"
        else:
            what = f"there is no secret {name}, nor any other"
            step = "Check [infisical] project_id, environment (its slug) and path."
        return NotFound(f"{what} ({error.what})", where=self.label, next_step=step, status=404)

    def _rotation_of(self, name: str) -> Mapping[str, Any]:
        listed = self._authorized(
            lambda: self._requests.get("/api/v2/secret-rotations", {"projectId": self._project}).data
        )
        for rotation in listed.get("secretRotations", []):
            if self._covers(rotation, name):
                found: Mapping[str, Any] = rotation
                return found
        raise NotFound(
            f"none of Infisical's rotations covers {name}",
            where=self.label,
            next_step="Set one up there (not every provider has one), or rotate with --from infisical or stdin.",
        )

    def _covers(self, rotation: Mapping[str, Any], name: str) -> bool:
        here = (rotation.get("environment") or {}).get("slug") == self.environment
        folder = (rotation.get("folder") or {}).get("path", "/")
        return here and folder == self._path and name in (rotation.get("secretsMapping") or {}).values()

    def _refuse_failed_rotation(self, name: str, rotation: Mapping[str, Any]) -> None:
        if rotation.get("rotationStatus") == "failed":
            raise Failed(
                f"Infisical's rotation of {name} failed",
                where=self.label,
                next_step="Its reason stands at the rotation in Infisical; nothing has been pushed.",
            )

    def _audit_pages(self, since: datetime) -> Iterator[Sequence[Mapping[str, Any]]]:
        params = {
            "projectId": self._project,
            "environment": self.environment,
            "eventType": ",".join(sorted(_READS | _CHANGES)),
            "startDate": since.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "limit": AUDIT_PAGE,
        }
        for number in range(AUDIT_PAGES):
            page = self._audit_page({**params, "offset": number * AUDIT_PAGE})
            yield page
            if len(page) < AUDIT_PAGE:
                return

    def _audit_page(self, params: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        found = self._authorized(lambda: self._requests.get("/api/v1/organization/audit-logs", params).data)
        return list(found.auditLogs)

    def _access(self, name: str, entry: Mapping[str, Any]) -> AccessRecord | None:
        event = entry.get("event") or {}
        about, action, at = event.get("metadata") or {}, str(event.get("type")), _moment(entry.get("createdAt"))
        names_it = about.get("secretKey") == name or action in _OF_ALL
        elsewhere = about.get("environment", self.environment) != self.environment or (
            about.get("secretPath", self._path) != self._path
        )
        if at is None or not names_it or elsewhere or action not in _READS | _CHANGES:
            return None
        return AccessRecord(at=at, actor=_actor(entry.get("actor") or {}), action=action, secret_name=name)


def _as_stored(value: Secret) -> Secret:
    """Infisical trims values and keeps one line break at the end."""
    text = value.reveal()
    return Secret(text.strip() + ("\n" if text.endswith("\n") else ""))


def _actor(actor: Mapping[str, Any]) -> str:
    about = actor.get("metadata") or {}
    known = next((str(about[key]) for key in ("email", "name", "identityId", "userId") if about.get(key)), "")
    return f"{actor.get('type', 'unknown')} {known}".strip()


def _moment(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _name_and_type(secret: Any) -> tuple[str, Any]:
    """Raises ``ServiceError`` where a listing holds something that is no secret."""
    return str(member(secret, "secretKey")), secret.get("type")
