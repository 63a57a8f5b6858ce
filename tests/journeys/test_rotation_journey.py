"""A rotation from the command line against stand-ins over real HTTP: what happens, and what goes wrong."""

from __future__ import annotations

import pytest

from releaseguard.sandbox.serving import faults

SENDGRID = ("rotate", "sendgrid")


def test_a_leaked_key_is_rotated_proven_revoked_and_audited(world, cli, tmp_path):
    version = world.new_key("SENDGRID_API_KEY")
    with world.traffic(0.05):
        done = cli.run(*SENDGRID, "--leak", "--reason", "in a gist", "--yes", "--json")
        assert done.code == 0, done.everything
        assert done.json["state"] == "PROVEN"
        assert done.json["proof"]["grade"] == "A"
        assert world.holders("SENDGRID_API_KEY", version) >= set(world.destinations["sendgrid"])
        forms = {path.suffix for path in (tmp_path / "postmortems").iterdir()}
        assert forms == {".md", ".html"}
        assert cli.run("drift", "--provider", "sendgrid").code == 1, "the leak is open"
        health = cli.run("health", "--provider", "sendgrid")
        assert "OPEN LEAK" in health.out
        assert "in a gist" in health.out
        comments = [str(r.body) for r in world.vercel.requests if r.method in {"PATCH", "POST"} and "/env" in r.path]
        assert any("head sendgrid@production#" in text for text in comments), "the head is kept outside the log too"
        world.revoke("SENDGRID_API_KEY", version - 1)
        retired = cli.run(*SENDGRID, "--confirm-revoked", "--despite-use", "--json")
    assert (retired.code, retired.json["state"]) == (0, "RETIRED")
    assert cli.run("drift", "--provider", "sendgrid").code == 0
    assert "OPEN LEAK" not in cli.run("health", "--provider", "sendgrid").out
    head = retired.json["head"]
    assert cli.run("audit", "verify", "--head", head).code == 0
    assert not any(
        value in (tmp_path / "releaseguard.db").read_bytes().decode(errors="replace") for value in world.values()
    )


def test_a_dry_run_prints_the_plan_and_writes_nothing(world, cli, log):
    world.new_key("SENDGRID_API_KEY")
    done = cli.run(*SENDGRID, "--dry-run")
    assert done.code == 0
    assert "version 1 -> version 2" in done.out
    assert "reads" in done.out
    assert all(request.method == "GET" for stand_in in (world.github, world.vercel) for request in stand_in.requests)
    assert list(log.select(_ours())) == []


def test_without_yes_and_without_a_terminal_it_is_refused_and_nothing_is_written(world, cli, log):
    world.new_key("SENDGRID_API_KEY")
    done = cli.run(*SENDGRID)
    assert done.code == 4
    assert "--yes" in done.err
    assert list(log.select(_ours())) == []


def test_a_group_goes_as_one_unit_with_one_deployment(world, cli):
    for name in ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"):
        world.new_key(name)
    done = cli.run("rotate", "twilio", "--yes", "--json", "--prove-within", "1s")
    assert done.json["state"] == "UNPROVEN"
    assert done.code == 3
    assert {one["name"] for one in done.json["secrets"]} == {"TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"}
    assert done.json["proof"]["missing"]


def test_no_traffic_is_unproven_and_says_what_is_missing(world, cli):
    world.new_key("SENDGRID_API_KEY")
    done = cli.run(*SENDGRID, "--yes", "--json", "--prove-within", "1s")
    assert (done.code, done.json["state"]) == (3, "UNPROVEN")
    assert any("0 of 3" in what for what in done.json["proof"]["missing"])
    assert "--resume" in done.json["next_step"]


def test_resume_finishes_a_run_that_was_killed_before_its_first_event(world, cli):
    world.new_key("SENDGRID_API_KEY")
    with world.traffic(0.05):
        done = cli.run(*SENDGRID, "--resume", "--json")
    assert (done.code, done.json["state"]) == (0, "PROVEN"), done.everything


