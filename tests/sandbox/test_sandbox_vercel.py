"""The Vercel stand-in: records that serve several targets, and deployments that hold what was there before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from releaseguard.sandbox.serving import faults
from releaseguard.sandbox.vercel.stand_in import VercelStandIn
from releaseguard.sandbox.vercel.values import VercelDeployment, VercelProject

Client = Callable[..., httpx2.Client]


@pytest.fixture
def vercel() -> Iterator[VercelStandIn]:
    with VercelStandIn() as running:
        yield running
    assert running.crashes == []


@pytest.fixture
def project(vercel: VercelStandIn) -> VercelProject:
    return vercel.add_project("lovendo-web", ("qa",))


@pytest.fixture
def api(vercel: VercelStandIn, client: Client) -> httpx2.Client:
    return client(vercel, vercel.token, params={"teamId": vercel.team_id})


def redeploy(api: httpx2.Client, original: VercelDeployment, **more: Any) -> str:
    body = {"name": "lovendo-web", "deploymentId": original.id, "target": "production", **more}
    made: str = api.post("/v13/deployments", json=body).json()["id"]
    return made


def state(api: httpx2.Client, deployment: str) -> str:
    found: str = api.get(f"/v13/deployments/{deployment}").json()["readyState"]
    return found


def test_a_deployment_holds_the_environment_of_its_making(
    vercel: VercelStandIn, project: VercelProject, api: httpx2.Client
) -> None:
    variable = vercel.put(project, "KEY", "old")
    first = vercel.deploy(project, "r1")
    api.patch(f"/v9/projects/{project.id}/env/{variable.id}", json={"value": "new"})
    assert first.environment == {"KEY": "old"}
    made = redeploy(api, first)
    assert vercel.serving(project) is first
    assert [state(api, made) for _ in range(2)] == ["INITIALIZING", "READY"]
    served = vercel.serving(project)
    assert served is not None
    assert (served.id, served.environment, served.release) == (made, {"KEY": "new"}, "r1")


def test_a_redeploy_can_inherit_the_old_environment(
    vercel: VercelStandIn, project: VercelProject, api: httpx2.Client
) -> None:
    variable = vercel.put(project, "KEY", "old")
    first = vercel.deploy(project, "r1")
    variable.value, vercel.inherits_old_environment = "new", True
    redeploy(api, first)
    assert project.deployments[-1].environment == {"KEY": "old"}


def test_a_redeploy_can_go_to_preview(vercel: VercelStandIn, project: VercelProject, api: httpx2.Client) -> None:
    first = vercel.deploy(project, "r1")
    vercel.deploys_to_preview = True
    made = redeploy(api, first)
    vercel.finish_all()
    assert vercel.serving(project) is first
    assert api.get(f"/v13/deployments/{made}").json()["target"] is None


def test_a_failed_build_is_not_served_and_says_why(
    vercel: VercelStandIn, project: VercelProject, api: httpx2.Client
) -> None:
    first = vercel.deploy(project, "r1")
    vercel.next_fates = ["ERROR"]
    made = redeploy(api, first)
    assert [state(api, made) for _ in range(2)] == ["INITIALIZING", "ERROR"]
    assert "exited with 1" in api.get(f"/v13/deployments/{made}").json()["errorMessage"]
    assert vercel.serving(project) is first


def test_a_deployment_is_found_again_by_what_was_said_in_meta(
    vercel: VercelStandIn, project: VercelProject, api: httpx2.Client
) -> None:
    first = vercel.deploy(project, "r1")
    redeploy(api, first, meta={"rotation": "a"})
    made = redeploy(api, first, meta={"rotation": "b"})
    query = {"projectId": project.id, "target": "production"}
    listed = api.get("/v6/deployments", params=query).json()["deployments"]
    assert [one["meta"].get("rotation") for one in listed] == ["b", "a", None]
    assert [
        one["uid"] for one in api.get("/v6/deployments", params={**query, "meta-rotation": "b"}).json()["deployments"]
    ] == [made]


def test_a_rollback_brings_the_old_environment_back(vercel: VercelStandIn, project: VercelProject) -> None:
    variable = vercel.put(project, "KEY", "old")
    first = vercel.deploy(project, "r1")
    variable.value = "new"
    vercel.deploy(project, "r2")
    vercel.serve(project, first)
    served = vercel.serving(project)
    assert served is not None
    assert served.environment == {"KEY": "old"}


def test_one_record_serves_several_targets_and_a_careless_upsert_loses_one(
    vercel: VercelStandIn, project: VercelProject, api: httpx2.Client
) -> None:
    vercel.put(project, "KEY", "old", ("production", "preview"))
    entry = {"key": "KEY", "value": "new", "type": "encrypted", "target": ["production"]}
    path = f"/v10/projects/{project.id}/env"
    assert api.post(path, json=entry).json()["error"]["code"] == "ENV_CONFLICT"
    assert api.post(path, params={"upsert": "true"}, json=entry).status_code == 201
    assert vercel.environment(project, "production") == {"KEY": "new"}
    assert vercel.environment(project, "preview") == {}


def test_custom_environments_and_branches_have_their_own_values(vercel: VercelStandIn, project: VercelProject) -> None:
    (qa,) = project.custom_environments
    vercel.put(project, "KEY", "qa", (), custom_environments=[qa])
    vercel.put(project, "KEY", "any", ("preview",))
    vercel.put(project, "KEY", "branch", ("preview",), branch="feature")
    assert vercel.environment(project, qa) == {"KEY": "qa"}
    assert vercel.environment(project, "preview") == {"KEY": "any"}
    assert vercel.environment(project, "preview", "feature") == {"KEY": "branch"}


@pytest.mark.parametrize(
    ("type_", "listed", "read"), [("plain", "v", "v"), ("encrypted", None, "v"), ("sensitive", "", "")]
)
def test_what_is_shown_of_a_value(
    vercel: VercelStandIn, project: VercelProject, api: httpx2.Client, type_: str, listed: str | None, read: str
) -> None:
    variable = vercel.put(project, "KEY", "v", type_=type_)
    (shown,) = api.get(f"/v10/projects/{project.id}/env").json()["envs"]
    assert shown["value"] == listed or (listed is None and shown["value"] not in {"", "v"})
    assert api.get(f"/v1/projects/{project.id}/env/{variable.id}").json()["value"] == read


def test_a_201_can_hold_failures(vercel: VercelStandIn, project: VercelProject, api: httpx2.Client) -> None:
    vercel.rejects["BAD"] = "FORBIDDEN"
    entries = [{"key": name, "value": "v", "type": "plain", "target": ["production"]} for name in ("BAD", "GOOD")]
    answer = api.post(f"/v10/projects/{project.id}/env", json=entries)
    assert answer.status_code == 201
    assert [one["key"] for one in answer.json()["created"]] == ["GOOD"]
    assert [one["error"]["code"] for one in answer.json()["failed"]] == ["FORBIDDEN"]
    assert vercel.environment(project, "production") == {"GOOD": "v"}


def test_a_sensitive_variable_stays_sensitive(
    vercel: VercelStandIn, project: VercelProject, api: httpx2.Client
) -> None:
    variable = vercel.put(project, "KEY", "v", type_="sensitive")
    path = f"/v9/projects/{project.id}/env/{variable.id}"
    assert api.patch(path, json={"type": "plain"}).status_code == 400
    assert api.patch(path, json={"value": "w"}).status_code == 200
    assert variable.value == "w"


def test_writes_can_be_dropped_behind_a_good_answer(
    vercel: VercelStandIn, project: VercelProject, api: httpx2.Client
) -> None:
    variable, vercel.drops_writes = vercel.put(project, "KEY", "v"), True
    assert api.patch(f"/v9/projects/{project.id}/env/{variable.id}", json={"value": "w"}).status_code == 200
    assert variable.value == "v"


def test_other_teams_and_tokens_are_refused(vercel: VercelStandIn, project: VercelProject, client: Client) -> None:
    path = f"/v10/projects/{project.id}/env"
    assert client(vercel).get(path).status_code == 401
    assert client(vercel, "wrong").get(path).json()["error"]["invalidToken"] is True
    assert client(vercel, vercel.token).get(path).status_code == 404


def test_the_limit_says_when_it_is_reset(vercel: VercelStandIn, project: VercelProject, api: httpx2.Client) -> None:
    vercel.fail_next("GET", "/env", faults.vercel_limit(5, 1_900_000_000))
    answer = api.get(f"/v10/projects/{project.id}/env")
    limit = answer.json()["error"]["limit"]
    assert (answer.status_code, limit["remaining"], limit["reset"]) == (429, 0, 1_900_000_000)
