"""The Infisical stand-in answers as the recorded server does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from releaseguard.sandbox.infisical.stand_in import InfisicalStandIn
from releaseguard.sandbox.infisical.values import AuditLogs
from releaseguard.sandbox.serving import faults

Client = Callable[..., httpx2.Client]
SAMPLES = Path(__file__).parents[3] / "shared" / "facts" / "infisical" / "samples.json"


@pytest.fixture
def infisical() -> Iterator[InfisicalStandIn]:
    with InfisicalStandIn() as running:
        yield running
    assert running.crashes == []


def where(infisical: InfisicalStandIn) -> dict[str, str]:
    return {"workspaceId": infisical.project_id, "environment": "prod", "secretPath": "/"}


def shape(value: Any) -> Any:
    """What of an answer is form: names and types, one element of each list."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in sorted(value.items())}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def like_the_recorded_server(name: str, response: httpx2.Response) -> None:
    if not SAMPLES.exists():
        pytest.skip(f"the recorded exchanges {SAMPLES} are not on this machine")
    recorded = json.loads(SAMPLES.read_text(encoding="utf-8"))[name]["response"]
    assert response.status_code == recorded["status"]
    assert shape(response.json()) == shape(recorded["body"])


def test_secrets_have_the_recorded_shape(infisical: InfisicalStandIn, client: Client) -> None:
    infisical.of_2024 = True
    one, place = client(infisical, infisical.token), where(infisical)
    path = "/api/v3/secrets/raw/A"
    like_the_recorded_server("v3raw-create", one.post(path, json={**place, "secretValue": "1"}))
    like_the_recorded_server("v3raw-create-duplicate", one.post(path, json={**place, "secretValue": "1"}))
    like_the_recorded_server("v3raw-patch", one.patch(path, json={**place, "secretValue": "2"}))
    like_the_recorded_server("v3raw-get-latest", one.get(path, params=place))
    like_the_recorded_server("v3raw-get-version-99", one.get(path, params={**place, "version": "99"}))
    like_the_recorded_server("v3raw-get-version-nan", one.get(path, params={**place, "version": "abc"}))
    like_the_recorded_server("v3raw-patch-no-value", one.patch(path, json=place))
    like_the_recorded_server("v3raw-delete", one.request("DELETE", path, json=place))
    like_the_recorded_server("v3raw-delete-missing", one.request("DELETE", path, json=place))
    like_the_recorded_server("v3raw-get-missing", one.get(path, params=place))
    like_the_recorded_server("v3raw-patch-missing", one.patch(path, json={**place, "secretValue": "2"}))
    like_the_recorded_server("v4-get", one.get("/api/v4/secrets/A", params={"projectId": infisical.project_id}))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("v3raw-get-missing-env", {"environment": "nope"}),
        ("v3raw-get-missing-path", {"secretPath": "/nope"}),
        ("v3raw-get-unknown-project", {"workspaceId": "00000000-0000-0000-0000-000000000000"}),
        ("v3raw-get-no-environment", {"environment": ""}),
        ("v3raw-get-no-project", {"workspaceId": ""}),
    ],
)
def test_wrong_places_are_refused_as_recorded(
    infisical: InfisicalStandIn, client: Client, name: str, change: dict[str, str]
) -> None:
    infisical.of_2024 = True
    answer = client(infisical, infisical.token).get("/api/v3/secrets/raw/A", params={**where(infisical), **change})
    like_the_recorded_server(name, answer)


@pytest.mark.parametrize("change", [{"environment": "nope"}, {"secretPath": "/nope"}])
def test_listing_an_unknown_place_is_empty_and_no_error(
    infisical: InfisicalStandIn, client: Client, change: dict[str, str]
) -> None:
    infisical.put("A", "1")
    answer = client(infisical, infisical.token).get("/api/v3/secrets/raw", params={**where(infisical), **change})
    assert (answer.status_code, answer.json()["secrets"]) == (200, [])


