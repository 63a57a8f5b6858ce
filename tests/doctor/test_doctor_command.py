"""``doctor`` as a user meets it: what it finds, that each problem has its fix, and that it only reads."""

from __future__ import annotations

import hashlib
import json
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from releaseguard.clocks import Clocks
from releaseguard.sandbox.serving import faults
from releaseguard.sandbox.world import Login
from tests.support import contracts
from tests.support.commands import Commands, Done, ended

SIGN_IN = "/api/v1/auth/"
GROUPS = {
    *("configuration", "cards", "hosts", "credentials", "infisical", "github", "vercel", "supabase"),
    *("events", "app", "clock"),
}


def rows(done: Done) -> dict[str, dict[str, str]]:
    return {row["id"]: row for row in done.json["checks"]}


def failed(done: Done) -> dict[str, dict[str, str]]:
    return {name: row for name, row in rows(done).items() if row["status"] == "fail"}


def change(folder: Path, *pairs: tuple[str, str]) -> None:
    path = folder / "releaseguard.toml"
    text = path.read_text()
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)


def test_where_nothing_is_wrong_the_exit_code_is_0_and_every_group_is_there(cli, world, migrated):
    done = cli.run("doctor", "--json")
    assert done.code == 0, done.everything
    assert done.json["ok"] is True
    assert set(done.json) == {"ok", "checks"}
    assert {row["group"] for row in done.json["checks"]} == GROUPS
    assert {row["status"] for row in done.json["checks"]} <= {"ok", "skipped"}
    assert all(set(row) == {"id", "group", "status", "what", "where", "fix"} for row in done.json["checks"])
    assert len(rows(done)) == len(done.json["checks"]), "every id is there once"


def test_it_only_reads_and_what_it_asks_is_in_the_official_descriptions(cli, world, migrated):
    before = hashlib.sha256(migrated.read_bytes()).hexdigest()
    there = set(migrated.parent.iterdir())
    assert cli.run("doctor").code == 0
    for stand_in in world.stand_ins:
        assert [sent.path for sent in stand_in.requests if sent.writes and not sent.path.startswith(SIGN_IN)] == []
    assert hashlib.sha256(migrated.read_bytes()).hexdigest() == before
    assert set(migrated.parent.iterdir()) - there == {migrated.parent / "home"}
    if contracts.available():
        for service in (world.github, world.vercel, world.supabase):
            contracts.check(service.name, [sent for sent in service.requests if sent.status == 200])


def test_no_event_log_is_made_where_there_is_none(cli, world, tmp_path):
    done = cli.run("doctor", "--json")
    assert done.code == 0
    assert "there is no file yet" in rows(done)["events.log.append"]["what"]
    assert not (tmp_path / "releaseguard.db").exists()


def test_no_table_is_made_beside_an_apps_own(cli, world, tmp_path):
    with (tmp_path / "releaseguard.toml").open("a") as file:
        file.write('[events.columns]\nevent = "name"\n')
    assert list(failed(cli.run("doctor", "--json"))) == ["events.log"]
    assert not (tmp_path / "releaseguard.db").exists()


def test_no_value_and_no_credential_is_shown(cli, world, migrated):
    done = cli.run("doctor", "-v").everything + cli.run("doctor", "--json").everything
    assert [value for value in world.values() if len(value) > 5 and value in done] == []


def test_text_says_it_in_one_line_and_quiet_says_nothing(cli, world, migrated):
    assert "checks are well" in cli.run("doctor").out.splitlines()[0]
    assert cli.run("doctor", "-q").everything == ""


@pytest.mark.parametrize(
    ("unset", "names"),
    [
        ("INFISICAL_CLIENT_SECRET", "INFISICAL_CLIENT_SECRET"),
        ("RELEASEGUARD_GITHUB_TOKEN", "RELEASEGUARD_GITHUB_TOKEN"),
        ("VERCEL_TOKEN", "VERCEL_TOKEN"),
        ("SUPABASE_ACCESS_TOKEN", "SUPABASE_ACCESS_TOKEN"),
    ],
)
def test_a_credential_that_is_missing_is_named_and_only_what_needs_it_is_skipped(cli, world, migrated, unset, names):
    done = cli.run("doctor", "--json", **{unset: ""})
    assert done.code == 1
    ((name, row),) = failed(done).items()
    assert name.startswith("credentials.")
    assert names in row["what"] + row["fix"]
    assert "needed for" in row["what"]
    service = name.removeprefix("credentials.")
    skipped = {row["group"] for row in done.json["checks"] if row["status"] == "skipped"}
    assert skipped <= {service, "app"}


