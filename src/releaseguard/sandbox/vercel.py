"""A stand-in for Vercel's API: projects, environment variables, deployments.

A deployment carries a snapshot of the environment as it was when it was created, as on Vercel: a new value is
seen by later deployments only. Switches make it do what the descriptions leave open or what goes wrong.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from releaseguard.model import utc_now
from releaseguard.sandbox.server import Clock, Reject, Request, Response, StandIn, milliseconds, route

TARGETS = ("production", "preview", "development")
TYPES = ("system", "secret", "encrypted", "plain", "sensitive")
_STATES = ("QUEUED", "INITIALIZING", "BUILDING", "READY")


def _id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(12)}"


@dataclass(slots=True)
class VercelVariable:
    """One record: a name and value that serve all of its targets and custom environments."""

    id: str
    key: str
    value: str = field(repr=False)
    type: str
    target: tuple[str, ...]
    created_at: datetime
    updated_at: datetime
    custom_environments: tuple[str, ...] = ()
    branch: str | None = None
    comment: str = ""

    def serves(self, target: str, branch: str | None = None) -> bool:
        return target in (*self.target, *self.custom_environments) and self.branch in {None, branch}

    def collides(self, other: VercelVariable) -> bool:
        mine, theirs = {*self.target, *self.custom_environments}, {*other.target, *other.custom_environments}
        return self.id != other.id and self.key == other.key and self.branch == other.branch and bool(mine & theirs)


@dataclass(slots=True)
class VercelDeployment:
    """One deployment with the environment that it holds for good."""

    id: str
    project: str
    target: str
    """``production``, ``preview`` or a custom environment's id."""
    created_at: datetime
    environment: Mapping[str, str] = field(repr=False)
    meta: dict[str, str]
    source: str = "git"
    state: str = "QUEUED"
    fate: str = "READY"
    """The state that it will end in."""
    polls: int = 0
    reason: str | None = None

    @property
    def release(self) -> str | None:
        return self.meta.get("githubCommitSha")


@dataclass(slots=True)
class VercelProject:
    id: str
    name: str
    created_at: datetime
    variables: dict[str, VercelVariable] = field(default_factory=dict)
    deployments: list[VercelDeployment] = field(default_factory=list)
    custom_environments: dict[str, str] = field(default_factory=dict)
    """Slugs by id."""
    serving: dict[str, VercelDeployment] = field(default_factory=dict)
    """What each target serves now."""


