"""Deployments of a Vercel project.

Source: Vercel's REST API description of deployments and projects (2025-10). Environment variables take effect in new
deployments only (https://vercel.com/docs/environment-variables). What a redeployment inherits is described ambiguously,
so a new deployment proves nothing by itself: the app's own events do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from releaseguard.deployments.interface import Deployer, HostingDeployment, Phase
from releaseguard.errors import ServiceError
from releaseguard.http import ServiceClient, member, quoted
from releaseguard.services.vercel.answers import DeploymentDocument

PAGE: Final = 100
MOST_PAGES: Final = 10
"""How far back :meth:`VercelDeployer.find` looks: a thousand deployments of one target."""

MOST_KEPT: Final = 2 * PAGE
"""How many deployments :meth:`VercelDeployer.kept` looks at."""

_PHASES: Final[Mapping[str, Phase]] = {
    "READY": Phase.READY,
    "ERROR": Phase.FAILED,
    "CANCELED": Phase.FAILED,
    "BLOCKED": Phase.FAILED,
    "DELETED": Phase.FAILED,
}
"""Every other state (QUEUED, INITIALIZING, BUILDING, ones to come) is still running."""


class VercelDeployer(Deployer):
    """Redeploys what a target of one project serves. ``team_id`` goes with every request."""

    def __init__(self, client: ServiceClient, project: str, *, team_id: str | None = None) -> None:
        self.place = f"vercel:{project}"
        self._client = client
        self._project = project
        self._team = {"teamId": team_id} if team_id else {}

    def current(self, target: str) -> HostingDeployment | None:
        serving = self._serving(target)
        if serving is not None:
            return replace(self.get(serving), target=target)
        ready = (one for one in self._listed(target, {"state": "READY"}) if _state(one) == "READY")
        # A deployment that was built and not promoted (STAGED) has never served anybody.
        newest = next((one for one in ready if one.get("readySubstate") != "STAGED"), None)
        return replace(_deployment(newest), target=target) if newest else None

    def serving_id(self, target: str) -> str | None:
        return self._serving(target) or super().serving_id(target)

    def kept(self, before: datetime) -> Sequence[HostingDeployment]:
        """Every deployment has an address of its own, which goes on until somebody deletes it."""
        serving = self._serving("production")
        ready = islice(self._pages({"state": "READY"}), MOST_KEPT)
        found = [_deployment(one) for one in ready if _state(one) == "READY"]
        return [one for one in found if one.created_at < before and one.id != serving]

    def find(self, target: str, meta: Mapping[str, str]) -> HostingDeployment | None:
        # One that was missed here would be made a second time: the service's filter is not relied on alone.
        for filters in ({"target": target}, {}):
            for found in self._pages(filters):
                told = found.get("meta") or {}
                if all(told.get(key) == value for key, value in meta.items()) and _may_be_at(found, target):
                    return replace(_deployment(found), target=target)
        return None

    def redeploy(self, source: HostingDeployment, meta: Mapping[str, str]) -> HostingDeployment:
        """The same code again; the POST is sent once, and found again by ``meta`` where its answer is lost."""
        original = self._document(source.id)
        body = {
            "name": member(original, "name", self.place),
            "deploymentId": source.id,
            "meta": dict(meta),
            **_aim(source.target),
        }
        answer = self._client.request(
            "POST",
            "/v13/deployments",
            params={**self._team, "forceNew": "1"},  # the same code again is what is wanted
            json=body,
        )
        return replace(_deployment(answer.json()), target=source.target)

    def get(self, deployment_id: str) -> HostingDeployment:
        return _deployment(self._document(deployment_id))

    def _document(self, deployment_id: str) -> DeploymentDocument:
        reply = self._client.request("GET", f"/v13/deployments/{quoted(deployment_id)}", params=self._team)
        document: DeploymentDocument = reply.json()
        return document

    def _serving(self, target: str) -> str | None:
        """The id of what the target's domains point at: after a rollback that is not the newest deployment."""
        path = f"/v9/projects/{quoted(self._project)}"
        reply = self._client.request("GET", path, params=self._team, allow=(404,))
        if reply.status == 404:
            return None  # the listing, which needs less permission, says whether there is such a project
        serving: Any = reply.json()
        for name in ("targets", target):
            if not isinstance(serving, Mapping):
                raise ServiceError("the answer is not a project", where=reply.where)
            serving = serving.get(name) or {}
        return str(serving["id"]) if isinstance(serving, Mapping) and serving.get("id") else None

    def _listed(self, target: str, filters: Mapping[str, str]) -> Iterator[DeploymentDocument]:
        """The target's deployments, newest first, page by page as far as they are asked for."""
        return (one for one in self._pages({"target": target, **filters}) if _may_be_at(one, target))

    def _pages(self, filters: Mapping[str, str]) -> Iterator[DeploymentDocument]:
        params: dict[str, str | int | bool | None] = {
            **self._team,
            "projectId": self._project,
            "limit": PAGE,
            **filters,
        }
        for _ in range(MOST_PAGES):
            document = self._client.request("GET", "/v6/deployments", params=params).json()
            yield from member(document, "deployments", self.place)
            params["until"] = (document.get("pagination") or {}).get("next")
            if params["until"] is None:
                return


