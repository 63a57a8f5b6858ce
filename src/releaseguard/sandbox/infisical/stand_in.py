"""The stand-in for Infisical: rotations of its own and the audit log on top of secrets and logins."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping

from releaseguard.harmless import JsonDocument
from releaseguard.model import from_text
from releaseguard.sandbox.infisical.secrets import InfisicalSecrets
from releaseguard.sandbox.infisical.values import (
    AuditEntry,
    AuditLogs,
    InfisicalRotation,
)
from releaseguard.sandbox.serving.exchange import Request, Response, to_milliseconds
from releaseguard.sandbox.serving.stand_in import route


class InfisicalStandIn(InfisicalSecrets):
    """Infisical. ``project_id`` and the credentials are made up anew for each instance."""

    def add_rotation(
        self, type_: str, mapping: Mapping[str, str], environment: str = "prod", path: str = "/"
    ) -> InfisicalRotation:
        """Have a rotation of Infisical's own cover the secrets that ``mapping`` names."""
        rotation = InfisicalRotation(
            str(uuid.uuid4()), f"{type_}-rotation", type_, self.place(environment, path), mapping
        )
        self.rotations.append(rotation)
        return rotation

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
        return self._error(404, f"Could not find Secret InfisicalRotation with ID {request.params['id']}", "NotFound")

    def _shown_rotation(self, rotation: InfisicalRotation) -> JsonDocument:
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

    @route("GET", "/api/v1/organization/audit-logs")
    def audit_log(self, request: Request) -> Response:
        if self.audit_logs is AuditLogs.FORBIDDEN:
            return self._error(403, "You are not allowed to read on audit-logs", "PermissionDenied")
        if self.audit_logs is AuditLogs.EMPTY:
            return Response(200, {"auditLogs": []})
        start, length = int(request.query.get("offset", 0)), int(request.query.get("limit", 20))
        found = [entry for entry in reversed(self.audit_entries) if self._asked_for(entry, request.query)]
        return Response(200, {"auditLogs": found[start : start + length]})

    def _asked_for(self, entry: AuditEntry, query: Mapping[str, str]) -> bool:
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