def test_a_person_is_asked_before_resume_begins_what_nobody_has_confirmed(world, cli, monkeypatch):
    monkeypatch.setattr("releaseguard.cli.shared.confirm.somebody_is_here", lambda: True)
    world.new_key("SENDGRID_API_KEY")
    done = cli.run(*SENDGRID, "--resume")
    assert "Do this?" in done.err
    assert done.code != 0, done.everything
    stand_ins = (world.infisical, world.github, world.vercel, world.supabase)
    assert not [asked for one in stand_ins for asked in one.requests if asked.writes and "login" not in asked.path]


def test_a_new_value_from_standard_input_is_stored_in_the_vault_first(world, cli):
    value = world.providers.issue("SENDGRID_API_KEY")
    with world.traffic(0.05):
        done = cli.run(*SENDGRID, "--from", "stdin", "--yes", "--json", stdin=value + "\n")
    assert done.code == 0, done.everything
    assert world.infisical.value("SENDGRID_API_KEY", 2) == value
    assert value not in done.everything


def test_a_leak_without_a_newer_version_is_refused(world, cli):
    done = cli.run(*SENDGRID, "--leak", "--reason", "gist", "--yes")
    assert done.code == 4, done.everything
    assert not [request for request in world.github.requests if request.method != "GET"]


def test_the_same_value_again_is_refused_in_a_leak(world, cli):
    world.infisical.put("SENDGRID_API_KEY", world.infisical.value("SENDGRID_API_KEY", 1))
    done = cli.run(*SENDGRID, "--leak", "--reason", "gist", "--yes")
    assert done.code == 4, done.everything


def test_an_unknown_provider_names_the_nearest(cli):
    done = cli.run("rotate", "sendgird", "--yes")
    assert done.code == 2
    assert "'sendgrid'" in done.err


def test_a_secret_missing_in_the_vault_is_named_and_nothing_is_written(world, cli, log):
    for key in [key for key in world.infisical.secrets if key[1] == "SENDGRID_API_KEY"]:
        del world.infisical.secrets[key]
    done = cli.run(*SENDGRID, "--yes")
    assert done.code == 5
    assert "SENDGRID_API_KEY" in done.err
    assert list(log.select(_ours())) == []


@pytest.mark.parametrize("variable", ["INFISICAL_CLIENT_SECRET", "RELEASEGUARD_GITHUB_TOKEN", "VERCEL_TOKEN"])
def test_a_wrong_credential_names_the_variable_and_is_not_repeated(world, cli, variable):
    world.new_key("SENDGRID_API_KEY")
    done = cli.run(*SENDGRID, "--yes", **{variable: "wrong-canary-4471"})
    assert done.code == 5
    assert variable in done.err
    assert "wrong-canary-4471" not in done.everything
    assert not [request for request in world.supabase.requests if request.method != "GET"]


@pytest.mark.parametrize("variable", ["INFISICAL_CLIENT_SECRET", "RELEASEGUARD_GITHUB_TOKEN", "VERCEL_TOKEN"])
def test_a_missing_credential_is_a_matter_of_configuration(world, cli, variable):
    done = cli.run(*SENDGRID, "--yes", **{variable: ""})
    assert done.code == 2
    assert variable in done.err


def test_a_dead_service_ends_with_exit_5_and_a_next_step(world, cli):
    world.stop()
    done = cli.run(*SENDGRID, "--yes")
    assert done.code == 5
    assert "next:" in done.err
    assert "Traceback" not in done.everything


