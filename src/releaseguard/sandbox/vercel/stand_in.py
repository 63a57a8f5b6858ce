"""The stand-in for Vercel: deployments on top of variables and projects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from releaseguard.harmless import JsonDocument
from releaseguard.sandbox.serving.exchange import Reject, Request, Response, milliseconds
from releaseguard.sandbox.serving.stand_in import route
from releaseguard.sandbox.vercel.values import VercelDeployment, VercelProject, new_id
from releaseguard.sandbox.vercel.variables import VercelVariables

_STATES = ("QUEUED", "INITIALIZING", "BUILDING", "READY")


class VercelStandIn(VercelVariables):
    """Vercel's API for one team."""

    @route("GET", "/v10/projects")
    @route("GET", "/v9/projects")
    def list_projects(self, request: Request) -> Response:
        size = int(request.query.get("limit", 20))
        ordered = sorted(self.projects.values(), key=lambda one: one.created_at, reverse=True)
        before = request.query.get("from")
        rest = [one for one in ordered if before is None or milliseconds(one.created_at) < int(before)]
        page = [self._shown_project(one) for one in rest[:size]]
        more = milliseconds(rest[size - 1].created_at) if len(rest) > size else None
        return Response(200, {"projects": page, "pagination": {"count": len(page), "next": more, "prev": None}})

    @route("GET", "/v9/projects/{project}")
    def get_project(self, request: Request) -> Response:
        return Response(200, self._shown_project(self._project(request)))

    def _shown_project(self, project: VercelProject) -> JsonDocument:
        created = milliseconds(project.created_at)
        latest = [self._listed(one) for one in reversed(project.deployments)][:1]
        return {
            "id": project.id,
            "name": project.name,
            "accountId": self.team_id,
            "directoryListing": False,
            "nodeVersion": "22.x",
            "createdAt": created,
            "updatedAt": created,
            "latestDeployments": [{**one, "id": one["uid"]} for one in latest],
            "targets": {target: {**self._listed(one), "id": one.id} for target, one in project.serving.items()},
        }

    def deploy(
        self, project: VercelProject, release: str, target: str = "production", meta: Mapping[str, str] | None = None
    ) -> VercelDeployment:
        """Deploy ``release`` as a push to GitHub would; it is READY and served at once."""
        with self.lock:
            all_meta = {"githubCommitSha": release, "githubCommitRef": "main", **(meta or {})}
            made = self._create(project, target, all_meta, self.environment(project, target))
            made.fate = made.state = "READY"
            project.serving[target] = made
            return made

    def serving(self, project: VercelProject, target: str = "production") -> VercelDeployment | None:
        return project.serving.get(target)

    def serve(self, project: VercelProject, deployment: VercelDeployment) -> None:
        """Roll back (or forward) to a deployment, with the environment it holds."""
        with self.lock:
            project.serving[deployment.target] = deployment

    @route("POST", "/v13/deployments")
    def create_deployment(self, request: Request) -> Response:
        """Redeploy an earlier deployment, with the variables of now or, where told so, those that it was built with."""
        body = request.json()
        if request.query.get("teamId") != self.team_id or not body.get("name"):
            return self._refusal(400, "bad_request", "Invalid request: name and teamId are required.")
        original = self._deployment(body["deploymentId"])
        project = self.projects[original.project]
        target = self._target(project, body, original)
        inherited = original.environment if self.inherits_old_environment else None
        environment = inherited or self.environment(project, target)
        made = self._create(project, target, {**original.meta, **body.get("meta", {})}, environment)
        made.source = "redeploy"
        made.fate = self.next_fates.pop(0) if self.next_fates else "READY"
        return Response(200, self._shown(made))

    def _target(self, project: VercelProject, body: Mapping[str, Any], original: VercelDeployment) -> str:
        custom = self._custom_id(project, body.get("customEnvironmentSlugOrId"))
        target = custom or body.get("target") or original.target
        return "preview" if self.deploys_to_preview else str(target)

    def _create(
        self, project: VercelProject, target: str, meta: dict[str, str], environment: Mapping[str, str]
    ) -> VercelDeployment:
        made = VercelDeployment(new_id("dpl"), project.id, target, self.clock(), dict(environment), meta)
        project.deployments.append(made)
        return made

    def _deployment(self, wanted: str) -> VercelDeployment:
        for project in self.projects.values():
            for one in project.deployments:
                if wanted in {one.id, self._address(one)}:
                    return one
            if wanted == f"{project.name}.vercel.app" and "production" in project.serving:
                return project.serving["production"]
        raise Reject(self._refusal(404, "not_found", "The deployment could not be found"))

    @route("GET", "/v13/deployments/{deployment}")
    def get_deployment(self, request: Request) -> Response:
        one = self._deployment(request.params["deployment"])
        self._advance(one)
        return Response(200, self._shown(one))

    def _advance(self, one: VercelDeployment) -> None:
        """One look at a deployment brings it one state further on its way."""
        if one.state == one.fate:
            return
        one.polls += 1
        if one.polls >= self.polls_until_ready:
            self._finish(one)
        else:
            one.state = _STATES[min(one.polls, 2)]

    def _finish(self, one: VercelDeployment) -> None:
        one.state = one.fate
        if one.fate == "READY":
            self.projects[one.project].serving[one.target] = one
        elif one.fate == "ERROR":
            one.reason = 'Command "npm run build" exited with 1'

    def finish_all(self) -> None:
        """Let every deployment under way end now."""
        with self.lock:
            for project in self.projects.values():
                for one in project.deployments:
                    if one.state != one.fate:
                        self._finish(one)

    @route("GET", "/v6/deployments")
    @route("GET", "/v7/deployments")
    def list_deployments(self, request: Request) -> Response:
        query, size = request.query, int(request.query.get("limit", 20))
        if query.get("teamId") != self.team_id:
            return Response(200, {"deployments": [], "pagination": {"count": 0, "next": None, "prev": None}})
        found = [
            one for project in self.projects.values() for one in project.deployments if self._asked_for(one, query)
        ]
        found.sort(key=lambda one: one.created_at, reverse=True)
        page = [self._listed(one) for one in found[:size]]
        more = milliseconds(found[size - 1].created_at) if len(found) > size else None
        return Response(200, {"deployments": page, "pagination": {"count": len(page), "next": more, "prev": None}})

    def _asked_for(self, one: VercelDeployment, query: Mapping[str, str]) -> bool:
        project, created = self.projects[one.project], milliseconds(one.created_at)
        custom = project.custom_environments.get(one.target)
        wanted = (
            query.get("projectId", project.id) in {project.id, project.name},
            query.get("app", project.name) == project.name,
            query.get("target", one.target) in {one.target, custom},
            one.state in query.get("state", one.state).split(","),
            query.get("sha", one.release) == one.release,
            "since" not in query or created > int(query["since"]),
            "until" not in query or created < int(query["until"]),
            all(one.meta.get(key[5:]) == value for key, value in query.items() if key.startswith("meta-")),
        )
        return all(wanted)

    def _address(self, one: VercelDeployment) -> str:
        return f"{self.projects[one.project].name}-{one.id[4:13]}.vercel.app"

    def _common(self, one: VercelDeployment) -> JsonDocument:
        project, created = self.projects[one.project], milliseconds(one.created_at)
        custom = project.custom_environments.get(one.target)
        served = project.serving.get(one.target) is one
        return {
            "name": project.name,
            "projectId": project.id,
            "url": self._address(one),
            "type": "LAMBDAS",
            "readyState": one.state,
            "source": one.source,
            "creator": {"uid": "user", "username": "release-bot"},
            "meta": dict(one.meta),
            "target": one.target if one.target == "production" else None,
            **({"customEnvironment": {"id": one.target, "slug": custom}} if custom else {}),
            "inspectorUrl": None,
            "createdAt": created,
            "buildingAt": created,
            **({"ready": created + 1} if one.state == "READY" else {}),
            **({"readySubstate": "PROMOTED" if served else "STAGED"} if one.state == "READY" else {}),
            "aliasAssigned": served,
            **({"errorCode": "BUILD_FAILED", "errorMessage": one.reason} if one.reason else {}),
        }

    def _listed(self, one: VercelDeployment) -> JsonDocument:
        created = milliseconds(one.created_at)
        return {"uid": one.id, "created": created, "state": one.state, **self._common(one)}

    def _shown(self, one: VercelDeployment) -> JsonDocument:
        project = self.projects[one.project]
        served = project.serving.get(one.target) is one and one.target == "production"
        return {
            "id": one.id,
            "status": one.state,
            "version": 2,
            "build": {"env": sorted(one.environment)},
            "env": sorted(one.environment),
            "alias": [f"{project.name}.vercel.app"] if served else [],
            "isInConcurrentBuildsQueue": False,
            "isInSystemBuildsQueue": False,
            "projectSettings": {},
            "bootedAt": milliseconds(one.created_at),
            "buildSkipped": False,
            "public": False,
            "regions": ["fra1"],
            "plan": "pro",
            "createdIn": "fra1",
            "ownerId": self.team_id,
            "routes": None,
            **self._common(one),
        }

    @route("POST", "/v10/projects/{project}/promote/{deployment}")
    def promote(self, request: Request) -> Response:
        project, one = self._project(request), self._deployment(request.params["deployment"])
        project.serving["production"] = one
        return Response(201)
