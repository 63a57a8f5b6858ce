"""The GitHub stand-in opens boxes, keeps scopes apart, and refuses as GitHub does."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from nacl.public import PrivateKey, PublicKey, SealedBox

from releaseguard.sandbox.github.stand_in import GitHubStandIn
from releaseguard.sandbox.serving import faults
from releaseguard.sandbox.world import World

Client = Callable[..., httpx2.Client]
SECRETS = "/repos/lovendo/app/actions/secrets"


def sealed(key: str, value: str) -> str:
    box = SealedBox(PublicKey(base64.b64decode(key)))
    return base64.b64encode(box.encrypt(value.encode())).decode()


def put(github: httpx2.Client, place: str, name: str, value: str) -> httpx2.Response:
    key = github.get(f"{place}/public-key").json()
    return github.put(f"{place}/{name}", json={"encrypted_value": sealed(key["key"], value), "key_id": key["key_id"]})


def test_a_sealed_box_is_opened_and_the_value_kept(world: World, client: Client) -> None:
    github = client(world.github, world.github.token)
    assert put(github, SECRETS, "NEW", "välue\n").status_code == 201
    assert world.github.value("lovendo/app", "NEW") == "välue\n"
    assert "välue" not in github.get(f"{SECRETS}/NEW").text


@pytest.mark.parametrize("wrong", ["key of another place", "key_id", "no box", "no base64"])
def test_what_cannot_be_opened_is_422_and_changes_nothing(world: World, client: Client, wrong: str) -> None:
    github = client(world.github, world.github.token)
    key = github.get(f"{SECRETS}/public-key").json()
    other = base64.b64encode(bytes(PrivateKey.generate().public_key)).decode()
    body = {"encrypted_value": sealed(key["key"], "v"), "key_id": key["key_id"]}
    body |= {
        "key of another place": {"encrypted_value": sealed(other, "v")},
        "key_id": {"key_id": "1"},
        "no box": {"encrypted_value": base64.b64encode(b"x" * 60).decode()},
        "no base64": {"encrypted_value": "*"},
    }[wrong]
    assert github.put(f"{SECRETS}/NEW", json=body).status_code == 422
    assert world.github.value("lovendo/app", "NEW") is None


def test_a_renewed_key_no_longer_opens_old_boxes(world: World, client: Client) -> None:
    github = client(world.github, world.github.token)
    key = github.get(f"{SECRETS}/public-key").json()
    world.github.place("lovendo/app").rotate_key()
    body = {"encrypted_value": sealed(key["key"], "v"), "key_id": key["key_id"]}
    assert github.put(f"{SECRETS}/NEW", json=body).status_code == 422


def test_stores_of_the_same_name_are_apart(world: World, client: Client) -> None:
    github = client(world.github, world.github.token)
    places = {
        SECRETS: "repository",
        "/repos/lovendo/app/environments/production/secrets": "environment",
        "/repos/lovendo/app/dependabot/secrets": "dependabot",
    }
    for place, value in places.items():
        put(github, place, "SAME", value)
    assert world.github.value("lovendo/app", "SAME") == "repository"
    assert world.github.value("lovendo/app", "SAME", "production") == "environment"
    assert world.github.value("lovendo/app", "SAME", dependabot=True) == "dependabot"
    assert world.github.value("lovendo/app", "SAME", "staging") is None


def test_a_second_write_within_one_second_does_not_move_updated_at(client: Client) -> None:
    moment = datetime(2026, 11, 24, 10, 0, 0, 100_000, tzinfo=UTC)
    with GitHubStandIn(lambda: moment) as stand_in:
        stand_in.add_repository("lovendo/app")
        github = client(stand_in, stand_in.token)
        put(github, SECRETS, "A", "1")
        first = github.get(f"{SECRETS}/A").json()["updated_at"]
        moment += timedelta(milliseconds=800)
        put(github, SECRETS, "A", "2")
        assert github.get(f"{SECRETS}/A").json()["updated_at"] == first == "2026-11-24T10:00:00Z"
        moment += timedelta(milliseconds=200)
        put(github, SECRETS, "A", "3")
        assert github.get(f"{SECRETS}/A").json()["updated_at"] == "2026-11-24T10:00:01Z"


def test_an_organization_secret_is_seen_by_selected_repositories_only(world: World, client: Client) -> None:
    github = client(world.github, world.github.token)
    key = github.get("/orgs/lovendo/actions/secrets/public-key").json()
    chosen = world.github.repositories["lovendo/app"].id
    body = {"encrypted_value": sealed(key["key"], "v"), "key_id": key["key_id"]}
    selected = {"visibility": "selected", "selected_repository_ids": [chosen]}
    assert github.put("/orgs/lovendo/actions/secrets/ORG", json=body).status_code == 422
    assert github.put("/orgs/lovendo/actions/secrets/ORG", json=body | selected).status_code == 201
    seen = {
        name: github.get(f"/repos/lovendo/{name}/actions/organization-secrets").json()["total_count"]
        for name in ("app", "website")
    }
    assert seen == {"app": 1, "website": 0}


@pytest.mark.parametrize(
    ("token", "path", "status"),
    [
        (None, "/user", 401),
        ("ghp_wrong", "/user", 401),
        ("actions", "/user", 200),
        ("actions", SECRETS, 403),
        ("good", "/repos/lovendo/nope", 404),
        ("good", "/repos/lovendo/app/environments/nope/secrets", 404),
        ("good", f"{SECRETS}/NOPE", 404),
    ],
)
def test_refusals(world: World, client: Client, token: str | None, path: str, status: int) -> None:
    world.github.tokens["actions"] = False
    given = world.github.token if token == "good" else token
    assert client(world.github, given).get(path).status_code == status


def test_limits_are_told_in_headers_and_faults_have_githubs_form(world: World, client: Client) -> None:
    github = client(world.github, world.github.token)
    first, second = (github.get(SECRETS) for _ in range(2))
    left = [int(answer.headers["x-ratelimit-remaining"]) for answer in (first, second)]
    assert left[1] == left[0] - 1
    world.github.fail_next("GET", "/secrets", faults.github_secondary_limit(3))
    world.github.fail_next("GET", "/secrets", faults.github_primary_limit(1_900_000_000.9))
    secondary, primary = (github.get(SECRETS) for _ in range(2))
    assert (secondary.status_code, secondary.headers["retry-after"]) == (403, "3")
    assert (primary.headers["x-ratelimit-remaining"], primary.headers["x-ratelimit-reset"]) == ("0", "1900000000")
    assert "retry-after" not in primary.headers


def test_lists_come_in_pages_with_a_link_to_the_next(world: World, client: Client) -> None:
    for number in range(5):
        world.github.put("lovendo/website", f"S{number}", "v")
    github = client(world.github, world.github.token)
    names, path = [], "/repos/lovendo/website/actions/secrets?per_page=2"
    while path:
        answer = github.get(path)
        names += [secret["name"] for secret in answer.json()["secrets"]]
        path = answer.links.get("next", {}).get("url", "")
    assert names == ["S0", "S1", "S2", "S3", "S4"]


def test_hidden_alerts_do_not_hold_the_secret(world: World, client: Client) -> None:
    world.github.add_alert("lovendo/app", "sendgrid_api_key", "SG.value")
    github = client(world.github, world.github.token)
    path = "/repos/lovendo/app/secret-scanning/alerts"
    assert "SG.value" in github.get(path).text
    assert "SG.value" not in github.get(path, params={"hide_secret": "true"}).text
    assert github.patch(f"{path}/1", json={"state": "resolved"}).status_code == 422
    github.patch(f"{path}/1", json={"state": "resolved", "resolution": "revoked"})
    assert github.get(path, params={"state": "open"}).json() == []


def test_only_the_installed_app_gets_an_installation_token(world: World, client: Client) -> None:
    from github.Auth import AppAuth

    app = world.github.add_app()
    signed = AppAuth(app.app_id, app.pem).create_jwt()
    stranger = AppAuth(app.app_id, type(app)().pem).create_jwt()
    path = "/app/installations/1/access_tokens"
    assert client(world.github, stranger).post(path, json={}).status_code == 401
    token = client(world.github, signed).post(path, json={}).json()["token"]
    assert client(world.github, token).get("/installation/repositories").json()["total_count"] == 2


def test_pygithub_understands_it(world: World) -> None:
    from github import Auth, Github

    at_once = {"seconds_between_requests": 0, "seconds_between_writes": 0}
    github = Github(base_url=world.github.url, auth=Auth.Token(world.github.token), **at_once)
    try:
        repository = github.get_repo("lovendo/app")
        repository.create_secret("BY_PYGITHUB", "value")
        repository.get_environment("production").create_secret("BY_PYGITHUB", "other")
        assert {one.full_name for one in github.get_organization("lovendo").get_repos()} == {
            "lovendo/app",
            "lovendo/website",
        }
    finally:
        github.close()
    assert world.github.value("lovendo/app", "BY_PYGITHUB") == "value"
    assert world.github.value("lovendo/app", "BY_PYGITHUB", "production") == "other"
