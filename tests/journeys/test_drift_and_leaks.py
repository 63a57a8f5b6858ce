"""Copies that went their own way, alerts, and values in a repository's history."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from datetime import timedelta

import pytest

from releaseguard.sandbox.serving import faults
from releaseguard.sandbox.serving.exchange import to_seconds

NAME = "SENDGRID_API_KEY"


def statuses(done) -> set[str]:
    return {finding["status"] for finding in done.json["findings"]}


def rotated(world, cli) -> None:
    world.new_key(NAME)
    with world.traffic(0.05):
        done = cli.run("rotate", "sendgrid", "--yes", "--json")
    assert done.json["state"] == "PROVEN", done.everything


def test_what_somebody_else_wrote_is_found_and_put_right(world, cli):
    rotated(world, cli)
    assert statuses(cli.run("drift", "--provider", "sendgrid", "--json")) == {"in_step"}
    supabase = next(uri for uri in world.destinations["sendgrid"] if uri.startswith("supabase:"))
    world.put_at(supabase, NAME, "somebody-elses-value-31")
    drifted = cli.run("drift", "--provider", "sendgrid", "--json")
    assert drifted.code == 1
    assert [f["uri"] for f in drifted.json["findings"] if f["status"] == "changed"] == [supabase]
    with world.traffic(0.05):
        pushed = cli.run("rotate", "--all-drifted", "--yes", "--json")
    assert pushed.code == 0, pushed.everything
    assert world.value_at(supabase, NAME) == world.infisical.value(NAME, 2)
    assert cli.run("drift", "--provider", "sendgrid").code == 0


def test_a_newer_version_in_the_vault_means_behind_everywhere(world, cli):
    rotated(world, cli)
    world.new_key(NAME)
    done = cli.run("drift", "--provider", "sendgrid", "--json")
    assert (done.code, statuses(done)) == (1, {"behind"})


def test_nothing_drifted_is_nothing_to_push(world, cli):
    rotated(world, cli)
    world.destinations = {"sendgrid": world.destinations["sendgrid"]}
    world.write(cli.folder, extra='\n[rotation]\nlease = "1s"\n')
    done = cli.run("rotate", "--all-drifted", "--yes")
    assert (done.code, done.out.strip()) == (0, "Nothing has drifted.")


def test_an_alert_is_mapped_to_its_rotate_command_and_closed_only_after_the_revocation(world, cli):
    world.github.add_alert("lovendo/app", "sendgrid_api_key", world.infisical.value(NAME, 1))
    found = cli.run("leaks", "--json")
    assert found.code == 1
    assert found.json["open"][0]["provider"] == "sendgrid"
    assert "rotate sendgrid --environment production --leak" in found.json["open"][0]["command"]
    world.new_key(NAME)
    with world.traffic(0.05):
        cli.run("rotate", "sendgrid", "--leak", "--reason", "alert", "--yes")
        again = cli.run("leaks", "--json")
        assert again.code == 1, "it is not revoked yet"
        assert again.json["open"][0]["command"].endswith("--confirm-revoked"), "it is not rotated twice"
        world.revoke(NAME, 1)
        done = cli.run("rotate", "sendgrid", "--confirm-revoked", "--despite-use")
    assert done.code == 0, done.everything
    assert "closed as revoked" in done.out
    assert cli.run("leaks").code == 0
    world.github.add_alert("lovendo/app", "sendgrid_api_key", world.infisical.value(NAME, 1))
    a_minute_later = world.github.clock() + timedelta(minutes=1)  # GitHub tells whole seconds, and all this takes less
    world.github.repositories["lovendo/app"].alerts[-1]["created_at"] = to_seconds(a_minute_later)
    assert cli.run("leaks", "--close-revoked").code == 1, "raised when the new value was out: it may be about that"
    late = ("leaks", "--close-revoked", "--alert", cli.run("leaks", "--json").json["open"][0]["url"])
    assert f"releaseguard {' '.join(late)}" in " ".join(cli.run("leaks").out.split())
    world.github.add_alert("lovendo/app", "mapbox_api_token", "a-value-of-another-provider")
    other = next(one["url"] for one in cli.run("leaks", "--json").json["open"] if one["provider"] == "mapbox")
    assert cli.run(*late[:-1], other).code == 4, "of that one nobody has confirmed a revocation"
    assert cli.run(*late[:-1], f"{other}0").code == 2
    assert cli.run(*late[:2], "--json").json["closed"] == []
    closed = cli.run(*late, "--json").json
    assert [one["url"] for one in closed["closed"]] == [late[-1]]
    assert [one["url"] for one in closed["open"]] == [other]
    hidden = [r.query.get("hide_secret") for r in world.github.requests if r.path.endswith("/secret-scanning/alerts")]
    assert hidden
    assert all("true" in str(one) for one in hidden), "the values of alerts are never fetched"


@pytest.mark.parametrize("asked", [("sendgrid",), ("--all", "--yes")])
def test_a_leak_that_nothing_can_replace_yet_is_told_as_open(world, cli, monkeypatch, asked):
    """Also where somebody at a terminal would be shown a plan first."""
    monkeypatch.setattr("releaseguard.cli.rotating.rotate.refuse_without_terminal", lambda: None)
    assert cli.run("rotate", *asked, "--leak", "--reason", "laptop stolen").code == 4
    assert NAME in {one["unit"] for one in cli.run("status", "--json").json["open_leaks"]}


def test_a_leak_without_a_credential_or_anybody_to_ask_is_on_record_and_can_be_taken_back(world, cli, tmp_path):
    world.new_key(NAME)
    leak = ("rotate", "sendgrid", "--leak", "--reason", "gist")
    for given in ((*leak, "--yes"), leak):
        done = cli.run(*given, **({"VERCEL_TOKEN": ""} if "--yes" in given else {}))
        assert done.code in (2, 4)
        (row,) = cli.run("status", "--json").json["open_leaks"]
    assert row["versions"] == {NAME: 1}, "known by now, and one leak all the same"
    assert "Nothing was rotated" not in cli.run("audit", "report").out
    assert (tmp_path / "postmortems" / f"{row['rotation_id']}.md").exists(), done.everything
    assert cli.run("rotate", "sendgrid", "--withdraw-leak", "--yes").code == 2, "never without a reason"
    assert cli.run("rotate", "sendgrid", "--withdraw-leak", "--reason", "a test key").code == 4, "asked for"
    assert cli.run("rotate", "sendgrid", "--withdraw-leak", "--reason", "a test key", "--yes").code == 0
    assert cli.run("status", "--json").json["open_leaks"] == []


def test_drift_names_a_new_key_and_no_push_that_would_be_refused(world, cli):
    rotated(world, cli)
    assert cli.run("rotate", "sendgrid", "--leak", "--reason", "gist", "--yes").code == 4
    world.put_at(world.destinations["sendgrid"][3], NAME, "somebody else's")
    said = cli.run("drift", "--provider", "sendgrid", "--no-copies").out
    assert "CHANGED" in said
    assert f"next: {NAME} needs a new key" in said
    assert "--all-drifted" not in said


def test_drift_names_another_value_where_the_newest_cannot_be_a_key(world, cli):
    world.infisical.put(NAME, "changeme")
    said = cli.run("drift", "--provider", "sendgrid", "--no-copies").out
    assert f"next: {NAME} cannot be a key (it is a placeholder): store the key itself as a new version" in said
    assert "--all-drifted" not in said


def test_a_repository_without_secret_scanning_does_not_hide_the_alerts_of_the_others(world, cli):
    world.github.add_repository("lovendo/docs")
    world.destinations = {"sendgrid": [*world.destinations["sendgrid"], "github:lovendo/docs"]}
    world.write(cli.folder, extra='\n[rotation]\nlease = "1s"\n')
    off = faults.answer(404, {"message": "Secret scanning is disabled on this repository."})
    world.github.fail_next("GET", "/lovendo/docs/secret-scanning", off, times=9)
    assert cli.run("leaks").code == 5, "what was not looked at is not clean"
    world.github.add_alert("lovendo/app", "sendgrid_api_key", world.infisical.value(NAME, 1))
    found = cli.run("leaks", "--json")
    assert (found.code, len(found.json.get("open", ()))) == (1, 1), found.everything
    assert "lovendo/docs" in found.json["unread"][0]


def test_a_managed_value_in_a_repositorys_history_is_found_and_never_printed(world, cli, tmp_path):
    value = world.infisical.value(NAME, 1)
    repo = tmp_path / "app"
    repo.mkdir()

    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, *arguments], cwd=repo, check=True, capture_output=True)

    git("init", "-q")
    (repo / ".env").write_text(f"KEY={value}\n")
    git("add", ".")
    git("commit", "-qm", "oops")
    git("rm", "-q", ".env")
    git("commit", "-qm", "gone")
    done = cli.run("leaks", "--repo", str(repo), "--json")
    assert done.code == 1, done.everything
    (hit,) = done.json["hits"]
    assert (hit["name"], hit["version"], hit["path"]) == (NAME, 1, ".env")
    assert value not in done.everything


@pytest.mark.parametrize("form", ["text", "json", "markdown", "sarif", "junit"])
def test_names_of_files_are_data_in_every_format(world, cli, tmp_path, form):
    value = world.infisical.value(NAME, 1)
    repo = tmp_path / "app"
    repo.mkdir()
    subprocess.run(["git", "init", "-q", str(repo)], check=True)
    for name in (b"a\n::error::b", b"\x1b[2Jc", b"\xff.env", b"\xe2\x80\xae.env", f"{value}.env".encode()):
        (repo / os.fsdecode(name)).write_text(value)
    done = cli.run("leaks", "--repo", str(repo), "--format", form)
    assert done.code == 1, done.everything
    assert value not in done.everything
    assert "\x1b" not in done.out
    assert "\u202e" not in done.out
    assert not [line for line in done.out.splitlines() if line.startswith("::")]


def test_a_clean_repository_is_clean(cli, tmp_path):
    subprocess.run(["git", "init", "-q", str(tmp_path / "clean")], check=True)
    assert cli.run("leaks", "--repo", str(tmp_path / "clean")).code == 0


def test_a_shallow_clone_is_not_called_clean(cli, tmp_path):
    whole, shallow = str(tmp_path / "whole"), str(tmp_path / "shallow")
    subprocess.run(["git", "init", "-q", whole], check=True)
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    for message in ("first", "second"):
        subprocess.run(["git", "-C", whole, *identity, "commit", "-q", "--allow-empty", "-m", message], check=True)
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{whole}", shallow], check=True)
    done = cli.run("leaks", "--repo", shallow)
    assert done.code == 3, done.everything
    assert "--unshallow" in done.out
    assert cli.run("leaks", "--repo", whole, "--json").json == {
        "hits": [],
        "whole_history": True,
        "unread": [],
        "left_out": [],
    }


def test_places_that_cannot_be_searched_for_copies_are_said_and_do_not_stop_the_search(world, cli):
    rotated(world, cli)
    other = world.supabase.add_project("not-ours")
    refusal = faults.answer(403, {"message": "no"})
    world.supabase.fail_next("GET", f"/projects/{other.ref}/secrets", refusal, times=99)
    world.github.fail_next("GET", "/lovendo/website/environments$", refusal, times=99)
    world.vercel.fail_next("GET", "^/v10/projects$", refusal, times=99)
    world.github.put("lovendo/website", NAME, "a copy")
    done = cli.run("drift", "--provider", "sendgrid", "--json")
    web = f"vercel:{world.web.id}/production,preview"
    assert {one["place"] for one in done.json["unread"]} == {
        f"supabase:{other.ref} (403)",
        "environments of github:lovendo/website (403)",
        f"the account behind {web} (403)",
    }
    assert {one["name"] for one in done.json["unread"]} == {NAME}
    copies = [one["uri"] for one in done.json["findings"] if one["status"] == "unmanaged"]
    assert copies == ["github:lovendo/website"], done.everything
    said = cli.run("drift", "--provider", "sendgrid")
    assert f"NOT SEARCHED  {NAME}" in said.out
    assert f"supabase:{other.ref} (403) could not be read" in said.out
    quick = cli.run("drift", "--provider", "sendgrid", "--no-copies", "--json")
    assert (quick.code, quick.json["unread"]) == (0, [])


def test_environments_that_might_shadow_a_secret_and_cannot_be_read_are_said(world, cli):
    rotated(world, cli)
    world.github.fail_next("GET", "/lovendo/app/environments$", faults.answer(403, {"message": "no"}), times=99)
    done = cli.run("drift", "--provider", "sendgrid", "--no-copies", "--json")
    assert done.json["unread"] == [{"name": NAME, "place": "environments of github:lovendo/app"}]
    assert done.code == 0, "not to know is no drift"


def test_a_key_that_works_after_its_confirmed_revocation_is_shown_by_everything(world, cli):
    world.new_key(NAME)
    with world.traffic(0.05):
        assert cli.run("rotate", "sendgrid", "--leak", "--reason", "gist", "--yes").code == 0
    assert cli.run("rotate", "sendgrid", "--confirm-revoked", "--despite-use").code == 0
    assert cli.run("drift", "--provider", "sendgrid").code == 0
    assert cli.run("audit", "show", "--json").json["still_used"] == []
    old = ("events", "log", "sendgrid", "sendgrid_email_sent", "success", "--source", "cron")
    assert cli.run(*old, "--detail", "secret_version=1").code == 0
    drift = cli.run("drift", "--provider", "sendgrid", "--json")
    assert drift.code == 1
    (still,) = drift.json["still_used"]
    assert (still["provider"], still["unit"], still["successes"], still["source"]) == ("sendgrid", NAME, 1, "cron")
    assert "STILL USED" in cli.run("drift", "--provider", "sendgrid").out
    audit = cli.run("audit", "show", "--json")
    assert audit.json["still_used"] == [still]
    assert audit.json["open_leaks"] == [], "the confirmation is on record all the same"
    assert "STILL USED  sendgrid in production" in cli.run("audit", "show").out
    open_now = cli.run("status", "--json")
    assert (open_now.code, [one["unit"] for one in open_now.json["still_used"]]) == (1, ["SENDGRID_API_KEY"])
    assert "IN USE    SENDGRID_API_KEY" in cli.run("status").out
    again = cli.run("rotate", "sendgrid", "--confirm-revoked", "--despite-use", "--json")
    assert (again.code, again.json["state"]) == (1, "RETIRED"), again.everything
    assert [
        one["old_successes"] for one in cli.run("audit", "show", "--json").json["rotations"][0]["confirmations"]
    ] == [
        0,
        1,
    ]
    report = cli.run("audit", "report").out
    assert "1 success with it occurred after that" in report
    assert "and has been used since" in report
    assert 'class="banner warn"' in cli.run("audit", "report", "--format", "html").out


def test_an_alert_is_not_closed_while_the_old_key_still_works(world, cli):
    rotated(world, cli)
    world.github.add_alert("lovendo/app", "sendgrid_api_key", world.infisical.value(NAME, 1))
    world.github.fail_next("GET", "/secret-scanning/alerts", faults.answer(403, {"message": "no"}))
    assert "could not be looked at" in cli.run("rotate", "sendgrid", "--confirm-revoked", "--despite-use").out
    old = ("events", "log", "sendgrid", "sendgrid_email_sent", "success", "--source", "cron")
    cli.run(*old, "--detail", "secret_version=1")
    done = cli.run("rotate", "sendgrid", "--confirm-revoked", "--despite-use")
    assert done.code == 1, done.everything
    assert "closed as revoked" not in done.out
    assert len(cli.run("leaks", "--json").json["open"]) == 1


def test_a_leak_rotation_that_was_killed_is_reported_by_the_run_that_finishes_it(world, cli, tmp_path):
    world.new_key(NAME)
    leak = ("rotate", "sendgrid", "--leak", "--reason", "gist", "--yes", "--prove-within", "1s")
    assert cli.run(*leak).code == 3
    with sqlite3.connect(tmp_path / "releaseguard.db") as database:  # as if it had been killed before its report
        last = "rowid >= (select rowid from integration_events where event = 'leak_exposure')"
        database.execute(f"delete from integration_events where provider = 'releaseguard' and {last}")
    shutil.rmtree(tmp_path / "postmortems")
    with world.traffic(0.05):
        resumed = cli.run("rotate", "sendgrid", "--resume")
    assert "held by" in resumed.out, resumed.everything
    (page,) = (tmp_path / "postmortems").glob("*.md")
    assert "New version proven" in page.read_text()
    assert cli.run("rotate", "sendgrid", "--confirm-revoked", "--despite-use").code == 0
    assert "confirmed as revoked" in page.read_text(), "the post-mortem tells how it ended"


def test_a_workflow_of_the_apps_that_writes_the_same_secret_is_told_by_drift_plan_and_doctor(world, cli):
    folder = cli.folder / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / "deploy-supabase.yml").write_text(
        "jobs:\n  deploy:\n    steps:\n      - run: supabase secrets set SENDGRID_API_KEY=$SENDGRID_API_KEY\n"
    )
    world.new_key("SENDGRID_API_KEY")
    where = ".github/workflows/deploy-supabase.yml:4"
    planned = cli.run("rotate", "sendgrid", "--dry-run")
    assert where in planned.out, planned.everything
    drifted = cli.run("drift", "--json")
    [found] = drifted.json["other_writers"]
    assert (found["command"], found["names"]) == ("supabase secrets set", ["SENDGRID_API_KEY"])
    assert where in cli.run("drift").out
    assert where in cli.run("doctor").everything


def test_a_workflow_of_a_repository_that_is_no_checkout_is_read_through_githubs_api(world, cli):
    line = "      - run: supabase secrets set SENDGRID_API_KEY=$SENDGRID_API_KEY\n"
    world.github.repositories["lovendo/app"].files = {"deploy.yml": f"jobs:\n  deploy:\n    steps:\n{line}"}
    [found] = cli.run("drift", "--json").json["other_writers"]
    assert found["file"] == "github:lovendo/app .github/workflows/deploy.yml"
    assert "Take them out of it" in cli.run("drift").out
    assert "github:lovendo/app .github/workflows/deploy.yml:4" in cli.run("doctor").everything
    world.new_key(NAME)
    assert "github:lovendo/app .github/workflows/deploy.yml:4" in cli.run("rotate", "sendgrid", "--dry-run").out
    world.github.fail_next("GET", "/contents/", faults.answer(403, {"message": "no"}))
    planned = cli.run("rotate", "sendgrid", "--dry-run")
    assert (planned.code, "github:lovendo/app (403): its workflows may not be read" in planned.out) == (0, True)
    world.github.fail_next("GET", "/contents/", faults.answer(403, {"message": "no"}))
    assert {"name": "its workflows", "place": "github:lovendo/app (403)"} in cli.run("drift", "--json").json["unread"]


def test_a_copy_under_another_name_is_found_by_its_value_where_a_service_shows_it(world, cli):
    rotated(world, cli)
    value = world.infisical.value(NAME, 2)
    places = [uri for uri in world.destinations["sendgrid"] if uri.startswith(("supabase:", "vercel:"))]
    for uri in places:
        world.put_at(uri, "MAILER_PASSWORD", value)
    done = cli.run("drift", "--provider", "sendgrid", "--json")
    found = [one for one in done.json["findings"] if one["status"] == "unmanaged"]
    assert {one["name"] for one in found} == {"MAILER_PASSWORD"}
    assert {one["uri"].partition(":")[0] for one in found} == {"supabase", "vercel"}
    assert all(f"holds the value of {NAME}" in one["reason"] for one in found)
    assert value not in done.everything
    assert done.code == 1
    assert "MAILER_PASSWORD" not in cli.run("drift", "--provider", "sendgrid", "--no-copies").everything