def test_only_what_this_configuration_needs_is_asked_for(cli, world, tmp_path):
    (tmp_path / "releaseguard.toml").write_text('[project]\nname = "x"\n')
    done = Commands(tmp_path, {}).run("doctor", "--json")
    assert done.code == 0, done.everything
    assert not [row for row in done.json["checks"] if row["group"] in {"credentials", "github", "vercel", "infisical"}]


def test_the_token_of_actions_is_refused_before_a_push_finds_out(cli, world, migrated):
    given = {"RELEASEGUARD_GITHUB_TOKEN": "", "GITHUB_TOKEN": world.github.token, "GITHUB_ACTIONS": "true"}
    found = failed(cli.run("doctor", "--json", **given))
    assert "cannot write secrets" in found["credentials.github"]["what"]
    assert "RELEASEGUARD_GITHUB_TOKEN" in found["credentials.github"]["fix"]


def test_the_token_of_actions_under_another_name_is_found_out_too(cli, world, migrated):
    world.github.tokens[world.github.token] = False
    found = failed(cli.run("doctor", "--json"))
    assert "Actions" in found["github.github:lovendo/app"]["fix"]


def test_a_classic_token_without_the_scope_may_not_write(cli, world, migrated):
    world.github.scopes = "read:org"
    found = failed(cli.run("doctor", "--json"))
    assert list(found) == ["github.account.write"]
    assert "repo" in found["github.account.write"]["fix"]


def test_a_github_app_is_asked_what_it_may_write(cli, world, migrated):
    app = world.github.add_app()
    given = {"RELEASEGUARD_GITHUB_APP_ID": app.app_id, "RELEASEGUARD_GITHUB_APP_PRIVATE_KEY": app.pem}
    world.github.app_permissions = {"secrets": "read", "actions_variables": "write", "environments": "write"}
    done = cli.run("doctor", "--json", **given)
    assert list(failed(done)) == ["github.account.write"]
    assert "secrets" in failed(done)["github.account.write"]["what"]
    world.github.app_permissions["secrets"] = "write"
    assert cli.run("doctor", "--json", **given).code == 0
    found = failed(cli.run("doctor", "--json", **{**given, "RELEASEGUARD_GITHUB_APP_PRIVATE_KEY": "no key"}))
    assert "private key" in found["github.account"]["what"]


@pytest.mark.parametrize(
    ("service", "variable", "id_"),
    [
        ("github", "RELEASEGUARD_GITHUB_TOKEN", "github.account"),
        ("vercel", "VERCEL_TOKEN", "vercel.account"),
        ("supabase", "SUPABASE_ACCESS_TOKEN", "supabase.account"),
        ("infisical", "INFISICAL_CLIENT_SECRET", "infisical.login"),
    ],
)
def test_a_credential_that_is_refused_fails_its_service_alone(cli, world, migrated, service, variable, id_):
    done = cli.run("doctor", "--json", **{variable: "0123456789abcdef-wrong"})
    assert done.code == 1
    assert list(failed(done)) == [id_]
    assert failed(done)[id_]["fix"]
    assert rows(done)[f"{service}.reach"]["status"] == "ok"
    assert "0123456789abcdef-wrong" not in done.everything


def test_oidc_outside_of_a_job_is_told_of(cli, world, migrated):
    given = {"INFISICAL_CLIENT_ID": "", "INFISICAL_CLIENT_SECRET": "", "INFISICAL_IDENTITY_ID": "x"}
    assert "id-token: write" in failed(cli.run("doctor", "--json", **given))["credentials.infisical"]["what"]
    environ = world.environ(Login.OIDC)
    assert Commands(cli.folder, environ).run("doctor").code == 0


def test_a_new_access_that_is_still_set_is_a_warning(cli, world, migrated):
    done = cli.run("doctor", "--json", VERCEL_TOKEN_NEW="x")
    assert done.code == 0
    assert rows(done)["credentials.successors.VERCEL_TOKEN"]["status"] == "warn"


@pytest.mark.parametrize("setting", ["environment", "path", "project_id"])
def test_a_place_that_infisical_does_not_have_is_said_to_be_missing(cli, world, migrated, setting):
    """A listing of it answers 200 and nothing."""
    changes = {
        "environment": ('environment = "prod"', 'environment = "prodd"'),
        "path": ('environment = "prod"', 'environment = "prod"\npath = "/x"'),
        "project_id": ("project_id = ", 'project_id = "nobody" # '),
    }
    change(cli.folder, changes[setting])
    found = failed(cli.run("doctor", "--json"))
    assert list(found) == ["infisical.login"]
    assert "404" in found["infisical.login"]["what"]


