"""The stand-ins' answers are what the official descriptions of GitHub, Vercel and Supabase promise."""

from __future__ import annotations

import base64
from collections.abc import Callable

import httpx2
import pytest
from nacl.public import PublicKey, SealedBox

from releaseguard.sandbox.serving.exchange import Recorded
from releaseguard.sandbox.world import World

Client = Callable[..., httpx2.Client]
Check = Callable[[Recorded], None]


def sealed(key: dict[str, str], value: str) -> dict[str, str]:
    box = SealedBox(PublicKey(base64.b64decode(key["key"])))
    return {"encrypted_value": base64.b64encode(box.encrypt(value.encode())).decode(), "key_id": key["key_id"]}


GITHUB_READS = (
    "/user",
    "/user/repos",
    "/rate_limit",
    "/orgs/lovendo",
    "/orgs/lovendo/repos",
    "/orgs/lovendo/actions/secrets",
    "/orgs/lovendo/actions/secrets/public-key",
    "/orgs/lovendo/secret-scanning/alerts",
    "/orgs/lovendo/actions/variables",
    "/repos/lovendo/app",
    "/repos/lovendo/app/environments",
    "/repos/lovendo/app/environments/production",
    "/repos/lovendo/app/actions/secrets",
    "/repos/lovendo/app/actions/secrets/SENDGRID_API_KEY",
    "/repos/lovendo/app/actions/organization-secrets",
    "/repos/lovendo/app/actions/variables",
    "/repos/lovendo/app/actions/variables/SENDGRID_API_KEY_VERSION",
    "/repos/lovendo/app/environments/production/secrets",
    "/repos/lovendo/app/environments/production/secrets/public-key",
    "/repos/lovendo/app/environments/production/variables",
    "/repos/lovendo/app/dependabot/secrets",
    "/repos/lovendo/app/dependabot/secrets/public-key",
    "/repos/lovendo/app/actions/runs?status=queued",
    "/repos/lovendo/app/actions/workflows",
    "/repos/lovendo/app/actions/workflows/deploy.yml/runs?per_page=5",
    "/repos/lovendo/app/secret-scanning/alerts?state=open&hide_secret=true",
    "/repos/lovendo/app/secret-scanning/alerts/1",
)


@pytest.mark.parametrize("path", GITHUB_READS)
def test_github_reads_are_in_contract(world: World, client: Client, in_contract: Check, path: str) -> None:
    world.github.add_run("lovendo/app")
    world.github.add_alert("lovendo/app", "sendgrid_api_key", world.infisical.value("SENDGRID_API_KEY"))
    client(world.github, world.github.token).get(path)
    in_contract(world.github.requests[-1])


@pytest.mark.parametrize(
    ("place", "more"),
    [
        ("/repos/lovendo/app/actions", {}),
        ("/repos/lovendo/app/environments/production", {}),
        ("/repos/lovendo/app/dependabot", {}),
        ("/orgs/lovendo/actions", {"visibility": "private"}),
        ("/orgs/lovendo/dependabot", {"visibility": "all"}),
    ],
)
def test_github_writes_are_in_contract(
    world: World, client: Client, in_contract: Check, place: str, more: dict[str, str]
) -> None:
    github = client(world.github, world.github.token)
    key = github.get(f"{place}/secrets/public-key").json()
    statuses = [
        github.put(f"{place}/secrets/NEW_KEY", json={**sealed(key, "value"), **more}).status_code,
        github.put(f"{place}/secrets/NEW_KEY", json={**sealed(key, "value"), **more}).status_code,
        github.delete(f"{place}/secrets/NEW_KEY").status_code,
    ]
    assert statuses == [201, 204, 204]
    for record in world.github.requests:
        in_contract(record)


@pytest.mark.parametrize("place", ["/repos/lovendo/app/actions", "/repos/lovendo/app/environments/production"])
def test_github_variables_are_in_contract(world: World, client: Client, in_contract: Check, place: str) -> None:
    github = client(world.github, world.github.token)
    github.post(f"{place}/variables", json={"name": "A_VERSION", "value": "1"})
    github.patch(f"{place}/variables/A_VERSION", json={"value": "2"})
    github.get(f"{place}/variables/A_VERSION")
    github.delete(f"{place}/variables/A_VERSION")
    assert [record.status for record in world.github.requests] == [201, 204, 200, 204]
    for record in world.github.requests:
        in_contract(record)


