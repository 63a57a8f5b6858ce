"""GitHub Actions: its workflow runs (https://docs.github.com/rest/actions/workflow-runs), its jobs' own token.

And what is shown of a release: the deployment's status (https://docs.github.com/rest/deployments/statuses), and
comments of pull requests (https://docs.github.com/rest/issues/comments).
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import TypedDict
from urllib.parse import parse_qsl

from releaseguard.ci.interface import BoardState, ReleaseBoard, WorkflowHistory, WorkflowRun
from releaseguard.deployments.interface import AFTER, Deployer, HostingDeployment, Phase
from releaseguard.deployments.workflow import WorkflowAddress
from releaseguard.errors import AccessDenied, NotFound, ServiceError, Unreachable
from releaseguard.http import ServiceClient, quoted
from releaseguard.http.paging import entries, pages
from releaseguard.model import from_text
from releaseguard.secret import Secret
from releaseguard.services.github.runs import RunDocument
from releaseguard_events.places.urls import split


class WorkflowDocument(TypedDict, total=False):
    """A workflow as GitHub lists it."""

    id: int
    name: str | None
    path: str | None


FOLDER, MOST_FILES = ".github/workflows", 50
"""Where workflows stand, and how many are read: each takes a request."""


class GitHubWorkflows(WorkflowHistory):
    """The workflows of ``OWNER/REPO``."""

    def __init__(self, client: ServiceClient, repository: str) -> None:
        owner, _, repo = repository.partition("/")
        self.place = f"github:{repository}"
        self._client = client
        self._repository = f"/repos/{quoted(owner)}/{quoted(repo)}"
        self._home = f"{self._repository}/actions"

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

    def files(self) -> Mapping[str, str]:
        """Those of the default branch: https://docs.github.com/rest/repos/contents."""
        folder = self._client.request("GET", f"{self._repository}/contents/{FOLDER}", allow=(404,))
        listed = entries(folder.json()) if folder.status == 200 else []
        paths = [str(one.get("path")) for one in listed if str(one.get("path")).endswith((".yml", ".yaml"))]
        return {path: self._file(path) for path in sorted(paths)[:MOST_FILES]}

    def _file(self, path: str) -> str:
        where = "/".join(map(quoted, path.split("/")))
        found = self._client.request("GET", f"{self._repository}/contents/{where}").json()
        content = found.get("content") if isinstance(found, Mapping) else None
        return base64.b64decode(str(content or "")).decode(errors="replace")

    def _run(self, workflow: str, row: RunDocument) -> WorkflowRun | None:
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


MARK = "releaseguard"
"""The input of a workflow that takes the mark of a dispatch; its ``run-name`` shows it."""
SEEN_WITHIN = 60.0
"""Seconds until a dispatched run is listed."""
SHOWN_WITHIN = 20.0
"""Seconds until a run that shows its mark is taken to be listed; then one without a mark may be meant."""