def test_a_managed_secret_that_is_missing_is_named_with_the_nearest_there_is(cli, world, migrated):
    place = world.infisical.place()
    world.infisical.secrets[place, "SENDGRID_API_KY"] = world.infisical.secrets.pop((place, "SENDGRID_API_KEY"))
    found = failed(cli.run("doctor", "--json"))
    row = found["infisical.secrets.sendgrid.SENDGRID_API_KEY"]
    assert "SENDGRID_API_KY" in row["fix"]
    assert "https://app.sendgrid.com" in row["fix"]
    assert len(found) == 1


def test_an_empty_value_and_a_missing_test_user_are_problems(cli, world, migrated):
    world.infisical.put("MAPBOX_ACCESS_TOKEN", "")
    del world.infisical.secrets[world.infisical.place(), "SYNTHETIC_USER_PASSWORD"]
    found = failed(cli.run("doctor", "--json"))
    assert set(found) == {
        "infisical.secrets.mapbox.MAPBOX_ACCESS_TOKEN",
        "app.test_user.SYNTHETIC_USER_PASSWORD",
    }


def test_a_role_that_may_not_read_is_said_to_be_that(cli, world, migrated):
    world.infisical.no_access = True
    found = failed(cli.run("doctor", "--json"))
    assert "not allowed to read" in found["infisical.login"]["what"]
    assert "role" in found["infisical.login"]["fix"]


def test_every_destination_that_is_not_there_is_a_finding_of_its_own(cli, world, migrated):
    change(
        cli.folder,
        ("github:lovendo/app@production", "github:lovendo/app@prod"),
        (f"{world.web.id}/production,preview", f"{world.web.id}/production,nope"),
        (world.edge.ref, "z" * 20),
    )
    found = failed(cli.run("doctor", "--json"))
    assert set(found) == {
        "github.github:lovendo/app@prod",
        f"vercel.vercel:{world.web.id}/production,nope",
        f"supabase.supabase:{'z' * 20}",
    }
    assert "Create it" in found["github.github:lovendo/app@prod"]["fix"]
    assert "qa" in found[f"vercel.vercel:{world.web.id}/production,nope"]["fix"]


def test_custom_environments_dependabot_and_organisations_are_looked_at(cli, world, migrated):
    change(
        cli.folder,
        ('"github:lovendo/app@production"', '"github:lovendo", "github-dependabot:lovendo/app"'),
        (f"{world.web.id}/production,preview", f"{world.web.id}/production,qa"),
    )
    done = cli.run("doctor", "--json")
    assert done.code == 0, done.everything
    assert rows(done)["github.github:lovendo"]["status"] == "ok"
    assert rows(done)["github.github-dependabot:lovendo/app"]["status"] == "ok"


def test_a_team_that_the_token_does_not_reach_is_named(cli, world, migrated):
    change(cli.folder, (world.vercel.team_id, "team_other"))
    found = failed(cli.run("doctor", "--json"))
    assert "team_other" in found["vercel.account.team"]["what"]


def test_little_left_of_githubs_limit_is_a_warning(cli, world, migrated):
    world.github.used = 4900
    row = rows(cli.run("doctor", "--json"))["github.account.rate_limit"]
    assert row["status"] == "warn"
    assert "of 5000" in row["what"]


def test_one_provider_alone_asks_only_its_own_services(cli, world, migrated):
    done = cli.run("doctor", "--provider", "idenfy", "--json")
    assert done.code == 0, done.everything
    assert {row["group"] for row in done.json["checks"]} == GROUPS - {"github", "vercel"}
    assert not world.github.requests
    assert not world.vercel.requests


@pytest.mark.parametrize("dead", ["infisical", "github", "vercel", "supabase", "app"])
def test_a_dead_service_fails_its_own_checks_and_all_others_are_made(cli, world, migrated, dead):
    getattr(world, dead).stop()
    done = cli.run("doctor", "--json")
    assert done.code == 1
    assert list(failed(done)) == [f"{dead}.reach"]
    others = {row["group"] for row in done.json["checks"] if row["status"] == "ok"} - {"app"}
    assert others >= GROUPS - {dead, "app"}
    skipped = [row for row in done.json["checks"] if row["status"] == "skipped" and row["id"] != "app.database"]
    assert skipped
    assert all(row["what"].endswith(f"because of {dead}.reach") for row in skipped)