def test_logins_have_the_recorded_shape(infisical: InfisicalStandIn, client: Client) -> None:
    infisical.of_2024 = True
    path, anyone = "/api/v1/auth/universal-auth/login", client(infisical)
    good = {"clientId": infisical.client_id, "clientSecret": infisical.client_secret}
    like_the_recorded_server("ua-login-ok", anyone.post(path, json=good))
    like_the_recorded_server("ua-login-bad-secret", anyone.post(path, json={**good, "clientSecret": "x"}))
    like_the_recorded_server("ua-login-unknown-client-id", anyone.post(path, json={**good, "clientId": "x"}))
    like_the_recorded_server("ua-login-missing-field", anyone.post(path, json={"clientId": infisical.client_id}))
    like_the_recorded_server("ua-login-malformed-json", anyone.post(path, content=b"{"))
    like_the_recorded_server("ua-login-with-garbage-bearer", client(infisical, "garbage").post(path, json=good))
    like_the_recorded_server("ua-login-with-expired-bearer", client(infisical, "a.b.c").post(path, json=good))


def test_tokens_are_refused_as_recorded(infisical: InfisicalStandIn, client: Client) -> None:
    infisical.of_2024 = True
    path, place = "/api/v3/secrets/raw/A", where(infisical)
    like_the_recorded_server("v3raw-get-no-token", client(infisical).get(path, params=place))
    like_the_recorded_server("v3raw-get-malformed-token", client(infisical, "garbage").get(path, params=place))
    token = infisical.new_token()
    infisical.revoke_tokens()
    like_the_recorded_server("v3raw-get-revoked-token", client(infisical, token).get(path, params=place))


def test_oidc_login_takes_only_known_tokens(infisical: InfisicalStandIn, client: Client) -> None:
    infisical.oidc_tokens.add("h.p.s")
    path = "/api/v1/auth/oidc-auth/login"
    body = {"identityId": infisical.identity_id, "jwt": "h.p.s"}
    assert client(infisical).post(path, json=body).json()["tokenType"] == "Bearer"
    assert client(infisical).post(path, json={**body, "jwt": "h.p.x"}).status_code == 403


def test_every_write_is_a_version_and_values_are_trimmed(infisical: InfisicalStandIn, client: Client) -> None:
    one, place = client(infisical, infisical.token), where(infisical)
    path = "/api/v3/secrets/raw/A"
    one.post(path, json={**place, "secretValue": "  padded  "})
    one.patch(path, json={**place, "secretValue": "padded"})
    one.patch(path, json={**place, "secretValue": "line\n\n"})
    assert infisical.newest("A") == 3
    assert [infisical.value("A", number) for number in (1, 2, 3)] == ["padded", "padded", "line\n"]


@pytest.mark.parametrize(("of_2024", "asked", "got"), [(False, "1", 1), (False, "9", None), (True, "1", 2)])
def test_a_version_is_honoured_by_current_servers_only(
    infisical: InfisicalStandIn, client: Client, of_2024: bool, asked: str, got: int | None
) -> None:
    infisical.of_2024 = of_2024
    infisical.put("A", "one")
    infisical.put("A", "two")
    params = {**where(infisical), "version": asked}
    answer = client(infisical, infisical.token).get("/api/v3/secrets/raw/A", params=params)
    assert answer.json().get("secret", {}).get("version") == got


def test_a_namesake_after_deletion_begins_anew(infisical: InfisicalStandIn, client: Client) -> None:
    one, place = client(infisical, infisical.token), where(infisical)
    path = "/api/v3/secrets/raw/A"
    first = one.post(path, json={**place, "secretValue": "1"}).json()["secret"]["id"]
    one.patch(path, json={**place, "secretValue": "2"})
    one.request("DELETE", path, json=place)
    second = one.post(path, json={**place, "secretValue": "3"}).json()["secret"]
    assert second["version"] == 1
    assert second["id"] != first
    assert one.get(path, params={**place, "version": "2"}).json()["secret"]["id"] == first


