"""A project by its slug, as pipelines know it: a list of its secrets says which id it has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from releaseguard.errors import NotFound, ServiceError
from releaseguard.http import ServiceClient
from releaseguard.services.infisical.api import Requests
from releaseguard.services.infisical.logins import InfisicalSession


def id_of(client: ServiceClient, session: InfisicalSession, slug: str, environment: str, paths: Sequence[str]) -> str:
    """The project's id, by the first of the folders that holds a secret. Raises ``ServiceError`` where it cannot be
    had. No value is asked for."""
    asked = {"workspaceSlug": slug, "environment": environment, "viewSecretValue": "false"}
    requests = Requests(client, session.token)
    listings = (_ids(requests.get("/api/v3/secrets/raw", {**asked, "secretPath": path}).data) for path in paths)
    found = next(filter(None, listings), ())
    if len(found) == 1:
        return found[0]
    if not found:
        where = f"environment {environment}, path {' or '.join(paths)}"
        raise NotFound(
            f"the project {slug} shows no secret in {where}, so its id is unknown",
            where=client.host,
            next_step="Correct [infisical] environment and path, or set project_id (Infisical: project settings).",
        )
    raise ServiceError(
        f"the answer speaks of {len(found)} projects", where=client.host, next_step="Set [infisical] project_id."
    )


def _ids(listing: Any) -> Sequence[str]:
    listed = listing.get("secrets", [])
    ids = {one.get("workspace") for one in listed if isinstance(one, dict)} if isinstance(listed, list) else set()
    return [one for one in ids if isinstance(one, str) and one]
