"""Rotating the keys that releaseguard itself stands on: with the old and the new access, and never without."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from releaseguard.eventlog.interface import Query
from releaseguard.eventlog.stores.postgres import PostgresEventLog
from releaseguard.secret import Secret
from tests.support import postgres, postgrest

ROTATE = ("rotate", "vercel", "--yes", "--json", "--prove-within", "1s")
QUICK = '\n[rotation]\nlease = "2s"\n[network]\ntimeout = "2s"\npatience = "4s"\n'
CHANGED = "Vercel does not accept VERCEL_TOKEN any more: going on with VERCEL_TOKEN_NEW."


def written(world) -> list[str]:
    stand_ins = (world.github, world.vercel, world.supabase)
    return [f"{one.method} {one.path}" for service in stand_ins for one in service.requests if one.writes]


@pytest.fixture
def tokens(world, cli) -> tuple[str, str]:
    """Vercel's old and new token: the old one is out everywhere, the new one is made and stored."""
    old, new = world.vercel.token, "vercel-new-canary-5518"
    places = ["github:lovendo/app", f"vercel:{world.web.id}/production"]
    world.destinations = {"vercel": places}
    world.write(cli.folder, extra=QUICK)
    world.infisical.put("VERCEL_TOKEN", old)
    for place in places:
        world.put_at(place, "VERCEL_TOKEN", old)
    world.infisical.put("VERCEL_TOKEN", new)
    world.vercel.tokens.add(new)
    return old, new


@pytest.mark.parametrize("given", [{}, {"VERCEL_TOKEN_NEW": ""}])
@pytest.mark.parametrize("arguments", [["--yes"], ["--dry-run"], ["--leak", "--reason", "gist", "--yes"], ["--resume"]])
def test_without_both_it_is_refused_and_the_variables_are_named(world, cli, tokens, given, arguments):
    done = cli.run("rotate", "vercel", *arguments, **given)
    assert done.code == 4, done.everything
    assert "not set: VERCEL_TOKEN_NEW" in done.err
    assert "VERCEL_TOKEN (the old one, in use) and VERCEL_TOKEN_NEW (the new one)" in done.err
    assert written(world) == []


def test_one_token_given_twice_is_no_second_access(world, cli, tokens):
    done = cli.run(*ROTATE, VERCEL_TOKEN_NEW=tokens[0])
    assert done.code == 4, done.everything
    assert "are the same" in done.err
    assert written(world) == []


def test_with_both_it_is_rotated_and_proven(world, cli, tokens):
    old, new = tokens
    pushed = cli.run(*ROTATE, VERCEL_TOKEN_NEW=new)
    assert (pushed.code, pushed.json["state"]) == (3, "UNPROVEN"), pushed.everything
    assert {world.value_at(uri, "VERCEL_TOKEN") for uri in world.destinations["vercel"]} == {new}
    ready = ("events", "log", "vercel", "vercel_deploy_ready", "success")
    assert cli.run(*ready, "--detail", f"deployment_id={world.vercel.serving(world.web).id}").code == 0
    done = cli.run("rotate", "vercel", "--resume", "--json", VERCEL_TOKEN_NEW=new)
    assert (done.code, done.json["state"]) == (0, "PROVEN"), done.everything
    assert "Give VERCEL_TOKEN the value of VERCEL_TOKEN_NEW" in done.json["next_step"]
    assert CHANGED not in pushed.err + done.err, "the old one works all the way"
    assert old not in pushed.everything + done.everything
    assert new not in pushed.everything + done.everything


@pytest.mark.parametrize("moment", ["first read", "first write", "deployment"])
def test_work_goes_on_with_the_new_one_where_the_old_one_stops_working(world, cli, tokens, moment):
    old, new = tokens
    paths = {"first read": "/env", "first write": "/env/", "deployment": "/v13/deployments"}

    def revoke(record) -> None:
        # The check of the new access comes first, so the first read with the old one is one of the survey's.
        reads = moment == "first read" and record.headers["authorization"] == f"Bearer {old}"
        if paths[moment] in record.path and (reads or (moment != "first read" and record.writes)):
            world.vercel.tokens.discard(old)

    world.vercel.after.append(revoke)
    done = cli.run(*ROTATE, VERCEL_TOKEN_NEW=new)
    assert (done.code, done.json["state"]) == (3, "UNPROVEN"), done.everything
    assert done.err.count(CHANGED) == 1
    assert {world.value_at(uri, "VERCEL_TOKEN") for uri in world.destinations["vercel"]} == {new}
    deployments = [one for one in world.vercel.requests if (one.method, one.path) == ("POST", "/v13/deployments")]
    assert len([one for one in deployments if one.status == 200]) == 1


def test_a_new_token_that_vercel_does_not_take_stops_it_before_anything_is_written(world, cli, tokens):
    done = cli.run(*ROTATE, VERCEL_TOKEN_NEW="nobody-knows-this-one")
    assert done.code == 5, done.everything
    assert "VERCEL_TOKEN_NEW does not reach what VERCEL_TOKEN reaches" in done.err
    assert "nobody-knows-this-one" not in done.everything
    assert written(world) == []


def test_any_command_goes_on_with_the_new_token_while_both_are_given(world, cli, tokens):
    old, new = tokens
    world.vercel.tokens.discard(old)
    done = cli.run("drift", "--provider", "vercel", "--json", VERCEL_TOKEN_NEW=new)
    assert done.code == 1, done.everything
    assert done.err.count(CHANGED) == 1
    assert cli.run("drift", "--provider", "vercel").code == 5


