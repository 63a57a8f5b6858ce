"""Environment variables at Vercel."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from releaseguard.harmless import JsonDocument
from releaseguard.sandbox.serving.exchange import Reject, Request, Response, milliseconds
from releaseguard.sandbox.serving.stand_in import route
from releaseguard.sandbox.vercel.projects import VercelProjects
from releaseguard.sandbox.vercel.values import VercelProject, VercelVariable, new_id

TARGETS = ("production", "preview", "development")


TYPES = ("system", "secret", "encrypted", "plain", "sensitive")


class VercelVariables(VercelProjects):
    """Environment variables."""

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
            new_id("env"), key, value, type_, tuple(target), now, now, tuple(custom_environments), branch
        )
        with self.lock:
            project.variables[variable.id] = variable
        return variable

    def environment(self, project: VercelProject, target: str, branch: str | None = None) -> dict[str, str]:
        """What a deployment to ``target`` would hold if it were created now."""
        serving = [one for one in project.variables.values() if one.serves(target, branch)]
        return {one.key: one.value for one in sorted(serving, key=lambda one: one.branch is not None)}

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

    def _shown_variable(self, one: VercelVariable, *, decrypted: bool) -> JsonDocument:
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
        """Make one variable or several; those that cannot be made are named beside those that were."""
        project, body = self._project(request), request.json()
        given = body if isinstance(body, list) else [body]
        created: list[JsonDocument] = []
        failed: list[JsonDocument] = []
        for entry in given:
            outcome = self._create_variable(project, entry, upsert=request.query.get("upsert") == "true")
            (failed if "error" in outcome else created).append(outcome)
        clashed = [one for one in failed if isinstance(one["error"], dict) and one["error"]["code"] == "ENV_CONFLICT"]
        if clashed and not isinstance(body, list):
            return Response(400, clashed[0])
        shown = created if isinstance(body, list) or not created else created[0]
        return Response(201, {"created": shown, "failed": failed})

    def _create_variable(self, project: VercelProject, entry: Mapping[str, Any], *, upsert: bool) -> JsonDocument:
        if entry["key"] in self.rejects:
            return self._failure(entry, self.rejects[entry["key"]], "The variable was rejected")
        now = self.clock()
        made = VercelVariable(new_id("env"), entry["key"], entry["value"], entry["type"], (), now, now)
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
    def _failure(entry: Mapping[str, Any], code: str, message: str) -> JsonDocument:
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