def test_a_protected_place_takes_writes_as_proposals(infisical: InfisicalStandIn, client: Client) -> None:
    infisical.requires_approval = True
    body = {**where(infisical), "secretValue": "1"}
    answer = client(infisical, infisical.token).post("/api/v3/secrets/raw/A", json=body).json()
    assert "secret" not in answer
    assert answer["approval"]["status"] == "open"
    assert infisical.newest("A") == 0
    infisical.approve_all()
    assert infisical.value("A") == "1"


def test_a_rotation_is_listed_and_makes_new_versions(infisical: InfisicalStandIn, client: Client) -> None:
    infisical.put("DB_PASSWORD", "old")
    rotation = infisical.add_rotation("postgres-credentials", {"password": "DB_PASSWORD"})
    one = client(infisical, infisical.token)
    listed = one.get("/api/v2/secret-rotations", params={"projectId": infisical.project_id}).json()
    assert [entry["secretsMapping"] for entry in listed["secretRotations"]] == [{"password": "DB_PASSWORD"}]
    path = f"/api/v2/secret-rotations/{rotation.type}/{rotation.id}/rotate-secrets"
    assert one.post(path).status_code == 200
    assert infisical.newest("DB_PASSWORD") == 2
    assert infisical.value("DB_PASSWORD") != "old"


def test_the_audit_log_depends_on_the_plan(infisical: InfisicalStandIn, client: Client) -> None:
    infisical.put("A", "1")
    one, path = client(infisical, infisical.token), "/api/v1/organization/audit-logs"
    one.get("/api/v3/secrets/raw/A", params=where(infisical))
    like_the_recorded_server("audit-ws", one.get(path))
    infisical.audit_logs = AuditLogs.FORBIDDEN
    assert one.get(path).status_code == 403
    infisical.audit_logs = AuditLogs.KEPT
    entries = one.get(path, params={"eventType": "get-secret", "secretKey": "A"}).json()["auditLogs"]
    assert [entry["event"]["metadata"]["secretKey"] for entry in entries] == ["A"]
    assert one.get(path, params={"secretKey": "B"}).json()["auditLogs"] == []


def test_the_limit_answers_429_with_a_time(infisical: InfisicalStandIn, client: Client) -> None:
    infisical.of_2024, infisical.requests_per_minute = True, 1
    infisical.put("A", "1")
    one = client(infisical, infisical.token)
    first, second = (one.get("/api/v3/secrets/raw/A", params=where(infisical)) for _ in range(2))
    assert first.headers["x-ratelimit-remaining"] == "0"
    like_the_recorded_server("ratelimit-429", second)
    assert 1 <= int(second.headers["retry-after"]) <= 60


def test_the_limit_as_a_fault_has_the_recorded_shape(infisical: InfisicalStandIn, client: Client) -> None:
    infisical.fail_next("GET", ".", faults.infisical_limit(7))
    answer = client(infisical, infisical.token).get("/api/v3/secrets/raw/A", params=where(infisical))
    like_the_recorded_server("ratelimit-429", answer)
    assert answer.headers["retry-after"] == "7"


def test_the_official_sdk_understands_it(infisical: InfisicalStandIn) -> None:
    from infisical_sdk import InfisicalSDKClient

    infisical.put("A", "1")
    sdk = InfisicalSDKClient(host=infisical.url, cache_ttl=None)
    try:
        sdk.auth.universal_auth.login(infisical.client_id, infisical.client_secret)
        found = sdk.secrets.get_secret_by_name("A", "prod", "/", project_id=infisical.project_id, version="1")
        assert (found.secretValue, found.version) == ("1", 1)
        listed = sdk.secrets.list_secrets("prod", "/", project_id=infisical.project_id)
        assert [secret.secretKey for secret in listed.secrets] == ["A"]
    finally:
        sdk.api.session.close()
