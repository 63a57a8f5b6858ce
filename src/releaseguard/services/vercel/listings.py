"""What Vercel lists: a project's variables and environments, the projects of a team, and what these share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from releaseguard.http import Reply, ServiceClient, quoted
from releaseguard.http.paging import entries
from releaseguard.secret import Secret
from releaseguard.services.vercel.answers import ProjectDocument, VariableDocument

PAGE = 100
READABLE = frozenset({"plain", "encrypted"})
"""Types of variables whose values are given back."""


@dataclass(frozen=True, slots=True)
class StoredVariable:
    """One stored variable. ``serves`` holds targets and custom environments' ids."""

    id: str
    key: str
    type: str
    serves: frozenset[str]
    branch: str | None
    updated_at: float | None
    keeper: str | None
    """The integration that writes it, where one does."""
    comment: str = ""


class Listings:
    """Every listing with the team's id, where there is one. A project is given as a path: ``projects/ID``."""

    def __init__(self, client: ServiceClient, team_id: str | None) -> None:
        self.client = client
        self.team_id = team_id
        self._team: Mapping[str, str] = {"teamId": team_id} if team_id else {}

    def records(self, project: str) -> Sequence[StoredVariable]:
        """All records of a project. The description has pages in the answer and no parameter to ask for them by."""
        found: dict[str, StoredVariable] = {}
        params: dict[str, str | int | bool | None] = {**self._team}
        while True:
            document = self.client.request("GET", f"/v10/{project}/env", params=params).json()
            page = {record.id: record for record in map(record_of, entries(document, "envs"))}
            following = _next_page(document)
            if following is None or page.keys() <= found.keys():
                return [*(found | page).values()]
            found |= page
            params["until"] = following

    def value(self, project: str, record_id: str) -> Secret | None:
        """What one record holds; ``None`` where that is not shown, or the record is gone."""
        path = f"/v1/{project}/env/{quoted(record_id)}"
        reply = self.client.request("GET", path, params=self._team, allow=(401, 403, 404))
        found = reply.json() if reply.status == 200 else {}
        return Secret(str(found["value"])) if "value" in found and found.get("decrypted") is not False else None

    def slugs(self, project: str) -> dict[str, str]:
        """A project's custom environments: id -> slug."""
        reply = self.client.request("GET", f"/v9/{project}/custom-environments", params=self._team)
        return {str(one["id"]): str(one["slug"]) for one in entries(reply.json(), "environments")}

    def projects(self) -> Sequence[ProjectDocument]:
        """All projects of the team, or of the account."""
        found: dict[str, ProjectDocument] = {}
        params: dict[str, str | int | bool | None] = {**self._team, "limit": str(PAGE)}
        while True:
            document = self.client.request("GET", "/v10/projects", params=params).json()
            page = {str(project["id"]): project for project in entries(document, "projects")}
            following = _next_page(document)
            if following is None or page.keys() <= found.keys():
                return [*(found | page).values()]
            found |= page
            params["from"] = str(following)

    def shared(self) -> Reply:
        """The answer about the variables that the team shares between its projects, a refusal too."""
        return self.client.request("GET", "/v1/env", params=self._team, allow=(401, 403, 404))


def record_of(found: VariableDocument) -> StoredVariable:
    """One entry of a listing, or one variable asked for by its id."""
    target = found.get("target") or []
    targets = [target] if isinstance(target, str) else target
    updated = found.get("updatedAt") or found.get("createdAt")
    keeper = "an integration" if found.get("configurationId") else None
    return StoredVariable(
        id=str(found.get("id")),
        key=str(found.get("key")),
        type=str(found.get("type")),
        serves=frozenset(str(one) for one in [*targets, *(found.get("customEnvironmentIds") or [])]),
        branch=found.get("gitBranch") or None,
        updated_at=updated if isinstance(updated, int | float) else None,
        keeper="Vercel itself" if found.get("type") == "system" or found.get("system") else keeper,
        comment=str(found.get("comment") or ""),
    )


def _next_page(document: Any) -> Any:
    pagination = document.get("pagination") if isinstance(document, dict) else None
    return pagination.get("next") if isinstance(pagination, dict) else None
