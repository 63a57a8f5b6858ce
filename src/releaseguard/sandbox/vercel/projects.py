"""Projects at Vercel, and what its answers have in common."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import ClassVar

from releaseguard.model import utc_now
from releaseguard.sandbox.serving.exchange import Clock, Reject, Request, Response, milliseconds
from releaseguard.sandbox.serving.stand_in import StandIn, route
from releaseguard.sandbox.vercel.values import VercelProject, new_id


class VercelProjects(StandIn):
    """Projects of one team; who may ask, and the shape of refusals."""

    name: ClassVar[str] = "vercel"

    def __init__(self, clock: Clock = utc_now) -> None:
        super().__init__(clock)
        self.token = secrets.token_urlsafe(18)
        self.tokens = {self.token}
        self.team_id = new_id("team")
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

    def add_project(self, name: str, custom_environments: Iterable[str] = ()) -> VercelProject:
        project = VercelProject(new_id("prj"), name, self.clock())
        project.custom_environments = {new_id("env"): slug for slug in custom_environments}
        self.projects[project.id] = project
        return project

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

    @route("GET", "/v2/user")
    def get_user(self, _request: Request) -> Response:
        return Response(200, {"user": {"id": "user", "username": "release-bot", "limited": True, "email": None}})

    @route("GET", "/v2/teams/{team}")
    def get_team(self, request: Request) -> Response:
        if request.params["team"] != self.team_id:
            return self._refusal(403, "forbidden", "Not authorized")
        return Response(200, {"id": self.team_id, "slug": "sandbox", "name": "Sandbox", "limited": True})

    @route("GET", "/v9/projects/{project}/custom-environments")
    def list_custom_environments(self, request: Request) -> Response:
        project = self._project(request)
        at = milliseconds(project.created_at)
        common = {"type": "preview", "createdAt": at, "updatedAt": at}
        shown = [{"id": id_, "slug": slug, **common} for id_, slug in project.custom_environments.items()]
        return Response(200, {"accountLimit": {"total": 12}, "environments": shown})
