"""A place that two entries of the configuration spell differently is one place."""

from __future__ import annotations

import pytest

NAME = "SENDGRID_API_KEY"


def written(world) -> list[str]:
    stand_ins = (world.github, world.vercel, world.supabase)
    return [f"{one.method} {one.path}" for service in stand_ins for one in service.requests if one.writes]


def configure(world, cli, destinations: list[str], extra: str) -> None:
    world.destinations = {"sendgrid": destinations}
    world.write(cli.folder, extra=f'\n[rotation]\nlease = "1s"\n[network]\ntimeout = "2s"\n{extra}')


def staging(*destinations: str) -> str:
    listed = ", ".join(f'"{one}"' for one in destinations)
    return f"[environments.staging]\nproviders.sendgrid.destinations = [{listed}]\n"


@pytest.fixture
def spellings(world) -> dict[str, tuple[str, str]]:
    qa = next(iter(world.web.custom_environments))
    return {
        "id and name": (f"vercel:{world.web.id}/production,preview", f"vercel:{world.web.name}/preview"),
        "name and id": (f"vercel:{world.web.name}/production", f"vercel:{world.web.id}/production,preview"),
        "custom environment": (f"vercel:{world.web.id}/production,qa", f"vercel:{world.web.name}/{qa}"),
        "owner": ("github:lovendo/app", "github:Lovendo/app"),
        "repository": ("github-dependabot:lovendo/app", "github-dependabot:lovendo/APP"),
        "environment": ("github:lovendo/app@production", "github:lovendo/app@Production"),
    }


@pytest.mark.parametrize(
    "kind", ["id and name", "name and id", "custom environment", "owner", "repository", "environment"]
)
def test_two_environments_that_claim_one_place_are_told_before_anything_is_written(world, cli, spellings, kind):
    mine, theirs = spellings[kind]
    configure(world, cli, [mine], staging(theirs))
    world.new_key(NAME)
    for arguments in (["--yes"], ["--dry-run"], ["--resume"], ["--leak", "--reason", "gist", "--yes"]):
        done = cli.run("rotate", "sendgrid", *arguments)
        assert done.code == 2, done.everything
        assert "both claim SENDGRID_API_KEY" in done.err
        assert "shared" in done.err
    assert written(world) == []


@pytest.mark.parametrize("kind", ["id and name", "owner"])
def test_declared_as_shared_they_may(world, cli, spellings, kind):
    mine, theirs = spellings[kind]
    shared = f'[environments.staging]\nproviders.sendgrid = {{ destinations = ["{theirs}"], shared = true }}\n'
    configure(world, cli, [mine], shared)
    path = cli.folder / "releaseguard.toml"
    path.write_text(path.read_text().replace("[providers.sendgrid]\n", "[providers.sendgrid]\nshared = true\n"))
    world.new_key(NAME)
    done = cli.run("rotate", "sendgrid", "--yes", "--prove-within", "1s", "--json")
    assert done.code == 3, done.everything
    assert world.value_at(mine.replace(world.web.name, world.web.id), NAME) == world.infisical.value(NAME, 2)


def test_an_environment_that_only_inherits_destinations_does_not_stop_the_one_they_are_of(world, cli):
    configure(world, cli, ["github:lovendo/app"], '[environments.staging]\ninfisical.environment = "staging"\n')
    world.new_key(NAME)
    theirs = cli.run("rotate", "sendgrid", "--environment", "staging", "--yes")
    assert theirs.code == 2, theirs.everything
    assert "both claim" in theirs.err, "staging's value does not go to production's places"
    assert written(world) == []
    assert cli.run("rotate", "sendgrid", "--yes", "--prove-within", "1s").code == 3
    assert world.value_at("github:lovendo/app", NAME) == world.infisical.value(NAME, 2)


def test_two_providers_whose_names_differ_in_letter_case_are_one_secret_at_github(world, cli):
    other = '[providers.mapbox]\ndestinations = ["github:Lovendo/App as MAIL_KEY"]\n'
    own = '[providers.sendgrid.secrets.SENDGRID_API_KEY]\ndestinations = ["github:lovendo/app as mail_key"]\n'
    configure(world, cli, ["github:lovendo/app"], own + other)
    done = cli.run("rotate", "sendgrid", "--yes")
    assert done.code == 2, done.everything
    assert "both claim" in done.err
    assert written(world) == []


