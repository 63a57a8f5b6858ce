"""The secrets of one project, environment and path of Infisical, its rotations and its audit log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, cast

from releaseguard.errors import AccessDenied, Failed, NotFound, ServiceError, Undecided, Unreachable
from releaseguard.http import ServiceClient, member, quoted
from releaseguard.http.paging import Parameters
from releaseguard.secret import Secret
from releaseguard.services.infisical.answers import (
    AuditedActor,
    AuditEntryFound,
    ProjectFound,
    RotationFound,
    SecretsListed,
)
from releaseguard.services.infisical.api import NoRoute, Requests, TokenRefused, secrets_of
from releaseguard.services.infisical.copies import InfisicalCopies
from releaseguard.services.infisical.logins import InfisicalSession
from releaseguard.tomlfile import nearest
from releaseguard.vault.interface import AccessRecord, SecretVersion, Vault, VaultSearch

ROTATION_LOOKS: Final = 30
ROTATION_PAUSE: Final = 2.0
"""Seconds between looks for the version that a rotation makes."""
AUDIT_PAGE: Final = 100
AUDIT_PAGES: Final = 20
_READS: Final = frozenset({"get-secret", "get-secrets", "dashboard-get-secret-value", "dashboard-list-secrets"})
_CHANGES: Final = frozenset({"create-secret", "update-secret", "delete-secret"})
_OF_ALL: Final = frozenset({"get-secrets", "dashboard-list-secrets"})
"""Events that read every secret of a folder at once."""


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
        path = as_path(path)
        self.label = f"{client.host}, project {project_id}, environment {environment}, path {path}"
        self._session = session
        self._requests = Requests(client, session.token)
        self._apis = secrets_of(self._requests)
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
        except NoRoute:
            raise
        except NotFound as error:
            raise self._missing(name, version, error) from None
        secret = self._version(name, found)
        # A server of 2024 ignores the parameter and answers with the newest version: pushed under the pinned number it
        # would be another value than the one that the rotation has checked.
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

    def elsewhere(self, values: Mapping[str, Secret]) -> VaultSearch:
        """In every folder and environment of the project that the identity may read."""
        return InfisicalCopies(self._project, self.environment, self._path, values, self._got, self._all_of).search()

    def _got(self, path: str) -> ProjectFound:
        found = self._authorized(lambda: self._requests.get(path).data)
        about = {name: found.get(name, None) for name in ("workspace", "project", "environments")}
        return cast("ProjectFound", about)

    def _all_of(self, environment: str, *, expand: bool) -> SecretsListed:
        place = {**self._place, "environment_slug": environment, "secret_path": "/"}
        shown = {"recursive": True, "view_secret_value": True, "expand_secret_references": expand}
        found = self._secrets(lambda api: api.list_secrets(**place, include_imports=True, **shown))
        return {"secrets": found.secrets, "imports": found.get("imports", ())}

    def accesses(self, name: str, since: datetime) -> Sequence[AccessRecord] | None:
        entries: list[AuditEntryFound] = []
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
        except NoRoute:
            if len(self._apis) == 1:
                raise
            self._apis = self._apis[1:]
        return self._authorized(lambda: call(self._apis[0]))

    def _authorized(self, call: Callable[[], Any]) -> Any:
        """``call``, and once more with a new token where the first was refused (nothing was done then)."""
        token = self._session.token()
        try:
            return call()
        except TokenRefused:
            if not self._session.renew(token):
                raise
        return call()

    def _put(self, api: Any, name: str, value: Secret) -> Any:
        """The next version; the first where there is none. What else the secret has stays as it is."""
        given = {**self._place, "secret_value": value, "skip_multiline_encoding": None}
        # Updating comes first: a create of an existing name is refused, and a deleted one restarts at version 1.
        try:
            return api.update_secret_by_name(quoted(name), **given)
        except NoRoute:
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
        # Infisical trims what it stores and keeps one line end at most, so the value may come back without the rest.
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
            there, imported = self.names(), self._imported(name)
        except ServiceError:
            there, imported = [], None
        if imported:
            what = f"{name} is imported here from {imported}, and imports are not followed: a version is one secret's"
            step = (
                "Set [infisical] environment and path to that place, or for this secret alone "
                "[providers.PROVIDER.secrets.NAME] path."
            )
        elif name in there and version is not None:
            what, step = f"{name} has no version {version}", "Ask for a version that Infisical's history shows."
        elif there:
            close = nearest(name, there)
            hint = f" Did you mean {close}?" if close else ""
            what, step = f"there is no secret {name}", f"Create it there.{hint}"
        else:
            what = f"there is no secret {name}, nor any other"
            step = "Check [infisical] project_id, environment (its slug) and path, and any `path` of [providers]."
        return NotFound(f"{what} ({error.what})", where=self.label, next_step=step, status=404)

    def _imported(self, name: str) -> str | None:
        """Where this folder takes ``name`` in from; ``None``: nowhere."""
        listed = self._secrets(
            lambda api: api.list_secrets(**self._place, include_imports=True, view_secret_value=False)
        )
        for one in listed.get("imports", None) or ():
            if any(secret.get("secretKey") == name for secret in one.get("secrets") or ()):
                return f"environment {one.get('environment')}, path {one.get('secretPath') or '/'}"
        return None

    def _rotation_of(self, name: str) -> RotationFound:
        listed = self._authorized(
            lambda: self._requests.get("/api/v2/secret-rotations", {"projectId": self._project}).data
        )
        for rotation in listed.get("secretRotations", []):
            if self._covers(rotation, name):
                found: RotationFound = rotation
                return found
        raise NotFound(
            f"none of Infisical's rotations covers {name}",
            where=self.label,
            next_step="Set one up there (not every provider has one), or rotate with --from infisical or stdin.",
        )

    def _covers(self, rotation: RotationFound, name: str) -> bool:
        here = (rotation.get("environment") or {}).get("slug") == self.environment
        folder = (rotation.get("folder") or {}).get("path", "/")
        return here and folder == self._path and name in (rotation.get("secretsMapping") or {}).values()

    def _refuse_failed_rotation(self, name: str, rotation: RotationFound) -> None:
        if rotation.get("rotationStatus") == "failed":
            raise Failed(
                f"Infisical's rotation of {name} failed",
                where=self.label,
                next_step="Infisical shows the reason at the rotation; nothing has been pushed.",
            )

    def _audit_pages(self, since: datetime) -> Iterator[Sequence[AuditEntryFound]]:
        params: Parameters = {
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

    def _audit_page(self, params: Parameters) -> Sequence[AuditEntryFound]:
        found = self._authorized(lambda: self._requests.get("/api/v1/organization/audit-logs", params).data)
        return list(found.auditLogs)

    def _access(self, name: str, entry: AuditEntryFound) -> AccessRecord | None:
        event = entry.get("event") or {}
        about, action, at = event.get("metadata") or {}, str(event.get("type")), _moment(entry.get("createdAt"))
        names_it = about.get("secretKey") == name or action in _OF_ALL
        elsewhere = about.get("environment", self.environment) != self.environment or (
            about.get("secretPath", self._path) != self._path
        )
        if at is None or not names_it or elsewhere or action not in _READS | _CHANGES:
            return None
        return AccessRecord(at=at, actor=_actor(entry.get("actor") or {}), action=action, secret_name=name)


def as_path(text: str) -> str:
    """A folder as Infisical names it: from the root, without a slash at its end."""
    return "/" + "/".join(part for part in text.split("/") if part)


def _as_stored(value: Secret) -> Secret:
    """Infisical trims values and keeps one line break at the end."""
    text = value.reveal()
    return Secret(text.strip() + ("\n" if text.endswith("\n") else ""))


def _actor(actor: AuditedActor) -> str:
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
    """Raises ``ServiceError`` where a listing holds something that is not a secret."""
    return str(member(secret, "secretKey")), secret.get("type")
