"""A world is whole: everything is in step, everything is configured, nothing repeats from run to run."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from releaseguard.compose.known import configuration
from releaseguard.sandbox.household import SMALL
from releaseguard.sandbox.world import Login, World

Client = Callable[..., httpx2.Client]


@pytest.mark.parametrize("wide", [False, True])
def test_at_first_every_destination_holds_the_first_version(wide: bool) -> None:
    world = World(wide=wide)
    for holding in SMALL:
        for name in holding.names:
            assert world.holders(name, 1) >= set(world.destinations[holding.provider])
    for uri in world.destinations["sendgrid"]:
        expected = None if uri.startswith("github-dependabot:") else "1"
        assert world.value_at(uri, "SENDGRID_API_KEY_VERSION") == expected


def test_a_wide_world_has_three_github_two_vercel_and_one_supabase_destination() -> None:
    kinds = sorted(uri.partition(":")[0] for uri in World(wide=True).destinations["sendgrid"])
    assert kinds == ["github", "github", "github-dependabot", "supabase", "vercel", "vercel"]


def test_a_new_key_is_behind_everywhere_until_it_is_pushed(world: World) -> None:
    assert world.new_key("SENDGRID_API_KEY") == 2
    assert world.holders("SENDGRID_API_KEY", 2) == set()
    uri = world.destinations["sendgrid"][0]
    world.put_at(uri, "SENDGRID_API_KEY", world.infisical.value("SENDGRID_API_KEY"))
    assert world.holders("SENDGRID_API_KEY", 2) == {uri}


def test_targets_that_disagree_hold_nothing_for_certain(world: World) -> None:
    uri = f"vercel:{world.web.id}/production,preview"
    world.vercel.put(world.web, "SPLIT", "a", ("production",))
    world.vercel.put(world.web, "SPLIT", "b", ("preview",))
    assert world.value_at(uri, "SPLIT") is None


def test_its_configuration_is_one_that_commands_can_read(world: World, tmp_path: Path) -> None:
    path = world.write(tmp_path, extra='[verify]\nwindow = "10m"\n')
    loaded = configuration.load(path, environment=None, environ=world.environ())
    assert (loaded.app.url, loaded.verify.window) == (world.app.url, "10m")
    for provider, uris in world.destinations.items():
        assert list(loaded.destinations_of(provider)) == uris
    assert loaded.providers["sendgrid"].sources == world.sources


def test_no_confidential_value_stands_in_its_configuration(world: World) -> None:
    assert [value for value in world.values() if value in world.toml()] == []


@pytest.mark.parametrize(
    ("login", "names"),
    [
        (Login.UNIVERSAL, {"INFISICAL_CLIENT_ID", "INFISICAL_CLIENT_SECRET"}),
        (Login.TOKEN, {"INFISICAL_TOKEN"}),
        (
            Login.OIDC,
            {
                "INFISICAL_IDENTITY_ID",
                "GITHUB_ACTIONS",
                "ACTIONS_ID_TOKEN_REQUEST_URL",
                "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
            },
        ),
    ],
)
def test_the_environment_holds_one_way_to_sign_in(world: World, login: Login, names: set[str]) -> None:
    others = {"RELEASEGUARD_GITHUB_TOKEN", "VERCEL_TOKEN", "SUPABASE_ACCESS_TOKEN"}
    assert set(world.environ(login)) == names | others


def test_the_oidc_way_leads_to_an_access_token(world: World, client: Client) -> None:
    environ = world.environ(Login.OIDC)
    actions = client(world.github, environ["ACTIONS_ID_TOKEN_REQUEST_TOKEN"])
    token = actions.get(environ["ACTIONS_ID_TOKEN_REQUEST_URL"], params={"audience": "infisical"}).json()["value"]
    body = {"identityId": environ["INFISICAL_IDENTITY_ID"], "jwt": token}
    assert client(world.infisical).post("/api/v1/auth/oidc-auth/login", json=body).status_code == 200


def test_two_worlds_share_no_value() -> None:
    assert set(World().values()) & set(World().values()) == set()


def test_stopping_twice_is_harmless_and_closes_every_port() -> None:
    world = World().start()
    places = [urlsplit(stand_in.url) for stand_in in world.stand_ins]
    world.stop()
    world.stop()
    for place in places:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((str(place.hostname), int(place.port or 0)), timeout=2)