def test_a_new_name_for_a_list_of_several_secrets_is_a_mistake_of_the_configuration(world, cli):
    configure(world, cli, ["github:lovendo/app as MAIL_KEY"], "")
    world.new_key(NAME)
    for arguments in (["--dry-run"], ["--yes"], ["--secret", NAME, "--yes"]):
        done = cli.run("rotate", "sendgrid", *arguments)
        assert done.code == 2, done.everything
        assert "[providers.sendgrid.secrets.SENDGRID_API_KEY]" in done.err
    assert written(world) == []


def test_a_secret_with_a_place_of_its_own_goes_there_alone_under_each_of_its_names(world, cli):
    own = '[providers.sendgrid.secrets.SENDGRID_API_KEY]\ndestinations = ["github:lovendo/app"]\n'
    configure(world, cli, [f"supabase:{world.edge.ref}"], own + 'names = ["MAIL_KEY", "MAIL_KEY_2"]\n')
    world.new_key(NAME)
    done = cli.run("rotate", "sendgrid", "--yes", "--json", "--prove-within", "1s")
    assert done.code == 3, done.everything
    assert {one["name"] for one in done.json["destinations"]} == {
        "MAIL_KEY",
        "MAIL_KEY_2",
        "MAIL_KEY_VERSION",
        "MAIL_KEY_2_VERSION",
    }
    value = world.infisical.value(NAME, 2)
    assert [world.value_at("github:lovendo/app", name) for name in ("MAIL_KEY", "MAIL_KEY_2")] == [value, value]
    drifted = cli.run("drift", "--json")
    assert all(one["status"] == "in_step" for one in drifted.json["findings"] if one["secret"] == NAME), drifted.out


def test_another_project_under_a_name_is_no_conflict(world, cli):
    mine = f"vercel:{world.web.id}/production,preview"
    configure(world, cli, [mine], staging(f"vercel:{world.admin.name}/production"))
    world.new_key(NAME)
    assert cli.run("rotate", "sendgrid", "--dry-run").code == 0


def test_one_place_that_is_named_twice_is_a_mistake_of_the_configuration(world, cli):
    configure(world, cli, [f"vercel:{world.web.id}/production", f"vercel:{world.web.name}/production,preview"], "")
    done = cli.run("rotate", "sendgrid", "--yes")
    assert done.code == 2, done.everything
    assert "to one place twice" in done.err
    assert written(world) == []


def test_a_configured_place_is_no_unmanaged_copy_and_no_shadow_however_it_is_spelled(world, cli):
    edge = f"supabase:{world.edge.ref}"
    mine = [f"vercel:{world.web.id}/production", "github:lovendo/app", "github:lovendo/app@PRODUCTION", edge]
    configure(world, cli, mine, staging(f"vercel:{world.web.name}/preview,qa", f"vercel:{world.admin.name}/preview"))
    world.vercel.put(world.admin, NAME, "x", ["preview"])
    (qa,) = world.web.custom_environments
    world.vercel.put(world.web, NAME, "x", [], custom_environments=[qa])
    done = cli.run("drift", "--provider", "sendgrid", "--json")
    found = [(one["status"], one["uri"]) for one in done.json["findings"]]
    assert [pair for pair in found if pair[0] in {"unmanaged", "shadowed"}] == [], done.everything
    world.vercel.put(world.admin, NAME, "x", ["development"])
    done = cli.run("drift", "--provider", "sendgrid", "--json")
    copies = [one["uri"] for one in done.json["findings"] if one["status"] == "unmanaged"]
    assert copies == [f"vercel:{world.admin.id}/development"]


def test_the_alerts_of_a_repository_are_listed_once(world, cli):
    configure(world, cli, ["github:lovendo/app", "github:Lovendo/App@production"], "")
    world.github.add_alert("lovendo/app", "sendgrid_api_key", world.infisical.value(NAME, 1))
    assert len(cli.run("leaks", "--json").json["open"]) == 1


def test_a_secret_of_the_server_is_not_written_where_everybody_reads_it(world, cli):
    own = '[providers.sendgrid.secrets.SENDGRID_API_KEY]\nnames = ["NEXT_PUBLIC_SENDGRID_API_KEY"]\n'
    configure(world, cli, [f"vercel:{world.web.id}/production,preview"], own)
    world.new_key(NAME)
    for arguments in (("rotate", "sendgrid", "--dry-run"), ("rotate", "sendgrid", "--yes"), ("drift",)):
        done = cli.run(*arguments)
        assert done.code == 4, done.everything
        assert "NEXT_PUBLIC_" in done.err
    assert "NEXT_PUBLIC_" in cli.run("doctor").everything
    assert written(world) == []
