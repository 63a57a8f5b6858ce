"""A project by its slug, as pipelines know it: a list of its secrets says which id it has."""

from __future__ import annotations

from releaseguard.errors import NotFound, ServiceError
from releaseguard.http import ServiceClient
from releaseguard.services.infisical.api import Requests
from releaseguard.services.infisical.logins import InfisicalSession


def id_of(client: ServiceClient, session: InfisicalSession, slug: str, environment: str, path: str) -> str:
    """The project's id. Raises ``ServiceError`` where it cannot be had. No value is asked for."""
    asked = {"workspaceSlug": slug, "environment": environment, "secretPath": path, "viewSecretValue": "false"}
    listed = Requests(client, session.token).get("/api/v3/secrets/raw", asked).data.get("secrets", [])
    ids = {one.get("workspace") for one in listed if isinstance(one, dict)} if isinstance(listed, list) else set()
    found = [one for one in ids if isinstance(one, str) and one]
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotFound(
            f"the project {slug} shows no secret in environment {environment}, path {path}, so its id is unknown",
            where=client.host,
            next_step="Correct [infisical] environment and path, or set project_id (Infisical: project settings).",
        )
    raise ServiceError(
        f"the answer speaks of {len(found)} projects", where=client.host, next_step="Set [infisical] project_id."
    )