def test_a_push_that_fails_halfway_is_no_success_and_is_finished_by_resume(world, cli):
    version = world.new_key("SENDGRID_API_KEY")
    world.vercel.fail_next("PATCH", "/env/", faults.answer(500), times=50)
    with world.traffic(0.05):
        broken = cli.run(*SENDGRID, "--yes", "--json")
        assert broken.code == 5, broken.everything
        assert broken.json["state"] != "PROVEN"
        world.heal()
        done = cli.run(*SENDGRID, "--resume", "--json")
    assert (done.code, done.json["state"]) == (0, "PROVEN"), done.everything
    assert world.holders("SENDGRID_API_KEY", version) >= set(world.destinations["sendgrid"])
    [record] = [one.id for one in world.web.variables.values() if one.key == "SENDGRID_API_KEY"]
    sent = [one for one in world.vercel.requests if one.method == "PATCH" and one.path.endswith(record)]
    told = {(one["uri"].partition(":")[0], one["name"]): one["writes"] for one in done.json["destinations"]}
    assert told["vercel", "SENDGRID_API_KEY"] == len(sent) > 2, "those of the run that failed and their repeats too"
    assert told["supabase", "SENDGRID_API_KEY"] == 1


def _ours():
    from releaseguard.eventlog.interface import Query

    return Query(providers=["releaseguard"])


def test_a_value_is_read_as_utf_8_whatever_the_machines_language_setting(world, cli):
    pem = "-----BEGIN X-----\r\nŞ=\r\n-----END X-----"
    with cli.start(
        *SENDGRID, "--from", "stdin", "--yes", "--prove-within", "1s", PYTHONIOENCODING="latin-1"
    ) as process:
        process.stdin.buffer.write(f"{pem}\r\n".encode())
        process.stdin.close()
        assert process.wait() == 3, process.stderr.read()
    assert world.infisical.value("SENDGRID_API_KEY", 2) == pem


def test_after_a_breach_every_provider_is_planned_and_rotated_in_one_report(world, cli):
    breach = ("rotate", "--all", "--leak", "--reason", "the CI was breached", "--json")
    assert cli.run(*breach).code == 4, "nobody is here to confirm it"
    world.new_key("SENDGRID_API_KEY")
    done = cli.run(*breach, "--yes", "--no-deploy", "--prove-within", "1s")
    by_provider = {one["provider"]: one for one in done.json["rotations"]}
    assert by_provider["sendgrid"]["state"] == "PUSHED", done.everything
    assert any("sendgrid" in one for one in done.json["waiting"])
    assert len(by_provider) > 1
    assert not done.json["failed"], done.everything


def test_all_drifted_heeds_no_deploy(world, cli):
    world.new_key("SENDGRID_API_KEY")
    done = cli.run("rotate", "--all-drifted", "--no-deploy", "--yes", "--json")
    assert done.code == 3, done.everything
    assert done.json["rotations"][0]["state"] == "PUSHED"


def test_a_run_that_could_not_store_the_value_is_resumed_with_the_value_again(world, cli):
    value = world.providers.issue("SENDGRID_API_KEY")
    world.infisical.fail_next("PATCH", "/secrets/", faults.answer(500), times=50)
    broken = cli.run(*SENDGRID, "--from", "stdin", "--yes", "--json", stdin=value)
    assert (broken.code, broken.json["state"]) == (5, "PLANNED"), broken.everything
    world.heal()
    done = cli.run(*SENDGRID, "--from", "stdin", "--resume", "--no-deploy", "--prove-within", "1s", stdin=value)
    assert done.code == 3, done.everything
    assert world.infisical.value("SENDGRID_API_KEY", 2) == value
    again = cli.run(*SENDGRID, "--from", "stdin", "--resume", "--no-deploy", "--prove-within", "1s")
    assert again.code == 3, "the value is stored: it need not be given once more"


def test_a_key_kept_at_the_provider_needs_no_destination(world, cli):
    done = cli.run("rotate", "apple_push", "--leak", "--reason", "gist", "--yes", "--json")
    assert (done.code, done.json["state"]) == (3, "WAITING_CONSOLE"), done.everything
    assert "Create a new APNs key" in done.json["next_step"]
    resumed = cli.run("rotate", "apple_push", "--resume", "--json")
    assert (resumed.code, resumed.json["state"]) == (3, "UNPROVEN"), resumed.everything
    retired = cli.run("rotate", "apple_push", "--confirm-revoked", "--json")
    assert (retired.code, retired.json["state"]) == (0, "RETIRED"), retired.everything