def _aim(target: str) -> Mapping[str, str]:
    """Where a new deployment goes: production is named, preview is what the API takes for unsaid."""
    if target == "preview":
        return {}
    return {"target": target} if target == "production" else {"customEnvironmentSlugOrId": target}


def _may_be_at(found: DeploymentDocument, target: str) -> bool:
    """Whether a deployment is at ``target``: the description lets answers leave that out, and a custom environment has
    an id and a slug."""
    custom = found.get("customEnvironment") or {}
    if custom:
        return target in {custom.get("slug"), custom.get("id")}
    return "target" not in found or _target(found) == target


def _target(found: DeploymentDocument) -> str:
    custom = found.get("customEnvironment") or {}
    return str(custom.get("slug") or custom.get("id") or found.get("target") or "preview")


def _deployment(found: DeploymentDocument) -> HostingDeployment:
    """A deployment of a listing (``uid``) or on its own (``id``)."""
    deployment_id = found.get("id") or found.get("uid")
    if not deployment_id:
        raise ServiceError("Vercel's answer names no deployment", where="api.vercel.com")
    state = _state(found)
    return HostingDeployment(
        id=str(deployment_id),
        target=_target(found),
        phase=_PHASES.get(state, Phase.RUNNING),
        state=state,
        created_at=datetime.fromtimestamp(float(found.get("createdAt") or found.get("created") or 0) / 1000, UTC),
        release=_release(found),
        url=f"https://{found['url']}" if found.get("url") else None,
        reason=_reason(found),
    )


def _state(found: DeploymentDocument) -> str:
    return str(found.get("readyState") or found.get("state") or found.get("status") or "QUEUED")


def _release(found: DeploymentDocument) -> str | None:
    """The commit: from the Git source, else from what the Git integration wrote into ``meta``."""
    meta = found.get("meta") or {}
    by_provider = (f"{provider}CommitSha" for provider in ("github", "gitlab", "bitbucket"))
    told = [(found.get("gitSource") or {}).get("sha"), *(meta.get(key) for key in by_provider)]
    return next((str(sha) for sha in told if sha), None)


_CANCELED = "canceled at Vercel: by a person, or by the project's Ignored Build Step, which skips what was built before"


def _reason(found: DeploymentDocument) -> str | None:
    alias = found.get("aliasError") or {}
    said = [
        found.get("errorMessage") or found.get("readyStateReason") or alias.get("message"),
        found.get("errorCode") or alias.get("code"),
    ]
    return " ".join(f"({word})" if number else str(word) for number, word in enumerate(said) if word) or (
        _CANCELED if _state(found) == "CANCELED" else None
    )
