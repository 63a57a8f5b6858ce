"""Secrets in folders of their own: every command reads, and writes, the one that is meant and not its namesake."""

from __future__ import annotations

from dataclasses import replace

import pytest

from releaseguard.sandbox.infisical.values import SLUG, Folder

NAME = "SENDGRID_API_KEY"
ROOT = "of-the-root-and-not-meant-77"
PROVIDER = ("[providers.sendgrid]\n", '[providers.sendgrid]\npath = "/mail/"\n')
SECRET = ("[providers.sendgrid]\n", f'[providers.sendgrid.secrets.{NAME}]\npath = "/mail"\n[providers.sendgrid]\n')
BOTH = ("[providers.sendgrid]\n", f'{SECRET[1]}path = "/elsewhere"\n')


@pytest.fixture(params=[PROVIDER, SECRET, BOTH], ids=["a provider's", "a secret's", "the secret's goes first"])
def folders(request, world, cli):
    """The key stands in /mail, and something else under its name in the root; another provider's stay there."""
    held = world.infisical.value(NAME)
    world.infisical.put(NAME, held, path="/mail")
    world.infisical.put(NAME, ROOT)
    file = cli.folder / "releaseguard.toml"
    file.write_text(file.read_text().replace(*request.param))
    return cli


def test_what_stands_in_a_folder_is_rotated_compared_and_looked_at_there(world, folders):
    new = world.providers.issue("SENDGRID_API_KEY")
    world.infisical.put(NAME, new, path="/mail")
    with world.traffic(0.05):
        done = folders.run("rotate", "sendgrid", "--leak", "--reason", "in a gist", "--yes", "--json")
    assert done.json["state"] == "PROVEN", done.everything
    place = next(uri for uri in world.destinations["sendgrid"] if uri.startswith("supabase:"))
    assert world.value_at(place, NAME) == new

    drift = folders.run("drift", "--provider", "sendgrid", "--json")
    assert {one["status"] for one in drift.json["findings"]} == {"in_step"}, "the root's value is not ours"

    rows = folders.run("doctor", "--provider", "sendgrid", "--json").json["checks"]
    there = {row["where"] for row in rows if "there, and may be read" in row["what"] and NAME in row["what"]}
    assert len(there) == 1
    assert there.pop().endswith("path /mail")


def test_a_value_that_is_piped_in_is_stored_in_the_folder(world, folders):
    value = world.providers.issue("SENDGRID_API_KEY")
    with world.traffic(0.05):
        done = folders.run("rotate", "sendgrid", "--from", "stdin", "--yes", "--json", stdin=value + "\n")
    assert done.json["state"] == "PROVEN", done.everything
    assert world.infisical.value(NAME, path="/mail") == value
    assert world.infisical.value(NAME) == ROOT


def test_what_is_not_in_its_folder_is_not_taken_from_another(world, cli):
    file = cli.folder / "releaseguard.toml"
    file.write_text(file.read_text().replace("[providers.sendgrid]\n", '[providers.sendgrid]\npath = "/nowhere"\n'))
    refused = cli.run("rotate", "sendgrid", "--yes")
    assert refused.code == 5, refused.everything
    assert "path /nowhere" in refused.err
    assert "`path`" in refused.err, "which setting says so"
    drifted = cli.run("drift", "--provider", "sendgrid", "--json")
    (finding,) = drifted.json["findings"]
    assert (drifted.code, finding["status"]) == (1, "missing")
    assert finding["uri"].endswith("path /nowhere")
    doctor = cli.run("doctor", "--provider", "sendgrid", "--json").json["checks"]
    (row,) = [row for row in doctor if row["status"] == "fail" and NAME in row["what"]]
    assert row["where"].endswith("path /nowhere")


def test_a_project_that_is_named_by_its_slug_is_known_by_whichever_folder_holds_something(world, cli):
    root = Folder(world.infisical.project_id, "prod")
    kept = world.infisical.secrets[root, NAME]
    world.infisical.secrets.clear()
    world.infisical.folders.add("/mail")
    world.infisical.secrets[replace(root, path="/mail"), NAME] = kept  # made when the places were written, and no later
    file = cli.folder / "releaseguard.toml"
    text = file.read_text().replace(*PROVIDER)
    file.write_text(text.replace(f'project_id = "{world.infisical.project_id}"', f'project_slug = "{SLUG}"'))
    found = cli.run("drift", "--provider", "sendgrid", "--json")
    assert found.code == 0, found.everything


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('[providers.sendgrid]\npath = "mail"\n', "path"),
        ('[providers.sendgrid.secrets.SENDGRID_KEY]\npath = "/mail"\n[providers.sendgrid]\n', "no secret SENDGRID_KEY"),
    ],
    ids=["not from the root", "a secret that the card does not have"],
)
def test_a_folder_that_cannot_be_meant_is_an_error_of_the_file(cli, line, said):
    file = cli.folder / "releaseguard.toml"
    file.write_text(file.read_text().replace("[providers.sendgrid]\n", line))
    done = cli.run("drift")
    assert done.code == 2
    assert said in done.err
    assert "releaseguard.toml:" in done.err