def test_supabases_own_key_asks_for_both_service_keys(world, cli):
    world.destinations = {"supabase": ["github:lovendo/app"]}
    world.write(cli.folder, extra=QUICK)
    world.infisical.put("SUPABASE_SERVICE_ROLE_KEY", "sb_secret_old_canary_1")
    world.infisical.put("SUPABASE_SERVICE_ROLE_KEY", "sb_secret_new_canary_2")
    done = cli.run("rotate", "supabase", "--yes")
    assert done.code == 4, done.everything
    assert "not set: SUPABASE_SERVICE_ROLE_KEY, SUPABASE_SERVICE_ROLE_KEY_NEW" in done.err
    both = {"SUPABASE_SERVICE_ROLE_KEY": "old", "SUPABASE_SERVICE_ROLE_KEY_NEW": "new"}
    planned = cli.run("rotate", "supabase", "--dry-run", **both)
    assert planned.code == 0, planned.everything


def test_a_project_whose_card_names_the_management_token_is_asked_for_both_of_it(world, cli):
    (cli.folder / "checks").mkdir()
    (cli.folder / "checks" / "supabase.toml").write_text(
        'id = "supabase"\nname = "Supabase"\nhosts = ["supabase.com"]\ninfrastructure = "supabase"\n'
        '[events]\nsuccess = ["supabase_rpc_ok", "moment_published", "proof_submitted"]\nerror = ["supabase_error"]\n'
        "[playbook]\nsymptoms = []\ncontrols = []\nactions = []\n"
        '[[secrets]]\nname = "SUPABASE_ACCESS_TOKEN"\nproven_by = ["supabase_rpc_ok"]\n'
    )
    world.destinations = {"supabase": [f"supabase:{world.edge.ref} as MANAGEMENT_TOKEN"]}
    world.write(cli.folder, extra=QUICK)
    old, new = world.supabase.token, "sbp_new_canary_7741"
    world.infisical.put("SUPABASE_ACCESS_TOKEN", old)
    world.infisical.put("SUPABASE_ACCESS_TOKEN", new)
    keys = {"SUPABASE_SERVICE_ROLE_KEY": "old", "SUPABASE_SERVICE_ROLE_KEY_NEW": "new"}
    refused = cli.run("rotate", "supabase", "--yes", **keys)
    assert refused.code == 4, refused.everything
    assert "not set: SUPABASE_ACCESS_TOKEN_NEW" in refused.err
    unknown = cli.run("rotate", "supabase", "--yes", SUPABASE_ACCESS_TOKEN_NEW=new, **keys)
    assert unknown.code == 5, unknown.everything
    assert written(world) == []
    world.supabase.tokens.add(new)
    world.supabase.after.append(lambda record: world.supabase.tokens.discard(old) if record.writes else None)
    done = cli.run(
        *("rotate", "supabase", "--yes", "--json", "--prove-within", "1s"), SUPABASE_ACCESS_TOKEN_NEW=new, **keys
    )
    assert (done.code, done.json["state"]) == (3, "UNPROVEN"), done.everything
    assert "Supabase does not accept SUPABASE_ACCESS_TOKEN any more" in done.err
    assert world.value_at(f"supabase:{world.edge.ref}", "MANAGEMENT_TOKEN") == new


@pytest.fixture(scope="module")
def cluster() -> Iterator[postgres.Cluster]:
    with postgres.cluster() as running:
        yield running


@pytest.fixture
def project(cluster) -> Iterator[postgrest.PostgRest]:
    url = cluster.new_database()
    with PostgresEventLog(Secret(url)) as log:
        log.migrate()
    with postgrest.serving(postgrest.PostgRest(url)) as running:
        yield running


def test_the_log_we_stand_on_is_written_with_the_new_key_once_the_old_one_is_gone(world, cli, project):
    old, new = project.key, "service-role-key-new-canary-3307"
    places = f'destinations = ["github:lovendo/app", "supabase:{world.edge.ref} as SERVICE_KEY"]'
    world.destinations = {"supabase": []}
    world.write(cli.folder, project.url, f"{QUICK}[providers.supabase.secrets.SUPABASE_SERVICE_ROLE_KEY]\n{places}\n")
    world.infisical.put("SUPABASE_SERVICE_ROLE_KEY", old)
    world.infisical.put("SUPABASE_SERVICE_ROLE_KEY", new)
    both = {"SUPABASE_SERVICE_ROLE_KEY": old, "SUPABASE_SERVICE_ROLE_KEY_NEW": new}
    rotate = ("rotate", "supabase", "--yes", "--json", "--prove-within", "1s")
    unknown = cli.run(*rotate, **both)
    assert unknown.code == 5, unknown.everything
    assert "SUPABASE_SERVICE_ROLE_KEY_NEW does not reach" in unknown.err
    assert written(world) == []
    project.more_keys = {new}
    world.supabase.after.append(lambda record: setattr(project, "key", new) if record.writes else None)
    done = cli.run(*rotate, **both)
    assert (done.code, done.json["state"]) == (3, "UNPROVEN"), done.everything
    assert done.err.count("does not accept SUPABASE_SERVICE_ROLE_KEY any more") == 1
    assert world.value_at(f"supabase:{world.edge.ref}", "SERVICE_KEY") == new
    with PostgresEventLog(Secret(project.database)) as log:
        steps = [row.event for row in log.select(Query(providers=("releaseguard",)))]
    assert "destination_push_finished" in steps
    assert steps.count("rotation_unproven") == 1
    verified = cli.run("audit", "verify", "--head", done.json["head"], SUPABASE_SERVICE_ROLE_KEY=new)
    assert verified.code == 0, verified.everything
    assert old not in done.everything
    assert new not in done.everything