class VercelStandIn(StandIn):
    """Vercel's API for one team."""

    name: ClassVar[str] = "vercel"

    def __init__(self, clock: Clock = utc_now) -> None:
        super().__init__(clock)
        self.token = secrets.token_urlsafe(18)
        self.tokens = {self.token}
        self.team_id = _id("team")
        self.projects: dict[str, VercelProject] = {}
        self.polls_until_ready = 2
        """How often a deployment is asked for before it is READY."""
        self.next_fates: list[str] = []
        """How the next deployments end: ``ERROR``, ``CANCELED``, ``READY``."""
        self.inherits_old_environment = False
        """A redeploy takes over the original's environment instead of the project's."""
        self.deploys_to_preview = False
        """A redeploy of production goes to preview."""
        self.rejects: dict[str, str] = {}
        """Names that ``POST env`` answers 201 for, with a failure of this code inside."""
        self.drops_writes = False
        """Answer writes of variables as if they had happened, without storing them."""

    # --- what tests and the demo do to it --------------------------------------------------------------------

    def add_project(self, name: str, custom_environments: Iterable[str] = ()) -> VercelProject:
        project = VercelProject(_id("prj"), name, self.clock())
        project.custom_environments = {_id("env"): slug for slug in custom_environments}
        self.projects[project.id] = project
        return project

    def put(
        self,
        project: VercelProject,
        key: str,
        value: str,
        target: Iterable[str] = ("production",),
        type_: str = "encrypted",
        *,
        custom_environments: Iterable[str] = (),
        branch: str | None = None,
    ) -> VercelVariable:
        """Add a record as a person in the dashboard would."""
        now = self.clock()
        variable = VercelVariable(
            _id("env"), key, value, type_, tuple(target), now, now, tuple(custom_environments), branch
        )
        with self.lock:
            project.variables[variable.id] = variable
        return variable

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

    def environment(self, project: VercelProject, target: str, branch: str | None = None) -> dict[str, str]:
        """What a deployment to ``target`` would hold if it were created now."""
        serving = [one for one in project.variables.values() if one.serves(target, branch)]
        return {one.key: one.value for one in sorted(serving, key=lambda one: one.branch is not None)}

    def serving(self, project: VercelProject, target: str = "production") -> VercelDeployment | None:
        return project.serving.get(target)

    def serve(self, project: VercelProject, deployment: VercelDeployment) -> None:
        """Roll back (or forward) to a deployment, with the environment it holds."""
        with self.lock:
            project.serving[deployment.target] = deployment

    # --- what every answer has in common ------------------------------------------------------------------

    def authorize(self, request: Request) -> None:
        if request.bearer is None:
            raise Reject(self._refusal(401, "forbidden", "The request is missing an authentication token"))
        if request.bearer not in self.tokens:
            refusal = self._refusal(403, "forbidden", "Not authorized")
            refusal.body["error"]["invalidToken"] = True
            raise Reject(refusal)

    def not_found(self, _request: Request) -> Response:
        return self._refusal(404, "not_found", "The requested resource could not be found.")

    def unreadable(self, _request: Request) -> Response:
        return self._refusal(400, "bad_request", "Invalid request: the body does not have the expected form.")

    @staticmethod
    def _refusal(status: int, code: str, message: str) -> Response:
        return Response(status, {"error": {"code": code, "message": message}})

    def _project(self, request: Request) -> VercelProject:
        if request.query.get("teamId") != self.team_id:
            raise Reject(self._refusal(404, "not_found", "Project not found."))
        return self._named(request.params["project"])

    def _named(self, wanted: str) -> VercelProject:
        for project in self.projects.values():
            if wanted in {project.id, project.name}:
                return project
        raise Reject(self._refusal(404, "not_found", "Project not found."))

    # --- projects -------------------------------------------------------------------------------------------

    @route("GET", "/v2/user")
    def get_user(self, _request: Request) -> Response:
        return Response(200, {"user": {"id": "user", "username": "release-bot", "limited": True, "email": None}})

    @route("GET", "/v2/teams/{team}")
    def get_team(self, request: Request) -> Response:
        if request.params["team"] != self.team_id:
            return self._refusal(403, "forbidden", "Not authorized")
        return Response(200, {"id": self.team_id, "slug": "sandbox", "name": "Sandbox", "limited": True})

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

    def _shown_project(self, project: VercelProject) -> dict[str, Any]:
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

    @route("GET", "/v9/projects/{project}/custom-environments")
    def list_custom_environments(self, request: Request) -> Response:
        project = self._project(request)
        at = milliseconds(project.created_at)
        common = {"type": "preview", "createdAt": at, "updatedAt": at}
        shown = [{"id": id_, "slug": slug, **common} for id_, slug in project.custom_environments.items()]
        return Response(200, {"accountLimit": {"total": 12}, "environments": shown})

    # --- environment variables ------------------------------------------------------------------------------

    @route("GET", "/v10/projects/{project}/env")
    @route("GET", "/v9/projects/{project}/env")
    def list_variables(self, request: Request) -> Response:
        project, query = self._project(request), request.query
        slug = query.get("customEnvironmentSlug")
        custom = query.get("customEnvironmentId") or self._custom_id(project, slug)
        found = [
            self._shown_variable(one, decrypted=query.get("decrypt") == "true")
            for one in project.variables.values()
            if custom is None or custom in one.custom_environments
            if "gitBranch" not in query or one.branch in {None, query["gitBranch"]}
        ]
        return Response(200, {"envs": found})

    @staticmethod
    def _custom_id(project: VercelProject, slug: str | None) -> str | None:
        return next((id_ for id_, known in project.custom_environments.items() if known == slug), slug)

    @route("GET", "/v1/projects/{project}/env/{id}")
    def get_variable(self, request: Request) -> Response:
        variable = self._variable(self._project(request), request)
        return Response(200, self._shown_variable(variable, decrypted=True))

    def _variable(self, project: VercelProject, request: Request) -> VercelVariable:
        variable = project.variables.get(request.params["id"])
        if variable is None:
            raise Reject(self._refusal(404, "not_found", "The environment variable was not found"))
        return variable

    def _shown_variable(self, one: VercelVariable, *, decrypted: bool) -> dict[str, Any]:
        return {
            "id": one.id,
            "key": one.key,
            "value": self._shown_value(one, decrypted=decrypted),
            "decrypted": decrypted and one.type != "sensitive",
            "type": one.type,
            "target": list(one.target),
            "customEnvironmentIds": list(one.custom_environments),
            **({"gitBranch": one.branch} if one.branch else {}),
            "comment": one.comment,
            "configurationId": None,
            "createdAt": milliseconds(one.created_at),
            "updatedAt": milliseconds(one.updated_at),
            "createdBy": "user",
            "updatedBy": "user",
        }

    @staticmethod
    def _shown_value(one: VercelVariable, *, decrypted: bool) -> str:
        if one.type == "sensitive":
            return ""
        if decrypted or one.type in {"plain", "system"}:
            return one.value
        return base64.b64encode(secrets.token_bytes(48)).decode()

    @route("POST", "/v10/projects/{project}/env")
    def create_variables(self, request: Request) -> Response:
        project, body = self._project(request), request.json()
        given = body if isinstance(body, list) else [body]
        created: list[dict[str, Any]] = []
        failed: list[dict[str, Any]] = []
        for entry in given:
            outcome = self._create_variable(project, entry, upsert=request.query.get("upsert") == "true")
            (failed if "error" in outcome else created).append(outcome)
        if failed and not isinstance(body, list) and failed[0]["error"]["code"] == "ENV_CONFLICT":
            return Response(400, failed[0])
        shown = created if isinstance(body, list) or not created else created[0]
        return Response(201, {"created": shown, "failed": failed})

    def _create_variable(self, project: VercelProject, entry: Mapping[str, Any], *, upsert: bool) -> dict[str, Any]:
        if entry["key"] in self.rejects:
            return self._failure(entry, self.rejects[entry["key"]], "The variable was rejected")
        now = self.clock()
        made = VercelVariable(_id("env"), entry["key"], entry["value"], entry["type"], (), now, now)
        self._change(project, made, entry)
        clash = next((one for one in project.variables.values() if made.collides(one)), None)
        if clash and not upsert:
            return self._failure(entry, "ENV_CONFLICT", f"A variable with the name {made.key} already exists")
        if clash:
            # The description does not say what becomes of the other targets of a shared record: here they are
            # lost, so that whoever relies on the kinder reading is found out.
            self._change(project, clash, entry)
            return self._shown_variable(clash, decrypted=False)
        if not self.drops_writes:
            project.variables[made.id] = made
        return self._shown_variable(made, decrypted=False)

    @staticmethod
    def _failure(entry: Mapping[str, Any], code: str, message: str) -> dict[str, Any]:
        where = {"envVarKey": entry["key"], "target": entry.get("target", [])}
        return {"error": {"code": code, "message": message, **where}}

    def _change(self, project: VercelProject, variable: VercelVariable, entry: Mapping[str, Any]) -> None:
        """Apply the given fields to a record. Raises :class:`Reject` for what Vercel would refuse."""
        target = tuple(entry.get("target", variable.target))
        custom = tuple(entry.get("customEnvironmentIds", variable.custom_environments))
        unknown = [one for one in custom if one not in project.custom_environments]
        if not set(target) <= set(TARGETS) or entry.get("type", "plain") not in TYPES or unknown:
            raise Reject(self._refusal(400, "bad_request", "Invalid request: unknown target or type."))
        if not (target or custom):
            raise Reject(self._refusal(400, "bad_request", "Invalid request: target is required."))
        if variable.type == "sensitive" and entry.get("type", "sensitive") != "sensitive":
            raise Reject(self._refusal(400, "bad_request", "The type of a sensitive variable cannot be changed."))
        if self.drops_writes:
            return
        variable.target, variable.custom_environments = target, custom
        variable.key, variable.type = entry.get("key", variable.key), entry.get("type", variable.type)
        variable.value, variable.comment = entry.get("value", variable.value), entry.get("comment", variable.comment)
        variable.branch = entry.get("gitBranch", variable.branch)
        variable.updated_at = self.clock()

    @route("PATCH", "/v9/projects/{project}/env/{id}")
    def update_variable(self, request: Request) -> Response:
        project = self._project(request)
        variable = self._variable(project, request)
        self._change(project, variable, request.json())
        return Response(200, self._shown_variable(variable, decrypted=False))

    @route("DELETE", "/v9/projects/{project}/env/{id}")
    def delete_variable(self, request: Request) -> Response:
        project = self._project(request)
        variable = self._variable(project, request)
        del project.variables[variable.id]
        return Response(200, self._shown_variable(variable, decrypted=False))

    @route("GET", "/v1/env")
    def list_shared_variables(self, _request: Request) -> Response:
        """Variables that a team shares between projects: this team has none."""
        return Response(200, {"data": [], "pagination": {"count": 0, "next": None, "prev": None}})

    # --- deployments ----------------------------------------------------------------------------------------

    @route("POST", "/v13/deployments")
    def create_deployment(self, request: Request) -> Response:
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
        made = VercelDeployment(_id("dpl"), project.id, target, self.clock(), dict(environment), meta)
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
        else:
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

    def _common(self, one: VercelDeployment) -> dict[str, Any]:
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

    def _listed(self, one: VercelDeployment) -> dict[str, Any]:
        created = milliseconds(one.created_at)
        return {"uid": one.id, "created": created, "state": one.state, **self._common(one)}

    def _shown(self, one: VercelDeployment) -> dict[str, Any]:
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
