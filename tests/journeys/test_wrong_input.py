"""What a tired person gets to read when something is set up wrongly."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys

import pytest

from releaseguard.eventlog.interface import Query
from releaseguard.model import OURSELVES


def test_without_a_configuration_the_defaults_hold_and_what_is_missing_is_said(tmp_path, cli):
    (tmp_path / "releaseguard.toml").unlink()
    done = cli.run("rotate", "sendgrid", "--yes", RELEASEGUARD_CONFIG="")
    assert done.code == 2
    assert "no destinations" in done.err or "project_id" in done.err


def test_a_malformed_card_is_named_with_file_line_and_key(tmp_path, cli):
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks" / "acme.toml").write_text('id = "acme"\nname = "Acme"\nhosts = ["acme.example"]\nevnts = 1\n')
    done = cli.run("verify")
    assert done.code == 2
    assert "acme.toml:4" in done.err
    assert "Did you mean 'events'?" in done.err


def test_a_provider_that_no_card_describes_is_named_with_its_line_and_the_nearest(tmp_path, cli):
    path = tmp_path / "releaseguard.toml"
    path.write_text(path.read_text() + '\n[providers.twlio]\ndestinations = ["github:o/r"]\n')
    done = cli.run("verify")
    assert done.code == 2
    assert f"releaseguard.toml:{len(path.read_text().splitlines()) - 1}" in done.err
    assert "Did you mean 'twilio'?" in done.err


def test_a_providers_host_in_the_configuration_is_refused_with_the_cards_name(tmp_path, cli):
    path = tmp_path / "releaseguard.toml"
    path.write_text(path.read_text() + '\n[environments.x]\ngithub.url = "https://API.SendGrid.com."\n')
    done = cli.run("rotate", "sendgrid", "--environment", "x", "--yes")
    assert done.code == 4
    assert "sendgrid" in done.err
    assert "[github] url" in done.err


@pytest.mark.parametrize("command", [("drift",), ("rotate", "sendgrid", "--yes"), ("rotate", "--all-drifted", "--yes")])
def test_an_environment_that_the_file_does_not_name_is_not_taken_for_another(cli, command):
    done = cli.run(*command, "--environment", "prodction")
    assert done.code == 2
    assert "no environment is called prodction" in done.err
    assert "'production'" in done.err


def test_an_event_log_that_cannot_be_written_is_named(tmp_path, cli):
    (tmp_path / "folder").mkdir()
    path = tmp_path / "releaseguard.toml"
    path.write_text(path.read_text().replace("sqlite:///releaseguard.db", "sqlite:///folder"))
    done = cli.run("rotate", "sendgrid", "--yes")
    assert done.code in {2, 5}
    assert "folder" in done.err
    assert "next:" in done.err


def test_a_table_of_the_wrong_shape_is_named_with_the_column(tmp_path, cli):
    database = tmp_path / "other.db"
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE integration_events (id TEXT PRIMARY KEY, provider TEXT)")
    connection.close()
    path = tmp_path / "releaseguard.toml"
    path.write_text(path.read_text().replace("sqlite:///releaseguard.db", "sqlite:///other.db"))
    done = cli.run("verify")
    assert done.code == 2
    assert "occurred_at" in done.err or "event" in done.err
    assert "migrate" in done.err


def test_no_deployment_in_the_log_says_how_to_mark_one(cli):
    done = cli.run("verify")
    assert done.code == 2
    assert "events deployed --release" in done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["rotate"],
        ["rotate", "sendgrid", "--leak", "--yes"],
        ["rotate", "sendgrid", "--resume", "--abort"],
        ["rotate", "sendgrid", "--raw", "--yes"],
        ["rotate", "sendgrid", "--secret", "SENDGRID_API_KY", "--yes"],
        ["rotate", "sendgrid", "--resume", "--dry-run"],
        ["rotate", "sendgrid", "--abort", "--dry-run"],
        ["rotate", "sendgrid", "--rollback", "--dry-run"],
        ["rotate", "sendgrid", "--confirm-revoked", "--dry-run"],
        ["rotate", "sendgrid", "--confirm-revoked", "--leak", "--reason", "gist"],
        ["rotate", "--all-drifted", "--leak", "--reason", "gist", "--yes"],
        ["rotate", "--all-drifted", "--secret", "SENDGRID_API_KEY", "--yes"],
        ["rotate", "--all-drifted", "--resume"],
        ["rotate", "--all-drifted", "--from", "stdin", "--yes"],
        ["verify", "--within", "1m"],
        ["verify", "--as-of", "yesterday"],
        ["verify", "--check", "sendgrid.error"],
        ["verify", "--watch", "--as-of", "2026-11-24T10:00:00Z"],
        ["frobnicate"],
    ],
)
def test_words_that_do_not_fit_are_usage_errors(cli, arguments):
    done = cli.run(*arguments)
    assert done.code == 2, done.everything
    assert "Traceback" not in done.everything


def test_proxy_variables_are_ignored_and_said_to_be(world, cli):
    done = cli.run("drift", HTTPS_PROXY="http://127.0.0.1:9", http_proxy="http://127.0.0.1:9")
    assert "HTTPS_PROXY" in done.err
    assert done.code in {0, 1}


@pytest.mark.parametrize("given", [b"", b"\n\n", b" \t\n", b"SG.\xff\xfe"])
def test_what_is_no_value_on_standard_input_is_a_usage_error_and_nothing_is_written(tmp_path, cli, given):
    (tmp_path / "given").write_bytes(given)
    with (tmp_path / "given").open("rb") as source:
        done = _with_standard_input(cli, source, "rotate", "sendgrid", "--from", "stdin", "--yes", "--json")
    assert done.returncode == 2, done.stdout
    assert b"standard input" in done.stdout


def test_a_closed_standard_input_is_no_bug(cli):
    done = _with_standard_input(cli, None, "rotate", "sendgrid", "--from", "stdin", "--yes")
    assert done.returncode == 2, done.stderr
    done = _with_standard_input(cli, None, "rotate", "sendgrid")
    assert done.returncode == 4, done.stderr


def _with_standard_input(cli, source, *arguments):
    words = [sys.executable, "-m", "releaseguard", *arguments]
    if source is None:
        words = ["/bin/sh", "-c", 'exec "$@" <&-', "sh", *words]
    environ = {"PATH": os.environ["PATH"], "HOME": str(cli.folder), **cli.environ}
    return subprocess.run(words, cwd=cli.folder, env=environ, stdin=source, capture_output=True, check=False)


def test_a_value_that_only_the_provider_issues_is_not_made_up_and_nothing_is_begun(cli, log):
    done = cli.run("rotate", "sendgrid", "--from", "generate", "--yes")
    assert done.code == 2, done.everything
    assert "issued by the provider" in done.err
    assert not list(log.select(Query(providers=(OURSELVES,))))


def test_a_job_summary_that_cannot_be_written_does_not_spoil_the_rotation(tmp_path, cli):
    summary = str(tmp_path / "absent" / "summary")
    done = cli.run("rotate", "sendgrid", "--yes", "--prove-within", "1s", GITHUB_STEP_SUMMARY=summary)
    assert done.code == 3, done.everything
    assert "job summary" in done.err


def test_sources_of_what_is_no_destination_are_named_with_the_nearest(tmp_path, cli):
    path = tmp_path / "releaseguard.toml"
    path.write_text(path.read_text().replace('" = ["web"]', 'y" = ["web"]'))
    done = cli.run("rotate", "sendgrid", "--dry-run")
    assert done.code == 0, done.everything
    assert done.err.count("Did you mean 'vercel:prj_") == 1
    assert "releaseguard.toml:" in done.err


def test_sources_may_name_the_targets_in_any_order(tmp_path, cli):
    path = tmp_path / "releaseguard.toml"
    path.write_text(path.read_text().replace('" = ["web"]', '/preview,production" = ["web"]'))
    assert cli.run("rotate", "sendgrid", "--dry-run").code == 0


def test_a_value_that_one_destination_cannot_hold_is_written_nowhere(cli, world):
    world.new_key("SENDGRID_API_KEY")
    done = cli.run("rotate", "sendgrid", "--from", "stdin", "--yes", stdin="x" * 30_000)
    assert done.code == 4, done.everything
    assert "longer than the 24576 characters" in done.err
    assert "next:" in done.err
    services = (world.infisical, world.github, world.vercel, world.supabase)
    written = [request.path for service in services for request in service.requests if request.writes]
    assert [path for path in written if "login" not in path] == []


def test_who_says_no_at_the_terminal_has_refused_and_nothing_is_written(tmp_path, cli, world):
    world.new_key("SENDGRID_API_KEY")
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "releaseguard", "rotate", "sendgrid"]
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **cli.environ}
    with os.fdopen(ours, "wb", closefd=True) as keyboard:
        process = subprocess.Popen(
            command, cwd=tmp_path, env=environ, stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs
        )
        os.close(theirs)
        keyboard.write(b"n\n")
        keyboard.flush()
        assert process.wait(timeout=60) == 4
    assert not any(request.writes for request in world.github.requests)