def test_it_waits_by_the_clock_that_it_is_given(world, tmp_path, migrated):
    world.github.stop()
    waits = []
    clocks = Clocks(sleep=waits.append)
    assert Commands(tmp_path, world.environ(), clocks).run("doctor", "--json").code == 1
    assert waits, "what does not answer is asked again after a while"


def test_a_service_that_keeps_failing_half_way_is_told_with_its_status(cli, world, migrated):
    world.vercel.fail_next("GET", "/v10/projects/.*/env", faults.answer(503), times=50)
    found = failed(cli.run("doctor", "--json"))
    assert [name.partition(":")[0] for name in found] == ["vercel.vercel"]
    assert "503" in next(iter(found.values()))["what"]


@pytest.mark.parametrize(
    ("url", "said"),
    [("https://api.sendgrid.com", "deny-list"), ("http://api.github.example.org", "loopback")],
)
def test_a_host_that_safe_mode_refuses_is_a_finding_and_nothing_is_sent_there(cli, world, migrated, url, said):
    change(cli.folder, (world.github.url, url))
    done = cli.run("doctor", "--json")
    assert done.code == 1
    assert list(failed(done)) == ["hosts.github"]
    assert said in failed(done)["hosts.github"]["what"]
    assert rows(done)["vercel.reach"]["status"] == "ok"
    assert rows(done)["github.reach"]["status"] == "skipped"


def test_proxy_variables_are_said_to_be_ignored(cli, world, migrated):
    done = cli.run("doctor", "--json", HTTPS_PROXY="http://proxy.internal:3128")
    assert done.code == 0
    assert rows(done)["hosts.proxies"]["status"] == "warn"
    assert "HTTPS_PROXY" in rows(done)["hosts.proxies"]["what"]


def test_a_configuration_that_cannot_be_read_is_exit_2_with_file_and_line(cli, world, tmp_path):
    change(tmp_path, ("[events]", "[evnts]"))
    done = cli.run("doctor", "--json")
    assert done.code == 2
    assert done.json["error"]["where"].startswith(f"{tmp_path}/releaseguard.toml:")


def test_a_configuration_that_is_missing_names_init(cli, tmp_path):
    done = cli.run("doctor", "--config", "nowhere.toml")
    assert done.code == 2
    assert "releaseguard init" in done.err


@pytest.mark.parametrize(
    ("flags", "said"), [(("--environment", "stagng"), "stagng"), (("--provider", "sendgird"), "'sendgrid'")]
)
def test_flags_that_do_not_fit_are_exit_2(cli, world, flags, said):
    done = cli.run("doctor", *flags)
    assert done.code == 2
    assert said in done.err


def test_every_broken_card_is_named_and_no_service_is_asked_until_they_are_right(cli, world, migrated):
    """The cards say which hosts SAFE MODE refuses."""
    (cli.folder / "checks").mkdir()
    (cli.folder / "checks" / "one.toml").write_text('id = "one"\nnme = 3\n')
    (cli.folder / "checks" / "two.toml").write_text("id = \n")
    done = cli.run("doctor", "--json")
    assert done.code == 1
    assert {row["where"].rpartition("/")[2] for row in failed(done).values()} == {"one.toml:2", "two.toml:1"}
    assert not any(stand_in.requests for stand_in in world.stand_ins)
    assert rows(done)["credentials.vercel"]["status"] == "ok"


def test_unknown_providers_and_destinations_are_all_named_at_once(cli, world, migrated):
    with (cli.folder / "releaseguard.toml").open("a") as file:
        file.write('[providers.sendgird]\ndestinations = ["githup:a/b", "vercel:x"]\n')
    done = cli.run("doctor", "--json")
    assert len(failed(done)) == 3
    assert "'sendgrid'" in failed(done)["configuration.providers.sendgird"]["fix"]
    assert rows(done)["vercel.reach"]["status"] == "ok"


def test_two_that_claim_one_place_are_found_before_a_rotation_is(cli, world, migrated):
    with (cli.folder / "releaseguard.toml").open("a") as file:
        file.write('[environments.staging.providers.sendgrid]\ndestinations = ["github:lovendo/app"]\n')
    found = failed(cli.run("doctor", "--json"))
    assert "both claim SENDGRID_API_KEY" in found["configuration.claims.sendgrid"]["what"]