class GitHubWorkflowDeployer(Deployer):
    """Deploys ``place`` by dispatching a workflow, once: https://docs.github.com/rest/actions/workflows.

    The answer to a dispatch names no run. It is found by its mark, which the workflow shows in its ``run-name``; where
    it does not, it is the first run that was dispatched on the same branch after what there was before the request.
    """

    def __init__(
        self,
        client: ServiceClient,
        place: str,
        workflow: WorkflowAddress,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        owner, _, repo = workflow.repository.partition("/")
        self.place = place
        self._client = client
        self._workflow = workflow
        self._home = f"/repos/{quoted(owner)}/{quoted(repo)}/actions"
        self._sleep = sleep

    def current(self, target: str) -> HostingDeployment | None:
        """The newest run that has succeeded; a workflow that never ran can be dispatched all the same."""
        found = next(iter(self._runs({"status": "success"})), None)
        never = HostingDeployment(self._workflow.file, target, Phase.READY, "never run", datetime.fromtimestamp(0, UTC))
        return replace(_as_deployment(found), target=target) if found else never

    def why_not(self) -> ServiceError | None:
        """A workflow that is not there, or is disabled, takes no dispatch."""
        reply = self._client.request("GET", f"{self._home}/workflows/{quoted(self._workflow.file)}", allow=(404,))
        if reply.status == 404:
            return NotFound(
                f"{self._workflow} is not there, or the token may not see it",
                where=self.place,
                next_step="The file has to be on the default branch, Actions enabled, and the token needs Actions: "
                "read and write.",
            )
        state = str(reply.json().get("state") or "active")
        if state == "active":
            return None
        return ServiceError(
            f"{self._workflow} is disabled at GitHub ({state})",
            where=self.place,
            next_step=f"Enable it: gh workflow enable {self._workflow.file} --repo {self._workflow.repository}",
        )

    def serving_id(self, target: str) -> str | None:  # noqa: ARG002 - a run does not say what is served
        return None

    def seen_before(self) -> Mapping[str, str]:
        """The newest run that there is: one that was dispatched since has a higher number."""
        return {AFTER: next((str(run["id"]) for run in self._dispatched()), "0")}

    def find(self, target: str, meta: Mapping[str, str]) -> HostingDeployment | None:
        found = self._found(meta, SHOWN_WITHIN)
        return replace(_as_deployment(found), target=target) if found else None

    def redeploy(self, source: HostingDeployment, meta: Mapping[str, str]) -> HostingDeployment:
        """Dispatch, and find the run. Raises ``ServiceError`` where the workflow takes no mark, or no run shows."""
        # A dispatch is not idempotent and its answer may be lost, so the run carries a mark by which it is found again.
        # https://docs.github.com/en/rest/actions/workflows#create-a-workflow-dispatch-event
        body = {"ref": self._workflow.ref, "inputs": {MARK: _mark(meta)}}
        path = f"{self._home}/workflows/{quoted(self._workflow.file)}/dispatches"
        try:
            self._client.request("POST", path, json=body)
        except ServiceError as error:
            if error.status == 422:
                error.next_step = (
                    f"{self._workflow} has to take a dispatch (on: workflow_dispatch: inputs: {MARK}: {{type: string}})"
                    f" and show it (run-name: Deploy ${{{{ inputs.{MARK} }}}}); its ref has to exist."
                )
            raise
        found = self._found(meta, SEEN_WITHIN)
        if found is None:
            raise Unreachable(
                f"{self._workflow} was dispatched, and no run of it is listed",
                where=self.place,
                next_step=f"See its runs at GitHub; let its run-name show inputs.{MARK}.",
            )
        return replace(_as_deployment(found), target=source.target)

    def _found(self, meta: Mapping[str, str], within: float) -> RunDocument | None:
        """The run of that request, looked for as long as it may take to be listed."""
        waited, wait = 0.0, 1.0
        while True:
            runs = self._dispatched()
            found = next((run for run in runs if _shows(run, meta)), None)
            if found is None and waited >= SHOWN_WITHIN:
                found = _first_since(runs, meta)
            if found is not None or waited >= within:
                return found
            self._sleep(wait)
            waited, wait = waited + wait, min(wait * 2, 8.0)

    def _dispatched(self) -> Sequence[RunDocument]:
        return self._runs({"event": "workflow_dispatch"})

    def get(self, deployment_id: str) -> HostingDeployment:
        found = self._client.request("GET", f"{self._home}/runs/{quoted(deployment_id)}").json()
        return _as_deployment(found)

    def _runs(self, filters: Mapping[str, str]) -> Sequence[RunDocument]:
        """Its newest runs on the branch, newest first."""
        path = f"{self._home}/workflows/{quoted(self._workflow.file)}/runs"
        reply = self._client.request("GET", path, params={"per_page": 50, "branch": self._workflow.ref, **filters})
        return sorted(entries(reply.json(), "workflow_runs"), key=lambda run: int(run["id"]), reverse=True)


def _mark(meta: Mapping[str, str]) -> str:
    """One word for the rotation and its attempt."""
    return "-".join(meta[key] for key in sorted(meta) if key != AFTER)


def _shows(run: RunDocument, meta: Mapping[str, str]) -> bool:
    return _mark(meta) in f"{run.get('display_title')} {run.get('name')}"


def _first_since(runs: Sequence[RunDocument], meta: Mapping[str, str]) -> RunDocument | None:
    """The first run since the request, which runs with what was written before it, whoever asked for it."""
    if AFTER not in meta:
        return None
    return next((run for run in reversed(runs) if int(run["id"]) > int(meta[AFTER])), None)


def _as_deployment(run: RunDocument) -> HostingDeployment:
    conclusion, status = run.get("conclusion"), str(run.get("status") or "unknown")
    phase = Phase.RUNNING if status != "completed" else Phase.READY if conclusion == "success" else Phase.FAILED
    return HostingDeployment(
        id=str(run["id"]),
        target="production",
        phase=phase,
        state=str(conclusion or status),
        created_at=_moment(run.get("created_at")) or datetime.fromtimestamp(0, UTC),
        release=str(run.get("head_sha") or "") or None,
        url=str(run.get("html_url") or "") or None,
        reason=f"the workflow's run {run.get('html_url') or run['id']} ended as {conclusion}" if conclusion else None,
    )


def _is_called(listed: WorkflowDocument, workflow: str) -> bool:
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


LONGEST_DESCRIPTION = 140
LONGEST_COMMENT = 60_000
"""Characters; GitHub takes 65,536."""


class GitHubBoard(ReleaseBoard):
    """That of ``OWNER/REPO``."""

    def __init__(self, client: ServiceClient, repository: str) -> None:
        owner, _, repo = repository.partition("/")
        self.place = f"github:{repository}"
        self._client = client
        self._home = f"/repos/{quoted(owner)}/{quoted(repo)}"

    def mark(self, deployment: str, state: BoardState, description: str, run_url: str | None) -> None:
        # auto_inactive is true by default: a success would mark earlier deployments of the environment as inactive,
        # although they still serve. https://docs.github.com/en/rest/deployments/statuses#create-a-deployment-status
        status = {"state": state.value, "description": description[:LONGEST_DESCRIPTION], "auto_inactive": False}
        url = {"log_url": run_url} if run_url else {}
        self._client.request("POST", f"{self._home}/deployments/{quoted(deployment)}/statuses", json={**status, **url})

    def requests_of(self, commit: str) -> Sequence[int]:
        try:
            found = pages(self._client, f"{self._home}/commits/{quoted(commit)}/pulls")
        except NotFound:  # a release that is not a commit of this repository
            return []
        return [int(one["number"]) for one in found]

    def comment(self, request: int, marker: str, text: str) -> None:
        body = {"body": f"{marker}\n{text}"[:LONGEST_COMMENT]}
        said = pages(self._client, f"{self._home}/issues/{request}/comments")
        mine = [one for one in said if str(one.get("body", "")).startswith(marker) and _is_a_programs(one.get("user"))]
        if mine:
            self._client.request("PATCH", f"{self._home}/issues/comments/{mine[-1]['id']}", json=body)
        else:
            self._client.request("POST", f"{self._home}/issues/{request}/comments", json=body)


def _is_a_programs(user: object) -> bool:
    """Whoever copies the marker into a comment keeps what was written there."""
    return isinstance(user, dict) and user.get("type") == "Bot"