def test_github_alerts_and_dispatches_are_in_contract(world: World, client: Client, in_contract: Check) -> None:
    number = world.github.add_alert("lovendo/app", "sendgrid_api_key", "SG.x")
    github = client(world.github, world.github.token)
    body = {"state": "resolved", "resolution": "revoked"}
    github.patch(f"/repos/lovendo/app/secret-scanning/alerts/{number}", json=body)
    github.post("/repos/lovendo/app/dispatches", json={"event_type": "rotate", "client_payload": {"provider": "x"}})
    assert [record.status for record in world.github.requests] == [200, 204]
    for record in world.github.requests:
        in_contract(record)


def test_vercel_environment_variables_are_in_contract(world: World, client: Client, in_contract: Check) -> None:
    project, team = world.web.id, {"teamId": world.vercel.team_id}
    vercel = client(world.vercel, world.vercel.token, params=team)
    path = f"/v10/projects/{project}/env"
    entry = {"key": "NEW", "value": "v", "type": "sensitive", "target": ["production"]}
    made = vercel.post(path, params={"upsert": "true"}, json=[entry]).json()["created"][0]["id"]
    vercel.post(path, json={**entry, "key": "OTHER", "type": "plain"})
    vercel.get(path)
    vercel.patch(f"/v9/projects/{project}/env/{made}", json={"value": "w", "comment": "rotation 1"})
    vercel.get(f"/v1/projects/{project}/env/{made}")
    vercel.delete(f"/v9/projects/{project}/env/{made}")
    vercel.get(f"/v9/projects/{project}/custom-environments")
    assert {record.status for record in world.vercel.requests} == {200, 201}
    for record in world.vercel.requests:
        in_contract(record)


def test_vercel_deployments_are_in_contract(world: World, client: Client, in_contract: Check) -> None:
    served = world.vercel.serving(world.web)
    assert served is not None
    vercel = client(world.vercel, world.vercel.token, params={"teamId": world.vercel.team_id})
    body = {"name": "lovendo-web", "deploymentId": served.id, "target": "production", "meta": {"rotation": "r"}}
    made = vercel.post("/v13/deployments", json=body).json()["id"]
    states = [vercel.get(f"/v13/deployments/{made}").json()["readyState"] for _ in range(3)]
    assert states == ["INITIALIZING", "READY", "READY"]
    vercel.get("/v6/deployments", params={"projectId": world.web.id, "target": "production", "state": "READY"})
    for record in world.vercel.requests:
        in_contract(record)


def test_supabase_is_in_contract(world: World, client: Client, in_contract: Check) -> None:
    supabase = client(world.supabase, world.supabase.token)
    home = f"/v1/projects/{world.edge.ref}"
    supabase.get("/v1/projects")
    supabase.get(f"{home}/functions")
    supabase.get(f"{home}/health", params={"services": "auth"})
    world.supabase.called(world.edge.ref, "twilio-sms", 500)
    function = world.edge.functions["twilio-sms"].id
    supabase.get(f"{home}/analytics/endpoints/logs.all")
    supabase.get(f"{home}/analytics/endpoints/logs.all", params={"sql": "select id from function_edge_logs"})
    asked = {"interval": "1hr", "function_id": function}
    counted = supabase.get(f"{home}/analytics/endpoints/functions.combined-stats", params=asked).json()["result"]
    assert [row["server_err_count"] for row in counted] == [1]
    supabase.post(f"{home}/secrets", json=[{"name": "NEW", "value": "v"}])
    supabase.get(f"{home}/secrets")
    supabase.request("DELETE", f"{home}/secrets", json=["NEW"])
    assert {record.status for record in world.supabase.requests} == {200, 201}
    for record in world.supabase.requests:
        in_contract(record)