def test_a_log_that_another_program_writes_to_is_looked_at_without_waiting(cli, world, migrated):
    with closing(sqlite3.connect(migrated, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert cli.run("doctor").code == 0


def test_writers_that_write_elsewhere_are_told_of(cli, world, migrated):
    done = cli.run("doctor", "--json", RELEASEGUARD_EVENTS_URL="sqlite:///other.db")
    assert rows(done)["events.writers"]["status"] == "warn"
    same = cli.run("doctor", "--json", RELEASEGUARD_EVENTS_URL=f"sqlite:///{migrated}")
    assert "events.writers" not in rows(same)


def test_an_address_of_no_event_log_and_one_without_an_answer_are_findings(cli, world, tmp_path):
    change(tmp_path, ("sqlite:///releaseguard.db", "mysql://h/d"))
    assert "no event log is known" in failed(cli.run("doctor", "--json"))["events.log"]["what"]
    change(tmp_path, ("mysql://h/d", "postgresql://u@127.0.0.1:1/d"))
    found = failed(cli.run("doctor", "--json"))
    assert list(found) == ["events.log"]
    assert found["events.log"]["fix"]


@pytest.mark.parametrize(
    "url", ["host=h password=hunter2secret", "postgresql://u:hunter2/secret@127.0.0.1:1/d?sslpassword=hunter2secret"]
)
def test_a_password_in_the_logs_address_is_not_shown(cli, world, tmp_path, url):
    change(tmp_path, ("sqlite:///releaseguard.db", "${RELEASEGUARD_EVENTS_URL}"))
    for flags in ((), ("--json",)):
        done = cli.run("doctor", *flags, RELEASEGUARD_EVENTS_URL=url)
        assert done.code == 1
        assert "hunter2" not in done.everything


def test_a_public_key_that_the_app_does_not_take_is_a_finding(cli, world, migrated):
    done = cli.run("doctor", "--json", SUPABASE_ANON_KEY="wrong")
    assert list(failed(done)) == ["app.key"]


def test_the_apps_database_is_looked_at_where_its_address_is_given(cli, world, migrated):
    found = failed(cli.run("doctor", "--json", APP_DATABASE_URL="postgresql://u@127.0.0.1:1/app"))
    assert list(found) == ["app.database"]
    found = failed(cli.run("doctor", "--json", APP_DATABASE_URL="postgresql://u@api.sendgrid.com/app"))
    assert "deny-list" in found["app.database"]["what"]


def test_problems_come_first_each_with_its_fix_and_quiet_prints_nothing_else(cli, world, migrated):
    done = cli.run("doctor", VERCEL_TOKEN="")
    assert done.code == 1
    assert done.out.splitlines()[0].startswith("1 problem, ")
    assert done.out.index("FAIL") < done.out.index("SKIPPED") < done.out.index("\nok ")
    assert "fix:   Set VERCEL_TOKEN." in done.out
    quiet = cli.run("doctor", "-q", VERCEL_TOKEN="")
    assert quiet.code == 1
    assert "VERCEL_TOKEN" in quiet.out
    assert "SKIPPED" not in quiet.out
    assert "\nok" not in quiet.out


@pytest.mark.parametrize("width", ["50", "120"])
def test_text_fits_the_terminal(cli, world, migrated, width):
    done = cli.run("doctor", VERCEL_TOKEN="", COLUMNS=width)
    longest = max(len(word) for word in done.out.split())
    assert all(len(line) <= max(int(width), longest + 24) for line in done.out.splitlines())


def test_a_file_takes_the_result(cli, world, migrated):
    done = cli.run("doctor", "--json", "-o", "doctor.json")
    assert done.out == ""
    assert json.loads((cli.folder / "doctor.json").read_text())["ok"] is True
    assert cli.run("doctor", "-o", "missing/doctor.json").code == 2


def test_a_reader_that_left_does_not_turn_a_problem_into_a_0(cli, world, migrated):
    process = cli.start("doctor", "--json", VERCEL_TOKEN="")
    process.stdout.close()
    assert process.wait(timeout=60) == 1
    assert "Traceback" not in process.stderr.read()
    process.stdin.close()
    process.stderr.close()


def test_ctrl_c_ends_it_at_once(cli, world, migrated):
    world.github.fail_next("GET", "/rate_limit", faults.silence(), times=9)
    change(cli.folder, ('timeout = "2s"', 'timeout = "60s"'))
    process = cli.start("doctor")
    while not world.github.requests:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    done = ended(process)
    assert done.code == 130
    assert "Traceback" not in done.err
