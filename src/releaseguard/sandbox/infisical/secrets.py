"""Versioned secrets at Infisical."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any

from releaseguard.harmless import JsonDocument
from releaseguard.sandbox.infisical.logins import InfisicalLogins
from releaseguard.sandbox.infisical.values import (
    SLUG,
    Folder,
    Proposal,
    StoredSecret,
    StoredVersion,
)
from releaseguard.sandbox.serving.exchange import Reject, Request, Response, to_milliseconds
from releaseguard.sandbox.serving.stand_in import route

_REFERENCE = re.compile(r"\$\{(\w+)\}")


class InfisicalSecrets(InfisicalLogins):
    """Versioned secrets, proposals, and the record of who read and wrote them."""

    def put(self, name: str, value: str, environment: str = "prod", path: str = "/") -> int:
        """Store a new version as a person in the web console would; returns its number."""
        with self.lock:
            self.folders.add(path)
            return self._store(Folder(self.project_id, environment, path), name, value).newest

    def value(self, name: str, version: int | None = None, environment: str = "prod", path: str = "/") -> str:
        """What the stand-in holds. Raises ``KeyError`` or ``IndexError`` where it holds nothing."""
        stored = self.secrets[Folder(self.project_id, environment, path), name]
        return stored.versions[(version or stored.newest) - 1].value

    def newest(self, name: str, environment: str = "prod", path: str = "/") -> int:
        """The number of the newest version; 0 where there is no such secret."""
        stored = self.secrets.get((Folder(self.project_id, environment, path), name))
        return stored.newest if stored else 0

    def approve_all(self) -> None:
        """A person approves every proposal."""
        with self.lock:
            for proposal in self.proposals:
                self._store(proposal.place, proposal.name, proposal.value)
            self.proposals.clear()

    @route("GET", "/api/v3/secrets/raw")
    @route("GET", "/api/v4/secrets")
    def list_secrets(self, request: Request) -> Response:
        """The secrets of a folder, and with ``recursive`` of those below it."""
        place = self._place(request, request.query)
        self._may_read()
        below = place.path if request.query.get("recursive") == "true" else None
        found = [
            (key, stored) for key, stored in self.secrets.items() if key[0] == place or _is_below(key[0], place, below)
        ]
        self._audit("get-secrets", request, place, "", 0)
        shown = [
            {**self._shown(folder, name, stored, stored.newest, request.query), "secretPath": folder.path, "tags": []}
            for (folder, name), stored in found
        ]
        imports = [
            {"environment": environment, "secretPath": path, "secrets": [{"secretKey": name}]}
            for environment, path, name in self.imports
        ]
        return Response(200, {"secrets": shown, "imports": imports})

    @route("GET", "/api/v1/workspace/{project}")
    def get_project(self, request: Request) -> Response:
        self._may_read()
        if request.params["project"] != self.project_id:
            return self._error(404, "Project not found", "NotFound")
        environments = [{"id": slug, "name": slug, "slug": slug} for slug in sorted(self.environments)]
        return Response(200, {"workspace": {"id": self.project_id, "slug": SLUG, "environments": environments}})

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

    def _pick(self, place: Folder, name: str, current: StoredSecret, asked: str | None) -> tuple[StoredSecret, int]:
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

    def _write(self, request: Request, place: Folder, name: str, value: str, event: str) -> Response:
        if self.requires_approval:
            proposal = Proposal(str(uuid.uuid4()), place, name, value)
            self.proposals.append(proposal)
            return Response(200, {"approval": self._approval(proposal)})
        stored = self._store(place, name, value)
        self._audit(event, request, place, name, stored.newest)
        return Response(200, {"secret": self._shown(place, name, stored, stored.newest, {})})

    def _approval(self, proposal: Proposal) -> JsonDocument:
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

    def _store(self, place: Folder, name: str, value: str) -> StoredSecret:
        """Values are trimmed; one line break at the end is kept. Every write is a version, equal or not."""
        kept = value.strip() + ("\n" if value.endswith("\n") else "")
        stored = self.secrets.setdefault((place, name), StoredSecret(str(uuid.uuid4()), []))
        stored.versions.append(StoredVersion(kept, self.clock()))
        return stored

    def _shown(
        self, place: Folder, name: str, stored: StoredSecret, version: int, query: Mapping[str, str]
    ) -> JsonDocument:
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

    def _expanded(self, place: Folder, value: str) -> str:
        def referenced(found: re.Match[str]) -> str:
            stored = self.secrets.get((place, found[1]))
            return stored.versions[-1].value if stored else found[0]

        return _REFERENCE.sub(referenced, value)

    def _place(self, request: Request, given: Mapping[str, Any]) -> Folder:
        if "/v4/" in request.path and self.of_2024:
            raise Reject(self.not_found(request))
        project = given.get("projectId" if "/v4/" in request.path else "workspaceId")
        if not project and "/v3/" in request.path and given.get("workspaceSlug") == SLUG:
            project = self.project_id
        if not project:
            raise Reject(self._error(400, "You must provide workspaceSlug or workspaceId", "BadRequest"))
        if not given.get("environment"):
            raise Reject(self._error(400, "Missing environment", "BadRequest"))
        if project != self.project_id:
            message = f"Project with ID '{project}' not found during bot lookup."
            raise Reject(self._error(404, message, "NotFound"))
        return Folder(project, given["environment"], given.get("secretPath") or "/")

    def _folder(self, place: Folder, error: str) -> None:
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

    def _audit(self, event: str, request: Request, place: Folder, name: str, version: int) -> None:
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


def _is_below(folder: Folder, place: Folder, path: str | None) -> bool:
    """Whether a folder is below ``path`` of a place, where it is asked for all of these."""
    same = (folder.project, folder.environment) == (place.project, place.environment)
    return path is not None and same and folder.path.startswith(path.rstrip("/") + "/")
