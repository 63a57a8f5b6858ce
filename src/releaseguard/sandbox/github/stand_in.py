"""The stand-in for GitHub: runs, alerts and dispatches on top of secrets, accounts, statuses and comments."""

from __future__ import annotations

import secrets
from datetime import datetime

from releaseguard.harmless import Json, JsonDocument
from releaseguard.sandbox.github.board import GitHubBoards
from releaseguard.sandbox.github.shapes import workflow, workflow_run
from releaseguard.sandbox.serving.exchange import Reject, Request, Response, to_seconds
from releaseguard.sandbox.serving.stand_in import route


class GitHubStandIn(GitHubBoards):
    """GitHub's REST API, and the OIDC token address of GitHub Actions."""

    takes_a_mark = True
    """Whether workflows declare the input that a dispatch carries."""
    shows_the_mark = True
    """Whether their ``run-name`` shows it."""

    def add_workflow(self, full_name: str, name: str) -> int:
        """Add a workflow (``<name>.yml``) that has never run, unless it is there; returns its id."""
        workflows = self.repositories[full_name.lower()].workflows
        return workflows.setdefault(name, next(self._ids))

    def add_run(
        self,
        full_name: str,
        status: str = "queued",
        name: str = "deploy",
        *,
        conclusion: str | None = None,
        at: datetime | None = None,
    ) -> int:
        """Add a run of the workflow ``name``; returns its id. A completed one succeeded unless ``conclusion`` says."""
        repo, now = self.repositories[full_name.lower()], to_seconds(at or self.clock())
        number = next(self._ids)
        run: JsonDocument = {
            "name": name,
            "path": f".github/workflows/{name}.yml",
            "workflow_id": self.add_workflow(full_name, name),
            "status": status,
            "conclusion": (conclusion or "success") if status == "completed" else None,
            "head_sha": secrets.token_hex(20),
            "run_number": len(repo.runs) + 1,
            "created_at": now,
            "updated_at": now,
            "run_started_at": now,
        }
        repo.runs.append(workflow_run(self.url, self._shown(repo), number, run))
        return number

    def add_alert(self, full_name: str, secret_type: str, value: str, state: str = "open") -> int:
        """Add a secret-scanning alert; returns its number."""
        repo, now = self.repositories[full_name.lower()], to_seconds(self.clock())
        number = len(repo.alerts) + 1
        repo.alerts.append(
            {
                "number": number,
                "created_at": now,
                "updated_at": now,
                "url": f"{self.url}/repos/{full_name}/secret-scanning/alerts/{number}",
                "html_url": f"{self.url}/{full_name}/security/secret-scanning/{number}",
                "locations_url": f"{self.url}/repos/{full_name}/secret-scanning/alerts/{number}/locations",
                "state": state,
                "resolution": None,
                "resolved_at": None,
                "resolved_by": None,
                "resolution_comment": None,
                "secret_type": secret_type,
                "secret_type_display_name": secret_type.replace("_", " ").title(),
                "secret": value,
                "validity": "unknown",
                "publicly_leaked": False,
                "multi_repo": False,
            }
        )
        return number

    @route("GET", "/repos/{owner}/{repo}/actions/runs")
    def list_runs(self, request: Request) -> Response:
        wanted = request.query.get("status")
        found = [run for run in reversed(self._repository(request).runs) if wanted in {None, run["status"]}]
        return self._page(request, found, "workflow_runs")

    @route("GET", "/repos/{owner}/{repo}/actions/workflows")
    def list_workflows(self, request: Request) -> Response:
        repo, now = self._repository(request), to_seconds(self.clock())
        found = [workflow(self.url, repo.full_name, number, name, now) for name, number in repo.workflows.items()]
        return self._page(request, found, "workflows")

    @route("GET", "/repos/{owner}/{repo}/actions/workflows/{workflow}")
    def get_workflow(self, request: Request) -> Response:
        repo, asked = self._repository(request), request.params["workflow"]
        found = next((both for both in repo.workflows.items() if asked in {str(both[1]), f"{both[0]}.yml"}), None)
        if found is None:
            return self._refusal(404, "Not Found")
        shown = workflow(self.url, repo.full_name, found[1], found[0], to_seconds(self.clock()))
        return Response(200, {**shown, "state": self.workflow_states.get(found[0], "active")})

    @route("GET", "/repos/{owner}/{repo}/actions/workflows/{workflow}/runs")
    def list_workflow_runs(self, request: Request) -> Response:
        """The runs of one workflow, by its id or its file's name."""
        repo, asked, wanted = self._repository(request), request.params["workflow"], request.query.get("status")
        number = next((id_ for name, id_ in repo.workflows.items() if asked in {str(id_), f"{name}.yml"}), None)
        if number is None:
            return self._refusal(404, "Not Found")
        runs = (run for run in reversed(repo.runs) if run["workflow_id"] == number)
        event = request.query.get("event")
        found = [
            run for run in runs if wanted in {None, run["status"], run["conclusion"]} and event in {None, run["event"]}
        ]
        return self._page(request, found, "workflow_runs")

    @route("POST", "/repos/{owner}/{repo}/actions/workflows/{workflow}/dispatches")
    def dispatch_workflow(self, request: Request) -> Response:
        """Run a workflow by its file's name; a run shows its mark where the workflow's ``run-name`` does."""
        repo, name = self._repository(request), request.params["workflow"].removesuffix(".yml")
        if name not in repo.workflows:
            return self._refusal(404, "Not Found")
        inputs = request.json().get("inputs") or {}
        if not self.takes_a_mark and inputs:
            return self._refusal(422, "Unexpected inputs provided")
        self.add_run(repo.full_name, "in_progress", name)
        shown = f"Deploy {inputs.get('releaseguard', '')}" if self.shows_the_mark else name
        repo.runs[-1] |= {"event": "workflow_dispatch", "display_title": shown}
        return Response(204)

    @route("GET", "/repos/{owner}/{repo}/actions/runs/{number}")
    def get_run(self, request: Request) -> Response:
        found = [run for run in self._repository(request).runs if str(run["id"]) == request.params["number"]]
        return Response(200, found[0]) if found else self._refusal(404, "Not Found")

    @route("GET", "/repos/{owner}/{repo}/secret-scanning/alerts")
    def list_alerts(self, request: Request) -> Response:
        wanted = request.query.get("state")
        found = [alert for alert in self._repository(request).alerts if wanted in {None, alert["state"]}]
        return self._page(request, [self._shown_alert(request, alert) for alert in found])

    @route("GET", "/orgs/{org}/secret-scanning/alerts")
    def list_organization_alerts(self, request: Request) -> Response:
        prefix, wanted = f"{request.params['org'].lower()}/", request.query.get("state")
        found = [
            {**self._shown_alert(request, alert), "repository": self._shown(repo)}
            for name, repo in self.repositories.items()
            for alert in repo.alerts
            if name.startswith(prefix) and wanted in {None, alert["state"]}
        ]
        return self._page(request, found)

    @route("GET", "/repos/{owner}/{repo}/secret-scanning/alerts/{number}")
    def get_alert(self, request: Request) -> Response:
        return Response(200, self._shown_alert(request, self._alert(request)))

    @route("PATCH", "/repos/{owner}/{repo}/secret-scanning/alerts/{number}")
    def update_alert(self, request: Request) -> Response:
        alert, body = self._alert(request), request.json()
        if body.get("state") == "resolved" and not body.get("resolution"):
            return self._refusal(422, "Invalid request. resolution is required when the state is resolved.")
        now = to_seconds(self.clock())
        alert.update({"state": body["state"], "updated_at": now})
        resolved = body["state"] == "resolved"
        alert["resolution"] = body.get("resolution") if resolved else None
        alert["resolution_comment"] = body.get("resolution_comment") if resolved else None
        alert["resolved_at"] = now if resolved else None
        return Response(200, self._shown_alert(request, alert))

    def _alert(self, request: Request) -> dict[str, Json]:
        for alert in self._repository(request).alerts:
            if str(alert["number"]) == request.params["number"]:
                return alert
        raise Reject(self._refusal(404, "Not Found"))

    @staticmethod
    def _shown_alert(request: Request, alert: JsonDocument) -> JsonDocument:
        hidden = request.query.get("hide_secret") == "true"
        return {key: value for key, value in alert.items() if not (hidden and key == "secret")}

    @route("POST", "/repos/{owner}/{repo}/dispatches")
    def dispatch_event(self, request: Request) -> Response:
        body = request.json()
        if not 1 <= len(body["event_type"]) <= 100 or len(body.get("client_payload", {})) > 10:
            return self._refusal(422, "Invalid request.")
        self._repository(request).dispatches.append(body)
        return Response(204)

    @route("GET", "/_services/token")
    def oidc_token(self, request: Request) -> Response:
        """What ``ACTIONS_ID_TOKEN_REQUEST_URL`` points at inside GitHub Actions."""
        if self.issue_oidc is None or request.bearer != self.oidc_request_token:
            return self._refusal(401, "Requires authentication")
        return Response(200, {"count": 1, "value": self.issue_oidc(request.query.get("audience", ""))})
