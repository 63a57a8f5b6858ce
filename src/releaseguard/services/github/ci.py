"""GitHub Actions: its workflow runs (https://docs.github.com/rest/actions/workflow-runs), and its jobs' own token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qsl

from releaseguard.ci.interface import WorkflowHistory, WorkflowRun
from releaseguard.errors import AccessDenied
from releaseguard.http import ServiceClient, quoted
from releaseguard.http.paging import entries, pages
from releaseguard.model import from_text
from releaseguard.secret import Secret
from releaseguard_events.places.urls import split


class GitHubWorkflows(WorkflowHistory):
    """The workflows of ``OWNER/REPO``."""

    def __init__(self, client: ServiceClient, repository: str) -> None:
        owner, _, repo = repository.partition("/")
        self.place = f"github:{repository}"
        self._client = client
        self._home = f"/repos/{quoted(owner)}/{quoted(repo)}/actions"

    def newest(self, workflow: str, limit: int) -> Sequence[WorkflowRun] | None:
        listed = pages(self._client, f"{self._home}/workflows", "workflows")
        found = next((one for one in listed if _is_called(one, workflow)), None)
        if found is None:
            return None
        path = f"{self._home}/workflows/{quoted(str(found['id']))}/runs"
        reply = self._client.request("GET", path, params={"per_page": limit, "exclude_pull_requests": "true"})
        runs = (self._run(workflow, row) for row in entries(reply.json(), "workflow_runs"))
        ordered = sorted((run for run in runs if run is not None), key=lambda run: run.started_at, reverse=True)
        return ordered[:limit]

    def _run(self, workflow: str, row: Mapping[str, Any]) -> WorkflowRun | None:
        started = _moment(row.get("run_started_at")) or _moment(row.get("created_at"))
        if started is None:
            return None
        return WorkflowRun(
            place=self.place,
            workflow=workflow,
            id=int(row["id"]),
            number=int(row.get("run_number") or 0),
            status=str(row.get("status") or "unknown"),
            conclusion=row.get("conclusion"),
            started_at=started,
            changed_at=_moment(row.get("updated_at")) or started,
            branch=str(row.get("head_branch") or ""),
            commit=str(row.get("head_sha") or ""),
            url=str(row.get("html_url") or ""),
        )


def _is_called(listed: Mapping[str, Any], workflow: str) -> bool:
    file = PurePosixPath(str(listed.get("path") or ""))
    names = {str(listed.get("name") or ""), file.name, file.stem}
    return "id" in listed and workflow.lower() in {name.lower() for name in names}


def _moment(value: object) -> datetime | None:
    try:
        return from_text(value) if isinstance(value, str) else None
    except ValueError:
        return None


def actions_id_token(client: ServiceClient, request_url: str, audience: str | None = None) -> Secret:
    """The job's OIDC token from GitHub Actions.

    ``request_url`` is ``ACTIONS_ID_TOKEN_REQUEST_URL``; ``client`` is at its host and sends
    ``ACTIONS_ID_TOKEN_REQUEST_TOKEN`` as bearer. Raises ``ServiceError`` or one of its kinds.
    """
    parts = split(request_url)
    params: dict[str, str] = dict(parse_qsl(parts.query))
    if audience:
        params["audience"] = audience
    answer = client.request("GET", parts.path, params=params).json()
    if not isinstance(answer, dict) or not answer.get("value"):
        raise AccessDenied(
            "GitHub Actions gave no OIDC token",
            where=client.host,
            next_step="Give the job `permissions: id-token: write`.",
        )
    return Secret(str(answer["value"]))
